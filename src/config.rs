//! The checked configuration, which the rest of the program takes by reference.
//!
//! `file` is the file as written. `check` makes the checked configuration of it: its values are in range and fit together.
//! Reading opens only the file and that with the tokens, and logs nothing. It never falls back to defaults: a mistake is an error with its place.

mod check;
mod detection;
mod diagnostic;
mod exposure;
mod file;
pub mod labels;
pub mod line;
pub mod mask;
mod messages;
mod model;
mod mqtt;
mod names;
mod processor;
mod read;
mod stage_table;
mod template;
mod tree;
mod v4l2;
pub mod value;
pub mod violation;
mod webhook;
pub mod zone;

use std::{
    collections::BTreeMap,
    env,
    error::Error,
    fmt,
    fs::File,
    io::{self, Read},
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use crate::{
    access::{
        Policy,
        store::{self, TokensError},
        tokens::Tokens,
    },
    counting, event_log,
    model::manifest::Manifest,
    stage::Stages,
};

pub use self::{
    detection::Detection,
    diagnostic::{Diagnostic, Diagnostics, Position},
    labels::LabelFilter,
    line::Line,
    mask::Mask,
    mqtt::{Broker, Mqtt, Pictures, Results},
    processor::{MAIN, Processor, ProcessorStages},
    template::{Placeholder, Template},
    v4l2::{CameraFormat, ControlValue, DeviceName, V4l2},
    webhook::{Body, Webhook},
};

/// A whole configuration. Every value in it is in range; what depends on the board (does that core exist?) is
/// found out at the start.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// What is accepted and should not stay: what the next version will refuse, and what has no effect.
    pub warnings: Option<Diagnostics>,
    /// `[server]`: the WebSocket port.
    pub server: Server,
    /// `[http]`, if it is there: the port that people and monitoring look at.
    pub http: Option<Http>,
    /// `[tls]`, if it is there: both ports speak TLS.
    pub tls: Option<Tls>,
    /// `[events]`: how many events are kept, with their pictures.
    pub events: event_log::Limits,
    /// `[[webhook]]`: servers that get events, names all different.
    pub webhooks: Vec<Webhook>,
    /// `[mqtt]`, if it is there: a broker that gets states, events and pictures.
    pub mqtt: Option<Mqtt>,
    /// `[[processor]]`: where the processors run, `main` first, names all different.
    pub processors: Vec<Processor>,
    /// `[log]`: what is logged.
    pub log: Log,
    /// `[model.NAME]`: networks that stages can use. One that none uses costs nothing.
    pub models: BTreeMap<String, Manifest>,
    /// `[[camera]]`, at least one, names all different.
    pub cameras: Vec<Camera>,
    /// What is in `server.tokens_file`; `None` if there is no such file.
    pub tokens: Option<Arc<Tokens>>,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// No such file.
    #[error("there is no file {0}; to begin, copy deploy/fovea.toml, whose comments explain every key")]
    Missing(PathBuf),
    /// It cannot be read.
    #[error("cannot read the configuration {path}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// More than a configuration can be. Not read any further.
    #[error("{0} is larger than 1 MiB: it cannot be a configuration of fovea")]
    TooLarge(PathBuf),
    /// What is wrong in it.
    #[error(transparent)]
    Diagnostics(#[from] Diagnostics),
    /// What is wrong with the tokens.
    #[error(transparent)]
    Tokens(#[from] TokensError),
    /// Both have mistakes.
    #[error("{0}\n{chain}", chain = Chain(.1))]
    Both(Diagnostics, TokensError),
}

/// An error of the tokens with its source: it is not the last of a chain.
struct Chain<'a>(&'a TokensError);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.source() {
            Some(source) => write!(f, "{}: {source}", self.0),
            None => self.0.fmt(f),
        }
    }
}

/// What some Windows editors begin a file with.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// The name of the tokens' file as a credential of systemd.
const CREDENTIAL: &str = "tokens";

impl Config {
    /// The configuration in the file at `path`, with the tokens. Reads at most 1 MiB of each. It does not check what depends
    /// on the board, such as whether a core exists.
    ///
    /// # Errors
    /// If one of the files is missing, unreadable or invalid.
    pub fn load(path: &Path) -> Result<Self, LoadError> {
        let bytes = read_bounded(path)?;
        let mut tokens = Ok(None);
        let has_tokens = |file: &Path| {
            tokens = load_tokens(&beside(path, file));
            !matches!(tokens, Ok(None)) // mistakes in it are told, and not that it is missing
        };
        let config = Self::parse_bytes(&path.display().to_string(), &bytes, has_tokens);
        match (config, tokens) {
            (Ok(config), Ok(tokens)) => Ok(Self { tokens: tokens.map(Arc::new), ..config.with_files_beside(path) }),
            (Ok(_), Err(tokens)) => Err(tokens.into()),
            (Err(config), Ok(_)) => Err(config.into()),
            (Err(config), Err(tokens)) => Err(LoadError::Both(config, tokens)),
        }
    }

    /// The same without the tokens, which not every user may read: they could be there, and open the ports.
    ///
    /// # Errors
    /// If the file is missing, unreadable or invalid.
    pub fn load_without_tokens(path: &Path) -> Result<Self, LoadError> {
        let bytes = read_bounded(path)?;
        Ok(Self::parse_bytes(&path.display().to_string(), &bytes, |_| true)?.with_files_beside(path))
    }

    /// The same for any user: without the tokens, and with the reason, if this one may not read them.
    ///
    /// # Errors
    /// As [`Config::load`] does, but for that.
    pub fn load_readable(path: &Path) -> Result<(Self, Option<TokensError>), LoadError> {
        match Self::load(path) {
            Err(LoadError::Tokens(error)) if error.is_permission_denied() => {
                Ok((Self::load_without_tokens(path)?, Some(error)))
            }
            loaded => Ok((loaded?, None)),
        }
    }

    /// The same with the paths of files for webhooks and MQTT, which begin at the folder of the configuration in the file at `path`, unless
    /// systemd passes a credential of that name.
    fn with_files_beside(mut self, path: &Path) -> Self {
        for Webhook { authorization_file, secret_file, ca, .. } in &mut self.webhooks {
            for file in [authorization_file, secret_file, ca].into_iter().flatten() {
                *file = credential(file).unwrap_or_else(|| beside(path, file));
            }
        }
        if let Some(Mqtt { password_file, ca, identity, .. }) = &mut self.mqtt {
            for file in [password_file, ca].into_iter().flatten().chain(identity.iter_mut().flatten()) {
                *file = credential(file).unwrap_or_else(|| beside(path, file));
            }
        }
        let of_cameras = self.cameras.iter_mut().flat_map(|camera| camera.models.values_mut());
        for model in self.models.values_mut().chain(of_cameras) {
            model.file = beside(path, &model.file);
        }
        self
    }

    /// The manifest in a file that has the keys of one model's table and nothing else.
    ///
    /// # Errors
    /// If the file is missing, unreadable or invalid.
    pub fn load_manifest(path: &Path) -> Result<Manifest, LoadError> {
        let bytes = read_bounded(path)?;
        let mut manifest = Self::parse_manifest(&path.display().to_string(), &bytes)?;
        manifest.file = beside(path, &manifest.file);
        Ok(manifest)
    }

    /// The manifest in `bytes`; `name` is the file's, for the findings.
    pub(crate) fn parse_manifest(name: &str, bytes: &[u8]) -> Result<Manifest, Diagnostics> {
        let text = str::from_utf8(bytes).map_err(|error| Diagnostics::not_text(name, bytes, error))?;
        let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
        read::read_manifest(text).map_err(|mistakes| Diagnostics::new(name, mistakes))
    }

    /// Where the tokens of the configuration in the file at `path` are.
    #[must_use]
    pub fn tokens_path(&self, path: &Path) -> PathBuf {
        beside(path, &self.server.tokens_file)
    }

    /// What it says about who may use the ports.
    #[must_use]
    pub fn policy(&self) -> Policy {
        let allow_anonymous =
            [self.server.allow_anonymous, self.http.as_ref().is_some_and(|http| http.allow_anonymous)];
        Policy { tokens: self.tokens.clone(), allow_anonymous }
    }

    /// Whether the WebSocket port may be at `address`: everybody who can reach it could send and watch.
    #[must_use]
    pub fn may_listen_at(&self, address: SocketAddr) -> bool {
        self.server.allow_anonymous || self.tokens.is_some() || is_local(address)
    }

    /// The configuration in `bytes`, which may be no text.
    pub(crate) fn parse_bytes(
        name: &str,
        bytes: &[u8],
        has_tokens: impl FnOnce(&Path) -> bool,
    ) -> Result<Self, Diagnostics> {
        let text = str::from_utf8(bytes).map_err(|error| Diagnostics::not_text(name, bytes, error))?;
        Self::parse_text(name, text, has_tokens)
    }

    /// The configuration in `text`, without tokens; `name` is the file's, for the findings.
    ///
    /// # Errors
    /// All that is wrong, at once.
    pub fn parse(name: &str, text: &str) -> Result<Self, Diagnostics> {
        Self::parse_text(name, text, |_| false)
    }

    fn parse_text(name: &str, text: &str, has_tokens: impl FnOnce(&Path) -> bool) -> Result<Self, Diagnostics> {
        let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
        let (config, warnings) = read::read(text, has_tokens).map_err(|mistakes| Diagnostics::new(name, mistakes))?;
        let warnings = (!warnings.is_empty()).then(|| Diagnostics::new(name, warnings));
        Ok(Self { warnings, ..config })
    }
}

/// The path that `file`, written in the configuration at `path`, stands for.
fn beside(path: &Path, file: &Path) -> PathBuf {
    path.parent().unwrap_or(Path::new("")).join(file)
}

/// The tokens that systemd passes to this process, or else those in the file at `path`.
fn load_tokens(path: &Path) -> Result<Option<Tokens>, TokensError> {
    credential(Path::new(CREDENTIAL))
        .map_or_else(|| store::load(path), |credential| store::load_credential(&credential))
}

/// The credential of this name, if the unit passes one.
fn credential(name: &Path) -> Option<PathBuf> {
    let path = Path::new(&env::var_os("CREDENTIALS_DIRECTORY")?).join(name);
    path.exists().then_some(path)
}

fn read_bounded(path: &Path) -> Result<Vec<u8>, LoadError> {
    const LARGEST: u64 = 1024 * 1024;
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes));
    match read {
        Ok(read) if read as u64 > LARGEST => Err(LoadError::TooLarge(path.to_owned())),
        Ok(_) => Ok(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(LoadError::Missing(path.to_owned())),
        Err(source) => Err(LoadError::Unreadable { path: path.to_owned(), source }),
    }
}

/// The WebSocket port and the limits of those who connect to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Server {
    /// Address and port (0: any free one); anything but loopback needs tokens or `allow_anonymous`. Default `127.0.0.1:8999`.
    pub listen: SocketAddr,
    /// Whoever reaches the port may send and read, without a token. Default no.
    pub allow_anonymous: bool,
    /// The file with the tokens, relative to the configuration's folder. Default `tokens`.
    pub tokens_file: PathBuf,
    /// Web origins (`https://host:port`, `null`) whose pages may connect besides pages of the same host. Default none.
    pub allowed_origins: Vec<String>,
    /// Clients at one time; see [`places`](crate::system::places). Default 16.
    pub max_clients: usize,
    /// Bytes of the largest message accepted. Default 8 MiB: a raw 1080p BGR picture fits.
    pub max_message_bytes: usize,
    /// Pixels of the largest picture accepted. Default 4096 x 4096.
    pub max_pixels: u64,
    /// Pixels of the longest side accepted. Default 8192.
    pub max_side_px: u32,
    /// Time from connecting to the end of the request. Default 5 s.
    pub handshake_timeout: Duration,
    /// Time from a message's first byte to its last. Default 10 s.
    pub message_timeout: Duration,
    /// Time without a sign of life; after half of it the client is pinged. Default 60 s.
    pub idle_timeout: Duration,
    /// Bytes that may wait for one reader before its oldest results are dropped. Default 256 KiB.
    pub outbox_bytes: usize,
}

/// Whether only this machine reaches the address.
fn is_local(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

/// The port that people and monitoring look at, and the limits of those who do.
#[derive(Clone, Debug, PartialEq)]
pub struct Http {
    /// Address and port (0: any free one); anything but loopback needs tokens or `allow_anonymous`. Default `127.0.0.1:8080`.
    pub listen: SocketAddr,
    /// Whoever reaches the port may watch, without a token. Default no.
    pub allow_anonymous: bool,
    /// Names of this board that somebody else could own as well, by which browsers may ask for it. Default none.
    pub allowed_hosts: Vec<String>,
    /// Requests that are answered at one time, streams among them; see [`places`](crate::system::places). Default 32: an open
    /// page has two streams (pictures, events), and asks for more now and then.
    pub max_clients: usize,
}

/// TLS of both ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The certificate, with those between it and its authority, and its key, both in PEM. If not given, fovea makes its own.
    pub files: Option<[PathBuf; 2]>,
}

/// What is logged.
#[derive(Clone, Debug, PartialEq)]
pub struct Log {
    /// The least important level that is logged. Default `info`.
    pub level: log::LevelFilter,
}

/// A named stream of frames and what is looked for in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Camera {
    /// 1 to 32 of `a-z 0-9 - _`, beginning with a letter or digit.
    pub name: String,
    /// Whether its stages look at its frames at the start. Default yes.
    pub detection: Detection,
    /// `[camera.v4l2]`, if it is there: the camera is plugged into this machine. If not, its frames come over WebSocket.
    pub v4l2: Option<V4l2>,
    /// `[[camera.mask]]`: what nobody gets to see. Default none.
    pub masks: Vec<Mask>,
    /// What is looked for in its frames, one table each: `[camera.motion]` and so on.
    pub stages: Stages,
    /// The same by processor, in the order of [`Config::processors`]; never empty. The first one's results are those of the
    /// camera, and tell its senders that frames were taken.
    pub processors: Vec<ProcessorStages>,
    /// The models that its stages use.
    pub models: BTreeMap<String, Manifest>,
    /// `[[camera.line]]`: where tracks are counted.
    pub lines: Vec<Line>,
}

impl Camera {
    /// The kinds of the events that it can have, besides those that clients trigger.
    #[must_use]
    pub fn event_kinds(&self) -> Vec<&'static str> {
        let zones: Vec<_> = self.stages.zones().into_iter().map(|(_, zone)| zone).collect();
        let counting = counting::event_kinds(&self.lines, &zones);
        self.stages.event_kinds().into_iter().chain(counting).collect()
    }

    /// Whether it has masks over what a network calls so, wherever that goes.
    #[must_use]
    pub fn has_moving_masks(&self) -> bool {
        self.masks.iter().any(Mask::is_moving)
    }
}

//! Why a live source does not deliver, and the limits that it is held to.

use std::{io, path::PathBuf, time::Duration};

use crate::{frame::RawError, tls::trust::TrustError};

/// The largest picture of a live source, and so the memory that one may take.
pub(super) const MAX_PICTURE_BYTES: u64 = 16 << 20;

/// How long a server may take to answer, and how long it may then send nothing.
pub(super) const SILENCE_TIMEOUT: Duration = Duration::from_secs(10);

/// The shortest pause after a refused login. Cameras lock out whoever tries too often.
const LOGIN_PAUSE: Duration = Duration::from_secs(30);

/// Why a live source does not deliver.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A file, pipe or device does not open.
    #[error("cannot open {}", .0.display())]
    Open(PathBuf, #[source] io::Error),
    /// Reading fails.
    #[error("cannot read further")]
    Read(#[source] io::Error),
    /// Standard input is a keyboard.
    #[error("standard input is a terminal; let a program write pictures into it: PROGRAM | fovea send URL -")]
    Terminal,
    /// No raw picture can have this size.
    #[error("no such pictures")]
    Raw(#[from] RawError),
    /// A raw picture of more bytes than any picture may have.
    #[error("a picture of {0} bytes is larger than {MAX_PICTURE_BYTES} bytes")]
    RawTooLarge(usize),
    /// Not a URL of HTTP.
    #[error("not a URL; write http://HOST[:PORT]/PATH or https://...")]
    Url,
    /// The file with the login has none.
    #[error("{} has no line USER:PASSWORD", .0.display())]
    LoginFile(PathBuf),
    /// TLS cannot be set up.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The name of the host is unknown.
    #[error("cannot resolve the host name")]
    UnknownHost,
    /// No connection.
    #[error("no connection")]
    Connect(#[source] io::Error),
    /// The server's certificate is not trusted.
    #[error("its certificate is not trusted ({0}); give it with --ca FILE, or trust any with --insecure")]
    Certificate(String),
    /// No answer in time.
    #[error("no answer within {} s", SILENCE_TIMEOUT.as_secs())]
    NoAnswer,
    /// The answer's header is too long.
    #[error("the header of its answer has no end")]
    EndlessAnswer,
    /// Redirects lead to redirects.
    #[error("it redirects without end")]
    RedirectLoop,
    /// What answers is no HTTP server.
    #[error("the program that answers is not an HTTP server")]
    NotHttp(#[source] Box<ureq::Error>),
    /// The server answers with another status.
    #[error("it answers {0}")]
    Status(String),
    /// The server wants a login, and there is none.
    #[error("it requires a login; give --login FILE with a line USER:PASSWORD, or FOVEA_LOGIN in the environment")]
    LoginNeeded,
    /// The server does not accept the login.
    #[error("it refuses the login of the user {0:?}")]
    LoginRefused(String),
    /// The server wants a kind of login that this program has not.
    #[error("it requires another kind of login than basic and digest ({0})")]
    LoginKind(String),
    /// Another server wants a login.
    #[error("it redirects to {0}, which requires a login; give that server's URL")]
    LoginElsewhere(String),
    /// The content is something else.
    #[error("it answers with {0} instead of a stream or a picture")]
    NotPictures(String),
    /// The stream has no boundary.
    #[error("no boundary between the parts of its stream")]
    NoBoundary,
    /// The header of a part is too long.
    #[error("the header of a part of its stream has no end")]
    EndlessHeader,
    /// A picture is too large, or has no end.
    #[error("a picture has no end within {} MiB", MAX_PICTURE_BYTES >> 20)]
    TooLarge,
    /// No JPEG in the stream.
    #[error("no JPEG within {} MiB; if these are raw pictures, give --format and --size", MAX_PICTURE_BYTES >> 20)]
    NoJpeg,
    /// The server sends nothing more.
    #[error("it has sent nothing for {} s", SILENCE_TIMEOUT.as_secs())]
    Stalled,
    /// The stream breaks off.
    #[error("its stream breaks off")]
    Broken(#[source] io::Error),
    /// The stream ends.
    #[error("its stream ends")]
    Ended,
}

impl SourceError {
    /// The shortest pause before the next attempt.
    pub(super) fn least_pause(&self) -> Duration {
        match self {
            Self::LoginNeeded | Self::LoginRefused(_) | Self::LoginElsewhere(_) => LOGIN_PAUSE,
            _ => Duration::ZERO,
        }
    }

    /// Whether it may be gone by itself: of a server, in any case.
    pub(super) fn is_temporary(&self) -> bool {
        !matches!(self, Self::Open(..) | Self::Read(_))
    }
}

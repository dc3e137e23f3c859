//! Live sources: where pictures come from, each read by a thread of its own from its first byte to its end.

use std::{
    fs,
    os::unix::fs::FileTypeExt,
    path::{Path, PathBuf},
};

use super::{
    PictureSize, SendError,
    sink::Sink,
    source_error::{MAX_PICTURE_BYTES, SourceError},
};
use crate::{
    commands::{RawFormat, SendArgs},
    frame::{PixelFormat, Size},
};

mod bytes;
mod capture_time;
mod framing;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod growing_file;
mod http;
mod login;
mod multipart;

use framing::Framing;
use http::HttpSource;

/// A live source.
pub(super) struct Source {
    name: String,
    framing: Framing,
    kind: Kind,
}

enum Kind {
    Stdin(fs::File),
    /// A device, a socket.
    Device(PathBuf),
    /// A named pipe.
    Pipe(PathBuf),
    Growing(PathBuf),
    Http(Box<HttpSource>),
}

impl Source {
    /// The live source that the arguments name; `None` if they name recordings.
    ///
    /// # Errors
    /// If the arguments do not belong together, or say nothing that can be read.
    pub(super) fn from_args(args: &SendArgs) -> Result<Option<Self>, SendError> {
        let kinds: Vec<_> = args.sources.iter().map(|source| (source, LiveKind::of(source, args.follow))).collect();
        let is_http = kinds.iter().any(|(_, kind)| *kind == Some(LiveKind::Http));
        if !is_http && args.login.is_some() {
            return Err(SendError::Usage("--login is for a source with http:// or https://"));
        }
        let trust = &args.trust;
        let is_trusting = trust.ca.is_some() || trust.fingerprint.is_some() || trust.insecure;
        if !is_http && !args.url.is_tls() && is_trusting {
            return Err(SendError::Usage(
                "--ca, --fingerprint and --insecure are for a source with https://, or a server with wss://",
            ));
        }
        let [(path, Some(kind))] = kinds.as_slice() else {
            return match () {
                () if kinds.iter().any(|(_, kind)| kind.is_some()) => Err(SendError::Usage(
                    "a live source cannot be combined with others; start a command for each camera",
                )),
                () if args.format.is_some() => Err(SendError::Usage(
                    "--format is for live sources; for a file that grows, add --follow; a whole file goes in by `- < FILE`",
                )),
                () if args.retry => Err(SendError::Usage("--retry is for live sources; --loop repeats a recording")),
                () => Ok(None),
            };
        };
        if args.repeat {
            return Err(SendError::Usage("--loop is for recordings; --retry opens a live source again at its end"));
        }
        let name = if *kind == LiveKind::Stdin { "standard input".into() } else { path.display().to_string() };
        let fail = |name: &str, error| SendError::Source(name.to_owned(), error);
        let framing = framing(args.format.zip(args.size)).map_err(|e| fail(&name, e))?;
        let (name, kind) = match kind {
            LiveKind::Stdin => (name.clone(), Kind::Stdin(bytes::open_stdin().map_err(|e| fail(&name, e))?)),
            LiveKind::Device => (name, Kind::Device((*path).clone())),
            LiveKind::Pipe => (name, Kind::Pipe((*path).clone())),
            LiveKind::Growing => (name, Kind::Growing((*path).clone())),
            LiveKind::Http => {
                let source = HttpSource::new(path.to_str().unwrap_or_default(), args, framing);
                let source = source.map_err(|(name, e)| fail(&name, e))?;
                (source.name().to_owned(), Kind::Http(Box::new(source)))
            }
        };
        Ok(Some(Self { name, framing, kind }))
    }

    /// The source, for messages: without a password.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether `rate` is how often it is asked, and not which pictures are left out.
    pub(super) fn is_http(&self) -> bool {
        matches!(self.kind, Kind::Http(_))
    }

    /// Reads the source until it ends, if it does. A server is asked again and again; with `retry` all others are opened
    /// again, too. Blocks; runs on a thread of its own, which ends with the process.
    pub(super) fn feed(mut self, mut sink: Sink, retry: bool) {
        loop {
            let end = match &mut self.kind {
                Kind::Stdin(input) => bytes::read_all(input, self.framing, &mut sink),
                Kind::Pipe(path) if retry => bytes::read_for_ever(path, self.framing, &mut sink),
                Kind::Device(path) | Kind::Pipe(path) => {
                    bytes::open(path).and_then(|mut input| bytes::read_all(&mut input, self.framing, &mut sink))
                }
                Kind::Growing(path) => growing_file::follow(path, self.framing, &mut sink),
                Kind::Http(source) => source.read(&mut sink),
            };
            // Standard input cannot be opened again.
            let may_retry = retry && !matches!(self.kind, Kind::Stdin(_));
            match end {
                Err(error) if may_retry || error.is_temporary() => sink.pause_after(&error),
                Ok(()) if may_retry => sink.pause_after(&SourceError::Ended),
                end => return sink.end(end),
            }
        }
    }
}

/// The kinds of live sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LiveKind {
    Stdin,
    Device,
    Pipe,
    Growing,
    Http,
}

impl LiveKind {
    /// What `source` is; `None` for a recording. Looks at it, and opens nothing: a pipe is opened once.
    fn of(source: &Path, follow: bool) -> Option<Self> {
        if source.as_os_str() == "-" {
            return Some(Self::Stdin);
        }
        if source.to_str().is_some_and(|text| text.starts_with("http://") || text.starts_with("https://")) {
            return Some(Self::Http);
        }
        let kind = fs::metadata(source).ok().map(|metadata| metadata.file_type());
        match kind {
            Some(kind) if kind.is_fifo() => Some(Self::Pipe),
            Some(kind) if !kind.is_file() && !kind.is_dir() => Some(Self::Device),
            _ => follow.then_some(Self::Growing),
        }
    }
}

/// How the bytes are made up.
fn framing(raw: Option<(RawFormat, PictureSize)>) -> Result<Framing, SourceError> {
    let Some((format, PictureSize { width_px, height_px })) = raw else { return Ok(Framing::Jpeg) };
    let format = match format {
        RawFormat::I420 => PixelFormat::I420,
        RawFormat::Nv12 => PixelFormat::Nv12,
        RawFormat::Yuyv => PixelFormat::Yuyv,
        RawFormat::Grey => PixelFormat::Grey,
        RawFormat::Bgr24 => PixelFormat::Bgr24,
        RawFormat::Rgb24 => PixelFormat::Rgb24,
    };
    let size = Size { width_px, height_px };
    let (_, bytes) = format.raw_bytes(size, 0)?;
    if bytes as u64 > 4 * MAX_PICTURE_BYTES {
        return Err(SourceError::RawTooLarge(bytes));
    }
    Ok(Framing::Raw { format, size, bytes })
}

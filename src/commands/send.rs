//! `fovea send`: sends frames to a server as a camera does. Recordings go out frame by frame, each when it is due. Of a live
//! source the newest picture goes out when the server has dealt with the last one.

use std::{io, os::fd::AsFd, sync::Arc};

use super::{
    Pace, SendArgs,
    client::{Client, ClientError, ClientOptions, ServerUrl},
    signals::Signals,
};
use crate::{
    recording::{Recording, RecordingError},
    wire::SUBPROTOCOL,
};

mod last_frame;
mod live;
mod newest;
mod outage;
mod picture_size;
mod progress;
mod rate;
mod schedule;
mod sender;
pub(in crate::commands) mod session;
mod sink;
pub(crate) mod source;
mod source_error;
mod summary;

pub use picture_size::{PictureSize, PictureSizeError};
pub use rate::{Rate, RateError};
pub use sender::{SendEvent, SendOptions, send};
pub use source_error::SourceError;
pub use summary::SendSummary;

use progress::Progress;
pub(in crate::commands) use progress::write_line;
use source::Source;

/// Why sending failed.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The recording does not open.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// The recording has no readable picture.
    #[error("there is no whole picture in the recording")]
    NoPictures,
    /// The live source ends without a picture.
    #[error("{0}: it ends without a whole picture")]
    NoPicture(String),
    /// The live source fails.
    #[error("{0}")]
    Source(String, #[source] SourceError),
    /// Arguments that do not belong together.
    #[error("{0}")]
    Usage(&'static str),
    /// The connection failed or ended.
    #[error(transparent)]
    Connection(ClientError),
    /// Standard output does not accept the results.
    #[error("cannot write to standard output")]
    Output(#[from] io::Error),
}

impl From<ClientError> for SendError {
    fn from(error: ClientError) -> Self {
        Self::Connection(error)
    }
}

/// Sends what the arguments say, and shows the progress.
///
/// # Errors
/// If it ends for another reason than the source's end or the user's wish.
pub fn run(args: &SendArgs) -> Result<(), SendError> {
    let (progress, (summary, sent)) = match Source::from_args(args)? {
        Some(source) => run_live(args, source)?,
        None => run_recording(args)?,
    };
    progress.finish();
    match sent {
        // The reader of a pipe has read enough.
        Err(SendError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        sent => {
            write_line(&summary)?;
            sent
        }
    }
}

/// What was shown, what was counted, and how it ended.
type Outcome = (Arc<Progress>, (SendSummary, Result<(), SendError>));

fn run_recording(args: &SendArgs) -> Result<Outcome, SendError> {
    let recording = Recording::open(&args.sources)?;
    let pace = args.pace.unwrap_or(Pace::Rate);
    // Only a result says that a frame is processed.
    let results = args.results || pace == Pace::Newest;
    let client = Client::connect(&url(args, results), Some(SUBPROTOCOL), &client_options(args)?)?;
    let signals = Signals::termination()?;

    let progress = Progress::new(recording.len_hint().filter(|_| !args.repeat), args.results);
    let options = SendOptions { rate: args.rate, pace, repeat: args.repeat, results };
    let mut report = |summary: &SendSummary, event: &SendEvent<'_>| progress.show(summary, event);
    let outcome = send(client, &recording, &options, signals.as_fd(), &mut report);
    Ok((Arc::new(progress), outcome))
}

fn run_live(args: &SendArgs, source: Source) -> Result<Outcome, SendError> {
    let signals = Signals::termination()?; // the threads of the source inherit that they are blocked
    let progress = Arc::new(Progress::new(None, args.results));
    let options = live::LiveOptions {
        url: url(args, true),
        client: client_options(args)?,
        pace: args.pace.unwrap_or(Pace::Newest),
        rate: args.rate,
        retry: args.retry,
    };
    let outcome = live::send(source, options, &progress, signals.as_fd())?;
    Ok((progress, outcome))
}

fn client_options(args: &SendArgs) -> Result<ClientOptions, ClientError> {
    ClientOptions::from_args(&args.token, &args.trust)
}

fn url(args: &SendArgs, results: bool) -> ServerUrl {
    if results { args.url.clone().with_query("results") } else { args.url.clone() }
}

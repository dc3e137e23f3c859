//! `fovea send`: sends a recording to a server as a camera would: each frame when it is due, whether the processor
//! has taken the previous one or not.

use std::{
    fmt,
    io::{self, IsTerminal, Write},
    os::fd::AsFd,
};

use indicatif::{ProgressBar, ProgressStyle};

use super::{
    ErrorChain, SendArgs,
    client::{Client, ClientError},
    signals::Signals,
};
use crate::{
    message::Message,
    recording::{Recording, RecordingError},
    wire::SUBPROTOCOL,
};

mod rate;
mod schedule;
mod sender;
mod summary;

pub use rate::{Rate, RateError};
pub use sender::{SendEvent, SendOptions, send};
pub use summary::SendSummary;

/// Why sending failed.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The recording does not open.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// The recording has no readable picture.
    #[error("there is no whole picture in the recording")]
    NoPictures,
    /// The connection failed or ended.
    #[error(transparent)]
    Connection(ClientError),
    /// Standard output does not accept the results.
    #[error("cannot print")]
    Output(#[from] io::Error),
}

/// Sends what the arguments say, and shows the progress.
///
/// # Errors
/// If it ends for another reason than the recording's end or the user's wish.
pub fn run(args: &SendArgs) -> Result<(), SendError> {
    let recording = Recording::open(&args.paths)?;
    let url = if args.results { args.url.clone().with_query("results") } else { args.url.clone() };
    let client = Client::connect(&url, Some(SUBPROTOCOL))?;
    let signals = Signals::termination()?;

    let progress = Progress::new(args, &recording);
    let options = SendOptions { rate: args.rate, pace: args.pace, repeat: args.repeat, results: args.results };
    let mut report = |summary: &SendSummary, event: &SendEvent<'_>| progress.show(summary, event);
    let (summary, sent) = send(client, &recording, &options, signals.as_fd(), &mut report);
    progress.bar.finish_and_clear();
    match sent {
        // The reader of a pipe has read enough.
        Err(SendError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        sent => {
            write_line(&summary)?;
            sent
        }
    }
}

/// Shows the progress: on a terminal a bar, elsewhere only warnings.
struct Progress {
    bar: ProgressBar,
    results: bool,
}

impl Progress {
    fn new(args: &SendArgs, recording: &Recording) -> Self {
        let length = recording.len_hint().filter(|_| !args.repeat);
        let (bar, template) = match length {
            _ if !io::stderr().is_terminal() => (ProgressBar::hidden(), "{msg}"),
            Some(length) => (ProgressBar::new(length), "{elapsed:>4} [{wide_bar}] {pos}/{len}  {msg}"),
            None => (ProgressBar::no_length(), "{elapsed:>4} {spinner} {wide_msg}"),
        };
        let style = ProgressStyle::with_template(template).expect("the templates above are well-formed");
        Self { bar: bar.with_style(style), results: args.results }
    }

    fn show(&self, summary: &SendSummary, event: &SendEvent<'_>) -> io::Result<()> {
        match event {
            SendEvent::Sent => {
                self.bar.set_message(counts(summary));
                self.bar.set_position(summary.sent);
            }
            SendEvent::Message(text, Message::Result(_) | Message::Event(_) | Message::Refused(_)) if self.results => {
                return self.bar.suspend(|| {
                    let mut out = io::stdout().lock();
                    writeln!(out, "{text}").and_then(|()| out.flush())
                });
            }
            SendEvent::Message(..) => {}
            SendEvent::Skipped(error) => return self.warn(&ErrorChain(error)),
            SendEvent::FellBehind => {
                return self.warn(&"the rate cannot be kept: frames go out later than they are due");
            }
        }
        Ok(())
    }

    fn warn(&self, text: &dyn fmt::Display) -> io::Result<()> {
        self.bar.suspend(|| write_line(text))
    }
}

/// Writes a line to standard error in one piece: that is not buffered.
fn write_line(line: &dyn fmt::Display) -> io::Result<()> {
    io::stderr().write_all(format!("{line}\n").as_bytes())
}

/// The text beside the bar.
fn counts(summary: &SendSummary) -> String {
    let rate = summary.rate_hz().map_or_else(String::new, |rate| format!("{rate:.1} a second, "));
    let superseded = summary.superseded.map_or_else(String::new, |count| format!(", {count} superseded"));
    format!("{rate}{} taken{superseded}, {} refused", summary.taken, summary.refused)
}

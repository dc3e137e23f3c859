//! `fovea send`: plays a recording to a camera, as a camera would: a frame when it is due, whether the last one was
//! looked at or not.

use std::{
    fmt,
    io::{self, IsTerminal, Write},
    os::fd::AsFd,
};

use indicatif::{ProgressBar, ProgressStyle};

use super::{
    SendArgs, WithCauses,
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
mod tally;

pub use rate::{Rate, RateError};
pub use sender::{Plan, Told, send};
pub use tally::Tally;

/// Why sending failed.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The recording cannot be opened.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// Nothing in the recording can be sent.
    #[error("there is no whole picture in the recording")]
    Nothing,
    /// There is no connection, or no longer.
    #[error(transparent)]
    Connection(ClientError),
    /// Results cannot be printed.
    #[error("cannot print")]
    Output(#[from] io::Error),
}

/// Sends what the arguments say, and shows how it goes.
///
/// # Errors
/// When it ends for another reason than the recording's end or the user's wish.
pub fn run(args: &SendArgs) -> Result<(), SendError> {
    let recording = Recording::open(&args.paths)?;
    let url = if args.results { args.url.clone().with_query("results") } else { args.url.clone() };
    let client = Client::connect(&url, Some(SUBPROTOCOL))?;
    let signals = Signals::to_end()?;

    let view = View::new(args, &recording);
    let plan = Plan { rate: args.rate, pace: args.pace, repeat: args.repeat, results: args.results };
    let (tally, sent) = send(client, &recording, &plan, signals.as_fd(), &mut |tally, told| view.show(tally, told));
    view.bar.finish_and_clear();
    match sent {
        // Whoever read the results has seen enough.
        Err(SendError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        sent => {
            tell(&tally)?;
            sent
        }
    }
}

/// What the user sees: on a terminal a bar, otherwise only what is out of order.
struct View {
    bar: ProgressBar,
    results: bool,
}

impl View {
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

    fn show(&self, tally: &Tally, told: &Told<'_>) -> io::Result<()> {
        match told {
            Told::Sent => {
                self.bar.set_message(progress(tally));
                self.bar.set_position(tally.sent);
            }
            Told::Message(text, Message::Result(_) | Message::Event(_) | Message::Refused(_)) if self.results => {
                return self.bar.suspend(|| {
                    let mut out = io::stdout().lock();
                    writeln!(out, "{text}").and_then(|()| out.flush())
                });
            }
            Told::Message(..) => {}
            Told::LeftOut(error) => return self.warn(&WithCauses(error)),
            Told::Late => return self.warn(&"the rate cannot be kept: frames go out later than they are due"),
        }
        Ok(())
    }

    fn warn(&self, text: &dyn fmt::Display) -> io::Result<()> {
        self.bar.suspend(|| tell(text))
    }
}

/// A line to standard error, in one piece: it is not buffered.
fn tell(line: &dyn fmt::Display) -> io::Result<()> {
    io::stderr().write_all(format!("{line}\n").as_bytes())
}

/// Beside the bar.
fn progress(tally: &Tally) -> String {
    let rate = tally.rate_hz().map_or_else(String::new, |rate| format!("{rate:.1} a second, "));
    let superseded = tally.superseded.map_or_else(String::new, |count| format!(", {count} superseded"));
    format!("{rate}{} taken{superseded}, {} refused", tally.taken, tally.refused)
}

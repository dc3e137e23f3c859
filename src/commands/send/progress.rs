//! What `fovea send` shows: on a terminal a bar, elsewhere only warnings; and results, if they are asked for.

use std::{
    fmt,
    io::{self, IsTerminal, Write},
};

use indicatif::{ProgressBar, ProgressStyle};

use super::{SendSummary, sender::SendEvent};
use crate::{
    commands::ErrorChain,
    message::Message,
    system::printable::{Printable, json_line},
};

/// Shows the progress. Any thread may call it.
#[derive(Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
    results: bool,
}

impl Progress {
    /// Shows how far it is of `length` frames, if that is known. With `results` it prints results and events too.
    pub(super) fn new(length: Option<u64>, results: bool) -> Self {
        let (bar, template) = match length {
            _ if !io::stderr().is_terminal() => (ProgressBar::hidden(), "{msg}"),
            Some(length) => (ProgressBar::new(length), "{elapsed:>4} [{wide_bar}] {pos}/{len}  {msg}"),
            None => (ProgressBar::no_length(), "{elapsed:>4} {spinner} {wide_msg}"),
        };
        let style = ProgressStyle::with_template(template).expect("the templates above are well-formed");
        Self { bar: bar.with_style(style), results }
    }

    /// Shows an event.
    ///
    /// # Errors
    /// If standard output or standard error does not accept it.
    pub(super) fn show(&self, summary: &SendSummary, event: &SendEvent<'_>) -> io::Result<()> {
        match event {
            SendEvent::Sent => {
                self.bar.set_message(counts(summary));
                self.bar.set_position(summary.sent);
            }
            SendEvent::Message(text, Message::Result(_) | Message::Event(_) | Message::Refused(_)) if self.results => {
                return self.bar.suspend(|| {
                    let mut out = io::stdout().lock();
                    writeln!(out, "{}", json_line(text)).and_then(|()| out.flush())
                });
            }
            SendEvent::Message(..) => {}
            SendEvent::Skipped(error) => return self.warn(&ErrorChain(error)),
            SendEvent::FellBehind => {
                return self.warn(&"cannot keep the rate: frames go out later than they are due");
            }
        }
        Ok(())
    }

    /// Removes the bar.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// Writes a line above the bar.
    ///
    /// # Errors
    /// If standard error does not accept it.
    pub(super) fn warn(&self, text: &dyn fmt::Display) -> io::Result<()> {
        self.bar.suspend(|| write_line(text))
    }
}

/// Writes a line to standard error in one piece: that is not buffered.
///
/// # Errors
/// If standard error does not accept it.
pub(in crate::commands) fn write_line(line: &dyn fmt::Display) -> io::Result<()> {
    io::stderr().write_all(format!("{}\n", Printable(line)).as_bytes())
}

/// The text beside the bar.
fn counts(summary: &SendSummary) -> String {
    let rate = summary.rate_hz().map_or_else(String::new, |rate| format!("{rate:.1} a second, "));
    let superseded = summary.superseded.map_or_else(String::new, |count| format!(", {count} superseded"));
    format!("{rate}{} taken{superseded}, {} refused", summary.taken, summary.refused)
}

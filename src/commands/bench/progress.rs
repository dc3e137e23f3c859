//! How far a measurement is, on a terminal; elsewhere nothing.

use std::{
    io::{self, IsTerminal},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};

use super::search::Level;

/// Shows the progress by the time that is left.
#[derive(Debug)]
pub(super) struct Progress(ProgressBar);

impl Progress {
    /// The progress of something that takes so long.
    pub(super) fn new(time: Duration) -> Self {
        if !io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let style = ProgressStyle::with_template("{elapsed:>4} of {msg}").expect("the template is well-formed");
        let bar = ProgressBar::no_length().with_style(style).with_prefix(format!("{} s", time.as_secs()));
        bar.enable_steady_tick(Duration::from_millis(500));
        Self(bar)
    }

    /// Shows what goes on.
    pub(super) fn say(&self, what: &str) {
        self.0.set_message(format!("{}: fovea bench {what}", self.0.prefix()));
    }

    /// Shows which load is measured.
    pub(super) fn measures(&self, level: Level, fps: f64) {
        let cameras = level.senders();
        let s = if cameras == 1 { "" } else { "s" };
        self.say(&format!("measures {cameras} camera{s} of {fps:.1} fps"));
    }

    /// Removes it.
    pub(super) fn finish(&self) {
        self.0.finish_and_clear();
    }
}

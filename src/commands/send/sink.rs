//! Where a live source's pictures go: into the cell, at the rate that is wanted, with what is to be said of the others.

use std::{fmt, mem, sync::Arc, time::Instant};

use super::{
    Rate,
    newest::{Newest, Picture},
    outage::Outage,
    progress::Progress,
    schedule::Schedule,
    source_error::SourceError,
};
use crate::{
    commands::ErrorChain,
    frame::{PixelFormat, Size},
    system::clock::Monotonic,
    telemetry::log_limiter::LogLimiter,
    wire::HEADER_BYTES,
};

/// The way of one source's pictures. Belongs to the thread that reads the source.
pub(super) struct Sink {
    newest: Arc<Newest>,
    progress: Arc<Progress>,
    /// The source, for messages.
    name: String,
    /// Room for a header, and what was read of the next picture.
    message: Vec<u8>,
    schedule: Option<Schedule>,
    outage: Outage,
    limiter: LogLimiter,
}

impl Sink {
    /// A `rate` leaves out pictures that come sooner.
    pub(super) fn new(newest: Arc<Newest>, progress: Arc<Progress>, name: String, rate: Option<Rate>) -> Self {
        let schedule = rate.map(|rate| Schedule::new(rate, Instant::now()));
        let (message, outage, limiter) = (vec![0; HEADER_BYTES], Outage::new(), LogLimiter::default());
        Self { newest, progress, name, message, schedule, outage, limiter }
    }

    /// What was read of the next picture, behind [`HEADER_BYTES`]; to be appended to.
    pub(super) fn message(&mut self) -> &mut Vec<u8> {
        &mut self.message
    }

    /// The bytes read of the next picture.
    pub(super) fn picture(&self) -> &[u8] {
        &self.message[HEADER_BYTES..]
    }

    /// Forgets what was read of the next picture.
    pub(super) fn clear(&mut self) {
        self.message.truncate(HEADER_BYTES);
    }

    /// What was read is a whole picture: it is the newest.
    pub(super) fn publish(&mut self, format: PixelFormat, size: Option<Size>, captured_at: Monotonic) {
        let now = Instant::now();
        if let Some(away) = self.outage.recover(now) {
            self.say(format_args!("pictures arrive again after {:.1} s", away.as_secs_f64()));
        }
        match &mut self.schedule {
            Some(schedule) if !schedule.is_about_due(now) => {
                self.newest.count_overtaken();
                self.clear();
                return;
            }
            Some(schedule) => {
                schedule.sent(now);
            }
            None => {}
        }
        let capacity = self.message.len();
        let message = mem::take(&mut self.message);
        let spare = self.newest.publish(Picture { format, size, captured_at, message });
        self.message = spare.unwrap_or_else(|| Vec::with_capacity(capacity));
        self.message.clear();
        self.message.resize(HEADER_BYTES, 0);
    }

    /// What was read is no picture to send, and forgotten. Says so once a second at most.
    pub(super) fn leave_out(&mut self, why: impl fmt::Display) {
        self.clear();
        self.newest.count_skipped();
        if let Some(suppressed) = self.limiter.check() {
            self.say(format_args!("{why}{suppressed}"));
        }
    }

    /// The source failed. Says why, unless it did already, and returns after the pause before the next attempt.
    pub(super) fn pause_after(&mut self, error: &SourceError) {
        self.clear();
        let why = ErrorChain(error).to_string();
        let (pause, is_new) = self.outage.fail(&why, Instant::now());
        if is_new {
            self.say(format_args!("{why}; trying again"));
        }
        std::thread::sleep(pause.max(error.least_pause()));
    }

    /// The source has ended.
    pub(super) fn end(self, end: Result<(), SourceError>) {
        self.newest.end(end);
    }

    /// Writes a line about the source.
    pub(super) fn say(&self, text: fmt::Arguments<'_>) {
        // Nobody reads standard error; the pictures are what matters.
        let _ = self.progress.warn(&format_args!("{}: {text}", self.name));
    }
}

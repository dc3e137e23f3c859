//! What is told of a camera: each thing once, until it is another.

use std::{path::Path, time::Duration};

use log::{info, warn};

use crate::{source::v4l2::controls::Mismatch, telemetry::log_limiter::LogLimiter};

/// What was told last.
#[derive(Debug)]
pub(super) struct News {
    /// Of whom.
    camera: String,
    trouble: Option<String>,
    shortfall: Option<String>,
    mismatches: Vec<Mismatch>,
    opened: Option<String>,
    losses: LogLimiter,
    returns: LogLimiter,
}

impl News {
    /// Nothing was told of it yet.
    pub(super) fn of(camera: &str) -> Self {
        let (trouble, shortfall, mismatches, opened, losses, returns) = Default::default();
        Self { camera: camera.to_owned(), trouble, shortfall, mismatches, opened, losses, returns }
    }

    /// It gives what was asked of it, or falls short in these words.
    pub(super) fn shortfall(&mut self, path: &Path, shortfall: Option<String>) {
        let camera = &self.camera;
        if let Some(words) = &shortfall
            && self.shortfall != shortfall
        {
            warn!(CAMERA = camera; "{camera}: {} {words}", path.display());
        }
        self.shortfall = shortfall;
    }

    /// Its controls are set, and this is not as it should be.
    pub(super) fn controls(&mut self, mismatches: Vec<Mismatch>) {
        if mismatches != self.mismatches {
            self.every(mismatches);
        }
    }

    /// The same, when somebody had them set and waits to hear of it.
    pub(super) fn controls_anew(&mut self, mismatches: Vec<Mismatch>) {
        let camera = &self.camera;
        if mismatches.is_empty() {
            info!(CAMERA = camera; "{camera}: its controls are set anew");
        }
        self.every(mismatches);
    }

    fn every(&mut self, mismatches: Vec<Mismatch>) {
        let camera = &self.camera;
        for mismatch in &mismatches {
            warn!(CAMERA = camera; "{camera}: {mismatch}");
        }
        self.mismatches = mismatches;
    }

    /// Its first frame is there, `after` so long if it was missed.
    pub(super) fn came(&mut self, opened: String, after: Option<Duration>) {
        let camera = &self.camera;
        match after {
            Some(after) => {
                if let Some(suppressed) = self.returns.check() {
                    info!(CAMERA = camera; "{camera}: back after {:.1} s: {opened}{suppressed}", after.as_secs_f64());
                }
            }
            None if self.opened.as_ref() != Some(&opened) => info!(CAMERA = camera; "{camera}: {opened}"),
            None => {}
        }
        (self.trouble, self.opened) = (None, Some(opened));
    }

    /// It sends no frames, or no more. Whether that is another reason than the last one.
    pub(super) fn lost(&mut self, trouble: &str) -> bool {
        if self.trouble.as_deref() == Some(trouble) {
            return false;
        }
        let camera = &self.camera;
        if let Some(suppressed) = self.losses.check() {
            warn!(CAMERA = camera; "{camera}: lost: {trouble}{suppressed}");
        }
        self.trouble = Some(trouble.to_owned());
        true
    }
}

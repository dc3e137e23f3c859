//! Logs the state of a camera: each fact once, until it changes.

use std::{path::Path, time::Duration};

use log::{info, warn};

use crate::{source::v4l2::control_plan::Mismatch, telemetry::log_limiter::LogLimiter};

/// What was logged last about one camera.
#[derive(Debug, Default)]
pub(super) struct StatusLog {
    /// The camera's name.
    camera: String,
    error: Option<String>,
    shortfall: Option<String>,
    mismatches: Vec<Mismatch>,
    connected_as: Option<String>,
    lost_limiter: LogLimiter,
    back_limiter: LogLimiter,
}

impl StatusLog {
    /// Creates the log of `camera`, of which nothing has been logged.
    pub(super) fn new(camera: &str) -> Self {
        Self { camera: camera.to_owned(), ..Self::default() }
    }

    /// Logs how the mode that the driver gives falls short of the configured one; `None`: it does not.
    pub(super) fn log_shortfall(&mut self, path: &Path, shortfall: Option<String>) {
        let camera = &self.camera;
        if let Some(shortfall) = &shortfall
            && self.shortfall.as_ref() != Some(shortfall)
        {
            warn!(CAMERA = camera; "{camera}: {} {shortfall}", path.display());
        }
        self.shortfall = shortfall;
    }

    /// Logs the controls that do not have their configured values, unless they are the same as last time.
    pub(super) fn log_mismatches(&mut self, mismatches: Vec<Mismatch>) {
        if mismatches != self.mismatches {
            self.log_all_mismatches(mismatches);
        }
    }

    /// Logs the outcome of setting other controls, even if it is the same as last time: somebody waits for it.
    pub(super) fn log_controls_changed(&mut self, mismatches: Vec<Mismatch>) {
        let camera = &self.camera;
        if mismatches.is_empty() {
            info!(CAMERA = camera; "{camera}: its controls have their new values");
        }
        self.log_all_mismatches(mismatches);
    }

    fn log_all_mismatches(&mut self, mismatches: Vec<Mismatch>) {
        let camera = &self.camera;
        for mismatch in &mismatches {
            warn!(CAMERA = camera; "{camera}: {mismatch}");
        }
        self.mismatches = mismatches;
    }

    /// Logs the first frame after the device was opened. `description` says what the device is and sends; `downtime` is
    /// how long it was lost, if it was.
    pub(super) fn log_connected(&mut self, description: String, downtime: Option<Duration>) {
        let camera = &self.camera;
        match downtime {
            Some(downtime) => {
                if let Some(suppressed) = self.back_limiter.check() {
                    let seconds = downtime.as_secs_f64();
                    info!(CAMERA = camera; "{camera}: back after {seconds:.1} s: {description}{suppressed}");
                }
            }
            None if self.connected_as.as_ref() != Some(&description) => {
                info!(CAMERA = camera; "{camera}: {description}");
            }
            None => {}
        }
        (self.error, self.connected_as) = (None, Some(description));
    }

    /// Logs why the camera sends no frames. Returns whether the reason differs from the last one.
    pub(super) fn log_lost(&mut self, error: &str) -> bool {
        if self.error.as_deref() == Some(error) {
            return false;
        }
        let camera = &self.camera;
        if let Some(suppressed) = self.lost_limiter.check() {
            warn!(CAMERA = camera; "{camera}: lost: {error}{suppressed}");
        }
        self.error = Some(error.to_owned());
        true
    }
}

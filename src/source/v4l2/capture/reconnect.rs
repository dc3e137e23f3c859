//! Waits for a missing device, and decides when to try again to open it.
//!
//! The next attempt follows when the kernel announces a camera, and at the latest after a backoff that grows to
//! [`MAX_BACKOFF`]: the kernel announces no other reason, such as another program that closes the device.

use std::{
    os::fd::AsFd,
    time::{Duration, Instant},
};

use log::warn;
use nix::poll::PollFlags;

use crate::{
    source::v4l2::hotplug::HotplugMonitor,
    system::{clock::Monotonic, event_fd::poll},
};

/// The backoff before the second attempt. It doubles with each attempt.
const MIN_BACKOFF: Duration = Duration::from_millis(100);

/// The longest backoff between two attempts.
const MAX_BACKOFF: Duration = Duration::from_secs(5);

/// An outage whose backoff has grown to this is a prolonged one.
const PROLONGED: Duration = Duration::from_secs(1);

/// The state of an outage, if there is one.
#[derive(Debug)]
pub(super) struct Reconnect {
    lost_at: Option<Monotonic>,
    backoff: Duration,
    monitor: Option<HotplugMonitor>,
}

impl Default for Reconnect {
    fn default() -> Self {
        Self { lost_at: None, backoff: MIN_BACKOFF, monitor: None }
    }
}

impl Reconnect {
    /// Notes that an attempt failed or the device was lost. Returns whether an outage begins with it.
    pub(super) fn device_lost(&mut self) -> bool {
        let is_first = self.lost_at.is_none();
        self.lost_at.get_or_insert_with(Monotonic::now);
        is_first
    }

    /// Notes that the camera sends frames. Returns how long the outage lasted, if there was one.
    pub(super) fn device_connected(&mut self) -> Option<Duration> {
        let Self { lost_at, .. } = std::mem::take(self);
        lost_at.map(|lost_at| Monotonic::now().since(lost_at))
    }

    /// Whether the outage is past its first attempts. A camera that is just being plugged in fails in several ways
    /// before it works.
    pub(super) fn is_prolonged(&self) -> bool {
        self.backoff >= PROLONGED
    }

    /// Subscribes to the kernel's device events, if that has not been done in this outage. Returns whether it has
    /// been done by this call: then the device may have appeared just before, and the caller has to try once more.
    /// `camera` is the name for the log.
    pub(super) fn start_monitor(&mut self, camera: &str) -> bool {
        if self.monitor.is_some() {
            return false;
        }
        match HotplugMonitor::subscribe() {
            Ok(monitor) => self.monitor = Some(monitor),
            Err(error) if self.backoff == MIN_BACKOFF => {
                warn!(CAMERA = camera; "{camera}: cannot receive the kernel's device events ({error}); fovea looks for \
                      the camera at least every {} s", MAX_BACKOFF.as_secs());
            }
            Err(_) => {}
        }
        self.monitor.is_some()
    }

    /// Returns when the next attempt is due even without a device event, and doubles the backoff.
    pub(super) fn next_attempt(&mut self) -> Instant {
        let next_attempt = Instant::now() + self.backoff;
        self.backoff = (2 * self.backoff).min(MAX_BACKOFF);
        next_attempt
    }

    /// Blocks until the kernel announces a camera, until `mailbox` is readable, or until `deadline`. Returns whether a
    /// camera was announced, be it another one. Then the backoff starts again: a new device belongs to root until udev
    /// has seen it, and an attempt before that says nothing of the camera.
    pub(super) fn wait_for_device(&mut self, mailbox: &impl AsFd, deadline: Instant) -> bool {
        let readable = PollFlags::POLLIN;
        let mailbox = (mailbox.as_fd(), readable);
        let is_announced = match &self.monitor {
            Some(monitor) => poll([mailbox, (monitor.as_fd(), readable)], Some(deadline))
                .map(|[_, has_events]| has_events && monitor.drain()),
            None => poll([mailbox], Some(deadline)).map(|_| false),
        };
        let is_announced = is_announced.unwrap_or(false);
        if is_announced {
            self.announced();
        }
        is_announced
    }

    fn announced(&mut self) {
        self.backoff = MIN_BACKOFF;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_begins_once_backs_off_and_ends() {
        let mut reconnect = Reconnect::default();
        assert_eq!(reconnect.device_connected(), None, "there was no outage");
        assert_eq!([reconnect.device_lost(), reconnect.device_lost()], [true, false]);
        let backoffs: Vec<_> = (0..8)
            .map(|_| {
                let (backoff, is_prolonged) = (reconnect.backoff.as_millis(), reconnect.is_prolonged());
                reconnect.next_attempt();
                (backoff, is_prolonged)
            })
            .collect();
        let expected = [100, 200, 400, 800, 1600, 3200, 5000, 5000].map(|backoff| (backoff, backoff > 1000));
        assert_eq!(backoffs, expected);
        reconnect.announced();
        assert_eq!((reconnect.backoff, reconnect.is_prolonged()), (MIN_BACKOFF, false), "it is being plugged in");
        assert!(!reconnect.device_lost(), "the outage is not over");
        assert!(reconnect.device_connected().is_some());
        assert!(reconnect.device_lost() && !reconnect.is_prolonged(), "the next outage starts from the beginning");
    }
}

//! The time in which a camera is not there: since when, and what gives reason to try again.
//!
//! It is tried again when the kernel says that a camera came, and after pauses that grow to [`LONGEST_PAUSE`], for what the
//! kernel does not tell (another program that lets go of the camera).

use std::{
    os::fd::AsFd,
    time::{Duration, Instant},
};

use log::warn;
use nix::poll::PollFlags;

use crate::{
    source::v4l2::hotplug::Hotplug,
    system::{clock::Monotonic, event_fd::poll},
};

/// The pause before the second try; each is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest pause between two tries, for what nobody tells.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// An absence is long when the pauses are.
const LONG: Duration = Duration::from_secs(1);

/// What is known of an absence, if there is one.
#[derive(Debug)]
pub(super) struct Absence {
    since: Option<Monotonic>,
    pause: Duration,
    hotplug: Option<Hotplug>,
}

impl Default for Absence {
    fn default() -> Self {
        Self { since: None, pause: FIRST_PAUSE, hotplug: None }
    }
}

impl Absence {
    /// The camera is not there. Whether that is new.
    pub(super) fn begin(&mut self) -> bool {
        let is_new = self.since.is_none();
        self.since.get_or_insert_with(Monotonic::now);
        is_new
    }

    /// The camera is there. How long it was not; `None` if it was not missed.
    pub(super) fn end(&mut self) -> Option<Duration> {
        let Self { since, .. } = std::mem::take(self);
        since.map(|since| Monotonic::now().since(since))
    }

    /// Whether it has been tried for a while. A camera that is just being plugged in fails in several ways before it works.
    pub(super) fn is_long(&self) -> bool {
        self.pause >= LONG
    }

    /// Begins to listen to the kernel, unless that was done before. Whether it does so now: a camera may have come in
    /// between, and is to be looked for once more. `camera` is who waits.
    pub(super) fn listen(&mut self, camera: &str) -> bool {
        if self.hotplug.is_some() {
            return false;
        }
        match Hotplug::listen() {
            Ok(hotplug) => self.hotplug = Some(hotplug),
            Err(error) if self.pause == FIRST_PAUSE => {
                warn!(CAMERA = camera; "{camera}: the kernel's word of new devices is not to be had ({error}), so it is \
                      looked for every {} s", LONGEST_PAUSE.as_secs());
            }
            Err(_) => {}
        }
        self.hotplug.is_some()
    }

    /// When to try again though nobody tells. Each time after a longer pause.
    pub(super) fn again_at(&mut self) -> Instant {
        let again_at = Instant::now() + self.pause;
        self.pause = (2 * self.pause).min(LONGEST_PAUSE);
        again_at
    }

    /// Waits for the kernel's word, for orders, and no longer than `until`. Whether a camera came, one or another.
    pub(super) fn hears(&self, orders: &impl AsFd, until: Option<Instant>) -> bool {
        let readable = PollFlags::POLLIN;
        let orders = (orders.as_fd(), readable);
        let came = match &self.hotplug {
            Some(hotplug) => {
                poll([orders, (hotplug.as_fd(), readable)], until).map(|[_, came]| came && hotplug.heard())
            }
            None => poll([orders], until).map(|_| false),
        };
        came.unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_begins_once_grows_long_and_ends() {
        let mut absence = Absence::default();
        assert_eq!(absence.end(), None, "it was not missed");
        assert_eq!([absence.begin(), absence.begin()], [true, false]);
        let pauses: Vec<_> = (0..8)
            .map(|_| {
                let (pause, is_long) = (absence.pause.as_millis(), absence.is_long());
                absence.again_at();
                (pause, is_long)
            })
            .collect();
        let expected = [100, 200, 400, 800, 1600, 3200, 5000, 5000].map(|pause| (pause, pause > 1000));
        assert_eq!(pauses, expected);
        assert!(absence.end().is_some());
        assert!(absence.begin() && !absence.is_long(), "from the beginning again");
    }
}

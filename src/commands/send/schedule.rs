//! When each frame is due.

use std::time::{Duration, Instant};

use super::Rate;

/// When the next frame is due. Due times lie on a grid, so that small delays do not add up. After a delay of a whole
/// interval or more the grid moves: frames that are late do not go out in a burst.
///
/// With an interval of 100 ms and the first frame at 0: the second is due at 100. Sent at 130, the third is still due
/// at 200. Sent at 320, the fourth is due at 420.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    interval: Duration,
    due: Instant,
}

impl Schedule {
    /// The first frame is due now.
    pub(super) fn new(rate: Rate, now: Instant) -> Self {
        Self { interval: rate.interval(), due: now }
    }

    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// Whether a frame that comes `now` is to go: it is due, or will be in a quarter of an interval. A camera's frames are
    /// not exactly on time.
    pub(super) fn is_about_due(&self, now: Instant) -> bool {
        self.due <= now + self.interval / 4
    }

    /// From when on the frame that is due is so late that the grid moves.
    pub(super) fn late_at(&self) -> Instant {
        self.due + self.interval
    }

    /// Notes that the frame that was due goes out `now`; `true` when that is so late that the grid moves.
    pub(super) fn sent(&mut self, now: Instant) -> bool {
        let is_late = self.late_at() <= now;
        self.due = if is_late { now } else { self.due } + self.interval;
        is_late
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_delays_do_not_add_up_and_large_ones_do_not_burst() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut schedule = Schedule::new(Rate::from_hz(10.0).expect("a rate"), start);
        let mut sent = |ms| {
            let is_late = schedule.sent(at(ms));
            (is_late, schedule.due().duration_since(start).as_millis())
        };
        assert_eq!(sent(0), (false, 100));
        assert_eq!(sent(130), (false, 200));
        assert_eq!(sent(299), (false, 300));
        assert_eq!(sent(420), (true, 520));
        assert_eq!(sent(520), (false, 620));
        assert_eq!([594, 595].map(|ms| schedule.is_about_due(at(ms))), [false, true]);
    }
}

//! When each frame is due.

use std::{
    num::ParseFloatError,
    str::FromStr,
    time::{Duration, Instant},
};

/// Frames a second, from one in an hour to 1000.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate(f64);

/// A number that is no rate.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RateError {
    /// No number.
    #[error("not a number of frames a second")]
    NoNumber(#[from] ParseFloatError),
    /// Out of range.
    #[error("a rate is from one in an hour ({:.6}) to {} frames a second", Rate::SLOWEST_HZ, Rate::FASTEST_HZ)]
    OutOfRange,
}

impl Rate {
    const SLOWEST_HZ: f64 = 1.0 / 3600.0;
    const FASTEST_HZ: f64 = 1000.0;

    /// A rate of `hz` frames a second.
    ///
    /// # Errors
    /// When it is out of range.
    pub fn from_hz(hz: f64) -> Result<Self, RateError> {
        let is_right = (Self::SLOWEST_HZ..=Self::FASTEST_HZ).contains(&hz);
        if is_right { Ok(Self(hz)) } else { Err(RateError::OutOfRange) }
    }

    /// Frames a second.
    #[must_use]
    pub fn hz(self) -> f64 {
        self.0
    }

    /// From one frame to the next.
    #[must_use]
    pub fn interval(self) -> Duration {
        Duration::from_secs_f64(1.0 / self.0)
    }
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        Self::from_hz(text.parse()?)
    }
}

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

    /// From when on the frame that is due is so late that the grid moves.
    pub(super) fn late(&self) -> Instant {
        self.due + self.interval
    }

    /// Notes that the frame that was due goes out `now`; `true` when that is so late that the grid moves.
    pub(super) fn sent(&mut self, now: Instant) -> bool {
        let is_late = self.late() <= now;
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
        let mut schedule = Schedule::new(Rate(10.0), start);
        let mut sent = |ms| {
            let is_late = schedule.sent(at(ms));
            (is_late, schedule.due().duration_since(start).as_millis())
        };
        assert_eq!(sent(0), (false, 100));
        assert_eq!(sent(130), (false, 200));
        assert_eq!(sent(299), (false, 300));
        assert_eq!(sent(420), (true, 520));
        assert_eq!(sent(520), (false, 620));
    }

    #[test]
    fn a_rate_is_a_number_in_its_range() {
        assert_eq!("12.5".parse::<Rate>().map(Rate::interval), Ok(Duration::from_millis(80)));
        for text in ["0", "-1", "1001", "inf", "nan"] {
            assert_eq!(text.parse::<Rate>(), Err(RateError::OutOfRange), "{text}");
        }
        let error = RateError::OutOfRange.to_string();
        assert_eq!(error, "a rate is from one in an hour (0.000278) to 1000 frames a second");
        assert!("fast".parse::<Rate>().is_err());
    }
}

//! Time: monotonic for everything that is measured or compared, wall time for what people read.

use std::time::Duration;

use jiff::Timestamp;
use nix::time::{ClockId, clock_gettime};
use serde::Serializer;

/// A moment on `CLOCK_MONOTONIC`: time since boot, in nanoseconds. V4L2 stamps its buffers on the same clock.
///
/// Unlike [`std::time::Instant`] it can be made from a number, which is what drivers and senders give.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Monotonic(Duration);

impl Monotonic {
    /// The present moment.
    #[must_use]
    pub fn now() -> Self {
        let now = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("Linux always has CLOCK_MONOTONIC");
        Self(now.into())
    }

    /// The moment `micros` microseconds after boot.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self(Duration::from_micros(micros))
    }

    /// Microseconds since boot.
    #[must_use]
    pub fn as_micros(self) -> u64 {
        u64::try_from(self.0.as_micros()).unwrap_or(u64::MAX)
    }

    /// How long after `earlier` this moment is; zero if it is not after it.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// This moment, `by` later.
    #[must_use]
    pub fn later(self, by: Duration) -> Self {
        Self(self.0.saturating_add(by))
    }

    /// This moment, `by` earlier, but not before boot.
    #[must_use]
    pub fn earlier(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(by))
    }

    /// The wall time of this moment to the microsecond, by the wall clock as it stands now. For people and records: two
    /// of them are never compared.
    #[must_use]
    pub fn wall(self) -> Timestamp {
        let ago = i64::try_from(Self::now().since(self).as_micros()).unwrap_or(i64::MAX);
        let micros = Timestamp::now().as_microsecond().saturating_sub(ago);
        Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MIN)
    }
}

/// RFC 3339 with six digits after the point, always: Python before 3.11 reads no other number but three.
///
/// # Errors
/// When the serializer fails.
pub fn to_the_microsecond<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{time:.6}"))
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn differences_never_go_below_zero() {
        let (one, two) = (Monotonic::from_micros(1_000), Monotonic::from_micros(3_500));
        assert_eq!(two.since(one), Duration::from_micros(2_500));
        assert_eq!(one.since(two), Duration::ZERO);
        assert_eq!(one.earlier(Duration::from_secs(9)), Monotonic::from_micros(0));
    }

    #[test]
    fn the_present_is_the_present_on_the_wall() {
        let apart = Monotonic::now().wall().duration_since(Timestamp::now()).abs();
        assert!(apart < SignedDuration::from_secs(5), "{apart:?} apart");
    }
}

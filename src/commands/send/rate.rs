//! How many frames a second.

use std::{num::ParseFloatError, str::FromStr, time::Duration};

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

#[cfg(test)]
mod tests {
    use super::*;

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

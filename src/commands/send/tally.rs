//! What became of the frames sent, as far as the sender knows.

use std::{
    fmt,
    time::{Duration, Instant},
};

/// Counts of one sender's frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Frames sent.
    pub sent: u64,
    /// Bytes of their pictures.
    pub bytes: u64,
    /// Frames that the processor took.
    pub taken: u64,
    /// Frames superseded by a newer one before that; known from results, if those are asked for.
    pub superseded: Option<u64>,
    /// Frames that the server could make nothing of.
    pub refused: u64,
    /// Pictures of the recording that could not be read.
    pub left_out: u64,
    /// When the first frame was sent, and the last.
    pub(super) from_to: Option<(Instant, Instant)>,
}

impl Tally {
    pub(super) fn count(&mut self, bytes: usize, now: Instant) {
        self.sent += 1;
        self.bytes += bytes as u64;
        self.from_to = Some((self.from_to.map_or(now, |(from, _)| from), now));
    }

    /// Time from the first frame sent to the last.
    #[must_use]
    pub fn time(&self) -> Duration {
        self.from_to.map_or(Duration::ZERO, |(from, to)| to.duration_since(from))
    }

    /// Frames a second, from the first to the last; none of fewer than two.
    #[must_use]
    pub fn rate_hz(&self) -> Option<f64> {
        let intervals = u32::try_from(self.sent.checked_sub(1)?).unwrap_or(u32::MAX);
        let rate = f64::from(intervals) / self.time().as_secs_f64();
        rate.is_normal().then_some(rate)
    }
}

/// One line: `79 frames sent in 7.8 s, 10.0 a second, 2.9 MB; 79 taken, 0 superseded, 0 refused`.
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} frames sent in {:.1} s", self.sent, self.time().as_secs_f64())?;
        if let Some(rate) = self.rate_hz() {
            write!(f, ", {rate:.1} a second")?;
        }
        write!(f, ", {}; {} taken", indicatif::DecimalBytes(self.bytes), self.taken)?;
        if let Some(superseded) = self.superseded {
            write!(f, ", {superseded} superseded")?;
        }
        write!(f, ", {} refused", self.refused)?;
        match self.left_out {
            0 => Ok(()),
            count => write!(f, ", {count} left out as unreadable"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tally_is_one_line() {
        let mut tally = Tally::default();
        assert_eq!(tally.to_string(), "0 frames sent in 0.0 s, 0 B; 0 taken, 0 refused");
        let start = Instant::now();
        for tenths in 0..79 {
            tally.count(37_000, start + Duration::from_millis(100) * tenths);
        }
        (tally.taken, tally.superseded, tally.refused, tally.left_out) = (70, Some(8), 1, 2);
        assert_eq!(
            tally.to_string(),
            "79 frames sent in 7.8 s, 10.0 a second, 2.92 MB; 70 taken, 8 superseded, 1 refused, 2 left out as unreadable"
        );
    }
}

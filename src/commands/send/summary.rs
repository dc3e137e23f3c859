//! Counts of what became of the frames sent, as far as the sender knows.

use std::{
    fmt,
    time::{Duration, Instant},
};

/// The counts of one sender. Its `Display` is the summary that `fovea send` ends with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SendSummary {
    /// Frames sent.
    pub sent: u64,
    /// Bytes of their pictures, headers not included.
    pub bytes: u64,
    /// Frames that the processor took.
    pub taken: u64,
    /// Frames superseded before the processor took them. Results say so: `None` if the sender does not receive them.
    pub superseded: Option<u64>,
    /// Frames that the server refused.
    pub refused: u64,
    /// Pictures of the source that cannot be read or sent.
    pub skipped: u64,
    /// Pictures of a live source that were not sent because a newer one came.
    pub overtaken: u64,
    /// When the first and the last frame were sent.
    pub(super) first_and_last: Option<(Instant, Instant)>,
}

impl SendSummary {
    /// Counts a frame whose picture has `bytes` bytes.
    pub(super) fn record_sent(&mut self, bytes: usize, now: Instant) {
        self.sent += 1;
        self.bytes += bytes as u64;
        self.first_and_last = Some((self.first_and_last.map_or(now, |(first, _)| first), now));
    }

    /// Counts the superseded frames that a result states, if they are counted. The number is the server's, so it may be
    /// any.
    pub(super) fn record_superseded(&mut self, count: u64) {
        self.superseded = self.superseded.map(|superseded| superseded.saturating_add(count));
    }

    /// The time from the first frame to the last.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.first_and_last.map_or(Duration::ZERO, |(first, last)| last.duration_since(first))
    }

    /// Frames per second from the first to the last; `None` for fewer than two frames.
    #[must_use]
    pub fn rate_hz(&self) -> Option<f64> {
        let intervals = u32::try_from(self.sent.checked_sub(1)?).unwrap_or(u32::MAX);
        let rate = f64::from(intervals) / self.elapsed().as_secs_f64();
        rate.is_normal().then_some(rate)
    }
}

/// One line: `79 frames sent in 7.8 s, 10.0 a second, 2.9 MB; 79 taken, 0 superseded, 0 refused`.
impl fmt::Display for SendSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} frames sent in {:.1} s", self.sent, self.elapsed().as_secs_f64())?;
        if let Some(rate) = self.rate_hz() {
            write!(f, ", {rate:.1} a second")?;
        }
        write!(f, ", {}; {} taken", indicatif::DecimalBytes(self.bytes), self.taken)?;
        if let Some(superseded) = self.superseded {
            write!(f, ", {superseded} superseded")?;
        }
        write!(f, ", {} refused", self.refused)?;
        if self.skipped > 0 {
            write!(f, ", {} skipped as unreadable", self.skipped)?;
        }
        match self.overtaken {
            0 => Ok(()),
            count => write!(f, ", {count} replaced by newer ones before they were sent"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn superseded_frames_of_any_number_add_up_if_they_are_counted() {
        let mut summary = SendSummary { superseded: Some(1), ..SendSummary::default() };
        summary.record_superseded(2);
        assert_eq!(summary.superseded, Some(3));
        summary.record_superseded(u64::MAX);
        assert_eq!(summary.superseded, Some(u64::MAX));
        let mut uncounted = SendSummary::default();
        uncounted.record_superseded(2);
        assert_eq!(uncounted.superseded, None);
    }

    #[test]
    fn a_summary_is_one_line() {
        let mut summary = SendSummary::default();
        assert_eq!(summary.to_string(), "0 frames sent in 0.0 s, 0 B; 0 taken, 0 refused");
        let start = Instant::now();
        for tenths in 0..79 {
            summary.record_sent(37_000, start + Duration::from_millis(100) * tenths);
        }
        (summary.taken, summary.superseded, summary.refused, summary.skipped) = (70, Some(8), 1, 2);
        assert_eq!(
            summary.to_string(),
            "79 frames sent in 7.8 s, 10.0 a second, 2.92 MB; 70 taken, 8 superseded, 1 refused, 2 skipped as unreadable"
        );
        (summary.skipped, summary.overtaken) = (0, 900);
        assert!(
            summary.to_string().ends_with("1 refused, 900 replaced by newer ones before they were sent"),
            "{summary}"
        );
    }
}

//! What is known of one camera: counts over the last seconds, and what was seen last. Pure; the time is given.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use crate::message::{FrameResult, Motion};

/// What "now" means for rates and ages: long enough for a percentile, short enough to follow what happens.
const WINDOW: Duration = Duration::from_secs(5);

/// One camera's recent past.
#[derive(Debug)]
pub(super) struct Lane {
    since: Instant,
    recent: VecDeque<Seen>,
    refused: u64,
    motion: Option<Motion>,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    at: Instant,
    age_ms: f64,
    superseded: u64,
}

/// A camera's figures at one moment.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Figures<'a> {
    /// Results a second.
    pub(super) rate_hz: f64,
    /// Median and 99th percentile of the ages of results, if there are any.
    pub(super) age_ms: Option<(f64, f64)>,
    /// Frames superseded a second.
    pub(super) superseded_hz: f64,
    /// Pictures refused since the watch began.
    pub(super) refused: u64,
    /// What moves, in a result not older than the window.
    pub(super) motion: Option<&'a Motion>,
}

impl Lane {
    pub(super) fn new(now: Instant) -> Self {
        Self { since: now, recent: VecDeque::new(), refused: 0, motion: None }
    }

    pub(super) fn result(&mut self, result: &FrameResult, now: Instant) {
        self.forget(now);
        self.recent.push_back(Seen { at: now, age_ms: result.age_ms.result, superseded: result.superseded });
        self.motion.clone_from(&result.motion);
    }

    pub(super) fn refused(&mut self) {
        self.refused += 1;
    }

    pub(super) fn figures(&mut self, now: Instant) -> Figures<'_> {
        self.forget(now);
        // Of a watch that has just begun nothing is known of the time before; one second stands in for the first
        // moments, when two results in a row would make a thousand a second.
        let seconds = now.duration_since(self.since).clamp(Duration::from_secs(1), WINDOW).as_secs_f64();
        let count = u32::try_from(self.recent.len()).unwrap_or(u32::MAX);
        let mut ages: Vec<f64> = self.recent.iter().map(|seen| seen.age_ms).collect();
        ages.sort_by(f64::total_cmp);
        let superseded: u64 = self.recent.iter().map(|seen| seen.superseded).sum();
        Figures {
            rate_hz: f64::from(count) / seconds,
            age_ms: percentile(&ages, 50).zip(percentile(&ages, 99)),
            superseded_hz: f64::from(u32::try_from(superseded).unwrap_or(u32::MAX)) / seconds,
            refused: self.refused,
            motion: self.motion.as_ref().filter(|_| count > 0),
        }
    }

    fn forget(&mut self, now: Instant) {
        while self.recent.front().is_some_and(|seen| now.duration_since(seen.at) >= WINDOW) {
            self.recent.pop_front();
        }
    }
}

/// The smallest of the `sorted` values that `percent` of them do not exceed.
fn percentile(sorted: &[f64], percent: usize) -> Option<f64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::{frame::CapturedBy, message::Age};

    fn result(age_ms: f64, superseded: u64) -> FrameResult {
        FrameResult {
            camera: "door".into(),
            seq: 1,
            captured_at: Timestamp::UNIX_EPOCH,
            captured_by: CapturedBy::Arrival,
            age_ms: Age { start: 0.0, result: age_ms },
            superseded,
            size_px: [640, 480],
            motion: Some(Motion::default()),
        }
    }

    #[test]
    fn figures_are_of_the_last_five_seconds() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut lane = Lane::new(start);
        for (n, age_ms) in (0..100u32).map(|n| (n, f64::from(n))) {
            lane.result(&result(age_ms, 2), at(100 * u64::from(n)));
        }
        lane.refused();
        let figures = lane.figures(at(9_950));
        assert_eq!((figures.rate_hz, figures.superseded_hz, figures.refused), (10.0, 20.0, 1));
        assert_eq!(figures.age_ms, Some((74.0, 99.0)));
        assert!(figures.motion.is_some());

        let silent = lane.figures(at(60_000));
        let nothing = Figures { rate_hz: 0.0, age_ms: None, superseded_hz: 0.0, refused: 1, motion: None };
        assert_eq!(silent, nothing);
    }

    #[test]
    fn the_first_moments_do_not_boast() {
        let start = Instant::now();
        let mut lane = Lane::new(start);
        lane.result(&result(3.0, 0), start);
        lane.result(&result(5.0, 0), start + Duration::from_millis(1));
        let figures = lane.figures(start + Duration::from_millis(2));
        assert_eq!((figures.rate_hz, figures.age_ms), (2.0, Some((3.0, 5.0))));
    }

    #[test]
    fn percentiles_are_values_that_occurred() {
        let values: Vec<f64> = (1..=200).map(f64::from).collect();
        assert_eq!((percentile(&values, 50), percentile(&values, 99)), (Some(100.0), Some(198.0)));
        assert_eq!((percentile(&[7.0], 50), percentile(&[7.0], 99)), (Some(7.0), Some(7.0)));
        assert_eq!(percentile(&[], 50), None);
    }
}

//! Statistics of one camera over the last seconds, and its last result. Pure: the caller passes the time.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::detail::StageOutput;
use crate::message::FrameResult;

/// The window of rates and ages: long enough for a percentile, short enough to follow changes.
const WINDOW: Duration = Duration::from_secs(5);

/// The samples of one camera.
#[derive(Debug)]
pub(super) struct CameraStats {
    since: Instant,
    /// At most [`WINDOW`] old, oldest first.
    samples: VecDeque<Sample>,
    refused: u64,
    /// Of the last result.
    output: StageOutput,
}

/// One result, as it counts in the window.
#[derive(Clone, Copy, Debug)]
struct Sample {
    at: Instant,
    age_ms: f64,
    superseded: u64,
}

/// The statistics of the window that ends now.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct WindowStats<'a> {
    /// Results per second.
    pub(super) rate_hz: f64,
    /// Median and 99th percentile of the results' ages; `None` without results.
    pub(super) age_ms: Option<(f64, f64)>,
    /// Superseded frames per second.
    pub(super) superseded_hz: f64,
    /// Frames refused since the watch began.
    pub(super) refused: u64,
    /// What the stages say in the last result; `None` if the window has no result.
    pub(super) output: Option<&'a StageOutput>,
}

impl CameraStats {
    pub(super) fn new(now: Instant) -> Self {
        Self { since: now, samples: VecDeque::new(), refused: 0, output: StageOutput::default() }
    }

    pub(super) fn record_result(&mut self, result: &FrameResult, output: StageOutput, now: Instant) {
        self.evict(now);
        self.samples.push_back(Sample { at: now, age_ms: result.age_ms.result, superseded: result.superseded });
        self.output = output;
    }

    pub(super) fn record_refused(&mut self) {
        self.refused += 1;
    }

    pub(super) fn window(&mut self, now: Instant) -> WindowStats<'_> {
        self.evict(now);
        // A watch that has just begun divides by one second at least: two results within a millisecond are not a
        // rate of thousands.
        let seconds = now.duration_since(self.since).clamp(Duration::from_secs(1), WINDOW).as_secs_f64();
        let count = u32::try_from(self.samples.len()).unwrap_or(u32::MAX);
        let mut ages: Vec<f64> = self.samples.iter().map(|sample| sample.age_ms).collect();
        ages.sort_by(f64::total_cmp);
        let superseded = self.samples.iter().map(|sample| sample.superseded).fold(0, u64::saturating_add);
        WindowStats {
            rate_hz: f64::from(count) / seconds,
            age_ms: percentile(&ages, 50).zip(percentile(&ages, 99)),
            superseded_hz: f64::from(u32::try_from(superseded).unwrap_or(u32::MAX)) / seconds,
            refused: self.refused,
            output: (count > 0).then_some(&self.output),
        }
    }

    /// Drops the samples that have left the window.
    fn evict(&mut self, now: Instant) {
        while self.samples.front().is_some_and(|sample| now.duration_since(sample.at) >= WINDOW) {
            self.samples.pop_front();
        }
    }
}

/// The nearest-rank percentile: the smallest of the `sorted` values that `percent` of them do not exceed.
fn percentile(sorted: &[f64], percent: usize) -> Option<f64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Message;

    fn result(age_ms: f64, superseded: u64) -> FrameResult {
        let text = format!(
            r#"{{"type":"result","camera":"door","seq":1,"captured_at":"2026-11-22T10:00:00Z","captured_by":"arrival",
                "age_ms":{{"start":0.0,"result":{age_ms}}},"superseded":{superseded},"size_px":[640,480]}}"#
        );
        let Ok(Message::Result(result)) = Message::from_json(&text) else { panic!("no result: {text}") };
        result
    }

    #[test]
    fn the_window_is_the_last_five_seconds() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut stats = CameraStats::new(start);
        for (n, age_ms) in (0..100u32).map(|n| (n, f64::from(n))) {
            stats.record_result(&result(age_ms, 2), StageOutput::default(), at(100 * u64::from(n)));
        }
        stats.record_refused();
        let window = stats.window(at(9_950));
        assert_eq!((window.rate_hz, window.superseded_hz, window.refused), (10.0, 20.0, 1));
        assert_eq!(window.age_ms, Some((74.0, 99.0)));
        assert!(window.output.is_some());

        let silent = stats.window(at(60_000));
        let nothing = WindowStats { rate_hz: 0.0, age_ms: None, superseded_hz: 0.0, refused: 1, output: None };
        assert_eq!(silent, nothing);
    }

    #[test]
    fn the_first_second_does_not_exaggerate_the_rate() {
        let start = Instant::now();
        let mut stats = CameraStats::new(start);
        stats.record_result(&result(3.0, 0), StageOutput::default(), start);
        stats.record_result(&result(5.0, 0), StageOutput::default(), start + Duration::from_millis(1));
        let window = stats.window(start + Duration::from_millis(2));
        assert_eq!((window.rate_hz, window.age_ms), (2.0, Some((3.0, 5.0))));
    }

    #[test]
    fn counts_of_any_size_add_up() {
        let start = Instant::now();
        let mut stats = CameraStats::new(start);
        for _ in 0..2 {
            stats.record_result(&result(1.0, u64::MAX), StageOutput::default(), start);
        }
        assert_eq!(stats.window(start).superseded_hz, f64::from(u32::MAX));
    }

    #[test]
    fn percentiles_are_values_that_occurred() {
        let values: Vec<f64> = (1..=200).map(f64::from).collect();
        assert_eq!((percentile(&values, 50), percentile(&values, 99)), (Some(100.0), Some(198.0)));
        assert_eq!((percentile(&[7.0], 50), percentile(&[7.0], 99)), (Some(7.0), Some(7.0)));
        assert_eq!(percentile(&[], 50), None);
    }
}

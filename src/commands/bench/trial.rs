//! A run with one load, and what all runs with that load say together.

use std::time::Duration;

use serde::Serialize;

use super::search::Level;
use crate::capacity::Ages;

/// Which part of the frames must have a result in time, so that a load is kept.
pub(super) const KEPT: f64 = 0.99;

/// What one run measured.
#[derive(Clone, Debug)]
pub(super) struct Trial {
    pub(super) level: Level,
    /// Frames a second of each camera.
    pub(super) fps: f64,
    /// How long frames were measured.
    pub(super) duration: Duration,
    /// Frames that were due.
    pub(super) due: usize,
    /// Frames that could not be sent.
    pub(super) unsent: usize,
    /// Ages of results, ascending.
    pub(super) ages_ms: Vec<f64>,
    /// How old a result may be.
    pub(super) limit_ms: f64,
    /// Frames that the processor worked on, and for how long.
    pub(super) processed: (u64, Duration),
    /// Over which time that was.
    pub(super) span: Duration,
    /// Processor time of all other threads of the daemon, and frames that were sent meanwhile.
    pub(super) received: (usize, Duration),
}

/// A run as `--json` has it.
#[derive(Debug, Serialize)]
pub(super) struct TrialReport {
    cameras: u32,
    fps: f64,
    duration_s: f64,
    frames: usize,
    frames_unsent: usize,
    results: usize,
    results_in_time: usize,
    is_kept: bool,
    age_p50_ms: Option<f64>,
    age_p99_ms: Option<f64>,
    processor_load: f64,
}

impl Trial {
    pub(super) fn in_time(&self) -> usize {
        self.ages_ms.partition_point(|&age| age <= self.limit_ms)
    }

    pub(super) fn is_kept(&self) -> bool {
        is_kept(self.in_time(), self.due)
    }

    /// The age that this part of the results is no older than.
    pub(super) fn age_ms(&self, share: f64) -> Option<f64> {
        quantile(&self.ages_ms, share)
    }

    /// Which part of the time the processor worked.
    pub(super) fn load(&self) -> f64 {
        (self.processed.1.as_secs_f64() / self.span.as_secs_f64()).min(1.0)
    }

    /// How long the processor works on a frame.
    pub(super) fn frame_time(&self) -> Option<Duration> {
        self.processed.1.checked_div(u32::try_from(self.processed.0).ok()?)
    }

    pub(super) fn report(&self) -> TrialReport {
        TrialReport {
            cameras: self.level.senders(),
            fps: round(self.fps),
            duration_s: round(self.duration.as_secs_f64()),
            frames: self.due,
            frames_unsent: self.unsent,
            results: self.ages_ms.len(),
            results_in_time: self.in_time(),
            is_kept: self.is_kept(),
            age_p50_ms: self.age_ms(0.5),
            age_p99_ms: self.age_ms(0.99),
            processor_load: round(self.load()),
        }
    }
}

/// All runs with one load.
#[derive(Debug)]
pub(super) struct Pool<'t>(pub(super) Vec<&'t Trial>);

impl Pool<'_> {
    /// Whether this part of all their frames had a result in time.
    pub(super) fn is_kept(&self) -> bool {
        is_kept(self.sum(Trial::in_time), self.sum(|trial| trial.due))
    }

    /// Which part of the frames had a result in time.
    pub(super) fn in_time(&self) -> f64 {
        share(self.sum(Trial::in_time), self.sum(|trial| trial.due))
    }

    /// Results a second of each camera.
    pub(super) fn results_fps(&self) -> f64 {
        let fps = self.0.first().map_or(0.0, |trial| trial.fps);
        fps * share(self.sum(|trial| trial.ages_ms.len()), self.sum(|trial| trial.due))
    }

    /// How busy the processor was, on average.
    pub(super) fn load(&self) -> f64 {
        let busy: Duration = self.0.iter().map(|trial| trial.processed.1).sum();
        let span: Duration = self.0.iter().map(|trial| trial.span).sum();
        let (busy, span) = (busy.as_secs_f64(), span.as_secs_f64());
        if span > 0.0 { (busy / span).min(1.0) } else { 0.0 }
    }

    pub(super) fn ages(&self) -> Option<Ages> {
        let mut all: Vec<_> = self.0.iter().flat_map(|trial| trial.ages_ms.iter().copied()).collect();
        all.sort_by(f64::total_cmp);
        let p99s = || self.0.iter().filter_map(|trial| trial.age_ms(0.99));
        Some(Ages {
            p50: quantile(&all, 0.5)?,
            p99: quantile(&all, 0.99)?,
            p99_low: p99s().reduce(f64::min)?,
            p99_high: p99s().reduce(f64::max)?,
        })
    }

    fn sum(&self, count: impl Fn(&Trial) -> usize) -> usize {
        self.0.iter().map(|trial| count(trial)).sum()
    }
}

/// How many runs with one load there are.
fn runs(trials: &[Trial], level: Level) -> usize {
    trials.iter().filter(|trial| trial.level == level).count()
}

/// All runs with one load.
pub(super) fn pool(trials: &[Trial], level: Level) -> Pool<'_> {
    Pool(trials.iter().filter(|trial| trial.level == level).collect())
}

/// The highest load that is kept, and the lowest one above it that is not. All runs with a load are judged together.
pub(super) fn border(trials: &[Trial]) -> (Option<Level>, Option<Level>) {
    let mut levels: Vec<_> = trials.iter().map(|trial| trial.level).collect();
    levels.sort_unstable();
    levels.dedup();
    let missed = levels.iter().find(|&&level| !pool(trials, level).is_kept()).copied();
    let kept = levels.iter().filter(|&&level| missed.is_none_or(|missed| level < missed)).max().copied();
    (kept, missed)
}

/// Which load to measure again, or anew, to know the border better: both sides by turns, so that what else the machine does
/// meanwhile concerns both alike.
pub(super) fn next(trials: &[Trial]) -> Level {
    match border(trials) {
        (Some(kept), Some(missed)) if kept.next() < missed => kept.middle(missed),
        (Some(kept), Some(missed)) if runs(trials, missed) < runs(trials, kept) => missed,
        (Some(kept), Some(_)) => kept,
        (Some(kept), None) => kept.next(),
        (None, Some(missed)) => missed.previous().unwrap_or(missed),
        (None, None) => Level::ONE_CAMERA,
    }
}

fn is_kept(in_time: usize, due: usize) -> bool {
    due > 0 && share(in_time, due) >= KEPT
}

#[expect(clippy::cast_precision_loss, reason = "counts of frames of a minute")]
fn share(part: usize, all: usize) -> f64 {
    if all == 0 { 0.0 } else { part as f64 / all as f64 }
}

/// The value that this share of `ascending` is at most: the nearest rank.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an index of the slice"
)]
fn quantile(ascending: &[f64], share: f64) -> Option<f64> {
    let rank = (ascending.len() as f64 * share).ceil() as usize;
    ascending.get(rank.max(1) - 1).map(|&value| round(value))
}

/// To a thousandth.
pub(super) fn round(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(due: usize, ages_ms: &[f64]) -> Trial {
        Trial {
            level: Level::ONE_CAMERA,
            fps: 10.0,
            duration: Duration::from_secs(2),
            due,
            unsent: 0,
            ages_ms: ages_ms.to_vec(),
            limit_ms: 50.0,
            processed: (20, Duration::from_millis(500)),
            span: Duration::from_secs(2),
            received: (20, Duration::ZERO),
        }
    }

    #[test]
    fn a_frame_without_a_result_is_not_in_time() {
        assert!(trial(100, &[1.0; 99]).is_kept());
        assert!(!trial(101, &[1.0; 99]).is_kept());
        assert!(!trial(100, &[[1.0; 98].as_slice(), &[50.1, 50.1]].concat()).is_kept());
        assert!(!trial(0, &[]).is_kept(), "nothing was measured");
    }

    #[test]
    fn runs_are_judged_together_and_their_range_is_told() {
        let [good, bad] = [trial(100, &[10.0; 100]), trial(100, &[[20.0; 97].as_slice(), &[90.0; 3]].concat())];
        let both = Pool(vec![&good, &bad]);
        assert!(!both.is_kept() && Pool(vec![&good]).is_kept());
        let ages = both.ages().unwrap();
        assert_eq!((ages.p50, ages.p99, ages.p99_low, ages.p99_high), (10.0, 90.0, 10.0, 90.0));
        assert_eq!((both.load(), both.in_time()), (0.25, 0.985));
        assert_eq!(Pool(vec![&trial(10, &[])]).ages(), None);
    }
}

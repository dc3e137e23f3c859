//! From runs to the answer: the border between the loads that are kept and those that are not, and what lies beyond it.

use std::{path::PathBuf, time::Duration};

use jiff::Timestamp;

use super::{
    frames::Frames,
    search::Level,
    trial::{Pool, Trial, border, pool, round},
};
use crate::{
    capacity::{Ages, Capacity, Interval, LimitedBy, OneMore},
    commands::BenchArgs,
    config::Config,
    stage,
};

/// How busy a processor is that cannot take more.
const BUSY: f64 = 0.7;

/// Which part of the limit a frame may take on the processor before that is the reason that results are late.
const MUCH_OF_THE_LIMIT: f64 = 0.5;

/// All that was measured, and how.
#[derive(Debug)]
pub(super) struct Measured<'m> {
    pub(super) args: &'m BenchArgs,
    /// The configuration that was used, if any.
    pub(super) source: Option<PathBuf>,
    pub(super) config: &'m Config,
    pub(super) frames: &'m Frames,
    pub(super) processor: &'m str,
    pub(super) core: Option<usize>,
    pub(super) core_is_shared: bool,
    pub(super) other_cores: &'m [usize],
    pub(super) beside: &'m [u32],
    pub(super) trials: &'m [Trial],
    pub(super) took: Duration,
}

/// What the runs say.
pub(super) fn capacity(measured: &Measured<'_>) -> Capacity {
    let Measured { args, config, trials, .. } = *measured;
    let (kept, next) = border(trials);
    let cameras = kept.map_or(0, Level::cameras);
    let missed =
        trials.iter().filter(|trial| !trial.is_kept()).map(|trial| trial.level.cameras().saturating_sub(1)).min();
    let highest = trials.iter().filter(|trial| trial.is_kept()).map(|trial| trial.level.cameras()).max();
    let size = measured.frames.size();
    let (frames, busy) = trials
        .iter()
        .fold((0, Duration::ZERO), |(frames, busy), trial| (frames + trial.processed.0, busy + trial.processed.1));
    let (sent, received) = trials
        .iter()
        .fold((0, Duration::ZERO), |(sent, time), trial| (sent + trial.received.0 as u64, time + trial.received.1));
    let of_any = |stage: &&&str| config.cameras.iter().any(|camera| camera.stages.names().contains(stage));
    Capacity {
        version: env!("CARGO_PKG_VERSION").into(),
        measured_at: Timestamp::now(),
        measured_for_s: round(measured.took.as_secs_f64()),
        processor: measured.processor.to_owned(),
        core: measured.core,
        core_is_shared: measured.core_is_shared,
        daemons_beside: u32::try_from(measured.beside.len()).unwrap_or(u32::MAX),
        stages: stage::NAMES.iter().filter(of_any).map(|&name| name.to_owned()).collect(),
        size_px: [size.width_px, size.height_px],
        frame_bytes: measured.frames.mean_bytes() as u64,
        fps: args.fps.hz(),
        limit_ms: args.limit_ms,
        cameras,
        cameras_low: missed.unwrap_or(cameras).min(cameras),
        cameras_high: highest.unwrap_or(cameras).max(cameras),
        kept_fps: (cameras == 0).then(|| kept.map_or(0.0, |level| round(args.fps.hz() * level.rate_share()))),
        limited_by: limited_by(kept, next, trials),
        processor_ms: millis_each(busy, frames),
        receive_ms: millis_each(received, sent),
        age_ms: kept.and_then(|level| pool(trials, level).ages()),
        one_more: next.map(|level| one_more(kept, level, trials)),
    }
}

fn one_more(kept: Option<Level>, level: Level, trials: &[Trial]) -> OneMore {
    let with_it = pool(trials, level);
    OneMore {
        cameras: level.senders(),
        fps: round(with_it.0.first().map_or(0.0, |trial| trial.fps)),
        results_fps: round(with_it.results_fps()),
        in_time: round(with_it.in_time()),
        age_ms: with_it.ages(),
        p99_ratio: kept.and_then(|kept| ratio(&pool(trials, kept), &with_it)),
    }
}

/// The age p99 with one more against that without: of all runs, and of the pairs of first runs, second runs and so on.
fn ratio(without: &Pool<'_>, with_it: &Pool<'_>) -> Option<Interval> {
    let p99 = |pool: &Pool<'_>| pool.ages().map(|Ages { p99, .. }| p99.max(1e-3));
    let pairs = without.0.iter().zip(&with_it.0);
    let pairs = || pairs.clone().filter_map(|(one, other)| Some(other.age_ms(0.99)? / one.age_ms(0.99)?.max(1e-3)));
    let value = p99(with_it)? / p99(without)?;
    let (low, high) = (pairs().reduce(f64::min)?, pairs().reduce(f64::max)?);
    Some(Interval { value: round(value), low: round(low.min(value)), high: round(high.max(value)) })
}

fn limited_by(kept: Option<Level>, missed: Option<Level>, trials: &[Trial]) -> LimitedBy {
    let Some(missed) = missed.or(kept).map(|level| pool(trials, level)).filter(|pool| !pool.is_kept()) else {
        return LimitedBy::Unknown;
    };
    // A frame that takes too long does so on an idle processor, too.
    let is_slow = |trial: &&Trial| {
        trial.frame_time().is_some_and(|time| time.as_secs_f64() * 1e3 > trial.limit_ms * MUCH_OF_THE_LIMIT)
    };
    if missed.load() >= BUSY || missed.0.iter().any(is_slow) { LimitedBy::Processor } else { LimitedBy::OtherCores }
}

#[expect(clippy::cast_precision_loss, reason = "frames of a minute")]
fn millis_each(time: Duration, count: u64) -> f64 {
    if count == 0 { 0.0 } else { round(time.as_secs_f64() * 1e3 / count as f64) }
}

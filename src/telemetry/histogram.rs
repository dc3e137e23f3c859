//! Durations, counted in buckets: of all time and of the last few seconds.
//!
//! Recording and reading take no lock: the buckets are atomic numbers, read one by one.

use std::{
    array,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    time::Duration,
};

use crate::system::clock::Monotonic;

/// Steps to each doubling of a duration: a step is at most an eighth of it wide.
const STEPS: usize = 8;

/// Doublings that have buckets: up to 67 s (2^26 us). A longer duration counts as that long.
const OCTAVES: usize = 26;

/// The first eight steps are a microsecond each; from then on an octave takes eight, which leaves out three octaves.
const BUCKETS: usize = (OCTAVES - 2) * STEPS;

/// How far back "recent" reaches at most, and at least half of it once there was something for so long.
pub const RECENT: Duration = Duration::from_secs(10);

/// How many durations fell into each bucket, as one thread or several record them.
#[derive(Debug)]
pub struct Histogram {
    counts: [AtomicU64; BUCKETS],
    sum_us: AtomicU64,
}

/// A [`Histogram`] as it once stood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distribution {
    counts: [u64; BUCKETS],
    sum: Duration,
}

/// A histogram of all time, and one of the last few seconds.
///
/// One thread records. Nothing has to be done for time to pass: two windows are filled by turns, and the older one is
/// emptied when something comes and the newer one is old enough.
#[derive(Debug, Default)]
pub struct WindowedHistogram {
    all: Histogram,
    windows: [Window; 2],
    /// How often the windows took turns; the newer one is this modulo 2. Odd while they do: it counts twice for each.
    turns: AtomicUsize,
}

#[derive(Debug, Default)]
struct Window {
    /// When it began, in microseconds since boot; 0: it never did.
    began_us: AtomicU64,
    histogram: Histogram,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: array::from_fn(|_| AtomicU64::new(0)), sum_us: AtomicU64::new(0) }
    }
}

impl Default for Distribution {
    fn default() -> Self {
        Self { counts: [0; BUCKETS], sum: Duration::ZERO }
    }
}

// Relaxed throughout: each number is right by itself, and nothing else is read because of it.
impl Histogram {
    /// Counts one.
    pub fn record(&self, value: Duration) {
        self.counts[bucket(value)].fetch_add(1, Ordering::Relaxed);
        self.sum_us.fetch_add(u64::try_from(value.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// As it stands now.
    #[must_use]
    pub fn distribution(&self) -> Distribution {
        let counts = array::from_fn(|bucket| self.counts[bucket].load(Ordering::Relaxed));
        Distribution { counts, sum: Duration::from_micros(self.sum_us.load(Ordering::Relaxed)) }
    }

    fn clear(&self) {
        self.counts.iter().for_each(|count| count.store(0, Ordering::Relaxed));
        self.sum_us.store(0, Ordering::Relaxed);
    }
}

impl Distribution {
    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// All of them added up.
    #[must_use]
    pub fn sum(&self) -> Duration {
        self.sum
    }

    /// The duration that `share` of them (0 to 1) do not exceed, to within an eighth; `None` if there are none.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "an estimate to within an eighth")]
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let wanted = (share * self.count() as f64).max(1.0);
        let mut before = 0.0;
        for (bucket, &count) in self.counts.iter().enumerate().filter(|&(_, &count)| count > 0) {
            let count = count as f64;
            if before + count >= wanted {
                let (from, to) = (start(bucket), start(bucket + 1));
                return Some(from + (to - from).mul_f64((wanted - before) / count));
            }
            before += count;
        }
        None
    }

    /// How many are below each doubling: (1 us, n), (2 us, n) and so on, the last one 67 s.
    pub fn cumulative(&self) -> impl Iterator<Item = (Duration, u64)> {
        (0..=OCTAVES).map(|octave| {
            let limit = Duration::from_micros(1 << octave);
            (limit, self.counts[..bucket(limit)].iter().sum())
        })
    }

    fn add(&mut self, other: &Self) {
        self.counts.iter_mut().zip(other.counts).for_each(|(count, more)| *count += more);
        self.sum += other.sum;
    }
}

impl WindowedHistogram {
    /// Counts one that came at `now`. To be called by one thread only.
    pub fn record(&self, value: Duration, now: Monotonic) {
        let turns = self.turns.load(Ordering::Relaxed);
        let mut newer = &self.windows[turns / 2 % 2];
        if newer.age(now).is_none_or(|age| age >= RECENT / 2) {
            // Odd before anything changes, even when all of it has: readers look before and after.
            self.turns.store(turns + 1, Ordering::SeqCst);
            newer = &self.windows[(turns / 2 + 1) % 2];
            newer.histogram.clear();
            newer.began_us.store(now.as_micros(), Ordering::SeqCst);
            self.turns.store(turns + 2, Ordering::SeqCst);
        }
        newer.histogram.record(value);
        self.all.record(value);
    }

    /// All there ever were.
    #[must_use]
    pub fn all(&self) -> Distribution {
        self.all.distribution()
    }

    /// Those of the last few seconds, and how many seconds that is.
    #[must_use]
    pub fn recent(&self, now: Monotonic) -> (Distribution, Duration) {
        loop {
            let turns = self.turns.load(Ordering::SeqCst);
            let recent = self.recent_after(turns / 2, now);
            // They take turns every five seconds: the second try is mostly the last.
            if turns.is_multiple_of(2) && turns == self.turns.load(Ordering::SeqCst) {
                return recent;
            }
            std::hint::spin_loop();
        }
    }

    fn recent_after(&self, turn: usize, now: Monotonic) -> (Distribution, Duration) {
        let (mut sum, mut span) = (Distribution::default(), RECENT);
        // The newer first; the older one belongs to it only as far as nothing is missing between them.
        for window in [turn % 2, (turn + 1) % 2].map(|index| &self.windows[index]) {
            let Some(age) = window.age(now).filter(|age| *age <= RECENT) else { break };
            sum.add(&window.histogram.distribution());
            span = age;
        }
        (sum, span)
    }
}

impl Window {
    fn age(&self, now: Monotonic) -> Option<Duration> {
        let began_us = self.began_us.load(Ordering::SeqCst);
        (began_us > 0).then(|| now.since(Monotonic::from_micros(began_us)))
    }
}

/// The bucket of a duration: its three bits behind the leading one, counted on through the octaves.
fn bucket(age: Duration) -> usize {
    let micros = usize::try_from(age.as_micros()).unwrap_or(usize::MAX);
    if micros < STEPS {
        return micros;
    }
    let octave = (micros.ilog2() - STEPS.ilog2()) as usize;
    (octave * STEPS + (micros >> octave)).min(BUCKETS - 1)
}

/// The least duration in a bucket.
fn start(bucket: usize) -> Duration {
    let octave = (bucket / STEPS).saturating_sub(1);
    let step = bucket - octave * STEPS;
    Duration::from_micros((step as u64) << octave)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    const fn at(millis: u64) -> Monotonic {
        Monotonic::from_micros(1_000_000_000 + millis * 1000)
    }

    #[test]
    fn every_age_is_in_its_bucket_and_buckets_are_narrow() {
        for micros in (0..5_000).chain((5_000..(1 << OCTAVES)).step_by(997)) {
            let age = Duration::from_micros(micros);
            let (from, to) = (start(bucket(age)), start(bucket(age) + 1));
            assert!(from <= age && age < to, "{age:?} in {from:?}..{to:?}");
            assert!(to - from <= (from / 8).max(Duration::from_micros(1)), "{from:?}..{to:?}");
        }
        assert_eq!(bucket(Duration::MAX), BUCKETS - 1);
        assert_eq!(start(BUCKETS), Duration::from_micros(1 << OCTAVES));
    }

    #[test]
    fn quantiles_are_near_the_truth() {
        let ages = Histogram::default();
        assert_eq!(ages.distribution().quantile(0.5), None);
        (1..=1000).for_each(|age| ages.record(ms(age)));
        let ages = ages.distribution();
        for (share, truth) in [(0.5, ms(500)), (0.95, ms(950)), (0.99, ms(990)), (0.0, ms(1)), (1.0, ms(1000))] {
            let found = ages.quantile(share).unwrap();
            assert!(found.abs_diff(truth) <= truth / 8, "{share}: {found:?}, not {truth:?}");
        }
        assert_eq!((ages.count(), ages.sum()), (1000, ms(500_500)));
    }

    #[test]
    fn doublings_are_counted_exactly() {
        let ages = Histogram::default();
        [1, 2, 1024, 1023, 1 << 30].into_iter().for_each(|micros| ages.record(Duration::from_micros(micros)));
        let below: Vec<_> = ages.distribution().cumulative().map(|(limit, count)| (limit.as_micros(), count)).collect();
        assert_eq!(below[..3], [(1, 0), (2, 1), (4, 2)]);
        assert_eq!(below[10..12], [(1024, 3), (2048, 4)]);
        assert_eq!(below.last(), Some(&(1 << 26, 4)), "the last age is beyond it");
    }

    #[test]
    fn recent_is_between_five_and_ten_seconds() {
        let ages = WindowedHistogram::default();
        for second in 0..60 {
            ages.record(ms(second), at(second * 1000));
            let (recent, span) = ages.recent(at(second * 1000));
            assert!(span <= RECENT && (second < 5 || span >= RECENT / 2), "{span:?} at {second} s");
            assert_eq!(recent.count(), span.as_secs() + 1, "at {second} s");
        }
        assert_eq!(ages.all().count(), 60);
    }

    #[test]
    fn what_is_old_is_not_recent() {
        let ages = WindowedHistogram::default();
        ages.record(ms(900), at(0));
        assert_eq!(ages.recent(at(10_000)).0.count(), 1);
        assert_eq!(ages.recent(at(10_001)).0.count(), 0);
        ages.record(ms(1), at(100_000));
        let (recent, span) = ages.recent(at(100_500));
        assert_eq!((recent.count(), recent.sum(), span), (1, ms(1), ms(500)));
    }
}

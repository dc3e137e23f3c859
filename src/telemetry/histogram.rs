//! How old results were when they left: a histogram, of all of them and of the last few seconds. Pure.

use std::time::Duration;

use crate::system::clock::Monotonic;

/// Steps to each doubling of the age: a step is at most an eighth of the age wide.
const STEPS: usize = 8;

/// Doublings that are told apart: up to 67 s (2^26 us). What is older counts as that old.
const OCTAVES: usize = 26;

/// The first eight steps are a microsecond each; from then on an octave takes eight, which leaves out three octaves.
const BUCKETS: usize = (OCTAVES - 2) * STEPS;

/// How far back "recent" reaches at most, and at least half of it once there were results for so long.
pub const RECENT: Duration = Duration::from_secs(10);

/// How many results were how old.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram {
    counts: [u64; BUCKETS],
    sum: Duration,
}

/// All ages, and those of the last few seconds among them.
///
/// Nothing has to be done for time to pass: two marks say how the counts stood, and a new one is set when a result
/// comes and the newest is old enough.
#[derive(Clone, Debug, Default)]
pub struct WindowedHistogram {
    all: Histogram,
    /// The older one first.
    marks: [Mark; 2],
}

#[derive(Clone, Debug, Default)]
struct Mark {
    at: Monotonic,
    before: Histogram,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: [0; BUCKETS], sum: Duration::ZERO }
    }
}

impl Histogram {
    /// Counts one.
    pub fn add(&mut self, age: Duration) {
        self.counts[bucket(age)] += 1;
        self.sum += age;
    }

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

    /// The age that `share` of them (0 to 1) do not exceed, to within an eighth; `None` if there are none.
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
    pub fn below(&self) -> impl Iterator<Item = (Duration, u64)> {
        (0..=OCTAVES).map(|octave| {
            let limit = Duration::from_micros(1 << octave);
            (limit, self.counts[..bucket(limit)].iter().sum())
        })
    }

    /// Those that came after `earlier`, which is this as it once stood.
    fn since(&self, earlier: &Self) -> Self {
        let counts = std::array::from_fn(|bucket| self.counts[bucket] - earlier.counts[bucket]);
        Self { counts, sum: self.sum.saturating_sub(earlier.sum) }
    }
}

impl WindowedHistogram {
    /// Counts one of a result that left at `now`.
    pub fn add(&mut self, age: Duration, now: Monotonic) {
        let [older, newer] = &mut self.marks;
        if now.since(newer.at) >= RECENT / 2 {
            std::mem::swap(older, newer);
            newer.at = now;
            newer.before.clone_from(&self.all);
        }
        self.all.add(age);
    }

    /// All there ever were.
    #[must_use]
    pub fn all(&self) -> &Histogram {
        &self.all
    }

    /// Those of the last few seconds, and how many seconds that is.
    #[must_use]
    pub fn recent(&self, now: Monotonic) -> (Histogram, Duration) {
        match self.marks.iter().find(|mark| now.since(mark.at) <= RECENT) {
            Some(mark) => (self.all.since(&mark.before), now.since(mark.at)),
            None => (Histogram::default(), RECENT),
        }
    }
}

/// The bucket of an age: its three bits behind the leading one, counted on through the octaves.
fn bucket(age: Duration) -> usize {
    let micros = usize::try_from(age.as_micros()).unwrap_or(usize::MAX);
    if micros < STEPS {
        return micros;
    }
    let octave = (micros.ilog2() - STEPS.ilog2()) as usize;
    (octave * STEPS + (micros >> octave)).min(BUCKETS - 1)
}

/// The least age in a bucket.
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
        let mut ages = Histogram::default();
        assert_eq!(ages.quantile(0.5), None);
        (1..=1000).for_each(|age| ages.add(ms(age)));
        for (share, truth) in [(0.5, ms(500)), (0.95, ms(950)), (0.99, ms(990)), (0.0, ms(1)), (1.0, ms(1000))] {
            let found = ages.quantile(share).unwrap();
            assert!(found.abs_diff(truth) <= truth / 8, "{share}: {found:?}, not {truth:?}");
        }
        assert_eq!((ages.count(), ages.sum()), (1000, ms(500_500)));
    }

    #[test]
    fn doublings_are_counted_exactly() {
        let mut ages = Histogram::default();
        [1, 2, 1024, 1023, 1 << 30].into_iter().for_each(|micros| ages.add(Duration::from_micros(micros)));
        let below: Vec<_> = ages.below().map(|(limit, count)| (limit.as_micros(), count)).collect();
        assert_eq!(below[..3], [(1, 0), (2, 1), (4, 2)]);
        assert_eq!(below[10..12], [(1024, 3), (2048, 4)]);
        assert_eq!(below.last(), Some(&(1 << 26, 4)), "the last age is beyond it");
    }

    #[test]
    fn recent_is_between_five_and_ten_seconds() {
        let mut ages = WindowedHistogram::default();
        for second in 0..60 {
            ages.add(ms(second), at(second * 1000));
            let (recent, span) = ages.recent(at(second * 1000));
            assert!(span <= RECENT && (second < 5 || span >= RECENT / 2), "{span:?} at {second} s");
            assert_eq!(recent.count(), span.as_secs() + 1, "at {second} s");
        }
        assert_eq!(ages.all().count(), 60);
    }

    #[test]
    fn what_is_old_is_not_recent() {
        let mut ages = WindowedHistogram::default();
        ages.add(ms(900), at(0));
        assert_eq!(ages.recent(at(10_000)).0.count(), 1);
        assert_eq!(ages.recent(at(10_001)).0.count(), 0);
        ages.add(ms(1), at(100_000));
        let (recent, span) = ages.recent(at(100_500));
        assert_eq!((recent.count(), recent.sum(), span), (1, ms(1), ms(500)));
    }
}

//! Which load to try next. Pure: it knows the runs so far, and no clock.
//!
//! Loads are numbered by level, so that one search serves fast and slow machines: below [`ONE`] a level is one camera with
//! a part of its rate, from there on whole cameras.

/// The level of one camera at its whole rate; those below it are sixteenths of the rate.
const ONE: u32 = 15;

/// The most cameras that are tried.
pub(super) const MAX_CAMERAS: u32 = 64;

const MAX_LEVEL: u32 = ONE + MAX_CAMERAS - 1;

/// How busy a processor is expected to be with the most cameras that it keeps.
const FULL: f64 = 0.85;

/// How many cameras, or which part of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Level(u32);

/// The highest level that is kept and the lowest one that is not, as far as is known.
#[derive(Debug, Default)]
pub(super) struct Search {
    kept: Option<u32>,
    missed: Option<u32>,
}

impl Level {
    /// One camera at its whole rate.
    pub(super) const ONE_CAMERA: Self = Self(ONE);

    /// How many cameras send.
    pub(super) fn senders(self) -> u32 {
        self.cameras().max(1)
    }

    /// How many cameras have their whole rate.
    pub(super) fn cameras(self) -> u32 {
        (self.0 + 1).saturating_sub(ONE)
    }

    /// Which part of its rate each camera has.
    pub(super) fn rate_share(self) -> f64 {
        f64::from(self.0.min(ONE) + 1) / f64::from(ONE + 1)
    }

    /// The next higher level.
    pub(super) fn next(self) -> Self {
        Self((self.0 + 1).min(MAX_LEVEL))
    }

    /// The level in the middle between this one and a higher one.
    pub(super) fn middle(self, higher: Self) -> Self {
        Self(u32::midpoint(self.0, higher.0))
    }

    /// The next lower level.
    pub(super) fn previous(self) -> Option<Self> {
        self.0.checked_sub(1).map(Self)
    }

    /// The highest level that a processor should keep if one camera at its whole rate takes `share` of its time.
    fn expected(share: f64) -> Self {
        let cameras = FULL / share.max(1e-3);
        let level = if cameras >= 1.0 {
            f64::from(ONE) + cameras.floor() - 1.0
        } else {
            (cameras * f64::from(ONE + 1)).floor() - 1.0
        };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the range of levels")]
        Self(level.clamp(0.0, f64::from(MAX_LEVEL)) as u32)
    }
}

impl Search {
    /// Notes whether a level was kept.
    pub(super) fn record(&mut self, Level(level): Level, is_kept: bool) {
        if is_kept {
            self.kept = self.kept.max(Some(level));
            self.missed = self.missed.filter(|&missed| missed > level);
        } else {
            self.missed = Some(self.missed.map_or(level, |missed| missed.min(level)));
            self.kept = self.kept.filter(|&kept| kept < level);
        }
    }

    /// The level to try next, if one camera at its whole rate takes `share` of the processor's time. `None` when the border
    /// is found, or there is none.
    pub(super) fn next(&self, share: f64) -> Option<Level> {
        let expected = Level::expected(share).0;
        let level = match (self.kept, self.missed) {
            (None, None) => expected,
            (Some(MAX_LEVEL), None) | (None, Some(0)) => return None,
            (Some(kept), None) if expected == kept => kept + 1,
            (Some(kept), None) => expected.max(kept + stride(kept)).min(MAX_LEVEL),
            (None, Some(missed)) => expected.min(missed - stride(missed)),
            (Some(kept), Some(missed)) if missed - kept <= 1 => return None,
            (Some(kept), Some(missed)) => u32::midpoint(kept, missed),
        };
        Some(Level(level))
    }
}

/// How far the next level is away if nothing better is known: a third of the cameras, or of the rate.
fn stride(level: u32) -> u32 {
    let size = if level >= ONE { level + 1 - ONE } else { level };
    (size / 3).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The levels that are tried on a machine that keeps `border` and nothing above, and where a camera takes `share`.
    fn tried(border: Option<u32>, share: f64) -> Vec<u32> {
        let (mut search, mut tried) = (Search::default(), Vec::new());
        while let Some(level) = search.next(share) {
            search.record(level, border.is_some_and(|border| level.0 <= border));
            tried.push(level.0);
            assert!(tried.len() < 100, "{tried:?}");
        }
        tried
    }

    #[test]
    fn a_level_is_cameras_or_a_part_of_one() {
        let describe = |level| (Level(level).senders(), Level(level).cameras(), Level(level).rate_share());
        assert_eq!(describe(ONE), (1, 1, 1.0));
        assert_eq!(describe(ONE + 4), (5, 5, 1.0));
        assert_eq!(describe(ONE - 8), (1, 0, 0.5));
        assert_eq!(describe(0), (1, 0, 1.0 / 16.0));
    }

    #[test]
    fn the_search_begins_near_the_border_and_ends_there() {
        assert_eq!(tried(Some(ONE + 4), 0.169), [ONE + 4, ONE + 5]);
        assert_eq!(tried(Some(ONE + 3), 0.169), [ONE + 4, ONE + 3]);
        assert_eq!(tried(Some(7), 1.7), [7, 8]);
        assert_eq!(tried(None, 1.7), [7, 5, 4, 3, 2, 1, 0]);
        assert_eq!(
            tried(Some(ONE + 1), 0.02),
            [ONE + 41, ONE + 27, ONE + 18, ONE + 12, ONE + 8, ONE + 5, ONE + 3, ONE + 2, ONE + 1]
        );
        assert_eq!(tried(Some(MAX_LEVEL), 1e-9), [MAX_LEVEL]);
        assert_eq!(tried(Some(MAX_LEVEL), f64::NAN), [MAX_LEVEL]);
    }

    #[test]
    fn a_later_run_overrules_an_earlier_one() {
        let mut search = Search::default();
        search.record(Level(20), false);
        search.record(Level(21), true);
        assert_eq!((search.kept, search.missed), (Some(21), None));
        search.record(Level(18), false);
        assert_eq!((search.kept, search.missed), (None, Some(18)));
    }
}

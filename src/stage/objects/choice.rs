//! Choice: which track needs a look most, and whether a crop or the whole picture is cheaper.

use std::time::Duration;

use super::names::{Names, Need};
use crate::{frame::Size, message::Rect, system::clock::Monotonic, tracking::Track};

/// The longest time that a track is moved on for by its velocity.
const LONGEST_S: f64 = 1.0;

/// A track that had no box for so long is not looked at: nobody knows where it is.
const LOST_AFTER: Duration = Duration::from_millis(700);

/// The least sides, in pixels, that a network says something of.
const LEAST_PX: [u32; 2] = [6, 12];

/// The longer side of a thing in the network's input from which on it is found in a whole picture.
const SEEN_PX: f64 = 24.0;

/// A track and where it is expected in the frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub(super) id: u64,
    pub(super) bounds: Rect,
    need: Need,
}

impl Candidate {
    /// One that is not decided yet.
    #[cfg(test)]
    pub(super) fn of(id: u64, bounds: Rect) -> Self {
        Self { id, bounds, need: Need::Undecided(1.0) }
    }

    /// Whether it is to be looked at.
    pub(super) fn is_due(&self) -> bool {
        self.need != Need::None
    }
}

/// The tracks that can be looked at in a frame captured at `at`, the neediest first.
pub(super) fn candidates(
    tracks: &[Track],
    names: &Names,
    ask_again: Duration,
    full: Size,
    at: Monotonic,
) -> Vec<Candidate> {
    let can_be_seen = |track: &&Track| track.is_confirmed() && at.since(track.seen()[1]) < LOST_AFTER;
    let mut all: Vec<_> = tracks
        .iter()
        .filter(can_be_seen)
        .filter_map(|track| {
            let bounds = expected(track, full, at)?;
            let is_large = bounds.width >= LEAST_PX[0] && bounds.height >= LEAST_PX[1];
            let need = names.need(track, at, ask_again);
            is_large.then_some((track.is_plausible(), Candidate { id: track.id(), bounds, need }))
        })
        .collect();
    // Of those of one kind, what may be weather comes after what moves as a body does.
    let rank = |(is_plausible, candidate): &(bool, Candidate)| match candidate.need {
        Need::None => (0, false, 0.0),
        Need::Again(seconds) => (1, *is_plausible, seconds),
        Need::Undecided(seconds) => (2, *is_plausible, seconds),
    };
    all.sort_by(|one, other| rank(other).partial_cmp(&rank(one)).unwrap_or(std::cmp::Ordering::Equal));
    all.into_iter().map(|(_, candidate)| candidate).collect()
}

/// Where a track is in a frame captured at `at`, earlier or later than the one that it was seen in last.
pub(super) fn expected(track: &Track, full: Size, at: Monotonic) -> Option<Rect> {
    let (bounds, seen, velocity) = (track.bounds(), track.seen()[1], track.velocity());
    let seconds = (at.since(seen).as_secs_f64() - seen.since(at).as_secs_f64()).clamp(-LONGEST_S, LONGEST_S);
    let along = |from: u32, length: u32, velocity: f64, of: u32| {
        let from = f64::from(from) + velocity * seconds;
        let (start, end) = (from.max(0.0), (from + f64::from(length)).min(f64::from(of)));
        (end - start >= 1.0).then(|| (pixels(start), pixels(end - start)))
    };
    let (x, width) = along(bounds.x, bounds.width, velocity[0], full.width_px)?;
    let (y, height) = along(bounds.y, bounds.height, velocity[1], full.height_px)?;
    Some(Rect { x, y, width, height })
}

/// To the nearest whole pixel.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is inside of a picture; the cast saturates"
)]
pub(super) fn pixels(value: f64) -> u32 {
    value.round() as u32
}

/// What looks cost, as a mean of the last ones. Nothing is known of what was not done yet.
#[derive(Debug, Default)]
pub(super) struct Prices {
    crop_s: Option<f64>,
    whole_s: Option<f64>,
}

impl Prices {
    /// A look at a part or at all of a picture took so long.
    pub(super) fn paid(&mut self, is_whole: bool, cost: Duration) {
        let price = if is_whole { &mut self.whole_s } else { &mut self.crop_s };
        let cost = cost.as_secs_f64();
        *price = Some(price.map_or(cost, |before| before + (cost - before) / 8.0));
    }

    /// Whether a look at the whole picture is cheaper than looks at all that is due, each at a part. It must be large enough to
    /// be found in a picture that is made as small as the network's input, with a longer side of `least_px` there at least.
    pub(super) fn is_whole_cheaper(&self, candidates: &[Candidate], full: Size, input: Size, least_px: f64) -> bool {
        let (Some(crop), Some(whole)) = (self.crop_s, self.whole_s) else { return false };
        let ratio = |input: u32, full: u32| f64::from(input) / f64::from(full.max(1));
        let scale = ratio(input.width_px, full.width_px).min(ratio(input.height_px, full.height_px));
        let least_px = least_px.max(SEEN_PX);
        let is_found =
            |candidate: &&Candidate| f64::from(candidate.bounds.width.max(candidate.bounds.height)) * scale >= least_px;
        let due = candidates.iter().filter(|candidate| candidate.is_due());
        let count = u32::try_from(due.filter(is_found).count()).unwrap_or(u32::MAX);
        // The neediest is not passed over because others are larger.
        let is_first_found = candidates.first().is_some_and(|first| is_found(&first));
        is_first_found && f64::from(count) * crop > whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tracking::{Tracker, shared::Label};

    const FULL: Size = Size { width_px: 1920, height_px: 1080 };
    const INPUT: Size = Size { width_px: 352, height_px: 352 };
    const AGAIN: Duration = Duration::from_secs(5);

    fn at(ms: u64) -> Monotonic {
        Monotonic::from_micros(10_000_000 + ms * 1000)
    }

    /// Tracks of things at these places, which move by so many pixels in each of ten frames.
    fn tracks(things: &[(u32, u32)]) -> Vec<Track> {
        let mut tracker = Tracker::new(Duration::from_secs(3));
        for n in 0..10 {
            let boxes: Vec<_> =
                things.iter().map(|(x, step)| Rect { x: x + n * step, y: 400, width: 80, height: 200 }).collect();
            tracker.observe(&boxes, at(u64::from(n) * 100));
        }
        tracker.tracks().to_vec()
    }

    fn ids(candidates: &[Candidate]) -> Vec<u64> {
        candidates.iter().filter(|candidate| candidate.is_due()).map(|candidate| candidate.id).collect()
    }

    #[test]
    fn a_track_is_looked_for_where_it_is_in_the_frame() {
        let tracks = tracks(&[(100, 20)]);
        let there = |ms| candidates(&tracks, &Names::default(), AGAIN, FULL, at(ms))[0].bounds;
        for (ms, x) in [(900, 280), (1100, 320), (800, 260)] {
            let found = there(ms);
            assert!(found.x.abs_diff(x) <= 6 && found.width == 80, "{ms}: {found:?}");
        }
        assert!(candidates(&tracks, &Names::default(), AGAIN, FULL, at(2000)).is_empty(), "nobody knows where it is");
    }

    #[test]
    fn the_least_certain_comes_first_and_what_is_certain_not_at_all() {
        let (tracks, mut names) = (tracks(&[(100, 20), (600, 20), (1200, 20)]), Names::default());
        let [first, second, third] = [0, 1, 2].map(|n| tracks[n].id());
        let label = || Some(Label { name: "person".into(), score: 0.9 });
        let look = |names: &mut Names, id, ms| {
            names.look(id, label(), Rect { x: 0, y: 0, width: 80, height: 200 }, at(ms), 0.5)
        };
        look(&mut names, first, 700);
        look(&mut names, second, 500);
        assert_eq!(ids(&candidates(&tracks, &names, AGAIN, FULL, at(900))), [third, second, first], "longest unasked");
        look(&mut names, second, 800);
        assert_eq!(ids(&candidates(&tracks, &names, AGAIN, FULL, at(900))), [third, first]);
        let again = Duration::from_millis(50);
        assert_eq!(ids(&candidates(&tracks, &names, again, FULL, at(900))), [third, first, second]);
    }

    #[test]
    fn whichever_is_cheaper_is_done() {
        let all = candidates(&tracks(&[(100, 20), (600, 20), (1200, 20)]), &Names::default(), AGAIN, FULL, at(900));
        let is_cheaper_for = |crop_ms, whole_ms, all: &[Candidate], least_px| {
            let mut prices = Prices::default();
            assert!(!prices.is_whole_cheaper(all, FULL, INPUT, 0.0), "nothing is known");
            prices.paid(false, Duration::from_millis(crop_ms));
            prices.paid(true, Duration::from_millis(whole_ms));
            prices.is_whole_cheaper(all, FULL, INPUT, least_px)
        };
        let is_whole_cheaper = |crop_ms, whole_ms, all: &[Candidate]| is_cheaper_for(crop_ms, whole_ms, all, 20.0);
        assert!(is_whole_cheaper(20, 50, &all));
        assert!(!is_whole_cheaper(10, 50, &all));
        assert!(!is_whole_cheaper(20, 50, &all[..1]));
        let small: Vec<_> =
            all.iter().map(|one| Candidate { bounds: Rect { width: 30, height: 60, ..one.bounds }, ..*one }).collect();
        assert!(!is_whole_cheaper(20, 50, &small), "a whole picture loses them");
        assert!(!is_cheaper_for(20, 50, &all, 88.0), "it loses their faces");
    }
}

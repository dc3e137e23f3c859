//! Names: what the network said of each track, and what follows from it.
//!
//! A name is the label that the network said in more than half of its last looks at a track, in two of them at least; its score is the
//! median of the scores, where a look that showed something else counts 0. A track keeps its name until another one wins.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use crate::{
    message::Rect,
    system::clock::Monotonic,
    tracking::{
        Track,
        shared::{Label, Labels},
    },
};

/// The looks at a track that count.
const LOOKS: usize = 5;

/// Looks without a name after which a track is taken for nothing.
const ENOUGH: u32 = 3;

/// The longest pause before something that is nothing is looked at again.
const LONGEST_PAUSE: Duration = Duration::from_secs(120);

/// A track is looked at again at once if a side has changed by this factor.
const CHANGED_BY: f64 = 1.5;

/// What is known of all tracks.
#[derive(Debug, Default)]
pub(super) struct Names {
    tracks: BTreeMap<u64, Known>,
    /// Whether what is nothing is looked at as often as what has a name: it may turn round and have a face.
    never_gives_up: bool,
}

/// What is known of one track.
#[derive(Debug, Default)]
struct Known {
    looks: VecDeque<Option<Label>>,
    looked: Option<Looked>,
    name: Option<Label>,
    /// Looks in a row that showed nothing.
    nothing: u32,
}

#[derive(Clone, Copy, Debug)]
struct Looked {
    at: Monotonic,
    sides: [u32; 2],
}

/// How much a track needs a look.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(super) enum Need {
    /// Not now.
    None,
    /// It has a name, or is nothing, since so many seconds.
    Again(f64),
    /// It is not decided yet; this long without a look.
    Undecided(f64),
}

impl Names {
    /// Nothing is known.
    pub(super) fn new(never_gives_up: bool) -> Self {
        Self { tracks: BTreeMap::new(), never_gives_up }
    }

    /// Forgets the tracks that are not there any more.
    pub(super) fn keep(&mut self, tracks: &[Track]) {
        self.tracks.retain(|id, _| tracks.iter().any(|track| track.id() == *id));
    }

    /// How much a track needs a look at `at`. `ask_again` is how long a name holds.
    pub(super) fn need(&self, track: &Track, at: Monotonic, ask_again: Duration) -> Need {
        let unseen = |since: Monotonic| at.since(since).as_secs_f64();
        let Some(Known { looked: Some(looked), name, nothing, .. }) = self.tracks.get(&track.id()) else {
            return Need::Undecided(unseen(track.seen()[0]));
        };
        let since = at.since(looked.at);
        let is_decided = name.is_some() || *nothing >= ENOUGH;
        if !is_decided {
            return Need::Undecided(since.as_secs_f64());
        }
        let is_firm = name.is_some() || self.never_gives_up;
        let doublings = if is_firm { 0 } else { nothing.saturating_sub(ENOUGH) };
        let pause = ask_again.saturating_mul(1_u32.checked_shl(doublings).unwrap_or(u32::MAX));
        // What changes its shape all the time is no reason to look all the time.
        let is_due = since >= pause.min(LONGEST_PAUSE.max(ask_again))
            || (is_firm && has_changed(looked.sides, track.bounds()) && since >= ask_again / 4);
        if is_due { Need::Again(since.as_secs_f64()) } else { Need::None }
    }

    /// Takes what a look at a track showed. Says whether the track has got a name, another one or its first.
    pub(super) fn look(&mut self, id: u64, shown: Option<Label>, bounds: Rect, at: Monotonic, min_score: f32) -> bool {
        let known = self.tracks.entry(id).or_default();
        known.looked = Some(Looked { at, sides: [bounds.width, bounds.height] });
        known.nothing = if shown.is_some() { 0 } else { known.nothing.saturating_add(1) };
        if known.looks.len() == LOOKS {
            known.looks.pop_front();
        }
        known.looks.push_back(shown);
        let Some(name) = decided(&known.looks).filter(|name| name.score >= min_score) else { return false };
        let is_new = known.name.as_ref().is_none_or(|before| before.name != name.name);
        known.name = Some(name);
        is_new
    }

    /// The name of a track.
    pub(super) fn name(&self, id: u64) -> Option<&Label> {
        self.tracks.get(&id)?.name.as_ref()
    }

    /// All names.
    pub(super) fn labels(&self) -> Labels {
        self.tracks.iter().filter_map(|(id, known)| Some((*id, known.name.clone()?))).collect()
    }
}

fn has_changed(before: [u32; 2], Rect { width, height, .. }: Rect) -> bool {
    before.into_iter().zip([width, height]).any(|(before, now)| {
        let ratio = f64::from(now.max(1)) / f64::from(before.max(1));
        !(CHANGED_BY.recip()..=CHANGED_BY).contains(&ratio)
    })
}

/// The name that these looks give, if they give one.
fn decided(looks: &VecDeque<Option<Label>>) -> Option<Label> {
    let mut counts: BTreeMap<&Arc<str>, usize> = BTreeMap::new();
    looks.iter().flatten().for_each(|label| *counts.entry(&label.name).or_default() += 1);
    let (name, count) = counts.into_iter().max_by_key(|(_, count)| *count)?;
    if count < 2 || 2 * count <= looks.len() {
        return None;
    }
    let score =
        |look: &Option<Label>| look.as_ref().filter(|label| label.name == *name).map_or(0.0, |label| label.score);
    let mut scores: Vec<f32> = looks.iter().map(score).collect();
    scores.sort_by(f32::total_cmp);
    // Of an even number the better one of the middle: more than half of the looks showed it.
    Some(Label { name: name.clone(), score: scores[scores.len() / 2] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tracking::Tracker;

    const BOX: Rect = Rect { x: 100, y: 100, width: 40, height: 80 };
    const AGAIN: Duration = Duration::from_secs(5);

    fn at(ms: u64) -> Monotonic {
        Monotonic::from_micros(10_000_000 + ms * 1000)
    }

    fn label(name: &str, score: f32) -> Option<Label> {
        Some(Label { name: name.into(), score })
    }

    fn track(bounds: Rect) -> Track {
        let mut tracker = Tracker::new(Duration::from_secs(3));
        for ms in [0, 100, 200] {
            tracker.observe(&[bounds], at(ms));
        }
        tracker.tracks()[0].clone()
    }

    #[test]
    fn a_name_is_what_more_than_half_of_the_looks_show() {
        let mut names = Names::default();
        assert!(!names.look(1, label("person", 0.9), BOX, at(0), 0.5), "one look is not enough");
        assert!(names.look(1, label("person", 0.7), BOX, at(100), 0.5));
        assert_eq!(names.name(1), label("person", 0.9).as_ref());
        assert!(!names.look(1, label("person", 0.6), BOX, at(200), 0.5), "it has the name");
        assert_eq!(names.name(1), label("person", 0.7).as_ref(), "the median");
        for ms in [300, 400] {
            names.look(1, None, BOX, at(ms), 0.5);
        }
        assert_eq!(names.name(1), label("person", 0.6).as_ref(), "3 of 5");
        for ms in [500, 600, 700, 800] {
            names.look(1, None, BOX, at(ms), 0.5);
        }
        assert_eq!(names.name(1), label("person", 0.6).as_ref(), "a track keeps its name");
        let is_new: Vec<_> = [900, 1000, 1100].map(|ms| names.look(1, label("dog", 0.8), BOX, at(ms), 0.5)).into();
        assert_eq!(is_new, [false, false, true], "until another one wins");
    }

    #[test]
    fn looks_that_differ_or_are_unsure_give_no_name() {
        let mut names = Names::default();
        for (ms, name) in [(0, "dog"), (1, "cat"), (2, "cow"), (3, "dog"), (4, "cat")] {
            assert!(!names.look(1, label(name, 0.9), BOX, at(ms), 0.5));
        }
        for ms in 0..8 {
            assert!(!names.look(2, label("dog", 0.4), BOX, at(ms), 0.5), "below min_score");
        }
        assert_eq!(names.labels(), Labels::new());
    }

    #[test]
    fn a_track_is_looked_at_until_it_is_decided_and_then_now_and_then() {
        let (mut names, track) = (Names::default(), track(BOX));
        assert_eq!(names.need(&track, at(1000), AGAIN), Need::Undecided(1.0));
        names.look(track.id(), label("person", 0.9), BOX, at(1000), 0.5);
        assert_eq!(names.need(&track, at(1500), AGAIN), Need::Undecided(0.5));
        names.look(track.id(), label("person", 0.9), BOX, at(1500), 0.5);
        assert_eq!(names.need(&track, at(6000), AGAIN), Need::None);
        assert_eq!(names.need(&track, at(6500), AGAIN), Need::Again(5.0));
        let mut wide = Names::default();
        for ms in 0..2 {
            wide.look(track.id(), label("person", 0.9), Rect { width: 80, ..BOX }, at(ms), 0.5);
        }
        assert!(matches!(wide.need(&track, at(1300), AGAIN), Need::Again(_)), "it has another shape");
        names.keep(&[]);
        assert_eq!(names.labels(), Labels::new());
    }

    /// The milliseconds between looks at what turns out to be nothing, for so many of them.
    fn pauses(names: &mut Names, track: &Track, until_ms: u64) -> Vec<u64> {
        let mut looked = Vec::new();
        for ms in (0..until_ms).step_by(100) {
            if names.need(track, at(ms), AGAIN) != Need::None {
                names.look(track.id(), None, BOX, at(ms), 0.5);
                looked.push(ms);
            }
        }
        looked.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }

    #[test]
    fn what_is_nothing_is_looked_at_ever_more_rarely() {
        let pauses = pauses(&mut Names::default(), &track(BOX), 600_000);
        assert_eq!(pauses[..2], [100, 100]);
        assert_eq!(pauses[2..8], [5_000, 10_000, 20_000, 40_000, 80_000, 120_000]);
    }

    #[test]
    fn for_masks_what_is_nothing_is_looked_at_as_often_as_before() {
        let (mut names, track) = (Names::new(true), track(BOX));
        let pauses = pauses(&mut names, &track, 60_000);
        assert!(pauses[2..].iter().all(|pause| *pause == 5_000), "{pauses:?}");
        names.look(track.id(), None, Rect { width: 80, ..BOX }, at(61_000), 0.5);
        assert!(matches!(names.need(&track, at(62_500), AGAIN), Need::Again(_)), "it has another shape");
    }
}

//! Which tracks are worth an event: those that go somewhere, as bodies do.

use super::{
    appearance::Appearance,
    course::{Course, Movement},
};
use crate::{
    message::Rect,
    system::clock::Monotonic,
    tracking::{MAX_TRACKS, Track, foot_point},
};

/// The least way between two points of a path, in sizes: less is the trembling of a box.
const STEP: f64 = 0.15;

/// Points of a path that are looked back at.
const MOST_STEPS: u32 = 24;

/// The least way from its begin, in sizes; and of what is long, in lengths.
const AWAY: f64 = 0.4;
const AWAY_IF_LONG: f64 = 2.5;

/// How many times as wide as high what lies flat is, as waves do: it is long.
const FLAT: f64 = 2.2;

/// How many times as high as wide what is thin is, as threads of a web are: the same. A walker is three times as high.
const THIN: f64 = 4.2;

/// The most that one change of the area, and one jump, count for in a calm scene: a leg that comes to a body is no reason to wait for a second.
const MOST_CHANGE: f64 = 0.6;
const MOST_JUMP: f64 = 0.4;

/// The part of the path that leads away from its begin.
const STRAIGHT: f64 = 0.6;

/// The mean change of the area from hit to hit, as a logarithm, at most.
const UNSTEADY: f64 = 0.25;

/// How far on average a box is from where the two before it lead, in sizes, at most.
const ERRATIC: f64 = 0.15;

/// Sizes a second at which what is long, or in weather, still goes where its path leads: a wave that ran and rests does not.
const GOES: f64 = 0.5;

/// Sizes a second that bodies go at most where other things move, too, from one box to the next and on average: snow and rain
/// are faster.
const FAST: f64 = 5.0;

/// Hits, or seconds, after which a track is judged; raindrops are taken for one another for a few frames. What goes where it is
/// expected, by half of what is erratic, needs one less, if the rim does not cut it: light that runs out of the picture moves as
/// its box gets smaller.
const HITS: u32 = 6;
const HITS_IF_EXPECTED: u32 = 5;
const LIVES_S: f64 = 0.5;

/// The same where rain and snow cut pieces off every box: those that are left of them move and change as they please.
const UNSTEADY_IN_WEATHER: f64 = 0.45;
const ERRATIC_IN_WEATHER: f64 = 0.7;

/// Seconds for which a track that was worth an event may be so again, where other things move, and for which it may be joined with
/// them: shadows that somebody walks through add to the box and take from it. When somebody is gone, the track is a shadow's.
const KNOWN_FOR_S: f64 = 3.0;
const JOINED_FOR_S: f64 = 2.0;

/// Seconds for which what the rim cuts must not have been seen through: fog and light that come in at the rim grow as a body does
/// that walks in, and now and then look like one.
const SOLID_S: f64 = 1.0;

/// Seconds for which a track that was where something moves all the time is judged as if it still were: such places have gaps.
const HABITUAL_S: f64 = 0.5;

/// What is forgotten with each frame of whether a track had a box.
const FORGET: f64 = 0.1;

/// The part of the last frames in which it has a box, at least.
const STEADY: f64 = 0.8;

/// Seconds after which what stays where it appeared is worth an event too.
const STAYS_S: f64 = 2.0;

/// What is known of one track.
#[derive(Clone, Debug)]
pub(super) struct Evidence {
    id: u64,
    /// Where its path began, and the last point of it.
    begin: [f64; 2],
    last: [f64; 2],
    foot_now: [f64; 2],
    path: f64,
    steps: u32,
    area: f64,
    /// The longer side.
    length: f64,
    is_long: bool,
    /// Whether the rim cuts the last box.
    was_cut: bool,
    unsteadiness: f64,
    hits: u32,
    frames: u32,
    /// The weight of the last frames with a box, and of all of them.
    boxed: f64,
    all: f64,
    /// The last box's foot and time, and the velocity that led to it.
    foot: [f64; 2],
    velocity: [f64; 2],
    seen: Monotonic,
    erraticness: f64,
    appearance: Appearance,
    /// It was there when the camera was new: it may be a part of the scene.
    is_native: bool,
    is_plausible: bool,
    /// When it was so last, and when it moved as a whole, or nearly.
    last_plausible: Option<Monotonic>,
    last_coherent: Option<Monotonic>,
    /// When it was seen through or out of focus last, and when it was where something moves all the time.
    last_clear: Option<Monotonic>,
    last_habitual: Option<Monotonic>,
    course: Course,
}

impl Evidence {
    fn new(track: &Track, bounds: Rect, is_native: bool, at: Monotonic) -> Self {
        let foot = track.foot_point();
        Self {
            foot: foot_point(bounds),
            velocity: [0.0; 2],
            seen: at,
            erraticness: 0.0,
            id: track.id(),
            begin: foot,
            last: foot,
            foot_now: foot,
            path: 0.0,
            steps: 0,
            area: area(bounds),
            length: 0.0,
            is_long: false,
            was_cut: false,
            unsteadiness: 0.0,
            hits: 0,
            frames: 0,
            boxed: 0.0,
            all: FORGET,
            appearance: Appearance::default(),
            is_native,
            is_plausible: false,
            last_plausible: None,
            last_coherent: None,
            last_clear: None,
            last_habitual: None,
            course: Course::default(),
        }
    }

    fn add(
        &mut self,
        track: &Track,
        bounds: Rect,
        cut: [bool; 4],
        is_busy: bool,
        appearance: &Appearance,
        at: Monotonic,
    ) {
        let size = area(bounds).sqrt();
        let foot = track.foot_point();
        self.foot_now = foot;
        let way = distance(foot, self.last);
        if way >= STEP * size {
            if self.steps >= MOST_STEPS {
                (self.begin, self.path, self.steps) = (self.last, 0.0, 0);
            }
            self.path += way;
            self.steps += 1;
            self.last = foot;
        }
        let change = (area(bounds) / self.area).ln().abs().min(if is_busy { f64::INFINITY } else { MOST_CHANGE });
        self.area = area(bounds);
        self.length = f64::from(bounds.width.max(bounds.height));
        let [width, height] = [bounds.width, bounds.height].map(|side| f64::from(side.max(1)));
        self.was_cut = cut.contains(&true);
        self.is_long = width > FLAT * height || height > THIN * width;
        // What runs out of the picture gets narrow.
        if !self.was_cut {
            self.unsteadiness += 0.3 * (change - self.unsteadiness);
        }
        self.move_to(foot_point(bounds), size, is_busy, at);
        self.hits += 1;
        self.course.add(bounds, cut, [self.frames, self.hits], at);
        self.boxed += FORGET;
        self.appearance.add(appearance);
    }

    /// Compares where it is with where it was expected.
    fn move_to(&mut self, foot: [f64; 2], size: f64, is_busy: bool, at: Monotonic) {
        let seconds = at.since(self.seen).as_secs_f64();
        if seconds <= 0.0 {
            return;
        }
        let expected = [0, 1].map(|axis| self.foot[axis] + self.velocity[axis] * seconds);
        // The first two boxes expect nothing.
        if self.hits >= 2 {
            let jump = (distance(foot, expected) / size).min(if is_busy { f64::INFINITY } else { MOST_JUMP });
            self.erraticness += 0.3 * (jump - self.erraticness);
        }
        self.velocity = [0, 1].map(|axis| (foot[axis] - self.foot[axis]) / seconds);
        (self.foot, self.seen) = (foot, at);
    }

    /// Whether it covers what is behind it, and is in focus.
    fn is_opaque(&self, is_weathered: bool) -> bool {
        !self.appearance.is_transparent()
            // A streak of rain is sharp and bright, and says nothing of what is behind it.
            && (is_weathered || !self.appearance.is_out_of_focus())
    }

    /// Whether its box is where it is expected, and as large.
    fn is_steady(&self, is_weathered: bool) -> bool {
        let (unsteady, erratic) =
            if is_weathered { (UNSTEADY_IN_WEATHER, ERRATIC_IN_WEATHER) } else { (UNSTEADY, ERRATIC) };
        self.unsteadiness < unsteady && self.erraticness < erratic
    }

    /// Whether there are enough hits to judge by, and hardly a frame without.
    fn has_lived(&self, track: &Track) -> bool {
        let [first, last] = track.seen();
        let is_slow = last.since(first).as_secs_f64() >= LIVES_S && self.hits >= self.frames;
        let is_expected = !self.was_cut && self.erraticness < ERRATIC / 2.0;
        let enough = if is_expected { HITS_IF_EXPECTED } else { HITS };
        (self.hits >= enough || is_slow) && self.boxed >= STEADY * self.all
    }

    /// Whether it goes somewhere.
    fn goes_somewhere(&self) -> bool {
        let away = distance(self.begin, self.foot_now);
        let least = if self.is_long { AWAY_IF_LONG * self.length } else { AWAY * self.area.sqrt() };
        self.steps >= 2 && away >= least && away >= STRAIGHT * self.path
    }

    /// Whether it still goes the way that leads away from the begin of its path.
    fn goes_on(&self, track: &Track) -> bool {
        let [x, y] = track.velocity();
        let away = [0, 1].map(|axis| self.foot_now[axis] - self.begin[axis]);
        x * away[0] + y * away[1] >= GOES * self.area.sqrt() * away[0].hypot(away[1])
    }

    fn is_fast(&self, track: &Track) -> bool {
        [self.velocity, track.velocity()].iter().any(|[x, y]| x.hypot(*y) > FAST * self.area.sqrt())
    }

    fn stays(&self, track: &Track) -> bool {
        let [first, last] = track.seen();
        last.since(first).as_secs_f64() >= STAYS_S && f64::from(self.hits) >= 0.9 * f64::from(self.frames)
    }

    /// Whether it is worth an event where little else moves: a steady box that goes somewhere, or stays.
    fn is_worth_it_in_calm(&self, track: &Track, movement: Movement, surroundings: Surroundings) -> bool {
        let Surroundings { is_busy, is_weathered, .. } = surroundings;
        let has_lived = self.has_lived(track) || movement == Movement::Whole && !self.was_cut;
        let goes = self.goes_somewhere() && (!(is_busy || self.is_long) || self.goes_on(track));
        let is_steady = self.is_steady(is_weathered) || movement == Movement::Whole;
        is_steady && (self.is_plausible || has_lived && (goes || !self.is_long && self.stays(track)))
    }

    /// Whether it is worth an event where other things move, or may: it moves as a whole, or did a moment ago. Where nothing is a
    /// habit, it may stay.
    fn is_worth_it_among_others(
        &self,
        track: &Track,
        movement: Movement,
        surroundings: Surroundings,
        is_habitual: bool,
        at: Monotonic,
    ) -> bool {
        let is_steady = self.is_steady(surroundings.is_weathered);
        // Of what the rim cuts nobody knows the shape.
        let is_whole = movement == Movement::Whole && !(is_habitual && self.was_cut);
        let is_known =
            is_recent(self.last_plausible, KNOWN_FOR_S, at) && is_recent(self.last_coherent, JOINED_FOR_S, at);
        let stays = !self.is_long && self.has_lived(track) && self.stays(track);
        is_whole && (surroundings.is_busy || is_steady)
            || is_known
            || !is_habitual && is_steady && (self.is_plausible || stays)
    }
}

/// What is known of the place of a box.
#[derive(Clone, Copy, Debug)]
pub(super) struct Surroundings {
    /// The camera is new: nobody knows yet what moves all the time.
    pub(super) is_unknown: bool,
    /// The scene is new, be it that the light changed: something may move there all the time.
    pub(super) is_new: bool,
    /// Something moves there all the time.
    pub(super) is_habitual: bool,
    /// Something does, or many things move in the picture.
    pub(super) is_busy: bool,
    /// It rains or snows.
    pub(super) is_weathered: bool,
}

/// The evidence for all tracks of a camera.
#[derive(Debug)]
pub(super) struct Plausibility {
    evidence: Vec<Evidence>,
}

impl Plausibility {
    pub(super) fn new() -> Self {
        // For as many tracks as there ever are: grown when a picture is busy, it is as large as a frame.
        Self { evidence: Vec::with_capacity(MAX_TRACKS) }
    }

    /// Takes a box of the next frame, its track, which edges of it (left, right, upper, lower) the picture's rim cuts, where it is,
    /// and how it looks. Tells whether it is worth an event.
    pub(super) fn observe(
        &mut self,
        track: &Track,
        bounds: Rect,
        cut: [bool; 4],
        surroundings: Surroundings,
        appearance: &Appearance,
        at: Monotonic,
    ) -> bool {
        let known = self.evidence.iter().position(|evidence| evidence.id == track.id());
        let index = known.unwrap_or_else(|| {
            self.evidence.push(Evidence::new(track, bounds, surroundings.is_unknown, at));
            self.evidence.len() - 1
        });
        let evidence = &mut self.evidence[index];
        let Surroundings { is_new, is_busy, is_weathered, .. } = surroundings;
        if surroundings.is_habitual {
            evidence.last_habitual = Some(at);
        }
        let is_habitual = is_recent(evidence.last_habitual, HABITUAL_S, at) || evidence.is_native || is_new;
        let is_among_others = is_habitual || is_busy && !is_weathered;
        evidence.add(track, bounds, cut, is_busy, appearance, at);
        let movement = evidence.course.movement();
        if movement >= Movement::Coherent {
            evidence.last_coherent = Some(at);
        }
        let is_worth_it = if is_among_others {
            evidence.is_worth_it_among_others(track, movement, surroundings, is_habitual, at)
        } else {
            evidence.is_worth_it_in_calm(track, movement, surroundings)
        };
        if !evidence.is_opaque(is_weathered) {
            evidence.last_clear = Some(at);
        }
        evidence.is_plausible = track.is_confirmed()
            && evidence.last_clear != Some(at)
            && !(evidence.was_cut && is_recent(evidence.last_clear, SOLID_S, at))
            && is_worth_it
            && !((is_busy || is_among_others) && evidence.is_fast(track));
        if evidence.is_plausible {
            evidence.last_plausible = Some(at);
        }
        evidence.is_plausible
    }

    /// Whether the track of this id is worth an event.
    pub(super) fn has(&self, id: u64) -> bool {
        self.evidence.iter().any(|evidence| evidence.id == id && evidence.is_plausible)
    }

    /// Begins the next frame: tracks that ended are forgotten.
    pub(super) fn begin(&mut self, tracks: &[Track]) {
        self.evidence.retain(|evidence| tracks.iter().any(|track| track.id() == evidence.id));
        for evidence in &mut self.evidence {
            evidence.frames += 1;
            evidence.boxed *= 1.0 - FORGET;
            evidence.all += FORGET * (1.0 - evidence.all);
        }
    }
}

/// Whether this was less than so many seconds ago.
fn is_recent(time: Option<Monotonic>, seconds: f64, at: Monotonic) -> bool {
    time.is_some_and(|time| at.since(time).as_secs_f64() < seconds)
}

fn area(bounds: Rect) -> f64 {
    f64::from(bounds.width.max(1)) * f64::from(bounds.height.max(1))
}

fn distance(one: [f64; 2], other: [f64; 2]) -> f64 {
    (one[0] - other[0]).hypot(one[1] - other[1])
}

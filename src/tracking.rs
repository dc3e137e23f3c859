//! Follows things from frame to frame: says which box of this frame shows the thing that a box of an earlier one showed.
//!
//! A thing is known by the middle of its box's lower edge, where it touches the ground, and by its size. For each frame it is
//! expected where its velocity brings it by the true time between the captures. Boxes and things are matched by how far apart
//! they are in sizes of the thing, and by how much the sides differ, the closest first: in a first round those things that are
//! sure, in a second those that were seen once. A thing without a box of its own that is expected inside of another's box shares
//! that box and goes on with its velocity, until the two part; one that is nowhere is kept for the hold time.

mod motion_model;

use std::time::Duration;

use self::motion_model::Axis;
use crate::{message::Rect, system::clock::Monotonic};

/// Looks after which a thing counts.
const CONFIRMED_AFTER: u32 = 3;

/// The largest cost of a match: a thing that is where it is expected and as large has 0, one that is its own size away 1.
const MAX_COST: f64 = 1.2;

/// How much a side that is e times as long costs.
const SIDE_COST: f64 = 0.4;

/// The part of a new size that a thing takes over with each look.
const SIZE_GAIN: f64 = 0.3;

/// How rough a look at a box is that shows several things, in sizes.
const SHARED_TOLERANCE: f64 = 0.6;

/// Most things that are followed at a time; further boxes have no track.
const MAX_TRACKS: usize = 64;

/// Follows the things of one camera.
#[derive(Debug)]
pub struct Tracker {
    /// How long a thing is kept that is not seen.
    hold: Duration,
    tracks: Vec<Track>,
    next_id: u64,
    last_frame: Option<Monotonic>,
}

/// A thing that is followed.
#[derive(Clone, Debug)]
pub struct Track {
    id: u64,
    x: Axis,
    y: Axis,
    width: f64,
    height: f64,
    hits: u32,
    first_seen: Monotonic,
    last_seen: Monotonic,
    /// Around it where it was seen last; of several in one box, around all of them.
    bounds: Rect,
    /// Where its box says that it is, without what was expected; in a box of several, where it is expected.
    measured: [f64; 2],
    /// Its way so far in pixels, from look to look.
    path: f64,
    start: [f64; 2],
}

impl Track {
    /// The same as long as the thing is followed.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The point where it touches the ground, in pixels of the whole picture.
    #[must_use]
    pub fn foot_point(&self) -> [f64; 2] {
        [self.x.position, self.y.position]
    }

    /// The same as its box alone says it: rougher, but without momentum. A track that turns is not where it was expected.
    #[must_use]
    pub fn measured_foot_point(&self) -> [f64; 2] {
        self.measured
    }

    /// Pixels a second to the right and down.
    #[must_use]
    pub fn velocity(&self) -> [f64; 2] {
        [self.x.velocity, self.y.velocity]
    }

    /// Whether it was seen often enough, and moved by its own width: one look may be noise, and so may what trembles in its place.
    #[must_use]
    pub fn counts(&self) -> bool {
        let [x, y] = [self.x.position - self.start[0], self.y.position - self.start[1]];
        self.is_confirmed() && x.hypot(y) >= self.width
    }

    /// Around it where it was seen last; of several that share a box, around all of them.
    #[must_use]
    pub fn bounds(&self) -> Rect {
        self.bounds
    }

    /// When it was seen first and last.
    #[must_use]
    pub fn seen(&self) -> [Monotonic; 2] {
        [self.first_seen, self.last_seen]
    }

    fn new(id: u64, bounds: Rect, at: Monotonic) -> Self {
        let ([x, y], [width, height]) = (foot_point(bounds), sides(bounds));
        let size = width.max(height);
        Self {
            id,
            x: Axis::new(x, size),
            y: Axis::new(y, size),
            width,
            height,
            hits: 1,
            first_seen: at,
            last_seen: at,
            bounds,
            measured: [x, y],
            path: 0.0,
            start: [x, y],
        }
    }

    fn is_confirmed(&self) -> bool {
        self.hits >= CONFIRMED_AFTER
    }

    fn size(&self) -> f64 {
        self.width.max(self.height)
    }

    fn predict(&mut self, seconds: f64) {
        let size = self.size();
        self.x.predict(seconds, size);
        self.y.predict(seconds, size);
    }

    /// How little this box looks like the thing.
    fn cost(&self, bounds: Rect) -> f64 {
        let ([x, y], [width, height]) = (foot_point(bounds), sides(bounds));
        let shift = (x - self.x.position).hypot(y - self.y.position) / self.size();
        let side = (width / self.width).ln().abs() + (height / self.height).ln().abs();
        shift + SIDE_COST * side
    }

    fn see(&mut self, bounds: Rect, at: Monotonic) {
        let ([x, y], [width, height], size) = (foot_point(bounds), sides(bounds), self.size());
        let before = self.foot_point();
        self.x.update(x, size, 0.0);
        self.y.update(y, size, 0.0);
        self.width += SIZE_GAIN * (width - self.width);
        self.height += SIZE_GAIN * (height - self.height);
        self.hits = self.hits.saturating_add(1);
        self.last_seen = at;
        self.bounds = bounds;
        self.measured = [x, y];
        self.path += (self.x.position - before[0]).hypot(self.y.position - before[1]);
    }

    /// Goes on in a box that shows others, too: it is in there somewhere, most likely where it is expected.
    fn share(&mut self, bounds: Rect, at: Monotonic) {
        let size = self.size();
        let clamp =
            |value: f64, from: u32, length: u32| value.clamp(f64::from(from), f64::from(from) + f64::from(length));
        let (x, y) = (clamp(self.x.position, bounds.x, bounds.width), clamp(self.y.position, bounds.y, bounds.height));
        self.x.update(x, size, SHARED_TOLERANCE);
        self.y.update(y, size, SHARED_TOLERANCE);
        self.last_seen = at;
        self.bounds = bounds;
        self.measured = self.foot_point();
    }

    fn is_in(&self, bounds: Rect) -> bool {
        let within = |value: f64, from: u32, length: u32| {
            (f64::from(from)..=f64::from(from) + f64::from(length)).contains(&value)
        };
        // Its middle: the lower edge of what two share is that of the nearer one.
        within(self.x.position, bounds.x, bounds.width)
            && within(self.y.position - self.height / 2.0, bounds.y, bounds.height)
    }
}

impl Tracker {
    /// Nothing is followed yet.
    #[must_use]
    pub fn new(hold: Duration) -> Self {
        Self { hold, tracks: Vec::new(), next_id: 1, last_frame: None }
    }

    /// The things that are followed, those that are hidden just now among them.
    #[must_use]
    pub fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    /// Takes the boxes of the next frame, captured at `at`; gives for each the number of the thing that it shows. Of a thing that
    /// is seen for the first time there is none yet.
    pub fn observe(&mut self, boxes: &[Rect], at: Monotonic) -> Vec<Option<u64>> {
        let seconds = self.last_frame.replace(at).map_or(0.0, |last| at.since(last).as_secs_f64());
        self.tracks.retain(|track| at.since(track.last_seen) < self.hold);
        self.tracks.iter_mut().for_each(|track| track.predict(seconds));

        let mut taken = vec![None; boxes.len()];
        let mut is_seen = vec![false; self.tracks.len()];
        for is_confirmed in [true, false] {
            for (track, bounds) in self.matches(boxes, &taken, &is_seen, is_confirmed) {
                (taken[bounds], is_seen[track]) = (Some(track), true);
            }
        }
        for (track, bounds) in taken.iter().enumerate().filter_map(|(bounds, track)| Some(((*track)?, bounds))) {
            self.tracks[track].see(boxes[bounds], at);
        }
        // Behind or before another.
        for (track, _) in
            self.tracks.iter_mut().zip(&is_seen).filter(|(track, is_seen)| !**is_seen && track.is_confirmed())
        {
            let shared = (0..boxes.len()).find(|&bounds| taken[bounds].is_some() && track.is_in(boxes[bounds]));
            if let Some(bounds) = shared {
                track.share(boxes[bounds], at);
            }
        }
        let ids = taken
            .iter()
            .map(|track| track.map(|track| &self.tracks[track]).filter(|track| track.is_confirmed()).map(Track::id));
        let ids = ids.collect();
        // What was seen once and not again was nothing.
        let mut seen = is_seen.into_iter();
        self.tracks.retain(|track| seen.next().unwrap_or(true) || track.is_confirmed());
        for (bounds, _) in boxes.iter().zip(&taken).filter(|(_, track)| track.is_none()) {
            if self.tracks.len() < MAX_TRACKS {
                self.tracks.push(Track::new(self.next_id, *bounds, at));
                self.next_id += 1;
            }
        }
        ids
    }

    /// Things and boxes that belong together, the closest first.
    fn matches(
        &self,
        boxes: &[Rect],
        taken: &[Option<usize>],
        is_seen: &[bool],
        is_confirmed: bool,
    ) -> Vec<(usize, usize)> {
        let mut costs = Vec::new();
        for (index, track) in self
            .tracks
            .iter()
            .enumerate()
            .filter(|(index, track)| !is_seen[*index] && track.is_confirmed() == is_confirmed)
        {
            let free = boxes.iter().enumerate().filter(|(bounds, _)| taken[*bounds].is_none());
            costs.extend(
                free.map(|(bounds, rect)| (track.cost(*rect), index, bounds)).filter(|(cost, ..)| *cost <= MAX_COST),
            );
        }
        costs.sort_by(|(one, ..), (other, ..)| one.total_cmp(other));
        let mut pairs: Vec<(usize, usize)> = Vec::new();
        for (_, track, bounds) in costs {
            if pairs.iter().all(|(other, other_bounds)| *other != track && *other_bounds != bounds) {
                pairs.push((track, bounds));
            }
        }
        pairs
    }
}

/// The middle of the lower edge.
fn foot_point(bounds: Rect) -> [f64; 2] {
    [f64::from(bounds.x) + f64::from(bounds.width) / 2.0, f64::from(bounds.y) + f64::from(bounds.height)]
}

/// Width and height, at least a pixel.
fn sides(bounds: Rect) -> [f64; 2] {
    [bounds.width, bounds.height].map(|side| f64::from(side.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOLD: Duration = Duration::from_secs(3);

    fn bounds(x: f64, y: f64) -> Rect {
        let whole = |value: f64| u32::try_from(value.round() as i64).unwrap();
        Rect { x: whole(x), y: whole(y), width: 30, height: 80 }
    }

    fn at(seconds: f64) -> Monotonic {
        Monotonic::from_micros(1_000_000 + (seconds * 1e6).round() as u64)
    }

    /// The ids at each of these times, of things whose boxes `scene` gives.
    fn follow(times: &[f64], scene: impl Fn(f64) -> Vec<Rect>) -> Vec<Vec<Option<u64>>> {
        let mut tracker = Tracker::new(HOLD);
        times.iter().map(|&time| tracker.observe(&scene(time), at(time))).collect()
    }

    fn every(step: f64, count: u32) -> Vec<f64> {
        (0..count).map(|n| f64::from(n) * step).collect()
    }

    #[test]
    fn a_thing_keeps_its_number_at_irregular_times() {
        let times = [0.0, 0.1, 0.2, 0.5, 0.53, 0.9, 1.6, 1.7, 2.4];
        let ids = follow(&times, |time| vec![bounds(50.0 + 80.0 * time, 100.0)]);
        assert_eq!(ids[0], [None]);
        assert!(ids[3..].iter().all(|ids| *ids == [Some(1)]), "{ids:?}");
    }

    #[test]
    fn two_that_cross_keep_theirs() {
        // One to the right and one to the left; where they overlap motion finds one box.
        let scene = |time: f64| {
            let (one, other) = (50.0 + 60.0 * time, 410.0 - 60.0 * time);
            if (one - other).abs() < 40.0 {
                let (left, right) = (one.min(other), one.max(other) + 30.0);
                vec![Rect { x: left as u32, y: 98, width: (right - left) as u32, height: 84 }]
            } else {
                vec![bounds(one, 100.0), bounds(other, 102.0)]
            }
        };
        let ids = follow(&every(0.1, 60), scene);
        assert_eq!(ids[10], [Some(1), Some(2)]);
        assert_eq!(ids[58], [Some(1), Some(2)], "{ids:?}");
    }

    #[test]
    fn who_is_hidden_is_the_same_afterwards_and_not_for_ever() {
        let behind = |from: f64, to: f64| {
            move |time: f64| if (from..to).contains(&time) { vec![] } else { vec![bounds(50.0 + 60.0 * time, 100.0)] }
        };
        let ids = follow(&every(0.1, 60), behind(2.0, 3.5));
        assert_eq!([&ids[19], &ids[40]], [&[Some(1)], &[Some(1)]]);
        let ids = follow(&every(0.1, 90), behind(2.0, 6.0));
        assert_eq!(ids[70], [Some(2)], "after the hold time it is another");
    }

    #[test]
    fn noise_has_no_number() {
        let ids = follow(&every(0.1, 50), |time| {
            let n = (time * 10.0).round() as u32;
            vec![Rect { x: 37 * n % 600, y: 91 * n % 400, width: 20, height: 20 }]
        });
        assert!(ids.iter().all(|ids| *ids == [None]), "{ids:?}");
    }

    #[test]
    fn only_what_moves_counts() {
        let mut tracker = Tracker::new(HOLD);
        for (n, time) in every(0.1, 30).into_iter().enumerate() {
            let trembling = bounds(300.0 + [0.0, 4.0][n % 2], 100.0);
            tracker.observe(&[trembling, bounds(50.0 + 60.0 * time, 100.0)], at(time));
        }
        let counts: Vec<_> = tracker.tracks().iter().map(|track| (track.id(), track.counts())).collect();
        assert_eq!(counts, [(1, false), (2, true)]);
    }

    #[test]
    fn a_flood_of_boxes_is_bounded() {
        let many: Vec<_> =
            (0..1000).map(|n| Rect { x: 60 * (n % 40), y: 90 * (n / 40), width: 30, height: 80 }).collect();
        let mut tracker = Tracker::new(HOLD);
        for time in every(0.1, 5) {
            tracker.observe(&many, at(time));
        }
        assert_eq!(tracker.tracks().len(), MAX_TRACKS);
    }
}

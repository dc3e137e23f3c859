//! Tracks: which boxes of successive frames show the same object.
//!
//! The state of a track is the middle of its box's lower edge, where the object touches the ground, and its size. A Kalman filter
//! predicts it for each frame by the true time between the captures. Boxes are associated with tracks by the distance in sizes
//! of the object and the ratio of the sides, the closest pair first: confirmed tracks in a first stage, tentative ones in a
//! second. A confirmed track without a box of its own that is predicted inside of another's box is merged: it coasts in that box
//! with its velocity, until the two part. One without any box coasts for the hold time; one that stood still stays where it is for
//! longer.

mod motion_model;
pub mod shared;

use std::time::Duration;

use self::{motion_model::Axis, shared::Label};
use crate::{message::Rect, system::clock::Monotonic};

/// Hits after which a track is confirmed.
const CONFIRMED_AFTER: u32 = 3;

/// The gate, the largest cost of an association: a box where the track is predicted and as large costs 0, one that is a size
/// of the object away 1.
const GATE: f64 = 1.2;

/// How much a side that is e times as long costs.
const SIDE_COST: f64 = 0.4;

/// The part of a new size that a track takes over with each hit.
const SIZE_GAIN: f64 = 0.3;

/// How much less exact the box of merged tracks is, in sizes.
const MERGED_TOLERANCE: f64 = 0.6;

/// Most tracks at a time. A further one takes the place of the one that has had no box for longest.
pub(crate) const MAX_TRACKS: usize = 64;

/// What moved by less than this part of its size is where it was.
const STILL_WITHIN: f64 = 0.5;

/// How long a track must be where it was to stand still.
const STILL_AFTER: Duration = Duration::from_secs(3);

/// How long a track coasts that stood still: motion does not see what stands still, and does when it moves on.
const STILL_HOLD: Duration = Duration::from_secs(60);

/// The tracks of one camera.
#[derive(Debug)]
pub struct Tracker {
    /// How long a track coasts that has no box.
    hold: Duration,
    tracks: Vec<Track>,
    next_id: u64,
    last_frame: Option<Monotonic>,
    /// The ids of the tracks of the last boxes.
    assigned: Vec<Option<u64>>,
}

/// One object, from frame to frame.
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
    /// The foot point of the first hit.
    start: [f64; 2],
    /// Where it has been since when, give or take [`STILL_WITHIN`].
    place: [f64; 2],
    in_place_since: Monotonic,
    /// Whether whoever follows it takes it for an object, and not for rain or a shadow.
    is_plausible: bool,
    label: Option<Label>,
}

impl Track {
    /// Unique among the tracks of a camera, and constant.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The point where the object touches the ground, in pixels of the full frame.
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

    /// Whether it is confirmed, plausible, and has moved by its own width: what trembles in its place has not.
    #[must_use]
    pub fn counts(&self) -> bool {
        let [x, y] = [self.x.position - self.start[0], self.y.position - self.start[1]];
        self.is_confirmed() && self.is_plausible && x.hypot(y) >= self.width
    }

    /// Whether it stood still when it was seen last.
    #[must_use]
    pub fn is_still(&self) -> bool {
        self.is_confirmed() && self.last_seen.since(self.in_place_since) >= STILL_AFTER
    }

    /// Whether whoever follows it takes it for an object.
    #[must_use]
    pub fn is_plausible(&self) -> bool {
        self.is_plausible
    }

    /// The same track, which does not count unless it is taken for an object.
    #[must_use]
    pub fn with_plausibility(self, is_plausible: bool) -> Self {
        Self { is_plausible, ..self }
    }

    /// The same track with what it is, as far as that is known.
    #[must_use]
    pub fn with_label(self, label: Option<Label>) -> Self {
        Self { label, ..self }
    }

    /// What it is; `None` if nobody found out.
    #[must_use]
    pub fn label(&self) -> Option<&Label> {
        self.label.as_ref()
    }

    /// Around it where it was seen last; of several that share a box, around all of them.
    #[must_use]
    pub fn bounds(&self) -> Rect {
        self.bounds
    }

    /// The capture times of the first and the last frame with a box of it.
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
            start: [x, y],
            place: [x, y],
            in_place_since: at,
            is_plausible: true,
            label: None,
        }
    }

    /// Whether it was seen in as many frames as noise hardly is.
    #[must_use]
    pub fn is_confirmed(&self) -> bool {
        self.hits >= CONFIRMED_AFTER
    }

    fn size(&self) -> f64 {
        self.width.max(self.height)
    }

    fn predict(&mut self, seconds: f64) {
        let size = self.size();
        if self.is_still() {
            (self.x.velocity, self.y.velocity) = (0.0, 0.0);
        }
        self.x.predict(seconds, size);
        self.y.predict(seconds, size);
    }

    /// What it costs to associate this box with the track.
    fn cost(&self, bounds: Rect) -> f64 {
        let ([x, y], [width, height]) = (foot_point(bounds), sides(bounds));
        let shift = (x - self.x.position).hypot(y - self.y.position) / self.size();
        let side = (width / self.width).ln().abs() + (height / self.height).ln().abs();
        shift + SIDE_COST * side
    }

    fn hit(&mut self, bounds: Rect, at: Monotonic) {
        let ([x, y], [width, height], size) = (foot_point(bounds), sides(bounds), self.size());
        self.x.update(x, size, 0.0);
        self.y.update(y, size, 0.0);
        // What stands still is as large as before, although motion sees less and less of it.
        if !self.is_still() {
            self.width += SIZE_GAIN * (width - self.width);
            self.height += SIZE_GAIN * (height - self.height);
        }
        self.hits = self.hits.saturating_add(1);
        self.last_seen = at;
        self.bounds = bounds;
        self.measured = [x, y];
        if (x - self.place[0]).hypot(y - self.place[1]) > STILL_WITHIN * size {
            (self.place, self.in_place_since) = ([x, y], at);
        }
    }

    /// Whether it ended: it has had no box for long.
    fn is_over(&self, hold: Duration, at: Monotonic) -> bool {
        let hold = if self.is_still() { hold.max(STILL_HOLD) } else { hold };
        at.since(self.last_seen) >= hold
    }

    /// Coasts inside of a box that shows others, too.
    fn merge(&mut self, bounds: Rect, at: Monotonic) {
        let size = self.size();
        let clamp =
            |value: f64, from: u32, length: u32| value.clamp(f64::from(from), f64::from(from) + f64::from(length));
        let (x, y) = (clamp(self.x.position, bounds.x, bounds.width), clamp(self.y.position, bounds.y, bounds.height));
        self.x.update(x, size, MERGED_TOLERANCE);
        self.y.update(y, size, MERGED_TOLERANCE);
        self.last_seen = at;
        self.bounds = bounds;
        self.measured = self.foot_point();
    }

    fn is_in(&self, bounds: Rect) -> bool {
        let within = |value: f64, from: u32, length: u32| {
            (f64::from(from)..=f64::from(from) + f64::from(length)).contains(&value)
        };
        // Its middle: the lower edge of a merged box is that of the nearer one.
        within(self.x.position, bounds.x, bounds.width)
            && within(self.y.position - self.height / 2.0, bounds.y, bounds.height)
    }
}

impl Tracker {
    /// No track yet; one that has no box for `hold` ends.
    #[must_use]
    pub fn new(hold: Duration) -> Self {
        Self { hold, tracks: Vec::new(), next_id: 1, last_frame: None, assigned: Vec::new() }
    }

    /// All tracks, tentative and coasting ones too.
    #[must_use]
    pub fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    /// For each box of the last frame its track, tentative ones too.
    pub fn assigned(&self) -> impl Iterator<Item = Option<&Track>> {
        self.assigned.iter().map(|id| self.tracks.iter().find(|track| Some(track.id) == *id))
    }

    /// Takes the boxes of the next frame, captured at `at`; gives for each the id of its track, if that is confirmed.
    pub fn observe(&mut self, boxes: &[Rect], at: Monotonic) -> Vec<Option<u64>> {
        let seconds = self.last_frame.replace(at).map_or(0.0, |last| at.since(last).as_secs_f64());
        self.tracks.retain(|track| !track.is_over(self.hold, at));
        self.tracks.iter_mut().for_each(|track| track.predict(seconds));

        let mut taken = vec![None; boxes.len()];
        let mut is_seen = vec![false; self.tracks.len()];
        for is_confirmed in [true, false] {
            for (track, bounds) in self.matches(boxes, &taken, &is_seen, is_confirmed) {
                (taken[bounds], is_seen[track]) = (Some(track), true);
            }
        }
        for (track, bounds) in taken.iter().enumerate().filter_map(|(bounds, track)| Some(((*track)?, bounds))) {
            self.tracks[track].hit(boxes[bounds], at);
        }
        for (track, _) in
            self.tracks.iter_mut().zip(&is_seen).filter(|(track, is_seen)| !**is_seen && track.is_confirmed())
        {
            let merged = (0..boxes.len()).find(|&bounds| taken[bounds].is_some() && track.is_in(boxes[bounds]));
            if let Some(bounds) = merged {
                track.merge(boxes[bounds], at);
            }
        }
        let tracks = taken.iter().map(|track| track.map(|track| &self.tracks[track]));
        let confirmed = |track: Option<&Track>| track.filter(|track| track.is_confirmed()).map(Track::id);
        let ids = tracks.clone().map(confirmed).collect();
        self.assigned.clear();
        self.assigned.extend(tracks.map(|track| track.map(Track::id)));
        // A tentative track that misses a frame was noise.
        let mut seen = is_seen.into_iter();
        self.tracks.retain(|track| seen.next().unwrap_or(true) || track.is_confirmed());
        for (bounds, assigned) in boxes.iter().zip(&mut self.assigned).filter(|(_, assigned)| assigned.is_none()) {
            if make_room(&mut self.tracks, at) {
                self.tracks.push(Track::new(self.next_id, *bounds, at));
                *assigned = Some(self.next_id);
                self.next_id += 1;
            }
        }
        ids
    }

    /// Pairs of a track and a box, the closest first.
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
                free.map(|(bounds, rect)| (track.cost(*rect), index, bounds)).filter(|(cost, ..)| *cost <= GATE),
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

/// Whether there is room for one more track. If there are too many, the one ends that has had no box for longest.
fn make_room(tracks: &mut Vec<Track>, at: Monotonic) -> bool {
    if tracks.len() < MAX_TRACKS {
        return true;
    }
    let coasting = tracks.iter().enumerate().filter(|(_, track)| track.last_seen < at);
    let longest = coasting.min_by_key(|(_, track)| track.last_seen).map(|(index, _)| index);
    longest.map(|index| tracks.remove(index)).is_some()
}

/// The middle of the lower edge, in pixels.
pub(crate) fn foot_point(bounds: Rect) -> [f64; 2] {
    [f64::from(bounds.x) + f64::from(bounds.width) / 2.0, f64::from(bounds.y) + f64::from(bounds.height)]
}

/// Width and height, at least a pixel.
fn sides(bounds: Rect) -> [f64; 2] {
    [bounds.width, bounds.height].map(|side| f64::from(side.max(1)))
}

#[cfg(test)]
mod tests;

//! One line: which tracks cross it, and which way.

use std::collections::{BTreeMap, VecDeque};

use super::sighting::Sighting;
use crate::{
    config::{labels::LabelFilter, line::Line},
    event::{
        EventChange,
        ignored::{IgnoredLabels, Verdict},
    },
    frame::Size,
    message::{EventState, Rect, Subject},
    system::clock::Monotonic,
};

/// The kind of event of a track that crosses a line. It lasts no time.
pub(super) const CROSSING: &str = "crossing";

/// How far a box's lower edge trembles, as a part of the box's height: the dead band is no narrower.
const JITTER: f64 = 0.05;

/// The most crossings of a track that wait for its label; then the oldest is forgotten.
const MAX_UNNAMED: usize = 8;

/// A line and how often it was crossed.
#[derive(Debug)]
pub(super) struct LineCounter {
    key: usize,
    name: String,
    ends: [[f64; 2]; 2],
    /// Half the width, as a part of the picture's height.
    dead_band: f64,
    directions: [String; 2],
    labels: LabelFilter,
    /// Crossings in each direction.
    counts: [u64; 2],
}

/// Where a track is, seen from a line.
#[derive(Clone, Debug, Default)]
pub(super) struct Side {
    /// The side of the dead band on which it was last.
    beyond: Option<Direction>,
    /// Where it was in the frame before: how far along the line, 0 to 1 between its ends, and how far from it in pixels.
    last: Option<[f64; 2]>,
    /// Whether it went over to the other side between the line's ends.
    is_within: bool,
    /// It crossed, but does not count yet.
    pending: Option<Direction>,
    /// It crossed, but nobody knows yet whether what it is counts.
    unnamed: VecDeque<Crossing>,
}

/// How a track crossed the line.
#[derive(Clone, Copy, Debug)]
struct Crossing {
    direction: Direction,
    at: Monotonic,
    bounds: Rect,
    foot_point: [f32; 2],
}

/// Over a line, or the side that this leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    LeftToRight,
    RightToLeft,
}

impl LineCounter {
    /// Nobody crossed it yet. `key` is its own among a camera's lines.
    pub(super) fn new(key: usize, line: &Line) -> Self {
        Self {
            key,
            name: line.name().to_owned(),
            ends: line.ends().map(|end| end.map(f64::from)),
            dead_band: f64::from(line.dead_band()),
            directions: line.directions().map(str::to_owned),
            labels: line.labels().clone(),
            counts: [0; 2],
        }
    }

    /// Counts on from where `earlier` is, if that is the same line.
    pub(super) fn continue_from(&mut self, earlier: &Self) -> bool {
        let is_same = self.name == earlier.name && self.directions == earlier.directions;
        if is_same {
            self.counts = earlier.counts;
        }
        is_same
    }

    /// Takes in where a track is that the frame shows. [`Self::count_named`] says what comes of it.
    pub(super) fn observe(&self, side: &mut Side, sighting: &Sighting<'_>) {
        let Sighting { track, full, at } = *sighting;
        let [along, distance] = self.locate(track.foot_point(), full);
        if let Some([last_along, last_distance]) = side.last.replace([along, distance])
            && (last_distance > 0.0) != (distance > 0.0)
        {
            let part = last_distance / (last_distance - distance);
            side.is_within = (0.0..=1.0).contains(&(last_along + part * (along - last_along)));
        }
        let dead_band = (self.dead_band * f64::from(full.height_px)).max(JITTER * f64::from(track.bounds().height));
        // Where it is expected overshoots when it turns, and where its box is trembles: it is beyond when both are.
        let [_, measured] = self.locate(track.measured_foot_point(), full);
        if distance.abs().min(measured.abs()) > dead_band && (distance > 0.0) == (measured > 0.0) {
            let now = if distance > 0.0 { Direction::LeftToRight } else { Direction::RightToLeft };
            let before = side.beyond.replace(now);
            if before.is_some_and(|before| before != now) && side.is_within {
                // Who goes back before it counts has not crossed.
                side.pending = if side.pending.is_none() { Some(now) } else { None };
            }
        }
        if track.counts()
            && let Some(direction) = side.pending.take()
        {
            if side.unnamed.len() == MAX_UNNAMED {
                side.unnamed.pop_front();
            }
            let foot_point = sighting.foot_point();
            side.unnamed.push_back(Crossing { direction, at, bounds: track.bounds(), foot_point });
        }
    }

    /// Counts the crossings of a track of which it is known that they count. The starts and the ends of their events.
    pub(super) fn count_named(
        &mut self,
        side: &mut Side,
        sighting: &Sighting<'_>,
        ignored: &IgnoredLabels,
        changes: &mut Vec<EventChange>,
    ) {
        let label = sighting.label();
        side.unnamed.retain(|crossing| {
            let verdict = ignored.judge(label, crossing.foot_point, sighting.followed_for());
            let must_wait = verdict == Verdict::Unnamed || (label.is_none() && self.labels.is_set());
            if !must_wait && verdict == Verdict::Counts && self.labels.passes(label) {
                changes.extend(self.count(crossing, sighting));
            }
            must_wait
        });
    }

    /// How often it was crossed, either way.
    pub(super) fn revision(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Its name, and how often it was crossed in each direction.
    pub(super) fn counts(&self) -> (String, BTreeMap<String, u64>) {
        (self.name.clone(), self.directions.iter().cloned().zip(self.counts).collect())
    }

    fn count(&mut self, crossing: &Crossing, sighting: &Sighting<'_>) -> [EventChange; 2] {
        let Crossing { direction, at, bounds, .. } = *crossing;
        let (index, track) = (direction as usize, sighting.track);
        self.counts[index] += 1;
        let subject = Subject {
            line: Some(self.name.clone()),
            direction: Some(self.directions[index].clone()),
            count: Some(self.counts[index]),
            ..Subject::of(track.id())
        };
        let (key, subject) = (self.key, Some(subject));
        let start = EventChange {
            subject,
            boxes: vec![bounds],
            label: track.label().cloned(),
            ..EventChange::new(CROSSING, key, EventState::Start, at)
        };
        let end = EventChange { state: EventState::End, boxes: Vec::new(), ..start.clone() };
        [start, end]
    }

    /// How far along the line a point in pixels is, 0 at its first end and 1 at the second; and how far from it in pixels,
    /// positive to the right for somebody who looks from the first end to the second.
    fn locate(&self, [x, y]: [f64; 2], full: Size) -> [f64; 2] {
        let [[ax, ay], [bx, by]] =
            self.ends.map(|[x, y]| [x * f64::from(full.width_px), y * f64::from(full.height_px)]);
        let ([dx, dy], [px, py]) = ([bx - ax, by - ay], [x - ax, y - ay]);
        let length = dx.hypot(dy).max(f64::MIN_POSITIVE);
        [(px * dx + py * dy) / (length * length), (dx * py - dy * px) / length]
    }
}

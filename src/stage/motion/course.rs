//! The last boxes of a track, and whether they move as a whole.
//!
//! The four edges of a body's box go the same way at the same speed. What sways, swells, flickers, or is joined with something
//! else moves each of its edges in another way, however far its middle goes. So a line is fitted through the places of each edge in
//! the last half second. The box goes as far as the slower one of two opposite edges, and not at all if they go different ways;
//! and it strays as far as its edges are from their lines.

use std::time::Duration;

use crate::{message::Rect, system::clock::Monotonic};

/// Boxes that are looked back at, and how many are enough.
const BOXES: usize = 6;
const ENOUGH: usize = 5;

/// The least time between two of them, so that they are of half a second at high frame rates, too. A frame of 10 a second may come
/// a little early.
const SPACING: Duration = Duration::from_millis(80);

/// The part of the frames that have a box, at least: from a box that comes and goes to the next is a jump.
const BOXED: f64 = 0.8;

/// How far it goes at least, in sizes. Who walks goes as far in a third of a second.
const WAY: f64 = 0.3;

/// How many times as far as it strays it goes. In half a second, people come to 20 to 40. The best that anything else came to in 27
/// minutes of shadows of trees was 11.9, and in 10 minutes of a web in the wind or of waves 9.9.
const WHOLE: f64 = 12.0;

/// The same for what was whole a moment ago.
const STILL_WAY: f64 = 0.2;
const STILL_WHOLE: f64 = 6.0;

/// A longer way in sizes counts as this one: what jumps from one place to another goes far, and strays as much.
const MOST_WAY: f64 = 1.0;

/// How exact an edge is, in sizes: about a pixel of the luma.
const EXACT: f64 = 0.02;

/// The left, right, upper and lower edge of one box.
#[derive(Clone, Copy, Debug)]
struct Look {
    at: Monotonic,
    edges: [f64; 4],
    /// Which of them are at the rim of the picture: there may be more beyond it.
    cut: [bool; 4],
    size: f64,
    /// How many times as wide as high it is, at least 1.
    wideness: f64,
    frames: u32,
    hits: u32,
}

/// The last boxes of one track.
#[derive(Clone, Debug, Default)]
pub(super) struct Course {
    /// The newest first.
    looks: [Option<Look>; BOXES],
}

/// How a box moves.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(super) enum Movement {
    /// Each edge in another way, or too little to say.
    Loose,
    /// So that it may be what it was when it was whole.
    Coherent,
    Whole,
}

impl Course {
    /// Adds a box, which edges of it (left, right, upper, lower) the rim of the picture cuts, and how many frames and boxes its track
    /// has had.
    pub(super) fn add(&mut self, bounds: Rect, cut: [bool; 4], [frames, hits]: [u32; 2], at: Monotonic) {
        if self.looks[0].is_some_and(|last| at.since(last.at) < SPACING) {
            return;
        }
        let [x, y, width, height] = [bounds.x, bounds.y, bounds.width.max(1), bounds.height.max(1)].map(f64::from);
        self.looks.rotate_right(1);
        self.looks[0] = Some(Look {
            at,
            edges: [x, x + width, y, y + height],
            cut,
            size: (width * height).sqrt(),
            wideness: (width / height).max(1.0),
            frames,
            hits,
        });
    }

    /// How it moves. All of its boxes are looked at, and the newest alone: the first of a track is often of a part of it.
    pub(super) fn movement(&self) -> Movement {
        let movements = (ENOUGH..=BOXES).map(|count| self.movement_of(count));
        movements.fold(Movement::Loose, |best, movement| if movement > best { movement } else { best })
    }

    /// How the last `count` boxes move.
    fn movement_of(&self, count: usize) -> Movement {
        let looks = || self.looks[..count].iter().flatten();
        let (Some(newest), Some(oldest)) = (self.looks[0], self.looks[count - 1]) else { return Movement::Loose };
        let [frames, hits] = [newest.frames - oldest.frames, newest.hits - oldest.hits].map(f64::from);
        if hits < BOXED * frames {
            return Movement::Loose;
        }
        #[expect(clippy::cast_precision_loss, reason = "a handful")]
        let mean = |value: &dyn Fn(&Look) -> f64| looks().map(value).sum::<f64>() / count as f64;
        let age = |look: &Look| newest.at.since(look.at).as_secs_f64();
        let mean_age = mean(&age);
        let spread = mean(&|look| (age(look) - mean_age).powi(2));
        let (mut strayed, mut seen) = (0.0, 0.0);
        // By least squares.
        let mut speed = |edge: usize| {
            if looks().any(|look| look.cut[edge]) {
                return None;
            }
            let mean_place = mean(&|look| look.edges[edge]);
            let speed = mean(&|look| (mean_age - age(look)) * (look.edges[edge] - mean_place)) / spread;
            strayed += mean(&|look| (look.edges[edge] - mean_place - speed * (mean_age - age(look))).powi(2));
            seen += 1.0;
            Some(speed)
        };
        let [across, down] = [[0, 1], [2, 3]].map(|edges| match edges.map(&mut speed) {
            [Some(one), Some(other)] if one * other <= 0.0 => 0.0,
            [Some(one), Some(other)] if one.abs() < other.abs() => one,
            [_, Some(speed)] | [Some(speed), None] => speed,
            [None, None] => 0.0,
        });
        let size = mean(&|look| look.size);
        // What is wide, as waves and the shadows of branches are, must go farther.
        let wideness = looks().map(|look| look.wideness).fold(1.0, f64::max);
        let way = across.hypot(down) * age(&oldest) / size / wideness;
        let stray = (strayed / f64::max(seen, 1.0)).sqrt() / size;
        let times = way.min(MOST_WAY) / (stray + EXACT);
        if way >= WAY && times >= WHOLE {
            Movement::Whole
        } else if way >= STILL_WAY && times >= STILL_WHOLE {
            Movement::Coherent
        } else {
            Movement::Loose
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FREE: [bool; 4] = [false; 4];

    /// How boxes move that come so many milliseconds one after the other.
    fn movement(interval_ms: u64, cut: [bool; 4], bounds: impl Fn(f64) -> Rect) -> Movement {
        let mut course = Course::default();
        for (number, frame) in (0..).zip(0..900 / interval_ms) {
            let at = Monotonic::from_micros(1_000_000 + 1000 * interval_ms * frame);
            course.add(bounds((interval_ms * frame) as f64 / 1000.0), cut, [number, number + 1], at);
        }
        course.movement()
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within a picture")]
    fn rect([x, y, width, height]: [f64; 4]) -> Rect {
        let [x, y, width, height] = [x, y, width, height].map(|side| side as u32);
        Rect { x, y, width, height }
    }

    /// Somebody who walks, whose legs swing.
    fn walker(time: f64) -> Rect {
        let legs = 3.0 * (6.0 * time).sin();
        rect([100.0 + 80.0 * time - legs, 100.0, 30.0 + 2.0 * legs, 80.0])
    }

    #[test]
    fn who_walks_moves_as_a_whole_at_any_frame_rate() {
        for interval_ms in [20, 33, 100, 150] {
            assert_eq!(movement(interval_ms, FREE, walker), Movement::Whole, "every {interval_ms} ms");
        }
        assert_eq!(movement(300, FREE, walker), Movement::Loose, "too few boxes");
    }

    #[test]
    fn what_swells_goes_nowhere() {
        assert_eq!(movement(100, FREE, |time| rect([100.0, 100.0, 30.0 + 80.0 * time, 80.0])), Movement::Loose);
        let left_is_cut = [true, false, false, false];
        let enters = |time: f64| rect([0.0, 100.0, 10.0 + 80.0 * time, 80.0]);
        assert_eq!(movement(100, left_is_cut, enters), Movement::Whole, "there may be more beyond the rim");
    }

    #[test]
    fn what_jumps_strays() {
        let jumps = |time: f64| rect([100.0 + 60.0 * (3.0 * time).floor(), 100.0, 30.0, 80.0]);
        assert_eq!(movement(100, FREE, jumps), Movement::Loose);
    }

    #[test]
    fn what_is_wide_goes_farther() {
        let wave = |speed: f64| movement(100, FREE, move |time| rect([100.0, 100.0 + speed * time, 120.0, 30.0]));
        assert_eq!(wave(60.0), Movement::Loose);
        assert_eq!(wave(300.0), Movement::Whole);
    }

    #[test]
    fn a_box_that_comes_and_goes_is_not_judged() {
        let mut course = Course::default();
        for number in 0..6 {
            let time = f64::from(number) / 5.0;
            let at = Monotonic::from_micros(1_000_000 + 200_000 * u64::from(number));
            course.add(walker(time), FREE, [2 * number, number + 1], at);
        }
        assert_eq!(course.movement(), Movement::Loose);
    }
}

//! Counts of what was found, missed and invented.

use fovea::message::Rect;

use crate::walker::Truth;

/// The counts of one scene.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Score {
    pub(crate) seconds: f64,
    /// Frames with the whole walker in them, and those of them in which a box matches it.
    pub(crate) walkers: u32,
    pub(crate) found: u32,
    /// Boxes in frames where the truth is plain, and those of them that match a walker.
    pub(crate) boxes: u32,
    pub(crate) right: u32,
    pub(crate) crossings: u32,
    /// Motion events that started with a walker in the picture.
    pub(crate) events: u32,
    /// Motion events that started without.
    pub(crate) false_events: u32,
    pub(crate) scene_events: u32,
}

impl Score {
    pub(crate) fn frame(&mut self, truth: Truth, boxes: &[Rect]) {
        let count = |n: usize| u32::try_from(n).expect("64 boxes at most");
        match truth {
            Truth::AtTheEdge(_) => {}
            Truth::Nobody => self.boxes += count(boxes.len()),
            Truth::Walker(walker) => {
                let matching = boxes.iter().filter(|&&found| overlap(found, walker) >= 0.5).count();
                self.walkers += 1;
                self.found += u32::from(matching > 0);
                self.boxes += count(boxes.len());
                self.right += count(matching);
            }
        }
    }

    pub(crate) fn recall(&self) -> Option<f64> {
        ratio(self.found, self.walkers)
    }

    pub(crate) fn precision(&self) -> Option<f64> {
        ratio(self.right, self.boxes)
    }

    pub(crate) fn false_events_an_hour(&self) -> f64 {
        f64::from(self.false_events) * 3600.0 / self.seconds
    }
}

pub(crate) fn ratio(part: u32, all: u32) -> Option<f64> {
    (all > 0).then(|| f64::from(part) / f64::from(all))
}

fn shared(a: Rect, b: Rect) -> u64 {
    let along = |a: u32, a_length: u32, b: u32, b_length: u32| {
        u64::from((a + a_length).min(b + b_length).saturating_sub(a.max(b)))
    };
    along(a.x, a.width, b.x, b.width) * along(a.y, a.height, b.y, b.height)
}

fn area(a: Rect) -> u64 {
    u64::from(a.width) * u64::from(a.height)
}

/// The area that two boxes share, of the area that they cover together.
pub(crate) fn overlap(a: Rect, b: Rect) -> f64 {
    let shared = shared(a, b);
    shared as f64 / (area(a) + area(b) - shared) as f64
}

/// How many of `boxes` are covered at least half by all of `others` together.
///
/// Two walkers side by side are one box here and two there, and all are right; one huge box for a small one is not.
pub(crate) fn covered(boxes: &[Rect], others: &[Rect]) -> u32 {
    let half_covered = |&&one: &&Rect| {
        let columns = one.x..one.x + one.width;
        let pixels = (one.y..one.y + one.height).flat_map(|y| columns.clone().map(move |x| (x, y)));
        let inside = |&(x, y): &(u32, u32)| {
            others.iter().any(|o| (o.x..o.x + o.width).contains(&x) && (o.y..o.y + o.height).contains(&y))
        };
        pixels.filter(inside).count() as u64 * 2 >= area(one)
    };
    u32::try_from(boxes.iter().filter(half_covered).count()).expect("few boxes")
}

//! What a decoder makes of a network's outputs, before and after boxes of one thing become one.

/// The most that a decoder keeps. A picture with more things than that is none that a board can do something with.
pub const MAX_CANDIDATES: usize = 1_000;

/// A thing that the network may have seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// The number of its class.
    pub class: usize,
    /// How sure the network is, 0 to 1.
    pub score: f32,
    /// Left, upper, right and lower edge, in pixels of the network's input.
    pub bounds: [f32; 4],
}

/// The least scores that count.
#[derive(Clone, Debug, PartialEq)]
pub struct Thresholds {
    /// That of every class without one of its own.
    pub default: f32,
    /// Those of single classes, by their numbers.
    pub by_class: Vec<(usize, f32)>,
}

impl Thresholds {
    /// That of a class.
    #[must_use]
    pub fn of(&self, class: usize) -> f32 {
        self.by_class.iter().find(|(of, _)| *of == class).map_or(self.default, |(_, least)| *least)
    }
}

/// Candidates as they are found.
#[derive(Debug)]
pub(super) struct Candidates<'t> {
    thresholds: &'t Thresholds,
    found: Vec<Candidate>,
}

impl<'t> Candidates<'t> {
    pub(super) fn new(thresholds: &'t Thresholds) -> Self {
        Self { thresholds, found: Vec::new() }
    }

    /// Whether a thing of this class and score counts. Scores that are no numbers do not.
    pub(super) fn counts(&self, class: usize, score: f32) -> bool {
        score.is_finite() && score > 0.0 && score >= self.thresholds.of(class)
    }

    /// Adds one, unless its score or its box is none.
    pub(super) fn add(&mut self, class: usize, score: f32, bounds: [f32; 4]) {
        let [left, top, right, bottom] = bounds;
        let is_box = bounds.iter().all(|edge| edge.is_finite()) && left < right && top < bottom;
        if !is_box || !self.counts(class, score) {
            return;
        }
        self.found.push(Candidate { class, score: score.min(1.0), bounds });
        if self.found.len() >= 2 * MAX_CANDIDATES {
            self.keep_best();
        }
    }

    /// Adds one by its middle and its sides.
    pub(super) fn add_middle(&mut self, class: usize, score: f32, [x, y]: [f32; 2], [width, height]: [f32; 2]) {
        let (half_width, half_height) = (width / 2.0, height / 2.0);
        self.add(class, score, [x - half_width, y - half_height, x + half_width, y + half_height]);
    }

    /// The best ones, best first.
    pub(super) fn into_best(mut self) -> Vec<Candidate> {
        self.keep_best();
        self.found
    }

    fn keep_best(&mut self) {
        self.found.sort_by(|a, b| b.score.total_cmp(&a.score));
        self.found.truncate(MAX_CANDIDATES);
    }
}

/// Leaves the best of boxes of one class that overlap by more than `max_overlap`: intersection over union, 0 to 1. The candidates
/// are given and returned best first.
#[must_use]
pub fn suppress_overlapping(candidates: &[Candidate], max_overlap: f32) -> Vec<Candidate> {
    let mut kept: Vec<Candidate> = Vec::new();
    for candidate in candidates {
        let is_other =
            |best: &Candidate| best.class != candidate.class || overlap(best.bounds, candidate.bounds) <= max_overlap;
        if kept.iter().all(is_other) {
            kept.push(*candidate);
        }
    }
    kept
}

/// Intersection over union of two boxes, 0 to 1; 0 if one has no area.
#[must_use]
pub fn overlap(a: [f32; 4], b: [f32; 4]) -> f32 {
    let area = |[left, top, right, bottom]: [f32; 4]| (right - left).max(0.0) * (bottom - top).max(0.0);
    let common = area([a[0].max(b[0]), a[1].max(b[1]), a[2].min(b[2]), a[3].min(b[3])]);
    let union = area(a) + area(b) - common;
    // Areas of boxes as wide as a number can be are infinite.
    if union > 0.0 && union.is_finite() { common / union } else { 0.0 }
}

/// The class with the best score of a row of them. What is no number is no score.
pub(super) fn best_class(scores: impl IntoIterator<Item = f32>) -> Option<(usize, f32)> {
    let numbers = scores.into_iter().enumerate().filter(|(_, score)| score.is_finite());
    // Of equal ones the first, as everywhere else.
    numbers.reduce(|best, next| if next.1 > best.1 { next } else { best })
}

/// 1 / (1 + e^-x)
pub(super) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    static HALF: Thresholds = Thresholds { default: 0.5, by_class: Vec::new() };

    #[test]
    fn a_class_can_have_its_own_threshold() {
        let thresholds = Thresholds { default: 0.5, by_class: vec![(1, 0.9), (2, 0.1)] };
        let mut candidates = Candidates::new(&thresholds);
        for class in 0..3 {
            candidates.add(class, 0.6, [0.0, 0.0, 1.0, 1.0]);
        }
        let classes: Vec<_> = candidates.into_best().into_iter().map(|candidate| candidate.class).collect();
        assert_eq!(classes, [0, 2]);
    }

    #[test]
    fn what_is_no_number_is_no_candidate() {
        let mut candidates = Candidates::new(&HALF);
        let good = [0.0, 0.0, 1.0, 1.0];
        for score in [f32::NAN, f32::INFINITY, -1.0, 0.49] {
            candidates.add(0, score, good);
        }
        for bounds in [[f32::NAN, 0.0, 1.0, 1.0], [0.0, 0.0, f32::INFINITY, 1.0], [1.0, 0.0, 0.0, 1.0], [0.0; 4]] {
            candidates.add(0, 0.9, bounds);
        }
        assert_eq!(candidates.into_best(), []);
        let zero = Thresholds { default: 0.0, by_class: Vec::new() };
        let mut candidates = Candidates::new(&zero);
        candidates.add(0, 0.0, good);
        assert_eq!(candidates.into_best(), [], "a score of 0 is nothing, whatever the threshold");
    }

    #[test]
    fn the_best_of_many_are_kept() {
        let mut candidates = Candidates::new(&HALF);
        for n in 0..5_000_u16 {
            candidates.add(0, 0.5 + f32::from(n) / 10_000.0, [0.0, 0.0, 1.0, 1.0]);
        }
        let best = candidates.into_best();
        assert_eq!(best.len(), MAX_CANDIDATES);
        assert!((best[0].score - 0.9999).abs() < 1e-6 && best.iter().all(|candidate| candidate.score >= 0.8999));
    }

    #[test]
    fn two_boxes_of_one_thing_become_the_better_one() {
        let candidate = |class, score, bounds| Candidate { class, score, bounds };
        let all = [
            candidate(0, 0.9, [0.0, 0.0, 10.0, 10.0]),
            candidate(0, 0.8, [1.0, 0.0, 11.0, 10.0]), // 90 of 110
            candidate(1, 0.7, [1.0, 0.0, 11.0, 10.0]),
            candidate(0, 0.6, [6.0, 0.0, 16.0, 10.0]), // 40 of 160
        ];
        let kept: Vec<_> = suppress_overlapping(&all, 0.5).iter().map(|candidate| candidate.score).collect();
        assert_eq!(kept, [0.9, 0.7, 0.6]);
        assert_eq!(suppress_overlapping(&all, 1.0).len(), 4);
        assert!((overlap(all[0].bounds, all[1].bounds) - 90.0 / 110.0).abs() < 1e-6);
        assert_eq!(overlap([-1e38, -1e38, 1e38, 1e38], [0.0, 0.0, 1.0, 1.0]), 0.0);
    }

    #[test]
    fn the_best_class_is_a_number() {
        assert_eq!(best_class([f32::NAN, 0.2, 0.7, 0.7, f32::INFINITY]), Some((2, 0.7)));
        assert_eq!(best_class([f32::NAN]), None);
    }

    proptest! {
        #[test]
        fn suppression_keeps_the_best_and_leaves_no_doubles(
            boxes in vec((0..3_usize, 0.5..1.0_f32, 0.0..50.0_f32, 0.0..50.0_f32, 1.0..50.0_f32), 0..60), max in 0.0..1.0_f32,
        ) {
            let mut candidates = Candidates::new(&HALF);
            for (class, score, x, y, side) in boxes {
                candidates.add(class, score, [x, y, x + side, y + side]);
            }
            let all = candidates.into_best();
            let kept = suppress_overlapping(&all, max);
            prop_assert_eq!(kept.first(), all.first());
            for (n, one) in kept.iter().enumerate() {
                for other in &kept[n + 1..] {
                    prop_assert!(one.class != other.class || overlap(one.bounds, other.bounds) <= max);
                }
            }
        }
    }
}

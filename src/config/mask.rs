//! Privacy masks: parts of a camera's picture that nobody gets to see.

use serde::Deserialize;
use toml::Spanned;

use super::{
    names::Names,
    value::{Name, Polygon, Table},
    violation::Violation,
};

/// Masks of a camera at most. More are a mistake, or a picture of which nothing is left.
const MOST_MASKS: usize = 32;

/// Corners of a mask at most.
const MOST_CORNERS: usize = 64;

/// The smallest area of a mask, as a fraction of the picture: two pixels of 1920x1080.
const LEAST_AREA: f64 = 1e-6;

/// A mask as written.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mask {
    name: Option<Spanned<Name>>,
    polygon: Spanned<Polygon>,
}

impl Mask {
    /// A mask without a name.
    #[must_use]
    pub fn of(polygon: Vec<[f32; 2]>) -> Self {
        Self { name: None, polygon: Spanned::new(0..0, Polygon(polygon)) }
    }

    /// What people call it.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_ref().map(|name| name.get_ref().0.as_str())
    }

    /// At least three corners, `[x, y]` in fractions of width and height from the upper left.
    #[must_use]
    pub fn polygon(&self) -> &[[f32; 2]] {
        &self.polygon.get_ref().0
    }
}

/// The masks of a camera. Finds too many of them, names that stand twice, and polygons that cover nothing or cross
/// themselves.
pub(super) fn check(masks: &[Spanned<Table<Mask>>], violations: &mut Vec<Violation>) -> Vec<Mask> {
    if let Some(first) = masks.get(MOST_MASKS) {
        let what = format!(
            "is the first of {} masks too many: a camera can have {MOST_MASKS}; join masks that lie side by side",
            masks.len() - MOST_MASKS
        );
        violations.push(Violation::new(first.span(), what));
        return Vec::new();
    }
    let mut names = Names::of("mask of this camera");
    for mask in masks {
        let Mask { name, polygon } = &**mask.get_ref();
        violations.extend(name.as_ref().and_then(|name| names.add(name)));
        let what = fault(&polygon.get_ref().0);
        violations.extend(what.map(|what| Violation::new(polygon.span(), what)));
    }
    masks.iter().map(|mask| (**mask.get_ref()).clone()).collect()
}

/// What is wrong with a polygon of a mask.
fn fault(corners: &[[f32; 2]]) -> Option<String> {
    if corners.len() > MOST_CORNERS {
        let count = corners.len();
        return Some(format!(
            "has {count} corners, but a mask can have {MOST_CORNERS}: leave some out, or make two masks"
        ));
    }
    let mut corners: Vec<_> = corners.iter().map(|corner| corner.map(f64::from)).collect();
    corners.dedup();
    if corners.len() > 1 && corners.first() == corners.last() {
        corners.pop(); // many programs repeat the first corner
    }
    let sides: Vec<_> = corners.iter().copied().zip(corners.iter().copied().cycle().skip(1)).collect();
    let count = sides.len();
    for (number, side) in sides.iter().enumerate() {
        for (other, other_side) in sides.iter().enumerate().skip(number + 1) {
            let is_next = other == number + 1 || (number == 0 && other == count - 1);
            let touch = if is_next { fold_back(side, other_side) } else { meet(side, other_side) };
            if touch {
                let [[a, b], [c, d]] =
                    [side, other_side].map(|(from, to)| [from, to].map(|[x, y]| format!("[{x:.4}, {y:.4}]")));
                return Some(format!(
                    "must not cross or touch itself, but the side from {a} to {b} meets that from {c} to {d}: list the \
                     corners in the order in which they follow each other along the edge"
                ));
            }
        }
    }
    let area: f64 = sides.iter().map(|([x, y], [next_x, next_y])| x * next_y - next_x * y).sum::<f64>() / 2.0;
    (area.abs() < LEAST_AREA).then(|| "must cover a part of the picture, but it has no area".to_owned())
}

type Side = ([f64; 2], [f64; 2]);

/// On which side of the line through `a` and `b` the point is: positive, negative, or 0 if it is on it.
fn turn(a: [f64; 2], b: [f64; 2], point: [f64; 2]) -> f64 {
    (b[0] - a[0]) * (point[1] - a[1]) - (b[1] - a[1]) * (point[0] - a[0])
}

/// Whether a point of the line through the side is on the side.
fn is_within(point: [f64; 2], (a, b): &Side) -> bool {
    (0..2).all(|axis| (a[axis].min(b[axis])..=a[axis].max(b[axis])).contains(&point[axis]))
}

/// Whether two sides that do not follow each other share a point.
fn meet(first: &Side, second: &Side) -> bool {
    let ((a, b), (c, d)) = (*first, *second);
    let (at_c, at_d, at_a, at_b) = (turn(a, b, c), turn(a, b, d), turn(c, d, a), turn(c, d, b));
    (at_c * at_d < 0.0 && at_a * at_b < 0.0)
        || (at_c == 0.0 && is_within(c, first))
        || (at_d == 0.0 && is_within(d, first))
        || (at_a == 0.0 && is_within(a, second))
        || (at_b == 0.0 && is_within(b, second))
}

/// Whether two sides with one corner in common share more than that.
fn fold_back(first: &Side, second: &Side) -> bool {
    let ((a, b), (c, d)) = (*first, *second);
    let (common, one, other) = if b == c { (b, a, d) } else { (a, b, c) };
    let along = (0..2).map(|axis| (one[axis] - common[axis]) * (other[axis] - common[axis])).sum::<f64>();
    turn(common, one, other) == 0.0 && along > 0.0
}

#[cfg(test)]
mod tests {
    use super::fault;

    #[test]
    fn outlines_without_a_fault() {
        let good: &[&[[f32; 2]]] = &[
            &[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]],
            &[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0], [0.0, 0.0]],
            &[[0.0, 0.0], [0.5, 0.0], [1.0, 0.0], [1.0, 1.0]],
            &[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.5, 0.2], [0.0, 1.0]],
            &[[0.3, 0.3], [0.3, 0.7], [0.7, 0.7], [0.7, 0.3]],
        ];
        for corners in good {
            assert_eq!(fault(corners), None, "{corners:?}");
        }
    }

    #[test]
    fn outlines_with_one() {
        let bad: &[(&[[f32; 2]], &str)] = &[
            (&[[0.0, 0.0], [1.0, 1.0], [1.0, 0.0], [0.0, 1.0]], "must not cross"),
            (&[[0.0, 0.0], [1.0, 0.0], [0.5, 0.0], [0.5, 1.0]], "must not cross"),
            (&[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.5, 0.0], [0.0, 1.0]], "must not cross"),
            (&[[0.0, 0.0], [1.0, 0.0], [1.0, 0.000_001]], "no area"),
            (&[[0.1, 0.1]; 65], "65 corners"),
        ];
        for (corners, what) in bad {
            let found = fault(corners).unwrap_or_default();
            assert!(found.contains(what), "{corners:?}: {found}");
        }
    }
}

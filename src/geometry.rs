//! Points, polygons and lines in a picture. Points are `[x, y]` in fractions of its width and height, from the upper left.

use crate::{frame::Size, message::Rect};

/// Where what is in the box stands: the middle of the box's lowest row of pixels. The head of a tall thing reaches into what
/// lies far behind it.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "a fraction needs no more than f32")]
pub fn foot_point(around: Rect, full: Size) -> [f32; 2] {
    let Rect { x, y, width, height } = around;
    let column = f64::from(x) + f64::from(width) / 2.0;
    let row = f64::from(y) + f64::from(height) - 0.5;
    [(column / f64::from(full.width_px)) as f32, (row / f64::from(full.height_px)) as f32]
}

/// Whether `point` is inside: a ray from it crosses the polygon's sides an odd number of times.
#[must_use]
pub fn contains(polygon: &[[f32; 2]], [x, y]: [f32; 2]) -> bool {
    let crosses = |&([ax, ay], [bx, by]): &([f32; 2], [f32; 2])| {
        (ay > y) != (by > y) && x < ax + (y - ay) / (by - ay) * (bx - ax)
    };
    sides(polygon).filter(crosses).count() % 2 == 1
}

/// The corners of a box, as fractions of a picture of this size, from the upper left one clockwise.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "a fraction needs no more than f32")]
pub fn corners(Rect { x, y, width, height }: Rect, full: Size) -> [[f32; 2]; 4] {
    let part = |at: u32, of: u32| (f64::from(at) / f64::from(of.max(1))) as f32;
    let [left, right] = [x, x.saturating_add(width)].map(|x| part(x, full.width_px));
    let [top, bottom] = [y, y.saturating_add(height)].map(|y| part(y, full.height_px));
    [[left, top], [right, top], [right, bottom], [left, bottom]]
}

/// Whether a polygon and a box of a picture of this size share a point.
#[must_use]
pub fn reaches_into(polygon: &[[f32; 2]], bounds: Rect, full: Size) -> bool {
    let corners = corners(bounds, full);
    let [[left, top], _, [right, bottom], _] = corners;
    let is_in_box = |[x, y]: &[f32; 2]| (left..=right).contains(x) && (top..=bottom).contains(y);
    let side = |(from, to): ([f32; 2], [f32; 2])| -> Side { [from, to].map(|end| end.map(f64::from)) };
    polygon.iter().any(is_in_box)
        || contains(polygon, corners[0])
        || sides(polygon).map(side).any(|one| sides(&corners).map(side).any(|other| meet(&one, &other)))
}

/// A side of a polygon, from one corner to the next.
pub type Side = [[f64; 2]; 2];

/// Two sides of a polygon that cross or touch although they do not follow each other, or that fold back; `None` if it is an
/// outline without a fault. A first corner that is repeated at the end is no fault.
#[must_use]
pub fn sides_that_meet(polygon: &[[f32; 2]]) -> Option<[Side; 2]> {
    let mut corners: Vec<_> = polygon.iter().map(|corner| corner.map(f64::from)).collect();
    corners.dedup();
    if corners.len() > 1 && corners.first() == corners.last() {
        corners.pop(); // many programs repeat the first corner
    }
    let next = corners.iter().copied().cycle().skip(1);
    let sides: Vec<Side> = corners.iter().copied().zip(next).map(<[_; 2]>::from).collect();
    for (number, side) in sides.iter().enumerate() {
        for (other, other_side) in sides.iter().enumerate().skip(number + 1) {
            let is_next = other == number + 1 || (number == 0 && other == sides.len() - 1);
            if if is_next { fold_back(side, other_side) } else { meet(side, other_side) } {
                return Some([*side, *other_side]);
            }
        }
    }
    None
}

/// The area of a polygon that does not cross itself, as a part of the picture.
#[must_use]
pub fn area(polygon: &[[f32; 2]]) -> f64 {
    let products = sides(polygon).map(|(from, to)| {
        let [[x, y], [next_x, next_y]] = [from, to].map(|corner| corner.map(f64::from));
        x * next_y - next_x * y
    });
    (products.sum::<f64>() / 2.0).abs()
}

/// A polygon's sides, each from one corner to the next.
fn sides(polygon: &[[f32; 2]]) -> impl Iterator<Item = ([f32; 2], [f32; 2])> {
    polygon.iter().copied().zip(polygon.iter().copied().cycle().skip(1))
}

/// On which side of the line through `a` and `b` the point is: positive, negative, or 0 if it is on it.
fn turn(a: [f64; 2], b: [f64; 2], point: [f64; 2]) -> f64 {
    (b[0] - a[0]) * (point[1] - a[1]) - (b[1] - a[1]) * (point[0] - a[0])
}

/// Whether a point of the line through the side is on the side.
fn is_within(point: [f64; 2], [a, b]: &Side) -> bool {
    (0..2).all(|axis| (a[axis].min(b[axis])..=a[axis].max(b[axis])).contains(&point[axis]))
}

/// Whether two sides that do not follow each other share a point.
fn meet(first: &Side, second: &Side) -> bool {
    let ([a, b], [c, d]) = (*first, *second);
    let (at_c, at_d, at_a, at_b) = (turn(a, b, c), turn(a, b, d), turn(c, d, a), turn(c, d, b));
    (at_c * at_d < 0.0 && at_a * at_b < 0.0)
        || (at_c == 0.0 && is_within(c, first))
        || (at_d == 0.0 && is_within(d, first))
        || (at_a == 0.0 && is_within(a, second))
        || (at_b == 0.0 && is_within(b, second))
}

/// Whether two sides with one corner in common share more than that.
fn fold_back(first: &Side, second: &Side) -> bool {
    let ([a, b], [c, d]) = (*first, *second);
    let (common, one, other) = if b == c { (b, a, d) } else { (a, b, c) };
    let along = (0..2).map(|axis| (one[axis] - common[axis]) * (other[axis] - common[axis])).sum::<f64>();
    turn(common, one, other) == 0.0 && along > 0.0
}

/// How much two boxes share: as a part of the smaller one, and of both together, 0 to 1.
#[must_use]
pub fn overlap(one: Rect, other: Rect) -> (f64, f64) {
    let along = |a: u32, a_length: u32, b: u32, b_length: u32| {
        let end = a.saturating_add(a_length).min(b.saturating_add(b_length));
        u64::from(end.saturating_sub(a.max(b)))
    };
    let shared = along(one.x, one.width, other.x, other.width) * along(one.y, one.height, other.y, other.height);
    let area = |rect: Rect| u64::from(rect.width) * u64::from(rect.height);
    let (a, b) = (area(one), area(other));
    let part = |whole: u64| if whole == 0 { 0.0 } else { shared as f64 / whole as f64 };
    (part(a.min(b)), part(a.saturating_add(b).saturating_sub(shared)))
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(sides_that_meet(corners), None, "{corners:?}");
        }
    }

    #[test]
    fn a_polygon_reaches_into_a_box_by_a_corner_a_side_or_all_of_it() {
        let full = Size { width_px: 200, height_px: 100 };
        let reaches = |polygon: &[[f32; 2]]| reaches_into(polygon, Rect { x: 100, y: 50, width: 40, height: 20 }, full);
        assert!(reaches(&[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]), "all around it");
        assert!(reaches(&[[0.55, 0.55], [0.6, 0.55], [0.6, 0.6]]), "inside of it");
        assert!(reaches(&[[0.0, 0.55], [1.0, 0.55], [1.0, 0.6], [0.0, 0.6]]), "through it");
        assert!(reaches(&[[0.69, 0.69], [0.9, 0.69], [0.9, 0.9]]), "a corner");
        assert!(!reaches(&[[0.0, 0.0], [0.49, 0.0], [0.49, 1.0], [0.0, 1.0]]), "beside it");
        assert!(!reaches(&[[0.68, 0.75], [1.0, 0.4], [1.0, 1.0]]), "its bounds do, but not it");
    }

    #[test]
    fn outlines_that_cross_touch_or_fold_back() {
        let bad: &[&[[f32; 2]]] = &[
            &[[0.0, 0.0], [1.0, 1.0], [1.0, 0.0], [0.0, 1.0]],
            &[[0.0, 0.0], [1.0, 0.0], [0.5, 0.0], [0.5, 1.0]],
            &[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.5, 0.0], [0.0, 1.0]],
        ];
        for corners in bad {
            assert!(sides_that_meet(corners).is_some(), "{corners:?}");
        }
    }
}

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

/// Whether two sides of a polygon cross each other. Sides that only touch do not.
#[must_use]
pub fn crosses_itself(polygon: &[[f32; 2]]) -> bool {
    let sides: Vec<_> = sides(polygon).collect();
    sides.iter().enumerate().any(|(n, one)| sides[n + 1..].iter().any(|other| cross(*one, *other)))
}

/// A polygon's sides, each from one corner to the next.
fn sides(polygon: &[[f32; 2]]) -> impl Iterator<Item = ([f32; 2], [f32; 2])> {
    polygon.iter().copied().zip(polygon.iter().copied().cycle().skip(1))
}

/// Whether the ends of each lie on different sides of the other.
fn cross((a, b): ([f32; 2], [f32; 2]), (c, d): ([f32; 2], [f32; 2])) -> bool {
    let are_apart = |from, to, one, other| turn(from, to, one) * turn(from, to, other) < 0.0;
    are_apart(a, b, c, d) && are_apart(c, d, a, b)
}

/// Twice the area of the triangle of the three points: positive if `point` is to the right of the way from `from` to `to`, as y
/// grows downwards.
fn turn([ax, ay]: [f32; 2], [bx, by]: [f32; 2], [x, y]: [f32; 2]) -> f64 {
    let [ax, ay, bx, by, x, y] = [ax, ay, bx, by, x, y].map(f64::from);
    (bx - ax) * (y - ay) - (by - ay) * (x - ax)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_polygon_crosses_itself_if_two_sides_do() {
        let square = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]];
        let bow = [[0.0, 0.0], [1.0, 1.0], [1.0, 0.0], [0.0, 1.0]];
        let notched = [[0.0, 0.0], [0.5, 0.5], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]];
        assert_eq!([square.as_slice(), &bow, &notched].map(crosses_itself), [false, true, false]);
    }
}

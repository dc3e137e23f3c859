//! How many people a region shows: each has a head above the shoulders.
//!
//! The upper outline of a region has a peak for each head, and a valley between two of them (Haritaoglu, Harwood and Davis,
//! Hydra: Multiple People Detection and Tracking Using Silhouettes, 1999). A region that is no wider than one person is never
//! cut, nor is one whose parts would not have a person's shape: cars and vans are flat on top, or wider than that; so are the
//! legs of a spider before the lens, most of the time.

use std::ops::Range;

use opencv::core::{Point, Rect};

/// How wide a region is at least that is cut, in heights: two people side by side; one with a long stride is 0.6.
const WIDE: f32 = 0.62;

/// A row of more people is a crowd, in which nobody is told apart.
const CROWD: f32 = 4.0;

/// The height from which on heads are told from noise, in luma pixels.
const LEAST_HEIGHT: i32 = 20;

/// How high a head is at least, and how deep the valley beside it, in heights of the region.
const TALL: f32 = 0.72;
const DIP: f32 = 0.09;

/// How wide a part is, in heights.
const PART: Range<f32> = 0.2..0.55;

/// Around each of the people that a region with these bounds and this rim shows; empty unless they are several.
pub(super) fn people(bounds: Rect, rim: &[Point]) -> Vec<Rect> {
    let (width, height) = (bounds.width as f32, bounds.height as f32);
    if bounds.height < LEAST_HEIGHT || !(WIDE * height..CROWD * height).contains(&width) {
        return Vec::new();
    }
    let lowest = bounds.y + bounds.height - 1;
    // The highest and the lowest row of each column.
    let mut columns = vec![[lowest, bounds.y]; bounds.width.unsigned_abs() as usize];
    for point in rim {
        if let Some([upper, lower]) = columns.get_mut(usize::try_from(point.x - bounds.x).unwrap_or(usize::MAX)) {
            (*upper, *lower) = (point.y.min(*upper), point.y.max(*lower));
        }
    }
    let outline = columns.iter().map(|[upper, _]| (lowest + 1 - upper) as f32 / height);
    let cuts = valleys(outline);
    let ends = cuts.iter().copied().chain([columns.len()]);
    let begins = [0].into_iter().chain(cuts.iter().copied());
    let parts: Vec<Rect> = begins.zip(ends).map(|(begin, end)| around(&columns, bounds.x, begin..end)).collect();
    let is_person = |part: &Rect| PART.contains(&(part.width as f32 / part.height as f32));
    if parts.len() > 1 && parts.iter().all(is_person) { parts } else { Vec::new() }
}

/// The columns between two heads where an outline is lowest, which is in heights of the region.
fn valleys(outline: impl Iterator<Item = f32>) -> Vec<usize> {
    let (mut valleys, mut peak) = (Vec::new(), 0.0_f32);
    // Where it is lowest since the last peak: how high it is there, and the first and the last of such columns.
    let mut valley: Option<(f32, [usize; 2])> = None;
    for (column, level) in outline.enumerate() {
        match &mut valley {
            None if peak >= TALL && level <= peak - DIP => valley = Some((level, [column; 2])),
            None => peak = peak.max(level),
            Some((low, at)) if level < *low => (*low, *at) = (level, [column; 2]),
            Some((low, [first, last])) if level >= TALL && level >= *low + DIP => {
                valleys.push(usize::midpoint(*first, *last) + 1);
                (peak, valley) = (level, None);
            }
            Some((low, [_, last])) if level <= *low => *last = column,
            Some(_) => {}
        }
    }
    valleys
}

/// The rectangle around these columns, of which the first of all is at `left`.
fn around(columns: &[[i32; 2]], left: i32, range: Range<usize>) -> Rect {
    let upper = columns[range.clone()].iter().map(|[upper, _]| *upper).min().unwrap_or_default();
    let lower = columns[range.clone()].iter().map(|[_, lower]| *lower).max().unwrap_or_default();
    #[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "columns of a picture")]
    let [x, width] = [range.start, range.len()].map(|columns| columns as i32);
    Rect { x: left + x, y: upper, width, height: lower + 1 - upper }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Rect = Rect { x: 30, y: 50, width: 0, height: 40 };

    /// Around each of the people in a region of this width whose outline is so high in each column.
    fn people_in(width: i32, outline: impl Fn(i32) -> i32) -> Vec<Rect> {
        let bounds = Rect { width, ..BOUNDS };
        let lowest = bounds.y + bounds.height - 1;
        let column = |x: i32| [lowest + 1 - outline(x), lowest].map(|y| Point::new(bounds.x + x, y));
        people(bounds, &(0..width).flat_map(column).collect::<Vec<_>>())
    }

    /// Somebody 40 pixels high whose middle is so far away: a head, shoulders, and a foot.
    fn person(away: i32) -> i32 {
        match away.abs() {
            0..=2 => 40,
            3..=6 => 34,
            7..=8 => 9,
            _ => 0,
        }
    }

    #[test]
    fn people_side_by_side_are_told_apart() {
        let two = people_in(33, |x| person(x - 8).max(person(x - 24)));
        assert_eq!(two, [Rect { width: 17, ..BOUNDS }, Rect { x: 47, width: 16, ..BOUNDS }]);
        let shoulder_to_shoulder = people_in(43, |x| person(x - 8).max(person(x - 21)).max(person(x - 34)));
        assert_eq!(shoulder_to_shoulder.len(), 3, "{shoulder_to_shoulder:?}");
    }

    #[test]
    fn one_person_is_one() {
        assert_eq!(people_in(17, |x| person(x - 8)), []);
        let with_a_dog = people_in(33, |x| person(x - 8).max(if x > 16 { 14 } else { 0 }));
        assert_eq!(with_a_dog, [], "too low for a head");
    }

    #[test]
    fn cars_are_one() {
        assert_eq!(people_in(60, |_| 40), [], "a van");
        assert_eq!(people_in(80, |x| if (20..60).contains(&x) { 40 } else { 24 }), [], "a car");
        assert_eq!(people_in(120, |x| if (38..44).contains(&x) { 16 } else { 40 }), [], "a lorry's cab is no person");
    }

    #[test]
    fn points_outside_are_left_out() {
        let bounds = Rect { width: 33, ..BOUNDS };
        assert_eq!(people(bounds, &[Point::new(0, 0), Point::new(i32::MAX, 60)]), []);
        assert_eq!(people(bounds, &[]), []);
    }
}

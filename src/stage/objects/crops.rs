//! Crops: the square around a track, and which of the boxes that were found in it are the tracks'.

use super::choice::{Candidate, pixels};
use crate::{frame::Size, geometry::overlap, message::Rect, model::detector::Found};

/// How much longer a crop's side is than the track's.
const MARGIN: f64 = 1.6;

/// The least side of a crop, as a part of the network's: what is enlarged more shows no more.
const LEAST_PART: f64 = 0.45;

/// How near to a crop's edge a box is cut by it, as a part of the crop's side.
const EDGE: f64 = 0.015;

/// The least part of the smaller one of a track's box and a found one that both share.
const SHARED: f64 = 0.5;

/// The square around a track, as far as the picture reaches; at the picture's rim it is moved inside.
pub(super) fn square(bounds: Rect, full: Size, input: Size) -> Rect {
    let least = f64::from(input.width_px.max(input.height_px)) * LEAST_PART;
    let side = pixels((f64::from(bounds.width.max(bounds.height)) * MARGIN).max(least));
    let along = |from: u32, length: u32, of: u32| {
        let side = side.min(of);
        let middle = from.saturating_add(length / 2);
        (middle.saturating_sub(side / 2).min(of - side), side)
    };
    let (x, width) = along(bounds.x, bounds.width, full.width_px);
    let (y, height) = along(bounds.y, bounds.height, full.height_px);
    Rect { x, y, width, height }
}

/// A box in a crop's pixels, in those of the picture. `None` if it is cut by an edge of the crop that is none of the picture's.
pub(super) fn to_picture(found: Rect, size: Size, crop: Rect, full: Size) -> Option<Rect> {
    let along = |from: u32, length: u32, size: u32, start: u32, side: u32, of: u32| {
        let scale = f64::from(side) / f64::from(size.max(1));
        let (low, high) = (f64::from(from) * scale, f64::from(from.saturating_add(length)) * scale);
        let margin = f64::from(side) * EDGE;
        let is_cut =
            (low < margin && start > 0) || (high > f64::from(side) - margin && start.saturating_add(side) < of);
        let (low, high) = (pixels(low), pixels(high));
        (!is_cut).then(|| (start.saturating_add(low), high.saturating_sub(low).max(1)))
    };
    let (x, width) = along(found.x, found.width, size.width_px, crop.x, crop.width, full.width_px)?;
    let (y, height) = along(found.y, found.height, size.height_px, crop.y, crop.height, full.height_px)?;
    Some(Rect { x, y, width, height })
}

/// The candidates that a look at this part of the picture says something of: all of each is in it, and in the network's input it
/// has a longer side of `least_px` at least.
pub(super) fn shown(candidates: &[Candidate], part: Rect, size: Size, input: Size, least_px: f64) -> Vec<Candidate> {
    let is_in = |from: u32, length: u32, start: u32, side: u32| {
        from >= start && from.saturating_add(length) <= start.saturating_add(side)
    };
    // In pixels of the network's input.
    let scale = f64::from(input.width_px.max(input.height_px)) / f64::from(part.width.max(part.height).max(1));
    let sharpness = f64::from(size.width_px) / f64::from(part.width.max(1));
    let is_shown = |candidate: &&Candidate| {
        let Rect { x, y, width, height } = candidate.bounds;
        let longer = f64::from(width.max(height));
        is_in(x, width, part.x, part.width)
            && is_in(y, height, part.y, part.height)
            && longer * scale >= least_px
            && longer * sharpness >= 10.0
    };
    candidates.iter().filter(is_shown).copied().collect()
}

/// For each track the number of the found box that is it: those first that share most.
pub(super) fn assign(tracks: &[Candidate], found: &[Found]) -> Vec<Option<usize>> {
    let mut pairs = Vec::new();
    for (track, candidate) in tracks.iter().enumerate() {
        for (number, thing) in found.iter().enumerate() {
            let (of_smaller, of_both) = overlap(candidate.bounds, thing.bounds);
            if of_smaller >= SHARED && of_both >= 0.1 {
                pairs.push((of_both * f64::from(thing.score.max(0.01)).sqrt(), track, number));
            }
        }
    }
    pairs.sort_by(|(one, ..), (other, ..)| other.total_cmp(one));
    let mut assigned = vec![None; tracks.len()];
    let mut taken = vec![false; found.len()];
    for (_, track, number) in pairs {
        if assigned[track].is_none() && !taken[number] {
            assigned[track] = Some(number);
            taken[number] = true;
        }
    }
    assigned
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: Size = Size { width_px: 1920, height_px: 1080 };
    const INPUT: Size = Size { width_px: 352, height_px: 352 };

    fn rect(x: u32, y: u32, width: u32, height: u32) -> Rect {
        Rect { x, y, width, height }
    }

    #[test]
    fn a_square_is_around_the_track_and_inside_of_the_picture() {
        assert_eq!(square(rect(900, 400, 100, 200), FULL, INPUT), rect(790, 340, 320, 320));
        assert_eq!(square(rect(900, 400, 10, 30), FULL, INPUT), rect(826, 336, 158, 158), "no more is enlarged");
        assert_eq!(square(rect(0, 900, 100, 180), FULL, INPUT), rect(0, 792, 288, 288));
        assert_eq!(square(rect(0, 0, 1900, 1000), FULL, INPUT), rect(0, 0, 1920, 1080));
    }

    #[test]
    fn boxes_that_an_inner_edge_cuts_are_dropped() {
        let (crop, size) = (rect(400, 0, 320, 320), Size { width_px: 160, height_px: 160 });
        let shown = |found| to_picture(found, size, crop, FULL);
        assert_eq!(shown(rect(40, 20, 30, 60)), Some(rect(480, 40, 60, 120)));
        assert_eq!(shown(rect(40, 0, 30, 60)), Some(rect(480, 0, 60, 120)), "the picture ends there, too");
        for cut in [rect(0, 20, 30, 60), rect(130, 20, 30, 60), rect(40, 100, 30, 60)] {
            assert_eq!(shown(cut), None, "{cut:?}");
        }
    }

    #[test]
    fn each_thing_is_one_track() {
        let found = |bounds, score| Found { label: "person".into(), score, bounds };
        let candidates = |all: &[Rect]| -> Vec<Candidate> {
            all.iter().zip(1..).map(|(bounds, id)| Candidate::of(id, *bounds)).collect()
        };
        let tracks = candidates(&[rect(100, 100, 40, 80), rect(110, 100, 40, 80), rect(500, 100, 40, 80)]);
        let all = [found(rect(112, 98, 40, 84), 0.9), found(rect(98, 98, 40, 84), 0.6), found(rect(700, 0, 9, 9), 0.9)];
        assert_eq!(assign(&tracks, &all), [Some(1), Some(0), None]);
        assert_eq!(assign(&tracks[..2], &all[..1]), [None, Some(0)]);
        // Motion sees a part of somebody, or his shadow, too.
        assert_eq!(assign(&candidates(&[rect(100, 140, 40, 40)]), &[found(rect(98, 98, 44, 84), 0.7)]), [Some(0)]);
    }
}

//! From changed pixels to regions that move.

use std::{cmp::Reverse, ops::Range};

use opencv::{
    core::{self, Mat, Point, Rect},
    imgproc,
    prelude::*,
};

use super::{rims::Rims, silhouette, smooth};

/// Finds regions, and keeps what that takes. Matrices are rows x columns x 1 bytes of the luma's size.
#[derive(Debug, Default)]
pub(super) struct Regions {
    /// 1 where a pixel changed outside ignored zones, else 0.
    wanted: Vec<u8>,
    sums: Vec<u8>,
    /// 255 where most of the 3x3 pixels around did, the middle weighing most, else 0.
    solid: Mat,
    /// `solid`, grown by the brush, and shrunk again: gaps smaller than the brush are closed.
    grown: Mat,
    joined: Mat,
    /// What the parts of one thing are joined with.
    brush: Mat,
    rims: Rims,
}

/// How many of a pixel and those around it must have changed for it to stay, by their weight in [`smooth`], which is 16 together.
#[derive(Clone, Copy, Debug)]
pub(super) enum Density {
    /// As many as at a corner of a body.
    Half = 8,
    /// As many as at its edge. Where streaks of two frames meet there are slivers, which have less.
    Most = 12,
}

/// A connected region of moving pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Region {
    /// Around it, in luma pixels.
    pub(super) bounds: Rect,
    /// How many pixels it has, holes in it filled.
    pub(super) pixels: u32,
}

impl Region {
    /// The region with these pixels along its rim, in order.
    fn within(rim: &[Point]) -> Self {
        let begin = rim.first().copied().unwrap_or_default();
        let around = |[low, high]: [Point; 2], at: &Point| {
            [Point::new(low.x.min(at.x), low.y.min(at.y)), Point::new(high.x.max(at.x), high.y.max(at.y))]
        };
        let [low, high] = rim.iter().fold([begin; 2], around);
        let bounds = Rect { x: low.x, y: low.y, width: high.x - low.x + 1, height: high.y - low.y + 1 };
        // Twice the area within the middles of the rim's pixels, by the shoelace formula.
        let next = rim.iter().skip(1).chain([&begin]);
        let area: i64 =
            rim.iter().zip(next).map(|(a, b)| i64::from(a.x) * i64::from(b.y) - i64::from(b.x) * i64::from(a.y)).sum();
        // Pick's theorem: area = inside + rim / 2 - 1.
        let pixels = (area.unsigned_abs() + rim.len() as u64 + 2) / 2;
        Self { bounds, pixels: u32::try_from(pixels).unwrap_or(u32::MAX) }
    }

    /// Its pixels, shared out among its parts by their area.
    fn among(self, parts: &[Rect]) -> impl Iterator<Item = Self> {
        let area = |part: &Rect| u64::from(part.width.unsigned_abs()) * u64::from(part.height.unsigned_abs());
        let all: u64 = parts.iter().map(area).sum();
        let share = move |part| u64::from(self.pixels) * area(part) / all.max(1);
        parts.iter().map(move |part| Self { bounds: *part, pixels: u32::try_from(share(part)).unwrap_or(self.pixels) })
    }
}

/// Regions that are told of one frame: a flock of birds fits, and a message stays small.
const MOST_REGIONS: usize = 64;

/// Gaps that are closed, as parts of the picture's width and height: a head belongs to a body, a leg to the other.
const GAP: (i32, i32) = (80, 40);

impl Regions {
    /// Gets what pictures of this size take, before one of them is looked at.
    pub(super) fn make_room(&mut self, size: core::Size) -> opencv::Result<()> {
        if self.solid.size()? != size {
            self.solid = Mat::new_size_with_default(size, core::CV_8UC1, core::Scalar::all(0.0))?;
            self.wanted.resize(self.solid.total(), 0);
            self.rims.make_room([size.width, size.height].map(|side| side.unsigned_abs() as usize));
        }
        Ok(())
    }

    /// The regions of `changed` where `watched` is not 0, as dense and with at least `least_pixels`, largest first. One of people who
    /// are close together is one for each of them, if it `is_body`, which takes its bounds and what is [`solid`](Self::solid).
    pub(super) fn find(
        &mut self,
        changed: &Mat,
        watched: &Mat,
        least_pixels: u32,
        density: Density,
        is_body: impl Fn(Rect, &Mat) -> opencv::Result<bool>,
    ) -> opencv::Result<Vec<Region>> {
        let changes = changed.data_typed::<u8>()?.iter().zip(watched.data_typed::<u8>()?);
        self.wanted.iter_mut().zip(changes).for_each(|(wanted, (changed, watched))| *wanted = changed & watched & 1);
        if !self.drop_specks(density)? {
            return Ok(Vec::new());
        }
        self.join_parts()?;
        let mut regions = Vec::new();
        self.rims.find(self.joined.data_typed()?, |rim| {
            let region = Region::within(rim);
            if region.pixels < least_pixels {
                return Ok(());
            }
            let people = silhouette::people(region.bounds, rim);
            if people.is_empty() || !is_body(region.bounds, &self.solid)? {
                regions.push(region);
            } else {
                regions.extend(region.among(&people));
            }
            Ok(())
        })?;
        regions.reverse(); // of two that are as large, the lower one is nearer
        regions.sort_by_key(|region| Reverse(region.pixels));
        regions.truncate(MOST_REGIONS);
        Ok(regions)
    }

    /// 255 where a pixel of the last picture and most around it changed, else 0.
    pub(super) fn solid(&self) -> &Mat {
        &self.solid
    }

    /// A pixel stays when most of those around changed too: noise and the flicker of an edge do not. Tells whether any stays.
    fn drop_specks(&mut self, density: Density) -> opencv::Result<bool> {
        let width = self.solid.cols().unsigned_abs() as usize;
        Ok(smooth::solid(&self.wanted, width, density as u8, self.solid.data_typed_mut()?, &mut self.sums))
    }

    fn join_parts(&mut self) -> opencv::Result<()> {
        let picture = self.solid.size()?;
        let odd = |pixels: i32| pixels | 1; // a brush has a middle
        let brush = core::Size::new(odd(picture.width / GAP.0), odd(picture.height / GAP.1));
        if self.brush.size()? != brush {
            self.brush = imgproc::get_structuring_element_def(imgproc::MORPH_RECT, brush)?;
        }
        for part in [&mut self.grown, &mut self.joined] {
            if part.size()? == picture {
                part.data_typed_mut::<u8>()?.fill(0);
            } else {
                *part = Mat::new_size_with_default(picture, core::CV_8UC1, core::Scalar::all(0.0))?;
            }
        }
        for Range { start, end } in bands(self.solid.data_typed()?, picture.width, brush.height / 2) {
            let mut grown = self.grown.row_bounds_mut(start, end)?;
            imgproc::dilate_def(&self.solid.row_bounds(start, end)?, &mut grown, &self.brush)?;
            drop(grown);
            let mut joined = self.joined.row_bounds_mut(start, end)?;
            imgproc::erode_def(&self.grown.row_bounds(start, end)?, &mut joined, &self.brush)?;
        }
        Ok(())
    }
}

/// The rows that have pixels, and so many above and below: the others stay empty whatever is joined. `pixels` are rows of `width`.
fn bands(pixels: &[u8], width: i32, reach: i32) -> Vec<Range<i32>> {
    let rows = pixels.chunks_exact(width.unsigned_abs() as usize);
    let height = i32::try_from(rows.len()).unwrap_or(i32::MAX);
    let mut bands: Vec<Range<i32>> = Vec::new();
    for (y, _) in (0..).zip(rows).filter(|(_, row)| row.iter().fold(0, |any, pixel| any | pixel) != 0) {
        let (start, end) = ((y - reach).max(0), (y + reach + 1).min(height));
        match bands.last_mut() {
            Some(band) if start <= band.end => band.end = end,
            _ => bands.push(start..end),
        }
    }
    bands
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is there by chance, in a third of the rows nothing.
    fn chance(picture: core::Size, one_of: u32) -> Mat {
        let hash = |i: i32| i.unsigned_abs().wrapping_mul(2_654_435_761).rotate_left(11) >> 5;
        let is_there =
            |x: i32, y: i32| hash(y * picture.width + x).is_multiple_of(one_of) && !hash(y).is_multiple_of(3);
        let pixels = (0..picture.height).flat_map(|y| (0..picture.width).map(move |x| (x, y)));
        let pixels: Vec<u8> = pixels.map(|(x, y)| if is_there(x, y) { 255 } else { 0 }).collect();
        Mat::new_rows_cols_with_data(picture.height, picture.width, &pixels)
            .and_then(|mat| mat.try_clone())
            .expect("bytes")
    }

    #[test]
    fn a_region_is_as_large_as_by_opencv() {
        let mut rims = Rims::default();
        for (width, height, one_of) in [(1, 9, 1), (97, 61, 2), (97, 61, 3), (320, 180, 5)] {
            let picture = chance(core::Size::new(width, height), one_of);
            rims.make_room([width, height].map(|side| side.unsigned_abs() as usize));
            let mut regions = 0;
            let look = |rim: &[Point]| {
                let points = Mat::from_slice(rim)?;
                let area = imgproc::contour_area_def(&points)? + rim.len() as f64 / 2.0 + 1.0;
                let bounds = imgproc::bounding_rect(&points)?;
                let Region { bounds: found, pixels } = Region::within(rim);
                assert_eq!((found, f64::from(pixels)), (bounds, area.floor()), "{rim:?}");
                regions += 1;
                Ok(())
            };
            rims.find(picture.data_typed().expect("bytes"), look).expect("points");
            assert!(regions > 0, "{width}x{height} has some");
        }
    }

    #[test]
    fn slivers_are_dropped_where_most_around_must_have_changed_and_a_body_is_not() {
        let size = core::Size::new(160, 120);
        let mut regions = Regions::default();
        regions.make_room(size).expect("memory");
        let all = Mat::new_size_with_default(size, core::CV_8UC1, core::Scalar::all(255.0)).expect("memory");
        let mut changed = Mat::new_size_with_default(size, core::CV_8UC1, core::Scalar::all(0.0)).expect("memory");
        let body = Rect::new(100, 40, 12, 40);
        let slivers = (0..4).map(|sliver| Rect::new(30 + 3 * sliver, 20, 1, 40));
        for part in slivers.chain([body]) {
            imgproc::rectangle(&mut changed, part, core::Scalar::all(255.0), imgproc::FILLED, 8, 0).expect("within");
        }
        let mut bounds = |density| {
            let regions = regions.find(&changed, &all, 20, density, |_, _| Ok(false)).expect("bytes");
            regions.iter().map(|region| region.bounds).collect::<Vec<_>>()
        };
        assert_eq!(bounds(Density::Half), [body, Rect::new(30, 21, 10, 38)]);
        assert_eq!(bounds(Density::Most), [body]);
    }

    #[test]
    fn parts_are_joined_in_bands_as_in_the_whole_picture() {
        let mut regions = Regions::default();
        for (width, height) in [(1, 1), (9, 200), (320, 1), (320, 180), (97, 61), (640, 480)] {
            for one_of in [1, 2, 30, 700, 9000, u32::MAX] {
                let picture = core::Size::new(width, height);
                regions.solid = chance(picture, one_of);
                regions.join_parts().expect("bytes");
                let (mut grown, mut expected) = (Mat::default(), Mat::default());
                imgproc::dilate_def(&regions.solid, &mut grown, &regions.brush).expect("bytes");
                imgproc::erode_def(&grown, &mut expected, &regions.brush).expect("bytes");
                let [found, expected] = [&regions.joined, &expected].map(|mat| mat.data_bytes().expect("bytes"));
                assert!(found == expected, "{width}x{height}, one of {one_of}");
            }
        }
    }
}

//! Light that differs from place to place and drifts: fog, a cloud over a part of a street.
//!
//! What drifts changes little from frame to frame, and little over a twentieth of the picture. The picture is a grid of cells.
//! For each, the veil is the mean difference between the picture and its background, of those pixels alone that differ about
//! as they did in the frame before: what covers the background differs at once, and has no say. Cells that are covered take
//! the veil of those around. The background takes the veil over with each of its lessons, so a veil is always of a fraction
//! of a second.
//!
//! In a calm scene there is none: it is looked for from when a good part of the picture leaves its background until it rests.

use std::time::Duration;

use opencv::{core::Mat, prelude::*};

use crate::system::clock::Monotonic;

/// The grid. A cell is smaller than a walker, so that those around one are free.
const COLUMNS: usize = 24;
const ROWS: usize = 18;
const CELLS: usize = COLUMNS * ROWS;

/// About how many pixels of a row or column of a cell are compared: the mean of 64 is exact to a part of a level.
const SAMPLES: usize = 8;

/// Cells to each side of which the mean is taken: the shortest waves of fog are ten cells long.
const AROUND: usize = 2;

/// A grey level of the middle.
const MIDDLE: f32 = 128.0;

/// The part of the picture that differs from the background from which on there is a veil, and the time over which it is averaged.
const COMES: f32 = 0.06;
const WHILE: Duration = Duration::from_millis(300);

/// The mean change of the cells in a lesson, in levels, which keeps it, and for how long. Noise is a tenth of it.
const DRIFTS: f32 = 0.3;
const STAYS: Duration = Duration::from_secs(30);

/// The variance of noise and JPEG, in levels: where the background has no more, nothing tells a slope from an offset.
const FLAT: f32 = 20.0;

/// The line from the background's levels to how much brighter the picture is: a part of the level, which fog takes, and an offset.
#[derive(Clone, Copy, Debug, Default)]
struct Change {
    offset: f32,
    slope: f32,
}

/// Sums over pixels, for a line through them.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    count: f32,
    level: f32,
    square: f32,
    change: f32,
    product: f32,
}

/// The veil between a picture and its background, and what it takes to see it.
#[derive(Debug)]
pub(super) struct Veil {
    until: Option<Monotonic>,
    strange: f32,
    last: Monotonic,
    changes: [Change; CELLS],
    /// The offset and the slope of each cell of a row, for each pixel across: rows of the grid x columns of the picture.
    offsets: Vec<f32>,
    slopes: Vec<f32>,
    width: usize,
}

impl Veil {
    pub(super) fn new() -> Self {
        Self {
            until: None,
            strange: 0.0,
            last: Monotonic::from_micros(0),
            changes: [Change::default(); CELLS],
            offsets: Vec::new(),
            slopes: Vec::new(),
            width: 0,
        }
    }

    /// There is none. Gets what pictures of this width take.
    pub(super) fn forget(&mut self, width: usize) {
        let [mut offsets, mut slopes] = [&mut self.offsets, &mut self.slopes].map(std::mem::take);
        for plane in [&mut offsets, &mut slopes] {
            plane.clear();
            plane.reserve_exact(ROWS * width); // of which nothing is touched until there is one
        }
        *self = Self { offsets, slopes, width, ..Self::new() };
    }

    /// Takes which part of the picture differs from its background, and tells whether a veil is to be looked for.
    pub(super) fn is_there(&mut self, strange: f32, at: Monotonic) -> bool {
        let passed = at.since(std::mem::replace(&mut self.last, at)).as_secs_f32();
        self.strange += (passed / WHILE.as_secs_f32()).min(0.5) * (strange - self.strange);
        if self.strange > COMES {
            self.until = Some(at.later(STAYS));
        }
        let is_there = self.until.is_some_and(|until| at < until);
        if !is_there {
            self.changes = [Change::default(); CELLS];
        }
        is_there
    }

    /// Finds the veil between `picture` and `usual`, and takes it out of `picture`. What differs by more than `most` from what it
    /// was has no say, nor has what is `masked`, if that is not empty.
    pub(super) fn lift(&mut self, picture: &mut Mat, usual: &Mat, masked: &Mat, most: u8) -> opencv::Result<()> {
        self.look(picture, usual, masked, f32::from(most))?;
        self.stretch();
        let usual = usual.data_typed::<u8>()?.chunks_exact(self.width);
        let picture = picture.data_typed_mut::<u8>()?.chunks_exact_mut(self.width);
        let height = picture.len();
        for (y, (row, usual)) in picture.zip(usual).enumerate() {
            for ((pixel, &usual), (offset, slope)) in row.iter_mut().zip(usual).zip(self.row(y, height)) {
                *pixel = level(f32::from(*pixel) - offset - slope * f32::from(usual));
            }
        }
        Ok(())
    }

    /// How bright what has these levels is behind the veil, which is then taken over.
    pub(super) fn cover<'p>(&self, planes: impl IntoIterator<Item = &'p mut [u8]>) {
        for plane in planes {
            let rows = plane.chunks_exact_mut(self.width);
            let height = rows.len();
            for (y, row) in rows.enumerate() {
                for (pixel, (offset, slope)) in row.iter_mut().zip(self.row(y, height)) {
                    *pixel = level(f32::from(*pixel) * (1.0 + slope) + offset);
                }
            }
        }
    }

    /// Stretches the rows of the grid to the picture's width.
    fn stretch(&mut self) {
        let width = self.width;
        self.offsets.resize(ROWS * width, 0.0);
        self.slopes.resize(ROWS * width, 0.0);
        for x in 0..width {
            let ([left, right], [of_left, of_right]) = nearest(x, width, COLUMNS);
            for row in 0..ROWS {
                let [left, right] = [left, right].map(|column| self.changes[row * COLUMNS + column]);
                self.offsets[row * width + x] = left.offset * of_left + right.offset * of_right;
                self.slopes[row * width + x] = left.slope * of_left + right.slope * of_right;
            }
        }
    }

    /// The offset and the slope of each pixel in a row of the picture.
    fn row(&self, y: usize, height: usize) -> impl Iterator<Item = (f32, f32)> {
        let (rows, [of_upper, of_lower]) = nearest(y, height, ROWS);
        let [offsets, slopes] = [&self.offsets, &self.slopes].map(|plane| {
            let [upper, lower] = rows.map(|row| &plane[row * self.width..][..self.width]);
            upper.iter().zip(lower).map(move |(upper, lower)| upper * of_upper + lower * of_lower)
        });
        offsets.zip(slopes)
    }

    /// The background took it over.
    pub(super) fn is_taken(&mut self, at: Monotonic) {
        let drift = |change: &Change| (change.offset + MIDDLE * change.slope).abs();
        if self.changes.iter().map(drift).sum::<f32>() > DRIFTS * CELLS as f32 {
            self.until = Some(at.later(STAYS));
        }
        self.changes = [Change::default(); CELLS];
    }

    /// Brings the change of each cell up to date by the pixels around it that are no body's.
    fn look(&mut self, picture: &Mat, usual: &Mat, masked: &Mat, most: f32) -> opencv::Result<()> {
        let size = picture.size()?;
        let (width, height) = (size.width.unsigned_abs() as usize, size.height.unsigned_abs() as usize);
        let (now, was) = (picture.data_typed::<u8>()?, usual.data_typed::<u8>()?);
        let masked = if masked.empty() { &[] } else { masked.data_typed::<u8>()? };
        let mut cells = [Sums::default(); CELLS];
        let [across, down] = [width / COLUMNS, height / ROWS].map(|side| ((side + SAMPLES / 2) / SAMPLES).max(1));
        for (cell, (Change { offset, slope }, sums)) in self.changes.iter().zip(&mut cells).enumerate() {
            let (row, column) = (cell / COLUMNS, cell % COLUMNS);
            let mut all = 0_u16;
            for y in (height * row / ROWS..height * (row + 1) / ROWS).step_by(down) {
                for x in (width * column / COLUMNS..width * (column + 1) / COLUMNS).step_by(across) {
                    let i = y * width + x;
                    all += 1;
                    let was = f32::from(was[i]);
                    let change = f32::from(now[i]) - was;
                    if (change - offset - slope * was).abs() <= most && masked.get(i).is_none_or(|masked| *masked == 0)
                    {
                        sums.add(&Sums { count: 1.0, level: was, square: was * was, change, product: was * change });
                    }
                }
            }
            // Of what is covered, the pixels that do not differ are chance.
            if 2.0 * sums.count <= f32::from(all) {
                *sums = Sums::default();
            }
        }
        // First along the rows, then along the columns.
        let rows: [Sums; CELLS] = std::array::from_fn(|cell| {
            let (row, column) = (cell / COLUMNS, cell % COLUMNS);
            let around = column.saturating_sub(AROUND)..(column + AROUND + 1).min(COLUMNS);
            Sums::of(around.map(|column| &cells[row * COLUMNS + column]))
        });
        self.changes = std::array::from_fn(|cell| {
            let (row, column) = (cell / COLUMNS, cell % COLUMNS);
            let around = row.saturating_sub(AROUND)..(row + AROUND + 1).min(ROWS);
            Sums::of(around.map(|row| &rows[row * COLUMNS + column])).line()
        });
        Ok(())
    }
}

impl Sums {
    fn of<'s>(all: impl Iterator<Item = &'s Self>) -> Self {
        all.fold(Self::default(), |mut sums, more| {
            sums.add(more);
            sums
        })
    }

    fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.level += other.level;
        self.square += other.square;
        self.change += other.change;
        self.product += other.product;
    }

    /// The line through the pixels; where there are none, nothing changes.
    fn line(&self) -> Change {
        if self.count < 1.0 {
            return Change::default();
        }
        let [level, change] = [self.level, self.change].map(|sum| sum / self.count);
        let variance = self.square / self.count - level * level;
        let slope = (self.product / self.count - level * change) / (variance + FLAT);
        Change { offset: change - slope * level, slope }
    }
}

/// The two cells whose middles are nearest to the middle of a pixel, of a row or column of so many pixels and cells, and the part
/// of each. Beyond the outer cells' middles it is the outer cell.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "of a picture"
)]
fn nearest(pixel: usize, pixels: usize, cells: usize) -> ([usize; 2], [f32; 2]) {
    let place = ((pixel as f32 + 0.5) * cells as f32 / pixels as f32 - 0.5).clamp(0.0, (cells - 1) as f32);
    let first = place as usize;
    let of_second = place - first as f32;
    ([first, (first + 1).min(cells - 1)], [1.0 - of_second, of_second])
}

/// The nearest grey level, the upper one of two.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "floats saturate")]
#[inline]
fn level(value: f32) -> u8 {
    if cfg!(target_arch = "x86_64") { level_by_bits(value) } else { (value + 0.5) as u8 }
}

/// The same. Compilers make vector instructions of it for x86_64, which has none that saturate for floats.
///
/// A float of 2^23 and more has no fraction: the sum is rounded to a whole number, which its lowest bits are.
#[expect(clippy::cast_possible_truncation, reason = "the lowest bits are wanted")]
#[inline]
fn level_by_bits(value: f32) -> u8 {
    const WHOLE: f32 = 8_388_608.0;
    let value = (value + 0.5).clamp(0.0, 255.0);
    let rounded = value + WHOLE;
    let is_above = rounded - WHOLE > value;
    (rounded.to_bits() - u32::from(is_above)) as u8
}

#[cfg(test)]
mod tests {
    use opencv::{core::Size, imgproc};

    use super::*;

    const WIDTH: usize = 192;
    const HEIGHT: usize = 144;
    const MOST: u8 = 8;

    fn stones(x: usize, y: usize) -> f32 {
        if (x / 4 + y / 4).is_multiple_of(2) { 150.0 } else { 30.0 }
    }

    fn picture(level_of: impl Fn(usize, usize) -> f32) -> Mat {
        let pixels: Vec<u8> = (0..WIDTH * HEIGHT).map(|i| level(level_of(i % WIDTH, i / WIDTH))).collect();
        Mat::new_rows_cols_with_data(144, 192, &pixels).expect("as many as it needs").try_clone().expect("memory")
    }

    /// How much of this difference from the stones is left at a place, without the veil.
    fn left(now: impl Fn(usize, usize) -> f32, x: usize, y: usize) -> f32 {
        let mut veil = Veil::new();
        veil.forget(WIDTH);
        let (mut now, usual) = (picture(now), picture(stones));
        veil.lift(&mut now, &usual, &Mat::default(), MOST).expect("bytes");
        let [now, usual] = [&now, &usual].map(|picture| picture.data_typed::<u8>().expect("bytes")[y * WIDTH + x]);
        f32::from(now) - f32::from(usual)
    }

    /// Fog of this density at the right rim, and none at the left.
    fn fog(x: usize, y: usize) -> f32 {
        let density = 0.045 * x as f32 / WIDTH as f32;
        stones(x, y) * (1.0 - density) + 185.0 * density
    }

    #[test]
    fn fog_is_taken_out_of_bright_and_of_dark() {
        for x in [20, 96, 100, 150, 154, 180] {
            assert!(left(fog, x, 70).abs() <= 1.5, "{} at {x}", left(fog, x, 70));
        }
    }

    #[test]
    fn a_body_in_fog_differs_as_it_does_without() {
        let is_body = |x: usize, y: usize| (90..110).contains(&x) && (50..90).contains(&y);
        let walker = |x: usize, y: usize| if is_body(x, y) { 90.0 } else { fog(x, y) };
        for (x, y) in [(94, 70), (100, 70), (100, 86)] {
            let expected = 90.0 - fog(x, y);
            assert!((left(walker, x, y) - expected).abs() <= 2.0, "{} is not {expected}", left(walker, x, y));
        }
    }

    #[test]
    fn a_lorry_is_no_fog() {
        let lorry = |x: usize, y: usize| if x > 60 && y > 30 { 90.0 } else { stones(x, y) };
        assert!(left(lorry, 120, 90).abs() > 40.0);
    }

    #[test]
    fn the_background_takes_it_over() {
        let mut veil = Veil::new();
        veil.forget(WIDTH);
        let (mut now, usual) = (picture(fog), picture(stones));
        veil.lift(&mut now, &usual, &Mat::default(), MOST).expect("bytes");
        let mut planes = usual.data_typed::<u8>().expect("bytes").to_vec();
        veil.cover([&mut planes[..]]);
        let expected = picture(fog);
        let off =
            planes.iter().zip(expected.data_typed::<u8>().expect("bytes")).map(|(one, other)| one.abs_diff(*other));
        assert!(off.max() <= Some(2));
    }

    #[test]
    fn the_grid_is_stretched_as_opencv_stretches() {
        let mut veil = Veil::new();
        let mut changes = [Change::default(); CELLS];
        for (number, change) in (0_u16..).zip(&mut changes) {
            let offset = f32::from(number * 31 % 64) - 32.0;
            *change = Change { offset, slope: offset / 100.0 };
        }
        let grid = changes.map(|change| change.offset);
        let grid = Mat::new_rows_cols_with_data(18, 24, &grid).expect("floats");
        for (width, height) in [(1, 1), (7, 5), (24, 18), (160, 90), (383, 289)] {
            veil.forget(width);
            veil.changes = changes;
            veil.stretch();
            let size = Size::new(i32::try_from(width).expect("small"), i32::try_from(height).expect("small"));
            let mut expected = Mat::default();
            imgproc::resize(&grid, &mut expected, size, 0.0, 0.0, imgproc::INTER_LINEAR).expect("floats");
            let expected = expected.data_typed::<f32>().expect("floats").chunks_exact(width);
            for (y, expected) in expected.enumerate() {
                let off = veil.row(y, height).zip(expected).map(|((offset, _), expected)| (offset - expected).abs());
                assert!(off.fold(0.0, f32::max) < 0.001, "{width}x{height}, row {y}");
            }
        }
    }

    #[test]
    fn levels_are_rounded_alike_by_both_ways() {
        let ties = (-40_i16..600).map(|half| f32::from(half) / 2.0);
        let near = ties.flat_map(|tie| [tie, tie.next_down(), tie.next_up(), tie + 0.3]);
        for value in near.chain([f32::MIN, f32::MAX, -0.0, f32::INFINITY, f32::NEG_INFINITY]) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "floats saturate")]
            let expected = (value + 0.5) as u8;
            assert_eq!(level_by_bits(value), expected, "{value}");
        }
    }

    #[test]
    fn it_is_looked_for_while_much_differs_or_drifts() {
        let mut veil = Veil::new();
        let at = |tenths: u32| Monotonic::from_micros(1_000_000).later(Duration::from_millis(100) * tenths);
        assert!(!(0..50).any(|tenth| veil.is_there(0.03, at(tenth))), "somebody walks by");
        assert!((50..60).any(|tenth| veil.is_there(0.2, at(tenth))));
        assert!(veil.is_there(0.0, at(300)));
        assert!(!veil.is_there(0.0, at(400)), "it rests");
    }
}

//! Luma, made smaller straight from the bytes that were received or decoded: one pass, without a picture in between.
//!
//! Each pixel is the mean of the square of pixels that it stands for, to the bit as `cv::resize` makes it with `INTER_AREA`. At the
//! right and the lower edge it is the mean of those that are there, as in a JPEG, where OpenCV takes squares of another size. Two
//! rows and two columns are added at a time, in numbers that just hold the sums, so that compilers make vector instructions of the
//! loops.

use std::ops::Range;

use super::pixels::Rows;

/// Sums of 2x2 pixels that are kept at a time: those of 512 columns, on the stack.
const SUMS: usize = 256;

/// Rows of pixels of one or two bytes, the first of which is luma.
#[derive(Clone, Copy, Debug)]
pub(super) struct Luma<'a> {
    rows: Rows<'a>,
    pixel_bytes: usize,
}

impl<'a> Luma<'a> {
    /// The luma of these rows.
    pub(super) fn new(rows: Rows<'a>, pixel_bytes: usize) -> Self {
        debug_assert!(matches!(pixel_bytes, 1 | 2), "{pixel_bytes} bytes");
        Self { rows, pixel_bytes }
    }

    /// Writes the picture to `small`, whose rows have no padding. One of its pixels stands for `side` (1, 2, 4 or 8) columns and as
    /// many rows.
    pub(super) fn shrink(self, side: usize, small: &mut [u8]) {
        let (width, height) = (self.rows.row_bytes() / self.pixel_bytes, self.rows.count());
        for (y, small) in small.chunks_exact_mut(width.div_ceil(side)).enumerate() {
            let (top, bottom) = (y * side, (y * side + side).min(height));
            let whole = if bottom - top == side { width / side } else { 0 };
            let (squares, edge) = small.split_at_mut(whole);
            match (squares.is_empty(), self.pixel_bytes) {
                (true, _) => {}
                (false, 1) => self.shrink_row(top, side, squares, four_of_one_byte),
                (false, _) => self.shrink_row(top, side, squares, four_of_two_bytes),
            }
            for (x, pixel) in (whole..).zip(edge) {
                *pixel = self.mean(x * side..(x * side + side).min(width), top..bottom);
            }
        }
    }

    /// Makes a row of pixels of squares that are all there, the first at the row `top`. `four` adds two columns of two rows.
    fn shrink_row<const PAIR: usize>(
        &self,
        top: usize,
        side: usize,
        small: &mut [u8],
        four: impl Fn(&[u8; PAIR], &[u8; PAIR]) -> u16,
    ) {
        match side {
            1 => self.copy_row(top, small),
            2 => {
                let [upper, lower] = self.pairs(top);
                for ((pixel, upper), lower) in small.iter_mut().zip(upper).zip(lower) {
                    let sum = four(upper, lower);
                    // OpenCV has code of its own for this one case.
                    *pixel = if PAIR == 2 { mean_rounded_up(sum) } else { mean_of::<4>(sum) };
                }
            }
            4 => self.shrink_sums::<PAIR, 2>(top, small, four),
            _ => self.shrink_sums::<PAIR, 4>(top, small, four),
        }
    }

    /// The same for squares of `ACROSS` times two columns and rows.
    fn shrink_sums<const PAIR: usize, const ACROSS: usize>(
        &self,
        top: usize,
        small: &mut [u8],
        four: impl Fn(&[u8; PAIR], &[u8; PAIR]) -> u16,
    ) {
        let mut sums = [0; SUMS];
        for (block, small) in small.chunks_mut(SUMS / ACROSS).enumerate() {
            let sums = &mut sums[..small.len() * ACROSS];
            sums.fill(0);
            for two in 0..ACROSS {
                let [upper, lower] = self.pairs(top + 2 * two).map(|pairs| &pairs[block * SUMS..][..sums.len()]);
                for ((sum, upper), lower) in sums.iter_mut().zip(upper).zip(lower) {
                    *sum += four(upper, lower);
                }
            }
            for (pixel, sums) in small.iter_mut().zip(sums.as_chunks::<ACROSS>().0) {
                let sum = sums.iter().sum();
                *pixel = if ACROSS == 2 { mean_of::<16>(sum) } else { mean_of::<64>(sum) };
            }
        }
    }

    fn copy_row(&self, y: usize, small: &mut [u8]) {
        let row = self.rows.get(y);
        if self.pixel_bytes == 1 {
            small.copy_from_slice(row);
        } else {
            let pixels = row.as_chunks::<2>().0.iter().map(|pixel| u16::from_le_bytes(*pixel));
            small.iter_mut().zip(pixels).for_each(|(luma, pixel)| *luma = (pixel & 0xff) as u8);
        }
    }

    /// The pairs of pixels of the row `y` and of the one below.
    fn pairs<const PAIR: usize>(&self, y: usize) -> [&'a [[u8; PAIR]]; 2] {
        [y, y + 1].map(|y| self.rows.get(y).as_chunks().0)
    }

    /// The mean of a part of the picture.
    fn mean(&self, columns: Range<usize>, rows: Range<usize>) -> u8 {
        let (mut sum, mut count) = (0_u32, 0);
        for y in rows {
            let pixels = &self.rows.get(y)[columns.start * self.pixel_bytes..columns.end * self.pixel_bytes];
            for luma in pixels.iter().step_by(self.pixel_bytes) {
                sum += u32::from(*luma);
                count += 1;
            }
        }
        u8::try_from((sum + count / 2) / count.max(1)).unwrap_or(u8::MAX)
    }
}

/// The mean of as many levels as `COUNT`, which have this sum; from the middle of two levels to the even one.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the mean of bytes is a byte")]
fn mean_of<const COUNT: u16>(sum: u16) -> u8 {
    let is_odd = sum / COUNT % 2;
    ((sum + COUNT / 2 - 1 + is_odd) / COUNT) as u8
}

/// The mean of four levels, from the middle of two levels to the upper one.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the mean of bytes is a byte")]
fn mean_rounded_up(sum: u16) -> u8 {
    ((sum + 2) / 4) as u8
}

/// The sum of two pixels and the two below.
#[inline]
fn four_of_one_byte(upper: &[u8; 2], lower: &[u8; 2]) -> u16 {
    let (upper, lower) = (u16::from_le_bytes(*upper), u16::from_le_bytes(*lower));
    (upper & 0xff) + (upper >> 8) + (lower & 0xff) + (lower >> 8)
}

/// The same of pixels of two bytes, with both columns in one number.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "four bytes make less than 16 bits")]
fn four_of_two_bytes(upper: &[u8; 4], lower: &[u8; 4]) -> u16 {
    const LUMA: u32 = 0x00ff_00ff;
    let (upper, lower) = (u32::from_le_bytes(*upper), u32::from_le_bytes(*lower));
    let columns = (upper & LUMA) + (lower & LUMA);
    ((columns & 0xffff) + (columns >> 16)) as u16
}

#[cfg(test)]
mod tests {
    use opencv::{
        core::{Mat, Size as CvSize, extract_channel},
        imgproc,
        prelude::*,
    };

    use super::*;
    use crate::{
        frame::Size,
        processor::pixels::{PixelLayout, rows, view},
    };

    /// A picture without order, all black and all white beside each other, and steep edges, with `padding` bytes behind each row.
    fn picture(width: usize, height: usize, pixel_bytes: usize, padding: usize) -> Vec<u8> {
        let stride = width * pixel_bytes + padding;
        let byte = |i: usize| {
            let noise = u32::try_from(i).expect("small").wrapping_mul(2_654_435_761).rotate_left(9).to_le_bytes()[3];
            match i / stride * 5 / height {
                0 => 255,
                1 if (i / 3).is_multiple_of(2) => 255,
                1 => 0,
                _ => noise,
            }
        };
        (0..stride * height).map(byte).collect()
    }

    fn shrunk(bytes: &[u8], layout: PixelLayout, size: Size, stride_bytes: usize, side: u32) -> Vec<u8> {
        let small = [size.width_px, size.height_px].map(|pixels| pixels.div_ceil(side) as usize);
        let mut pixels = vec![1; small[0] * small[1]];
        let rows = rows(bytes, layout, size, stride_bytes).expect("all rows");
        Luma::new(rows, layout.channels()).shrink(side as usize, &mut pixels);
        pixels
    }

    const LAYOUTS: [PixelLayout; 2] = [PixelLayout::Grey, PixelLayout::Yuyv];

    #[test]
    fn each_pixel_is_the_mean_of_those_that_are_there() {
        let sizes =
            [(1, 1), (2, 3), (3, 2), (7, 9), (8, 8), (9, 7), (64, 5), (65, 17), (130, 33), (1030, 24), (1366, 9)];
        for (layout, (width, height)) in LAYOUTS.into_iter().flat_map(|layout| sizes.map(|size| (layout, size))) {
            for (side, padding) in [(1, 0), (2, 0), (2, 5), (4, 0), (4, 1), (8, 0), (8, 64)] {
                let bytes = picture(width, height, layout.channels(), padding);
                let stride = width * layout.channels() + padding;
                let luma = |x: usize, y: usize| u32::from(bytes[y * stride + x * layout.channels()]);
                let mean = |left: usize, top: usize| {
                    let (right, bottom) = ((left + side).min(width), (top + side).min(height));
                    let all: Vec<_> = (top..bottom).flat_map(|y| (left..right).map(move |x| (x, y))).collect();
                    let sum: u32 = all.iter().map(|&(x, y)| luma(x, y)).sum();
                    f64::from(sum) / f64::from(u32::try_from(all.len()).expect("small"))
                };
                let squares = (0..height).step_by(side).flat_map(|y| (0..width).step_by(side).map(move |x| (x, y)));
                let expected: Vec<_> = squares.map(|(x, y)| mean(x, y)).collect();
                let size = [width, height].map(|pixels| u32::try_from(pixels).expect("small"));
                let size = Size { width_px: size[0], height_px: size[1] };
                let side = u32::try_from(side).expect("small");
                let found = shrunk(&bytes, layout, size, stride, side);
                let is_near = |(found, mean): (&u8, &f64)| (f64::from(*found) - mean).abs() <= 0.5;
                assert!(found.iter().zip(&expected).all(is_near), "{layout:?} {size} by {side}");
                assert_eq!(found.len(), expected.len());
            }
        }
    }

    #[test]
    fn whole_squares_are_as_opencv_makes_them() {
        let size = Size { width_px: 1328, height_px: 96 };
        for (layout, side) in LAYOUTS.into_iter().flat_map(|layout| [1, 2, 4, 8].map(|side| (layout, side))) {
            let bytes = picture(1328, 96, layout.channels(), 0);
            let [width, height] = [size.width_px / side, size.height_px / side].map(u32::cast_signed);
            let (mut small, mut luma) = (Mat::default(), Mat::default());
            let all = view(&bytes, layout, size, 0).expect("all rows");
            imgproc::resize(&all, &mut small, CvSize::new(width, height), 0.0, 0.0, imgproc::INTER_AREA)
                .expect("bytes");
            extract_channel(&small, &mut luma, 0).expect("it has one");
            let found = shrunk(&bytes, layout, size, 0, side);
            // On other processors it may round the middle of two levels otherwise.
            let most = u8::from(!cfg!(target_arch = "x86_64"));
            let is_same = |(one, other): (&u8, &u8)| one.abs_diff(*other) <= most;
            let expected = luma.data_typed::<u8>().expect("bytes");
            assert!(found.iter().zip(expected).all(is_same), "{layout:?} by {side}");
        }
    }
}

//! A pixel and the eight around it, with the weights 1 2 1 across and down: 16 together.
//!
//! That is the kernel of 3x3 of `cv::GaussianBlur`. Beyond the rim the picture is mirrored at the rim, as it does it. In whole
//! numbers of a size that just holds the sums, compilers make of these loops vector instructions for 8 or 16 pixels.

/// Smooths `picture`, which is `width` wide, to the bit as OpenCV does it. `sums` is memory that is used again.
#[expect(clippy::cast_possible_truncation, reason = "the mean of bytes is a byte")]
pub(super) fn smooth(picture: &[u8], width: usize, smooth: &mut [u8], sums: &mut Vec<u16>) {
    sums.resize(width + 2, 0);
    let height = picture.len() / width;
    for (y, smooth) in smooth.chunks_exact_mut(width).enumerate() {
        let [above, here, below] = around(y, height).map(|y| &picture[y * width..][..width]);
        for (((sum, above), here), below) in sums[1..].iter_mut().zip(above).zip(here).zip(below) {
            *sum = u16::from(*above) + 2 * u16::from(*here) + u16::from(*below);
        }
        mirror(sums);
        for (((pixel, left), here), right) in smooth.iter_mut().zip(&sums[..]).zip(&sums[1..]).zip(&sums[2..]) {
            *pixel = ((left + 2 * here + right + 8) / 16) as u8;
        }
    }
}

/// Writes 255 to `solid` where pixels that are 1 have at least `least` of the weight around a pixel, else 0; the others are 0. Tells
/// whether there are any. Rows far from such pixels take no time.
pub(super) fn solid(ones: &[u8], width: usize, least: u8, solid: &mut [u8], sums: &mut Vec<u8>) -> bool {
    sums.resize(width + 2, 0);
    let height = ones.len() / width;
    let row = |y: usize| &ones[y * width..][..width];
    let (mut any, mut has_ones) = (0, (0..height).map(|y| row(y).iter().fold(0, |any, one| any | one) != 0));
    let (mut before, mut now) = (false, has_ones.next().unwrap_or_default());
    for (y, solid) in solid.chunks_exact_mut(width).enumerate() {
        let after = has_ones.next().unwrap_or_default();
        if before | now | after {
            let [above, here, below] = around(y, height).map(row);
            for (((sum, above), here), below) in sums[1..].iter_mut().zip(above).zip(here).zip(below) {
                *sum = above + 2 * here + below;
            }
            mirror(sums);
            for (((pixel, left), here), right) in solid.iter_mut().zip(&sums[..]).zip(&sums[1..]).zip(&sums[2..]) {
                *pixel = if left + 2 * here + right >= least { 255 } else { 0 };
                any |= *pixel;
            }
        } else {
            solid.fill(0);
        }
        (before, now) = (now, after);
    }
    any != 0
}

/// The rows above, at and below `y`.
fn around(y: usize, height: usize) -> [usize; 3] {
    let (last, above) = (height - 1, if y == 0 { 1 } else { y - 1 });
    let below = if y == last { y.saturating_sub(1) } else { y + 1 };
    [above.min(last), y, below]
}

/// Makes the first and the last like those inside: they are beyond the rim.
fn mirror<T: Copy>(sums: &mut [T]) {
    let last = sums.len() - 1;
    sums[0] = sums[2.min(last - 1)];
    sums[last] = sums[last.saturating_sub(2).max(1)];
}

#[cfg(test)]
mod tests {
    use opencv::{
        core::{self, Mat},
        imgproc,
        prelude::*,
    };

    use super::*;

    /// Width, height and pixels: noise, steep edges, all black and all white, in sizes that no vector divides.
    fn pictures() -> Vec<(usize, usize, Vec<u8>)> {
        let noise =
            |i: usize| u32::try_from(i).expect("small").wrapping_mul(2_654_435_761).rotate_left(9).to_le_bytes()[3];
        let levels: [fn(usize) -> u8; 4] =
            [|_| 0, |_| 255, |i| if i % 7 < 3 { 255 } else { 0 }, |i| u8::try_from(i % 256).expect("a byte")];
        let sizes =
            [(1, 1), (1, 9), (9, 1), (2, 2), (3, 2), (17, 13), (33, 5), (64, 48), (97, 61), (321, 19), (384, 28)];
        let mut pictures = Vec::new();
        for (width, height) in sizes {
            pictures.push((width, height, (0..width * height).map(noise).collect()));
            pictures.extend(levels.map(|level| (width, height, (0..width * height).map(level).collect())));
        }
        pictures
    }

    fn mat(width: usize, height: usize, pixels: &[u8]) -> Mat {
        let (width, height) = (i32::try_from(width).expect("small"), i32::try_from(height).expect("small"));
        Mat::new_rows_cols_with_data(height, width, pixels).expect("as many").try_clone().expect("memory")
    }

    fn blurred(picture: &Mat) -> Mat {
        let mut blurred = Mat::default();
        imgproc::gaussian_blur_def(picture, &mut blurred, core::Size::new(3, 3), 0.0).expect("bytes");
        blurred
    }

    #[test]
    fn smoothing_is_that_of_opencv() {
        let mut sums = Vec::new();
        for (width, height, pixels) in pictures() {
            let mut smoothed = vec![1; pixels.len()];
            smooth(&pixels, width, &mut smoothed, &mut sums);
            assert_eq!(
                smoothed,
                blurred(&mat(width, height, &pixels)).data_bytes().expect("bytes"),
                "{width}x{height}"
            );
        }
    }

    #[test]
    fn solid_is_what_a_blur_and_a_threshold_leave() {
        let (mut sums, mut seen) = (Vec::new(), [false; 2]);
        for (width, height, pixels) in pictures() {
            for (least, weight) in [(250, 8), (200, 8), (128, 8), (20, 8), (128, 12), (60, 12)] {
                let ones: Vec<u8> = pixels.iter().map(|&level| u8::from(level >= least)).collect();
                let mut found = vec![1; pixels.len()];
                let has_some = solid(&ones, width, weight, &mut found, &mut sums);
                let (full, mut expected) = (ones.iter().map(|one| 255 * one).collect::<Vec<_>>(), Mat::default());
                let density = blurred(&mat(width, height, &full));
                // 255 times the weight in 16ths, rounded.
                let below = (255.0 * f64::from(weight) / 16.0).floor() - 1.0;
                imgproc::threshold(&density, &mut expected, below, 255.0, imgproc::THRESH_BINARY).expect("bytes");
                assert_eq!(found, expected.data_bytes().expect("bytes"), "{width}x{height}");
                assert_eq!(has_some, core::count_non_zero(&expected).expect("bytes") > 0);
                seen[usize::from(has_some)] = true;
            }
        }
        assert_eq!(seen, [true, true]);
    }
}

//! By how much a picture is made smaller to be looked at.

use turbojpeg::ScalingFactor;

use crate::frame::Size;

/// Pixels of a picture to look at, in squares of the width that was wanted. A phone's picture, 9 by 20, has at most 4.5.
const MOST_SQUARES: u64 = 8;

/// The factors that a JPEG decoder has for next to nothing: it leaves out high frequencies of each 8x8 block.
/// Raw pictures are reduced by the same ones, so that stages see the same whatever a camera sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scale {
    /// 1/1
    Full,
    /// 1/2
    Half,
    /// 1/4
    Quarter,
    /// 1/8
    Eighth,
}

impl Scale {
    pub(super) const ALL: [Self; 4] = [Self::Full, Self::Half, Self::Quarter, Self::Eighth];

    /// The scale that brings a picture of the size `full` nearest to `wanted_px` columns, as a ratio: within a factor of
    /// sqrt(2) where the factors reach. With 320 wanted: 640 -> 320, 768 -> 384, 1280 -> 320, 1920 -> 240.
    ///
    /// A picture much higher than wide is made smaller still: it is to have no more than `MOST_SQUARES` times the
    /// pixels of a square of that width, or a strip of one column would be looked at with all its rows.
    #[must_use]
    pub fn nearest(full: Size, wanted_px: u32) -> Self {
        let square = u64::from(wanted_px) * u64::from(wanted_px);
        let near_enough = |scale: &&Self| {
            let width = u64::from(full.width_px) >> scale.shift();
            let pixels = full.pixels() >> (2 * scale.shift());
            width.saturating_mul(width) <= square.saturating_mul(2) && pixels <= square.saturating_mul(MOST_SQUARES)
        };
        *Self::ALL.iter().find(near_enough).unwrap_or(&Self::Eighth)
    }

    /// The size of a picture of `full` size at this scale. A part of a pixel at the edge counts as one, as it does in
    /// a JPEG decoder.
    #[must_use]
    pub fn of(self, full: Size) -> Size {
        let side = |pixels: u32| pixels.div_ceil(1 << self.shift());
        Size { width_px: side(full.width_px), height_px: side(full.height_px) }
    }

    /// The JPEG decoder's name for it.
    #[must_use]
    pub fn factor(self) -> ScalingFactor {
        match self {
            Self::Full => ScalingFactor::ONE,
            Self::Half => ScalingFactor::ONE_HALF,
            Self::Quarter => ScalingFactor::ONE_QUARTER,
            Self::Eighth => ScalingFactor::ONE_EIGHTH,
        }
    }

    /// Its place among all of them.
    pub(super) fn index(self) -> usize {
        self as usize
    }

    /// The columns, and the rows, of the whole picture that one pixel stands for.
    pub(super) fn full_px(self) -> u32 {
        1 << self.shift()
    }

    fn shift(self) -> u32 {
        self as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_come_as_near_as_the_factors_allow() {
        let widths = [(1, 1), (320, 320), (452, 452), (453, 226), (640, 320), (768, 384), (1920, 240), (3840, 480)];
        for (full, scaled) in widths {
            let scale = Scale::nearest(Size { width_px: full, height_px: full * 3 / 4 + 1 }, 320);
            assert_eq!(full >> scale.shift(), scaled, "{full}");
        }
    }

    /// A strip is as many pixels to look at as its rows, whatever its width.
    #[test]
    fn what_is_much_higher_than_wide_is_made_smaller_still() {
        let scale = |width_px, height_px| Scale::nearest(Size { width_px, height_px }, 320);
        assert_eq!(scale(1080, 2400), scale(1080, 608), "a phone's picture is as wide as any other");
        assert_eq!(scale(1, 8192), Scale::Full);
        assert_eq!(scale(320, 8192), Scale::Half);
        assert_eq!(scale(16, 1 << 19), Scale::Quarter);
        assert_eq!(scale(1, u32::MAX), Scale::Eighth);
        assert_eq!(Scale::nearest(Size { width_px: 3, height_px: 8192 }, u32::MAX), Scale::Full);
    }

    #[test]
    fn a_part_of_a_pixel_counts_as_one() {
        let size = |width_px, height_px| Size { width_px, height_px };
        assert_eq!(Scale::Eighth.of(size(1366, 1)), size(171, 1));
        assert_eq!(Scale::Full.of(size(1366, 1)), size(1366, 1));
    }
}

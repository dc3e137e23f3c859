//! By how much a picture is made smaller to be looked at.

use turbojpeg::ScalingFactor;

use crate::frame::Size;

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
    const ALL: [Self; 4] = [Self::Full, Self::Half, Self::Quarter, Self::Eighth];

    /// The scale that brings `width_px` nearest to `wanted_px`, as a ratio: within a factor of sqrt(2) where
    /// the factors reach. With 320 wanted: 640 -> 320, 768 -> 384, 1280 -> 320, 1920 -> 240.
    #[must_use]
    pub fn nearest(width_px: u32, wanted_px: u32) -> Self {
        let near_enough = |scale: &&Self| {
            let width = u64::from(width_px) >> scale.shift();
            width * width <= 2 * u64::from(wanted_px) * u64::from(wanted_px)
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
            let scale = Scale::nearest(full, 320);
            assert_eq!(full >> scale.shift(), scaled, "{full}");
        }
    }

    #[test]
    fn a_part_of_a_pixel_counts_as_one() {
        let size = |width_px, height_px| Size { width_px, height_px };
        assert_eq!(Scale::Eighth.of(size(1366, 1)), size(171, 1));
        assert_eq!(Scale::Full.of(size(1366, 1)), size(1366, 1));
    }
}

//! How a region looks beside the background that it covers: opaque or not, in focus or not.
//!
//! Light, shadow, fog, and what is out of focus right before the lens let the background's fine structure through; a body
//! covers it. Fine structure is the Laplacian, which a soft patch of any brightness has none of. The part of it that is left is
//! the slope of the picture's Laplacian over the background's, in the pixels that changed. A background without structure
//! tells nothing.
//!
//! The rim of a body in focus is as sharp as the picture; that of a blob before the lens is wide.

use opencv::{
    core::{self, Mat},
    prelude::*,
};

/// Sums over the pixels of a region, which those of later frames are added to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Appearance {
    pixels: f32,
    /// Squares of the background's Laplacian, of the picture's, and the products of both.
    background: f32,
    picture: f32,
    product: f32,
    /// Squares of the change's gradient.
    gradient: f32,
    /// The length of the rim times the square of the contrast: `gradient` times the width of the rim.
    rim: f32,
}

/// More boxes a frame are not told apart: what has as many is weather.
pub(super) const MOST_LOOKS: usize = 16;

/// What is forgotten of earlier frames with each.
const FORGET: f32 = 0.15;

/// How many times the pixels of the next frame are kept of those before: twice as many as a track has that stays as large.
const MOST_KEPT: f32 = 2.0 / FORGET;

/// Neighbours are alike, because the picture was smoothed: so many pixels tell as much as one.
const ALIKE: f32 = 4.0;

/// The mean square of the background's Laplacian below which it has no structure: noise and JPEG have as much.
const LEAST_STRUCTURE: f32 = 6.0;

/// Standard deviations that the slope of what is transparent is above 0: that of opaque bodies is 0, give or take two.
const DOUBTS: f32 = 3.0;

/// Luma pixels that the rim of a body in focus is wide at most.
const SHARP_RIM: f32 = 14.5;

impl Appearance {
    /// `picture`, `background` and `changed` (255 or 0) are of rows x columns x 1 bytes, and `bounds` lies within.
    pub(super) fn of(bounds: core::Rect, picture: &Mat, background: &Mat, changed: &Mat) -> opencv::Result<Self> {
        let mut sums = Self::default();
        let size = picture.size()?;
        // Every pixel has neighbours.
        let rows = bounds.y.max(1)..(bounds.y + bounds.height).min(size.height - 1);
        let (left, right) = (bounds.x.max(1), (bounds.x + bounds.width).min(size.width - 1));
        if rows.is_empty() || left >= right {
            return Ok(sums);
        }
        let columns = left.unsigned_abs() as usize..right.unsigned_abs() as usize;
        let mut most = 0;
        // A large region has more pixels than it takes to know it.
        let step = usize::try_from(bounds.height / 48 + 1).unwrap_or(1);
        for row in rows.step_by(step) {
            let [above, here, below] =
                [picture.at_row::<u8>(row - 1)?, picture.at_row::<u8>(row)?, picture.at_row::<u8>(row + 1)?];
            let [usual_above, usual, usual_below] =
                [background.at_row::<u8>(row - 1)?, background.at_row::<u8>(row)?, background.at_row::<u8>(row + 1)?];
            let changed = changed.at_row::<u8>(row)?;
            for x in columns.clone() {
                let difference = |x: usize| i32::from(here[x]) - i32::from(usual[x]);
                let (across, down) = (
                    difference(x + 1) - difference(x - 1),
                    i32::from(below[x]) - i32::from(usual_below[x]) - i32::from(above[x]) + i32::from(usual_above[x]),
                );
                sums.gradient += (across * across + down * down) as f32;
                if changed[x] == 0 {
                    continue;
                }
                most = most.max(difference(x).abs());
                if changed[x - 1] == 0 || changed[x + 1] == 0 {
                    continue;
                }
                let laplacian = |above: &[u8], here: &[u8], below: &[u8]| {
                    let around =
                        i32::from(above[x]) + i32::from(below[x]) + i32::from(here[x - 1]) + i32::from(here[x + 1]);
                    (around - 4 * i32::from(here[x])) as f32
                };
                let (now, was) = (laplacian(above, here, below), laplacian(usual_above, usual, usual_below));
                sums.pixels += 1.0;
                sums.picture += now * now;
                sums.background += was * was;
                sums.product += now * was;
            }
        }
        let perimeter = 2 * (bounds.width + bounds.height);
        // The gradient is over two pixels.
        sums.gradient *= step as f32 / 4.0;
        sums.rim = perimeter as f32 * (most * most) as f32;
        Ok(sums)
    }

    /// Adds what the next frame shows. If that is smaller by far, little else is remembered: somebody is not judged by the light
    /// that swept over the place.
    pub(super) fn add(&mut self, next: &Self) {
        let most = if next.pixels > 0.0 { MOST_KEPT * next.pixels } else { f32::INFINITY };
        let kept = (1.0 - FORGET) * (most / self.pixels.max(1.0)).min(1.0);
        for (sum, more) in [
            (&mut self.pixels, next.pixels),
            (&mut self.background, next.background),
            (&mut self.picture, next.picture),
            (&mut self.product, next.product),
            (&mut self.gradient, next.gradient),
            (&mut self.rim, next.rim),
        ] {
            *sum = kept * *sum + more;
        }
    }

    /// Whether the background's structure is seen through it, beyond doubt.
    pub(super) fn is_transparent(&self) -> bool {
        if self.pixels < 1.0 || self.background < LEAST_STRUCTURE * self.pixels {
            return false;
        }
        let slope = self.product / self.background;
        let rest = (self.picture - slope * self.product).max(0.0);
        let doubt = (rest / self.background * ALIKE / self.pixels).sqrt();
        slope - DOUBTS * doubt > 0.0
    }

    /// Whether it has no sharp rim.
    pub(super) fn is_out_of_focus(&self) -> bool {
        self.rim > SHARP_RIM * self.gradient
    }
}

#[cfg(test)]
impl Appearance {
    /// So many pixels of something sharp that lets this part of the background through.
    pub(super) fn of_pixels(pixels: f32, through: f32) -> Self {
        let background = 100.0 * pixels;
        let (product, picture) = (through * background, (through * through + 0.5) * background);
        Self { pixels, background, picture, product, gradient: 1.0, rim: 1.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_out_of_light_is_not_taken_for_it_for_long() {
        let mut track = Appearance::default();
        (0..30).for_each(|_| track.add(&Appearance::of_pixels(10_000.0, 0.8)));
        assert!(track.is_transparent());
        (0..28).for_each(|_| track.add(&Appearance::of_pixels(600.0, 0.0)));
        assert!(!track.is_transparent());
    }
}

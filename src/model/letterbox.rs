//! How a picture of any size lies in a network's input of one size.

use crate::{frame::Size, message::Rect};

/// What becomes of a picture whose sides have another ratio than those of the input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fit {
    /// It keeps its ratio and lies in the middle; the rest is filled.
    #[default]
    Center,
    /// It keeps its ratio and lies in the upper left; the rest is filled.
    TopLeft,
    /// It is stretched and fills the input.
    Stretch,
}

impl Fit {
    /// What each is called in the configuration.
    pub const NAMES: [(&str, Self); 3] =
        [("center", Self::Center), ("top_left", Self::TopLeft), ("stretch", Self::Stretch)];
}

/// Where a picture lies in an input, in pixels of the input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Letterbox {
    picture: Size,
    /// Columns and rows of the input that the picture fills, at least one each.
    pub(super) inner: [u32; 2],
    /// The first column and row that it fills.
    pub(super) offset: [u32; 2],
}

impl Letterbox {
    /// Fits a picture into an input. Sides of 0 count as 1.
    #[must_use]
    pub fn new(picture: Size, input: Size, fit: Fit) -> Self {
        let [width, height] = [picture.width_px, picture.height_px].map(|side| u64::from(side.max(1)));
        let full = [input.width_px.max(1), input.height_px.max(1)];
        let [full_width, full_height] = full.map(u64::from);
        let inner = match fit {
            Fit::Stretch => full,
            // The side that would be too long is as long as the input; the other keeps the ratio.
            _ if width * full_height >= height * full_width => [full[0], rounded(height * full_width, width, full[1])],
            _ => [rounded(width * full_height, height, full[0]), full[1]],
        };
        let offset = match fit {
            Fit::Center => [(full[0] - inner[0]) / 2, (full[1] - inner[1]) / 2],
            Fit::TopLeft | Fit::Stretch => [0, 0],
        };
        Self { picture, inner, offset }
    }

    /// The box in the picture, in whole pixels, of one in the input: left, upper, right and lower edge. `None` if nothing of it is
    /// in the picture, or if it is none.
    #[must_use]
    pub fn to_picture(&self, [left, top, right, bottom]: [f32; 4]) -> Option<Rect> {
        let [x0, x1] = [left, right].map(|x| self.along(0, x, self.picture.width_px));
        let [y0, y1] = [top, bottom].map(|y| self.along(1, y, self.picture.height_px));
        let (x0, x1, y0, y1) = (x0?, x1?, y0?, y1?);
        // Checked here and not before: edges that are not in order become boxes of no width.
        let (width, height) = (x1.checked_sub(x0)?, y1.checked_sub(y0)?);
        (width > 0 && height > 0).then_some(Rect { x: x0, y: y0, width, height })
    }

    /// A place along an axis of the input, as the nearest edge between pixels of the picture.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is between 0 and a side of the picture, which is a u32"
    )]
    fn along(&self, axis: usize, place: f32, side: u32) -> Option<u32> {
        if !place.is_finite() {
            return None;
        }
        let inside = (f64::from(place) - f64::from(self.offset[axis])) / f64::from(self.inner[axis]);
        Some((inside * f64::from(side)).round().clamp(0.0, f64::from(side)) as u32)
    }
}

/// A fraction to the nearest whole number, from 1 to `most`.
fn rounded(dividend: u64, divisor: u64, most: u32) -> u32 {
    let nearest = (dividend + divisor / 2) / divisor;
    u32::try_from(nearest).unwrap_or(most).clamp(1, most)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn size(width_px: u32, height_px: u32) -> Size {
        Size { width_px, height_px }
    }

    #[test]
    fn a_wide_picture_has_bars_above_and_below() {
        let center = Letterbox::new(size(1920, 1080), size(416, 416), Fit::Center);
        assert_eq!((center.inner, center.offset), ([416, 234], [0, 91]));
        let whole = center.to_picture([0.0, 91.0, 416.0, 325.0]);
        assert_eq!(whole, Some(Rect { x: 0, y: 0, width: 1920, height: 1080 }));
        let top = Letterbox::new(size(1920, 1080), size(416, 416), Fit::TopLeft);
        assert_eq!((top.inner, top.offset), ([416, 234], [0, 0]));
        let tall = Letterbox::new(size(100, 400), size(320, 320), Fit::Center);
        assert_eq!((tall.inner, tall.offset), ([80, 320], [120, 0]));
        let stretched = Letterbox::new(size(768, 576), size(352, 352), Fit::Stretch);
        let quarter = stretched.to_picture([88.0, 88.0, 176.0, 176.0]);
        assert_eq!(quarter, Some(Rect { x: 192, y: 144, width: 192, height: 144 }));
    }

    #[test]
    fn a_box_outside_the_picture_is_none() {
        let center = Letterbox::new(size(1920, 1080), size(416, 416), Fit::Center);
        let none = [
            [0.0, 0.0, 416.0, 80.0],
            [200.0, 200.0, 100.0, 300.0],
            [f32::NAN, 100.0, 200.0, 200.0],
            [100.0, 100.0, f32::INFINITY, 200.0],
            [100.0, 100.0, 100.0, 200.0],
        ];
        for bounds in none {
            assert_eq!(center.to_picture(bounds), None, "{bounds:?}");
        }
        let beyond = center.to_picture([-1e30, -1e30, 1e30, 1e30]);
        assert_eq!(beyond, Some(Rect { x: 0, y: 0, width: 1920, height: 1080 }));
    }

    proptest! {
        #[test]
        fn boxes_stay_inside_whatever_the_sizes(
            picture in any::<[u32; 2]>(), input in any::<[u32; 2]>(), which in 0..3_usize, bounds in any::<[f32; 4]>(),
        ) {
            let (picture, fit) = (size(picture[0], picture[1]), Fit::NAMES[which].1);
            let letterbox = Letterbox::new(picture, size(input[0], input[1]), fit);
            for (axis, side) in input.into_iter().enumerate() {
                prop_assert!(letterbox.inner[axis] >= 1);
                prop_assert!(letterbox.offset[axis].checked_add(letterbox.inner[axis]).unwrap() <= side.max(1));
            }
            if let Some(Rect { x, y, width, height }) = letterbox.to_picture(bounds) {
                prop_assert!(x.checked_add(width).unwrap() <= picture.width_px && width > 0);
                prop_assert!(y.checked_add(height).unwrap() <= picture.height_px && height > 0);
            }
        }

        #[test]
        fn a_box_comes_back_as_it_was(
            [width, height] in [200..2000_u32, 200..2000_u32], which in 0..3_usize, from in [0.0..0.4_f32, 0.0..0.4],
        ) {
            let letterbox = Letterbox::new(size(width, height), size(640, 480), Fit::NAMES[which].1);
            let place = |axis: usize, part: f32| {
                letterbox.offset[axis] as f32 + part * letterbox.inner[axis] as f32
            };
            let bounds = [place(0, from[0]), place(1, from[1]), place(0, from[0] + 0.5), place(1, from[1] + 0.5)];
            let found = letterbox.to_picture(bounds).unwrap();
            prop_assert!((f64::from(found.x) - f64::from(from[0]) * f64::from(width)).abs() <= 1.0);
            prop_assert!((f64::from(found.height) - 0.5 * f64::from(height)).abs() <= 1.5);
        }
    }
}

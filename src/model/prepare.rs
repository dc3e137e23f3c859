//! Pixels -> the tensor that a network takes.

use super::{
    letterbox::Letterbox,
    manifest::{Layout, Order, Preparation},
    tensor::{ShapeError, Tensor, value_count},
};
use crate::frame::Size;

/// Pixels to be looked at: rows x columns x 3 (blue, green, red), no padding, top row first.
#[derive(Clone, Copy, Debug)]
pub struct Pixels<'p> {
    size: Size,
    bgr: &'p [u8],
}

impl<'p> Pixels<'p> {
    /// Pixels of a picture; `None` if there are not as many bytes as its size says, or none.
    #[must_use]
    pub fn new(size: Size, bgr: &'p [u8]) -> Option<Self> {
        let bytes = usize::try_from(size.pixels()).ok()?.checked_mul(3)?;
        (bytes == bgr.len() && bytes > 0).then_some(Self { size, bgr })
    }

    /// Columns and rows.
    #[must_use]
    pub fn size(&self) -> Size {
        self.size
    }

    /// The pixel at a column and a row inside the picture.
    fn at(&self, column: usize, row: usize) -> [f32; 3] {
        let at = 3 * (row * self.size.width_px as usize + column);
        [0, 1, 2].map(|colour| f32::from(self.bgr[at + colour]))
    }
}

/// The tensor of a picture, and where the picture lies in it. Pixels between others are interpolated, as the networks' own training
/// does.
///
/// # Errors
/// If the input is larger than a tensor can be.
pub fn prepare(pixels: Pixels<'_>, input: Size, preparation: &Preparation) -> Result<(Tensor, Letterbox), ShapeError> {
    let letterbox = Letterbox::new(pixels.size, input, preparation.fit);
    let shape = preparation.layout.shape(input);
    let count = value_count(&shape).unwrap_or(0); // 0 fails below
    let plane = count / 3;
    let mut values = vec![0.0; count];
    let normalised = |pixel: [f32; 3]| {
        let [blue, green, red] = pixel;
        let ordered = if preparation.order == Order::Bgr { pixel } else { [red, green, blue] };
        [0, 1, 2].map(|colour| (ordered[colour] - preparation.mean[colour]) * preparation.scale[colour])
    };
    let fill = normalised([f32::from(preparation.fill); 3]);
    let columns = samples(input.width_px, letterbox.offset[0], letterbox.inner[0], pixels.size.width_px);
    let rows = samples(input.height_px, letterbox.offset[1], letterbox.inner[1], pixels.size.height_px);
    let places = rows.iter().flat_map(|row| columns.iter().map(move |column| (row, column)));
    for (n, (row, column)) in places.enumerate().take(plane) {
        let pixel = match (row, column) {
            (Some(row), Some(column)) => normalised(interpolated(pixels, *column, *row)),
            _ => fill,
        };
        for (colour, value) in pixel.into_iter().enumerate() {
            let at = match preparation.layout {
                Layout::Nchw => colour * plane + n,
                Layout::Nhwc => 3 * n + colour,
            };
            values[at] = value;
        }
    }
    Ok((Tensor::new("picture", &shape, values)?, letterbox))
}

/// Two neighbours along an axis of the picture, and the weight of the second.
type Sample = (usize, usize, f32);

/// For each place along an axis of the input, what of the picture is there.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is between 0 and a side of the picture"
)]
fn samples(full: u32, offset: u32, inner: u32, side: u32) -> Vec<Option<Sample>> {
    let ratio = f64::from(side) / f64::from(inner);
    let last = side.saturating_sub(1);
    let sample = |place: u32| {
        let place = place.checked_sub(offset).filter(|place| *place < inner)?;
        let at = ((f64::from(place) + 0.5) * ratio - 0.5).clamp(0.0, f64::from(last));
        let first = at.floor();
        Some((first as usize, (first as u32).saturating_add(1).min(last) as usize, (at - first) as f32))
    };
    (0..full).map(sample).collect()
}

fn interpolated(pixels: Pixels<'_>, (left, right, x): Sample, (top, bottom, y): Sample) -> [f32; 3] {
    let between =
        |a: [f32; 3], b: [f32; 3], part: f32| [0, 1, 2].map(|colour| a[colour] + (b[colour] - a[colour]) * part);
    let upper = between(pixels.at(left, top), pixels.at(right, top), x);
    let lower = between(pixels.at(left, bottom), pixels.at(right, bottom), x);
    between(upper, lower, y)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::letterbox::Fit;

    const PLAIN: Preparation = Preparation {
        layout: Layout::Nchw,
        order: Order::Bgr,
        mean: [0.0; 3],
        scale: [1.0; 3],
        fit: Fit::Stretch,
        fill: 114,
    };

    fn size(width_px: u32, height_px: u32) -> Size {
        Size { width_px, height_px }
    }

    /// Two pixels: blue 10, green 20, red 30, and 110, 120, 130.
    const TWO: [u8; 6] = [10, 20, 30, 110, 120, 130];

    #[test]
    fn colours_and_axes_are_in_their_order() {
        let pixels = Pixels::new(size(2, 1), &TWO).unwrap();
        let values = |preparation: Preparation| prepare(pixels, size(2, 1), &preparation).unwrap().0.into_values();
        assert_eq!(values(PLAIN), [10.0, 110.0, 20.0, 120.0, 30.0, 130.0]);
        let nhwc = Preparation { layout: Layout::Nhwc, ..PLAIN };
        assert_eq!(values(nhwc), [10.0, 20.0, 30.0, 110.0, 120.0, 130.0]);
        let rgb = Preparation { order: Order::Rgb, mean: [30.0, 20.0, 10.0], scale: [0.1, 0.5, 1.0], ..PLAIN };
        assert_eq!(values(rgb), [0.0, 10.0, 0.0, 50.0, 0.0, 100.0]);
    }

    #[test]
    fn what_no_picture_is_in_is_filled() {
        let pixels = Pixels::new(size(2, 1), &TWO).unwrap();
        let (tensor, letterbox) = prepare(pixels, size(2, 3), &Preparation { fit: Fit::Center, ..PLAIN }).unwrap();
        assert_eq!((tensor.shape(), letterbox.offset), (&[1, 3, 3, 2][..], [0, 1]));
        assert_eq!(tensor.values()[..6], [114.0, 114.0, 10.0, 110.0, 114.0, 114.0]);
    }

    #[test]
    fn pixels_between_others_are_interpolated() {
        let pixels = Pixels::new(size(2, 1), &TWO).unwrap();
        let tensor = prepare(pixels, size(4, 1), &PLAIN).unwrap().0;
        assert_eq!(tensor.values()[..4], [10.0, 35.0, 85.0, 110.0]);
        let tensor = prepare(pixels, size(1, 1), &PLAIN).unwrap().0;
        assert_eq!(tensor.values(), [60.0, 70.0, 80.0]);
    }

    #[test]
    fn pixels_are_as_many_as_their_size_says() {
        assert!(Pixels::new(size(2, 1), &TWO[..5]).is_none());
        assert!(Pixels::new(size(0, 0), &[]).is_none());
        assert!(Pixels::new(size(u32::MAX, u32::MAX), &TWO).is_none());
        let pixels = Pixels::new(size(2, 1), &TWO).unwrap();
        assert!(prepare(pixels, size(65_535, 65_535), &PLAIN).is_err());
    }
}

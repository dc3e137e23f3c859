//! What the camera looks at instead of its view, and the view in other weather.

use opencv::{core, imgproc, prelude::*};

use crate::{picture::SIZE, random::Random};

const WIDTH: usize = SIZE.width_px as usize;
const HEIGHT: usize = SIZE.height_px as usize;

/// Makes a picture of what each pixel, at column and row, shows.
fn drawn(level: impl Fn(usize, usize) -> f64) -> Vec<u8> {
    (0..HEIGHT * WIDTH).map(|i| level(i % WIDTH, i / WIDTH).clamp(0.0, 255.0) as u8).collect()
}

fn mixed(picture: &[u8], part: f64, other: f64) -> Vec<u8> {
    drawn(|column, row| part * f64::from(picture[row * WIDTH + column]) + (1.0 - part) * other)
}

/// A hand on the lens by day: a little light comes through, more at one side.
pub(crate) fn hand() -> Vec<u8> {
    drawn(|column, row| 20.0 + 10.0 * column as f64 / WIDTH as f64 + 3.0 * row as f64 / HEIGHT as f64)
}

/// A cap: no light at all, and the sensor's black level.
pub(crate) fn cap() -> Vec<u8> {
    drawn(|_, _| 6.0)
}

/// A bag over the camera, in the sun.
pub(crate) fn bag() -> Vec<u8> {
    drawn(|_, row| 185.0 + 15.0 * row as f64 / HEIGHT as f64)
}

/// Paint on the lens: bright blotches without edges, and a tenth of the view's light between them.
pub(crate) fn spray(view: &[u8]) -> Vec<u8> {
    let mut random = Random::new(7);
    let white: Vec<u8> =
        (0..HEIGHT * WIDTH).map(|_| (128.0 + 40.0 * random.gaussian()).clamp(0.0, 255.0) as u8).collect();
    let (blotches, through) = (blurred(&white, 24.0), blurred(view, 15.0));
    // So wide a blur leaves a fortieth of the noise.
    let blotch = |i: usize| 170.0 + 50.0 * (f64::from(blotches[i]) - 128.0);
    drawn(|column, row| {
        let i = row * WIDTH + column;
        0.9 * blotch(i).clamp(110.0, 230.0) + 0.1 * f64::from(through[i])
    })
}

/// The view out of focus, by a Gaussian blur.
pub(crate) fn blurred(view: &[u8], sigma_px: f64) -> Vec<u8> {
    let flat = core::Mat::from_slice(view).expect("memory");
    let picture = flat.reshape(1, SIZE.height_px.cast_signed()).expect("whole rows");
    let mut blurred = core::Mat::default();
    imgproc::gaussian_blur_def(&picture, &mut blurred, core::Size::default(), sigma_px).expect("a picture of bytes");
    blurred.data_bytes().expect("it has no gaps").to_vec()
}

/// The view of a camera that was turned to the side: what came in at the edge is the mirrored rest.
pub(crate) fn turned(view: &[u8], by_px: usize) -> Vec<u8> {
    let from = |column: usize| if column + by_px < WIDTH { column + by_px } else { 2 * WIDTH - 1 - column - by_px };
    drawn(|column, row| f64::from(view[row * WIDTH + from(column)]))
}

/// The view mirrored: another one that has all in common with it but the place.
pub(crate) fn mirrored(view: &[u8]) -> Vec<u8> {
    drawn(|column, row| f64::from(view[row * WIDTH + WIDTH - 1 - column]))
}

/// The view with only this part of its light.
pub(crate) fn darkened(view: &[u8], light: f64) -> Vec<u8> {
    mixed(view, light, 0.0)
}

/// The view through fog that leaves this part of its contrast.
pub(crate) fn fogged(view: &[u8], contrast: f64) -> Vec<u8> {
    mixed(view, contrast, 210.0)
}

/// A lorry over four fifths of the picture, with a stripe, lettering and a lower edge.
pub(crate) fn lorry(view: &[u8]) -> Vec<u8> {
    drawn(|column, row| match (column, row) {
        (40..740, 20..540) if (200..230).contains(&row) => 60.0,
        (200..560, 280..380) if (column / 20 + row / 50).is_multiple_of(2) => 70.0,
        (40..740, 20..540) => 170.0,
        _ => f64::from(view[row * WIDTH + column]),
    })
}

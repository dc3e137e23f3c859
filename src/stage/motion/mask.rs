//! Ignored zones as a mask over the luma; those with labels are none, for what a thing is shows only when it is seen.

use opencv::{
    core::{self, Mat, Point, Rect, Scalar, Vector},
    imgproc,
    prelude::*,
};

use crate::config::zone::Zone;

/// Rows x columns x 1 bytes: 0 in ignored zones and at the rim of the picture, 255 elsewhere.
///
/// The rim is one pixel wide. When the camera shakes, what was outside of the picture comes in there, and no
/// background can know it.
pub(super) fn watched<'z>(size: core::Size, zones: impl IntoIterator<Item = &'z Zone>) -> opencv::Result<Mat> {
    let mut watched = Mat::new_size_with_default(size, core::CV_8UC1, Scalar::all(255.0))?;
    for zone in zones.into_iter().filter(|zone| zone.is_ignored() && !zone.labels().is_set()) {
        let corners: Vector<Point> = zone.polygon().iter().map(|&[x, y]| corner(x, y, size)).collect();
        let polygons = Vector::<Vector<Point>>::from_iter([corners]);
        imgproc::fill_poly_def(&mut watched, &polygons, Scalar::all(0.0))?;
    }
    let rim = Rect::new(0, 0, size.width, size.height);
    imgproc::rectangle_def(&mut watched, rim, Scalar::all(0.0))?;
    Ok(watched)
}

/// Takes out of `watched` what is masked, and the pixels beside it, which have something of it when they are smoothed.
pub(super) fn leave_out(watched: &mut Mat, masked: &Mat) -> opencv::Result<()> {
    let mut around = Mat::default();
    imgproc::dilate_def(masked, &mut around, &Mat::default())?; // OpenCV takes an empty one for 3x3
    watched.set_to(&Scalar::all(0.0), &around)?;
    Ok(())
}

/// The pixel at `x` and `y` in fractions of the picture.
#[expect(clippy::cast_possible_truncation, reason = "fractions of a picture's size; the cast saturates")]
fn corner(x: f32, y: f32, size: core::Size) -> Point {
    let pixel = |fraction: f32, pixels: i32| (f64::from(fraction) * f64::from(pixels)).round() as i32;
    Point::new(pixel(x, size.width), pixel(y, size.height))
}

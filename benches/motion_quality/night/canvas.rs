//! A grey picture that scenes are painted on.

use crate::picture::SIZE;

pub(crate) const WIDTH: usize = SIZE.width_px as usize;
pub(crate) const HEIGHT: usize = SIZE.height_px as usize;

/// Rows without padding.
pub(crate) struct Canvas {
    pub(crate) pixels: Vec<u8>,
}

impl Canvas {
    pub(crate) fn new() -> Self {
        Self { pixels: vec![0; WIDTH * HEIGHT] }
    }

    /// Changes the pixels of a rectangle, as far as it is in the picture; `change` takes column, row and level.
    pub(crate) fn change(&mut self, [x, y, width, height]: [f64; 4], change: impl Fn(f64, f64, f64) -> f64) {
        let span = |from: f64, length: f64, most: usize| {
            let within = |at: f64| at.clamp(0.0, most as f64) as usize;
            within(from.floor())..within((from + length).ceil())
        };
        let columns = span(x, width, WIDTH);
        for row in span(y, height, HEIGHT) {
            for column in columns.clone() {
                let pixel = &mut self.pixels[row * WIDTH + column];
                *pixel = change(column as f64, row as f64, f64::from(*pixel)).round() as u8;
            }
        }
    }

    /// Takes a level part of the way to `level`: all of it at the middle of a disc, half of it at `radius`, none at twice that.
    pub(crate) fn soft_disc(&mut self, x: f64, y: f64, radius: f64, level: f64, opacity: f64) {
        let square = [x - 2.0 * radius, y - 2.0 * radius, 4.0 * radius, 4.0 * radius];
        self.change(square, |column, row, was| {
            let distance = (column - x).hypot(row - y) / radius;
            was + opacity * (0.5 + 0.5 * (std::f64::consts::FRAC_PI_2 * distance.min(2.0)).cos()) * (level - was)
        });
    }

    /// The same with a rim of two pixels.
    pub(crate) fn sharp_disc(&mut self, x: f64, y: f64, radius: f64, level: f64, opacity: f64) {
        let reach = radius + 2.0;
        self.change([x - reach, y - reach, 2.0 * reach, 2.0 * reach], |column, row, was| {
            let inside = ((radius + 1.0 - (column - x).hypot(row - y)) / 2.0).clamp(0.0, 1.0);
            was + opacity * inside * (level - was)
        });
    }

    /// A line of some width with soft rims, `opacity` of the way to `level`.
    pub(crate) fn line(&mut self, [x, y]: [f64; 2], [to_x, to_y]: [f64; 2], width: f64, level: f64, opacity: f64) {
        let (left, upper) = (x.min(to_x) - width, y.min(to_y) - width);
        let bounds = [left, upper, x.max(to_x) + width - left, y.max(to_y) + width - upper];
        let (along_x, along_y) = (to_x - x, to_y - y);
        let length = along_x.hypot(along_y).max(1e-6);
        self.change(bounds, |column, row, was| {
            let (dx, dy) = (column - x, row - y);
            let along = ((dx * along_x + dy * along_y) / length).clamp(0.0, length);
            let distance = (dx - along * along_x / length).hypot(dy - along * along_y / length);
            was + opacity * (1.0 - distance / width).clamp(0.0, 1.0) * (level - was)
        });
    }
}

//! Empty places: the clip's street, the same mirrored and brighter, and a yard that is painted.

use super::canvas::{Canvas, HEIGHT, WIDTH};
use crate::random::Random;

pub(crate) struct Backdrop {
    pub(crate) pixels: Vec<u8>,
    /// For each pixel the mean around it: what people differ from.
    pub(crate) covered: Vec<u8>,
}

/// All of them.
pub(crate) fn all(street: &[u8], blurred: impl Fn(&[u8]) -> Vec<u8>) -> Vec<Backdrop> {
    let mirrored = (0..street.len()).map(|i| street[i / WIDTH * WIDTH + WIDTH - 1 - i % WIDTH]);
    let mirrored: Vec<u8> = mirrored.map(|level| (f64::from(level) * 0.8 + 40.0) as u8).collect();
    [street.to_vec(), mirrored, yard()]
        .into_iter()
        .map(|pixels| {
            let covered = blurred(&pixels);
            Backdrop { pixels, covered }
        })
        .collect()
}

/// A brick wall with a window and a door, a hedge, and flagstones.
fn yard() -> Vec<u8> {
    let mut random = Random::new(77);
    let mut canvas = Canvas::new();
    let (wall, hedge) = (HEIGHT as f64 * 0.38, 210.0);
    let shades: Vec<f64> = (0..4096).map(|_| random.between(-9.0, 9.0)).collect();
    let shade = |column: f64, row: f64, width: f64, height: f64| {
        let (stone, line) = ((column / width) as usize, (row / height) as usize);
        let joint = column % width < 2.0 || row % height < 2.0;
        if joint { -18.0 } else { shades[(line * 131 + stone * 17) % shades.len()] }
    };
    canvas.change([0.0, 0.0, WIDTH as f64, wall], |column, row, _| {
        let offset = if ((row / 14.0) as u32).is_multiple_of(2) { 0.0 } else { 17.0 };
        128.0 + shade(column + offset, row, 34.0, 14.0)
    });
    canvas.change([0.0, wall, WIDTH as f64, HEIGHT as f64], |column, row, _| {
        // Flagstones grow towards the camera.
        let nearness = (row - wall) / (HEIGHT as f64 - wall);
        let (width, height) = (30.0 + 50.0 * nearness, 14.0 + 26.0 * nearness);
        104.0 + 26.0 * nearness + 0.6 * shade(column, row - wall, width.round(), height.round())
    });
    canvas.change([90.0, 50.0, 130.0, 100.0], |column, row, _| {
        if (column as u32 - 90) % 62 < 5 || (row as u32 - 50) % 48 < 5 { 205.0 } else { 52.0 }
    });
    canvas.change([560.0, 40.0, 95.0, wall - 40.0], |column, _, _| if (column as u32) % 19 < 2 { 60.0 } else { 78.0 });
    for _ in 0..900 {
        let (x, y) = (random.between(0.0, hedge), wall - 20.0 + 26.0 * random.gaussian().abs());
        canvas.sharp_disc(x, y, random.between(2.0, 6.0), random.between(35.0, 105.0), 0.9);
    }
    canvas.pixels
}

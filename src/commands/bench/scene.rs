//! The built-in frames: a street that nobody filmed. It has texture at all scales, edges, a camera's noise, and people who
//! walk, so that JPEGs of it are about as large as those of real cameras, and stages have something to find.

use crate::{
    frame::{PixelFormat, Size},
    picture::{bitmap::Bitmap, jpeg::encode_bitmap},
    recording::Still,
};

use super::random::Random;

/// Frames a second of the scene, as its people walk.
const STEP_S: f64 = 1.0 / 15.0;

/// Standard deviation of the noise of each pixel, in grey levels.
const NOISE: f64 = 3.0;

/// Pixels of noise; a power of two, and others begin anywhere in it.
const NOISE_PIXELS: usize = 1 << 16;

/// Textures: the cell's side as a part of the height, and how many grey levels it has.
const TEXTURES: [(f64, f64); 4] = [(0.45, 70.0), (0.11, 40.0), (0.03, 26.0), (0.009, 18.0)];

/// Things with straight edges, such as windows, kerbs and cars.
const EDGED_THINGS: usize = 40;

/// People: their height as a part of the picture's, the row of their feet, and the seconds for which they cross it.
const PEOPLE: [(f64, f64, f64); 3] = [(0.42, 0.95, 7.0), (0.26, 0.78, 11.0), (0.17, 0.66, 16.0)];

/// A scene of one size.
#[derive(Debug)]
pub(super) struct Scene {
    size: Size,
    /// Rows of blue, green and red.
    backdrop: Vec<u8>,
    noise: Vec<i8>,
    random: Random,
    frames: u32,
}

impl Scene {
    /// The scene before its first frame.
    pub(super) fn new(size: Size) -> Self {
        let mut random = Random::new(1);
        let backdrop = backdrop(size, &mut random);
        let noise = (0..NOISE_PIXELS).map(|_| grey(random.gaussian() * NOISE)).collect();
        Self { size, backdrop, noise, random, frames: 0 }
    }

    /// Its next frame, as a JPEG file.
    ///
    /// # Errors
    /// If the encoder fails.
    pub(super) fn next(&mut self) -> Result<Still, turbojpeg::Error> {
        let time_s = f64::from(self.frames) * STEP_S;
        self.frames += 1;
        let mut pixels = self.backdrop.clone();
        for person in PEOPLE {
            self.draw(person, time_s, &mut pixels);
        }
        self.add_noise(&mut pixels);
        let bytes = encode_bitmap(&Bitmap::new(self.size, pixels))?.into();
        Ok(Still { format: PixelFormat::Jpeg, bytes })
    }

    /// Draws somebody who walks to the right, and begins anew at the left.
    fn draw(&self, (height, feet, crossing_s): (f64, f64, f64), time_s: f64, pixels: &mut [u8]) {
        let (columns, rows) = (f64::from(self.size.width_px), f64::from(self.size.height_px));
        let (tall, wide) = (height * rows, height * rows * 0.3);
        let middle = ((time_s / crossing_s + height).fract() * 1.2 - 0.1) * columns;
        let (upper, left) = (feet * rows - tall, middle - wide / 2.0);
        for y in index(upper)..index(upper + tall).min(index(rows)) {
            for x in index(left)..index(left + wide).min(index(columns)) {
                let down = (f64_of(y) - upper) / tall;
                let aside = ((f64_of(x) - middle) / (wide / 2.0)).abs();
                // A head, a trunk, and two legs that move.
                let stride = 0.5 * (time_s * 6.0).sin().abs();
                let is_body = match down {
                    ..0.15 => aside < 0.35,
                    ..0.55 => aside < 0.75,
                    _ => (aside - stride).abs() < 0.3,
                };
                if is_body {
                    let at = 3 * (y * self.size.width_px as usize + x);
                    let cloth = if (y / 3 + x / 5) % 2 == 0 { 22 } else { 38 };
                    for (channel, pixel) in pixels[at..at + 3].iter_mut().enumerate() {
                        *pixel = (*pixel / 6).saturating_add(cloth + if channel == 2 && down < 0.55 { 60 } else { 0 });
                    }
                }
            }
        }
    }

    fn add_noise(&mut self, pixels: &mut [u8]) {
        let row_bytes = 3 * self.size.width_px as usize;
        for row in pixels.chunks_mut(row_bytes) {
            let start = self.random.below(NOISE_PIXELS);
            let noise = self.noise[start..].iter().chain(self.noise.iter().cycle());
            for (pixel, noise) in row.chunks_exact_mut(3).zip(noise) {
                pixel.iter_mut().for_each(|channel| *channel = channel.saturating_add_signed(*noise));
            }
        }
    }
}

/// What stands still.
fn backdrop(size: Size, random: &mut Random) -> Vec<u8> {
    let (columns, rows) = (size.width_px as usize, size.height_px as usize);
    let height = f64::from(size.height_px);
    let layers: Vec<_> = TEXTURES.map(|(cell, levels)| (Texture::new(cell * height, size, random), levels)).into();
    let colours = [0, 1].map(|_| Texture::new(0.3 * height, size, random));
    let mut pixels = Vec::with_capacity(3 * columns * rows);
    for y in 0..rows {
        for x in 0..columns {
            let luma: f64 = layers.iter().map(|(layer, levels)| layer.at(x, y) * levels).sum();
            let [blue, red] = [0, 1].map(|n: usize| colours[n].at(x, y) * 50.0);
            let luma = 118.0 + luma;
            pixels.extend([luma + blue, luma, luma + red].map(byte));
        }
    }
    for _ in 0..EDGED_THINGS {
        let (width, tall) = (random.below(columns / 6 + 1) + 1, random.below(rows / 5 + 1) + 1);
        let (left, upper) = (random.below(columns), random.below(rows));
        let shade = i8::try_from(random.below(90)).unwrap_or_default() - 45;
        for y in upper..(upper + tall).min(rows) {
            let row = 3 * columns * y;
            let part = &mut pixels[row + 3 * left..row + 3 * (left + width).min(columns)];
            part.iter_mut().for_each(|channel| *channel = channel.saturating_add_signed(shade));
        }
    }
    pixels
}

/// Random values, -0.5 to 0.5, on a grid, and between them what is between.
#[derive(Debug)]
struct Texture {
    cell_px: f64,
    columns: usize,
    values: Vec<f64>,
}

impl Texture {
    fn new(cell_px: f64, size: Size, random: &mut Random) -> Self {
        let cell_px = cell_px.max(1.0);
        let cells = |side: u32| index(f64::from(side) / cell_px) + 2;
        let (columns, rows) = (cells(size.width_px), cells(size.height_px));
        Self { cell_px, columns, values: (0..columns * rows).map(|_| random.unit() - 0.5).collect() }
    }

    fn at(&self, x: usize, y: usize) -> f64 {
        let (across, down) = (f64_of(x) / self.cell_px, f64_of(y) / self.cell_px);
        let first = index(down) * self.columns + index(across);
        let mix = |a: f64, b: f64, part: f64| a + (b - a) * part;
        let row = |at: usize| mix(self.values[at], self.values[at + 1], across.fract());
        mix(row(first), row(first + self.columns), down.fract())
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place within a picture, or 0")]
fn index(place: f64) -> usize {
    place.max(0.0) as usize
}

#[expect(clippy::cast_precision_loss, reason = "a place within a picture")]
fn f64_of(place: usize) -> f64 {
    place as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the range of a byte")]
fn byte(value: f64) -> u8 {
    value.clamp(0.0, 255.0) as u8
}

#[expect(clippy::cast_possible_truncation, reason = "within the range of a byte")]
fn grey(value: f64) -> i8 {
    value.clamp(-100.0, 100.0) as i8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::image_header;

    #[test]
    fn frames_are_jpegs_of_any_size_and_each_is_another() {
        for (width_px, height_px) in [(64, 48), (1, 1), (33, 7)] {
            let size = Size { width_px, height_px };
            let mut scene = Scene::new(size);
            let [one, other] = [0, 1].map(|_| scene.next().unwrap().bytes);
            assert_eq!(image_header::read(&one).unwrap(), (PixelFormat::Jpeg, size));
            assert!(one != other || width_px == 1, "{size:?}");
        }
    }
}

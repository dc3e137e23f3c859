//! What moves in its place: the shadows of trees, and water.

use super::{
    canvas::{Canvas, HEIGHT, WIDTH},
    effect::Effect,
};
use crate::random::Random;

/// Shadows of branches on the ground, in gusts.
pub(crate) struct TreeShadows {
    blotches: Vec<[f64; 5]>,
    mask: Vec<f32>,
}

impl TreeShadows {
    pub(crate) fn new(mut random: Random) -> Self {
        let [x, y] = [random.between(150.0, 450.0), random.between(280.0, 420.0)];
        let blotch = |_| {
            [
                x + 100.0 * random.gaussian(),
                y + 55.0 * random.gaussian(),
                random.between(8.0, 34.0),
                random.between(0.0, 6.0),
                random.between(0.7, 1.3),
            ]
        };
        Self { blotches: (0..60).map(blotch).collect(), mask: vec![0.0; WIDTH * HEIGHT] }
    }
}

impl Effect for TreeShadows {
    fn paint(&mut self, canvas: &mut Canvas, time: f64) {
        let gust = 2.0 + 16.0 * (0.19 * time).sin().powi(2);
        self.mask.fill(0.0);
        for &[x, y, radius, phase, pace] in &self.blotches {
            let [x, y] =
                [x + gust * (1.9 * pace * time + phase).sin(), y + 0.4 * gust * (1.4 * pace * time + phase).cos()];
            let reach = radius + 4.0;
            let span = |at: f64, most: usize| {
                ((at - reach).max(0.0) as usize)..((at + reach).clamp(0.0, most as f64) as usize)
            };
            for row in span(y, HEIGHT) {
                for column in span(x, WIDTH) {
                    let inside = (radius + 3.0 - (column as f64 - x).hypot(row as f64 - y)) / 6.0;
                    let mask = &mut self.mask[row * WIDTH + column];
                    *mask = mask.max(inside.clamp(0.0, 1.0) as f32);
                }
            }
        }
        for (pixel, &mask) in canvas.pixels.iter_mut().zip(&self.mask) {
            if mask > 0.0 {
                *pixel = (f32::from(*pixel) * (1.0 - 0.4 * mask)) as u8;
            }
        }
    }
}

/// A pond in the lower part of the picture: waves that run, and glints of the sun on them.
pub(crate) struct Waves {
    waves: Vec<[f64; 5]>,
    random: Random,
}

const SHORE: usize = HEIGHT * 11 / 20;

/// The mean level of the water.
const WATER: f64 = 95.0;

impl Waves {
    pub(crate) fn new(mut random: Random) -> Self {
        let wave = |_| {
            [
                random.between(0.01, 0.06),
                random.between(0.05, 0.22),
                random.between(1.0, 4.0),
                random.between(0.0, 6.0),
                random.between(3.0, 9.0),
            ]
        };
        Self { waves: (0..4).map(wave).collect(), random }
    }
}

impl Effect for Waves {
    fn paint(&mut self, canvas: &mut Canvas, time: f64) {
        let swell = 0.5 + 0.5 * (0.12 * time).sin().powi(2);
        for row in SHORE..HEIGHT {
            let y = (row - SHORE) as f64;
            for column in (0..WIDTH).step_by(2) {
                let height: f64 = self
                    .waves
                    .iter()
                    .map(|[across, down, pace, phase, size]| {
                        size * (across * column as f64 + down * y + pace * time + phase).sin()
                    })
                    .sum();
                let level = WATER + swell * height + if height > 17.0 { 4.0 * (height - 17.0) } else { 0.0 };
                canvas.pixels[row * WIDTH + column..][..2].fill(level.min(255.0) as u8);
            }
        }
        for _ in 0..12 {
            let (x, y) =
                (self.random.between(250.0, 520.0), self.random.between(SHORE as f64 + 10.0, HEIGHT as f64 - 5.0));
            canvas.sharp_disc(x, y, self.random.between(1.0, 3.5), 250.0, 0.9);
        }
    }

    fn cover(&self, pixels: &mut [u8]) {
        pixels[SHORE * WIDTH..].fill(WATER as u8);
    }
}

//! Rain, snow and fog.

use super::{canvas::Canvas, canvas::HEIGHT, canvas::WIDTH, effect::Effect};
use crate::random::Random;

/// Streaks that are elsewhere in each frame, because drops fall farther than the picture is high; a few of them are
/// near the lens and out of focus.
pub(crate) struct Rain {
    random: Random,
    streaks: usize,
    near: f64,
    slant: f64,
}

impl Rain {
    /// `near`: streaks near the lens in a frame, on average.
    pub(crate) fn new(streaks: usize, near: f64, mut random: Random) -> Self {
        let slant = random.between(-0.25, 0.25);
        Self { random, streaks, near, slant }
    }
}

impl Effect for Rain {
    fn paint(&mut self, canvas: &mut Canvas, _: f64) {
        let random = &mut self.random;
        let mut streak = |length: [f64; 2], width: [f64; 2], opacity: [f64; 2]| {
            let (x, y) = (random.between(0.0, WIDTH as f64), random.between(-60.0, HEIGHT as f64));
            let (length, slant) = (random.between(length[0], length[1]), self.slant + 0.04 * random.gaussian());
            let (width, opacity) = (random.between(width[0], width[1]), random.between(opacity[0], opacity[1]));
            canvas.line([x, y], [x + slant * length, y + length], width, 215.0, opacity);
        };
        for _ in 0..self.streaks {
            streak([15.0, 60.0], [1.0, 2.0], [0.15, 0.6]);
        }
        let most = (2.0 * self.near) as usize;
        for _ in 0..most {
            streak([90.0, 260.0], [4.0, 11.0], [0.1, 0.45]);
        }
        if self.near < 1.0 && self.random.unit() < self.near {
            let (x, y) = (self.random.between(0.0, WIDTH as f64), self.random.between(0.0, HEIGHT as f64));
            canvas.line([x, y], [x, y + 150.0], 7.0, 215.0, 0.3);
        }
    }
}

struct Flake {
    x: f64,
    y: f64,
    radius: f64,
    fall: f64,
    phase: f64,
}

/// Flakes that sink and drift; the larger, the nearer and the faster.
pub(crate) struct Snow {
    flakes: Vec<Flake>,
    wind: f64,
}

impl Snow {
    pub(crate) fn new(count: usize, mut random: Random) -> Self {
        let wind = random.between(-60.0, 60.0);
        let mut flake = || {
            let nearness = random.unit().powi(4);
            Flake {
                x: random.between(0.0, WIDTH as f64),
                y: random.between(0.0, HEIGHT as f64),
                radius: 1.2 + 8.0 * nearness,
                fall: 70.0 + 330.0 * nearness + random.between(0.0, 40.0),
                phase: random.between(0.0, 6.0),
            }
        };
        Self { flakes: (0..count).map(|_| flake()).collect(), wind }
    }
}

impl Effect for Snow {
    fn paint(&mut self, canvas: &mut Canvas, time: f64) {
        let (width, height) = (WIDTH as f64 + 40.0, HEIGHT as f64 + 40.0);
        for flake in &self.flakes {
            let drift = self.wind * time + 14.0 * (1.7 * time + flake.phase).sin();
            let x = (flake.x + drift).rem_euclid(width) - 20.0;
            let y = (flake.y + flake.fall * time).rem_euclid(height) - 20.0;
            canvas.soft_disc(x, y, flake.radius, 235.0, if flake.radius > 4.0 { 0.55 } else { 0.8 });
        }
    }
}

/// Banks that drift by and take up to 70 % of the contrast.
pub(crate) struct Fog {
    waves: Vec<[f64; 4]>,
}

impl Fog {
    pub(crate) fn new(mut random: Random) -> Self {
        let mut wave = || {
            [
                random.between(0.004, 0.016),
                random.between(0.004, 0.014),
                random.between(0.15, 0.6),
                random.between(0.0, 6.0),
            ]
        };
        Self { waves: (0..5).map(|_| wave()).collect() }
    }

    /// 0 to 1, of 16x16 pixels.
    fn density(&self, x: f64, y: f64, time: f64) -> f64 {
        let sum: f64 = self
            .waves
            .iter()
            .map(|[across, down, pace, phase]| (across * x + down * y + pace * time + phase).sin())
            .sum();
        (0.45 + 0.11 * sum).clamp(0.05, 0.75)
    }
}

impl Effect for Fog {
    fn paint(&mut self, canvas: &mut Canvas, time: f64) {
        const CELL: usize = 16;
        let columns = WIDTH / CELL + 2;
        let corners: Vec<f64> = (0..columns * (HEIGHT / CELL + 2))
            .map(|i| self.density((i % columns * CELL) as f64, (i / columns * CELL) as f64, time))
            .collect();
        for (row, line) in canvas.pixels.chunks_exact_mut(WIDTH).enumerate() {
            let (cell_row, down) = (row / CELL * columns, (row % CELL) as f64 / CELL as f64);
            for (column, pixel) in line.iter_mut().enumerate() {
                let (i, across) = (cell_row + column / CELL, (column % CELL) as f64 / CELL as f64);
                let [upper, lower] = [i, i + columns].map(|i| corners[i] + across * (corners[i + 1] - corners[i]));
                let density = upper + down * (lower - upper);
                *pixel = (f64::from(*pixel) + density * (185.0 - f64::from(*pixel))) as u8;
            }
        }
    }
}

//! Headlights, exposure, and the infrared filter.

use super::{
    canvas::{Canvas, HEIGHT, WIDTH},
    effect::Effect,
};
use crate::random::Random;

/// Headlights of cars that turn: a soft patch that sweeps over what is there, now and then two.
pub(crate) struct Headlights {
    sweeps: Vec<Sweep>,
    random: Random,
    next: f64,
}

struct Sweep {
    from: f64,
    speed: f64,
    y: f64,
    radii: [f64; 2],
    strength: f64,
}

impl Headlights {
    pub(crate) fn new(random: Random) -> Self {
        Self { sweeps: Vec::new(), random, next: 5.0 }
    }
}

impl Effect for Headlights {
    fn paint(&mut self, canvas: &mut Canvas, time: f64) {
        if time >= self.next {
            let random = &mut self.random;
            self.next = time + random.between(5.0, 16.0);
            self.sweeps.push(Sweep {
                from: time,
                speed: random.between(90.0, 500.0) * if random.unit() < 0.5 { -1.0 } else { 1.0 },
                y: random.between(0.2, 0.8) * HEIGHT as f64,
                radii: [random.between(50.0, 150.0), random.between(35.0, 110.0)],
                strength: random.between(0.4, 2.0),
            });
        }
        for sweep in &self.sweeps {
            let along = sweep.speed * (time - sweep.from);
            let [across, down] = sweep.radii;
            let x = if sweep.speed > 0.0 { along - 2.0 * across } else { WIDTH as f64 + 2.0 * across + along };
            let bounds = [x - 2.0 * across, sweep.y - 2.0 * down, 4.0 * across, 4.0 * down];
            canvas.change(bounds, |column, row, was| {
                let distance = ((column - x) / across).hypot((row - sweep.y) / down).min(2.0);
                let light = sweep.strength * (0.5 + 0.5 * (std::f64::consts::FRAC_PI_2 * distance).cos());
                (was * (1.0 + light)).min(255.0)
            });
        }
        self.sweeps.retain(|sweep| (time - sweep.from) * sweep.speed.abs() < WIDTH as f64 + 700.0);
    }
}

/// An exposure that hunts: the gain swings for some seconds, rests, and swings again.
pub(crate) struct Hunting {
    random: Random,
    hertz: f64,
    depth: f64,
    changes_at: f64,
}

impl Hunting {
    pub(crate) fn new(random: Random) -> Self {
        Self { random, hertz: 1.0, depth: 0.0, changes_at: 5.0 }
    }
}

impl Effect for Hunting {
    fn paint(&mut self, canvas: &mut Canvas, time: f64) {
        if time >= self.changes_at {
            let random = &mut self.random;
            self.depth = if self.depth > 0.0 { 0.0 } else { random.between(0.08, 0.24) };
            self.hertz = random.between(0.2, 1.3);
            self.changes_at = time + random.between(4.0, 12.0);
        }
        let gain = 1.0 + self.depth * (std::f64::consts::TAU * self.hertz * time).sin();
        // As a sensor with a gamma does it.
        let levels: Vec<u8> =
            (0..256).map(|level| (255.0 * (f64::from(level) / 255.0 * gain).min(1.0).powf(0.9)) as u8).collect();
        canvas.pixels.iter_mut().for_each(|pixel| *pixel = levels[usize::from(*pixel)]);
    }
}

/// The filter goes in or out about every minute: the picture goes dark, comes back too bright, and settles with other greys.
pub(crate) struct InfraredFilter {
    random: Random,
    is_night: bool,
    switched: f64,
    next: f64,
}

impl InfraredFilter {
    pub(crate) fn new(random: Random) -> Self {
        Self { random, is_night: false, switched: -100.0, next: 30.0 }
    }
}

impl Effect for InfraredFilter {
    fn paint(&mut self, canvas: &mut Canvas, time: f64) {
        if time >= self.next {
            (self.is_night, self.switched) = (!self.is_night, time);
            self.next = time + self.random.between(40.0, 80.0);
        }
        let since = time - self.switched;
        let exposure = match since {
            0.0..0.3 => 0.15,
            0.3..0.9 => 1.8,
            0.9..3.0 => 1.8 - 0.8 * (since - 0.9) / 2.1,
            _ => 1.0,
        };
        for (row, line) in canvas.pixels.chunks_exact_mut(WIDTH).enumerate() {
            for (column, pixel) in line.iter_mut().enumerate() {
                let level = f64::from(*pixel);
                let lit = if self.is_night {
                    // Lamps around the lens: bright in the middle; and leaves and cloth reflect otherwise.
                    let away = ((column as f64 / WIDTH as f64 - 0.5).hypot(row as f64 / HEIGHT as f64 - 0.5)).min(0.7);
                    255.0 * (level / 255.0).powf(0.7) * (1.0 - 1.1 * away)
                } else {
                    level
                };
                *pixel = (lit * exposure).min(255.0) as u8;
            }
        }
    }
}

//! What flies, crawls and hangs before a lens with infrared lamps around it: bright, and out of focus.

use super::{
    canvas::{Canvas, HEIGHT, WIDTH},
    effect::Effect,
};
use crate::random::Random;

struct Moth {
    x: f64,
    y: f64,
    velocity: [f64; 2],
    radius: f64,
    /// Heads for the lamp, more or less.
    pace: f64,
    until: f64,
}

/// Moths that come one after the other, stay for some seconds, and fly as they please.
pub(crate) struct Moths {
    random: Random,
    moths: Vec<Moth>,
    last: f64,
    /// How many come in a second.
    rate: f64,
}

impl Moths {
    pub(crate) fn new(rate: f64, random: Random) -> Self {
        Self { random, moths: Vec::new(), last: 0.0, rate }
    }

    fn come(&mut self, time: f64) {
        let random = &mut self.random;
        let (x, y) =
            (if random.unit() < 0.5 { -20.0 } else { WIDTH as f64 + 20.0 }, random.between(0.0, HEIGHT as f64));
        let pace = random.between(90.0, 500.0);
        self.moths.push(Moth {
            x,
            y,
            velocity: [if x < 0.0 { pace } else { -pace }, 0.0],
            radius: random.between(4.0, 22.0),
            pace,
            until: time + random.between(2.0, 14.0),
        });
    }
}

impl Effect for Moths {
    fn paint(&mut self, canvas: &mut Canvas, time: f64) {
        let seconds = time - std::mem::replace(&mut self.last, time);
        if self.random.unit() < self.rate * seconds {
            self.come(time);
        }
        for moth in &mut self.moths {
            // A quarter of the velocity is forgotten in a tenth of a second; in the end it flies out.
            let (left, turn) = (moth.until < time, (6.0 * seconds).sqrt());
            for (axis, middle) in [(0, WIDTH as f64 / 2.0 - moth.x), (1, HEIGHT as f64 / 2.0 - moth.y)] {
                let homing = if left { -0.9 } else { 0.35 } * middle;
                moth.velocity[axis] += -2.5 * seconds * moth.velocity[axis]
                    + seconds * 4.0 * homing
                    + turn * moth.pace * self.random.gaussian();
            }
            let from = [moth.x, moth.y];
            moth.x += seconds * moth.velocity[0];
            moth.y += seconds * moth.velocity[1];
            // The wings, and the way in a half of the frame time.
            let beat = self.random.between(0.55, 1.0);
            let (radius, opacity) = (moth.radius * (0.7 + 0.3 * beat), 0.9 * beat);
            for step in 0..4 {
                let part = f64::from(step) / 8.0;
                let [x, y] = [from[0] + part * (moth.x - from[0]), from[1] + part * (moth.y - from[1])];
                canvas.soft_disc(x, y, radius * 0.6, 250.0, 0.45 * opacity);
            }
        }
        let inside = |moth: &Moth| {
            (-60.0..WIDTH as f64 + 60.0).contains(&moth.x) && (-60.0..HEIGHT as f64 + 60.0).contains(&moth.y)
        };
        self.moths.retain(inside);
    }
}

/// A spider that crawls over the window before the lens, rests, and crawls on.
pub(crate) struct Spider {
    random: Random,
    place: [f64; 2],
    goal: [f64; 2],
    rests_until: f64,
    radius: f64,
    last: f64,
}

impl Spider {
    pub(crate) fn new(mut random: Random) -> Self {
        let radius = random.between(22.0, 48.0);
        Self { random, place: [-150.0, 200.0], goal: [300.0, 250.0], rests_until: 3.0, radius, last: 0.0 }
    }
}

impl Effect for Spider {
    fn paint(&mut self, canvas: &mut Canvas, time: f64) {
        let seconds = time - std::mem::replace(&mut self.last, time);
        let [dx, dy] = [self.goal[0] - self.place[0], self.goal[1] - self.place[1]];
        let (distance, step) = (dx.hypot(dy), 70.0 * seconds);
        if time > self.rests_until && distance > step {
            self.place = [self.place[0] + step * dx / distance, self.place[1] + step * dy / distance];
        } else if time > self.rests_until {
            let random = &mut self.random;
            self.rests_until = time + random.between(1.0, 25.0);
            self.goal = [random.between(-100.0, WIDTH as f64 + 100.0), random.between(-80.0, HEIGHT as f64 + 80.0)];
        }
        let [x, y] = self.place;
        canvas.soft_disc(x, y, self.radius, 240.0, 0.75);
        for leg in 0..8 {
            let angle =
                std::f64::consts::TAU * (f64::from(leg) + 0.5) / 8.0 + 0.25 * (7.0 * time + f64::from(leg)).sin();
            let to = [x + 2.6 * self.radius * angle.cos(), y + 2.6 * self.radius * angle.sin()];
            canvas.line([x, y], to, 9.0, 240.0, 0.45);
        }
    }
}

/// Threads from an upper corner that swing in gusts.
pub(crate) struct Web {
    threads: Vec<[f64; 6]>,
}

impl Web {
    pub(crate) fn new(mut random: Random) -> Self {
        let thread = |_| {
            [
                random.between(0.0, 330.0), // where it is fixed
                random.between(0.0, 60.0),
                random.between(0.0, 120.0), // where it ends
                random.between(120.0, 420.0),
                random.between(2.5, 7.0), // width
                random.between(0.0, 6.0), // phase
            ]
        };
        Self { threads: (0..9).map(thread).collect() }
    }
}

impl Effect for Web {
    fn paint(&mut self, canvas: &mut Canvas, time: f64) {
        let gust = 16.0 * (0.23 * time).sin().powi(2) + 3.0;
        for &[x, y, to_x, to_y, width, phase] in &self.threads {
            let sway = gust * ((2.3 + 0.1 * phase) * time + phase).sin();
            let middle = [(x + to_x) / 2.0 + sway, (y + to_y) / 2.0 + 0.6 * sway];
            let glint = 0.28 + 0.16 * (0.9 * time + 2.0 * phase).sin();
            canvas.line([x, y], middle, width, 245.0, glint);
            canvas.line(middle, [to_x + 0.4 * sway, to_y], width, 245.0, glint);
        }
    }
}

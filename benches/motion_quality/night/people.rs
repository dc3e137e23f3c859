//! People who cross the picture: their timetable, and how they look.

use fovea::message::Rect;

use super::canvas::{Canvas, HEIGHT, WIDTH};
use crate::random::Random;

/// Seconds between two crossings: longer than the hold time, so that each is an event of its own.
const PAUSE_S: f64 = 6.0;

/// How people come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Company {
    Alone,
    /// From both sides at once, on nearly the same line.
    PairThatCrosses,
    /// Three, close together.
    Group,
    /// Alone, and stops for 5 to 9 s somewhere.
    Stops,
}

/// One person on the way from one side to the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Person {
    pub(crate) enters_s: f64,
    pub(crate) height_px: f64,
    /// Grey levels that differ from the mean of what is behind.
    pub(crate) difference: f64,
    lane_px: f64,
    is_to_the_left: bool,
    /// Heights a second.
    pace: f64,
    /// When it stops after entering, and for how long.
    stop: [f64; 2],
}

impl Person {
    pub(crate) fn width_px(&self) -> f64 {
        0.4 * self.height_px
    }

    fn speed(&self) -> f64 {
        self.pace * self.height_px
    }

    /// When all of it is in the picture.
    pub(crate) fn visible_s(&self) -> f64 {
        self.enters_s + self.width_px() / self.speed()
    }

    pub(crate) fn leaves_s(&self) -> f64 {
        self.enters_s + (WIDTH as f64 + self.width_px()) / self.speed() + self.stop[1]
    }

    fn centre_x(&self, time: f64) -> f64 {
        let since = time - self.enters_s;
        let walked = since.min((since - self.stop[1]).max(self.stop[0]));
        let along = walked * self.speed() - self.width_px() / 2.0;
        if self.is_to_the_left { WIDTH as f64 - along } else { along }
    }

    /// Its box if all of it is in the picture.
    pub(crate) fn bounds(&self, time: f64) -> Option<Rect> {
        let (x, half) = (self.centre_x(time), self.width_px() / 2.0);
        let is_inside = time >= self.enters_s && x - half >= 0.0 && x + half <= WIDTH as f64;
        is_inside.then(|| Rect {
            x: (x - half) as u32,
            y: (self.lane_px - self.height_px) as u32,
            width: self.width_px() as u32,
            height: self.height_px as u32,
        })
    }

    /// A head, a trunk, and legs that swing.
    pub(crate) fn draw(&self, canvas: &mut Canvas, covered: &[u8], time: f64) {
        if !(self.enters_s..self.leaves_s()).contains(&time) {
            return;
        }
        let (x, upper, half, height) =
            (self.centre_x(time), self.lane_px - self.height_px, self.width_px() / 2.0, self.height_px);
        let stride = 0.55 * (std::f64::consts::TAU * 0.9 * time).sin();
        let bounds = [x - half, upper, 2.0 * half, height];
        canvas.change(bounds, |column, row, was| {
            let (across, down) = ((column - x) / half, (row - upper) / height);
            let leg = |side: f64| (across - side * stride * (down - 0.55) / 0.45 - 0.2 * side).abs() < 0.34;
            let (covers, part) = if down < 0.16 {
                ((across / 0.42).powi(2) + ((down - 0.08) / 0.08).powi(2) <= 1.0, 0.8)
            } else if down < 0.58 {
                ((across / 0.8).powi(4) + ((down - 0.36) / 0.24).powi(4) <= 1.0, 1.0)
            } else {
                (leg(1.0) || leg(-1.0), 1.0)
            };
            let behind = f64::from(covered[row as usize * WIDTH + column as usize]);
            // What is as bright as can be has only darker things before it.
            let difference = if behind + self.difference > 250.0 { -self.difference } else { self.difference };
            if covers { (behind + part * difference).max(0.0) } else { was }
        });
    }
}

/// The crossings of `count` companies, and when the last is over.
pub(crate) fn timetable(company: Company, contrast: f64, count: u32, random: &mut Random) -> (Vec<Person>, f64) {
    let (mut people, mut time) = (Vec::new(), 4.0);
    for number in 0..count {
        time += PAUSE_S + random.between(0.0, 2.0);
        let height_px = HEIGHT as f64 / random.between(4.0, 8.0);
        let one = Person {
            enters_s: time,
            height_px,
            difference: if number % 2 == 0 { -contrast } else { contrast },
            lane_px: random.between(0.5, 0.93) * HEIGHT as f64,
            is_to_the_left: random.unit() < 0.5,
            pace: random.between(0.7, 1.1),
            stop: [0.0, 0.0],
        };
        let other = |later: f64, lower: f64| Person {
            enters_s: one.enters_s + later,
            lane_px: (one.lane_px + lower * height_px).min(HEIGHT as f64 - 1.0),
            ..one
        };
        match company {
            Company::Alone => people.push(one),
            Company::PairThatCrosses => {
                let lower = random.between(-0.1, 0.1);
                people.extend([one, Person { is_to_the_left: !one.is_to_the_left, ..other(0.0, lower) }]);
            }
            Company::Group => people.extend([one, other(0.55, 0.04), other(1.1, -0.03)]),
            Company::Stops => {
                let walks_s = one.leaves_s() - one.enters_s;
                people.push(Person { stop: [random.between(0.25, 0.75) * walks_s, random.between(5.0, 9.0)], ..one });
            }
        }
        time = people.iter().map(Person::leaves_s).fold(time, f64::max);
    }
    (people, time + PAUSE_S)
}

//! A thing of known size and contrast that crosses the picture: the truth that is looked for.

use fovea::message::Rect;

use crate::picture::SIZE;

/// It crosses from left to right and back, of a pedestrian's shape and pace.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Walker {
    pub(crate) height_px: f64,
    /// Grey levels between it and the mean of what it covers: two crossings darker, two brighter.
    pub(crate) contrast: f64,
    /// How long it stops half way.
    pub(crate) stops_s: f64,
}

/// Where the walker is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Truth {
    Nobody,
    /// Only a part of it is in the picture, yet or still.
    AtTheEdge(Rect),
    Walker(Rect),
}

impl Truth {
    pub(crate) fn bounds(self) -> Option<Rect> {
        match self {
            Self::Nobody => None,
            Self::AtTheEdge(bounds) | Self::Walker(bounds) => Some(bounds),
        }
    }
}

/// The time between two crossings: longer than the hold time, so that each is an event of its own.
const PAUSE_S: f64 = 6.0;

/// Where it walks, as parts of the picture's height.
const LANES: [f64; 5] = [0.72, 0.5, 0.8, 0.6, 0.3];

impl Walker {
    fn width_px(self) -> f64 {
        0.4 * self.height_px
    }

    /// Pixels a second: 0.8 of its height.
    fn pace(self) -> f64 {
        0.8 * self.height_px
    }

    fn walks_s(self) -> f64 {
        (f64::from(SIZE.width_px) + self.width_px()) / self.pace()
    }

    /// From one entering to the next.
    pub(crate) fn crossing_s(self) -> f64 {
        PAUSE_S + self.walks_s() + self.stops_s
    }

    /// How long after a crossing's begin it stops.
    pub(crate) fn stops_at_s(self) -> f64 {
        PAUSE_S + self.walks_s() / 2.0
    }

    fn crossing(self, time: f64) -> usize {
        (time / self.crossing_s()) as usize
    }

    /// Its centre, which is to the left of the picture before a crossing.
    fn centre(self, time: f64) -> (f64, f64) {
        let since_entering = time % self.crossing_s() - PAUSE_S;
        let half_way = self.walks_s() / 2.0;
        let walked = since_entering.min((since_entering - self.stops_s).max(half_way));
        let along = walked * self.pace() - self.width_px() / 2.0;
        let x = if self.crossing(time).is_multiple_of(2) { along } else { f64::from(SIZE.width_px) - along };
        (x, LANES[self.crossing(time) % LANES.len()] * f64::from(SIZE.height_px))
    }

    /// Grey levels that it differs by.
    pub(crate) fn difference(self, time: f64) -> f64 {
        if self.crossing(time) % 4 < 2 { -self.contrast } else { self.contrast }
    }

    /// Whether it covers a pixel: it is a superellipse, between an ellipse and a box, as bodies are.
    pub(crate) fn covers(self, time: f64, column: u32, row: u32) -> bool {
        let (x, y) = self.centre(time);
        let across = (f64::from(column) - x) / (self.width_px() / 2.0);
        let down = (f64::from(row) - y) / (self.height_px / 2.0);
        across.powi(4) + down.powi(4) <= 1.0
    }

    pub(crate) fn truth(self, time: f64) -> Truth {
        let (x, y) = self.centre(time);
        let within = |at: f64, most: u32| at.ceil().clamp(0.0, f64::from(most)) as u32;
        let [left, right] = [-0.5, 0.5].map(|part| within(x + part * self.width_px(), SIZE.width_px));
        let [upper, lower] = [-0.5, 0.5].map(|part| within(y + part * self.height_px, SIZE.height_px));
        let bounds = Rect { x: left, y: upper, width: right - left, height: lower - upper };
        if bounds.width == 0 {
            Truth::Nobody
        } else if f64::from(bounds.width) < 0.9 * self.width_px() {
            Truth::AtTheEdge(bounds)
        } else {
            Truth::Walker(bounds)
        }
    }
}

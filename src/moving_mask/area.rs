//! A box that moves, and may leave the picture.

use crate::{frame::Size, message::Rect};

/// A box, in pixels of a picture, which it may leave.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Area {
    pub(super) low: [f64; 2],
    pub(super) high: [f64; 2],
}

impl Area {
    pub(super) fn of(Rect { x, y, width, height }: Rect) -> Self {
        let (low, sides) = ([x, y].map(f64::from), [width, height].map(f64::from));
        Self { low, high: [0, 1].map(|axis| low[axis] + sides[axis]) }
    }

    /// Longer on each side by this part of its length.
    pub(super) fn grown(self, part: f64) -> Self {
        let by = [0, 1].map(|axis| (self.high[axis] - self.low[axis]) * part);
        let (low, high) = ([0, 1].map(|axis| self.low[axis] - by[axis]), [0, 1].map(|axis| self.high[axis] + by[axis]));
        Self { low, high }
    }

    /// Around where it is and where it would be, moved by this.
    pub(super) fn swept(self, by: [f64; 2]) -> Self {
        let low = [0, 1].map(|axis| self.low[axis] + by[axis].min(0.0));
        let high = [0, 1].map(|axis| self.high[axis] + by[axis].max(0.0));
        Self { low, high }
    }

    /// Around where it can be if it is a part of what was `before` and is `now`. If that only moved, it moved alike; if its
    /// sides moved differently, because it came nearer, merged with another, or is seen in part, it moved as one of them or as
    /// anything between.
    pub(super) fn carried(self, before: Self, now: Self) -> Self {
        let shifts = [0, 1].map(|axis| [now.low[axis] - before.low[axis], now.high[axis] - before.high[axis]]);
        let low = [0, 1].map(|axis| self.low[axis] + shifts[axis][0].min(shifts[axis][1]));
        let high = [0, 1].map(|axis| self.high[axis] + shifts[axis][0].max(shifts[axis][1]));
        Self { low, high }
    }

    /// Around both.
    pub(super) fn around(self, other: Self) -> Self {
        let low = [0, 1].map(|axis| self.low[axis].min(other.low[axis]));
        Self { low, high: [0, 1].map(|axis| self.high[axis].max(other.high[axis])) }
    }

    /// Whether it is so far from where the other is that it does not touch it.
    pub(super) fn is_beyond(self, other: Self) -> bool {
        [0, 1].into_iter().any(|axis| self.low[axis] > other.high[axis] || self.high[axis] < other.low[axis])
    }

    pub(super) fn middle(self) -> [f64; 2] {
        [0, 1].map(|axis| f64::midpoint(self.low[axis], self.high[axis]))
    }

    pub(super) fn longer(self) -> f64 {
        (self.high[0] - self.low[0]).max(self.high[1] - self.low[1])
    }

    /// In square pixels.
    pub(super) fn size(self) -> f64 {
        (self.high[0] - self.low[0]) * (self.high[1] - self.low[1])
    }

    pub(super) fn has(self, point: [f64; 2]) -> bool {
        [0, 1].into_iter().all(|axis| (self.low[axis]..=self.high[axis]).contains(&point[axis]))
    }

    pub(super) fn is_in(self, other: Self) -> bool {
        other.has(self.low) && other.has(self.high)
    }

    /// How much both share, as a part of the smaller one.
    pub(super) fn shares(self, other: Self) -> f64 {
        let along =
            |axis: usize| (self.high[axis].min(other.high[axis]) - self.low[axis].max(other.low[axis])).max(0.0);
        let smaller = self.size().min(other.size());
        if smaller > 0.0 { along(0) * along(1) / smaller } else { 0.0 }
    }

    /// The pixels of the picture that it covers a part of, if there are any.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "inside of a picture; the cast saturates"
    )]
    pub(super) fn rect(self, full: Size) -> Option<Rect> {
        let along = |axis: usize, of: u32| {
            let low = self.low[axis].floor().clamp(0.0, f64::from(of)) as u32;
            let high = self.high[axis].ceil().clamp(0.0, f64::from(of)) as u32;
            (low < high).then_some((low, high - low))
        };
        let ((x, width), (y, height)) = (along(0, full.width_px)?, along(1, full.height_px)?);
        Some(Rect { x, y, width, height })
    }
}

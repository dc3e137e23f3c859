//! Where something moves all the time that is no body: leaves, water, a web, rain.
//!
//! The picture is a grid of cells. A cell remembers for which part of the last time a box lay over it whose track is not
//! plausible. What it learns in a time follows the captures, not the number of frames.

use std::time::Duration;

use crate::{frame::Size, message::Rect};

const COLUMNS: usize = 32;
const ROWS: usize = 24;

/// Seconds in which a habit comes, and in which it goes.
const COMES_S: f32 = 12.0;
const GOES_S: f32 = 90.0;

/// The part of the time from which on it is a habit.
const HABIT: f32 = 0.2;

/// The longest time that one frame speaks for.
const LONGEST: Duration = Duration::from_secs(1);

/// The cells of one camera.
#[derive(Debug)]
pub(super) struct Habits {
    cells: Vec<f32>,
    full: Size,
}

impl Habits {
    /// Nothing moves all the time.
    pub(super) fn new() -> Self {
        Self { cells: vec![0.0; COLUMNS * ROWS], full: Size { width_px: 0, height_px: 0 } }
    }

    /// Begins a frame of the size `full`, so long after the last.
    pub(super) fn begin(&mut self, full: Size, passed: Duration) {
        if self.full != full {
            *self = Self { full, ..Self::new() };
        }
        let goes = 1.0 - passed.min(LONGEST).as_secs_f32() / GOES_S;
        self.cells.iter_mut().for_each(|cell| *cell *= goes);
    }

    /// Learns that something implausible was in this box for so long. No faster in a new scene: whoever puts the camera up walks
    /// to and fro in front of it.
    pub(super) fn learn(&mut self, bounds: Rect, passed: Duration) {
        let comes = passed.min(LONGEST).as_secs_f32() / COMES_S;
        let [rows, columns] = self.cells_of(bounds);
        for row in rows {
            self.cells[row * COLUMNS..][columns.clone()].iter_mut().for_each(|cell| *cell += comes * (1.0 - *cell));
        }
    }

    /// Whether something often moves in this box.
    pub(super) fn has(&self, bounds: Rect) -> bool {
        let [rows, columns] = self.cells_of(bounds);
        let all = rows.len() * columns.len();
        let often = rows.flat_map(|row| &self.cells[row * COLUMNS..][columns.clone()]).filter(|cell| **cell >= HABIT);
        2 * often.count() > all
    }

    fn cells_of(&self, bounds: Rect) -> [std::ops::Range<usize>; 2] {
        let span = |from: u32, length: u32, full: u32, cells: usize| {
            let cell =
                |at: u32| usize::try_from(u64::from(at) * cells as u64 / u64::from(full.max(1))).unwrap_or(cells);
            let first = cell(from).min(cells - 1);
            first..(cell(from.saturating_add(length).saturating_sub(1)) + 1).clamp(first + 1, cells)
        };
        let Size { width_px, height_px } = self.full;
        [span(bounds.y, bounds.height, height_px, ROWS), span(bounds.x, bounds.width, width_px, COLUMNS)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: Size = Size { width_px: 640, height_px: 480 };
    const TREE: Rect = Rect { x: 100, y: 100, width: 80, height: 100 };

    #[test]
    fn what_moves_all_the_time_is_a_habit_and_is_forgotten() {
        let mut habits = Habits::new();
        let pass = |habits: &mut Habits, seconds: u32, moves: bool| {
            for _ in 0..seconds * 10 {
                let passed = Duration::from_millis(100);
                habits.begin(FULL, passed);
                if moves {
                    habits.learn(TREE, passed);
                }
            }
        };
        pass(&mut habits, 1, true);
        assert!(!habits.has(TREE), "somebody who passes");
        pass(&mut habits, 20, true);
        assert!(habits.has(TREE));
        assert!(!habits.has(Rect { x: 400, ..TREE }), "it is elsewhere");
        pass(&mut habits, 600, false);
        assert!(!habits.has(TREE), "the wind is over");
    }

    #[test]
    fn boxes_may_lie_anywhere() {
        let mut habits = Habits::new();
        for full in [FULL, Size { width_px: 1, height_px: 1 }] {
            habits.begin(full, Duration::ZERO);
            for at in [0, 639, u32::MAX] {
                let bounds = Rect { x: at, y: at, width: at, height: 0 };
                habits.learn(bounds, LONGEST);
                habits.has(bounds);
            }
        }
    }
}

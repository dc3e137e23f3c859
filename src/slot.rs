//! The slot: where the newest frame of each camera waits for the processor. One lock, one event.
//!
//! Publish: lock, swap the pointer, set the event. Take: wait for the event, lock, take the pointer, clear the
//! event. Work happens outside the lock. A cell's event is its own fullness: a waiting frame *is* the set event.
//!
//! `tests/slot_model.rs` runs this very file through every interleaving of its threads.

use std::time::Instant;

use crate::sync::{Condvar, Mutex};

/// One cell per camera; in each the newest frame wins.
#[derive(Debug)]
pub struct Slot<T> {
    cells: Mutex<Cells<T>>,
    ready: Condvar,
}

/// What [`Slot::take`] came back with.
#[derive(Debug, PartialEq, Eq)]
pub enum Take<T> {
    /// The newest frame of a camera, and how many of that camera's were superseded since its last one was taken.
    Frame(T, u64),
    /// The time was up before a frame came.
    TimedOut,
    /// The slot was closed: no frame will come any more.
    Closed,
}

/// What became of a camera's frames so far: `published = taken + superseded + waiting`, at all times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Frames that came in.
    pub published: u64,
    /// Frames the processor took.
    pub taken: u64,
    /// Frames replaced by a newer one before the processor took them.
    pub superseded: u64,
    /// Frames in the cell now: 0 or 1.
    pub waiting: u64,
}

impl<T> Slot<T> {
    /// A slot with an empty cell for each of `cameras` cameras.
    #[must_use]
    pub fn new(cameras: usize) -> Self {
        let cells = (0..cameras).map(|_| Cell::default()).collect();
        Self { cells: Mutex::new(Cells { cells, takes: 0, closed: false }), ready: Condvar::new() }
    }

    /// Adds an empty cell for one more camera, and gives its number. No number is ever given twice.
    pub fn open(&self) -> usize {
        let cells = &mut self.cells.lock().cells;
        cells.push(Cell::default());
        cells.len() - 1
    }

    /// Lets no more frames into a camera's cell. One that waits there is still taken.
    pub fn shut(&self, camera: usize) {
        self.cells.lock().cells[camera].shut = true;
    }

    /// Puts `frame` into its camera's cell and returns what is not to be looked at, for the caller to drop: the unread
    /// frame it superseded, or `frame` itself if the cell is shut.
    ///
    /// Never waits for the processor: the lock is only ever held to exchange a pointer.
    pub fn publish(&self, camera: usize, frame: T) -> Option<T> {
        let superseded = self.cells.lock().cells[camera].swap(frame);
        self.ready.notify_one();
        superseded
    }

    /// Takes the newest frame of the ready camera that has waited longest since it was last served; blocks until
    /// there is one, until the time given, or until the slot is closed.
    pub fn take(&self, until: Option<Instant>) -> Take<T> {
        let mut cells = self.cells.lock();
        let mut time_is_up = false;
        loop {
            if cells.closed {
                return Take::Closed;
            }
            if let Some((frame, superseded)) = cells.take() {
                return Take::Frame(frame, superseded);
            }
            if time_is_up {
                return Take::TimedOut;
            }
            match until {
                Some(until) => time_is_up = self.ready.wait_until(&mut cells, until).timed_out(),
                None => self.ready.wait(&mut cells),
            }
        }
    }

    /// Ends every `take`, now and later.
    pub fn close(&self) {
        self.cells.lock().closed = true;
        self.ready.notify_all();
    }

    /// What became of a camera's frames so far.
    pub fn counts(&self, camera: usize) -> Counts {
        self.cells.lock().cells[camera].counts()
    }
}

#[derive(Debug)]
struct Cells<T> {
    cells: Vec<Cell<T>>,
    takes: u64,
    closed: bool,
}

impl<T> Cells<T> {
    /// The ready frame whose camera was served longest ago.
    fn take(&mut self) -> Option<(T, u64)> {
        let next = self.cells.iter_mut().filter(|cell| cell.waiting.is_some()).min_by_key(|cell| cell.served)?;
        self.takes += 1;
        next.take(self.takes)
    }
}

#[derive(Debug)]
struct Cell<T> {
    waiting: Option<T>,
    shut: bool,
    taken: u64,
    superseded: u64,
    superseded_before: u64, // as it stood at the last take
    served: u64,            // the number of the last take that served this camera
}

impl<T> Default for Cell<T> {
    fn default() -> Self {
        Self { waiting: None, shut: false, taken: 0, superseded: 0, superseded_before: 0, served: 0 }
    }
}

impl<T> Cell<T> {
    fn swap(&mut self, frame: T) -> Option<T> {
        if self.shut {
            return Some(frame);
        }
        let unread = self.waiting.replace(frame);
        self.superseded += u64::from(unread.is_some());
        unread
    }

    fn take(&mut self, number: u64) -> Option<(T, u64)> {
        let frame = self.waiting.take()?;
        let superseded = self.superseded - self.superseded_before;
        self.superseded_before = self.superseded;
        self.taken += 1;
        self.served = number;
        Some((frame, superseded))
    }

    fn counts(&self) -> Counts {
        let Self { taken, superseded, .. } = *self;
        let waiting = u64::from(self.waiting.is_some());
        Counts { published: taken + superseded + waiting, taken, superseded, waiting }
    }
}

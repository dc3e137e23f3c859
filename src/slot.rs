//! The slot: where the newest frame of each camera waits for the processor. One lock, one event.
//!
//! Publish: lock, swap the pointer, set the event. Take: wait for the event, lock, take the pointer, clear the
//! event. Work happens outside the lock. A cell's event is its own fullness: a waiting frame *is* the set event.
//!
//! Cameras share the processor by time, not by frames: `take` serves the ready cell that has used the least processor
//! time, as start-time fair queueing has it (Goyal, Vin and Cheng, 1996). A cell that was empty begins where the
//! others are, so nobody saves up; a cell whose frames are costly waits longer for its next turn.
//!
//! `tests/slot_model.rs` runs this very file through every interleaving of its threads.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use crate::sync::{Condvar, Mutex};

/// One cell per camera; in each the newest frame wins.
#[derive(Debug)]
pub struct Slot<T> {
    cells: Mutex<Cells<T>>,
    ready: Condvar,
}

/// A camera's place in a slot, and the only way into it. Dropping it gives the cell back, once a frame that still waits
/// there is taken.
pub struct Cell<T> {
    id: CellId,
    slot: Arc<Slot<T>>,
    counters: Arc<Counters>,
}

/// Which cell a frame was taken from. No two cells of a slot ever have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CellId(u64);

/// What [`Slot::take`] came back with.
#[derive(Debug, PartialEq, Eq)]
pub enum Take<T> {
    /// The newest frame of a cell.
    Frame {
        /// Whose.
        cell: CellId,
        /// The frame.
        frame: T,
        /// Frames of this cell that were superseded since its last one was taken.
        superseded: u64,
    },
    /// The deadline came before a frame, or somebody woke the processor.
    NoFrame,
    /// The slot was closed: no frame will come any more.
    Closed,
}

/// What became of a cell's frames so far: `published = taken + superseded + waiting`, at all times.
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
    /// A slot without cells.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self { cells: Mutex::new(Cells::default()), ready: Condvar::new() })
    }

    /// Adds an empty cell.
    pub fn open(self: &Arc<Self>) -> Cell<T> {
        let counters = Arc::default();
        let id = self.cells.lock().open(&counters);
        Cell { id, slot: self.clone(), counters }
    }

    /// Takes the newest frame of the ready cell that has used the least time; blocks until there is one, until the
    /// deadline, until it is woken, or until the slot is closed. `cost` is the time that the frame taken before took to look at.
    pub fn take(&self, cost: Duration, deadline: Option<Instant>) -> Take<T> {
        let mut cells = self.cells.lock();
        cells.charge(cost);
        let mut time_is_up = false;
        loop {
            if cells.closed {
                return Take::Closed;
            }
            if let Some(frame) = cells.take() {
                return frame;
            }
            if time_is_up || cells.woken {
                cells.woken = false;
                return Take::NoFrame;
            }
            match deadline {
                Some(deadline) => time_is_up = self.ready.wait_until(&mut cells, deadline).timed_out(),
                None => self.ready.wait(&mut cells),
            }
        }
    }

    /// Ends a `take` without a frame, the one that waits or the next: there is something else to do.
    pub fn wake(&self) {
        self.cells.lock().woken = true;
        self.ready.notify_one();
    }

    /// Ends every `take`, now and later.
    pub fn close(&self) {
        self.cells.lock().closed = true;
        self.ready.notify_all();
    }
}

impl<T> Cell<T> {
    /// Which one it is.
    #[must_use]
    pub fn id(&self) -> CellId {
        self.id
    }

    /// Puts `frame` in and returns what is not to be looked at, for the caller to drop: the unread frame it superseded,
    /// or `frame` itself if the cell is shut.
    ///
    /// Never waits for the processor: the lock is only ever held to exchange a pointer.
    pub fn publish(&self, frame: T) -> Option<T> {
        let superseded = self.slot.cells.lock().publish(self.id, frame);
        self.slot.ready.notify_one();
        superseded
    }

    /// Lets no more frames in. One that waits is still taken.
    pub fn shut(&self) {
        self.slot.cells.lock().shut(self.id);
    }

    /// What became of its frames so far. Takes no lock.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counters.counts()
    }
}

impl<T> Drop for Cell<T> {
    fn drop(&mut self) {
        self.slot.cells.lock().give_back(self.id);
    }
}

impl<T> fmt::Debug for Cell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cell").field("id", &self.id).field("counts", &self.counts()).finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Cells<T> {
    /// By their ids, which only grow.
    cells: Vec<CellState<T>>,
    opened: u64,
    takes: u64,
    /// The cell whose frame is being looked at.
    serving: Option<CellId>,
    /// Where in its own time that cell was when it was served: newly ready cells begin there.
    virtual_time: Duration,
    woken: bool,
    closed: bool,
}

#[derive(Debug)]
struct CellState<T> {
    id: CellId,
    waiting: Option<T>,
    is_shut: bool,
    is_given_back: bool,
    counters: Arc<Counters>,
    superseded_before: u64, // as it stood at the last take
    used: Duration,         // processor time, moved up to the others' whenever it had been empty
    served: u64,            // the number of the last take that served it
}

impl<T> Default for Cells<T> {
    fn default() -> Self {
        let (opened, takes, virtual_time) = (0, 0, Duration::ZERO);
        Self { cells: Vec::new(), opened, takes, serving: None, virtual_time, woken: false, closed: false }
    }
}

impl<T> Cells<T> {
    fn open(&mut self, counters: &Arc<Counters>) -> CellId {
        let (id, counters) = (CellId(self.opened), counters.clone());
        self.opened += 1;
        self.cells.push(CellState {
            id,
            waiting: None,
            is_shut: false,
            is_given_back: false,
            counters,
            superseded_before: 0,
            used: Duration::ZERO,
            served: 0,
        });
        id
    }

    fn index(&self, id: CellId) -> Option<usize> {
        self.cells.binary_search_by_key(&id, |cell| cell.id).ok()
    }

    fn publish(&mut self, id: CellId, frame: T) -> Option<T> {
        let (virtual_time, is_served) = (self.virtual_time, self.serving == Some(id));
        let index = self.index(id).expect("the handle keeps the cell");
        let cell = &mut self.cells[index];
        if cell.is_shut {
            return Some(frame);
        }
        let unread = cell.waiting.replace(frame);
        cell.counters.count_published(unread.is_some());
        // What is being served has a cost still to come; it is not empty.
        if unread.is_none() && !is_served {
            cell.used = cell.used.max(virtual_time);
        }
        unread
    }

    fn shut(&mut self, id: CellId) {
        if let Some(index) = self.index(id) {
            self.cells[index].is_shut = true;
        }
    }

    fn give_back(&mut self, id: CellId) {
        let Some(index) = self.index(id) else { return };
        let cell = &mut self.cells[index];
        (cell.is_shut, cell.is_given_back) = (true, true);
        if cell.waiting.is_none() {
            self.cells.remove(index);
        }
    }

    /// Charges the cell that was served with what its frame cost.
    fn charge(&mut self, cost: Duration) {
        if let Some(index) = self.serving.take().and_then(|id| self.index(id)) {
            self.cells[index].used += cost;
        }
    }

    /// The ready frame whose cell has used the least time; of several the one served longest ago.
    fn take(&mut self) -> Option<Take<T>> {
        let ready = self.cells.iter().enumerate().filter(|(_, cell)| cell.waiting.is_some());
        let (index, _) = ready.min_by_key(|(_, cell)| (cell.used, cell.served))?;
        self.takes += 1;
        let cell = &mut self.cells[index];
        let frame = cell.waiting.take()?;
        cell.counters.count_taken();
        let all = cell.counters.superseded();
        let superseded = all - std::mem::replace(&mut cell.superseded_before, all);
        cell.served = self.takes;
        let id = cell.id;
        (self.serving, self.virtual_time) = (Some(id), cell.used);
        if cell.is_given_back {
            self.cells.remove(index);
        }
        Some(Take::Frame { cell: id, frame, superseded })
    }
}

/// A cell's counters: written under the slot's lock, read without it.
///
/// Each change is one store, so that what is read adds up at every moment. Relaxed: nothing else is read because of it.
#[derive(Debug, Default)]
struct Counters {
    superseded: AtomicU64,
    /// Twice the frames taken, and one more while a frame waits.
    taken_and_waiting: AtomicU64,
}

impl Counters {
    fn count_published(&self, has_superseded: bool) {
        if has_superseded {
            self.superseded.store(self.superseded() + 1, Ordering::Relaxed);
        } else {
            self.taken_and_waiting.store(self.taken_and_waiting.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        }
    }

    fn count_taken(&self) {
        self.taken_and_waiting.store(self.taken_and_waiting.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    fn superseded(&self) -> u64 {
        self.superseded.load(Ordering::Relaxed)
    }

    fn counts(&self) -> Counts {
        let superseded = self.superseded();
        let taken_and_waiting = self.taken_and_waiting.load(Ordering::Relaxed);
        let (taken, waiting) = (taken_and_waiting / 2, taken_and_waiting % 2);
        Counts { published: taken + superseded + waiting, taken, superseded, waiting }
    }
}

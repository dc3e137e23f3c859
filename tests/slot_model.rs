//! The slot's own source, not a copy of it, run through every interleaving of its threads with loom.
//!
//! `src/slot.rs` names its lock and event `crate::sync`. Included here, that is the module below, made of loom's;
//! in the daemon it is parking_lot. So what is proved is what ships.

#[path = "../src/slot.rs"]
#[expect(unreachable_pub, reason = "public in the library, private in this test")]
mod slot;

/// parking_lot's shape around loom's lock and condition variable.
mod sync {
    use std::{
        ops::{Deref, DerefMut},
        time::Instant,
    };

    #[derive(Debug)]
    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    pub(crate) struct Guard<'a, T> {
        mutex: &'a Mutex<T>,
        held: Option<loom::sync::MutexGuard<'a, T>>,
    }

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> Guard<'_, T> {
            Guard { mutex: self, held: self.0.lock().ok() }
        }
    }

    impl<T> Deref for Guard<'_, T> {
        type Target = T;
        fn deref(&self) -> &T {
            self.held.as_ref().expect("only a wait lets go")
        }
    }

    impl<T> DerefMut for Guard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            self.held.as_mut().expect("only a wait lets go")
        }
    }

    #[derive(Debug)]
    pub(crate) struct Condvar(loom::sync::Condvar);

    pub(crate) struct WaitTimeoutResult;

    impl WaitTimeoutResult {
        /// In the model a timed wait is always one whose time was up: the harder case.
        pub(crate) fn timed_out(&self) -> bool {
            true
        }
    }

    impl Condvar {
        pub(crate) fn new() -> Self {
            Self(loom::sync::Condvar::new())
        }

        pub(crate) fn wait<T>(&self, guard: &mut Guard<'_, T>) {
            let held = guard.held.take().expect("only a wait lets go");
            guard.held = self.0.wait(held).ok();
        }

        /// Lets the lock go and takes it again, as a wait does, without needing the event to come back.
        pub(crate) fn wait_until<T>(&self, guard: &mut Guard<'_, T>, _until: Instant) -> WaitTimeoutResult {
            guard.held = None;
            loom::thread::yield_now();
            *guard = guard.mutex.lock();
            WaitTimeoutResult
        }

        pub(crate) fn notify_one(&self) {
            self.0.notify_one();
        }

        pub(crate) fn notify_all(&self) {
            self.0.notify_all();
        }
    }
}

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use loom::thread;
use slot::{Slot, Take};

const NOTHING: Duration = Duration::ZERO;

/// The next frame, and how many it superseded; `None` when the slot is closed.
fn next(slot: &Slot<u32>) -> Option<(u32, u64)> {
    match slot.take(NOTHING, None) {
        Take::Frame { frame, superseded, .. } => Some((frame, superseded)),
        Take::Closed => None,
        Take::NoFrame => unreachable!("no time was given"),
    }
}

/// Takes frames until the slot is closed: what the processor does. Gives what it took, and the superseded counts.
fn take_all(slot: &Slot<u32>) -> (Vec<u32>, u64) {
    let (mut taken, mut superseded) = (Vec::new(), 0);
    while let Some((frame, lost)) = next(slot) {
        taken.push(frame);
        superseded += lost;
    }
    (taken, superseded)
}

#[test]
fn the_newest_frame_is_always_taken() {
    loom::model(|| {
        let slot = Slot::new();
        let cell = Arc::new(slot.open());
        let source = thread::spawn({
            let cell = cell.clone();
            move || [1, 2].map(|frame| cell.publish(frame)).into_iter().flatten().collect::<Vec<_>>()
        });
        let mut taken = Vec::new();
        let mut superseded = 0;
        while taken.last() != Some(&2) {
            let (frame, lost) = next(&slot).expect("not closed");
            taken.push(frame);
            superseded += lost;
        }
        let displaced = source.join().unwrap();
        assert!(taken == [1, 2] && displaced.is_empty() || taken == [2] && displaced == [1]);
        let counts = cell.counts();
        assert_eq!((counts.published, counts.taken, counts.superseded), (2, taken.len() as u64, superseded));
        assert_eq!(superseded, displaced.len() as u64);
    });
}

#[test]
fn two_cameras_wake_one_processor_for_both() {
    loom::model(|| {
        let slot = Slot::new();
        let sources = [10, 11].map(|frame| {
            let cell = slot.open();
            thread::spawn(move || (cell.publish(frame), cell))
        });
        let mut taken = [(); 2].map(|()| match next(&slot) {
            Some((frame, 0)) => frame,
            other => unreachable!("nothing is superseded or closed: {other:?}"),
        });
        taken.sort_unstable();
        assert_eq!(taken, [10, 11]);
        for source in sources {
            assert_eq!(source.join().unwrap().0, None);
        }
    });
}

#[test]
fn close_wakes_a_waiting_processor() {
    loom::model(|| {
        let slot = Slot::new();
        let cell = slot.open();
        let processor = thread::spawn({
            let slot = slot.clone();
            move || take_all(&slot)
        });
        cell.publish(1);
        slot.close();
        let (taken, _) = processor.join().unwrap();
        let counts = cell.counts();
        assert_eq!(counts.taken, taken.len() as u64);
        assert_eq!(counts.published, counts.taken + counts.superseded + counts.waiting);
    });
}

#[test]
fn a_wait_that_times_out_loses_no_frame() {
    loom::model(|| {
        let slot = Slot::new();
        let cell = Arc::new(slot.open());
        let source = thread::spawn({
            let cell = cell.clone();
            move || cell.publish(1)
        });
        let first = slot.take(NOTHING, Some(Instant::now()));
        source.join().unwrap();
        match first {
            Take::Frame { frame, superseded, .. } => assert_eq!((frame, superseded), (1, 0)),
            Take::NoFrame => assert_eq!(next(&slot), Some((1, 0))),
            Take::Closed => unreachable!("nobody closes it"),
        }
    });
}

#[test]
fn who_is_woken_looks_up_and_loses_no_frame() {
    loom::model(|| {
        let slot = Slot::<u32>::new();
        let processor = thread::spawn({
            let slot = slot.clone();
            move || slot.take(NOTHING, None)
        });
        slot.wake();
        assert_eq!(processor.join().unwrap(), Take::NoFrame);
    });
    loom::model(|| {
        let slot = Slot::new();
        let cell = slot.open();
        let processor = thread::spawn({
            let slot = slot.clone();
            move || [slot.take(NOTHING, None), slot.take(NOTHING, None)].map(|take| take == Take::NoFrame)
        });
        slot.wake();
        cell.publish(1);
        let looked_up = processor.join().unwrap();
        assert_ne!(looked_up[0], looked_up[1], "one of them is the frame");
    });
}

#[test]
fn a_cell_opened_while_the_processor_waits_is_served() {
    loom::model(|| {
        let slot = Slot::new();
        let reload = thread::spawn({
            let slot = slot.clone();
            move || {
                let cell = slot.open();
                (cell.publish(7), cell)
            }
        });
        let take = slot.take(NOTHING, None);
        let (displaced, cell) = reload.join().unwrap();
        assert_eq!(take, Take::Frame { cell: cell.id(), frame: 7, superseded: 0 });
        assert_eq!((displaced, cell.counts().taken), (None, 1));
    });
}

#[test]
fn a_shut_cell_lets_no_frame_in_and_loses_none() {
    loom::model(|| {
        let slot = Slot::new();
        let cell = Arc::new(slot.open());
        let source = thread::spawn({
            let cell = cell.clone();
            move || [1, 2].map(|frame| (frame, cell.publish(frame)))
        });
        let processor = thread::spawn({
            let slot = slot.clone();
            move || take_all(&slot)
        });
        cell.shut();
        let counts = cell.counts();
        let published = source.join().unwrap();
        slot.close();
        let (taken, _) = processor.join().unwrap();

        let handed_back = published.iter().filter(|(frame, back)| *back == Some(*frame)).count() as u64;
        let after = cell.counts();
        assert_eq!(after.published, counts.published, "none came in after it was shut");
        assert_eq!(after.published + handed_back, 2);
        assert_eq!(after.taken, taken.len() as u64);
    });
}

#[test]
fn a_cell_given_back_loses_none_of_its_frames() {
    loom::model(|| {
        let slot = Slot::new();
        let (gone, kept) = (slot.open(), slot.open());
        let source = thread::spawn(move || {
            gone.publish(1);
            drop(gone);
        });
        kept.publish(2);
        let mut taken = [next(&slot), next(&slot)];
        taken.sort_unstable();
        assert_eq!(taken, [Some((1, 0)), Some((2, 0))]);
        source.join().unwrap();
        assert_eq!(format!("{slot:?}").matches("is_shut:").count(), 1, "one cell is left");
    });
}

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

use loom::{sync::Arc, thread};
use slot::{Slot, Take};

/// Takes frames until the slot is closed: what the processor does. Gives what it took, and the superseded counts.
fn take_all(slot: &Slot<u32>) -> (Vec<u32>, u64) {
    let (mut taken, mut superseded) = (Vec::new(), 0);
    while let Take::Frame(frame, lost) = slot.take(None) {
        taken.push(frame);
        superseded += lost;
    }
    (taken, superseded)
}

#[test]
fn the_newest_frame_is_always_taken() {
    loom::model(|| {
        let slot = Arc::new(Slot::new(1));
        let source = thread::spawn({
            let slot = slot.clone();
            move || [1, 2].map(|frame| slot.publish(0, frame)).into_iter().flatten().collect::<Vec<_>>()
        });
        let mut taken = Vec::new();
        let mut superseded = 0;
        while taken.last() != Some(&2) {
            let Take::Frame(frame, lost) = slot.take(None) else { unreachable!("not closed, no time given") };
            taken.push(frame);
            superseded += lost;
        }
        let displaced = source.join().unwrap();
        assert!(taken == [1, 2] && displaced.is_empty() || taken == [2] && displaced == [1]);
        let counts = slot.counts(0);
        assert_eq!((counts.published, counts.taken, counts.superseded), (2, taken.len() as u64, superseded));
        assert_eq!(superseded, displaced.len() as u64);
    });
}

#[test]
fn two_cameras_wake_one_processor_for_both() {
    loom::model(|| {
        let slot = Arc::new(Slot::new(2));
        let sources = [0, 1].map(|camera| {
            let slot = slot.clone();
            thread::spawn(move || slot.publish(camera, 10 + u32::try_from(camera).unwrap()))
        });
        let mut taken = [(); 2].map(|()| match slot.take(None) {
            Take::Frame(frame, 0) => frame,
            other => unreachable!("nothing is superseded, closed or timed: {other:?}"),
        });
        taken.sort_unstable();
        assert_eq!(taken, [10, 11]);
        assert_eq!(sources.map(|source| source.join().unwrap()), [None, None]);
    });
}

#[test]
fn close_wakes_a_waiting_processor() {
    loom::model(|| {
        let slot = Arc::new(Slot::new(1));
        let processor = thread::spawn({
            let slot = slot.clone();
            move || take_all(&slot)
        });
        slot.publish(0, 1);
        slot.close();
        let (taken, _) = processor.join().unwrap();
        let counts = slot.counts(0);
        assert_eq!(counts.taken, taken.len() as u64);
        assert_eq!(counts.published, counts.taken + counts.superseded + counts.waiting);
    });
}

#[test]
fn a_wait_that_times_out_loses_no_frame() {
    loom::model(|| {
        let slot = Arc::new(Slot::new(1));
        let source = thread::spawn({
            let slot = slot.clone();
            move || slot.publish(0, 1)
        });
        let first = slot.take(Some(std::time::Instant::now()));
        source.join().unwrap();
        match first {
            Take::Frame(frame, 0) => assert_eq!(frame, 1),
            Take::TimedOut => assert_eq!(slot.take(None), Take::Frame(1, 0)),
            other => unreachable!("{other:?}"),
        }
    });
}

#[test]
fn a_cell_opened_while_the_processor_waits_is_served() {
    loom::model(|| {
        let slot = Arc::new(Slot::new(1));
        let reload = thread::spawn({
            let slot = slot.clone();
            move || slot.publish(slot.open(), 7)
        });
        assert_eq!(slot.take(None), Take::Frame(7, 0));
        assert_eq!(reload.join().unwrap(), None);
        assert_eq!(slot.counts(1).taken, 1);
    });
}

#[test]
fn a_shut_cell_lets_no_frame_in_and_loses_none() {
    loom::model(|| {
        let slot = Arc::new(Slot::new(1));
        let source = thread::spawn({
            let slot = slot.clone();
            move || [1, 2].map(|frame| (frame, slot.publish(0, frame)))
        });
        let processor = thread::spawn({
            let slot = slot.clone();
            move || take_all(&slot)
        });
        slot.shut(0);
        let counts = slot.counts(0);
        let published = source.join().unwrap();
        slot.close();
        let (taken, _) = processor.join().unwrap();

        let handed_back = published.iter().filter(|(frame, back)| *back == Some(*frame)).count() as u64;
        let after = slot.counts(0);
        assert_eq!(after.published, counts.published, "none came in after it was shut");
        assert_eq!(after.published + handed_back, 2);
        assert_eq!(after.taken, taken.len() as u64);
    });
}

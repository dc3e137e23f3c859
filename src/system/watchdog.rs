//! Checks whether the threads' loops still run. Only then does the daemon send systemd's watchdog pings.
//!
//! A loop records each round, also one in which its wait timed out: an absent camera or an idle port is not a fault. If a
//! call does not return, the loop stands still. Then the log names the thread, and systemd restarts the process.
//!
//! With `WatchdogSec=20` a loop waits for at most 5 s at a time and counts as standing still after 10 s, so its work may
//! take 5 s. Without further pings, systemd acts within another 20 s. Without a watchdog the waits are not limited.

use std::{
    cell::RefCell,
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use log::{error, info};

use super::clock::Monotonic;

/// Watches loops.
#[derive(Debug)]
pub struct Watchdog {
    /// After how long without a ping systemd acts; `None`: never, and no loop is watched.
    interval: Option<Duration>,
    watched: Vec<Watched>,
}

/// Which of the loops move.
#[derive(Debug, PartialEq, Eq)]
pub enum Liveness {
    /// There is no watchdog, and nobody looks.
    NotWatched,
    /// All.
    All,
    /// All but this one, if not more.
    Stalled(String),
}

/// A loop that is watched until its thread drops this.
#[derive(Debug)]
pub struct Heartbeat {
    name: String,
    /// How long it may wait at a time.
    pace: Option<Duration>,
    /// When it last went round, in microseconds since boot.
    beat_us: AtomicU64,
}

thread_local! {
    /// The heartbeat of the thread's loop.
    static OWN: RefCell<Weak<Heartbeat>> = const { RefCell::new(Weak::new()) };
}

/// Records that the calling thread moves although its loop does not go round: it waits for something that ends by itself. Does
/// nothing if its loop is not watched.
pub fn beat() {
    OWN.with_borrow(|own| own.upgrade().and_then(|own| own.beat()));
}

#[derive(Debug)]
struct Watched {
    heartbeat: Weak<Heartbeat>,
    stalled: bool,
}

impl Watchdog {
    /// A watchdog that acts after `interval` without a ping; `None` if systemd has none.
    #[must_use]
    pub fn new(interval: Option<Duration>) -> Self {
        Self { interval, watched: Vec::new() }
    }

    /// Watches a loop from now on.
    pub fn watch(&mut self, name: &str) -> Arc<Heartbeat> {
        let pace = self.interval.map(|interval| interval / 4);
        let beat_us = AtomicU64::new(Monotonic::now().as_micros());
        let heartbeat = Arc::new(Heartbeat { name: name.to_owned(), pace, beat_us });
        self.watched.push(Watched { heartbeat: Arc::downgrade(&heartbeat), stalled: false });
        heartbeat
    }

    /// Checks whether every loop moves. Logs those that begin to stand still or move again.
    pub fn check(&mut self) -> Liveness {
        self.check_at(Monotonic::now())
    }

    fn check_at(&mut self, now: Monotonic) -> Liveness {
        let Some(interval) = self.interval else { return Liveness::NotWatched };
        let limit = interval / 2;
        let mut moving = Liveness::All;
        self.watched.retain_mut(|watched| {
            let Some(heartbeat) = watched.heartbeat.upgrade() else { return false };
            let (name, still_for) = (&*heartbeat.name, heartbeat.still_for(now));
            let before = std::mem::replace(&mut watched.stalled, still_for >= limit);
            match (before, watched.stalled) {
                (false, true) => error!(
                    THREAD = name;
                    "the thread {name} stands still for {:.1} s; systemd restarts fovea unless it moves",
                    still_for.as_secs_f64()
                ),
                (true, false) => info!(THREAD = name; "the thread {name} moves again"),
                _ => {}
            }
            if watched.stalled {
                moving = Liveness::Stalled(heartbeat.name.clone());
            }
            true
        });
        moving
    }
}

impl Heartbeat {
    /// Makes it the calling thread's, for [`beat`].
    pub fn adopt(self: &Arc<Self>) {
        OWN.set(Arc::downgrade(self));
    }

    /// Records a round of the loop. Returns until when the loop may wait for its next work.
    pub fn beat(&self) -> Option<Instant> {
        let pace = self.pace?;
        // Relaxed: nothing but the number itself is passed on.
        self.beat_us.store(Monotonic::now().as_micros(), Ordering::Relaxed);
        Some(Instant::now() + pace)
    }

    fn still_for(&self, now: Monotonic) -> Duration {
        now.since(Monotonic::from_micros(self.beat_us.load(Ordering::Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_stands_still_after_half_the_interval_until_it_moves() {
        let mut watchdog = Watchdog::new(Some(Duration::from_secs(20)));
        let [listen, processor] = ["listen", "processor"].map(|name| watchdog.watch(name));
        let mut after = |seconds| watchdog.check_at(Monotonic::now().later(Duration::from_secs(seconds)));
        assert_eq!(after(9), Liveness::All);
        processor.beat_us.store(u64::MAX, Ordering::Relaxed);
        assert_eq!(after(10), Liveness::Stalled("listen".into()));
        listen.beat_us.store(u64::MAX, Ordering::Relaxed);
        assert_eq!(after(11), Liveness::All);
        let wait = processor.beat().unwrap().saturating_duration_since(Instant::now());
        assert!(wait <= Duration::from_secs(5), "{wait:?}");
        assert_eq!(after(9), Liveness::All);
    }

    #[test]
    fn a_thread_that_waits_inside_of_a_round_moves() {
        beat(); // nobody watches this thread
        let mut watchdog = Watchdog::new(Some(Duration::from_secs(20)));
        let heartbeat = watchdog.watch("processor");
        heartbeat.adopt();
        heartbeat.beat_us.store(0, Ordering::Relaxed);
        let later = Monotonic::from_micros(60_000_000);
        assert_eq!(watchdog.check_at(later), Liveness::Stalled("processor".into()));
        beat();
        assert_eq!(watchdog.check_at(Monotonic::now()), Liveness::All);
    }

    #[test]
    fn a_loop_that_ended_is_no_concern() {
        let mut watchdog = Watchdog::new(Some(Duration::from_secs(20)));
        drop(watchdog.watch("cam-door"));
        assert_eq!(watchdog.check_at(Monotonic::now().later(Duration::from_secs(60))), Liveness::All);
    }

    #[test]
    fn without_a_watchdog_nothing_is_watched_and_nobody_wakes() {
        let mut watchdog = Watchdog::new(None);
        assert_eq!(watchdog.watch("processor").beat(), None);
        assert_eq!(watchdog.check_at(Monotonic::now().later(Duration::from_secs(60))), Liveness::NotWatched);
    }
}

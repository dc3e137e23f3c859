//! Pictures are made into JPEG one at a time, beside the reactor's thread.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::spawn_blocking,
};

/// Who wants a picture made waits for a turn, and takes hold of a frame when it has one. So whoever leaves while waiting
/// leaves neither work nor memory behind, however many come and leave.
#[derive(Debug)]
pub(super) struct Encoder {
    turns: Arc<Semaphore>,
    frames: AtomicU64,
}

/// The leave to make one picture.
#[derive(Debug)]
pub(super) struct Turn {
    _permit: OwnedSemaphorePermit,
}

impl Default for Encoder {
    fn default() -> Self {
        Self { turns: Arc::new(Semaphore::new(1)), frames: AtomicU64::new(0) }
    }
}

impl Encoder {
    /// Waits until it is the caller's turn.
    pub(super) async fn turn(&self) -> Turn {
        Turn { _permit: self.turns.clone().acquire_owned().await.expect("it is never closed") }
    }

    /// Counts a frame that is made into JPEG.
    pub(super) fn count_frame(&self) {
        self.frames.fetch_add(1, Ordering::Relaxed); // nothing else is read because of it
    }

    /// How many frames were.
    pub(super) fn frames(&self) -> u64 {
        self.frames.load(Ordering::Relaxed) // read by itself
    }
}

impl Turn {
    /// Has a picture made. It is made to its end, even if nobody waits for it any more, and only then the next turn begins.
    pub(super) async fn make<T: Send + 'static>(self, make: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let making = move || {
            let made = make();
            drop(self);
            made
        };
        spawn_blocking(making).await.ok()
    }
}

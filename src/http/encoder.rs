//! Limits encoding to one picture at a time, on a thread beside the reactor.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::spawn_blocking,
};

/// Hands out the permit to encode, and counts the frames that were encoded.
///
/// A caller takes hold of a frame only once it has the permit. A client that disconnects while it waits therefore leaves
/// neither work nor memory behind, however many connect and disconnect.
#[derive(Debug)]
pub(super) struct Encoder {
    permits: Arc<Semaphore>,
    frames: AtomicU64,
}

/// The permit to encode one picture.
#[derive(Debug)]
pub(super) struct Permit {
    _semaphore: OwnedSemaphorePermit,
}

impl Default for Encoder {
    fn default() -> Self {
        Self { permits: Arc::new(Semaphore::new(1)), frames: AtomicU64::new(0) }
    }
}

impl Encoder {
    /// Waits for the permit.
    pub(super) async fn acquire(&self) -> Permit {
        Permit { _semaphore: self.permits.clone().acquire_owned().await.expect("the semaphore is never closed") }
    }

    /// Counts a frame that is encoded as JPEG.
    pub(super) fn count_frame(&self) {
        self.frames.fetch_add(1, Ordering::Relaxed); // nothing else is read because of it
    }

    /// How many frames were encoded as JPEG.
    pub(super) fn frames(&self) -> u64 {
        self.frames.load(Ordering::Relaxed) // read by itself
    }
}

impl Permit {
    /// Runs `encode` on the blocking thread. It runs to its end even if nobody waits for the result any more, and only
    /// then is the permit released.
    pub(super) async fn run<T: Send + 'static>(self, encode: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let task = move || {
            let encoded = encode();
            drop(self);
            encoded
        };
        spawn_blocking(task).await.ok()
    }
}

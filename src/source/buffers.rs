//! Buffers for incoming frames: lent as [`Bytes`], back in the pool when the last handle is dropped.
//!
//! A frame that is received, one that waits and one that is looked at: three buffers go round, and after the first
//! few frames no memory is asked for any more. A buffer that was for one large frame only is given back to the system.
//! No lock: whoever drops the last handle may be a thread of the lowest priority.

use std::{
    mem,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use crossbeam_queue::ArrayQueue;

/// Buffers kept for the next frame. One is being filled, one frame waits, one is looked at.
const SPARE: usize = 3;

/// Buffers grow in these steps, so that pictures of about the same size fit into the same ones.
const STEP_BYTES: usize = 64 * 1024;

/// Buffers of so many bytes are kept whatever was in them.
const SMALL_BYTES: usize = 1 << 20;

/// One source's buffers.
#[derive(Clone, Debug)]
pub(super) struct Pool(Arc<Spare>);

#[derive(Debug)]
struct Spare {
    buffers: ArrayQueue<Box<[u8]>>,
    /// How many bytes were in the one that came back last.
    last: AtomicUsize,
}

/// A frame being received. Goes back to its pool if it is never finished.
#[derive(Debug)]
pub(super) struct Buffer {
    pool: Pool,
    bytes: Box<[u8]>,
    len: usize,
}

impl Default for Pool {
    fn default() -> Self {
        Self(Arc::new(Spare { buffers: ArrayQueue::new(SPARE), last: AtomicUsize::new(0) }))
    }
}

impl Pool {
    /// An empty buffer.
    pub(super) fn buffer(&self) -> Buffer {
        let bytes = self.0.buffers.pop().unwrap_or_default();
        Buffer { pool: self.clone(), bytes, len: 0 }
    }
}

impl Buffer {
    /// Bytes received so far.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The bytes received from `start` on.
    pub(super) fn received_from(&mut self, start: usize) -> &mut [u8] {
        &mut self.bytes[start..self.len]
    }

    /// Makes sure that `more` bytes fit behind those that are there.
    ///
    /// New memory is zero and untouched: a client that promises a large message and sends none takes none.
    pub(super) fn reserve(&mut self, more: usize) {
        let need = self.len.saturating_add(more);
        if need > self.bytes.len() {
            // A quarter more than needed, so that slightly larger pictures do not ask again.
            let room = need.saturating_add(need / 4).checked_next_multiple_of(STEP_BYTES).unwrap_or(need);
            let mut larger = vec![0; room].into_boxed_slice();
            larger[..self.len].copy_from_slice(&self.bytes[..self.len]);
            self.bytes = larger;
        }
    }

    /// Where the next `want` bytes go, which were reserved before. [`Buffer::advance`] says how many were written.
    pub(super) fn spare_mut(&mut self, want: usize) -> &mut [u8] {
        &mut self.bytes[self.len..][..want]
    }

    /// The first `count` bytes of the space have been written.
    pub(super) fn advance(&mut self, count: usize) {
        self.len += count;
    }

    /// The message is whole.
    pub(super) fn freeze(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let bytes = mem::take(&mut self.bytes);
        let before = self.pool.0.last.swap(self.len, Ordering::Relaxed);
        // It is worth keeping if the last two frames were about that large.
        if bytes.len() <= SMALL_BYTES || bytes.len() / 4 <= before.min(self.len) {
            let _one_too_many = self.pool.0.buffers.push(bytes); // is freed
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_for_one_large_frame_is_not_kept() {
        let pool = Pool::default();
        let frame = |bytes| {
            let mut buffer = pool.buffer();
            buffer.reserve(bytes);
            buffer.advance(bytes);
            drop(buffer.freeze());
            let kept = pool.0.buffers.pop().unwrap_or_default();
            let bytes = kept.len();
            pool.0.buffers.push(kept).expect("its place is free");
            bytes
        };
        let small = frame(100_000);
        assert!((100_000..SMALL_BYTES).contains(&small));
        assert_eq!(frame(8 << 20), 0, "who knows whether there will be another");
        assert_eq!(frame(100_000), small);
        assert_eq!([8 << 20, 8 << 20, 3 << 20].map(|bytes| frame(bytes) > 8 << 20), [false, true, true]);
        assert_eq!(frame(100_000), 0, "nor is it kept when frames have become small");
    }
}

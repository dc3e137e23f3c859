//! Buffers for incoming frames: lent as [`Bytes`], back in the pool when the last handle is dropped.
//!
//! A frame that is received, one that waits and one that is looked at: three buffers go round, and after the first
//! few frames no memory is asked for any more. No lock: whoever drops the last handle may be a thread of the lowest priority.

use std::{mem, sync::Arc};

use bytes::Bytes;
use crossbeam_queue::ArrayQueue;

/// Buffers kept for the next frame. One is being filled, one frame waits, one is looked at.
const SPARE: usize = 3;

/// Buffers grow in these steps, so that pictures of about the same size fit into the same ones.
const STEP_BYTES: usize = 64 * 1024;

/// One source's buffers.
#[derive(Clone, Debug)]
pub(super) struct Pool(Arc<ArrayQueue<Box<[u8]>>>);

/// A frame being received. Goes back to its pool if it is never finished.
#[derive(Debug)]
pub(super) struct Buffer {
    pool: Pool,
    bytes: Box<[u8]>,
    len: usize,
}

impl Default for Pool {
    fn default() -> Self {
        Self(Arc::new(ArrayQueue::new(SPARE)))
    }
}

impl Pool {
    /// An empty buffer.
    pub(super) fn buffer(&self) -> Buffer {
        let bytes = self.0.pop().unwrap_or_default();
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
        let _one_too_many = self.pool.0.push(mem::take(&mut self.bytes)); // is freed
    }
}

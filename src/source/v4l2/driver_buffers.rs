//! The driver's buffers. A frame holds its buffer as [`Bytes`]. When the last handle is dropped, on whichever thread, the
//! buffer is released; the capture thread queues it with the driver before it dequeues the next frame. So a viewer's thread,
//! which has the lowest priority, holds no lock that the capture thread needs.
//!
//! When the stream ends, frames may still hold buffers: viewers see the newest one for as long as the camera is lost. A
//! mapping keeps the device open in the kernel, which then cannot bring the camera back. So [`DriverBuffers::close`]
//! replaces the memory of those buffers with memory of this process, in place.

use std::sync::Arc;

use bytes::Bytes;
use crossbeam_queue::ArrayQueue;
use nix::errno::Errno;

use super::{
    device::{DequeuedBuffer, Device},
    mapping::{Lent, Mapping},
};
use crate::{source::buffers::Pool, sync::Mutex};

/// The driver keeps at least this many buffers queued: it fills one and needs the next when that one is full. If a
/// frame would leave it fewer, the image is copied and its buffer is queued at once.
const MIN_QUEUED: usize = 2;

/// All buffers of one stream.
#[derive(Debug)]
pub(super) struct DriverBuffers {
    /// The memory planes of each buffer, by the buffer's index.
    mappings: Vec<Vec<Arc<Mapping>>>,
    state: Mutex<State>,
    /// The indices of buffers that no frame holds any more; there is room for all.
    released: ArrayQueue<u32>,
}

#[derive(Debug)]
struct State {
    /// `None` once the stream has ended.
    device: Option<Arc<Device>>,
    /// By the buffer's index.
    buffers: Vec<BufferState>,
    /// How often the driver refused to queue a buffer, since [`DriverBuffers::take_errors`] was called last.
    errors: u64,
}

/// Who has a buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
enum BufferState {
    /// The driver, which may write into it.
    Queued,
    /// The capture thread.
    Dequeued,
    /// The capture thread, because the driver refused it. It has to be queued again.
    QueueFailed,
    /// A frame, whose bytes are lent by the first memory plane.
    Held,
}

/// The bytes of an image.
#[derive(Debug)]
pub(super) struct Payload {
    pub(super) bytes: Bytes,
    /// Whether `bytes` were copied, and do not hold a buffer of the driver.
    pub(super) is_copy: bool,
}

/// Holds a buffer for a frame. Dropping it releases the buffer.
#[derive(Debug)]
struct BufferGuard {
    buffers: Arc<DriverBuffers>,
    index: u32,
    /// Given back first: then the driver may have the buffer.
    lent: Option<Lent>,
}

impl DriverBuffers {
    /// Has the driver allocate about `count` buffers, maps them and queues all of them.
    ///
    /// # Errors
    /// Fails if the driver refuses to allocate, map or queue them.
    pub(super) fn new(device: Arc<Device>, count: u32) -> Result<Arc<Self>, Errno> {
        let count = device.request_buffers(count)?;
        let mappings = (0..count).map(|index| device.map(index)).collect::<Result<Vec<_>, _>>()?;
        let states = vec![BufferState::QueueFailed; mappings.len()];
        let state = State { device: Some(device), buffers: states, errors: 0 };
        let released = ArrayQueue::new(mappings.len().max(1));
        let buffers = Self { mappings, state: Mutex::new(state), released };
        buffers.queue_returned();
        if buffers.state.lock().queued() == 0 { Err(Errno::EINVAL) } else { Ok(Arc::new(buffers)) }
    }

    /// The number of buffers.
    pub(super) fn count(&self) -> usize {
        self.mappings.len()
    }

    /// Notes that the capture thread has dequeued a buffer.
    ///
    /// # Errors
    /// Fails with `EIO` if there is no such buffer, or a frame holds it: the driver has failed.
    pub(super) fn mark_dequeued(&self, index: u32) -> Result<(), Errno> {
        self.state.lock().mark_dequeued(index)
    }

    /// Queues a buffer that was dequeued.
    pub(super) fn requeue(&self, index: u32) {
        self.queue(&mut self.state.lock(), index);
    }

    /// Queues the buffers that frames have released, and those that the driver refused before.
    pub(super) fn queue_returned(&self) {
        let mut state = self.state.lock();
        std::iter::from_fn(|| self.released.pop()).for_each(|index| self.queue(&mut state, index));
        let failed = (0..).zip(&state.buffers).filter(|(_, state)| **state == BufferState::QueueFailed);
        let failed: Vec<u32> = failed.map(|(index, _)| index).collect(); // as a rule it is empty, which costs nothing
        failed.into_iter().for_each(|index| self.queue(&mut state, index));
    }

    /// Gives a buffer to the driver, unless somebody reads it.
    fn queue(&self, state: &mut State, index: u32) {
        let mut planes = self.mappings.get(index as usize).into_iter().flatten();
        if !planes.any(|plane| plane.is_lent()) {
            state.queue(index);
        }
    }

    /// Returns how often the driver refused to queue a buffer since the last call.
    pub(super) fn take_errors(&self) -> u64 {
        std::mem::take(&mut self.state.lock().errors)
    }

    /// Returns the used bytes of a buffer with one memory plane. They hold the buffer until the last handle is
    /// dropped, or are a copy if the driver would be left with fewer than [`MIN_QUEUED`] buffers.
    pub(super) fn payload(self: &Arc<Self>, buffer: &DequeuedBuffer, pool: &Pool) -> Payload {
        let index = buffer.index;
        let planes = self.mappings.get(index as usize).map_or(&[][..], Vec::as_slice);
        let lent = planes.first().and_then(|plane| plane.lend(&buffer.used[0]));
        if lent.is_some() && self.state.lock().hold(index) {
            let guard = BufferGuard { buffers: self.clone(), index, lent };
            return Payload { bytes: Bytes::from_owner(guard), is_copy: false };
        }
        let bytes = copy(lent.iter().map(Lent::as_ref), pool);
        drop(lent);
        self.requeue(index);
        Payload { bytes, is_copy: true }
    }

    /// Returns the used bytes of a buffer's memory planes one after the other, at most `lengths` bytes of each. They
    /// are always a copy.
    pub(super) fn concat_planes(&self, buffer: &DequeuedBuffer, lengths: &[usize], pool: &Pool) -> Payload {
        let mappings = self.mappings.get(buffer.index as usize).map_or(&[][..], Vec::as_slice);
        let lent: Vec<_> = mappings.iter().zip(&buffer.used).map(|(plane, used)| plane.lend(used)).collect();
        let parts = lent.iter().zip(lengths).map(|(lent, length)| {
            let part = lent.as_ref().map_or(&[][..], Lent::as_ref);
            &part[..part.len().min(*length)]
        });
        let bytes = copy(parts, pool);
        drop(lent);
        self.requeue(buffer.index);
        Payload { bytes, is_copy: true }
    }

    /// Ends the stream. Afterwards no buffer is queued any more, and none keeps the device open.
    pub(super) fn close(&self) {
        // The ioctls below can take long, and nobody is to wait for them: the lock is free again.
        let Some(device) = self.state.lock().device.take() else { return };
        // It fails if the device is gone, which has stopped then.
        let _ = device.stream_off();
        for plane in self.mappings.iter().flatten() {
            // If there is no memory, the device stays open until the frame is dropped.
            let _ = plane.detach();
        }
        let _ = device.request_buffers(0);
    }
}

/// Copies `parts` into a buffer of the pool, one after the other.
fn copy<'p>(parts: impl Iterator<Item = &'p [u8]> + Clone, pool: &Pool) -> Bytes {
    let mut buffer = pool.buffer();
    // All are parts of one buffer, whose memory planes together have `MAX_BUFFER_BYTES` at most.
    buffer.reserve(parts.clone().map(<[u8]>::len).sum());
    for part in parts {
        buffer.spare_mut(part.len()).copy_from_slice(part);
        buffer.advance(part.len());
    }
    buffer.freeze()
}

impl State {
    fn queued(&self) -> usize {
        self.buffers.iter().filter(|state| **state == BufferState::Queued).count()
    }

    fn mark_dequeued(&mut self, index: u32) -> Result<(), Errno> {
        match self.buffers.get_mut(index as usize) {
            None | Some(BufferState::Held) => Err(Errno::EIO),
            Some(state) => {
                *state = BufferState::Dequeued;
                Ok(())
            }
        }
    }

    /// Lets a frame hold a buffer, if the driver has enough other buffers. Returns whether it does.
    fn hold(&mut self, index: u32) -> bool {
        let has_enough = self.queued() >= MIN_QUEUED;
        match self.buffers.get_mut(index as usize) {
            Some(state) if has_enough => {
                *state = BufferState::Held;
                true
            }
            _ => false,
        }
    }

    fn queue(&mut self, index: u32) {
        let (Some(device), Some(state)) = (&self.device, self.buffers.get_mut(index as usize)) else { return };
        *state = if device.queue(index).is_ok() {
            BufferState::Queued
        } else {
            self.errors = self.errors.saturating_add(1);
            BufferState::QueueFailed
        };
    }
}

impl AsRef<[u8]> for BufferGuard {
    fn as_ref(&self) -> &[u8] {
        self.lent.as_ref().map_or(&[], Lent::as_ref)
    }
}

impl Drop for BufferGuard {
    fn drop(&mut self) {
        drop(self.lent.take());
        let _ = self.buffers.released.push(self.index); // there is room for every buffer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_that_does_not_exist_or_is_held_cannot_be_dequeued() {
        let mut state = State { device: None, buffers: vec![BufferState::Queued; 4], errors: 0 };
        assert_eq!(state.mark_dequeued(4), Err(Errno::EIO));
        assert_eq!(state.mark_dequeued(u32::MAX), Err(Errno::EIO));
        assert!(!state.hold(u32::MAX));
        assert_eq!(state.mark_dequeued(0), Ok(()));
        assert!(state.hold(0));
        assert_eq!(state.mark_dequeued(0), Err(Errno::EIO), "a frame holds it");
        assert_eq!(state.mark_dequeued(1), Ok(()));
        assert!(state.hold(1), "two are still queued");
        assert_eq!(state.mark_dequeued(2), Ok(()));
        assert!(!state.hold(2), "the driver would run out of buffers");
    }

    #[test]
    fn parts_are_copied_one_after_the_other() {
        let pool = Pool::default();
        let parts: [&[u8]; 3] = [b"luma", b"", b"uv"];
        assert_eq!(copy(parts.into_iter(), &pool), &b"lumauv"[..]);
        assert!(copy(std::iter::empty(), &pool).is_empty());
    }
}

//! The driver's buffers. A frame holds its buffer as [`Bytes`]; when the last handle is dropped, on whichever thread,
//! the buffer is queued with the driver again.
//!
//! When the stream ends, frames may still hold buffers: viewers see the newest one for as long as the camera is lost. A
//! mapping keeps the device open in the kernel, which then cannot bring the camera back. So [`DriverBuffers::close`]
//! replaces the memory of those buffers with memory of this process, in place.

use std::{ops::Range, sync::Arc};

use bytes::Bytes;
use nix::errno::Errno;

use super::{
    device::{DequeuedBuffer, Device},
    mapping::Mapping,
};
use crate::{source::buffers::Pool, sync::Mutex};

/// The driver keeps at least this many buffers queued: it fills one and needs the next when that one is full. If a
/// frame would leave it fewer, the image is copied and its buffer is queued at once.
const MIN_QUEUED: usize = 2;

/// All buffers of one stream.
#[derive(Debug)]
pub(super) struct DriverBuffers {
    /// The memory planes of each buffer, by the buffer's index.
    mappings: Vec<Vec<Mapping>>,
    state: Mutex<State>,
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
    /// A frame, whose bytes are this range of the first memory plane.
    Held(Range<usize>),
}

/// The bytes of an image.
#[derive(Debug)]
pub(super) struct Payload {
    pub(super) bytes: Bytes,
    /// Whether `bytes` were copied, and do not hold a buffer of the driver.
    pub(super) is_copy: bool,
}

/// Holds a buffer for a frame. Dropping it queues the buffer.
#[derive(Debug)]
struct BufferGuard {
    buffers: Arc<DriverBuffers>,
    index: usize,
    used: Range<usize>,
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
        let buffers = Self { mappings, state: Mutex::new(state) };
        buffers.retry_failed();
        if buffers.state.lock().queued() == 0 { Err(Errno::EINVAL) } else { Ok(Arc::new(buffers)) }
    }

    /// The number of buffers.
    pub(super) fn count(&self) -> usize {
        self.mappings.len()
    }

    /// Notes that the capture thread has dequeued a buffer.
    pub(super) fn mark_dequeued(&self, index: u32) {
        if let Some(state) = self.state.lock().buffers.get_mut(index as usize) {
            *state = BufferState::Dequeued;
        }
    }

    /// Queues a buffer that was dequeued.
    pub(super) fn requeue(&self, index: u32) {
        self.state.lock().queue(index as usize);
    }

    /// Queues the buffers that the driver refused before.
    pub(super) fn retry_failed(&self) {
        let mut state = self.state.lock();
        for index in 0..state.buffers.len() {
            if state.buffers[index] == BufferState::QueueFailed {
                state.queue(index);
            }
        }
    }

    /// Returns how often the driver refused to queue a buffer since the last call.
    pub(super) fn take_errors(&self) -> u64 {
        std::mem::take(&mut self.state.lock().errors)
    }

    /// Returns the used bytes of a buffer with one memory plane. They hold the buffer until the last handle is
    /// dropped, or are a copy if the driver would be left with fewer than [`MIN_QUEUED`] buffers.
    pub(super) fn payload(self: &Arc<Self>, buffer: &DequeuedBuffer, pool: &Pool) -> Payload {
        let index = buffer.index as usize;
        let plane = self.mappings[index][0].bytes();
        // Some drivers report more bytes than the buffer has.
        let used = buffer.used[0].start.min(plane.len())..buffer.used[0].end.min(plane.len());
        let used = used.start.min(used.end)..used.end;
        let mut state = self.state.lock();
        if state.queued() >= MIN_QUEUED {
            state.buffers[index] = BufferState::Held(used.clone());
            drop(state);
            let guard = BufferGuard { buffers: self.clone(), index, used };
            return Payload { bytes: Bytes::from_owner(guard), is_copy: false };
        }
        drop(state);
        let bytes = copy(&[&plane[used]], pool);
        self.requeue(buffer.index);
        Payload { bytes, is_copy: true }
    }

    /// Returns the used bytes of a buffer's memory planes one after the other, at most `lengths` bytes of each. They
    /// are always a copy.
    pub(super) fn concat_planes(&self, buffer: &DequeuedBuffer, lengths: &[usize], pool: &Pool) -> Payload {
        let planes = self.mappings[buffer.index as usize].iter().zip(&buffer.used).zip(lengths);
        let parts: Vec<_> = planes
            .map(|((plane, used), length)| {
                let part = plane.bytes().get(used.clone()).unwrap_or_default();
                &part[..part.len().min(*length)]
            })
            .collect();
        let bytes = copy(&parts, pool);
        self.requeue(buffer.index);
        Payload { bytes, is_copy: true }
    }

    /// Ends the stream. Afterwards no buffer is queued any more, and none keeps the device open.
    pub(super) fn close(&self) {
        let mut state = self.state.lock();
        let Some(device) = state.device.take() else { return };
        let states = state.buffers.clone();
        drop(state); // the ioctls below can take long, and a thread that drops a frame must not wait for them
        // It fails if the device is gone, which has stopped then.
        let _ = device.stream_off();
        for (planes, state) in self.mappings.iter().zip(&states) {
            let keep = if let BufferState::Held(used) = state { used.end } else { 0 };
            // If there is no memory, the device stays open until the frame is dropped.
            let _: Vec<_> = planes.iter().map(|plane| plane.detach(keep)).collect();
        }
        let _ = device.request_buffers(0);
    }
}

fn copy(parts: &[&[u8]], pool: &Pool) -> Bytes {
    let mut buffer = pool.buffer();
    buffer.reserve(parts.iter().map(|part| part.len()).sum());
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

    fn queue(&mut self, index: usize) {
        let Some(device) = &self.device else { return };
        let number = u32::try_from(index).expect("the driver counts them in 32 bits");
        self.buffers[index] = if device.queue(number).is_ok() {
            BufferState::Queued
        } else {
            self.errors += 1;
            BufferState::QueueFailed
        };
    }
}

impl AsRef<[u8]> for BufferGuard {
    fn as_ref(&self) -> &[u8] {
        &self.buffers.mappings[self.index][0].bytes()[self.used.clone()]
    }
}

impl Drop for BufferGuard {
    fn drop(&mut self) {
        self.buffers.state.lock().queue(self.index);
    }
}

//! The stream of a capture device: dequeues filled buffers and keeps the newest good one.

use std::{
    os::fd::{AsFd, BorrowedFd},
    sync::Arc,
};

use nix::errno::Errno;

use super::{
    device::{DequeuedBuffer, Device, TimestampSource},
    driver_buffers::{DriverBuffers, Payload},
    layout::Layout,
};
use crate::{source::buffers::Pool, system::clock::Monotonic};

/// A device that captures until this is dropped.
#[derive(Debug)]
pub(super) struct Stream {
    device: Arc<Device>,
    buffers: Arc<DriverBuffers>,
    layout: Layout,
    pool: Pool,
    /// The driver's sequence number of the last dequeued buffer.
    last_sequence: Option<u32>,
}

/// What one call of [`Stream::dequeue_newest`] found.
#[derive(Debug, Default)]
pub(super) struct Dequeued {
    /// Frames that the driver counted since the last call.
    pub(super) frames: u64,
    /// Those of `frames` that the driver never handed over: it had no buffer queued, or the bus lost them.
    pub(super) dropped: u64,
    /// Those of `frames` that were good, but older than another good one.
    pub(super) skipped: u64,
    /// Those of `frames` that the driver marked as broken.
    pub(super) broken: u64,
    /// How often the driver refused to queue a buffer.
    pub(super) queue_errors: u64,
    /// The newest good image, if there is one.
    pub(super) newest: Option<CapturedImage>,
}

/// An image as the driver hands it over, not checked yet.
#[derive(Debug)]
pub(super) struct CapturedImage {
    pub(super) payload: Payload,
    pub(super) timestamp: Option<Monotonic>,
    pub(super) timestamp_source: TimestampSource,
}

impl Stream {
    /// Starts to capture in the agreed format, with about `count` buffers.
    ///
    /// # Errors
    /// Fails if the driver refuses.
    pub(super) fn start(device: Device, layout: Layout, count: u32) -> Result<Self, Errno> {
        let device = Arc::new(device);
        let buffers = DriverBuffers::new(device.clone(), count)?;
        let stream = Self { device, buffers, layout, pool: Pool::default(), last_sequence: None };
        stream.device.stream_on()?;
        Ok(stream)
    }

    /// The format of the captured images.
    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The device, to set its controls.
    pub(super) fn device(&self) -> &Device {
        &self.device
    }

    /// Dequeues all filled buffers, and queues all but the newest good one again. Does not block.
    ///
    /// # Errors
    /// Fails with `ENODEV` if the device is gone, with another error if the driver has failed for good.
    pub(super) fn dequeue_newest(&mut self) -> Result<Dequeued, Errno> {
        let mut dequeued = Dequeued::default();
        let mut newest: Option<DequeuedBuffer> = None;
        self.buffers.queue_returned();
        for _ in 0..self.buffers.count() {
            let Some(buffer) = self.device.dequeue()? else { break };
            self.buffers.mark_dequeued(buffer.index)?;
            let advance = sequence_advance(self.last_sequence.replace(buffer.sequence), buffer.sequence);
            dequeued.frames += advance;
            dequeued.dropped += advance - 1;
            if buffer.is_broken {
                dequeued.broken += 1;
                self.buffers.requeue(buffer.index);
            } else if let Some(older) = newest.replace(buffer) {
                dequeued.skipped += 1;
                self.buffers.requeue(older.index);
            }
        }
        dequeued.newest = newest.map(|buffer| self.image(&buffer));
        dequeued.queue_errors = self.buffers.take_errors();
        Ok(dequeued)
    }

    fn image(&self, buffer: &DequeuedBuffer) -> CapturedImage {
        let DequeuedBuffer { timestamp, timestamp_source, .. } = *buffer;
        let payload = match self.layout.plane_bytes() {
            Some(lengths) => self.buffers.concat_planes(buffer, &lengths, &self.pool),
            None => self.buffers.payload(buffer, &self.pool),
        };
        CapturedImage { payload, timestamp, timestamp_source }
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.device.as_fd()
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.buffers.close();
    }
}

/// Returns how many frames the driver counted from the sequence number `last` to `current`. A driver that does not
/// count, or starts again, has lost none.
fn sequence_advance(last: Option<u32>, current: u32) -> u64 {
    const BACKWARDS: u32 = 1 << 31;
    match last.map(|last| current.wrapping_sub(last)) {
        None | Some(0 | BACKWARDS..) => 1,
        Some(advance) => advance.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_gaps_count_as_lost_frames() {
        assert_eq!(sequence_advance(None, 7), 1, "the first frame");
        assert_eq!(sequence_advance(Some(7), 8), 1);
        assert_eq!(sequence_advance(Some(7), 11), 4);
        assert_eq!(sequence_advance(Some(u32::MAX), 1), 2, "the number wrapped");
        assert_eq!(sequence_advance(Some(0), 0), 1, "a driver that does not count");
        assert_eq!(sequence_advance(Some(90), 0), 1, "a driver that started again");
    }
}

//! Streaming I/O of a device: buffers are queued empty and dequeued filled.

use std::{fmt, ops::Range, sync::Arc};

use nix::errno::Errno;
use v4l::{
    v4l_sys::{
        V4L2_BUF_FLAG_ERROR, V4L2_BUF_FLAG_TIMESTAMP_MASK, V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC,
        V4L2_BUF_FLAG_TSTAMP_SRC_MASK, V4L2_BUF_FLAG_TSTAMP_SRC_SOE, v4l2_requestbuffers,
    },
    v4l2::vidioc,
};

use super::{
    Device,
    kernel::{Buffer, IoctlArg, MAX_PLANES, MEMORY_MMAP, zero},
};
use crate::{source::v4l2::mapping::Mapping, system::clock::Monotonic};

/// A buffer that the driver has filled. All of it is the driver's word, not checked.
#[derive(Clone, Debug)]
pub struct DequeuedBuffer {
    /// The buffer's index.
    pub index: u32,
    /// The driver's sequence number of the frame.
    pub sequence: u32,
    /// Whether the driver marked the data as broken.
    pub is_broken: bool,
    /// The driver's timestamp, if it is from the monotonic clock.
    pub timestamp: Option<Monotonic>,
    /// The moment that `timestamp` was taken at.
    pub timestamp_source: TimestampSource,
    /// The range of the data in each memory plane, in bytes.
    pub used: [Range<usize>; MAX_PLANES],
}

/// The moment at which a driver takes its timestamps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampSource {
    /// The start of exposure.
    ExposureStart,
    /// The arrival of the last byte.
    FrameEnd,
}

impl fmt::Display for TimestampSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ExposureStart => "the start of exposure",
            Self::FrameEnd => "the end of the frame",
        })
    }
}

impl Device {
    /// Has the driver allocate `count` buffers, or free all of them if `count` is 0. Returns how many it allocated.
    ///
    /// # Errors
    /// Fails if there is no memory, or if another program streams.
    pub fn request_buffers(&self, count: u32) -> Result<u32, Errno> {
        let mut request = v4l2_requestbuffers { count, type_: self.buffer_type(), memory: MEMORY_MMAP, ..zero() };
        self.ioctl(vidioc::VIDIOC_REQBUFS, &mut request)?;
        Ok(request.count)
    }

    /// Maps the memory planes of a buffer, of which there is at least one.
    ///
    /// # Errors
    /// Fails if the driver or the kernel refuses, or if the driver states lengths that cannot be.
    pub(in crate::source::v4l2) fn map(&self, index: u32) -> Result<Vec<Arc<Mapping>>, Errno> {
        let mut buffer = Buffer::new(self.buffer_type(), index);
        self.ioctl(vidioc::VIDIOC_QUERYBUF, &mut buffer)?;
        Mapping::map_planes(&self.fd, &buffer.plane_offsets())
    }

    /// Queues a buffer, for the driver to fill.
    ///
    /// # Errors
    /// Fails if the driver refuses the buffer.
    pub fn queue(&self, index: u32) -> Result<(), Errno> {
        Buffer::new(self.buffer_type(), index).ioctl(&self.fd, vidioc::VIDIOC_QBUF)
    }

    /// Dequeues the next filled buffer, if there is one. Does not block.
    ///
    /// # Errors
    /// Fails with `ENODEV` if the device is gone, with another error if the driver failed.
    pub fn dequeue(&self) -> Result<Option<DequeuedBuffer>, Errno> {
        let mut buffer = Buffer::new(self.buffer_type(), 0);
        match buffer.ioctl(&self.fd, vidioc::VIDIOC_DQBUF) {
            Ok(()) => {}
            Err(Errno::EAGAIN) => return Ok(None),
            Err(errno) => return Err(errno),
        }
        let header = buffer.header();
        let has = |mask: u32, bits: u32| header.flags & mask == bits;
        let is_monotonic = has(V4L2_BUF_FLAG_TIMESTAMP_MASK, V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC);
        let is_exposure_start = has(V4L2_BUF_FLAG_TSTAMP_SRC_MASK, V4L2_BUF_FLAG_TSTAMP_SRC_SOE);
        let timestamp = timestamp(header.timestamp.tv_sec, header.timestamp.tv_usec);
        Ok(Some(DequeuedBuffer {
            index: header.index,
            sequence: header.sequence,
            is_broken: header.flags & V4L2_BUF_FLAG_ERROR != 0,
            timestamp: timestamp.filter(|_| is_monotonic),
            timestamp_source: if is_exposure_start {
                TimestampSource::ExposureStart
            } else {
                TimestampSource::FrameEnd
            },
            used: buffer.used(),
        }))
    }

    /// Starts to capture.
    ///
    /// # Errors
    /// Fails if the driver refuses, with `ENOSPC` if the USB bus has no bandwidth left.
    pub fn stream_on(&self) -> Result<(), Errno> {
        self.ioctl(vidioc::VIDIOC_STREAMON, &mut self.buffer_type().cast_signed())
    }

    /// Stops to capture. Afterwards the driver writes into no buffer.
    ///
    /// # Errors
    /// Fails if the device is gone.
    pub fn stream_off(&self) -> Result<(), Errno> {
        self.ioctl(vidioc::VIDIOC_STREAMOFF, &mut self.buffer_type().cast_signed())
    }
}

/// Returns the driver's timestamp; `None` if it is 0, which means that there is none, or cannot be a time.
fn timestamp(seconds: impl TryInto<u64>, micros: impl TryInto<u64>) -> Option<Monotonic> {
    let (seconds, micros) = (seconds.try_into().ok()?, micros.try_into().ok()?);
    let micros = seconds.checked_mul(1_000_000)?.checked_add(micros)?;
    (micros > 0).then(|| Monotonic::from_micros(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_that_cannot_be_a_time_is_none() {
        assert_eq!(timestamp(12_i64, 345_678_i64), Some(Monotonic::from_micros(12_345_678)));
        assert_eq!(timestamp(0_i64, 0_i64), None, "the driver has none");
        assert_eq!(timestamp(-1_i64, 0_i64), None);
        assert_eq!(timestamp(0_i32, -1_i32), None, "32 bits on some boards");
        assert_eq!(timestamp(i64::MAX, 0_i64), None, "more microseconds than 64 bits hold");
        let last = u64::MAX / 1_000_000;
        assert_eq!(timestamp(last, u64::MAX % 1_000_000), Some(Monotonic::from_micros(u64::MAX)));
        assert_eq!(timestamp(last, u64::MAX % 1_000_000 + 1), None);
    }
}

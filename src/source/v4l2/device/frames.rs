//! How a device hands over pictures: in buffers that go to the driver empty and come back filled.

use std::{fmt, ops::Range, time::Duration};

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
    kernel::{Argument, Buffer, MAX_PLANES, MEMORY_MMAP, zero},
};
use crate::{source::v4l2::mapping::Mapping, system::clock::Monotonic};

/// A buffer that the driver has filled.
#[derive(Clone, Debug)]
pub struct Filled {
    /// Which.
    pub index: u32,
    /// The driver's number of the frame.
    pub sequence: u32,
    /// The driver says that the data are broken.
    pub is_broken: bool,
    /// When, by the driver's stamp, if it is of our clock.
    pub stamp: Option<Monotonic>,
    /// What the stamp is of.
    pub stamp_of: StampOf,
    /// Of each memory plane, where the data are.
    pub used: [Range<usize>; MAX_PLANES],
}

/// The moment that a driver's time stamps are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StampOf {
    /// The start of exposure.
    ExposureStart,
    /// The last byte's arrival.
    FrameEnd,
}

impl fmt::Display for StampOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ExposureStart => "the start of exposure",
            Self::FrameEnd => "the end of the frame",
        })
    }
}

impl Device {
    /// Has the driver make `count` buffers; gives how many it made.
    ///
    /// # Errors
    /// When it makes none: for lack of memory, or because somebody else streams.
    pub fn request_buffers(&self, count: u32) -> Result<u32, Errno> {
        let mut request = v4l2_requestbuffers { count, type_: self.buffer_type(), memory: MEMORY_MMAP, ..zero() };
        self.ask(vidioc::VIDIOC_REQBUFS, &mut request)?;
        Ok(request.count)
    }

    /// Maps the memory planes of a buffer.
    ///
    /// # Errors
    /// When the driver or the kernel does not.
    pub(in crate::source::v4l2) fn map(&self, index: u32) -> Result<Vec<Mapping>, Errno> {
        let mut buffer = Buffer::new(self.buffer_type(), index);
        self.ask(vidioc::VIDIOC_QUERYBUF, &mut buffer)?;
        buffer.places().into_iter().map(|(length, offset)| Mapping::new(&self.fd, length, offset)).collect()
    }

    /// Gives a buffer to the driver, to be filled.
    ///
    /// # Errors
    /// When it does not take it.
    pub fn queue(&self, index: u32) -> Result<(), Errno> {
        Buffer::new(self.buffer_type(), index).call(&self.fd, vidioc::VIDIOC_QBUF)
    }

    /// The next filled buffer, if one is ready.
    ///
    /// # Errors
    /// `ENODEV` when the device is gone; another when the driver failed at something.
    pub fn dequeue(&self) -> Result<Option<Filled>, Errno> {
        let mut filled = Buffer::new(self.buffer_type(), 0);
        match filled.call(&self.fd, vidioc::VIDIOC_DQBUF) {
            Ok(()) => {}
            Err(Errno::EAGAIN) => return Ok(None),
            Err(errno) => return Err(errno),
        }
        let buffer = filled.head();
        let has = |mask: u32, bits: u32| buffer.flags & mask == bits;
        let is_ours = has(V4L2_BUF_FLAG_TIMESTAMP_MASK, V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC);
        let is_start = has(V4L2_BUF_FLAG_TSTAMP_SRC_MASK, V4L2_BUF_FLAG_TSTAMP_SRC_SOE);
        let (seconds, micros) = (u64::try_from(buffer.timestamp.tv_sec), u64::try_from(buffer.timestamp.tv_usec));
        let stamp = seconds.ok().zip(micros.ok()).map(|(seconds, micros)| {
            let stamp = Duration::from_secs(seconds) + Duration::from_micros(micros);
            Monotonic::from_micros(u64::try_from(stamp.as_micros()).unwrap_or(u64::MAX))
        });
        Ok(Some(Filled {
            index: buffer.index,
            sequence: buffer.sequence,
            is_broken: buffer.flags & V4L2_BUF_FLAG_ERROR != 0,
            stamp: stamp.filter(|stamp| is_ours && *stamp != Monotonic::default()),
            stamp_of: if is_start { StampOf::ExposureStart } else { StampOf::FrameEnd },
            used: filled.used(),
        }))
    }

    /// Has the camera send.
    ///
    /// # Errors
    /// `ENOSPC` when the USB bus has no bandwidth left; others.
    pub fn start(&self) -> Result<(), Errno> {
        self.ask(vidioc::VIDIOC_STREAMON, &mut self.buffer_type().cast_signed())
    }

    /// Has it stop. All buffers are ours then.
    ///
    /// # Errors
    /// When the device is gone.
    pub fn stop(&self) -> Result<(), Errno> {
        self.ask(vidioc::VIDIOC_STREAMOFF, &mut self.buffer_type().cast_signed())
    }
}

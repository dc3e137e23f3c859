//! A safe wrapper of a V4L2 device. It makes no decisions.
//!
//! This file opens and identifies a device. `formats` and `controls` enumerate and set what it has, `streaming`
//! exchanges buffers with it. `kernel` holds V4L2's structures and the ioctl, and all `unsafe` code that they need.

mod controls;
mod formats;
mod kernel;
mod streaming;

use std::{
    fs::OpenOptions,
    io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::fs::OpenOptionsExt,
    },
    path::Path,
    sync::Arc,
};

use nix::{errno::Errno, libc};
use v4l::{
    v4l_sys::{
        V4L2_CAP_STREAMING, V4L2_CAP_VIDEO_CAPTURE, V4L2_CAP_VIDEO_CAPTURE_MPLANE, V4L2_CAP_VIDEO_M2M,
        V4L2_CAP_VIDEO_M2M_MPLANE, v4l2_capability,
    },
    v4l2::vidioc,
};

use self::kernel::{IoctlArg, VIDEO_CAPTURE, VIDEO_CAPTURE_MPLANE, text, zero};
pub use self::{
    formats::DriverFormat,
    streaming::{DequeuedBuffer, TimestampSource},
};
use super::description::Description;
use crate::system::watchdog::Heartbeat;

/// The most items of one kind that are enumerated. It bounds the loop with a driver whose list never ends.
const MAX_ITEMS: u32 = 256;

/// An open V4L2 device.
#[derive(Debug)]
pub struct Device {
    fd: OwnedFd,
    /// `None` if the device is no capture device.
    api: Option<CaptureApi>,
    identity: Identity,
    heartbeat: Option<Arc<Heartbeat>>,
}

/// What the device says about itself, read once when it is opened.
#[derive(Clone, Debug, Default)]
struct Identity {
    card: String,
    driver: String,
    bus: String,
}

/// Which of V4L2's two capture interfaces a device has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CaptureApi {
    /// A buffer has one memory plane.
    SinglePlanar,
    /// A buffer has as many memory planes as the format asks for.
    MultiPlanar,
}

impl Device {
    /// Opens the device at `path`. Every answer of the driver beats `heartbeat`: to enumerate a slow camera takes
    /// longer than the watchdog allows, and does not mean that the thread hangs.
    ///
    /// # Errors
    /// Fails with the kernel's error, with `ENOTTY` if the file is no V4L2 device.
    pub fn open(path: &Path, heartbeat: Option<Arc<Heartbeat>>) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK).open(path)?;
        let mut device = Self { fd: file.into(), api: None, identity: Identity::default(), heartbeat };
        let mut capability: v4l2_capability = zero();
        device.ioctl(vidioc::VIDIOC_QUERYCAP, &mut capability)?;
        let v4l2_capability { card, driver, bus_info, .. } = &capability;
        device.identity = Identity { card: text(card), driver: text(driver), bus: text(bus_info) };
        let caps = capability.device_caps;
        let is_converter = caps & (V4L2_CAP_VIDEO_M2M | V4L2_CAP_VIDEO_M2M_MPLANE) != 0;
        if caps & V4L2_CAP_STREAMING != 0 && !is_converter {
            device.api = match caps {
                caps if caps & V4L2_CAP_VIDEO_CAPTURE != 0 => Some(CaptureApi::SinglePlanar),
                caps if caps & V4L2_CAP_VIDEO_CAPTURE_MPLANE != 0 => Some(CaptureApi::MultiPlanar),
                _ => None,
            };
        }
        Ok(device)
    }

    /// Whether this is a capture device. Many cameras have a second node, which only sends metadata.
    #[must_use]
    pub fn can_capture(&self) -> bool {
        self.api.is_some()
    }

    /// The camera's own name: `HD Pro Webcam C920`. Does not ask the driver.
    #[must_use]
    pub fn card(&self) -> &str {
        &self.identity.card
    }

    /// The name of the kernel's driver: `uvcvideo`. Does not ask the driver.
    #[must_use]
    pub fn driver(&self) -> &str {
        &self.identity.driver
    }

    /// Enumerates all that the camera offers. The lists are empty if it has been unplugged.
    #[must_use]
    pub fn describe(&self) -> Description {
        let Identity { card, driver, bus } = self.identity.clone();
        Description { card, driver, bus, formats: self.formats(), controls: self.controls() }
    }

    fn buffer_type(&self) -> u32 {
        if self.api == Some(CaptureApi::MultiPlanar) { VIDEO_CAPTURE_MPLANE } else { VIDEO_CAPTURE }
    }

    /// Calls the driver, and beats the heartbeat when it answers. Not for the calls of each frame.
    fn ioctl(&self, request: vidioc::_IOC_TYPE, arg: &mut impl IoctlArg) -> Result<(), Errno> {
        let result = arg.ioctl(&self.fd, request);
        if let Some(heartbeat) = &self.heartbeat {
            heartbeat.beat();
        }
        result
    }
}

impl AsFd for Device {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

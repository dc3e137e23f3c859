//! The kernel's side of a camera, in its own words: safe, and without a say in what to do.
//!
//! Here a device is opened and says what it is. `formats` and `controls` are what it offers and is asked for, `frames`
//! how it hands over pictures. `kernel` is V4L2's structures and calls, and all that is `unsafe` of them.

mod controls;
mod formats;
mod frames;
mod kernel;

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

use self::kernel::{Argument, VIDEO_CAPTURE, VIDEO_CAPTURE_MPLANE, text, zero};
pub use self::{
    formats::Layout,
    frames::{Filled, StampOf},
};
use super::description::Description;
use crate::system::watchdog::Heartbeat;

/// Things of one kind that a driver is asked for at most. One that counts without end must not keep us.
const MOST: u32 = 256;

/// An open V4L2 device.
#[derive(Debug)]
pub struct Device {
    fd: OwnedFd,
    /// How it hands over pictures; `None`: not at all.
    kind: Option<Kind>,
    name: Name,
    heartbeat: Option<Arc<Heartbeat>>,
}

/// What a device is called; it stays so for as long as it is open.
#[derive(Clone, Debug, Default)]
struct Name {
    card: String,
    driver: String,
    bus: String,
}

/// How a device hands over pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// One piece of memory each.
    Single,
    /// As many as the format has planes.
    Multi,
}

impl Device {
    /// Opens the device at `path`. `heartbeat` hears of every answer of the driver: a camera that is slow to describe is
    /// not one that hangs.
    ///
    /// # Errors
    /// What the kernel says; `ENOTTY` when it is no V4L2 device at all.
    pub fn open(path: &Path, heartbeat: Option<Arc<Heartbeat>>) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK).open(path)?;
        let mut device = Self { fd: file.into(), kind: None, name: Name::default(), heartbeat };
        let mut capability: v4l2_capability = zero();
        device.ask(vidioc::VIDIOC_QUERYCAP, &mut capability)?;
        let v4l2_capability { card, driver, bus_info, .. } = &capability;
        device.name = Name { card: text(card), driver: text(driver), bus: text(bus_info) };
        let caps = capability.device_caps;
        let is_converter = caps & (V4L2_CAP_VIDEO_M2M | V4L2_CAP_VIDEO_M2M_MPLANE) != 0;
        if caps & V4L2_CAP_STREAMING != 0 && !is_converter {
            device.kind = match caps {
                caps if caps & V4L2_CAP_VIDEO_CAPTURE != 0 => Some(Kind::Single),
                caps if caps & V4L2_CAP_VIDEO_CAPTURE_MPLANE != 0 => Some(Kind::Multi),
                _ => None,
            };
        }
        Ok(device)
    }

    /// Whether pictures can be had of it. A camera has other nodes too, which give descriptions of pictures.
    #[must_use]
    pub fn captures(&self) -> bool {
        self.kind.is_some()
    }

    /// Its own name: `HD Pro Webcam C920`. The driver is not asked.
    #[must_use]
    pub fn card(&self) -> &str {
        &self.name.card
    }

    /// The kernel's driver: `uvcvideo`. The driver is not asked.
    #[must_use]
    pub fn driver(&self) -> &str {
        &self.name.driver
    }

    /// All that the camera says of itself. Of one that is gone that is little.
    #[must_use]
    pub fn describe(&self) -> Description {
        let Name { card, driver, bus } = self.name.clone();
        Description { card, driver, bus, formats: self.formats(), controls: self.controls() }
    }

    fn buffer_type(&self) -> u32 {
        if self.kind == Some(Kind::Multi) { VIDEO_CAPTURE_MPLANE } else { VIDEO_CAPTURE }
    }

    /// A call outside the stream of frames: the watchdog hears that the driver answered.
    fn ask(&self, request: vidioc::_IOC_TYPE, argument: &mut impl Argument) -> Result<(), Errno> {
        let answer = argument.call(&self.fd, request);
        if let Some(heartbeat) = &self.heartbeat {
            heartbeat.beat();
        }
        answer
    }
}

impl AsFd for Device {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

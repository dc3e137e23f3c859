//! The errors of capturing, with advice for the operator.

use std::{io, path::PathBuf, time::Duration};

use nix::errno::Errno;

use super::negotiate::NoMode;
use crate::config::DeviceName;

/// Why a camera sends no frames.
#[derive(Debug, thiserror::Error)]
pub(super) enum CaptureError {
    /// No such device is connected.
    #[error("{0} is not there")]
    NotFound(DeviceName),
    /// The device exists and cannot be opened.
    #[error("cannot open {path}: {}", open_advice(.source))]
    Open { path: PathBuf, source: io::Error },
    /// The device opens and is no capture device.
    #[error("{0} captures no pictures; `fovea devices` lists the devices that do")]
    NotACamera(PathBuf),
    /// None of the formats that the device offers will do.
    #[error("{path}: {reason}")]
    NoMode { path: PathBuf, reason: NoMode },
    /// The driver gives a format that is not supported, or images that cannot be held in memory.
    #[error("{path} gives {gives}, which fovea cannot use")]
    Unsupported { path: PathBuf, gives: String },
    /// The driver refuses to start.
    #[error("{path} does not start ({doing}): {}", start_advice(*errno))]
    Start { path: PathBuf, doing: &'static str, errno: Errno },
    /// The device failed or was unplugged while it sent frames.
    #[error("{} {}", .path.display(), lost_text(*.errno))]
    DeviceLost { path: PathBuf, errno: Errno },
    /// The device is present and no frame came within `stall_timeout_ms`.
    #[error("{path} has sent no frame for {:.1} s", .after.as_secs_f64())]
    Stalled { path: PathBuf, after: Duration },
    /// `poll` failed, or the kernel's list of devices cannot be read.
    #[error("cannot wait for the camera: {0}")]
    System(#[from] io::Error),
}

fn lost_text(errno: Errno) -> String {
    match errno {
        Errno::ENODEV => "is gone: it was unplugged, or its driver failed".to_owned(),
        errno => format!("has failed: {}", errno.desc()),
    }
}

fn open_advice(error: &io::Error) -> String {
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EACCES | Errno::EPERM) => {
            "this user may not open it; for the service, set SupplementaryGroups=video in its unit; for a person, run \
             `sudo usermod --append --groups video NAME` and log in again"
                .to_owned()
        }
        Some(Errno::EBUSY) => busy_advice(),
        Some(Errno::ENOTTY | Errno::EINVAL) => "it is not a camera".to_owned(),
        _ => error.to_string(),
    }
}

fn busy_advice() -> String {
    "another program uses it; `sudo fovea doctor` says which".to_owned()
}

fn start_advice(errno: Errno) -> String {
    match errno {
        Errno::EBUSY => busy_advice(),
        Errno::ENOSPC => "the USB bus has no bandwidth left for it: choose a smaller size, a lower rate or format = \
                          \"mjpeg\", or use another USB port"
            .to_owned(),
        Errno::ENOMEM => "there is no memory for its buffers: choose a smaller size, or fewer buffers".to_owned(),
        errno => errno.desc().to_owned(),
    }
}

/// Whether opening failed because the device does not exist, or no longer does.
pub(super) fn is_not_found(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw);
    matches!(errno, Some(Errno::ENOENT | Errno::ENODEV | Errno::ENXIO))
}

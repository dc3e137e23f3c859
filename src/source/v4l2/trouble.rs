//! Why there are no frames, in words for whoever can change it.

use std::{io, path::PathBuf, time::Duration};

use nix::errno::Errno;

use super::negotiate::NoChoice;
use crate::config::DeviceName;

/// Why a camera sends no frames, or no more.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error("{0} is not there")]
    Absent(DeviceName),
    #[error("{path} cannot be opened: {}", advice(.source))]
    Closed { path: PathBuf, source: io::Error },
    #[error("{0} gives no pictures: it is another node of a camera, or none; `fovea devices` lists those that do")]
    NoCamera(PathBuf),
    #[error("{path}: {reason}")]
    NoFormat { path: PathBuf, reason: NoChoice },
    #[error("{path} gives {gives}, which cannot be used")]
    Foreign { path: PathBuf, gives: String },
    #[error("{path} does not start ({doing}): {}", start_advice(*errno))]
    Start { path: PathBuf, doing: &'static str, errno: Errno },
    #[error("{} {}", .path.display(), gone(*.errno))]
    Gone { path: PathBuf, errno: Errno },
    #[error("{path} has sent no frame for {:.1} s", .after.as_secs_f64())]
    Stalled { path: PathBuf, after: Duration },
    #[error("the system refuses to wait for it: {0}")]
    System(#[from] io::Error),
}

fn gone(errno: Errno) -> String {
    match errno {
        Errno::ENODEV => "has gone: unplugged, or its driver has given up".to_owned(),
        errno => format!("has failed: {}", errno.desc()),
    }
}

fn advice(error: &io::Error) -> String {
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EACCES | Errno::EPERM) => {
            "this user may not; the service's unit lets it in with SupplementaryGroups=video, a person is let in with \
             `sudo usermod --append --groups video NAME` and a new login"
                .to_owned()
        }
        Some(Errno::EBUSY) => busy(),
        Some(Errno::ENOTTY | Errno::EINVAL) => "it is no camera".to_owned(),
        _ => error.to_string(),
    }
}

fn busy() -> String {
    "another program uses it; `sudo fovea doctor` says which".to_owned()
}

fn start_advice(errno: Errno) -> String {
    match errno {
        Errno::EBUSY => busy(),
        Errno::ENOSPC => "the USB bus has no bandwidth left for it: choose a smaller size, a lower rate or format = \
                          \"mjpeg\", or plug it in somewhere else"
            .to_owned(),
        Errno::ENOMEM => "there is no memory for its buffers: choose a smaller size, or fewer buffers".to_owned(),
        errno => errno.desc().to_owned(),
    }
}

/// Whether opening failed because nothing is there, or nothing any more.
pub(super) fn is_absent(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw);
    matches!(errno, Some(Errno::ENOENT | Errno::ENODEV | Errno::ENXIO))
}

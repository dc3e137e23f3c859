//! Switches that clients turn while the board runs: whether the stages look at a camera's frames.
//!
//! Whoever turns one leaves the wish with the camera and wakes the main thread, which exchanges the camera's pipeline as a
//! reload does. So no client shares a lock with the processor.

use std::{collections::BTreeMap, fs, io, path::PathBuf, sync::Arc};

use log::warn;
use serde::{Deserialize, Serialize};

use crate::{
    status::Status,
    system::{event_fd::EventFd, state},
};

/// The file that keeps switches over a restart.
const FILE: &str = "switches.json";

/// The switches of all cameras.
#[derive(Debug)]
pub struct Switches {
    status: Arc<Status>,
    turned: EventFd,
}

/// What is kept of them over a restart.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptSwitches {
    /// Whether the stages look at the frames of these cameras.
    #[serde(default)]
    detection: BTreeMap<String, bool>,
}

impl Switches {
    /// The switches of the cameras in `status`.
    ///
    /// # Errors
    /// When the process is out of descriptors.
    pub fn new(status: Arc<Status>) -> io::Result<Self> {
        Ok(Self { status, turned: EventFd::new()? })
    }

    /// Turns the detection of a camera on or off; gives whether there is such a camera. Never waits.
    pub fn set_detection(&self, camera: &str, is_on: bool) -> bool {
        let cameras = self.status.cameras();
        let Some(feed) = cameras.iter().find(|feed| feed.name() == camera) else { return false };
        feed.metrics().set_detection(is_on);
        self.turned.set();
        true
    }

    /// Set when one was turned.
    #[must_use]
    pub fn turned(&self) -> &EventFd {
        &self.turned
    }
}

impl KeptSwitches {
    /// What was kept. A file that cannot be read is logged, and counts as none.
    #[must_use]
    pub fn load() -> Self {
        let Some(file) = file() else { return Self::default() };
        let read = fs::read(&file).and_then(|text| serde_json::from_slice(&text).map_err(io::Error::other));
        read.unwrap_or_else(|error| {
            if error.kind() != io::ErrorKind::NotFound {
                warn!(
                    "cannot read {}: {error}; cameras with detection = \"last\" begin with detection on",
                    file.display()
                );
            }
            Self::default()
        })
    }

    /// Whether the stages looked at the frames of this camera last.
    #[must_use]
    pub fn detection(&self, camera: &str) -> bool {
        self.detection.get(camera).copied().unwrap_or(true)
    }

    /// Keeps the detection of a camera. Writes the file if that is new.
    pub fn set_detection(&mut self, camera: &str, is_on: bool) {
        if self.detection(camera) == is_on {
            return;
        }
        self.detection.insert(camera.to_owned(), is_on);
        let Some(file) = file() else { return warn!("there is no folder to keep the switches in; set XDG_STATE_HOME") };
        let folder = file.parent().map_or(Ok(()), fs::create_dir_all);
        let text = serde_json::to_string(self).expect("names and booleans");
        if let Err(error) = folder.and_then(|()| state::write(&file, &text)) {
            warn!("cannot keep the switches in {}: {error}", file.display());
        }
    }
}

fn file() -> Option<PathBuf> {
    Some(state::folder()?.join(FILE))
}

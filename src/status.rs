//! What is known of all cameras now, for people and monitoring. Whoever shows it asks for a [`Report`]; nothing is
//! reckoned while nobody asks.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    frame::Frame,
    output::statistics::{Snapshot, State, Statistics},
    slot::Slot,
    sync::Mutex,
    system::clock::{Monotonic, to_the_microsecond},
};

/// The cameras and where their numbers are.
#[derive(Debug)]
pub struct Status {
    started: Monotonic,
    slot: Arc<Slot<Frame>>,
    // The list is replaced, never changed: whoever asks holds the lock for one clone of the pointer.
    cameras: Mutex<Arc<[Arc<Statistics>]>>,
}

/// The daemon as it stands now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Program version.
    pub version: String,
    /// Wall time of the start.
    #[serde(serialize_with = "to_the_microsecond")]
    pub started_at: Timestamp,
    /// Whether all cameras are live.
    pub healthy: bool,
    /// In the order of the configuration.
    pub cameras: Vec<Snapshot>,
}

impl Status {
    /// The status of these cameras, which started now.
    #[must_use]
    pub fn new(slot: Arc<Slot<Frame>>, cameras: Vec<Arc<Statistics>>) -> Self {
        Self { started: Monotonic::now(), slot, cameras: Mutex::new(cameras.into()) }
    }

    /// The cameras' numbers, in the order of the configuration.
    pub fn cameras(&self) -> Arc<[Arc<Statistics>]> {
        self.cameras.lock().clone()
    }

    /// A camera as it stands now, by its place in the configuration.
    pub fn camera(&self, index: usize) -> Snapshot {
        self.snapshot(&self.cameras()[index])
    }

    fn snapshot(&self, one: &Statistics) -> Snapshot {
        one.snapshot(self.slot.counts(one.camera().index()))
    }

    /// Everything as it stands now.
    pub fn report(&self) -> Report {
        let cameras: Vec<_> = self.cameras().iter().map(|one| self.snapshot(one)).collect();
        Report {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: self.started.wall(),
            healthy: cameras.iter().all(|camera| camera.state == State::Live),
            cameras,
        }
    }
}

//! What there is to see: each camera and what the data plane leaves of it for others to look at.

use std::{sync::Arc, time::Duration};

use crate::{
    config,
    frame::{Camera, Frame},
    output::{
        hub::Hub,
        pane::{Pane, Shown},
        refusals::Refusals,
    },
    slot::Slot,
    system::clock::Monotonic,
};

/// A camera without a new frame for so long is lost.
pub(super) const LOST_AFTER: Duration = Duration::from_secs(5);

/// Everything that this plane looks at.
#[derive(Debug)]
pub struct Sights {
    /// In the order of the configuration.
    pub cameras: Vec<Sight>,
    /// Where frames wait, and are counted.
    pub slot: Arc<Slot<Frame>>,
    /// Where results and events come from.
    pub hub: Arc<Hub>,
    /// The port that frames come in at.
    pub websocket_port: u16,
}

/// One camera.
#[derive(Debug)]
pub struct Sight {
    /// Which.
    pub camera: Camera,
    /// As configured.
    pub settings: config::Camera,
    /// What was refused of it.
    pub refusals: Arc<Refusals>,
    /// Its newest frame.
    pub pane: Arc<Pane>,
}

/// How a camera is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// No frame of it was ever looked at.
    Waiting,
    /// Its newest frame is fresh.
    Live,
    /// Its newest frame, of this time, is not.
    Lost(Monotonic),
}

impl State {
    /// The word that answers use.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Live => "live",
            Self::Lost(_) => "lost",
        }
    }

    /// The state of a camera with this newest frame.
    pub(super) fn of(newest: Option<&Shown>) -> Self {
        let Some(shown) = newest else { return Self::Waiting };
        let captured_at = shown.frame.captured_at();
        if Monotonic::now().since(captured_at) < LOST_AFTER { Self::Live } else { Self::Lost(captured_at) }
    }
}

impl Sight {
    /// How the camera is doing now.
    pub(super) fn state(&self) -> State {
        State::of(self.pane.newest().as_deref())
    }

    /// How long until it is lost if no frame comes.
    pub(super) fn time_left(&self) -> Duration {
        let newest = self.pane.newest();
        newest.map_or(LOST_AFTER, |shown| LOST_AFTER.saturating_sub(Monotonic::now().since(shown.frame.captured_at())))
    }
}

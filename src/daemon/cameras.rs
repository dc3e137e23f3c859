//! The cameras of the running daemon, and how they change while it runs.

use std::sync::Arc;

use log::{info, warn};

use crate::{
    config,
    frame::{Camera, Frame},
    http::CameraView,
    hub::{Hub, latest_frame::LatestFrame},
    processor::{
        self,
        run::{Changes, Eye},
        stages::Stages,
    },
    slot::Slot,
    source::websocket::Gate,
    status::Status,
    telemetry::camera_metrics::CameraMetrics,
};

/// The cameras, and all that sources and the processor share because of them.
#[derive(Debug)]
pub(super) struct Cameras {
    /// In the order of the configuration.
    all: Vec<Watched>,
    /// Whether anybody can come and see their pictures.
    are_shown: bool,
    pub(super) status: Arc<Status>,
    pub(super) slot: Arc<Slot<Frame>>,
    pub(super) hub: Arc<Hub>,
    pub(super) changes: Arc<Changes>,
}

/// A camera as it was configured, and what stays the same if that changes.
#[derive(Clone, Debug)]
struct Watched {
    settings: config::Camera,
    statistics: Arc<CameraMetrics>,
    pane: Option<Arc<LatestFrame>>,
}

impl Cameras {
    /// None yet.
    pub(super) fn new(are_shown: bool) -> Self {
        let slot = Arc::new(Slot::new(0));
        let status = Arc::new(Status::new(slot.clone()));
        Self { all: Vec::new(), are_shown, status, slot, hub: Arc::default(), changes: Arc::default() }
    }

    /// Makes them those that `wanted` describes. Of those that did not change nothing is touched; what does change is
    /// ready when this returns: a cell for the frames of a new camera, eyes that the processor takes over between two
    /// frames, and no way into the cell of a camera that is gone.
    ///
    /// # Errors
    /// When a stage cannot start. Nothing has changed then.
    pub(super) fn set(&mut self, wanted: &[config::Camera]) -> Result<(), processor::StartError> {
        let (mut all, mut eyes) = (Vec::new(), Vec::new());
        for settings in wanted {
            // Fed from elsewhere, it is another camera, and those who sent its frames are sent away.
            let is_same = |known: &Watched| {
                known.settings.name == settings.name && known.settings.v4l2.is_some() == settings.v4l2.is_some()
            };
            let known = self.all.iter().find(|known| is_same(known));
            let mut watched = known.cloned().unwrap_or_else(|| self.open(settings));
            if known.is_none() || watched.settings != *settings {
                watched.settings = settings.clone();
                eyes.push((settings, watched.eye()?));
            }
            all.push(watched);
        }
        for (settings, eye) in eyes {
            tell_settings(settings);
            self.changes.post(eye.camera().clone(), Some(eye));
        }
        let is_kept = |known: &&Watched| all.iter().any(|one| Arc::ptr_eq(&one.statistics, &known.statistics));
        for gone in self.all.iter().filter(|known| !is_kept(known)) {
            self.shut(&gone.statistics);
        }
        self.status.set(all.iter().map(|watched| watched.statistics.clone()).collect());
        self.all = all;
        Ok(())
    }

    /// The cameras as the WebSocket port is to know them.
    pub(super) fn gates(&self) -> Vec<Gate> {
        let gate = |watched: &Watched| Gate {
            statistics: watched.statistics.clone(),
            is_local: watched.settings.v4l2.is_some(),
        };
        self.all.iter().map(gate).collect()
    }

    /// Those that are plugged into this machine, each with its numbers.
    pub(super) fn plugged_in(&self) -> impl Iterator<Item = (&config::Camera, &Arc<CameraMetrics>)> {
        let plugged_in = self.all.iter().filter(|watched| watched.settings.v4l2.is_some());
        plugged_in.map(|watched| (&watched.settings, &watched.statistics))
    }

    /// What there is to see of them, if they are shown.
    pub(super) fn views(&self) -> Vec<CameraView> {
        let view = |watched: &Watched| {
            let Watched { settings, statistics, pane } = watched.clone();
            pane.map(|pane| CameraView { settings, metrics: statistics, latest_frame: pane })
        };
        self.all.iter().filter_map(view).collect()
    }

    /// What became of each camera's frames, in a line each.
    pub(super) fn tell_counts(&self) {
        self.status.cameras().iter().for_each(|camera| tell_counts(camera, &self.slot));
    }

    fn open(&self, settings: &config::Camera) -> Watched {
        let camera = Camera::new(self.slot.open(), &settings.name);
        let statistics = Arc::new(CameraMetrics::new(camera, self.hub.clone()));
        Watched { settings: settings.clone(), statistics, pane: self.are_shown.then(Arc::default) }
    }

    fn shut(&self, statistics: &CameraMetrics) {
        let camera = statistics.camera();
        self.slot.shut(camera.index());
        self.changes.post(camera.clone(), None);
        info!(CAMERA = camera.name(); "{}: removed", camera.name());
        tell_counts(statistics, &self.slot);
    }
}

impl Watched {
    /// An eye that looks for what is configured.
    fn eye(&self) -> Result<Eye, processor::StartError> {
        let camera = self.statistics.camera().clone();
        let stages = Stages::new(&camera, &self.settings)?;
        Ok(Eye::new(camera, stages, self.statistics.clone(), self.pane.clone()))
    }
}

fn tell_settings(settings: &config::Camera) {
    let name = settings.name.as_str();
    if settings.motion.is_some() {
        info!(CAMERA = name; "{name}: its frames are looked at for motion");
    } else {
        warn!(CAMERA = name; "{name}: its frames are timed but not looked at; add [camera.motion] to see motion");
    }
}

/// What became of a camera's frames, in a line.
fn tell_counts(statistics: &CameraMetrics, slot: &Slot<Frame>) {
    let name = statistics.camera().name();
    let counts = slot.counts(statistics.camera().index());
    let causes = statistics.refusals();
    let refused: u64 = causes.values().sum();
    let causes: Vec<_> = causes.iter().map(|(cause, count)| format!("{cause} {count}")).collect();
    let causes = if causes.is_empty() { String::new() } else { format!(" ({})", causes.join(", ")) };
    info!(
        CAMERA = name, TAKEN = counts.taken, SUPERSEDED = counts.superseded, REFUSED = refused;
        "{name}: {} frames published, {} taken, {} superseded, {} waiting; {refused} refused{causes}",
        counts.published, counts.taken, counts.superseded, counts.waiting
    );
}

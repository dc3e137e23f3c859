//! The cameras of the running daemon, and how they change while it runs.

use std::sync::Arc;

use log::{info, warn};

use super::processors::Processor;
use crate::{
    camera::{Branch, Feed},
    config::{self, Detection, MAIN, ProcessorStages},
    counting::Counting,
    frame::Camera,
    http::CameraView,
    hub::Hub,
    moving_mask::MovingMask,
    picture::latest_frame::{LatestFrame, LatestFrames},
    processor::{pipeline::CameraPipeline, worker::PipelineUpdates},
    source::websocket::CameraEndpoint,
    stage::{Models, StageContext, Stages},
    status::Status,
    switches::KeptSwitches,
    system::clock::Monotonic,
    telemetry::camera_metrics::CameraMetrics,
};

/// The cameras, and all that sources and the processor share because of them.
#[derive(Debug)]
pub(super) struct Cameras {
    /// In the order of the configuration.
    all: Vec<RunningCamera>,
    /// Whether anybody can come and see their pictures.
    have_viewers: bool,
    pub(super) status: Arc<Status>,
    processors: Vec<Processor>,
    pub(super) hub: Arc<Hub>,
    /// The newest frame of each camera, if they are shown.
    pub(super) frames: Arc<LatestFrames>,
    kept: KeptSwitches,
}

/// A camera as it was configured, and what stays the same if that changes.
#[derive(Clone, Debug)]
pub(super) struct RunningCamera {
    pub(super) settings: config::Camera,
    pub(super) feed: Arc<Feed>,
    /// One for each of `settings.processors`.
    branches: Vec<Arc<Branch>>,
    latest: Option<Arc<LatestFrame>>,
    /// Whether its stages look at its frames.
    detects: bool,
}

/// The cameras of another configuration, ready to take the place of those that run.
#[derive(Debug)]
pub(super) struct NextCameras {
    all: Vec<RunningCamera>,
    /// For each of them whether its stages are other ones than before.
    are_changed: Vec<bool>,
}

impl Cameras {
    /// None yet.
    pub(super) fn new(have_viewers: bool, processors: &[Processor]) -> Self {
        let (hub, frames, status) = (Arc::default(), Arc::default(), Arc::new(Status::new()));
        let (all, kept) = (Vec::new(), KeptSwitches::load());
        let mut cameras = Self { all, have_viewers, status, processors: Vec::new(), hub, frames, kept };
        cameras.set_processors(processors);
        cameras
    }

    /// Makes these the processors, those before among them.
    pub(super) fn set_processors(&mut self, processors: &[Processor]) {
        self.processors = processors.to_vec();
        self.status.set_processors(processors.iter().map(|processor| processor.metrics.clone()).collect());
    }

    /// What the cameras that `wanted` describes need: cells for the frames of new ones. Nobody notices yet.
    pub(super) fn prepare(&self, wanted: &[config::Camera]) -> NextCameras {
        let (mut all, mut are_changed) = (Vec::new(), Vec::new());
        for settings in wanted {
            // Fed from elsewhere, it is another camera, and those who sent its frames are sent away.
            let is_same = |known: &&RunningCamera| {
                known.settings.name == settings.name && known.settings.v4l2.is_some() == settings.v4l2.is_some()
            };
            let known = self.all.iter().find(is_same);
            are_changed.push(known.is_none_or(|known| known.settings != *settings));
            all.push(match known {
                Some(known) => {
                    let is_kept = known.settings.detection == settings.detection;
                    let detects = if is_kept { known.detects } else { self.detects(settings) };
                    let branches = self.branches(settings, &known.branches);
                    RunningCamera { settings: settings.clone(), detects, branches, ..known.clone() }
                }
                None => self.open(settings),
            });
        }
        NextCameras { all, are_changed }
    }

    /// Makes them the cameras. Of those that did not change nothing is touched; of the others everything is ready when this
    /// returns: pipelines that the processor takes over between two frames, and no way into the cells of a camera that is
    /// gone. Cannot fail.
    pub(super) fn apply(&mut self, next: NextCameras) {
        let NextCameras { all, are_changed } = next;
        for (camera, _) in all.iter().zip(are_changed).filter(|(_, is_changed)| *is_changed) {
            // First: from now on no picture leaves without its masks, and then no frame is looked at without them.
            if let Some(latest) = &camera.latest {
                latest.set_masks(&camera.settings.masks);
            }
            log_settings(camera);
            // Otherwise it stays as clients switched it, maybe just now.
            let earlier = self.all.iter().find(|known| Arc::ptr_eq(&known.feed, &camera.feed));
            if earlier.is_none_or(|known| known.settings.detection != camera.settings.detection) {
                camera.feed.metrics().set_detection(camera.detects);
            }
            let before = camera.feed.branches();
            self.post_pipelines(camera);
            camera.feed.set_branches(camera.branches.clone());
            for gone in before.iter().filter(|branch| !camera.branches.iter().any(|one| Arc::ptr_eq(one, branch))) {
                let updates = self.updates(gone);
                updates.iter().for_each(|updates| updates.post_last(gone.clone(), camera.last_pipeline(gone)));
            }
        }
        let is_kept = |known: &&RunningCamera| all.iter().any(|one| Arc::ptr_eq(&one.feed, &known.feed));
        for gone in self.all.iter().filter(|known| !is_kept(known)) {
            self.shut(&gone.feed);
        }
        self.wake(); // no frame may come that brings a processor to look
        let of_all = all.iter().map(|camera| (camera.feed.clone(), camera.settings.clone()));
        let (feeds, settings) = of_all.unzip();
        self.status.set(feeds, settings);
        let latest = |camera: &RunningCamera| Some((camera.settings.name.clone(), camera.latest.clone()?));
        self.frames.set(all.iter().filter_map(latest).collect());
        self.all = all;
    }

    /// Has the stages look at the frames of those cameras alone whose switches say so. Events that go on end.
    pub(super) fn apply_switches(&mut self) {
        let mut switched = Vec::new();
        for camera in &mut self.all {
            let is_on = camera.feed.metrics().detection();
            if is_on == camera.detects {
                continue;
            }
            camera.detects = is_on;
            let (name, state) = (camera.feed.name(), if is_on { "on" } else { "off" });
            info!(CAMERA = name; "{name}: detection is switched {state}");
            switched.push(camera.clone());
            if camera.settings.detection == Detection::Last {
                self.kept.set_detection(camera.feed.name(), is_on);
            }
        }
        switched.iter().for_each(|camera| self.post_pipelines(camera));
        self.wake();
    }

    /// Whether a camera begins with detection.
    fn detects(&self, settings: &config::Camera) -> bool {
        match settings.detection {
            Detection::On => true,
            Detection::Off => false,
            Detection::Last => self.kept.detection(&settings.name),
        }
    }

    /// The cameras as the WebSocket port is to know them.
    pub(super) fn endpoints(&self) -> Vec<CameraEndpoint> {
        let endpoint = |camera: &RunningCamera| CameraEndpoint {
            feed: camera.feed.clone(),
            is_local: camera.settings.v4l2.is_some(),
        };
        self.all.iter().map(endpoint).collect()
    }

    /// What there is to see of them, if they are shown.
    pub(super) fn views(&self) -> Vec<CameraView> {
        let view = |camera: &RunningCamera| {
            let RunningCamera { settings, feed, latest, .. } = camera.clone();
            latest.map(|latest_frame| CameraView { settings, metrics: feed.metrics().clone(), latest_frame })
        };
        self.all.iter().filter_map(view).collect()
    }

    /// What became of each camera's frames, in a line each.
    pub(super) fn log_counts(&self) {
        self.all.iter().for_each(|camera| log_counts(&camera.feed));
    }

    fn open(&self, settings: &config::Camera) -> RunningCamera {
        let metrics = Arc::new(CameraMetrics::new(Camera::new(&settings.name)));
        let branches = self.branches(settings, &[]);
        let feed = Arc::new(Feed::new(branches.clone(), metrics, self.hub.clone()));
        let (latest, detects) = (self.have_viewers.then(Arc::default), self.detects(settings));
        RunningCamera { settings: settings.clone(), feed, branches, latest, detects }
    }

    /// A branch to each processor that the camera has stages on: one of the `known`, or a new one.
    fn branches(&self, settings: &config::Camera, known: &[Arc<Branch>]) -> Vec<Arc<Branch>> {
        let branch = |part: &ProcessorStages| {
            let known = known.iter().find(|branch| **branch.processor() == *part.processor);
            let open = || {
                let processor = self.processors.iter().find(|processor| *processor.name == *part.processor)?;
                Some(Arc::new(Branch::new(processor.name.clone(), processor.slot.open())))
            };
            known.cloned().or_else(open)
        };
        // Every processor that is configured runs.
        settings.processors.iter().filter_map(branch).collect()
    }

    fn updates(&self, branch: &Branch) -> Option<&PipelineUpdates> {
        let processor = self.processors.iter().find(|processor| processor.name == *branch.processor());
        processor.map(|processor| &*processor.updates)
    }

    /// Has the camera's frames go through pipelines of what is configured.
    fn post_pipelines(&self, camera: &RunningCamera) {
        let zones = camera.settings.stages.zones().into_iter().map(|(_, zone)| zone.clone());
        let context = StageContext {
            tracks: camera.settings.stages.label_tracks().then(Arc::default),
            zones: zones.collect(),
            models: None,
            questions: camera.feed.metrics().questions().clone(),
            looks: camera.settings.has_moving_masks().then(Arc::default),
        };
        for (index, branch) in camera.branches.iter().enumerate() {
            let updates = self.updates(branch);
            let models = Models {
                pool: self.status.models().clone(),
                processor: branch.processor().to_string(),
                manifests: camera.settings.models.clone(),
            };
            let pipeline = camera.pipeline(index, &StageContext { models: Some(models), ..context.clone() });
            if let Some(updates) = updates {
                updates.post(branch.cell().id(), Some(pipeline));
            }
        }
    }

    fn wake(&self) {
        self.processors.iter().for_each(|processor| processor.slot.wake());
    }

    fn shut(&self, feed: &Feed) {
        let name = feed.name();
        feed.shut();
        for branch in &*feed.branches() {
            self.updates(branch).iter().for_each(|updates| updates.post(branch.cell().id(), None));
        }
        info!(CAMERA = name; "{name}: removed");
        log_counts(feed);
    }
}

impl NextCameras {
    /// Those that are plugged into this machine.
    pub(super) fn local(&self) -> impl Iterator<Item = &RunningCamera> {
        self.all.iter().filter(|camera| camera.settings.v4l2.is_some())
    }
}

impl RunningCamera {
    /// The pipeline of its branch number `index`, which looks for what is configured there.
    fn pipeline(&self, index: usize, context: &StageContext) -> CameraPipeline {
        let none = Stages::default();
        let parts = &self.settings.processors;
        let stages = parts.get(index).filter(|_| self.detects).map_or(&none, |part| &part.stages);
        // Lines and zones count what a stage follows: where it looks, they are counted. Masks move with it, too: there its
        // frames are left for those who want to see them, instead of on the first processor.
        let tracks_index = parts.iter().position(|part| part.stages.have_tracks()).unwrap_or(0);
        let shown_index = if context.looks.is_some() && self.detects { tracks_index } else { 0 };
        let latest = self.latest.clone().filter(|_| index == shown_index);
        let zones = self.settings.stages.zones().into_iter().map(|(_, zone)| zone);
        let mut pipeline =
            CameraPipeline::new(stages, context, self.feed.metrics().clone(), latest).with_masks(&self.settings.masks);
        if index == tracks_index {
            pipeline = pipeline.with_counting(Counting::new(&self.settings.lines, zones, Monotonic::now()));
        }
        if let (Some(tracks), Some(looks)) = (&context.tracks, &context.looks)
            && index == tracks_index
        {
            let moving_mask = MovingMask::new(&self.settings.masks, tracks.clone(), looks.clone());
            pipeline = pipeline.with_moving_mask(moving_mask);
        }
        if let Some(branch) = self.branches.get(index).filter(|_| index > 0) {
            pipeline = pipeline.on_further(branch.further_results().clone());
        }
        pipeline
    }

    /// A pipeline for the last frame of a branch that it had. It has no stages, so that nobody gets to see the frame.
    fn last_pipeline(&self, branch: &Branch) -> CameraPipeline {
        CameraPipeline::new(&Stages::default(), &StageContext::default(), self.feed.metrics().clone(), None)
            .on_further(branch.further_results().clone())
    }
}

fn log_settings(camera: &RunningCamera) {
    let settings = &camera.settings;
    let name = settings.name.as_str();
    let stages = settings.stages.names();
    if stages.is_empty() {
        warn!(CAMERA = name; "{name}: no stage is configured, so fovea only measures the age of its frames; add a stage, such as [camera.motion]");
    } else {
        let off = if camera.detects { "" } else { "; detection is switched off" };
        let others: Vec<_> = settings.processors.iter().filter(|part| part.processor != MAIN).collect();
        let named = |stage: &&str| {
            let elsewhere = others.iter().find(|part| part.stages.names().contains(stage));
            elsewhere.map_or_else(|| (*stage).to_owned(), |part| format!("{stage} on {}", part.processor))
        };
        let stages: Vec<_> = stages.iter().map(named).collect();
        info!(CAMERA = name; "{name}: stages on its frames: {}{off}", stages.join(", "));
    }
    match settings.masks.len() {
        0 => {}
        1 => info!(CAMERA = name; "{name}: 1 privacy mask"),
        masks => info!(CAMERA = name; "{name}: {masks} privacy masks"),
    }
    if settings.has_moving_masks() {
        info!(CAMERA = name; "{name}: of privacy masks with labels, whatever moves and the network did not judge is covered, too");
    }
}

/// What became of a camera's frames, in a line.
fn log_counts(feed: &Feed) {
    let (name, counts, reasons) = (feed.name(), feed.counts(), feed.metrics().rejections());
    let refused: u64 = reasons.values().sum();
    let reasons: Vec<_> = reasons.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
    let reasons = if reasons.is_empty() { String::new() } else { format!(" ({})", reasons.join(", ")) };
    info!(
        CAMERA = name, TAKEN = counts.taken, SUPERSEDED = counts.superseded, REFUSED = refused;
        "{name}: {} frames published, {} taken, {} superseded, {} waiting; {refused} refused{reasons}",
        counts.published, counts.taken, counts.superseded, counts.waiting
    );
    for branch in feed.branches().iter().skip(1) {
        let (processor, counts) = (branch.processor(), branch.cell().counts());
        info!(
            CAMERA = name, PROCESSOR = &**processor, TAKEN = counts.taken, SUPERSEDED = counts.superseded;
            "{name}: {} of its frames taken by the processor {processor}, {} superseded",
            counts.taken, counts.superseded
        );
    }
}

//! A camera's pipeline: its stages, and what becomes of each of its frames.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use log::warn;

use super::views::{Needs, Scratch, Views};
use crate::{
    camera::reject,
    config::mask::Mask,
    counting::Counting,
    event::{EventChange, EventIds},
    frame::{Camera, Frame},
    hub::{Hub, Topic},
    message::{Age, Details, Detection, FrameResult, Message, Taken},
    picture::latest_frame::LatestFrame,
    privacy_mask::PrivacyMask,
    stage::{Seen, Stage, Stages},
    system::clock::Monotonic,
    telemetry::{
        camera_metrics::{CameraMetrics, StageMetrics},
        log_limiter::LogLimiter,
        rejections::RejectReason,
    },
    tracking::Track,
};

/// One camera, as the processor has it.
#[derive(Debug)]
pub struct CameraPipeline {
    camera: Camera,
    stages: Vec<NamedStage>,
    counting: Counting,
    ids: EventIds,
    metrics: Arc<CameraMetrics>,
    decoding: Arc<StageMetrics>,
    /// What its stages do not get to see.
    mask: Option<PrivacyMask>,
    /// Where its newest frame is left, if anybody can come and see.
    latest: Option<Arc<LatestFrame>>,
}

#[derive(Debug)]
struct NamedStage {
    name: &'static str,
    stage: Box<dyn Stage>,
    metrics: Arc<StageMetrics>,
    failures: LogLimiter,
}

/// What all stages say of one frame.
#[derive(Debug, Default)]
struct Outcome {
    details: Details,
    detections: Vec<Detection>,
    errors: BTreeMap<Cow<'static, str>, String>,
    events: Vec<EventChange>,
    tracks: Vec<Track>,
}

impl CameraPipeline {
    /// A pipeline of `stages` that has seen nothing yet.
    #[must_use]
    pub fn new(stages: &Stages, metrics: Arc<CameraMetrics>, latest: Option<Arc<LatestFrame>>) -> Self {
        let camera = metrics.camera().clone();
        let (ids, decoding) = (EventIds::new(camera.name()), metrics.stage("decode"));
        let named =
            |(name, stage)| NamedStage { name, stage, metrics: metrics.stage(name), failures: LogLimiter::default() };
        let stages = stages.build().into_iter().map(named).collect();
        Self { camera, stages, counting: Counting::of_nothing(), ids, decoding, mask: None, latest, metrics }
    }

    /// The same pipeline, whose tracks are counted.
    #[must_use]
    pub fn with_counting(self, counting: Counting) -> Self {
        Self { counting, ..self }
    }

    /// The same pipeline, whose stages do not get to see what is in these masks.
    #[must_use]
    pub fn with_masks(self, masks: &[Mask]) -> Self {
        Self { mask: PrivacyMask::new(masks), ..self }
    }

    /// Takes the place of an earlier pipeline of the same camera: ids of events and counts go on from there.
    pub fn continue_from(&mut self, earlier: &Self) {
        self.ids.continue_from(&earlier.ids);
        self.counting.continue_from(&earlier.counting);
    }

    /// Shows the counts as they stand to status, page and metrics.
    pub fn publish_counts(&self) {
        self.metrics.set_counts(self.counting.counts());
    }

    /// Looks at a frame and publishes what was seen, or that it could not be looked at.
    pub fn process(&mut self, frame: &Frame, superseded: u64, scratch: &mut Scratch, hub: &Hub) {
        let start = age(frame);
        let taken = || Taken { camera: self.camera.name().to_owned(), seq: frame.seq() };
        hub.publish(&self.camera, Topic::Taken, || Message::Taken(taken()));
        let Outcome { details, detections, errors, mut events, tracks } = match self.look(frame, scratch) {
            Ok(outcome) => outcome,
            Err(reason) => return reject(&self.camera, &self.metrics, hub, frame.seq(), &reason),
        };
        events.extend(self.counting.observe(&tracks, frame.size(), frame.captured_at()));
        let detections: Arc<[_]> = detections.into();
        // First: who hears the result finds its frame, and it counted.
        if let Some(latest) = &self.latest {
            latest.store(frame, &detections);
        }
        let end = age(frame);
        self.metrics.record_result(start, end);
        self.publish_counts();
        hub.publish(&self.camera, Topic::Results, || {
            Message::Result(FrameResult {
                camera: self.camera.name().to_owned(),
                seq: frame.seq(),
                captured_at: frame.captured_at().wall(),
                captured_by: frame.captured_by(),
                superseded,
                size_px: [frame.size().width_px, frame.size().height_px],
                age_ms: Age { start: millis(start), result: millis(end) },
                details,
                detections,
                counts: self.counting.counts().cloned(),
                errors,
            })
        });
        self.publish_events(events, Some(end), hub);
    }

    /// When something ends by itself if no frame comes before.
    #[must_use]
    pub fn deadline(&self) -> Option<Monotonic> {
        self.stages.iter().filter_map(|named| named.stage.deadline()).chain(self.counting.deadline()).min()
    }

    /// Ends what has ended by itself.
    pub fn expire(&mut self, now: Monotonic, hub: &Hub) {
        let mut events: Vec<_> = self.stages.iter_mut().flat_map(|named| named.stage.expire(now)).collect();
        events.extend(self.counting.expire(now));
        self.publish_counts();
        self.publish_events(events, None, hub);
    }

    /// Ends everything that its stages were in the middle of.
    pub fn retire(&mut self, hub: &Hub) {
        let mut events: Vec<_> = self.stages.iter_mut().flat_map(|named| named.stage.retire()).collect();
        events.extend(self.counting.end());
        self.publish_events(events, None, hub);
    }

    /// Shows a frame to every stage. One that fails costs only its own part.
    fn look(&mut self, frame: &Frame, scratch: &mut Scratch) -> Result<Outcome, RejectReason> {
        let needs = self.stages.iter().map(|named| named.stage.needs()).fold(Needs::nothing(), Needs::and);
        let began = Instant::now();
        let Some(views) = Views::decode_masked(frame, needs, self.mask.as_ref(), scratch)? else {
            return Ok(Outcome::default());
        };
        let mut before = Instant::now();
        self.decoding.times.record(before - began);
        let mut outcome = Outcome::default();
        for NamedStage { name, stage, metrics, failures } in &mut self.stages {
            match stage.look(&views, frame) {
                Ok(Seen { detections, detail, events, tracks }) => {
                    if let Some(detail) = detail {
                        outcome.details.push(name, detail);
                    }
                    outcome.tracks.extend(tracks);
                    outcome.detections.extend(detections);
                    outcome.events.extend(events);
                }
                Err(error) => {
                    metrics.count_error();
                    let (camera, seq) = (self.camera.name(), frame.seq());
                    if let Some(suppressed) = failures.check() {
                        warn!(CAMERA = camera; "{camera}: {name} failed on frame {seq}: {error}{suppressed}");
                    }
                    outcome.errors.insert(Cow::Borrowed(*name), error.to_string());
                }
            }
            let now = Instant::now();
            metrics.times.record(now - before);
            before = now;
        }
        Ok(outcome)
    }

    fn publish_events(&mut self, changes: Vec<EventChange>, age: Option<Duration>, hub: &Hub) {
        for change in changes {
            let event = self.ids.event(change, age);
            hub.publish(&self.camera, Topic::Events, || Message::Event(event));
        }
    }
}

/// How long ago the frame was captured.
fn age(frame: &Frame) -> Duration {
    Monotonic::now().since(frame.captured_at())
}

/// Milliseconds, to the microsecond.
fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

//! A camera's pipeline: its stages on one processor, and what becomes of each frame that this takes.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    mem,
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
    moving_mask::MovingMask,
    picture::latest_frame::LatestFrame,
    privacy_mask::PrivacyMask,
    stage::{Seen, Stage, StageContext, Stages},
    system::clock::Monotonic,
    telemetry::{
        camera_metrics::{CameraMetrics, StageMetrics},
        log_limiter::LogLimiter,
        processor_metrics::FurtherResults,
        rejections::RejectReason,
    },
    tracking::Track,
};

/// One camera, as a processor has it.
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
    /// What covers things that its stages follow and find, in what is left for others to see.
    moving_mask: Option<MovingMask>,
    /// Where its newest frame is left, if anybody can come and see.
    latest: Option<Arc<LatestFrame>>,
    /// If this is not the camera's first processor: what is counted here instead of the camera's numbers.
    further: Option<Arc<FurtherResults>>,
    /// Whether the camera's lines and zones are counted here; else another of its pipelines may count them.
    is_counting: bool,
    /// Whether senders still wait to hear of a frame that was given to the earlier pipeline, the camera's first one.
    owes_taken: bool,
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
    pub fn new(
        stages: &Stages,
        context: &StageContext,
        metrics: Arc<CameraMetrics>,
        latest: Option<Arc<LatestFrame>>,
    ) -> Self {
        let camera = metrics.camera().clone();
        let ids = EventIds::new(camera.name(), metrics.started_events().clone());
        let decoding = metrics.stage("decode");
        let named =
            |(name, stage)| NamedStage { name, stage, metrics: metrics.stage(name), failures: LogLimiter::default() };
        let stages = stages.build(context).into_iter().map(named).collect();
        let (further, is_counting, owes_taken) = (None, false, false);
        let (counting, mask, moving_mask) = (Counting::of_nothing(), None, None);
        Self {
            camera,
            stages,
            counting,
            ids,
            decoding,
            mask,
            moving_mask,
            latest,
            metrics,
            further,
            is_counting,
            owes_taken,
        }
    }

    /// The same pipeline, whose tracks are counted: at most one of a camera's.
    #[must_use]
    pub fn with_counting(self, counting: Counting) -> Self {
        Self { counting, is_counting: true, ..self }
    }

    /// The same pipeline, whose stages do not get to see what is in these masks, but for those that move.
    #[must_use]
    pub fn with_masks(self, masks: &[Mask]) -> Self {
        Self { mask: PrivacyMask::of_stages(masks), ..self }
    }

    /// The same pipeline, which leaves its frames with what these masks cover of them. One of its stages follows what moves.
    #[must_use]
    pub fn with_moving_mask(self, moving_mask: MovingMask) -> Self {
        Self { moving_mask: Some(moving_mask), ..self }
    }

    /// The same on a processor that is not the camera's first one: its results are told apart from those of the first one,
    /// and counted by themselves in `results`; senders do not hear which frames it takes.
    #[must_use]
    pub fn on_further(self, results: Arc<FurtherResults>) -> Self {
        Self { further: Some(results), ..self }
    }

    /// Takes the place of an earlier pipeline of the same camera: counts go on from there.
    pub fn continue_from(&mut self, earlier: &Self) {
        self.counting.continue_from(&earlier.counting);
        self.owes_taken = earlier.owes_taken || (earlier.further.is_none() && self.further.is_some());
    }

    /// Shows the counts as they stand to status, page and metrics.
    pub fn publish_counts(&self) {
        if self.is_counting {
            self.metrics.set_counts(self.counting.counts());
        }
    }

    /// Looks at a frame and publishes what was seen, or that it could not be looked at.
    pub fn process(&mut self, frame: &Frame, superseded: u64, scratch: &mut Scratch, hub: &Hub) {
        let start = age(frame);
        if self.further.is_none() || mem::take(&mut self.owes_taken) {
            let taken = || Taken { camera: self.camera.name().to_owned(), seq: frame.seq() };
            hub.publish(&self.camera, Topic::Taken, || Message::Taken(taken()));
        }
        let needs = self.stages.iter().map(|named| named.stage.needs()).fold(Needs::nothing(), Needs::and);
        if self.further.is_some() && needs.are_none() {
            return; // no stage has anything to say of it, or detection is switched off
        }
        let Outcome { details, detections, errors, mut events, tracks } = match self.look(frame, needs, scratch) {
            Ok(outcome) => outcome,
            Err(reason) => return self.reject(frame.seq(), &reason, hub),
        };
        events.extend(self.counting.observe(&tracks, frame.size(), frame.captured_at()));
        let detections: Arc<[_]> = detections.into();
        // First: who hears the result finds its frame, and it counted.
        if let Some(latest) = &self.latest {
            let mask = self.moving_mask.as_mut();
            latest.store(frame, &detections, mask.and_then(|mask| mask.cover(frame.captured_at(), frame.size())));
        }
        let end = age(frame);
        match &self.further {
            None => self.metrics.record_result(start, end),
            Some(results) => results.record(end),
        }
        self.publish_counts();
        hub.publish(&self.camera, Topic::Results, || {
            Message::Result(FrameResult {
                camera: self.camera.name().to_owned(),
                seq: frame.seq(),
                processor: self.further.as_ref().map(|results| results.processor().clone()),
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
    fn look(&mut self, frame: &Frame, needs: Needs, scratch: &mut Scratch) -> Result<Outcome, RejectReason> {
        let began = Instant::now();
        let Some(views) = Views::decode_masked(frame, needs, self.mask.as_ref(), scratch)? else {
            return Ok(Outcome::default());
        };
        let mut before = Instant::now();
        self.decoding.times.record(before - began);
        let mut outcome = Outcome::default();
        for NamedStage { name, stage, metrics, failures } in &mut self.stages {
            match stage.look(&views, frame) {
                Ok(Seen { detections, detail, events }) => {
                    if let Some(detail) = detail {
                        outcome.details.push(name, detail);
                    }
                    if self.counting.has_something_to_count() {
                        outcome.tracks.extend(stage.tracks());
                    }
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

    /// A frame that cannot be decoded. Its sender is answered once, by the camera's first processor.
    fn reject(&self, seq: u64, reason: &RejectReason, hub: &Hub) {
        match &self.further {
            None => reject(&self.camera, &self.metrics, hub, seq, reason),
            Some(results) => results.count_refused(),
        }
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

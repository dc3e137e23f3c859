//! Motion: what moves in front of a still camera.
//!
//! `settings` is what `[camera.motion]` says, `detector` finds what moves in one frame after the other. Things that move are
//! events by zone; a change of the whole picture at once, while it is learnt anew, is an event `scene`.

mod appearance;
mod background;
mod course;
pub mod detector;
mod dry;
mod habits;
mod mask;
mod memory;
mod persistence;
mod plausible;
mod regions;
mod rims;
mod settings;
mod silhouette;
mod smooth;
mod veil;

use std::{borrow::Cow, sync::Arc, time::Duration};

use opencv::{core::ToInputArray, prelude::*};
use serde_json::value::to_raw_value;

pub use self::settings::Settings;
use self::{
    appearance::{Appearance, MOST_LOOKS},
    detector::{Detector, Motion},
    habits::Habits,
    plausible::{Plausibility, Surroundings},
};
use super::{Seen, Stage, StageError, StageSettings};
use crate::{
    event::{
        EventChange,
        condition::Condition,
        ignored::{IgnoredLabels, Verdict},
        zone_tracker::ZoneTracker,
    },
    frame::{Frame, Size},
    geometry::foot_point,
    message::{Detection, Rect},
    processor::views::{Needs, Views},
    system::clock::Monotonic,
    tracking::{
        Track, Tracker,
        shared::{Label, SharedTracks, Snapshot},
    },
};

/// The label of what moves, and the kind of its events.
const MOTION: &str = "motion";

/// The kind of event of a whole picture that changed at once.
const SCENE: &str = "scene";

/// Frames this far apart are too few to judge a track by in the half second that an event may take to start.
const TOO_SLOW: Duration = Duration::from_millis(300);

/// Boxes in a picture that is full of weather.
const MANY: usize = 6;

/// How long a thing that is hidden is the same afterwards: the hold time of events, in these bounds. Longer than that nobody can
/// say where it should be.
const SHORTEST_HOLD: Duration = Duration::from_secs(1);
const LONGEST_HOLD: Duration = Duration::from_secs(10);

/// The stage of one camera.
#[derive(Debug)]
pub struct MotionStage {
    width_px: u32,
    detector: Detector,
    tracker: Tracker,
    plausibility: Plausibility,
    habits: Habits,
    /// Who wants to know of the tracks, and says what they are.
    shared: Option<Arc<SharedTracks>>,
    last_frame: Option<Monotonic>,
    zones: ZoneTracker,
    ignored: IgnoredLabels,
    scene: Condition,
    /// The first learning is no event: nothing changed.
    has_learnt: bool,
    /// The scene is not the camera's first: habits are known from those before, as a light that was switched moves nothing.
    has_changed: bool,
}

impl MotionStage {
    /// A stage that knows nothing yet.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        let hold = settings.hold_ms.ms();
        Self {
            width_px: settings.width_px.u32(),
            detector: Detector::new(settings),
            tracker: Tracker::new(hold.clamp(SHORTEST_HOLD, LONGEST_HOLD)),
            plausibility: Plausibility::new(),
            habits: Habits::new(),
            shared: None,
            last_frame: None,
            zones: ZoneTracker::new(MOTION, hold, settings.zones()),
            ignored: IgnoredLabels::new(settings.zones()),
            scene: Condition::new(SCENE, hold),
            has_learnt: false,
            has_changed: false,
        }
    }

    /// The same stage, whose tracks are published there, and have their labels from there.
    #[must_use]
    pub fn with_shared_tracks(self, shared: Option<Arc<SharedTracks>>) -> Self {
        Self { shared, ..self }
    }

    /// What moves in the next picture, and what it starts or ends.
    ///
    /// `luma` is rows x columns x 1 bytes, a small version of a picture of the size `full`, captured at `at`.
    ///
    /// # Errors
    /// When `luma` is empty or not of bytes.
    pub fn observe(
        &mut self,
        luma: &(impl MatTraitConst + ToInputArray),
        full: Size,
        at: Monotonic,
    ) -> opencv::Result<(Motion, Vec<Detection>, Vec<EventChange>)> {
        let motion = self.detector.detect(luma, full, at)?;
        let tracks = self.tracker.observe(&motion.boxes, at);
        let detections: Vec<_> =
            motion.boxes.iter().zip(tracks).map(|(bounds, track)| self.detection(*bounds, track)).collect();
        let mut events: Vec<_> = self.scene.expire(at).into_iter().collect();
        events.extend(self.observe_scene(motion.relearning, at));
        let plausible = self.plausible(&detections, full, motion.relearning, at)?;
        events.extend(self.zones.observe(&plausible, full, at));
        Ok((motion, detections, events))
    }

    /// The detections that are worth an event, which what is ignored by its label is not. At a slow frame rate all are: there are too
    /// few frames to judge a track by.
    fn plausible(
        &mut self,
        detections: &[Detection],
        full: Size,
        is_relearning: bool,
        at: Monotonic,
    ) -> opencv::Result<Vec<Detection>> {
        let passed = self.last_frame.replace(at).map(|last| at.since(last));
        let is_alone = passed.is_none_or(|passed| passed >= TOO_SLOW);
        let passed = passed.unwrap_or_default();
        self.habits.begin(full, passed);
        // No track misses a frame in which nothing can be seen.
        if !is_relearning {
            self.plausibility.begin(self.tracker.tracks());
        }
        let (is_new, is_weathered) = (self.detector.is_new(at), self.detector.is_weathered());
        let mut plausible = Vec::new();
        for (number, (detection, track)) in detections.iter().zip(self.tracker.assigned()).enumerate() {
            let Some(track) = track else { continue };
            let appearance =
                if number < MOST_LOOKS { self.detector.appearance(number)? } else { Appearance::default() };
            let cut = cut_edges(detection.bounds, full);
            let is_habit = self.habits.has(detection.bounds);
            let surroundings = Surroundings {
                is_unknown: is_new && !self.has_changed,
                is_new,
                is_habitual: is_habit,
                is_busy: is_habit || is_weathered || detections.len() >= MANY,
                is_weathered: is_weathered && !is_new,
            };
            let is_plausible = self.plausibility.observe(track, detection.bounds, cut, surroundings, &appearance, at);
            if !is_plausible {
                self.habits.learn(detection.bounds, passed);
            }
            let label = detection.class().map(|(label, _)| label);
            let verdict = self.ignored.judge(label, foot_point(detection.bounds, full), at.since(track.seen()[0]));
            if (is_plausible || is_alone) && verdict == Verdict::Counts {
                plausible.push(detection.clone());
            }
        }
        Ok(plausible)
    }

    /// What a track is, if a stage found out.
    fn label(&self, track: u64) -> Option<Label> {
        self.shared.as_ref()?.labels().get(&track).cloned()
    }

    /// A box of something that moves, and what it is.
    fn detection(&self, bounds: Rect, track: Option<u64>) -> Detection {
        let (label, score) = match track.and_then(|track| self.label(track)) {
            Some(Label { name, score }) => (Cow::Owned(name.as_ref().to_owned()), Some(score)),
            None => (MOTION.into(), None),
        };
        Detection { label, bounds, score, track, text: None }
    }

    fn observe_scene(&mut self, is_relearning: bool, at: Monotonic) -> Option<EventChange> {
        if !is_relearning {
            self.has_learnt = true;
            return self.scene.clear(at);
        }
        self.has_changed |= self.has_learnt;
        if self.has_learnt { self.scene.raise(None, at, at) } else { None }
    }
}

impl Stage for MotionStage {
    fn needs(&self) -> Needs {
        Needs::luma(self.width_px)
    }

    fn look(&mut self, views: &Views<'_>, frame: &Frame) -> Result<Seen, StageError> {
        let luma = views.luma(self.width_px)?;
        if let Some(masked) = views.masked(self.width_px, |size| self.detector.is_of(size))? {
            self.detector.set_masked(masked)?;
        }
        let (motion, detections, events) = self.observe(&luma, frame.size(), frame.captured_at())?;
        if let Some(shared) = &self.shared {
            let (tracks, is_learning) = (self.tracks(), motion.relearning);
            shared.publish(Snapshot { tracks, size: frame.size(), captured_at: frame.captured_at(), is_learning });
        }
        Ok(Seen { detections, detail: Some(to_raw_value(&motion)?), events })
    }

    /// Tentative and coasting ones too, each with whether it is plausible.
    fn tracks(&self) -> Vec<Track> {
        let judged = |track: &Track| {
            track.clone().with_plausibility(self.plausibility.has(track.id())).with_label(self.label(track.id()))
        };
        self.tracker.tracks().iter().map(judged).collect()
    }

    fn deadline(&self) -> Option<Monotonic> {
        [self.scene.deadline(), self.zones.deadline()].into_iter().flatten().min()
    }

    fn expire(&mut self, now: Monotonic) -> Vec<EventChange> {
        self.scene.expire(now).into_iter().chain(self.zones.expire(now)).collect()
    }

    fn retire(&mut self) -> Vec<EventChange> {
        self.scene.end().into_iter().chain(self.zones.end()).collect()
    }
}

/// Beyond which of its edges (left, right, upper, lower) a part of it may be outside of the picture.
fn cut_edges(bounds: Rect, full: Size) -> [bool; 4] {
    let cut = |from: u32, length: u32, of: u32| [from <= of / 64, from + length >= of - of / 64];
    let [left, right] = cut(bounds.x, bounds.width, full.width_px);
    let [upper, lower] = cut(bounds.y, bounds.height, full.height_px);
    [left, right, upper, lower]
}

#[cfg(test)]
mod tests;

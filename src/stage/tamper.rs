//! Tamper: whether the camera still sees what it is there to see.
//!
//! `view` compares the picture with the view that was learnt, once a second; `repeats` looks for the same
//! frame again and again; `persistence` makes one event of what lasts. What is learnt and compared is structure, not
//! brightness: night, lamps and fog change how strong it is and not where it is.

mod band;
mod persistence;
mod repeats;
mod verdict;
mod view;

use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};

use self::{
    persistence::Persistence,
    repeats::Repeats,
    verdict::{Reason, Verdict},
    view::View,
};
use super::{Seen, Stage, StageContext, StageError, StageSettings};
use crate::{
    config::value::Whole,
    event::EventChange,
    frame::Frame,
    processor::views::{Needs, Views},
    system::clock::Monotonic,
};

/// About how wide the picture is looked at: as wide as motion looks at it by default, so that one luma serves both.
const WIDTH_PX: u32 = 320;

/// `[camera.tamper]`. The sample configuration says more of each key; `cargo bench --bench tamper_quality` measures what
/// the defaults find and miss.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How long the camera must be covered, defocused or moved before the event starts. Default 10 s: longer than a lorry
    /// stands in the picture at a gate.
    pub after_ms: Whole<0, 3_600_000>,
    /// How long the same frame must come before the event starts. Default 30 s: some encoders repeat a still picture
    /// until their next key frame.
    pub frozen_after_ms: Whole<1_000, 3_600_000>,
    /// How long the event stays without frames. Default 60 s: an event does not end because the camera pauses.
    pub hold_ms: Whole<0, 86_400_000>,
    /// How long a moved camera must show its new view until that is learnt and the event ends. Default 1 h.
    pub relearn_after_ms: Whole<60_000, 86_400_000>,
    /// Whether a picture that turns black within seconds is covered. Default false: a lamp that goes out does the same.
    pub black_is_covered: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            after_ms: Whole::of::<10_000>(),
            frozen_after_ms: Whole::of::<30_000>(),
            hold_ms: Whole::of::<60_000>(),
            relearn_after_ms: Whole::of::<3_600_000>(),
            black_is_covered: false,
        }
    }
}

impl StageSettings for Settings {
    const EVENT_KINDS: &[&str] = &[TAMPER];

    fn build(&self, _: &StageContext) -> Box<dyn Stage> {
        Box::new(TamperStage::new(self))
    }
}

/// The kind of its events.
const TAMPER: &str = "tamper";

/// The stage of one camera.
#[derive(Debug)]
pub struct TamperStage {
    view: View,
    repeats: Repeats,
    persistence: Persistence,
    detail: Option<Box<RawValue>>,
}

impl TamperStage {
    /// A stage that knows nothing yet.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self {
            view: View::new(settings.black_is_covered, settings.relearn_after_ms.ms()),
            repeats: Repeats::new(settings.frozen_after_ms.ms()),
            persistence: Persistence::new(settings.after_ms.ms(), settings.hold_ms.ms()),
            detail: None,
        }
    }

    /// What is said of a frame captured at `at`; `is_new` if the view was compared with this very frame.
    fn verdict(&mut self, is_new: bool, at: Monotonic) -> Verdict {
        if is_new && let Some((Reason::Moved, since)) = self.persistence.raised() {
            self.view.relearn_if_settled(since, at);
        }
        match self.view.verdict() {
            // A view that changed stays the reason when its picture freezes too; the black of a night may repeat.
            verdict @ (Verdict::Changed(_) | Verdict::Dark) => verdict,
            verdict => self.repeats.frozen_since(at).map_or(verdict, Verdict::Frozen),
        }
    }
}

impl Stage for TamperStage {
    fn needs(&self) -> Needs {
        Needs::luma(WIDTH_PX)
    }

    fn look(&mut self, views: &Views<'_>, frame: &Frame) -> Result<Seen, StageError> {
        let at = frame.captured_at();
        let luma = views.luma(WIDTH_PX)?;
        self.repeats.observe(&luma, at)?;
        let is_new = self.view.is_due(at);
        if is_new {
            if let Some(masked) = views.masked(WIDTH_PX, |size| self.view.is_masked_for(size))? {
                self.view.set_masked(&masked)?;
            }
            self.detail = self.view.compare(&luma, at)?.map(|likeness| to_raw_value(&likeness)).transpose()?;
        }
        let verdict = self.verdict(is_new, at);
        let mut events: Vec<_> = self.persistence.expire(at).into_iter().collect();
        events.extend(self.persistence.observe(verdict, at));
        Ok(Seen { detail: self.detail.clone(), events, ..Seen::default() })
    }

    fn deadline(&self) -> Option<Monotonic> {
        self.persistence.deadline()
    }

    fn expire(&mut self, now: Monotonic) -> Vec<EventChange> {
        self.persistence.expire(now).into_iter().collect()
    }

    fn retire(&mut self) -> Vec<EventChange> {
        self.persistence.end().into_iter().collect()
    }
}

#[cfg(test)]
mod tests;

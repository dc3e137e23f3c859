//! What is counted of a model, and of a camera's questions to it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use serde::{Deserialize, Serialize};

/// What is counted of a model on one processor.
#[derive(Debug)]
pub struct ModelMetrics {
    model: String,
    processor: String,
    state: ArcSwap<State>,
    runs: AtomicU64,
    /// The mean of the last runs.
    mean_us: AtomicU64,
}

#[derive(Clone, Debug)]
struct State {
    state: ModelState,
    engine: Option<String>,
    reason: Option<String>,
}

/// The state of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum ModelState {
    /// No frame has come that it could be asked of.
    Idle,
    /// Its file is read.
    Opening,
    /// It can be asked.
    Ready,
    /// It cannot be used, for the reason given. fovea tries again from time to time.
    Failed,
}

/// How a model is doing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ModelStatus {
    /// The model's name.
    pub model: String,
    /// The processor whose stages ask it.
    pub processor: String,
    /// Its state.
    pub state: ModelState,
    /// What runs it; absent before it is ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    /// Why it cannot be used; absent if it can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Pictures that it has seen, since the start or since it is configured so.
    pub runs: u64,
    /// How long it takes for one, in milliseconds, as a mean of the last ones; absent if it has seen none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(range(min = 0)))]
    pub mean_ms: Option<f64>,
}

// Relaxed: each number is right by itself. Only the processor's thread writes.
impl ModelMetrics {
    /// It has not been asked yet.
    #[must_use]
    pub fn new(model: &str, processor: &str) -> Self {
        let state = ArcSwap::from_pointee(State { state: ModelState::Idle, engine: None, reason: None });
        let (runs, mean_us) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { model: model.to_owned(), processor: processor.to_owned(), state, runs, mean_us }
    }

    /// Its file is read.
    pub fn opening(&self) {
        let before = self.state.load();
        // While it is tried again, it is told why.
        let reason = before.reason.clone();
        self.state.store(Arc::new(State { state: ModelState::Opening, engine: None, reason }));
    }

    /// This engine runs it.
    pub fn ready(&self, engine: &str) {
        let engine = Some(engine.to_owned());
        self.state.store(Arc::new(State { state: ModelState::Ready, engine, reason: None }));
    }

    /// It cannot be used.
    pub fn failed(&self, reason: &str) {
        let reason = Some(reason.to_owned());
        self.state.store(Arc::new(State { state: ModelState::Failed, engine: None, reason }));
    }

    /// It has seen a picture.
    pub fn ran(&self, took: Duration) {
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
        let before = self.mean_us.load(Ordering::Relaxed);
        let mean = if before == 0 { took } else { before - before / 8 + took / 8 };
        self.mean_us.store(mean, Ordering::Relaxed);
        self.runs.fetch_add(1, Ordering::Relaxed);
    }

    /// As it stands now.
    #[must_use]
    pub fn status(&self) -> ModelStatus {
        let State { state, engine, reason } = State::clone(&self.state.load());
        let mean_us = self.mean_us.load(Ordering::Relaxed);
        ModelStatus {
            model: self.model.clone(),
            processor: self.processor.clone(),
            state,
            engine,
            reason,
            runs: self.runs.load(Ordering::Relaxed),
            mean_ms: (mean_us > 0).then(|| (Duration::from_micros(mean_us).as_secs_f64() * 1e4).round() / 10.0),
        }
    }
}

/// What is counted of a camera's questions to a model.
#[derive(Debug, Default)]
pub struct Questions {
    /// Whether a stage of the camera asks at all.
    additions: AtomicU64,
    crops: AtomicU64,
    whole_pictures: AtomicU64,
    over_budget: AtomicU64,
    named_tracks: AtomicU64,
}

/// What a camera asked a model, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct QuestionCounts {
    /// Parts of pictures that it was asked of.
    pub crops: u64,
    /// Whole pictures.
    pub whole_pictures: u64,
    /// Frames of which there was something to ask, and no time left for it.
    pub over_budget: u64,
    /// Tracks that have got a label.
    pub named_tracks: u64,
}

// Relaxed: each number is right by itself.
impl Questions {
    /// A stage asks from now on.
    pub fn begin(&self) {
        self.additions.fetch_add(1, Ordering::Relaxed);
    }

    /// A part of a picture was asked of, or all of it.
    pub fn asked(&self, is_whole: bool) {
        let count = if is_whole { &self.whole_pictures } else { &self.crops };
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// There was no time left for a question.
    pub fn over_budget(&self) {
        self.over_budget.fetch_add(1, Ordering::Relaxed);
    }

    /// A track has got a label.
    pub fn named(&self) {
        self.named_tracks.fetch_add(1, Ordering::Relaxed);
    }

    /// As they stand now; `None` if no stage asks.
    #[must_use]
    pub fn counts(&self) -> Option<QuestionCounts> {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (read(&self.additions) > 0).then(|| QuestionCounts {
            crops: read(&self.crops),
            whole_pictures: read(&self.whole_pictures),
            over_budget: read(&self.over_budget),
            named_tracks: read(&self.named_tracks),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_told_with_its_state_and_its_pace() {
        let metrics = ModelMetrics::new("people", "objects");
        metrics.failed("there is no file");
        metrics.opening();
        let status = metrics.status();
        assert_eq!((status.state, status.reason.as_deref()), (ModelState::Opening, Some("there is no file")));
        metrics.ready("rten");
        (0..100).for_each(|_| metrics.ran(Duration::from_millis(20)));
        let status = metrics.status();
        assert_eq!((status.state, status.reason, status.engine.as_deref()), (ModelState::Ready, None, Some("rten")));
        assert_eq!((status.runs, status.mean_ms), (100, Some(20.0)));
    }

    #[test]
    fn a_camera_that_asks_nothing_has_no_counts() {
        let questions = Questions::default();
        assert_eq!(questions.counts(), None);
        questions.begin();
        questions.asked(true);
        questions.asked(false);
        questions.asked(false);
        let expected = QuestionCounts { crops: 2, whole_pictures: 1, ..QuestionCounts::default() };
        assert_eq!(questions.counts(), Some(expected));
    }
}

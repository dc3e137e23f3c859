//! The models that stages ask, each open once for a processor, whatever number of cameras uses it there.
//!
//! A model has a thread, which the processor's thread starts, so that it has the same core and priority; the process of the
//! network inherits them from it. That thread opens the file while the processor goes on. A question is answered by it while the
//! processor waits, which goes on to show its watchdog that it lives: the model's time limit ends the wait.

use std::{
    fs, mem,
    os::unix::fs::MetadataExt,
    path::Path,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel},
    },
    thread,
    time::{Duration, Instant},
};

use log::{info, warn};

use super::{
    detector::{Detector, DetectorError, Found, Opened},
    manifest::Manifest,
    prepare::Pixels,
    turns::Turns,
};
use crate::{
    frame::Size,
    sync::Mutex,
    system::{clock::Monotonic, watchdog},
    telemetry::model_metrics::{ModelMetrics, ModelStatus},
};

/// The pause before a model is opened again; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// How often it is looked whether a file has changed that could not be used.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A model that answered for so long is a good one: if it fails then, its reason is told again.
const GOOD_AFTER: Duration = Duration::from_secs(60);

/// How long the processor waits at a time.
const SLICE: Duration = Duration::from_millis(50);

/// All models that are used.
#[derive(Debug, Default)]
pub struct ModelPool {
    models: Mutex<Vec<Weak<PooledModel>>>,
    is_stopping: Arc<AtomicBool>,
}

/// A model as the stages on one processor have it. It is opened when the first of them looks for it; when the last one drops it,
/// its process ends.
#[derive(Debug)]
pub struct PooledModel {
    name: String,
    processor: String,
    manifest: Manifest,
    metrics: ModelMetrics,
    /// The processor's thread alone locks it.
    state: Mutex<State>,
    turns: Mutex<Turns>,
    /// Whether the file may be another one.
    may_have_changed: AtomicBool,
    is_stopping: Arc<AtomicBool>,
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
#[error("the model {0} cannot be asked now")]
pub struct NotReady(String);

#[derive(Debug)]
enum State {
    Closed {
        attempts: u32,
        next: Monotonic,
        looked: Monotonic,
        file: Option<FileId>,
        told: Option<String>,
    },
    Opening {
        runner: Runner,
        attempts: u32,
        told: Option<String>,
    },
    Ready {
        runner: Runner,
        input: Size,
        memory: Vec<u8>,
        file: Option<FileId>,
        since: Monotonic,
        attempts: u32,
        told: Option<String>,
    },
}

/// The thread of a model.
#[derive(Debug)]
struct Runner {
    questions: Sender<Question>,
    answers: Receiver<Answer>,
}

#[derive(Debug)]
struct Question {
    size: Size,
    bgr: Vec<u8>,
}

#[derive(Debug)]
enum Answer {
    Opened { input: Size, engine: String },
    Found { found: Vec<Found>, took: Duration, memory: Vec<u8> },
    Failed(String),
}

/// Tells a file from another one in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileId(u64, u64, i64, i64);

impl FileId {
    fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        Some(Self(metadata.ino(), metadata.size(), metadata.mtime(), metadata.mtime_nsec()))
    }
}

impl ModelPool {
    /// The model `name` on a processor. If it is used there with the same manifest, it is the same.
    pub fn get(&self, processor: &str, name: &str, manifest: &Manifest) -> Arc<PooledModel> {
        let mut models = self.models.lock();
        models.retain(|model| model.strong_count() > 0);
        let is_same =
            |model: &PooledModel| model.name == name && model.processor == processor && model.manifest == *manifest;
        if let Some(model) = models.iter().filter_map(Weak::upgrade).find(|model| is_same(model)) {
            return model;
        }
        let model = Arc::new(PooledModel {
            name: name.to_owned(),
            processor: processor.to_owned(),
            manifest: manifest.clone(),
            metrics: ModelMetrics::new(name, processor),
            state: Mutex::new(State::closed()),
            turns: Mutex::default(),
            may_have_changed: AtomicBool::new(false),
            is_stopping: self.is_stopping.clone(),
        });
        models.push(Arc::downgrade(&model));
        model
    }

    /// How each is doing.
    pub fn statuses(&self) -> Vec<ModelStatus> {
        self.models.lock().iter().filter_map(Weak::upgrade).map(|model| model.metrics.status()).collect()
    }

    /// Has each look whether there is another file in place of its own.
    pub fn look_for_changes(&self) {
        for model in self.models.lock().iter().filter_map(Weak::upgrade) {
            model.may_have_changed.store(true, Ordering::Relaxed); // nothing else is read because of it
        }
    }

    /// Ends every wait for an answer, now and later.
    pub fn stop(&self) {
        self.is_stopping.store(true, Ordering::Relaxed); // nothing else is read because of it
    }
}

impl State {
    fn closed() -> Self {
        let never = Monotonic::from_micros(0);
        Self::Closed { attempts: 0, next: never, looked: never, file: None, told: None }
    }
}

impl PooledModel {
    /// The size of its input, if it can be asked. Otherwise it is opened, or will be. To be called on the processor's thread.
    pub fn input(self: &Arc<Self>, now: Monotonic) -> Option<Size> {
        let mut state = self.state.lock();
        if self.may_have_changed.swap(false, Ordering::Relaxed)
            && let State::Ready { file, .. } = &*state
            && *file != FileId::of(&self.manifest.file)
        {
            info!("the model {} on the processor {} has another file: it is opened again", self.name, self.processor);
            *state = State::closed();
        }
        match &mut *state {
            State::Ready { input, .. } => Some(*input),
            State::Opening { runner, .. } => match runner.answers.try_recv() {
                Err(TryRecvError::Empty) => None,
                Ok(Answer::Opened { input, engine }) => {
                    info!(
                        "the model {} is ready on the processor {}: {engine}, input {input}",
                        self.name, self.processor
                    );
                    self.metrics.ready(&engine);
                    let State::Opening { runner, attempts, told } = mem::replace(&mut *state, State::closed()) else {
                        return None;
                    };
                    let file = FileId::of(&self.manifest.file);
                    *state = State::Ready { runner, input, memory: Vec::new(), file, since: now, attempts, told };
                    Some(input)
                }
                Ok(Answer::Failed(reason)) => {
                    self.fail(&mut state, reason, now);
                    None
                }
                Ok(Answer::Found { .. }) | Err(TryRecvError::Disconnected) => {
                    self.fail(&mut state, "its thread ended".to_owned(), now);
                    None
                }
            },
            State::Closed { next, looked, file, .. } => {
                let mut is_due = now >= *next;
                if !is_due && now.since(*looked) >= LOOK_EVERY {
                    *looked = now;
                    is_due = FileId::of(&self.manifest.file) != *file;
                }
                if is_due {
                    self.open(&mut state, now);
                }
                None
            }
        }
    }

    /// Asks it what is in a picture: pixels as [`Pixels`] has them. Blocks for as long as a run takes, at most for the model's time.
    /// To be called on the processor's thread.
    ///
    /// # Errors
    /// If it is not ready, or fails: then it is opened again after a while.
    pub fn ask(&self, size: Size, bgr: &[u8]) -> Result<Vec<Found>, NotReady> {
        let mut state = self.state.lock();
        let answer = match &mut *state {
            State::Ready { runner, memory, .. } => {
                let mut copy = mem::take(memory);
                copy.clear();
                copy.extend_from_slice(bgr);
                self.answer(runner, Question { size, bgr: copy })
            }
            _ => return Err(NotReady(self.name.clone())),
        };
        match answer {
            Answer::Found { found, took, memory: back } => {
                self.metrics.ran(took);
                if let State::Ready { memory, .. } = &mut *state {
                    *memory = back;
                }
                Ok(found)
            }
            Answer::Failed(reason) => {
                self.fail(&mut state, reason, Monotonic::now());
                Err(NotReady(self.name.clone()))
            }
            Answer::Opened { .. } => Err(NotReady(self.name.clone())),
        }
    }

    /// Whose turn it is to ask it.
    pub fn turns(&self) -> &Mutex<Turns> {
        &self.turns
    }

    fn answer(&self, runner: &Runner, question: Question) -> Answer {
        let ended = || Answer::Failed("its thread ended".to_owned());
        if runner.questions.send(question).is_err() {
            return ended();
        }
        loop {
            watchdog::beat();
            match runner.answers.recv_timeout(SLICE) {
                Ok(answer) => return answer,
                Err(RecvTimeoutError::Timeout) if self.is_stopping.load(Ordering::Relaxed) => {
                    return Answer::Failed("fovea ends".to_owned());
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return ended(),
            }
        }
    }

    fn open(&self, state: &mut State, now: Monotonic) {
        let State::Closed { attempts, told, .. } = mem::replace(state, State::closed()) else { return };
        self.metrics.opening();
        let (questions, asked) = channel();
        let (answer, answers) = channel();
        let manifest = self.manifest.clone();
        let thread = thread::Builder::new().name(format!("model-{}", self.name));
        let started = thread.spawn(move || run(manifest, &asked, &answer));
        *state = State::Opening { runner: Runner { questions, answers }, attempts, told };
        if let Err(error) = started {
            self.fail(state, format!("the system has no thread for it: {error}"), now);
        }
    }

    /// It cannot be used, and is tried again later. The reason is logged once.
    fn fail(&self, state: &mut State, reason: String, now: Monotonic) {
        self.metrics.failed(&reason);
        let (attempts, told) = match mem::replace(state, State::closed()) {
            State::Opening { attempts, told, .. } => (attempts, told),
            State::Ready { since, attempts, told, .. } if now.since(since) < GOOD_AFTER => (attempts, told),
            State::Closed { .. } | State::Ready { .. } => (0, None),
        };
        if told.as_ref() != Some(&reason) && !self.is_stopping.load(Ordering::Relaxed) {
            warn!(
                "the model {} on the processor {} cannot be used: {reason}; everything else goes on, and it is tried again \
                 when the file changes, and from time to time; `fovea model check` says more",
                self.name, self.processor
            );
        }
        let doubled = FIRST_PAUSE.saturating_mul(1_u32.checked_shl(attempts).unwrap_or(u32::MAX));
        let (next, file) = (now.later(doubled.min(LONGEST_PAUSE)), FileId::of(&self.manifest.file));
        *state = State::Closed { attempts: attempts.saturating_add(1), next, looked: now, file, told: Some(reason) };
    }
}

/// The thread of a model: opens it and answers until nobody asks any more, or it fails.
fn run(manifest: Manifest, questions: &Receiver<Question>, answers: &Sender<Answer>) {
    // Whoever asked may be gone; then the next question is the end.
    let failed = |error: DetectorError| drop(answers.send(Answer::Failed(with_sources(&error))));
    let mut detector = match Detector::open(manifest) {
        Ok(Opened { detector, .. }) => detector,
        Err(error) => return failed(error),
    };
    let (input, engine) = (detector.input(), detector.network().engine().to_owned());
    let mut next = Answer::Opened { input, engine };
    loop {
        let Ok(()) = answers.send(next) else { return };
        let Ok(Question { size, bgr }) = questions.recv() else { return };
        let Some(pixels) = Pixels::new(size, &bgr) else {
            drop(answers.send(Answer::Failed("a picture without pixels".to_owned())));
            return;
        };
        let began = Instant::now();
        match detector.detect(pixels) {
            Ok(found) => next = Answer::Found { found, took: began.elapsed(), memory: bgr },
            Err(error) => return failed(error),
        }
    }
}

/// An error and those behind it, in a line.
fn with_sources(error: &DetectorError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        let more = error.to_string();
        if !text.ends_with(&more) {
            text = format!("{text}: {more}");
        }
        source = error.source();
    }
    text
}

//! Live numbers of one camera: whether frames come, how many results a second, how old they are, what went wrong last.
//!
//! The threads that a frame passes write them; status, page and metrics read them as a [`Snapshot`]. They are atomic numbers
//! and swapped pointers without a lock, so that no reader delays a frame.

use std::{
    collections::BTreeMap,
    fmt::Display,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::{ArcSwap, ArcSwapOption};
use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

use super::{
    histogram::{Distribution, Histogram, RECENT, WindowedHistogram},
    model_metrics::{QuestionCounts, Questions},
    percentiles::{Percentiles, rate},
    processor_metrics::FurtherProcessor,
    rejections::{RejectReason, Rejections},
};
use crate::{
    frame::Camera,
    message,
    slot::Counts,
    system::clock::{Monotonic, to_the_microsecond},
};

/// What is counted of one camera.
#[derive(Debug)]
pub struct CameraMetrics {
    camera: Camera,
    rejections: Rejections,
    received: AtomicU64,
    received_bytes: AtomicU64,
    ignored_texts: AtomicU64,
    detection: AtomicBool,
    driver: DriverCounters,
    sources: ArcSwap<Sources>,
    ages: WindowedHistogram,
    start_ages: Histogram,
    /// Replaced when a stage is added: a reader keeps the list that it has.
    stages: ArcSwap<Vec<Arc<StageMetrics>>>,
    /// In microseconds since boot; 0: there was none.
    last_result_us: AtomicU64,
    last_error: ArcSwapOption<(Monotonic, String)>,
    counts: ArcSwapOption<message::Counts>,
    /// Events since the start.
    started_events: Arc<AtomicU64>,
    questions: Arc<Questions>,
}

/// What is counted of one stage of a camera, and of decoding, which goes by the name `decode`.
#[derive(Debug)]
pub struct StageMetrics {
    stage: &'static str,
    /// How long it took for each frame.
    pub times: Histogram,
    /// Frames on which it failed.
    errors: AtomicU64,
}

/// What became of a local camera's frames before they were published, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Driver {
    /// Frames that the driver counted and did not deliver.
    pub dropped: u64,
    /// Frames that a newer one replaced before they were fetched.
    pub skipped: u64,
    /// Frames that were copied because the driver was short of buffers.
    pub copied: u64,
    /// Calls that the driver refused, and losses of the camera.
    pub errors: u64,
}

/// [`Driver`], as it is counted.
#[derive(Debug, Default)]
struct DriverCounters {
    /// How often anything was added: 0 for a camera that has no driver here.
    additions: AtomicU64,
    dropped: AtomicU64,
    skipped: AtomicU64,
    copied: AtomicU64,
    errors: AtomicU64,
}

/// What feeds the camera: two at once for the moment in which a sender replaces another.
#[derive(Clone, Copy, Debug)]
struct Sources {
    active: usize,
    total: usize,
    /// Something should feed it and is not there.
    is_expected: bool,
    since: Monotonic,
}

/// How one camera is doing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "CameraStatus"))]
pub struct Snapshot {
    /// The camera's name.
    pub camera: String,
    /// Its state, and since when.
    #[serde(flatten)]
    pub state: CameraState,
    /// Whether its stages look at its frames; a client can switch that off. Without, it has results that say nothing.
    #[serde(default = "on")]
    pub detection: bool,
    /// Results a second, over the last five to ten seconds.
    #[cfg_attr(test, schemars(range(min = 0)))]
    pub fps: f64,
    /// How old results were when they left, over the same time; absent if there were none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_ms: Option<Percentiles>,
    /// How often a source began to feed the camera.
    pub connections: u64,
    /// Messages sent as frames, since the start.
    pub received: u64,
    /// Bytes of these messages.
    pub received_bytes: u64,
    /// Frames among these messages: `published = taken + superseded + waiting`.
    pub published: u64,
    /// Frames that the processor took.
    pub taken: u64,
    /// Frames replaced by a newer one before the processor took them.
    pub superseded: u64,
    /// Frames that wait now: 0 or 1.
    #[cfg_attr(test, schemars(range(max = 1)))]
    pub waiting: u64,
    /// Refused frames, by cause.
    pub refused: BTreeMap<String, u64>,
    /// Text messages that were neither frames nor control messages.
    #[serde(default)]
    pub ignored_texts: u64,
    /// What the driver of a local camera did; absent for other cameras.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver: Option<Driver>,
    /// The last error; absent if there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<LastError>,
    /// How many tracks crossed its lines and are in its zones; absent if it has neither lines nor named zones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<message::Counts>,
    /// What its stages asked models; absent if none of them asks any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub questions: Option<QuestionCounts>,
    /// What the processors beyond its first one do with its frames; absent if there is none. All other numbers are those of
    /// its first processor.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub processors: Vec<FurtherProcessor>,
    /// The ages of all results since the start; not in the JSON, whose readers have `age_ms`.
    #[serde(skip)]
    pub ages: Distribution,
    /// The same when looking at the frame started.
    #[serde(skip)]
    pub start_ages: Distribution,
    /// How long each stage took.
    #[serde(skip)]
    pub stages: BTreeMap<&'static str, Distribution>,
    /// Frames on which each stage failed.
    #[serde(skip)]
    pub stage_errors: BTreeMap<&'static str, u64>,
    /// What feeds it now.
    #[serde(skip)]
    pub sources: usize,
}

/// What an earlier server means, which has no switch.
fn on() -> bool {
    true
}

/// The state of a camera, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CameraState {
    /// The state.
    pub state: Availability,
    /// Wall time at which the state began.
    #[serde(serialize_with = "to_the_microsecond")]
    #[cfg_attr(test, schemars(with = "Timestamp"))]
    pub since: Timestamp,
}

/// The state of a camera.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Availability {
    /// No source since the start.
    Never,
    /// Results leave.
    Live,
    /// It has a source, but no result for ten seconds.
    Silent,
    /// Its source is gone.
    Lost,
}

/// The last error of a camera.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LastError {
    /// Wall time.
    #[serde(serialize_with = "to_the_microsecond")]
    #[cfg_attr(test, schemars(with = "Timestamp"))]
    pub at: Timestamp,
    /// What went wrong, as text for people.
    pub what: String,
    /// Whether it is over: results have left ten seconds after it or later.
    #[serde(default)]
    pub over: bool,
}

// Relaxed throughout: each number is right by itself, and nothing else is read because of it.
impl CameraMetrics {
    /// Nothing has come yet.
    #[must_use]
    pub fn new(camera: Camera) -> Self {
        let sources = Sources { active: 0, total: 0, is_expected: false, since: Monotonic::now() };
        Self {
            rejections: Rejections::new(camera.clone()),
            camera,
            received: AtomicU64::new(0),
            received_bytes: AtomicU64::new(0),
            ignored_texts: AtomicU64::new(0),
            detection: AtomicBool::new(true),
            driver: DriverCounters::default(),
            sources: ArcSwap::from_pointee(sources),
            ages: WindowedHistogram::default(),
            start_ages: Histogram::default(),
            stages: ArcSwap::default(),
            last_result_us: AtomicU64::new(0),
            last_error: ArcSwapOption::empty(),
            counts: ArcSwapOption::empty(),
            started_events: Arc::default(),
            questions: Arc::default(),
        }
    }

    /// How many of its events have started: their ids are numbered by it, on whatever processor they are found.
    pub fn started_events(&self) -> &Arc<AtomicU64> {
        &self.started_events
    }

    /// What is counted of its questions to models.
    pub fn questions(&self) -> &Arc<Questions> {
        &self.questions
    }

    /// Whose they are.
    pub fn camera(&self) -> &Camera {
        &self.camera
    }

    /// Something feeds the camera from now on.
    pub fn source_connected(&self) {
        let since = Monotonic::now();
        self.sources.rcu(|sources| {
            let Sources { active, total, .. } = **sources;
            Sources { active: active + 1, total: total + 1, is_expected: false, since }
        });
    }

    /// Something that [`source_connected`](Self::source_connected) is gone.
    pub fn source_disconnected(&self) {
        let now = Monotonic::now();
        self.sources.rcu(|sources| {
            let active = sources.active.saturating_sub(1);
            Sources { active, since: if active == 0 { now } else { sources.since }, ..**sources }
        });
    }

    /// What is to feed the camera is not there.
    pub fn source_expected(&self) {
        let now = Monotonic::now();
        self.sources.rcu(|sources| {
            let is_new = !sources.is_expected && sources.active == 0;
            if is_new { Sources { is_expected: true, since: now, ..**sources } } else { **sources }
        });
    }

    /// Adds to what the driver of a camera at this machine did.
    pub fn add_driver(&self, more: Driver) {
        let Driver { dropped, skipped, copied, errors } = more;
        let sums = &self.driver;
        let numbers =
            [(&sums.dropped, dropped), (&sums.skipped, skipped), (&sums.copied, copied), (&sums.errors, errors)];
        for (sum, more) in numbers.into_iter().chain([(&sums.additions, 1)]) {
            sum.fetch_add(more, Ordering::Relaxed);
        }
    }

    fn driver(&self) -> Option<Driver> {
        let read = |number: &AtomicU64| number.load(Ordering::Relaxed);
        let DriverCounters { additions, dropped, skipped, copied, errors } = &self.driver;
        let driver =
            Driver { dropped: read(dropped), skipped: read(skipped), copied: read(copied), errors: read(errors) };
        (read(additions) > 0).then_some(driver)
    }

    /// A message came that is to be a frame.
    pub fn received(&self, bytes: usize) {
        self.received.fetch_add(1, Ordering::Relaxed);
        self.received_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Whether its stages are to look at its frames.
    pub fn detection(&self) -> bool {
        self.detection.load(Ordering::Relaxed)
    }

    /// Has its stages look at its frames or not.
    pub fn set_detection(&self, is_on: bool) {
        self.detection.store(is_on, Ordering::Relaxed);
    }

    /// A text message came that is neither a frame nor a control message.
    pub fn ignored(&self) {
        self.ignored_texts.fetch_add(1, Ordering::Relaxed);
    }

    /// A result leaves, made of a frame that was `start` old when looking at it started and is `age` old now. To be
    /// called by one thread only.
    pub fn record_result(&self, start: Duration, age: Duration) {
        let now = Monotonic::now();
        self.ages.record(age, now);
        self.start_ages.record(start);
        self.last_result_us.store(now.as_micros(), Ordering::Relaxed);
    }

    /// What crossed its lines and is in its zones. To be called by one thread only.
    pub fn set_counts(&self, counts: Option<&Arc<message::Counts>>) {
        let is_same = match (&*self.counts.load(), counts) {
            (Some(before), Some(now)) => Arc::ptr_eq(before, now),
            (before, now) => before.is_none() && now.is_none(),
        };
        if !is_same {
            self.counts.store(counts.cloned());
        }
    }

    /// What crossed its lines and is in its zones; `None` if it has neither.
    pub fn counts(&self) -> Option<Arc<message::Counts>> {
        self.counts.load_full()
    }

    /// What is counted of `stage`.
    #[must_use]
    pub fn stage(&self, stage: &'static str) -> Arc<StageMetrics> {
        let find = |stages: &[Arc<StageMetrics>]| stages.iter().find(|metrics| metrics.stage == stage).cloned();
        let new = Arc::new(StageMetrics { stage, times: Histogram::default(), errors: AtomicU64::new(0) });
        self.stages.rcu(|stages| match find(stages) {
            Some(_) => stages.to_vec(),
            None => [stages.as_slice(), std::slice::from_ref(&new)].concat(),
        });
        find(&self.stages.load()).unwrap_or(new)
    }

    /// Frame `seq` cannot be looked at: counts and logs it.
    pub fn rejected(&self, seq: u64, reason: &RejectReason) {
        self.rejections.record(seq, reason);
        self.failed(format!("frame {seq} refused: {reason}"));
    }

    /// Something went wrong.
    pub fn failed(&self, what: String) {
        self.last_error.store(Some(Arc::new((Monotonic::now(), what))));
    }

    /// How many frames were rejected, by reason; reasons that did not come up are left out.
    pub fn rejections(&self) -> BTreeMap<&'static str, u64> {
        self.rejections.counts()
    }

    /// What the camera is up to.
    pub fn state(&self) -> CameraState {
        self.state_at(Monotonic::now())
    }

    fn state_at(&self, now: Monotonic) -> CameraState {
        self.sources.load().state(self.last_result(), now)
    }

    /// When the last result left.
    fn last_result(&self) -> Option<Monotonic> {
        Some(self.last_result_us.load(Ordering::Relaxed)).filter(|&us| us > 0).map(Monotonic::from_micros)
    }

    /// The camera as it stands now; `counts` are its cell's.
    pub fn snapshot(&self, counts: Counts) -> Snapshot {
        self.snapshot_at(Monotonic::now(), counts)
    }

    fn snapshot_at(&self, now: Monotonic, counts: Counts) -> Snapshot {
        let refused = self.rejections().into_iter().map(|(reason, count)| (reason.to_owned(), count)).collect();
        let (recent, span) = self.ages.recent(now);
        let sources = **self.sources.load();
        let stages = self.stages.load();
        let Counts { published, taken, superseded, waiting } = counts;
        let last_error = self.last_error.load();
        Snapshot {
            camera: self.camera.name().to_owned(),
            state: self.state_at(now),
            detection: self.detection(),
            fps: rate(recent.count(), span),
            age_ms: Percentiles::of(&recent),
            connections: sources.total as u64,
            received: self.received.load(Ordering::Relaxed),
            received_bytes: self.received_bytes.load(Ordering::Relaxed),
            published,
            taken,
            superseded,
            waiting,
            refused,
            ignored_texts: self.ignored_texts.load(Ordering::Relaxed),
            driver: self.driver(),
            last_error: last_error.as_ref().map(|error| LastError {
                at: error.0.wall(),
                what: error.1.clone(),
                over: self.last_result().is_some_and(|last| last.since(error.0) >= RECENT),
            }),
            counts: self.counts().map(Arc::unwrap_or_clone),
            questions: self.questions.counts(),
            processors: Vec::new(),
            ages: self.ages.all(),
            start_ages: self.start_ages.distribution(),
            stages: stages.iter().map(|stage| (stage.stage, stage.times.distribution())).collect(),
            stage_errors: stages.iter().map(|stage| (stage.stage, stage.errors.load(Ordering::Relaxed))).collect(),
            sources: sources.active,
        }
    }
}

impl StageMetrics {
    /// Counts a frame on which the stage failed.
    pub fn count_error(&self) {
        self.errors.fetch_add(1, Ordering::Relaxed); // read by itself
    }
}

impl Sources {
    /// What a camera that they feed is up to, whose last result left at `last`.
    fn state(&self, last: Option<Monotonic>, now: Monotonic) -> CameraState {
        let (state, since) = match last {
            _ if self.total == 0 && !self.is_expected => (Availability::Never, self.since),
            _ if self.active == 0 => (Availability::Lost, self.since),
            Some(last) if now.since(last) < RECENT => (Availability::Live, self.since),
            Some(last) => (Availability::Silent, last.max(self.since)),
            None => (Availability::Silent, self.since),
        };
        CameraState { state, since: since.wall() }
    }
}

impl Availability {
    /// As answers spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Live => "live",
            Self::Silent => "silent",
            Self::Lost => "lost",
        }
    }
}

impl CameraState {
    /// In words, by the board's own wall clock: `lost since 2026-11-22 12:03:11`.
    #[must_use]
    pub fn summary(&self) -> String {
        let since = local(self.since);
        match self.state {
            Availability::Never => "waits for its first frame".to_owned(),
            Availability::Live => format!("live since {since}"),
            Availability::Silent => format!("no results since {since}"),
            Availability::Lost => format!("lost since {since}"),
        }
    }
}

impl LastError {
    /// In words, by the same clock: `2026-11-22 12:03:11, frame 21 refused: ...`.
    #[must_use]
    pub fn summary(&self) -> String {
        format!("{}, {}{}", local(self.at), self.what, if self.over { " (over)" } else { "" })
    }
}

/// By this machine's wall clock.
fn local(at: Timestamp) -> impl Display {
    at.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNTS: Counts = Counts { published: 7, taken: 4, superseded: 2, waiting: 1 };

    fn metrics() -> CameraMetrics {
        CameraMetrics::new(Camera::new("door"))
    }

    fn state(metrics: &CameraMetrics, after: Duration) -> Availability {
        metrics.snapshot_at(Monotonic::now().later(after), COUNTS).state.state
    }

    #[test]
    fn a_camera_is_live_while_results_leave() {
        let (now, later) = (Duration::ZERO, Duration::from_secs(11));
        let metrics = metrics();
        assert_eq!(state(&metrics, now), Availability::Never);
        metrics.source_connected();
        assert_eq!(state(&metrics, now), Availability::Silent);
        metrics.record_result(Duration::ZERO, Duration::from_millis(8));
        assert_eq!(state(&metrics, now), Availability::Live);
        assert_eq!(state(&metrics, later), Availability::Silent);
        metrics.source_connected();
        metrics.source_disconnected();
        assert_eq!(state(&metrics, now), Availability::Live, "one was replaced by the other");
        metrics.source_disconnected();
        assert_eq!(state(&metrics, now), Availability::Lost);
    }

    #[test]
    fn an_error_is_over_when_results_have_left_a_while_after_it() {
        let metrics = metrics();
        metrics.source_connected();
        metrics.failed("Broken pipe".to_owned());
        let is_over = || metrics.snapshot(COUNTS).last_error.unwrap().over;
        assert!(!is_over(), "there was no result");
        metrics.record_result(Duration::ZERO, Duration::ZERO);
        assert!(!is_over(), "it may come again");
        let later = Monotonic::now().later(RECENT);
        metrics.last_result_us.store(later.as_micros(), Ordering::Relaxed);
        assert!(is_over());
        metrics.source_disconnected();
        assert!(is_over(), "it is not why the camera is lost");
        metrics.failed("no such device".to_owned());
        metrics.last_result_us.store(Monotonic::now().as_micros(), Ordering::Relaxed);
        assert!(!is_over(), "this is another one");
    }

    #[test]
    fn a_snapshot_has_it_all_and_can_be_read_back() {
        let metrics = metrics();
        metrics.source_connected();
        (0..20).for_each(|_| metrics.record_result(Duration::ZERO, Duration::from_millis(8)));
        (0..20).for_each(|_| metrics.stage("motion").times.record(Duration::ZERO));
        metrics.received(500);
        metrics.received(700);
        metrics.rejected(21, &RejectReason::Unsupported("a drawing"));
        let snapshot = metrics.snapshot(COUNTS);
        assert_eq!((snapshot.published, snapshot.taken, snapshot.superseded, snapshot.waiting), (7, 4, 2, 1));
        assert_eq!((snapshot.state.state, snapshot.ages.count()), (Availability::Live, 20));
        assert!(snapshot.fps > 0.0, "{snapshot:?}");
        assert_eq!((snapshot.received, snapshot.received_bytes, snapshot.connections), (2, 1200, 1));
        assert_eq!((snapshot.start_ages.count(), snapshot.stages["motion"].count()), (20, 20));
        let Percentiles { p50, p95, p99 } = snapshot.age_ms.unwrap();
        assert!(7.0 <= p50 && p50 <= p95 && p95 <= p99 && p99 <= 9.0, "{snapshot:?}");
        assert_eq!(snapshot.refused, BTreeMap::from([("unsupported".to_owned(), 1)]));
        assert_eq!(snapshot.last_error.as_ref().unwrap().what, "frame 21 refused: a drawing");

        let read: Snapshot = serde_json::from_str(&serde_json::to_string(&snapshot).unwrap()).unwrap();
        let (ages, start_ages) = (Distribution::default(), Distribution::default());
        assert_eq!(
            read,
            Snapshot {
                ages,
                start_ages,
                stages: BTreeMap::new(),
                stage_errors: BTreeMap::new(),
                sources: 0,
                ..snapshot
            }
        );
    }
}

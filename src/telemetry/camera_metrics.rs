//! Live numbers of one camera: whether frames come, how many results a second, how old they are, what went wrong last.
//!
//! Counted by the threads that a frame passes, each time a few additions under a lock of its own; read by whoever shows
//! them. [`Snapshot`] is what they show.

use std::{
    collections::BTreeMap,
    fmt::Display,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

use super::{
    histogram::{Histogram, RECENT, WindowedHistogram},
    rejections::{RejectReason, Rejections},
};
use crate::{
    frame::Camera,
    hub::Hub,
    slot::Counts,
    sync::Mutex,
    system::clock::{Monotonic, to_the_microsecond},
};

/// Rates are never reckoned over less: the first results of a camera would make dizzy ones.
const SHORTEST_SPAN: Duration = Duration::from_secs(1);

/// What is counted of one camera.
#[derive(Debug)]
pub struct CameraMetrics {
    camera: Camera,
    refusals: Rejections,
    received: AtomicU64,
    received_bytes: AtomicU64,
    /// Of a camera at this machine.
    driver: Mutex<Option<Driver>>,
    live: Mutex<Live>,
}

#[derive(Clone, Debug)]
struct Live {
    sources: Sources,
    ages: WindowedHistogram,
    starts: Histogram,
    stages: BTreeMap<&'static str, Histogram>,
    last_result: Option<Monotonic>,
    last_error: Option<(Monotonic, String)>,
}

/// What became of frames between a camera at this machine and the slot, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Driver {
    /// Frames that the driver counted and did not hand over.
    pub dropped: u64,
    /// Frames that a newer one overtook before they were fetched.
    pub skipped: u64,
    /// Frames that were copied, as the driver would have run out of buffers.
    pub copied: u64,
    /// What else the driver did not do: buffers not taken, calls that failed, losses of the camera.
    pub errors: u64,
}

/// What feeds the camera: two at once for the moment in which a sender replaces another.
#[derive(Clone, Copy, Debug)]
struct Sources {
    here: usize,
    ever: usize,
    /// Something should feed it and is not there.
    is_missed: bool,
    since: Monotonic,
}

/// One camera as it stands now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Its name.
    pub camera: String,
    /// Whether frames come and are looked at.
    #[serde(flatten)]
    pub state: CameraState,
    /// Results a second, over the last five to ten seconds.
    pub fps: f64,
    /// How old results were when they left, over the same time; `None` if there were none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_ms: Option<Percentiles>,
    /// Sources that ever fed it.
    pub connections: u64,
    /// Messages that were to be frames, since the start.
    pub received: u64,
    /// Bytes in them.
    pub received_bytes: u64,
    /// Frames among them.
    pub published: u64,
    /// Frames the processor took.
    pub taken: u64,
    /// Frames replaced by a newer one before the processor took them.
    pub superseded: u64,
    /// Frames that wait now: 0 or 1.
    pub waiting: u64,
    /// Frames that could not be looked at, by cause.
    pub refused: BTreeMap<String, u64>,
    /// Of a camera at this machine: what its driver did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver: Option<Driver>,
    /// What went wrong last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<LastError>,
    /// The ages of all results since the start; not in the JSON, whose readers have `age_ms`.
    #[serde(skip)]
    pub ages: Histogram,
    /// The same when looking at the frame started.
    #[serde(skip)]
    pub starts: Histogram,
    /// How long each stage took.
    #[serde(skip)]
    pub stages: BTreeMap<&'static str, Histogram>,
    /// What feeds it now.
    #[serde(skip)]
    pub sources: usize,
}

/// What a camera is up to, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CameraState {
    /// What it is up to.
    pub state: Availability,
    /// Wall time since when.
    #[serde(serialize_with = "to_the_microsecond")]
    pub since: Timestamp,
}

/// What a camera is up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Availability {
    /// Nothing has fed it since the start.
    Never,
    /// Results leave.
    Live,
    /// Something feeds it, but there was no result for ten seconds.
    Silent,
    /// What fed it is gone.
    Lost,
}

/// Percentiles of ages in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Percentiles {
    /// Half are no older.
    pub p50: f64,
    /// 95 of 100 are no older.
    pub p95: f64,
    /// 99 of 100 are no older.
    pub p99: f64,
}

/// What went wrong last with a camera.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastError {
    /// Wall time.
    #[serde(serialize_with = "to_the_microsecond")]
    pub at: Timestamp,
    /// In words.
    pub what: String,
}

impl CameraMetrics {
    /// Nothing has come yet. `hub` is told of refusals.
    #[must_use]
    pub fn new(camera: Camera, hub: Arc<Hub>) -> Self {
        let sources = Sources { here: 0, ever: 0, is_missed: false, since: Monotonic::now() };
        let (ages, starts, stages) = Default::default();
        let live = Live { sources, ages, starts, stages, last_result: None, last_error: None };
        let (received, received_bytes, driver) = Default::default();
        let refusals = Rejections::new(camera.clone(), hub);
        Self { refusals, camera, received, received_bytes, driver, live: Mutex::new(live) }
    }

    /// Whose they are.
    pub fn camera(&self) -> &Camera {
        &self.camera
    }

    /// Something feeds the camera from now on.
    pub fn came(&self) {
        let now = Monotonic::now();
        let sources = &mut self.live.lock().sources;
        *sources = Sources { here: sources.here + 1, ever: sources.ever + 1, is_missed: false, since: now };
    }

    /// Something that [`came`](Self::came) is gone.
    pub fn went(&self) {
        let now = Monotonic::now();
        let sources = &mut self.live.lock().sources;
        sources.here -= 1;
        if sources.here == 0 {
            sources.since = now;
        }
    }

    /// What is to feed the camera is not there.
    pub fn missed(&self) {
        let sources = &mut self.live.lock().sources;
        if !sources.is_missed && sources.here == 0 {
            sources.is_missed = true;
            sources.since = Monotonic::now();
        }
    }

    /// Adds to what the driver of a camera at this machine did.
    pub fn driver(&self, more: Driver) {
        let Driver { dropped, skipped, copied, errors } = more;
        let mut driver = self.driver.lock();
        let sum = driver.get_or_insert_default();
        sum.dropped += dropped;
        sum.skipped += skipped;
        sum.copied += copied;
        sum.errors += errors;
    }

    /// A message came that is to be a frame.
    pub fn received(&self, bytes: usize) {
        // Relaxed: each number is right by itself, and nothing else is read because of it.
        self.received.fetch_add(1, Ordering::Relaxed);
        self.received_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// A result leaves, made of a frame that was `start` old when looking at it started and is `age` old now.
    pub fn saw(&self, start: Duration, age: Duration, stages: &[(&'static str, Duration)]) {
        let now = Monotonic::now();
        let mut live = self.live.lock();
        live.ages.add(age, now);
        live.starts.add(start);
        for (stage, took) in stages {
            live.stages.entry(stage).or_default().add(*took);
        }
        live.last_result = Some(now);
    }

    /// Frame `seq` cannot be looked at: counts, answers and tells it.
    pub fn refused(&self, seq: u64, refusal: &RejectReason) {
        self.refusals.note(seq, refusal);
        self.failed(format!("frame {seq} refused: {refusal}"));
    }

    /// Something went wrong.
    pub fn failed(&self, what: String) {
        let earlier = self.live.lock().last_error.replace((Monotonic::now(), what));
        drop(earlier); // not under the lock
    }

    /// How many frames were refused, by cause.
    pub fn refusals(&self) -> BTreeMap<&'static str, u64> {
        self.refusals.counts()
    }

    /// What the camera is up to. Asked for beside each picture that is shown, so it takes a look under the lock and no more.
    pub fn state(&self) -> CameraState {
        let live = self.live.lock();
        let (sources, last_result) = (live.sources, live.last_result);
        drop(live);
        sources.state(last_result, Monotonic::now())
    }

    /// The camera as it stands now; `counts` are its cell's.
    pub fn snapshot(&self, counts: Counts) -> Snapshot {
        self.snapshot_at(Monotonic::now(), counts)
    }

    fn snapshot_at(&self, now: Monotonic, counts: Counts) -> Snapshot {
        let refused = self.refusals().into_iter().map(|(cause, count)| (cause.to_owned(), count)).collect();
        // The threads that a frame passes wait no longer than a copy takes.
        let live = self.live.lock().clone();
        let state = live.sources.state(live.last_result, now);
        let (recent, span) = live.ages.recent(now);
        let Live { sources, ages, starts, stages, last_error, .. } = live;
        let Counts { published, taken, superseded, waiting } = counts;
        Snapshot {
            camera: self.camera.name().to_owned(),
            state,
            fps: rate(recent.count(), span),
            age_ms: Percentiles::of(&recent),
            connections: sources.ever as u64,
            received: self.received.load(Ordering::Relaxed),
            received_bytes: self.received_bytes.load(Ordering::Relaxed),
            published,
            taken,
            superseded,
            waiting,
            refused,
            driver: *self.driver.lock(),
            last_error: last_error.map(|(at, what)| LastError { at: at.wall(), what }),
            ages: ages.all().clone(),
            starts,
            stages,
            sources: sources.here,
        }
    }
}

impl Sources {
    /// What a camera that they feed is up to, whose last result left at `last`.
    fn state(&self, last: Option<Monotonic>, now: Monotonic) -> CameraState {
        let (state, since) = match last {
            _ if self.ever == 0 && !self.is_missed => (Availability::Never, self.since),
            _ if self.here == 0 => (Availability::Lost, self.since),
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
    pub fn word(self) -> &'static str {
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
    pub fn words(&self) -> String {
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
    pub fn words(&self) -> String {
        format!("{}, {}", local(self.at), self.what)
    }
}

/// By this machine's wall clock.
fn local(at: Timestamp) -> impl Display {
    at.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

impl Percentiles {
    fn of(ages: &Histogram) -> Option<Self> {
        let millis = |share| ages.quantile(share).map(|age| (age.as_secs_f64() * 1e6).round() / 1e3);
        Some(Self { p50: millis(0.5)?, p95: millis(0.95)?, p99: millis(0.99)? })
    }
}

/// So many a second, to a tenth.
#[expect(clippy::cast_precision_loss, reason = "rounded to a tenth anyway")]
fn rate(count: u64, span: Duration) -> f64 {
    (count as f64 / span.max(SHORTEST_SPAN).as_secs_f64() * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNTS: Counts = Counts { published: 7, taken: 4, superseded: 2, waiting: 1 };

    fn statistics() -> CameraMetrics {
        CameraMetrics::new(Camera::new(0, "door"), Arc::default())
    }

    fn state(statistics: &CameraMetrics, after: Duration) -> Availability {
        statistics.snapshot_at(Monotonic::now().later(after), COUNTS).state.state
    }

    #[test]
    fn a_camera_is_live_while_results_leave() {
        let (now, later) = (Duration::ZERO, Duration::from_secs(11));
        let statistics = statistics();
        assert_eq!(state(&statistics, now), Availability::Never);
        statistics.came();
        assert_eq!(state(&statistics, now), Availability::Silent);
        statistics.saw(Duration::ZERO, Duration::from_millis(8), &[]);
        assert_eq!(state(&statistics, now), Availability::Live);
        assert_eq!(state(&statistics, later), Availability::Silent);
        statistics.came();
        statistics.went();
        assert_eq!(state(&statistics, now), Availability::Live, "one was replaced by the other");
        statistics.went();
        assert_eq!(state(&statistics, now), Availability::Lost);
    }

    #[test]
    fn a_snapshot_has_it_all_and_can_be_read_back() {
        let statistics = statistics();
        statistics.came();
        (0..20).for_each(|_| statistics.saw(Duration::ZERO, Duration::from_millis(8), &[("motion", Duration::ZERO)]));
        statistics.received(500);
        statistics.received(700);
        statistics.refused(21, &RejectReason::Unsupported("a drawing"));
        let snapshot = statistics.snapshot(COUNTS);
        assert_eq!((snapshot.published, snapshot.taken, snapshot.superseded, snapshot.waiting), (7, 4, 2, 1));
        assert_eq!((snapshot.state.state, snapshot.ages.count()), (Availability::Live, 20));
        assert!(snapshot.fps > 0.0, "{snapshot:?}");
        assert_eq!((snapshot.received, snapshot.received_bytes, snapshot.connections), (2, 1200, 1));
        assert_eq!((snapshot.starts.count(), snapshot.stages["motion"].count()), (20, 20));
        let Percentiles { p50, p95, p99 } = snapshot.age_ms.unwrap();
        assert!(7.0 <= p50 && p50 <= p95 && p95 <= p99 && p99 <= 9.0, "{snapshot:?}");
        assert_eq!(snapshot.refused, BTreeMap::from([("unsupported".to_owned(), 1)]));
        assert_eq!(snapshot.last_error.as_ref().unwrap().what, "frame 21 refused: a drawing");

        let read: Snapshot = serde_json::from_str(&serde_json::to_string(&snapshot).unwrap()).unwrap();
        let (ages, starts, stages, sources) = Default::default();
        assert_eq!(read, Snapshot { ages, starts, stages, sources, ..snapshot });
    }
}

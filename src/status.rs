//! What is known of all cameras now, for people and monitoring. Whoever shows it asks for a [`Report`]; nothing is
//! reckoned while nobody asks.

use std::{fmt::Write, sync::Arc};

use arc_swap::{ArcSwap, ArcSwapOption};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    camera::Feed,
    capacity::{Capacity, SavedCapacity},
    config,
    model::pool::ModelPool,
    stage,
    system::clock::{Monotonic, to_the_microsecond},
    telemetry::{
        camera_metrics::{Availability, Snapshot},
        model_metrics::ModelStatus,
        processor_metrics::{ProcessorMetrics, ProcessorStatus},
    },
};

/// The cameras and where their numbers are.
#[derive(Debug)]
pub struct Status {
    started: Monotonic,
    // The list is replaced, never changed: whoever asks has it as it was.
    cameras: ArcSwap<Vec<Arc<Feed>>>,
    settings: ArcSwap<Vec<config::Camera>>,
    processors: ArcSwap<Vec<Arc<ProcessorMetrics>>>,
    models: Arc<ModelPool>,
    capacity: ArcSwapOption<SavedCapacity>,
}

/// The daemon as it stands now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Report {
    /// The version of the program.
    pub version: String,
    /// Wall time of the start.
    #[serde(serialize_with = "to_the_microsecond")]
    #[cfg_attr(test, schemars(with = "Timestamp"))]
    pub started_at: Timestamp,
    /// Whether every camera is live.
    pub healthy: bool,
    /// The cameras, in the order of the configuration.
    pub cameras: Vec<Snapshot>,
    /// The processors, `main` first; servers older than 0.2 do not send it.
    #[serde(default)]
    pub processors: Vec<ProcessorStatus>,
    /// The models that stages use, on each processor; absent if none does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<ModelStatus>,
}

impl Report {
    /// One line for people: `2 cameras, 27.9 fps, age p99 41 ms`. The age is that of the camera whose results are oldest.
    #[must_use]
    pub fn summary(&self) -> String {
        let all = self.cameras.len();
        let live = self.cameras.iter().filter(|camera| camera.state.state == Availability::Live).count();
        let cameras = if all == 1 { "camera" } else { "cameras" };
        let mut summary =
            if live == all { format!("{all} {cameras}") } else { format!("{live} of {all} {cameras} live") };
        let ages = self.cameras.iter().filter_map(|camera| camera.age_ms.as_ref());
        if let Some(p99) = ages.map(|age| age.p99).reduce(f64::max) {
            let fps: f64 = self.cameras.iter().map(|camera| camera.fps).sum();
            let digits = usize::from(p99 < 10.0);
            let _ = write!(summary, ", {fps:.1} fps, age p99 {p99:.digits$} ms"); // writing to a String cannot fail
        }
        summary
    }
}

impl Default for Status {
    fn default() -> Self {
        Self::new()
    }
}

impl Status {
    /// The status of a daemon that starts now and has no cameras yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            started: Monotonic::now(),
            cameras: ArcSwap::default(),
            settings: ArcSwap::default(),
            processors: ArcSwap::default(),
            models: Arc::default(),
            capacity: ArcSwapOption::default(),
        }
    }

    /// Makes these the cameras, in the order of the configuration, with what is configured for them.
    pub fn set(&self, cameras: Vec<Arc<Feed>>, settings: Vec<config::Camera>) {
        self.cameras.store(Arc::new(cameras));
        self.settings.store(Arc::new(settings));
    }

    /// The models that stages use.
    pub fn models(&self) -> &Arc<ModelPool> {
        &self.models
    }

    /// Makes these the processors, `main` first.
    pub fn set_processors(&self, processors: Vec<Arc<ProcessorMetrics>>) {
        self.processors.store(Arc::new(processors));
    }

    /// The cameras, in the order of the configuration.
    pub fn cameras(&self) -> Arc<Vec<Arc<Feed>>> {
        self.cameras.load_full()
    }

    /// What is configured for the cameras. Another list after each reload.
    pub fn settings(&self) -> Arc<Vec<config::Camera>> {
        self.settings.load_full()
    }

    /// Keeps what the machine was measured to carry, compared with the cameras as they are configured now.
    pub fn set_capacity(&self, capacity: Option<Capacity>) {
        let settings = self.settings();
        let of_any = |stage: &&&str| settings.iter().any(|camera| camera.stages.names().contains(stage));
        let stages: Vec<_> = stage::NAMES.iter().filter(of_any).copied().collect();
        self.capacity.store(capacity.map(|capacity| Arc::new(capacity.compared(&stages))));
    }

    /// What the machine was measured to carry, if it was.
    pub fn capacity(&self) -> Option<Arc<SavedCapacity>> {
        self.capacity.load_full()
    }

    /// Everything as it stands now.
    pub fn report(&self) -> Report {
        let cameras: Vec<_> = self.cameras().iter().map(|feed| feed.snapshot()).collect();
        Report {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: self.started.wall(),
            healthy: cameras.iter().all(|camera| camera.state.state == Availability::Live),
            cameras,
            processors: self.processors.load().iter().map(|processor| processor.status()).collect(),
            models: self.models.statuses(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        frame::Camera,
        slot::Counts,
        telemetry::{
            camera_metrics::{CameraMetrics, CameraState},
            percentiles::Percentiles,
        },
    };

    /// A report of cameras with these states, rates and ages.
    fn report(cameras: &[(Availability, f64, Option<f64>)]) -> Report {
        let blank = CameraMetrics::new(Camera::new("door")).snapshot(Counts::default());
        let camera = |&(state, fps, p99): &(Availability, f64, Option<f64>)| Snapshot {
            state: CameraState { state, ..blank.state },
            fps,
            age_ms: p99.map(|p99| Percentiles { p50: 1.0, p95: 2.0, p99 }),
            ..blank.clone()
        };
        let cameras = cameras.iter().map(camera).collect();
        Report {
            version: "1".into(),
            started_at: Timestamp::UNIX_EPOCH,
            healthy: true,
            cameras,
            processors: Vec::new(),
            models: Vec::new(),
        }
    }

    #[test]
    fn a_summary_is_one_line() {
        let summary = |cameras: &[_]| report(cameras).summary();
        let (live, slow) = ((Availability::Live, 14.9, Some(8.04)), (Availability::Live, 13.0, Some(41.3)));
        assert_eq!(summary(&[live]), "1 camera, 14.9 fps, age p99 8.0 ms");
        assert_eq!(summary(&[slow, live]), "2 cameras, 27.9 fps, age p99 41 ms");
        assert_eq!(
            summary(&[(Availability::Lost, 2.0, Some(1.0)), live]),
            "1 of 2 cameras live, 16.9 fps, age p99 8.0 ms"
        );
        assert_eq!(summary(&[(Availability::Never, 0.0, None)]), "0 of 1 camera live");
    }
}

//! What is counted of a processor, and of what it does with the frames of one camera.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{
    histogram::{Distribution, WindowedHistogram},
    percentiles::{Percentiles, rate},
};
use crate::{slot::Counts, system::clock::Monotonic};

/// What is counted of a processor.
#[derive(Debug)]
pub struct ProcessorMetrics {
    name: Arc<str>,
    /// Its own core, if it has one.
    core: Option<usize>,
    /// How long it worked on each frame.
    busy: WindowedHistogram,
}

/// How a processor is doing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ProcessorStatus {
    /// The processor's name.
    pub name: String,
    /// Its core; absent if it has none for itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub core: Option<usize>,
    /// Which part of the time it worked on frames, 0 to 1, over the last five to ten seconds.
    #[cfg_attr(test, schemars(range(min = 0, max = 1)))]
    pub load: f64,
    /// Frames that it worked on, since the start.
    pub frames: u64,
    /// How long it worked on frames, since the start; not in the JSON, whose readers have `load`.
    #[serde(skip)]
    pub busy: Duration,
}

impl ProcessorMetrics {
    /// It has not worked yet.
    #[must_use]
    pub fn new(name: Arc<str>, core: Option<usize>) -> Self {
        Self { name, core, busy: WindowedHistogram::default() }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// It worked so long on a frame. To be called by its thread only.
    pub fn record(&self, busy: Duration) {
        self.busy.record(busy, Monotonic::now());
    }

    /// As it stands now.
    #[must_use]
    pub fn status(&self) -> ProcessorStatus {
        let (recent, span) = self.busy.recent(Monotonic::now());
        let all = self.busy.all();
        ProcessorStatus {
            name: (*self.name).to_owned(),
            core: self.core,
            load: share(recent.sum(), span),
            frames: all.count(),
            busy: all.sum(),
        }
    }
}

/// Which part of `span` is busy. The first frames of all have a short one: they would make it more than all of it.
fn share(busy: Duration, span: Duration) -> f64 {
    let span = span.max(Duration::from_secs(1));
    ((busy.as_secs_f64() / span.as_secs_f64()).min(1.0) * 1e3).round() / 1e3
}

/// What is counted of the frames of one camera on a processor beyond the camera's first one.
#[derive(Debug)]
pub struct FurtherResults {
    processor: Arc<str>,
    ages: WindowedHistogram,
    refused: AtomicU64,
}

/// How a processor beyond a camera's first one is doing with its frames.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FurtherProcessor {
    /// The processor's name.
    pub processor: String,
    /// Its results a second, over the last five to ten seconds.
    #[cfg_attr(test, schemars(range(min = 0)))]
    pub fps: f64,
    /// How old its results were when they left, over the same time; absent if there were none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_ms: Option<Percentiles>,
    /// Frames of the camera since it has stages on this processor: `published = taken + superseded + waiting`.
    pub published: u64,
    /// Frames that it took.
    pub taken: u64,
    /// Frames replaced by a newer one before it took them.
    pub superseded: u64,
    /// Frames that wait for it now: 0 or 1.
    #[cfg_attr(test, schemars(range(max = 1)))]
    pub waiting: u64,
    /// Frames that it could not decode.
    pub refused: u64,
    /// The ages of all its results; not in the JSON.
    #[serde(skip)]
    pub ages: Distribution,
}

impl FurtherResults {
    /// None yet.
    #[must_use]
    pub fn new(processor: Arc<str>) -> Self {
        Self { processor, ages: WindowedHistogram::default(), refused: AtomicU64::new(0) }
    }

    /// The processor's name.
    #[must_use]
    pub fn processor(&self) -> &Arc<str> {
        &self.processor
    }

    /// A result leaves, made of a frame that is `age` old now. To be called by the processor's thread only.
    pub fn record(&self, age: Duration) {
        self.ages.record(age, Monotonic::now());
    }

    /// A frame cannot be decoded.
    pub fn count_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed); // read by itself
    }

    /// As it stands now; `counts` are its cell's.
    #[must_use]
    pub fn status(&self, counts: Counts) -> FurtherProcessor {
        let (recent, span) = self.ages.recent(Monotonic::now());
        let Counts { published, taken, superseded, waiting } = counts;
        FurtherProcessor {
            processor: (*self.processor).to_owned(),
            fps: rate(recent.count(), span),
            age_ms: Percentiles::of(&recent),
            published,
            taken,
            superseded,
            waiting,
            refused: self.refused.load(Ordering::Relaxed),
            ages: self.ages.all(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_is_a_part_of_the_time() {
        let seconds = Duration::from_secs_f64;
        assert_eq!(share(seconds(2.5), seconds(10.0)), 0.25);
        assert_eq!(share(seconds(0.1), seconds(0.1)), 0.1, "the first frame");
        assert_eq!(share(seconds(7.0), seconds(6.0)), 1.0, "a frame that began before");
    }
}

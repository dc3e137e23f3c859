//! Stages: each is one kind of looking at a camera's frames.
//!
//! A stage is a file here, named as its table in the configuration is: `motion.rs` has what `[camera.motion]` says, the
//! stage, and its tests. The list below is the only other place that names it.

use std::{collections::BTreeMap, fmt, ops::Range, sync::Arc};

use serde_json::value::RawValue;

use crate::{
    config::{violation::Violation, zone::Zone},
    event::EventChange,
    frame::Frame,
    message::Detection,
    model::{
        manifest::Manifest,
        pool::{ModelPool, PooledModel},
    },
    moving_mask::Looks,
    processor::views::{CropError, Needs, Views},
    system::clock::Monotonic,
    telemetry::model_metrics::Questions,
    tracking::{Track, shared::SharedTracks},
};

/// The list of stages. A frame is shown to a camera's stages in this order.
macro_rules! each_stage {
    ($define:ident) => {
        $define! { motion tamper objects }
    };
}
pub(crate) use each_stage;

/// The stages that version 0.1 had. `/api/cameras` says of each by a member of its name whether a camera has it.
pub const OF_VERSION_0_1: &[&str] = &["motion"];

/// One kind of looking at one camera's frames. It belongs to the processor's thread.
pub trait Stage: fmt::Debug + Send {
    /// What it will ask the views of the next frame for. Each frame is decoded once, for what all stages need. If no stage of a
    /// further processor needs anything, the frame has no result there.
    fn needs(&self) -> Needs;

    /// Looks at the next frame of its camera. What it learns in a time follows the frames' capture times, not their
    /// number.
    ///
    /// # Errors
    /// When it fails on this frame: its part of the result is missing then, the others' are not.
    fn look(&mut self, views: &Views<'_>, frame: &Frame) -> Result<Seen, StageError>;

    /// What it follows from frame to frame, as it was in the last one that it looked at: lines and zones count these.
    fn tracks(&self) -> Vec<Track> {
        Vec::new()
    }

    /// When something ends by itself if no frame comes before.
    fn deadline(&self) -> Option<Monotonic> {
        None
    }

    /// Ends what has ended by itself by now.
    fn expire(&mut self, now: Monotonic) -> Vec<EventChange> {
        let _ = now;
        Vec::new()
    }

    /// Ends everything: the configuration takes the stage away.
    fn retire(&mut self) -> Vec<EventChange> {
        Vec::new()
    }
}

/// What a stage says of one frame.
#[derive(Debug, Default)]
pub struct Seen {
    /// What it found.
    pub detections: Vec<Detection>,
    /// What else it says: the value of the member of its name in the result.
    pub detail: Option<Box<RawValue>>,
    /// What started, goes on or ended with this frame.
    pub events: Vec<EventChange>,
}

/// Why a stage failed on a frame.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StageError(String);

impl From<opencv::Error> for StageError {
    fn from(error: opencv::Error) -> Self {
        Self(error.message)
    }
}

impl From<CropError> for StageError {
    fn from(error: CropError) -> Self {
        Self(error.to_string())
    }
}

impl From<serde_json::Error> for StageError {
    fn from(error: serde_json::Error) -> Self {
        Self(error.to_string())
    }
}

/// What a stage has of its camera beside its settings.
#[derive(Clone, Debug, Default)]
pub struct StageContext {
    /// What its stages share of tracks; `None` if no stage finds out what tracks are.
    pub tracks: Option<Arc<SharedTracks>>,
    /// The zones of all its stages.
    pub zones: Arc<[Zone]>,
    /// The models that its stages use.
    pub models: Option<Models>,
    /// What is counted of its questions to them.
    pub questions: Arc<Questions>,
    /// Where it says what it saw, for masks that move; `None` if the camera has none.
    pub looks: Option<Arc<Looks>>,
}

/// The models that a camera's stages on one processor use.
#[derive(Clone, Debug)]
pub struct Models {
    /// Where they are, whoever uses them.
    pub pool: Arc<ModelPool>,
    /// The processor's name.
    pub processor: String,
    /// What is configured for each.
    pub manifests: BTreeMap<String, Manifest>,
}

impl Models {
    /// The model of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Arc<PooledModel>> {
        Some(self.pool.get(&self.processor, name, self.manifests.get(name)?))
    }
}

/// What stands beside a stage's table in the configuration.
#[derive(Clone, Copy, Debug)]
pub struct OtherSettings<'c> {
    /// `[model.NAME]`.
    pub models: &'c BTreeMap<String, Manifest>,
    /// Whether any stage of the camera follows what it finds.
    pub have_tracks: bool,
    /// The labels that masks are over, and where they stand.
    pub masked: &'c [(&'c str, Range<usize>)],
}

/// A stage's table in the configuration: every value in it is in range by its type.
pub trait StageSettings {
    /// Finds what is wrong across keys.
    fn check(&self, violations: &mut Vec<Violation>) {
        let _ = violations;
    }

    /// Finds what is wrong with what stands beside its table, and takes over from there what it leaves open. `table` is where it
    /// stands.
    fn resolve(&mut self, table: Range<usize>, others: &OtherSettings<'_>, violations: &mut Vec<Violation>) {
        let _ = (table, others, violations);
    }

    /// The model that it uses.
    fn models(&self) -> Option<&str> {
        None
    }

    /// The processor on which it looks if its table chooses none, unless that is the one on which most stages look. It is there
    /// without being configured.
    const PROCESSOR: Option<&str> = None;

    /// The kinds of the events that it can have. Subscribers who must know them beforehand get them from here.
    const EVENT_KINDS: &[&str];

    /// Whether its table may have zones.
    const HAS_ZONES: bool = false;

    /// Whether it follows what it finds from frame to frame.
    const HAS_TRACKS: bool = false;

    /// Whether it finds out what tracks are.
    const LABELS_TRACKS: bool = false;

    /// The zones in its settings.
    fn zones(&self) -> impl Iterator<Item = &Zone> {
        [].into_iter()
    }

    /// The stage, which has seen nothing yet.
    fn build(&self, context: &StageContext) -> Box<dyn Stage>;
}

macro_rules! define {
    ($($stage:ident)*) => {
        $(pub mod $stage;)*

        /// The names of all stages.
        pub const NAMES: &[&str] = &[$(stringify!($stage)),*];

        /// The kinds of events that there can be.
        pub fn event_kinds() -> impl Iterator<Item = &'static str> {
            [$($stage::Settings::EVENT_KINDS),*].into_iter().flatten().copied()
        }

        /// The stages that a camera has, with their settings.
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct Stages {
            $(
                #[doc = concat!("`[camera.", stringify!($stage), "]`, if it is there.")]
                pub $stage: Option<$stage::Settings>,
            )*
        }

        impl Stages {
            /// The stages, each with its name, in the order in which they look.
            #[must_use]
            pub fn build(&self, context: &StageContext) -> Vec<(&'static str, Box<dyn Stage>)> {
                let stages = [$(self.$stage.as_ref().map(|settings| (stringify!($stage), settings.build(context)))),*];
                stages.into_iter().flatten().collect()
            }

            /// Their names.
            #[must_use]
            pub fn names(&self) -> Vec<&'static str> {
                let names = [$(self.$stage.as_ref().map(|_| stringify!($stage))),*];
                names.into_iter().flatten().collect()
            }

            /// Those of them whose names fulfil the condition.
            #[must_use]
            pub fn only(&self, is_wanted: impl Fn(&str) -> bool) -> Self {
                Self { $($stage: self.$stage.clone().filter(|_| is_wanted(stringify!($stage)))),* }
            }

            /// The kinds of the events that they can have.
            #[must_use]
            pub fn event_kinds(&self) -> Vec<&'static str> {
                let kinds = [$(self.$stage.as_ref().map(|_| $stage::Settings::EVENT_KINDS)),*];
                kinds.into_iter().flatten().flatten().copied().collect()
            }

            /// The names of those whose tables may have zones.
            #[must_use]
            pub fn with_zones(&self) -> Vec<&'static str> {
                let names = [$(
                    self.$stage.as_ref().filter(|_| $stage::Settings::HAS_ZONES).map(|_| stringify!($stage))
                ),*];
                names.into_iter().flatten().collect()
            }

            /// Whether any of them follows what it finds.
            #[must_use]
            pub fn have_tracks(&self) -> bool {
                [$(self.$stage.is_some() && $stage::Settings::HAS_TRACKS),*].contains(&true)
            }

            /// Whether any of them finds out what tracks are.
            #[must_use]
            pub fn label_tracks(&self) -> bool {
                [$(self.$stage.is_some() && $stage::Settings::LABELS_TRACKS),*].contains(&true)
            }

            /// The models that they use.
            #[must_use]
            pub fn models(&self) -> Vec<&str> {
                let names = [$(self.$stage.as_ref().and_then(StageSettings::models)),*];
                names.into_iter().flatten().collect()
            }

            /// The processors on which those of them look by default that do not look on that of most stages, each with the stage.
            #[must_use]
            pub fn default_processors(&self) -> Vec<(&'static str, &'static str)> {
                let names = [$(
                    self.$stage.as_ref().and($stage::Settings::PROCESSOR).map(|processor| (stringify!($stage), processor))
                ),*];
                names.into_iter().flatten().collect()
            }

            /// All their zones, each with the stage that it is for.
            #[must_use]
            pub fn zones(&self) -> Vec<(&'static str, &Zone)> {
                let mut zones = Vec::new();
                $(
                    let of_stage = self.$stage.iter().flat_map(StageSettings::zones);
                    zones.extend(of_stage.map(|zone| (stringify!($stage), zone)));
                )*
                zones
            }
        }
    };
}
each_stage!(define);

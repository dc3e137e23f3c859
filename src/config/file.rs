//! The file as written: one struct per table, one field per key, the range of a value in its type, the defaults
//! of a table in its `Default`. `deploy/fovea.toml` says what each key is for; a test holds the two together.
//!
//! To add a table: a struct here with `deny_unknown_fields`, a field in [`File`] (an `Option` if being there is what
//! switches it on), its checked counterpart in `config.rs`, the step from one to the other in `check.rs`, and its keys in
//! the sample. A camera has a table for each stage; what is in it stands with the stage. No `flatten`, `untagged` or `tag`: toml loses the place of a mistake there.

use std::{collections::BTreeMap, path::PathBuf};

use serde::Deserialize;
use toml::Spanned;

use super::{
    labels::LabelFilter,
    line::Line,
    mask::Mask,
    model::Models,
    processor,
    stage_table::StageTable,
    value::{
        BodyKind, BrokerUrl, ControlName, Device, FieldName, Format, HeaderName, Host, Level, Listen, Name, Origin,
        PageUrl, PictureKind, ResultRate, Setting, State, Switch, Table, Text, TokensFile, TopicPrefix, Username,
        WebUrl, Whole,
    },
    violation::Violation,
};
use crate::{
    config,
    message::EventState,
    model::manifest::Manifest,
    stage::{self, OtherSettings, StageSettings, Stages, each_stage},
};

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct File {
    pub(super) server: Table<Server>,
    pub(super) http: Option<Table<Http>>,
    pub(super) tls: Option<Spanned<Table<Tls>>>,
    pub(super) events: Table<Events>,
    pub(super) webhook: Vec<Table<Webhook>>,
    pub(super) mqtt: Option<Spanned<Table<Mqtt>>>,
    pub(super) processor: processor::WrittenList,
    pub(super) model: Models,
    pub(super) log: Table<Log>,
    pub(super) camera: Vec<Table<Camera>>,
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Server {
    pub(super) listen: Spanned<Listen>,
    pub(super) allow_anonymous: bool,
    pub(super) tokens_file: TokensFile,
    pub(super) allowed_origins: Vec<Origin>,
    pub(super) max_clients: Whole<1, 1024>,
    pub(super) max_message_bytes: Whole<1_024, 268_435_456>,
    pub(super) max_pixels: Whole<1, 268_435_456>,
    pub(super) max_side_px: Whole<16, 65_535>,
    pub(super) handshake_timeout_ms: Whole<100, 60_000>,
    pub(super) message_timeout_ms: Whole<100, 600_000>,
    pub(super) idle_timeout_ms: Whole<1_000, 86_400_000>,
    pub(super) outbox_bytes: Whole<4_096, 67_108_864>,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: Spanned::new(0..0, Listen(([127, 0, 0, 1], 8999).into())), // never told of: breaks no rule
            allow_anonymous: false,
            tokens_file: TokensFile("tokens".into()),
            allowed_origins: Vec::new(),
            max_clients: Whole::of::<16>(),
            max_message_bytes: Whole::of::<{ 8 * 1024 * 1024 }>(),
            max_pixels: Whole::of::<{ 4096 * 4096 }>(),
            max_side_px: Whole::of::<8_192>(),
            handshake_timeout_ms: Whole::of::<5_000>(),
            message_timeout_ms: Whole::of::<10_000>(),
            idle_timeout_ms: Whole::of::<60_000>(),
            outbox_bytes: Whole::of::<{ 256 * 1024 }>(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Http {
    pub(super) listen: Spanned<Listen>,
    pub(super) allow_anonymous: bool,
    pub(super) allowed_hosts: Vec<Host>,
    pub(super) max_clients: Whole<1, 1024>,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: Spanned::new(0..0, Listen(([127, 0, 0, 1], 8080).into())), // never told of: breaks no rule
            allow_anonymous: false,
            allowed_hosts: Vec::new(),
            max_clients: Whole::of::<32>(),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Tls {
    pub(super) certificate: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Events {
    pub(super) max_events: Whole<1, 100_000>,
    pub(super) max_picture_bytes: Whole<0, 268_435_456>,
}

impl Default for Events {
    fn default() -> Self {
        Self { max_events: Whole::of::<1_000>(), max_picture_bytes: Whole::of::<{ 8 * 1024 * 1024 }>() }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Webhook {
    pub(super) name: Spanned<Name>,
    pub(super) url: WebUrl,
    #[serde(default)]
    pub(super) body: BodyKind,
    #[serde(default)]
    pub(super) fields: Option<Spanned<BTreeMap<FieldName, Text>>>,
    #[serde(default = "Webhook::picture_field")]
    pub(super) picture_field: FieldName,
    #[serde(default)]
    pub(super) headers: BTreeMap<HeaderName, Text>,
    pub(super) authorization_file: Option<PathBuf>,
    pub(super) secret_file: Option<PathBuf>,
    pub(super) ca: Option<PathBuf>,
    #[serde(default)]
    pub(super) cameras: Vec<Spanned<Name>>,
    #[serde(default)]
    pub(super) kinds: Vec<Name>,
    #[serde(default)]
    pub(super) zones: Vec<Name>,
    #[serde(default)]
    pub(super) labels: LabelFilter,
    #[serde(default = "Webhook::states")]
    pub(super) states: Vec<State>,
    #[serde(default = "Webhook::timeout_ms")]
    pub(super) timeout_ms: Whole<100, 60_000>,
    #[serde(default = "Webhook::retry_for_ms")]
    pub(super) retry_for_ms: Whole<0, 86_400_000>,
}

/// There is no default of the whole table: it must have a name and a URL.
impl Webhook {
    fn picture_field() -> FieldName {
        FieldName("picture".to_owned())
    }

    fn states() -> Vec<State> {
        vec![State(EventState::Start), State(EventState::End)]
    }

    const fn timeout_ms() -> Whole<100, 60_000> {
        Whole::of::<10_000>()
    }

    const fn retry_for_ms() -> Whole<0, 86_400_000> {
        Whole::of::<600_000>()
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mqtt {
    pub(super) url: BrokerUrl,
    pub(super) board: Option<Name>,
    #[serde(default = "Mqtt::prefix")]
    pub(super) prefix: TopicPrefix,
    pub(super) username: Option<Username>,
    pub(super) password_file: Option<Spanned<PathBuf>>,
    pub(super) ca: Option<Spanned<PathBuf>>,
    pub(super) certificate: Option<Spanned<PathBuf>>,
    pub(super) key: Option<Spanned<PathBuf>>,
    #[serde(default = "Mqtt::keep_alive_ms")]
    pub(super) keep_alive_ms: Whole<5_000, 3_600_000>,
    #[serde(default = "Mqtt::max_events")]
    pub(super) max_events: Whole<1, 10_000>,
    #[serde(default)]
    pub(super) labels: LabelFilter,
    #[serde(default)]
    pub(super) results: ResultRate,
    #[serde(default)]
    pub(super) pictures: Option<Spanned<PictureKind>>,
    #[serde(default = "Mqtt::max_picture_bytes")]
    pub(super) max_picture_bytes: Whole<10_000, 10_000_000>,
    pub(super) page_url: Option<PageUrl>,
    #[serde(default)]
    pub(super) commands: bool,
    pub(super) discovery: Option<TopicPrefix>,
}

/// There is no default of the whole table: it must have a URL.
impl Mqtt {
    fn prefix() -> TopicPrefix {
        TopicPrefix("fovea".to_owned())
    }

    const fn keep_alive_ms() -> Whole<5_000, 3_600_000> {
        Whole::of::<30_000>()
    }

    const fn max_events() -> Whole<1, 10_000> {
        Whole::of::<200>()
    }

    const fn max_picture_bytes() -> Whole<10_000, 10_000_000> {
        Whole::of::<200_000>()
    }
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Log {
    pub(super) level: Level,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: Level(log::LevelFilter::Info) }
    }
}

macro_rules! camera {
    ($($stage:ident)*) => {
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct Camera {
            pub(super) name: Spanned<Name>,
            #[serde(default)]
            pub(super) detection: Switch,
            pub(super) v4l2: Option<Spanned<Table<V4l2>>>,
            #[serde(default)]
            pub(super) mask: Vec<Spanned<Table<Mask>>>,
            $($stage: Option<Spanned<StageTable<stage::$stage::Settings>>>,)*
            #[serde(default)]
            pub(super) line: Vec<Spanned<Table<Line>>>,
        }

        impl Camera {
            /// The stages that it has, checked.
            pub(super) fn stages(
                &self,
                models: &BTreeMap<String, Manifest>,
                violations: &mut Vec<Violation>,
            ) -> Stages {
                $(self.$stage.iter().for_each(|table| table.get_ref().settings.check(violations));)*
                let mut stages =
                    Stages { $($stage: self.$stage.as_ref().map(|table| table.get_ref().settings.clone()),)* };
                let masked: Vec<_> =
                    self.mask.iter().flat_map(|mask| mask.get_ref().labels().spanned_names()).collect();
                let others = OtherSettings { models, have_tracks: stages.have_tracks(), masked: &masked };
                $(
                    if let (Some(settings), Some(table)) = (&mut stages.$stage, &self.$stage) {
                        settings.resolve(table.span(), &others, violations);
                    }
                )*
                stages
            }

            /// The processors that need not be configured, of the stages that look on theirs.
            pub(super) fn default_processors(&self) -> Vec<&'static str> {
                let names = [$(self.$stage.as_ref().and_then(|table| {
                    let default = <stage::$stage::Settings as StageSettings>::PROCESSOR?;
                    let chosen = table.get_ref().processor.as_ref();
                    chosen.is_none_or(|name| name.get_ref().0 == default).then_some(default)
                })),*];
                names.into_iter().flatten().collect()
            }

            /// The processors that its stages choose.
            pub(super) fn processors(&self) -> Vec<(&'static str, &Spanned<Name>)> {
                let processors =
                    [$((stringify!($stage), self.$stage.as_ref().and_then(|table| table.get_ref().processor.as_ref()))),*];
                processors.into_iter().filter_map(|(stage, processor)| Some((stage, processor?))).collect()
            }
        }
    };
}
each_stage!(camera);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct V4l2 {
    pub(super) device: Spanned<Device>,
    #[serde(default)]
    pub(super) format: Format,
    #[serde(default = "V4l2::width_px")]
    pub(super) width_px: Whole<16, 16_384>,
    #[serde(default = "V4l2::height_px")]
    pub(super) height_px: Whole<16, 16_384>,
    #[serde(default = "V4l2::rate_hz")]
    pub(super) rate_hz: Whole<1, 1_000>,
    #[serde(default = "V4l2::buffers")]
    pub(super) buffers: Whole<3, 32>,
    #[serde(default = "V4l2::stall_timeout_ms")]
    pub(super) stall_timeout_ms: Whole<100, 600_000>,
    #[serde(default)]
    pub(super) controls: BTreeMap<ControlName, Setting>,
}

/// There is no default of the whole table: it must have a device.
impl V4l2 {
    const fn width_px() -> Whole<16, 16_384> {
        Whole::of::<{ config::V4l2::SIZE.width_px }>()
    }

    const fn height_px() -> Whole<16, 16_384> {
        Whole::of::<{ config::V4l2::SIZE.height_px }>()
    }

    const fn rate_hz() -> Whole<1, 1_000> {
        Whole::of::<{ config::V4l2::RATE_HZ }>()
    }

    const fn buffers() -> Whole<3, 32> {
        Whole::of::<5>()
    }

    const fn stall_timeout_ms() -> Whole<100, 600_000> {
        Whole::of::<3_000>()
    }
}

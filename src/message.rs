//! What goes over the wire as JSON: one schema, version 1. Fields may be added within a version, never changed.
//!
//! The same types are written by the daemon and read by `fovea watch` and `fovea send`.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer, ser::SerializeMap};
use serde_json::value::RawValue;

use crate::{frame::CapturedBy, system::clock::to_the_microsecond};

/// A message of the server, `{"v":1,"type":...}`. Within version 1 types and fields are added, never changed: skip what you do
/// not know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Message {
    /// The server's greeting to a `fovea.v1` client.
    Hello(Hello),
    /// To a sender: the processor took its frame, the next may come.
    Taken(Taken),
    /// The result of one frame.
    Result(FrameResult),
    /// A frame that was refused, and why.
    Refused(Refused),
    /// Something started, goes on, or ended.
    Event(Event),
    /// To a slow reader: how many messages it lost just before this place.
    Dropped(Dropped),
    /// The clock exchange with a `fovea.v1` sender, asked by the server and answered by the sender.
    Clock(Clock),
}

/// The server's greeting: what it is and what it accepts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Hello {
    /// Program and version.
    pub server: String,
    /// The camera of this connection, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub camera: Option<String>,
    /// The server's clock: microseconds since its boot.
    pub clock_us: u64,
    /// What it accepts.
    pub limits: Limits,
}

/// The limits that a client has to keep to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Limits {
    /// Bytes of a message.
    pub max_message_bytes: usize,
    /// Pixels of a picture.
    pub max_pixels: u64,
    /// Pixels of a picture's longer side; not sent by servers older than 0.2, and 0 then.
    #[serde(default)]
    pub max_side_px: u32,
    /// Milliseconds from a message's first byte to its last.
    pub message_timeout_ms: u64,
    /// Milliseconds without a message or an answer to a ping.
    pub idle_timeout_ms: u64,
}

/// The camera's first processor took this frame: it and every earlier one no longer wait for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Taken {
    /// The camera's name.
    pub camera: String,
    /// The frame's number: with `fovea.v1` the sender's, otherwise counted from 1 on each connection.
    pub seq: u64,
}

/// What the stages say of one frame, with its age.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Result"))]
pub struct FrameResult {
    /// The camera's name.
    pub camera: String,
    /// The frame's number: with `fovea.v1` the sender's, otherwise counted from 1 on each connection.
    pub seq: u64,
    /// The processor that has this result; absent if it is the camera's first one, and on a board with one processor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processor: Option<Arc<str>>,
    /// Wall time of the capture.
    #[serde(serialize_with = "to_the_microsecond")]
    #[cfg_attr(test, schemars(with = "Timestamp"))]
    pub captured_at: Timestamp,
    /// The clock behind `captured_at` and `age_ms`.
    pub captured_by: CapturedBy,
    /// How old the frame was.
    pub age_ms: Age,
    /// Frames of this camera superseded between the previous result and this one.
    pub superseded: u64,
    /// Width and height of the picture.
    pub size_px: [u32; 2],
    /// What single stages say beyond detections, each under its name.
    #[serde(flatten, skip_deserializing)]
    #[cfg_attr(test, schemars(schema_with = "any_details"))]
    pub details: Details,
    /// What all stages found.
    #[serde(default)]
    pub detections: Arc<[Detection]>,
    /// What is counted over lines and in zones; absent if the camera has neither lines nor named zones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<Arc<Counts>>,
    /// By stage, why it failed on this frame; absent if none failed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(test, schemars(extend("minProperties" = 1)))]
    pub errors: BTreeMap<Cow<'static, str>, String>,
}

/// How many tracks crossed a camera's lines and are in its zones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Counts {
    /// Wall time since which it is counted: the start of the daemon, or of the camera's lines and zones.
    #[serde(serialize_with = "to_the_microsecond")]
    #[cfg_attr(test, schemars(with = "Timestamp"))]
    pub since: Timestamp,
    /// For each line, how many tracks crossed it, by direction.
    #[serde(default)]
    pub lines: BTreeMap<String, BTreeMap<String, u64>>,
    /// For each named zone, how many tracks are in it.
    #[serde(default)]
    pub zones: BTreeMap<String, ZoneCounts>,
}

/// How many tracks are in a zone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ZoneCounts {
    /// Now.
    pub now: u64,
    /// Tracks that entered it.
    pub entered: u64,
}

/// One thing that a stage found in one frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Detection {
    /// What it is, such as `motion`. New labels can appear.
    pub label: Cow<'static, str>,
    /// Where it is.
    #[serde(rename = "box")]
    pub bounds: Rect,
    /// How sure the stage is, 0 to 1, if it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(range(min = 0, max = 1)))]
    pub score: Option<f32>,
    /// A number that stays the same while the stage follows the same thing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub track: Option<u64>,
    /// Text that the stage read, such as a code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl Detection {
    /// What it is and how sure that is, if a stage found out: what only moves has a label, but no score.
    #[must_use]
    pub fn class(&self) -> Option<(&str, f32)> {
        Some((&self.label, self.score?))
    }
}

/// What single stages say of a frame, as JSON, each under its stage's name.
#[derive(Clone, Debug, Default)]
pub struct Details(Vec<(&'static str, Box<RawValue>)>);

impl Details {
    /// Adds what `stage` says.
    pub fn push(&mut self, stage: &'static str, detail: Box<RawValue>) {
        self.0.push((stage, detail));
    }

    /// The bytes of all of it.
    #[must_use]
    pub fn byte_count(&self) -> usize {
        self.0.iter().map(|(stage, detail)| stage.len() + detail.get().len()).sum()
    }
}

impl PartialEq for Details {
    fn eq(&self, other: &Self) -> bool {
        let texts =
            |details: &Self| details.0.iter().map(|(stage, detail)| (*stage, detail.get().to_owned())).collect();
        let [mine, theirs]: [Vec<_>; 2] = [texts(self), texts(other)];
        mine == theirs
    }
}

impl Serialize for Details {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        self.0.iter().try_for_each(|(stage, detail)| map.serialize_entry(stage, detail))?;
        map.end()
    }
}

/// Any number of objects, under names of stages.
#[cfg(test)]
fn any_details(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    let what = "What a stage says beyond its detections, under the name of the stage.";
    schemars::json_schema!({ "type": "object", "additionalProperties": { "description": what } })
}

/// A frame's age in milliseconds, counted from its capture.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Age {
    /// When processing started.
    pub start: f64,
    /// When the result left.
    pub result: f64,
}

/// `[x, y, width, height]` in pixels of the whole picture, from the upper left corner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Box"))]
#[serde(from = "[u32; 4]", into = "[u32; 4]")]
pub struct Rect {
    /// Left column.
    pub x: u32,
    /// Upper row.
    pub y: u32,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

impl From<[u32; 4]> for Rect {
    fn from([x, y, width, height]: [u32; 4]) -> Self {
        Self { x, y, width, height }
    }
}

impl From<Rect> for [u32; 4] {
    fn from(Rect { x, y, width, height }: Rect) -> Self {
        [x, y, width, height]
    }
}

/// A frame that was refused: it has no result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Refused {
    /// The camera's name.
    pub camera: String,
    /// The frame's number: with `fovea.v1` the sender's, otherwise counted from 1 on each connection.
    pub seq: u64,
    /// Why, as text for people.
    pub cause: String,
}

/// Something that starts, goes on and ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Event {
    /// The camera's name.
    pub camera: String,
    /// The same from start to end; unique on this server.
    pub id: String,
    /// What happens: `motion` if something moves, `scene` if the whole picture changed at once, `tamper` if the camera cannot
    /// see its view, `crossing` if a track crosses a line, `visit` while a track is in a zone, `loitering` while one stays in it
    /// for long, `object` while a track has a label or a thing stands there, `external` if a client triggered it. New kinds can appear: show them as they are.
    pub kind: Cow<'static, str>,
    /// Whether the event starts, goes on or ends.
    pub state: EventState,
    /// Capture time of a frame: of the first that shows it at the start, later of the latest one.
    #[serde(serialize_with = "to_the_microsecond")]
    #[cfg_attr(test, schemars(with = "Timestamp"))]
    pub at: Timestamp,
    /// The named zone; absent if the camera has no named zones, and of `object` outside of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Why, if the kind has several reasons; of `external`, the label that the client gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Cow<'static, str>>,
    /// The boxes of this event in that frame; empty at the end, and for the whole picture.
    pub boxes: Vec<Rect>,
    /// The track that it is about, if it is about one.
    #[serde(default, flatten)]
    pub subject: Option<Subject>,
    /// What it is about, such as `person`; absent if that is not known, or not yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Arc<str>>,
    /// How sure the label is, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(range(min = 0, max = 1)))]
    pub score: Option<f32>,
    /// How old the frame was that it was seen in, when this was published; for outputs of this process.
    #[serde(skip)]
    pub age: Option<Duration>,
}

/// The track that an event is about, and what it did.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Subject {
    /// The number of the track, as detections have it.
    pub track: u64,
    /// The line that it crossed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// What the direction in which it crossed the line is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<String>,
    /// How many have crossed the line in this direction by now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// How many seconds it was in the zone: at the end of `visit`, and of `loitering`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dwell_s: Option<f64>,
}

impl Subject {
    /// A track that did nothing yet.
    #[must_use]
    pub fn of(track: u64) -> Self {
        Self { track, ..Self::default() }
    }
}

/// Where an event stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum EventState {
    /// It began with this frame.
    Start,
    /// It goes on.
    Update,
    /// It is over.
    End,
}

impl EventState {
    /// As messages spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Update => "update",
            Self::End => "end",
        }
    }
}

/// A slow reader lost messages just before this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Dropped {
    /// How many.
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub count: u64,
}

/// The clock exchange. The server sends its time; the sender returns it at once, with its own beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Clock {
    /// The server's clock when it asked, in microseconds.
    pub server_us: u64,
    /// The sender's clock when it answered, in microseconds of any origin; absent in the question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender_us: Option<u64>,
}

/// The version of the schema, in every message.
pub const VERSION: u8 = 1;

#[derive(Serialize)]
struct Written<'a> {
    v: u8,
    #[serde(flatten)]
    message: &'a Message,
}

impl Message {
    /// The camera that it is about, if it is about one.
    #[must_use]
    pub fn camera(&self) -> Option<&str> {
        match self {
            Self::Hello(hello) => hello.camera.as_deref(),
            Self::Taken(taken) => Some(&taken.camera),
            Self::Result(result) => Some(&result.camera),
            Self::Refused(refused) => Some(&refused.camera),
            Self::Event(event) => Some(&event.camera),
            Self::Dropped(_) | Self::Clock(_) => None,
        }
    }

    /// The message as JSON text.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(&Written { v: VERSION, message: self })
            .expect("no map keys, no failing serializers in it")
    }

    /// Reads JSON text, without regard to its version: within one, fields are only ever added.
    ///
    /// # Errors
    /// When it is not a message of this schema.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The worked example of docs/protocol.md.
    #[test]
    fn a_result_is_spelled_as_documented() {
        let text = concat!(
            r#"{"v":1,"type":"result","camera":"door","seq":1234,"captured_at":"2026-11-22T10:00:00.123456Z","#,
            r#""captured_by":"sender","age_ms":{"start":3.1,"result":9.8},"superseded":2,"size_px":[1280,720],"#,
            r#""motion":{"score":0.031,"boxes":[[412,96,60,148]]},"#,
            r#""detections":[{"label":"motion","box":[412,96,60,148]}]}"#
        );
        let mut message = Message::from_json(text).expect("reads its own example");
        let Message::Result(result) = &mut message else { unreachable!("it is one") };
        let detail = r#"{"score":0.031,"boxes":[[412,96,60,148]]}"#;
        result.details.push("motion", RawValue::from_string(detail.to_owned()).expect("it is JSON"));
        assert_eq!(message.to_json(), text);
    }

    #[test]
    fn times_have_six_digits_after_the_point_whatever_they_are() {
        let event = Event {
            camera: "door".into(),
            id: "door-1".into(),
            kind: "motion".into(),
            state: EventState::End,
            at: Timestamp::from_second(1_800_000_000).unwrap(),
            zone: None,
            reason: None,
            boxes: Vec::new(),
            subject: None,
            label: None,
            score: None,
            age: None,
        };
        assert!(Message::Event(event).to_json().contains(r#""at":"2027-01-15T08:00:00.000000Z""#));
    }
}

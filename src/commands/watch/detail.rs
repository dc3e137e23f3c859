//! Reads from a message what depends on the daemon's stages: detections, flags, errors, and the kind of an event.
//!
//! It knows no stage by name, so it reads what stages say that are newer or older than this program. It takes the JSON
//! text for that: the types of [`crate::message`] drop members that they do not know.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::message::Rect;

/// What the stages say of one frame.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct StageOutput {
    pub(super) detections: Vec<Detection>,
    /// What is true of a stage now: its name and the flag's, such as `motion` and `relearning`.
    pub(super) flags: Vec<(String, String)>,
    /// The stages that failed on the frame, and why.
    pub(super) errors: BTreeMap<String, String>,
}

/// One thing that a stage found.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct Detection {
    pub(super) label: String,
    /// In pixels of the whole frame.
    #[serde(rename = "box")]
    pub(super) bounds: Rect,
    /// The same for one thing in successive frames.
    #[serde(default)]
    pub(super) track: Option<u64>,
    /// What is written on it.
    #[serde(default)]
    pub(super) text: Option<String>,
}

/// What an event is about.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct EventDetail {
    pub(super) kind: String,
    #[serde(default)]
    pub(super) reason: Option<String>,
}

impl StageOutput {
    /// Reads a result. Leaves out what has another form than expected.
    pub(super) fn of_result(text: &str) -> Self {
        let members: Map<String, Value> = serde_json::from_str(text).unwrap_or_default();
        let detections = match members.get("detections") {
            Some(detections) => elements(detections),
            None => members.iter().flat_map(|(stage, detail)| boxes(stage, detail)).collect(),
        };
        let errors = members.get("errors").and_then(|errors| BTreeMap::deserialize(errors).ok()).unwrap_or_default();
        Self { detections, flags: members.iter().flat_map(|(stage, detail)| flags(stage, detail)).collect(), errors }
    }
}

impl EventDetail {
    /// Reads an event; `None` if the text is not one.
    pub(super) fn of_event(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

/// The boxes of a stage's own member of a result. Daemons up to 0.1 send no other detections.
fn boxes(stage: &str, detail: &Value) -> Vec<Detection> {
    let boxes: Vec<Rect> = detail.get("boxes").map(elements).unwrap_or_default();
    let detection = |bounds| Detection { label: stage.to_owned(), bounds, track: None, text: None };
    boxes.into_iter().map(detection).collect()
}

/// The members that are true in a stage's own member of a result.
fn flags(stage: &str, detail: &Value) -> Vec<(String, String)> {
    let members = detail.as_object().into_iter().flatten();
    members
        .filter(|(_, value)| **value == Value::Bool(true))
        .map(|(flag, _)| (stage.to_owned(), flag.clone()))
        .collect()
}

/// The readable elements of an array.
fn elements<'v, T: Deserialize<'v>>(array: &'v Value) -> Vec<T> {
    array.as_array().into_iter().flatten().filter_map(|element| T::deserialize(element).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn detections_are_read_whatever_stage_they_are_of() {
        let output = StageOutput::of_result(
            r#"{"detections":[{"label":"person","box":[1,2,3,4],"score":0.5,"track":7},{"label":"tag"},
                {"label":"tag","box":[5,6,7,8],"text":"17","pose":[]}],
                "motion":{"boxes":[[9,9,9,9]],"relearning":true,"score":1},"errors":{"codes":"no memory"}}"#,
        );
        let person = Detection { label: "person".into(), bounds: [1, 2, 3, 4].into(), track: Some(7), text: None };
        let tag = Detection { label: "tag".into(), bounds: [5, 6, 7, 8].into(), track: None, text: Some("17".into()) };
        assert_eq!(output.detections, [person, tag]);
        assert_eq!(output.flags, [("motion".to_owned(), "relearning".to_owned())]);
        assert_eq!(output.errors, BTreeMap::from([("codes".to_owned(), "no memory".to_owned())]));
    }

    #[test]
    fn an_older_daemons_boxes_bear_the_name_of_their_stage() {
        let output = StageOutput::of_result(
            r#"{"seq":1,"size_px":[9,9],"any":{"score":0.1,"boxes":[[1,2,3,4],[-1,0,0,0],"no box"]}}"#,
        );
        let one = Detection { label: "any".into(), bounds: [1, 2, 3, 4].into(), track: None, text: None };
        assert_eq!(output, StageOutput { detections: vec![one], ..StageOutput::default() });
    }

    #[test]
    fn what_has_another_form_is_left_out() {
        for text in ["", "[]", r#"{"detections":7,"errors":[1],"motion":{"boxes":{}}}"#, r#"{"motion":{"boxes":3}}"#] {
            assert_eq!(StageOutput::of_result(text), StageOutput::default(), "{text}");
        }
        assert_eq!(EventDetail::of_event(r#"{"kind":7}"#), None);
        let reason = EventDetail::of_event(r#"{"kind":"new","reason":"a test"}"#).expect("an event");
        assert_eq!((reason.kind.as_str(), reason.reason.as_deref()), ("new", Some("a test")));
    }
}

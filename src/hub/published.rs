//! A published message: made once, shared by all subscribers, never changed.

use std::sync::OnceLock;

use bytes::Bytes;
use serde_json::Value;

use crate::{
    message::{FrameResult, Message},
    system::clock::Monotonic,
};

/// About the bytes of a message without boxes and texts: names and numbers. No message is estimated at less.
pub(super) const MESSAGE_BYTES: usize = 320;

/// A message, and its JSON once somebody wanted it.
#[derive(Debug)]
pub struct Published {
    message: Message,
    json: OnceLock<Bytes>,
    announced_at: OnceLock<Monotonic>,
}

impl Published {
    /// The message, its JSON not made yet.
    #[must_use]
    pub fn new(message: Message) -> Self {
        Self { message, json: OnceLock::new(), announced_at: OnceLock::new() }
    }

    /// The message.
    #[must_use]
    pub fn message(&self) -> &Message {
        &self.message
    }

    /// The message as JSON: UTF-8 text, made at the first call.
    #[must_use]
    pub fn json(&self) -> &Bytes {
        self.json.get_or_init(|| self.message.to_json().into())
    }

    /// The same with more members at its end.
    #[must_use]
    pub fn json_with(&self, members: &[(&str, Value)]) -> Vec<u8> {
        let mut json = self.json().to_vec();
        json.pop(); // the brace at its end
        json.extend(members.iter().flat_map(|(name, value)| format!(",\"{name}\":{value}").into_bytes()));
        json.push(b'}');
        json
    }

    /// When the event in it was in the event log with its picture.
    #[must_use]
    pub fn announced_at(&self) -> Option<Monotonic> {
        self.announced_at.get().copied()
    }

    /// The event in it is in the event log now.
    pub(super) fn announce(&self) {
        self.announced_at.get_or_init(Monotonic::now);
    }

    /// About the bytes that its JSON has, rather more than less, without making it.
    #[must_use]
    pub fn estimated_bytes(&self) -> usize {
        // A detection with its braces, a label, four numbers and a track.
        const BOX: usize = 112;
        // A line or a zone with the longest name, and its two numbers with theirs.
        const COUNT: usize = 160;
        match &self.message {
            Message::Result(FrameResult { processor, details, detections, counts, errors, .. }) => {
                let texts = detections.iter().filter_map(|detection| detection.text.as_ref());
                let errors = errors.iter().map(|(stage, error)| stage.len() + error.len());
                let texts: usize = texts.map(String::len).chain(errors).sum();
                let counted = counts.as_ref().map_or(0, |counts| 1 + counts.lines.len() + counts.zones.len());
                let processor = processor.as_ref().map_or(0, |name| name.len() + r#","processor":"""#.len());
                MESSAGE_BYTES + processor + details.byte_count() + BOX * detections.len() + COUNT * counted + texts
            }
            Message::Event(event) => {
                MESSAGE_BYTES + BOX * event.boxes.len() + if event.subject.is_some() { COUNT } else { 0 }
            }
            Message::Refused(refused) => MESSAGE_BYTES + refused.cause.len(),
            Message::Hello(_) | Message::Taken(_) | Message::Dropped(_) | Message::Clock(_) => MESSAGE_BYTES,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::value::to_raw_value;

    use super::*;
    use crate::{
        frame::CapturedBy,
        message::{Age, Counts, Details, Detection, Rect, ZoneCounts},
        system::clock::Monotonic,
    };

    #[test]
    fn a_result_is_estimated_at_no_less_than_it_has() {
        let name = "a-line-with-a-rather-long-name-a";
        let directions = ["in", "out"].map(|way| (format!("{way}-with-a-rather-long-name"), u64::from(u32::MAX)));
        let lines: BTreeMap<_, _> = [(name.to_owned(), directions.into())].into();
        let zone = ZoneCounts { now: 100, entered: u64::from(u32::MAX) };
        let zones = [(name.to_owned(), zone)].into();
        let counts = Counts { since: Monotonic::now().wall(), lines, zones };
        let processor = || Some("a-processor-with-a-rather-long-na".into());
        let cases = [(0, None, None), (0, None, processor()), (1, None, None), (64, None, None)];
        for (boxes, counts, processor) in cases.into_iter().chain([(1, Some(counts.into()), processor())]) {
            let bounds = Rect { x: 3840, y: 2160, width: 1000, height: 1000 };
            let detection = Detection { label: "motion".into(), bounds, score: None, track: Some(1 << 32), text: None };
            let mut details = Details::default();
            details.push("motion", to_raw_value(&vec![bounds; boxes]).unwrap());
            let published = Published::new(Message::Result(FrameResult {
                camera: "a-camera-with-a-rather-long-name".into(),
                seq: u64::from(u32::MAX),
                processor,
                captured_at: Monotonic::now().wall(),
                captured_by: CapturedBy::Arrival,
                age_ms: Age { start: 12345.678, result: 23456.789 },
                superseded: 1_000_000,
                size_px: [3840, 2160],
                details,
                detections: vec![detection; boxes].into(),
                counts,
                errors: BTreeMap::new(),
            }));
            let (estimate, bytes) = (published.estimated_bytes(), published.json().len());
            assert!((bytes..=2 * bytes + 256).contains(&estimate), "{estimate} for {bytes} bytes of {boxes} boxes");
        }
    }
}

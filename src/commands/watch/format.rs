//! The text of statistics and events. Pure.

use std::collections::BTreeMap;

use jiff::{Timestamp, tz::TimeZone};

use super::{
    camera_stats::WindowStats,
    detail::{Detection, EventDetail, StageOutput},
};
use crate::{
    message::{Event, EventState, Rect},
    system::printable::one_line,
};

/// How many boxes of a label or an event a line lists; it counts the rest.
const MAX_BOXES: usize = 3;

/// How much of a text a line shows.
const MAX_TEXT_CHARS: usize = 80;

/// The time of day in `zone`.
pub(super) fn time(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%H:%M:%S").to_string()
}

/// `10.0 fps  age p50 9 p99 14 ms  superseded 0.0/s  refused 0  2 person: ...`
pub(super) fn stats(stats: &WindowStats<'_>) -> String {
    let WindowStats { rate_hz, age_ms, superseded_hz, refused, output } = stats;
    let age = age_ms.map_or_else(|| "-".into(), |(p50, p99)| format!("p50 {p50:.0} p99 {p99:.0} ms"));
    let output = output.map_or_else(String::new, stage_output);
    let line =
        format!("{rate_hz:5.1} fps  age {age:<17}  superseded {superseded_hz:.1}/s  refused {refused}  {output}");
    line.trim_end().to_owned()
}

/// `2 person: 60x148 at 412,96 #7, 20x40 at 10,10 #9; 1 tag: 40x40 at 5,5 "17"; motion relearning; codes failed: ...`
fn stage_output(StageOutput { detections, flags, errors }: &StageOutput) -> String {
    let mut by_label: BTreeMap<_, Vec<_>> = BTreeMap::new(); // sorted, so that groups keep their order between results
    for detection in detections {
        by_label.entry(&*detection.label).or_default().push(detection);
    }
    let groups = by_label.into_iter().map(|(label, group)| {
        format!("{} {}: {}", group.len(), printable(label), list(group.into_iter().map(self::detection)))
    });
    let flags = flags.iter().map(|(stage, flag)| format!("{} {}", printable(stage), printable(flag)));
    let errors = errors.iter().map(|(stage, error)| format!("{} failed: {}", printable(stage), printable(error)));
    let parts: Vec<_> = groups.chain(flags).chain(errors).collect();
    if parts.is_empty() { "no detections".to_owned() } else { parts.join("; ") }
}

/// `60x148 at 412,96 #7 "text"`
fn detection(Detection { bounds, track, text, .. }: &Detection) -> String {
    let track = track.map_or_else(String::new, |track| format!(" #{track}"));
    let text = text.as_ref().map_or_else(String::new, |text| format!(" \"{}\"", printable(text)));
    format!("{}{track}{text}", rect(bounds))
}

/// `60x148 at 412,96`
fn rect(Rect { x, y, width, height }: &Rect) -> String {
    format!("{width}x{height} at {x},{y}")
}

/// `60x148 at 412,96, 20x40 at 10,10 and 2 more`
fn list(boxes: impl ExactSizeIterator<Item = String>) -> String {
    let more = boxes.len().saturating_sub(MAX_BOXES);
    let listed = boxes.take(MAX_BOXES).collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{listed} and {more} more") } else { listed }
}

/// Cuts a text that comes from a peer or a picture, and replaces what could control the terminal.
pub(super) fn printable(text: &str) -> String {
    match text.char_indices().nth(MAX_TEXT_CHARS) {
        Some((end, _)) => one_line(&text[..end]) + "...",
        None => one_line(text),
    }
}

/// `motion starts in path: 60x148 at 412,96`, `tamper starts (covered)`, `motion ends after 4.2 s`, `crossing of door (in) #57`,
/// `loitering starts in yard #57 after 60.0 s in the zone`
pub(super) fn event(event: &Event, detail: &EventDetail, started: Option<Timestamp>) -> String {
    let state = match event.state {
        EventState::Start => "starts",
        EventState::Update => "goes on",
        EventState::End => "ends",
    };
    let kind = printable(&detail.kind);
    let label = event.label.as_ref().filter(|label| ***label != *detail.kind);
    let kind = label.map_or_else(|| kind.clone(), |label| format!("{kind} {}", printable(label)));
    let zone = event.zone.as_ref().map_or_else(String::new, |zone| format!(" in {}", printable(zone)));
    let subject = event.subject.as_ref();
    let track = subject.map_or_else(String::new, |subject| format!(" #{}", subject.track));
    if let Some(line) = subject.and_then(|subject| subject.line.as_ref()) {
        let direction = subject.and_then(|subject| subject.direction.as_ref());
        let direction = direction.map_or_else(String::new, |direction| format!(" ({})", printable(direction)));
        return format!("{kind} of {}{direction}{track}{}", printable(line), boxes(event));
    }
    let took = match (subject.and_then(|subject| subject.dwell_s), started) {
        (Some(dwell_s), _) => format!(" after {dwell_s:.1} s in the zone"),
        (None, Some(start)) => format!(" after {:.1} s", event.at.duration_since(start).as_secs_f64()),
        (None, None) => String::new(),
    };
    let reason = detail.reason.as_ref().map_or_else(String::new, |reason| format!(" ({})", printable(reason)));
    format!("{kind} {state}{zone}{track}{took}{reason}{}", boxes(event))
}

/// `: 60x148 at 412,96`; empty if it has none
fn boxes(event: &Event) -> String {
    if event.boxes.is_empty() { String::new() } else { format!(": {}", list(event.boxes.iter().map(rect))) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Message;

    /// A line's end: what the stages say.
    fn shown(result: &str) -> String {
        let output = StageOutput::of_result(result);
        let stats = WindowStats { rate_hz: 0.0, age_ms: None, superseded_hz: 0.0, refused: 0, output: Some(&output) };
        super::stats(&stats).split_once("refused 0  ").expect("behind the statistics").1.to_owned()
    }

    #[test]
    fn a_camera_is_one_line() {
        let output = StageOutput::of_result(
            r#"{"motion":{"score":0.0314,"boxes":[[1,1,10,20],[2,2,10,20],[3,3,10,20],[4,4,10,20],[5,5,10,20]]}}"#,
        );
        let busy = WindowStats {
            rate_hz: 9.96,
            age_ms: Some((9.4, 13.6)),
            superseded_hz: 1.25,
            refused: 3,
            output: Some(&output),
        };
        assert_eq!(
            stats(&busy),
            " 10.0 fps  age p50 9 p99 14 ms    superseded 1.2/s  refused 3  \
             5 motion: 10x20 at 1,1, 10x20 at 2,2, 10x20 at 3,3 and 2 more"
        );
        let gone = WindowStats { rate_hz: 0.0, age_ms: None, superseded_hz: 0.0, refused: 0, output: None };
        assert_eq!(stats(&gone), "  0.0 fps  age -                  superseded 0.0/s  refused 0");
    }

    #[test]
    fn a_line_lists_what_the_stages_say_by_label() {
        assert_eq!(shown(r#"{"motion":{"boxes":[]}}"#), "no detections");
        assert_eq!(shown(r#"{"detections":[],"motion":{"relearning":true,"score":1.0}}"#), "motion relearning");
        let result = r#"{"detections":[{"label":"tag","box":[5,5,40,40],"text":"17"},
            {"label":"person","box":[412,96,60,148],"track":7},{"label":"tag","box":[0,0,1,1]}],
            "errors":{"codes":"no memory"}}"#;
        assert_eq!(
            shown(result),
            "1 person: 60x148 at 412,96 #7; 2 tag: 40x40 at 5,5 \"17\", 1x1 at 0,0; codes failed: no memory"
        );
    }

    #[test]
    fn text_from_pictures_does_not_reach_the_terminal_as_it_is() {
        assert_eq!(printable("\u{1b}[2Jbell\u{7}\n"), "\u{fffd}[2Jbell\u{fffd}\u{fffd}");
        assert_eq!(printable(&"\u{fc}".repeat(MAX_TEXT_CHARS)), "\u{fc}".repeat(MAX_TEXT_CHARS));
        assert_eq!(printable(&"x".repeat(MAX_TEXT_CHARS + 1)), "x".repeat(MAX_TEXT_CHARS) + "...");
    }

    #[test]
    fn an_event_is_one_line() {
        let at = |seconds| Timestamp::from_second(seconds).expect("in range");
        let line = |members: &str, kind: &str, reason: Option<&str>, started| {
            let text = format!(r#"{{"type":"event","camera":"door","id":"1","kind":"motion",{members}}}"#);
            let Ok(Message::Event(event)) = Message::from_json(&text) else { panic!("no event: {text}") };
            let detail = EventDetail { kind: kind.into(), reason: reason.map(Into::into) };
            super::event(&event, &detail, started)
        };
        let start = r#""state":"start","at":"2026-11-22T10:00:00Z","zone":"path","boxes":[[1,1,10,20]]"#;
        assert_eq!(line(start, "motion", None, None), "motion starts in path: 10x20 at 1,1");
        assert_eq!(line(start, "new", Some("why"), None), "new starts in path (why): 10x20 at 1,1");
        let end = r#""state":"end","at":"1970-01-01T00:16:44Z","boxes":[]"#;
        assert_eq!(line(end, "scene", None, Some(at(1_000))), "scene ends after 4.0 s");
        assert_eq!(line(end, "scene", None, None), "scene ends");
        let person = format!(r#"{start},"track":7,"label":"person","score":0.8"#);
        assert_eq!(line(&person, "object", None, None), "object person starts in path #7: 10x20 at 1,1");
        let crossing = r#""state":"start","at":"2026-11-22T10:00:00Z","boxes":[[1,1,10,20]],"track":57,"line":"door","#;
        let crossing = format!(r#"{crossing}"direction":"in","count":12"#);
        assert_eq!(line(&crossing, "crossing", None, None), "crossing of door (in) #57: 10x20 at 1,1");
        let loitering = format!(r#"{end},"zone":"yard","track":57,"dwell_s":65.25"#);
        let text = "loitering ends in yard #57 after 65.2 s in the zone";
        assert_eq!(line(&loitering, "loitering", None, Some(at(1_000))), text);
        assert_eq!(time(at(3_661), &TimeZone::UTC), "01:01:01");
    }
}

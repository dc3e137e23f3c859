//! The text of statistics and events. Pure.

use std::fmt::Write;

use jiff::{Timestamp, tz::TimeZone};

use super::camera_stats::WindowStats;
use crate::message::{Event, EventKind, EventState, Motion, Rect};

/// How many boxes a line lists; it counts the rest.
const MAX_BOXES: usize = 3;

/// The time of day in `zone`.
pub(super) fn time(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%H:%M:%S").to_string()
}

/// `10.0 fps  age p50 9 p99 14 ms  superseded 0.0/s  refused 0  2 moving: ...`
pub(super) fn stats(stats: &WindowStats<'_>) -> String {
    let WindowStats { rate_hz, age_ms, superseded_hz, refused, motion } = stats;
    let age = age_ms.map_or_else(|| "-".into(), |(p50, p99)| format!("p50 {p50:.0} p99 {p99:.0} ms"));
    let motion = motion.map_or_else(String::new, motion_summary);
    let line =
        format!("{rate_hz:5.1} fps  age {age:<17}  superseded {superseded_hz:.1}/s  refused {refused}  {motion}");
    line.trim_end().to_owned()
}

/// The motion stage's part of a result.
fn motion_summary(motion: &Motion) -> String {
    match (motion.relearning, &motion.boxes[..]) {
        (true, _) => "the whole picture changed, relearning".into(),
        (false, []) => "still".into(),
        (false, boxes) => format!("{} moving: {} (score {:.3})", boxes.len(), rects(boxes), motion.score),
    }
}

/// `60x148 at 412,96, 20x40 at 10,10 and 2 more`
fn rects(boxes: &[Rect]) -> String {
    let mut text = String::new();
    for (index, Rect { x, y, width, height }) in boxes.iter().take(MAX_BOXES).enumerate() {
        let comma = if index > 0 { ", " } else { "" };
        write!(text, "{comma}{width}x{height} at {x},{y}").expect("writing to a String cannot fail");
    }
    if let Some(more @ 1..) = boxes.len().checked_sub(MAX_BOXES) {
        write!(text, " and {more} more").expect("writing to a String cannot fail");
    }
    text
}

/// `motion starts in path: 60x148 at 412,96`, `motion ends after 4.2 s`
pub(super) fn event(event: &Event, started: Option<Timestamp>) -> String {
    let kind = match event.kind {
        EventKind::Motion => "motion",
        EventKind::Scene => "change of the whole picture",
    };
    let zone = event.zone.as_ref().map_or_else(String::new, |zone| format!(" in {zone}"));
    let state = match event.state {
        EventState::Start => "starts",
        EventState::Update => "goes on",
        EventState::End => "ends",
    };
    let took = started
        .map_or_else(String::new, |start| format!(" after {:.1} s", event.at.duration_since(start).as_secs_f64()));
    let boxes = if event.boxes.is_empty() { String::new() } else { format!(": {}", rects(&event.boxes)) };
    format!("{kind} {state}{zone}{took}{boxes}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxes(count: u32) -> Vec<Rect> {
        (1..=count).map(|n| [n, n, 10, 20].into()).collect()
    }

    #[test]
    fn a_camera_is_one_line() {
        let motion = Motion { score: 0.0314, boxes: boxes(5), relearning: false };
        let busy = WindowStats {
            rate_hz: 9.96,
            age_ms: Some((9.4, 13.6)),
            superseded_hz: 1.25,
            refused: 3,
            motion: Some(&motion),
        };
        assert_eq!(
            stats(&busy),
            " 10.0 fps  age p50 9 p99 14 ms    superseded 1.2/s  refused 3  \
             5 moving: 10x20 at 1,1, 10x20 at 2,2, 10x20 at 3,3 and 2 more (score 0.031)"
        );
        let gone = WindowStats { rate_hz: 0.0, age_ms: None, superseded_hz: 0.0, refused: 0, motion: None };
        assert_eq!(stats(&gone), "  0.0 fps  age -                  superseded 0.0/s  refused 0");
        let still = Motion::default();
        assert!(stats(&WindowStats { motion: Some(&still), ..gone.clone() }).ends_with("refused 0  still"));
        let light = Motion { relearning: true, ..Motion::default() };
        assert!(
            stats(&WindowStats { motion: Some(&light), ..gone }).ends_with("the whole picture changed, relearning")
        );
    }

    #[test]
    fn an_event_is_one_line() {
        let at = |seconds| Timestamp::from_second(seconds).expect("in range");
        let start = Event {
            camera: "door".into(),
            id: "1".into(),
            kind: EventKind::Motion,
            state: EventState::Start,
            at: at(1_000),
            zone: Some("path".into()),
            boxes: boxes(1),
        };
        assert_eq!(event(&start, None), "motion starts in path: 10x20 at 1,1");
        let end = Event { state: EventState::End, at: at(1_004), zone: None, boxes: vec![], ..start };
        assert_eq!(event(&end, Some(at(1_000))), "motion ends after 4.0 s");
        assert_eq!(event(&end, None), "motion ends");
        assert_eq!(time(at(3_661), &TimeZone::UTC), "01:01:01");
    }
}

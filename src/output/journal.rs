//! Events in the log, with the fields that `journalctl CAMERA=door` finds them by.

use std::{collections::HashMap, sync::Arc};

use log::{Level, Record, kv::Value};

use super::{Delivery, Output};
use crate::{
    counting::CROSSING,
    hub::{Topic, published::Published},
    message::{Event, EventState, Message, Subject},
    system::printable::one_line,
    telemetry::log_limiter::LogLimiter,
};

/// Logs the start and the end of each event; of a crossing, which lasts no time, the start alone.
///
/// An event has a start that was confirmed by several frames and a hold time, so they are rare; but that goes by the
/// frames' own times, and a sender can make these up. So a line of one camera, kind, state and place is logged once
/// a second.
#[derive(Debug, Default)]
pub struct Journal(HashMap<Line, LogLimiter>);

#[derive(Debug, PartialEq, Eq, Hash)]
struct Line {
    camera: String,
    kind: String,
    label: Option<Arc<str>>,
    is_start: bool,
    /// The zone, or the line and the direction over it.
    place: String,
}

impl Output for Journal {
    fn name(&self) -> &'static str {
        "journal"
    }

    fn topics(&self) -> &'static [Topic] {
        &[Topic::Events]
    }

    fn deliver(&mut self, message: &Arc<Published>) -> Delivery {
        if let Message::Event(event) = message.message() {
            self.log(event);
        }
        Delivery::Done
    }
}

impl Journal {
    fn log(&mut self, event: &Event) {
        let Event { camera, id, kind, state, zone, reason, subject, label, score, age, .. } = event;
        let is_start = *state == EventState::Start;
        let is_crossing = kind == CROSSING;
        let verb = match state {
            EventState::Start if is_crossing => "",
            EventState::Start => " starts",
            EventState::End if !is_crossing => " ends",
            EventState::Update | EventState::End => return,
        };
        let Subject { line, direction, dwell_s, .. } = subject.clone().unwrap_or_default();
        let place = match (zone, &line, &direction) {
            (_, Some(line), Some(direction)) => format!(" of {line} ({direction})"),
            (Some(zone), ..) => format!(" in {zone}"),
            _ => String::new(),
        };
        let (kind_of_line, label) = (kind.to_string(), label.as_ref().filter(|label| label.as_ref() != kind.as_ref()));
        let key =
            Line { camera: camera.clone(), kind: kind_of_line, label: label.cloned(), is_start, place: place.clone() };
        let Some(suppressed) = self.0.entry(key).or_default().check() else { return };
        let dwell = dwell_s.map_or_else(String::new, |dwell_s| format!(" after {dwell_s:.1} s in the zone"));
        let what = label.map_or_else(String::new, |label| format!(" {}", one_line(label)));
        let why = reason.as_ref().map_or_else(String::new, |reason| format!(" ({reason})"));
        let mut fields = vec![("CAMERA", Value::from(camera.as_str())), ("EVENT", Value::from(id.as_str()))];
        fields.extend(zone.as_ref().map(|zone| ("ZONE", Value::from(zone.as_str()))));
        fields.extend(subject.as_ref().map(|subject| ("TRACK", Value::from(subject.track))));
        fields.extend(line.as_ref().map(|line| ("LINE", Value::from(line.as_str()))));
        fields.extend(direction.as_ref().map(|direction| ("DIRECTION", Value::from(direction.as_str()))));
        fields.extend(dwell_s.map(|dwell_s| ("DWELL_S", Value::from(dwell_s))));
        fields.extend(reason.as_ref().map(|reason| ("REASON", Value::from(&**reason))));
        fields.extend(label.map(|label| ("LABEL", Value::from(&**label))));
        fields.extend(score.map(|score| ("SCORE", Value::from(score))));
        fields.extend(age.map(|age| ("AGE_MS", Value::from(age.as_millis()))));
        // By hand, for the macros take no fields that may be missing.
        if Level::Info <= log::max_level() {
            let mut record = Record::builder();
            record.level(Level::Info).target(module_path!()).key_values(&fields);
            log::logger()
                .log(&record.args(format_args!("{camera}: {kind}{what}{place}{why}{verb}{dwell}{suppressed}")).build());
        }
    }
}

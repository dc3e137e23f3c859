//! Events in the log, with the fields that `journalctl CAMERA=door` finds them by.

use std::{collections::HashMap, sync::Arc};

use log::{Level, Record, kv::Value};

use super::{Delivery, Output};
use crate::{
    hub::{Topic, published::Published},
    message::{Event, EventState, Message},
    telemetry::log_limiter::LogLimiter,
};

/// Logs the start and the end of each event.
///
/// An event has a start that was confirmed by several frames and a hold time, so they are rare; but that goes by the
/// frames' own times, and a sender can make these up. So a line of one camera, kind, state and zone is logged once a second.
#[derive(Debug, Default)]
pub struct Journal(HashMap<Line, LogLimiter>);

#[derive(Debug, PartialEq, Eq, Hash)]
struct Line {
    camera: String,
    kind: String,
    is_start: bool,
    zone: Option<String>,
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
        let Event { camera, id, kind, state, zone, reason, age, .. } = event;
        let verb = match state {
            EventState::Start => "starts",
            EventState::Update => return,
            EventState::End => "ends",
        };
        let is_start = *state == EventState::Start;
        let line = Line { camera: camera.clone(), kind: kind.to_string(), is_start, zone: zone.clone() };
        let Some(suppressed) = self.0.entry(line).or_default().check() else { return };
        let place = zone.as_ref().map_or_else(String::new, |zone| format!(" in {zone}"));
        let why = reason.as_ref().map_or_else(String::new, |reason| format!(" ({reason})"));
        let mut fields = vec![("CAMERA", Value::from(camera.as_str())), ("EVENT", Value::from(id.as_str()))];
        fields.extend(zone.as_ref().map(|zone| ("ZONE", Value::from(zone.as_str()))));
        fields.extend(reason.as_ref().map(|reason| ("REASON", Value::from(&**reason))));
        fields.extend(age.map(|age| ("AGE_MS", Value::from(age.as_millis()))));
        // By hand, for the macros take no fields that may be missing.
        if Level::Info <= log::max_level() {
            let mut record = Record::builder();
            record.level(Level::Info).target(module_path!()).key_values(&fields);
            log::logger().log(&record.args(format_args!("{camera}: {kind}{place}{why} {verb}{suppressed}")).build());
        }
    }
}

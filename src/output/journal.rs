//! Events in the log, with the fields that `journalctl CAMERA=door` finds them by.

use std::{collections::HashMap, time::Duration};

use log::{Level, Record, kv::Value};

use crate::message::{Event, EventKind, EventState};
use crate::telemetry::log_limiter::LogLimiter;

/// One camera's events in the log. Each has a start that was confirmed by several frames and a hold time, so they are
/// rare; but that goes by the frames' own times, and a sender can make these up. So a kind of line is told once a second.
#[derive(Debug, Default)]
pub struct Journal(HashMap<(EventKind, EventState, Option<String>), LogLimiter>);

impl Journal {
    /// Tells an event's start and end; what lies between is for readers. `age` is that of the frame it was seen in.
    pub fn tell(&mut self, event: &Event, age: Option<Duration>) {
        let Event { camera, id, kind, state, zone, .. } = event;
        let what = match kind {
            EventKind::Motion => "motion",
            EventKind::Scene => "change of the whole scene",
        };
        let verb = match state {
            EventState::Start => "starts",
            EventState::Update => return,
            EventState::End => "ends",
        };
        let Some(suppressed) = self.0.entry((*kind, *state, zone.clone())).or_default().check() else { return };
        let place = zone.as_ref().map_or_else(String::new, |zone| format!(" in {zone}"));
        let mut fields = vec![("CAMERA", Value::from(camera.as_str())), ("EVENT", Value::from(id.as_str()))];
        fields.extend(zone.as_ref().map(|zone| ("ZONE", Value::from(zone.as_str()))));
        fields.extend(age.map(|age| ("AGE_MS", Value::from(age.as_millis()))));
        // By hand, for the macros take no fields that may be missing.
        if Level::Info <= log::max_level() {
            let mut record = Record::builder();
            record.level(Level::Info).target(module_path!()).key_values(&fields);
            log::logger().log(&record.args(format_args!("{camera}: {what}{place} {verb}{suppressed}")).build());
        }
    }
}

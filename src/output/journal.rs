//! Events in the log, with the fields that `journalctl CAMERA=door` finds them by.

use log::info;

use super::message::{Event, EventKind, EventState};

/// Tells an event's start and end; what lies between is for readers. Events are rare: each has a start that was
/// confirmed by several frames and a hold time.
pub fn tell(event: &Event) {
    let Event { camera, id, zone, .. } = event;
    let what = match event.kind {
        EventKind::Motion => "motion",
        EventKind::Scene => "change of the whole scene",
    };
    let state = match event.state {
        EventState::Start => "starts",
        EventState::Update => return,
        EventState::End => "ends",
    };
    match zone {
        Some(zone) => {
            info!(CAMERA = camera.as_str(), EVENT = id.as_str(), ZONE = zone.as_str(); "{camera}: {what} in {zone} {state}")
        }
        None => info!(CAMERA = camera.as_str(), EVENT = id.as_str(); "{camera}: {what} {state}"),
    }
}

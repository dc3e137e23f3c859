//! Events that somebody outside triggers: a doorbell, a motion sensor. They last no time.

use std::{
    borrow::Cow,
    sync::atomic::{AtomicU64, Ordering},
};

use crate::{
    message::{Event, EventState},
    system::clock::Monotonic,
};

/// The kind of such events.
pub const KIND: &str = "external";

/// The start and the end of an event of `camera` that is triggered now. `label` says what it is, such as `doorbell`.
#[must_use]
pub fn events(camera: &str, label: Option<&str>) -> [Event; 2] {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let (now, count) = (Monotonic::now().wall(), COUNT.fetch_add(1, Ordering::Relaxed) + 1); // it only has to be another one
    // With an x: stages count the events of a camera by themselves.
    let id = format!("{camera}-{}-x{count}", now.strftime("%Y%m%dT%H%M%SZ"));
    [EventState::Start, EventState::End].map(|state| Event {
        camera: camera.to_owned(),
        id: id.clone(),
        kind: Cow::Borrowed(KIND),
        state,
        at: now,
        zone: None,
        reason: label.map(|label| Cow::Owned(label.to_owned())),
        boxes: Vec::new(),
        age: None,
    })
}

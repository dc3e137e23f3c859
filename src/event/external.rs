//! Events that somebody outside triggers: a doorbell, a motion sensor. They last no time.

use std::{
    borrow::Cow,
    sync::atomic::{AtomicU64, Ordering},
};

use serde::Deserialize;

use crate::{
    access::tokens::is_name,
    message::{Event, EventState},
    system::clock::Monotonic,
};

/// The kind of such events.
pub const KIND: &str = "external";

// The API describes it by this sentence; the payload of an MQTT command is the same.
/// The body of a request that triggers an event.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Trigger {
    /// What it is, such as `doorbell`: 1 to 32 of a-z, 0-9, - and _, beginning with a letter or digit. The `reason` of the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(regex(pattern = "^[a-z0-9][a-z0-9_-]{0,31}$")))]
    label: Option<String>,
}

impl Trigger {
    /// Reads JSON; an empty text triggers an event without a label. `None` if it is something else.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let trigger = if text.is_empty() { Self::default() } else { serde_json::from_slice(text).ok()? };
        Some(trigger).filter(|trigger| trigger.label().is_none_or(is_name))
    }

    /// What it is, if that was said.
    #[must_use]
    pub fn label(&self) -> Option<&str> {
        self.label.as_deref()
    }
}

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
        subject: None,
        label: None,
        score: None,
        age: None,
    })
}

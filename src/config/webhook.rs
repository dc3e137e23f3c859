//! Webhooks, as configured: where events are sent, which, and how.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use super::{labels::LabelFilter, template::Template};
use crate::{
    message::{Event, EventState},
    tls::trust::Trust,
};

/// `[[webhook]]`: a server that gets events by HTTP POST.
#[derive(Clone, Debug, PartialEq)]
pub struct Webhook {
    /// Its name in the log and in the metrics.
    pub name: String,
    /// `http://...` or `https://...`.
    pub url: String,
    /// What is sent.
    pub body: Body,
    /// The fields of the body, in place of those that it has by itself.
    pub fields: BTreeMap<String, Template>,
    /// The name of the picture in a multipart body. Default `picture`.
    pub picture_field: String,
    /// More headers.
    pub headers: BTreeMap<String, Template>,
    /// The file with the value of the header `Authorization`.
    pub authorization_file: Option<PathBuf>,
    /// The file with the secret that signs the body.
    pub secret_file: Option<PathBuf>,
    /// A file with certificates that are trusted, instead of those of the system's authorities.
    pub ca: Option<PathBuf>,
    /// Only events of these cameras; of all if there is none.
    pub cameras: Vec<String>,
    /// Only events of these kinds; of all if there is none.
    pub kinds: Vec<String>,
    /// Only events in these zones; in all and none if there is none.
    pub zones: Vec<String>,
    /// Only events about these; about all and nothing known if there is none.
    pub labels: LabelFilter,
    /// Only event messages of these states. Default start and end.
    pub states: Vec<EventState>,
    /// How long a request may take. Default 10 s.
    pub timeout: Duration,
    /// How long an event is tried again. Default 10 minutes.
    pub retry_for: Duration,
}

/// What a webhook sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Body {
    /// A JSON object.
    #[default]
    Json,
    /// A form, `multipart/form-data`, with the picture.
    Multipart,
    /// The JPEG file alone.
    Picture,
}

impl Webhook {
    /// Whether it is to get this message.
    #[must_use]
    pub fn wants(&self, event: &Event) -> bool {
        let among = |wanted: &[String], found: Option<&str>| {
            wanted.is_empty() || found.is_some_and(|found| wanted.iter().any(|one| one == found))
        };
        among(&self.cameras, Some(&event.camera))
            && among(&self.kinds, Some(&event.kind))
            && among(&self.zones, event.zone.as_deref())
            && self.labels.passes(event.label.as_deref())
            && self.states.contains(&event.state)
    }

    /// Whose certificate it trusts.
    #[must_use]
    pub fn trust(&self) -> Trust {
        self.ca.clone().map_or(Trust::System, Trust::File)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn with_labels_it_wants_only_events_about_them() {
        let text = "[[camera]]\nname = \"door\"\n[[webhook]]\nname = \"phone\"\nurl = \"http://localhost\"\nlabels = [\"person\"]";
        let webhook = crate::config::Config::parse("test", text).expect("it is good").webhooks.remove(0);
        let event = |label: Option<&str>| Event {
            camera: "door".into(),
            id: "1".into(),
            kind: "motion".into(),
            state: EventState::Start,
            at: Timestamp::UNIX_EPOCH,
            zone: None,
            reason: None,
            boxes: Vec::new(),
            subject: None,
            label: label.map(Into::into),
            score: label.map(|_| 0.5),
            age: None,
        };
        let wants = [Some("person"), Some("car"), None].map(|label| webhook.wants(&event(label)));
        assert_eq!(wants, [true, false, false]);
    }
}

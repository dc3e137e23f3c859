//! The events that are kept, as JSON, and their pictures.

use axum::{
    Json,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};

use super::app::{App, AppState};
use crate::{
    event_log::{Filter, LoggedEvent},
    message::{EventState, Rect, Subject},
    picture::jpeg,
    system::clock::to_the_microsecond,
};

/// Events of an answer, if the query does not say.
const DEFAULT_LIMIT: usize = 50;

/// Events of an answer at most.
const MAX_LIMIT: usize = 500;

/// The query of the lists of events and of the stream.
#[derive(Debug, Deserialize)]
pub(super) struct EventQuery {
    /// Restricts the answer to one camera.
    pub(super) camera: Option<String>,
    /// To one kind of event.
    pub(super) kind: Option<String>,
    /// To one named zone.
    pub(super) zone: Option<String>,
    /// To one label.
    pub(super) label: Option<String>,
    /// To events that started then or later.
    from: Option<Timestamp>,
    /// To events that started before.
    until: Option<Timestamp>,
    /// The number of events.
    limit: Option<usize>,
    /// To events before the page that had this as `next`.
    before: Option<u64>,
}

/// A page of events.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct EventPage<'a> {
    /// The events, newest first.
    events: Vec<EventRecord<'a>>,
    /// The value of `before` that gives the next page; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// One event from its start to where it stands.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct EventRecord<'a> {
    /// Unique on this board.
    id: &'a str,
    /// The camera's name.
    camera: &'a str,
    /// What happens, as in event messages. New kinds can appear.
    kind: &'a str,
    /// `end` if it is over.
    state: EventState,
    /// Capture time of the first frame that shows it.
    #[serde(serialize_with = "to_the_microsecond")]
    #[cfg_attr(test, schemars(with = "Timestamp"))]
    started_at: Timestamp,
    /// Capture time of the last frame that shows it; absent while it goes on.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "optional")]
    #[cfg_attr(test, schemars(with = "Option<Timestamp>"))]
    ended_at: Option<Timestamp>,
    /// The named zone; absent if the camera has no named zones, and of `object` outside of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    zone: Option<&'a str>,
    /// Why, if the kind has several reasons.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    /// What it is about, such as `person`; absent if that is not known, or not yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<&'a str>,
    /// How sure the label is, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(range(min = 0, max = 1)))]
    score: Option<f32>,
    /// Its boxes at the start.
    boxes: &'a [Rect],
    /// The track that it is about, if it is about one, and what it did.
    #[serde(flatten)]
    subject: Option<&'a Subject>,
    /// The path of the picture of its start; `?overlay` draws boxes into it. Absent if there is none, or none any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    picture: Option<String>,
}

/// `Some` alone is serialised.
fn optional<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => to_the_microsecond(time, serializer),
        None => serializer.serialize_none(),
    }
}

impl EventQuery {
    /// Whether it asks for a list, and not for the stream: by a key that only lists have, or by the type of the answer.
    pub(super) fn is_of_list(&self, headers: &HeaderMap) -> bool {
        let accepts = |kind| {
            let values = headers.get_all(header::ACCEPT).iter();
            values.filter_map(|accept| accept.to_str().ok()).any(|accept| accept.contains(kind))
        };
        self.from.is_some()
            || self.until.is_some()
            || self.limit.is_some()
            || self.before.is_some()
            || (accepts("application/json") && !accepts("text/event-stream"))
    }

    /// The page that it asks for.
    pub(super) fn list(self, app: &AppState) -> Response {
        let Self { camera, kind, zone, label, from, until, limit, before } = self;
        let limit = limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT);
        let (events, has_more) = app.event_log.list(&Filter { camera, kind, zone, label, from, until }, before, limit);
        let next = events.last().filter(|_| has_more).map(|last| last.number.to_string());
        Json(EventPage { events: events.iter().map(EventRecord::from).collect(), next }).into_response()
    }
}

impl<'a> From<&'a LoggedEvent> for EventRecord<'a> {
    fn from(known: &'a LoggedEvent) -> Self {
        let event = &known.event;
        Self {
            id: &event.id,
            camera: &event.camera,
            kind: &event.kind,
            state: event.state,
            started_at: event.at,
            ended_at: known.ended_at,
            zone: event.zone.as_deref(),
            reason: known.reason(),
            label: event.label.as_deref(),
            score: event.score,
            boxes: &event.boxes,
            subject: event.subject.as_ref(),
            picture: known.picture.as_ref().map(|_| path_of_picture(&event.id)),
        }
    }
}

/// Where the picture of an event is.
fn path_of_picture(id: &str) -> String {
    format!("/api/events/{id}.jpg")
}

/// `/api/events/ID`, and `/api/events/ID.jpg`: one event, and the picture of its start.
pub(super) async fn event(State(app): State<App>, Path(name): Path<String>, RawQuery(query): RawQuery) -> Response {
    let Some(id) = name.strip_suffix(".jpg") else {
        return match app.event_log.find(&name) {
            Some(known) => Json(EventRecord::from(&known)).into_response(),
            None => not_found("There is no such event, or fovea no longer keeps it.\n"),
        };
    };
    let Some(picture) = app.event_log.picture(id) else { return no_picture() };
    let overlay = query.is_some_and(|query| query.split('&').any(|word| word == "overlay" || word == "overlay="));
    if !overlay {
        return as_jpeg(picture.jpeg().clone());
    }
    let permit = app.cache.encoder.acquire().await;
    app.cache.encoder.count_frame();
    let drawn = permit.run(move || jpeg::draw_boxes(picture.frame(), &picture.boxes));
    match drawn.await {
        Some(Ok(jpeg)) => as_jpeg(jpeg),
        _ => not_found("The boxes cannot be drawn: the picture is damaged.\n"),
    }
}

/// `/events/ID/snapshot.jpg`: the picture of an event's start, as earlier versions have it.
pub(super) async fn snapshot(State(app): State<App>, Path(id): Path<String>) -> Response {
    app.event_log.picture(&id).map_or_else(no_picture, |picture| as_jpeg(picture.jpeg().clone()))
}

fn as_jpeg(jpeg: Bytes) -> Response {
    ([(header::CONTENT_TYPE, "image/jpeg")], jpeg).into_response()
}

fn no_picture() -> Response {
    not_found("There is no picture of this event, or fovea no longer keeps it.\n")
}

fn not_found(text: &'static str) -> Response {
    (StatusCode::NOT_FOUND, text).into_response()
}

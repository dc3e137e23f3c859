//! Results and events as they happen (server-sent events), and the messages of recent events.

use std::{convert::Infallible, mem, sync::Arc, time::Duration};

use axum::{
    Json,
    body::Body,
    extract::{Query, State},
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use serde::Serialize;
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::timeout,
};

use super::{
    app::{App, NoCamera},
    event_bus::{BusEntry, Replay, ViewerGuard},
    event_list::EventQuery,
};
use crate::message::{Dropped, Event, Message};

/// After this time without a message a comment is sent, as proxies close a connection that is idle.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// `/api/events`: the list of events, or results and events from now on, of all cameras or of one. A client that reconnects
/// with `Last-Event-ID` gets the events that it missed, and learns how many of these are not kept any more. Results are never
/// replayed.
pub(super) async fn events(
    State(app): State<App>,
    Query(query): Query<EventQuery>,
    headers: HeaderMap,
) -> Result<Response, NoCamera> {
    query.camera.as_deref().map(|name| app.find(name)).transpose()?;
    if query.is_of_list(&headers) {
        return Ok(query.list(&app));
    }
    let EventQuery { camera, kind, zone, label, .. } = query;
    let last_id = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let (entries, replay) = app.bus.subscribe(last_id);
    let viewer = app.bus.add_viewer();
    let stream = EventStream { app, _viewer: viewer, camera, kind, zone, label, entries, replay };
    let chunks = stream::unfold(stream, async |mut stream| Some((Ok::<_, Infallible>(stream.next().await), stream)));
    Ok(([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(chunks)).into_response())
}

/// The stream of one client.
struct EventStream {
    app: App,
    _viewer: ViewerGuard,
    camera: Option<String>,
    /// With a kind, a zone or a label there are only events, and only these.
    kind: Option<String>,
    zone: Option<String>,
    label: Option<String>,
    entries: Receiver<Arc<BusEntry>>,
    replay: Replay,
}

impl EventStream {
    /// The next message in the format of server-sent events.
    async fn next(&mut self) -> String {
        loop {
            let dropped = mem::take(&mut self.replay.dropped);
            if dropped > 0 {
                return dropped_event(dropped);
            }
            let entry = match self.replay.entries.pop_front() {
                Some(entry) => entry,
                None => match timeout(KEEP_ALIVE, self.entries.recv()).await {
                    Err(_) => return ":\n\n".to_owned(),
                    Ok(Ok(entry)) => entry,
                    Ok(Err(RecvError::Lagged(count))) => return dropped_event(count),
                    // Cannot happen: the app owns the sender, and this owns a handle of the app.
                    Ok(Err(RecvError::Closed)) => return String::new(),
                },
            };
            let (kind, camera) = match entry.message() {
                Message::Result(result) => ("result", Some(&result.camera)),
                Message::Refused(refused) => ("refused", Some(&refused.camera)),
                Message::Event(event) => ("event", Some(&event.camera)),
                Message::Dropped(_) => ("dropped", None),
                Message::Hello(_) | Message::Taken(_) | Message::Clock(_) => continue, // the bus does not subscribe to these
            };
            let is_of_camera = self.camera.is_none() || camera.is_none() || self.camera.as_ref() == camera;
            if is_of_camera && self.wants(entry.message()) {
                let id = entry.number.map(|number| self.app.bus.entry_id(number));
                return server_sent_event(kind, entry.json(), id.as_deref());
            }
        }
    }
}

impl EventStream {
    /// Whether its kind, its zone and its label let a message pass.
    fn wants(&self, message: &Message) -> bool {
        match message {
            Message::Dropped(_) => true,
            Message::Event(event) => {
                self.kind.as_ref().is_none_or(|kind| *kind == event.kind)
                    && (self.zone.is_none() || self.zone == event.zone)
                    && (self.label.is_none() || self.label.as_deref() == event.label.as_deref())
            }
            _ => self.kind.is_none() && self.zone.is_none() && self.label.is_none(),
        }
    }
}

fn dropped_event(count: u64) -> String {
    server_sent_event("dropped", &Message::Dropped(Dropped { count }).to_json(), None)
}

fn server_sent_event(kind: &str, data: &str, id: Option<&str>) -> String {
    match id {
        Some(id) => format!("id: {id}\nevent: {kind}\ndata: {data}\n\n"),
        None => format!("event: {kind}\ndata: {data}\n\n"),
    }
}

/// An event message, and where the picture of the event's start is.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct RecentEvent<'a> {
    #[serde(flatten)]
    event: &'a Event,
    /// The path of the picture, while it is kept.
    snapshot: Option<String>,
}

/// `/api/events/recent`: the event messages that are kept, oldest first.
pub(super) async fn recent(
    State(app): State<App>,
    Query(EventQuery { camera, .. }): Query<EventQuery>,
) -> Result<Response, NoCamera> {
    camera.as_deref().map(|name| app.find(name)).transpose()?;
    let history = app.bus.history();
    let events = history.iter().filter_map(|entry| match entry.message() {
        Message::Event(event) if camera.as_ref().is_none_or(|name| *name == event.camera) => Some(event),
        _ => None,
    });
    let snapshot = |id: &str| app.event_log.picture(id).map(|_| format!("/events/{id}/snapshot.jpg"));
    let recent: Vec<_> = events.map(|event| RecentEvent { event, snapshot: snapshot(&event.id) }).collect();
    Ok(Json(recent).into_response())
}

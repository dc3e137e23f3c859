//! Results and events as they come: server-sent events, a list of recent ones, and a picture of each one's beginning.

use std::{convert::Infallible, mem, sync::Arc, time::Duration};

use axum::{
    Json,
    body::Body,
    extract::{Path, Query, State as Extract},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::timeout,
};

use super::{
    news::{Missed, Told, Watching},
    routes::{App, NoCamera},
};
use crate::message::{Dropped, Event, Message};

/// After so long without a message a comment is sent, or programs in between give up.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

/// What is asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    /// One camera alone.
    camera: Option<String>,
}

/// `/api/events`: results and events from now on, of all cameras or of one. Who comes back with `Last-Event-ID` gets the
/// events that it missed, and is told if some of these are not kept any more; results are of the moment and never kept.
pub(super) async fn stream(
    Extract(app): Extract<App>,
    Query(Wanted { camera }): Query<Wanted>,
    headers: HeaderMap,
) -> Result<Response, NoCamera> {
    camera.as_deref().map(|name| app.find(name)).transpose()?;
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let (messages, missed) = app.news.messages(last);
    let reader = Reader { app: app.clone(), _watching: app.news.watch(), camera, messages, missed };
    let texts = stream::unfold(reader, async |mut reader| Some((Ok::<_, Infallible>(reader.next().await), reader)));
    Ok(([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(texts)).into_response())
}

/// One reader's stream.
struct Reader {
    app: App,
    _watching: Watching,
    camera: Option<String>,
    messages: Receiver<Arc<Told>>,
    missed: Missed,
}

impl Reader {
    /// The next message, as the stream spells it.
    async fn next(&mut self) -> String {
        loop {
            let gone = mem::take(&mut self.missed.gone);
            if gone > 0 {
                return spell("dropped", &dropped(gone), None);
            }
            let told = match self.missed.kept.pop_front() {
                Some(told) => told,
                None => match timeout(SIGN_OF_LIFE, self.messages.recv()).await {
                    Err(_) => return ":\n\n".to_owned(),
                    Ok(Ok(told)) => told,
                    // The other end is the app's, which this has a handle of; so it is the first reason.
                    Ok(Err(RecvError::Lagged(count))) => return spell("dropped", &dropped(count), None),
                    Ok(Err(RecvError::Closed)) => return String::new(),
                },
            };
            let (kind, camera) = match &told.message {
                Message::Result(result) => ("result", Some(&result.camera)),
                Message::Refused(refused) => ("refused", Some(&refused.camera)),
                Message::Event(event) => ("event", Some(&event.camera)),
                Message::Dropped(_) => ("dropped", None),
                Message::Hello(_) | Message::Taken(_) | Message::Clock(_) => continue, // never asked for
            };
            if self.camera.is_none() || camera.is_none() || self.camera.as_ref() == camera {
                return spell(kind, &told.text, told.number.map(|number| self.app.news.id(number)).as_deref());
            }
        }
    }
}

fn dropped(count: u64) -> String {
    Message::Dropped(Dropped { count }).to_json()
}

fn spell(kind: &str, text: &str, id: Option<&str>) -> String {
    match id {
        Some(id) => format!("id: {id}\nevent: {kind}\ndata: {text}\n\n"),
        None => format!("event: {kind}\ndata: {text}\n\n"),
    }
}

/// An event message and the picture of its event's beginning.
#[derive(Debug, Serialize)]
struct Recent<'a> {
    #[serde(flatten)]
    event: &'a Event,
    /// Where the picture is, if it is still kept.
    snapshot: Option<String>,
}

/// `/api/events/recent`: the event messages that are kept, oldest first.
pub(super) async fn recent(
    Extract(app): Extract<App>,
    Query(Wanted { camera }): Query<Wanted>,
) -> Result<Response, NoCamera> {
    camera.as_deref().map(|name| app.find(name)).transpose()?;
    let kept = app.news.kept();
    let events = kept.iter().filter_map(|told| match &told.message {
        Message::Event(event) if camera.as_ref().is_none_or(|name| *name == event.camera) => Some(event),
        _ => None,
    });
    let snapshot = |id: &str| app.news.picture(id).map(|_| format!("/events/{id}/snapshot.jpg"));
    let recent: Vec<_> = events.map(|event| Recent { event, snapshot: snapshot(&event.id) }).collect();
    Ok(Json(recent).into_response())
}

/// `/events/ID/snapshot.jpg`: the picture of an event's beginning.
pub(super) async fn snapshot(Extract(app): Extract<App>, Path(id): Path<String>) -> Response {
    match app.news.picture(&id) {
        Some(jpeg) => ([(header::CONTENT_TYPE, "image/jpeg")], jpeg).into_response(),
        None => (StatusCode::NOT_FOUND, "There is no picture of this event, or none any more.\n").into_response(),
    }
}

//! What changes something while the board runs. It needs the role `control`, and `security` lets no page of another site in.

use axum::{
    Json,
    extract::{Path, Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};

use super::{app::App, body};
use crate::{event::external::Trigger, message::Message};

/// Whether the stages look at a camera's frames.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "DetectionSwitch"))]
pub(super) struct Detection {
    /// `true` if they do.
    on: bool,
}

/// `/api/cameras/NAME/detection`: switches the detection; answers with how it stands.
pub(super) async fn switch(State(app): State<App>, Path(name): Path<String>, request: Request) -> Response {
    let body = match body::read(request).await {
        Ok(body) => body,
        Err(answer) => return answer,
    };
    let Ok(detection) = serde_json::from_slice::<Detection>(&body) else {
        return body::bad_request("The body must be JSON: {\"on\": true} or {\"on\": false}\n");
    };
    if app.switches.set_detection(&name, detection.on) {
        return Json(detection).into_response();
    }
    app.find(&name).map_or_else(IntoResponse::into_response, |_| not_any_more())
}

/// `/api/cameras/NAME/event`: triggers an event; answers with the message of its start.
pub(super) async fn trigger(State(app): State<App>, Path(name): Path<String>, request: Request) -> Response {
    let body = match body::read(request).await {
        Ok(body) => body,
        Err(answer) => return answer,
    };
    let Some(trigger) = Trigger::parse(&body) else {
        let what = "The body must be empty, or JSON like {\"label\": \"doorbell\"}. A label is 1 to 32 of a-z, 0-9, - and _, \
                    beginning with a letter or digit.\n";
        return body::bad_request(what);
    };
    let cameras = app.status.cameras();
    let Some(feed) = cameras.iter().find(|feed| feed.name() == name) else {
        return app.find(&name).map_or_else(IntoResponse::into_response, |_| not_any_more());
    };
    let start = feed.trigger(trigger.label());
    ([(header::CONTENT_TYPE, "application/json")], Message::Event(start).to_json()).into_response()
}

/// The camera was removed just now.
fn not_any_more() -> Response {
    (StatusCode::NOT_FOUND, "There is no such camera any more.\n").into_response()
}

//! `/api/status` and `/api/cameras`: how the daemon is doing, and what it was told to do. `openapi.json` describes them.

use axum::{
    Json,
    extract::State as Extract,
    http::header,
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::{routes::App, screens::Screen};
use crate::{
    config::{Zone, ZonePurpose},
    status::Report,
};

/// How the daemon is doing.
#[derive(Debug, Serialize)]
struct Status {
    #[serde(flatten)]
    report: Report,
    /// WebSocket clients that are sent what is seen.
    readers: usize,
    /// Streams of pictures and events that are open here.
    viewers: usize,
    /// The port that frames come in at.
    websocket_port: u16,
}

/// A camera as configured, and where to find it.
#[derive(Debug, Serialize)]
struct Camera<'a> {
    name: &'a str,
    /// Width and height of its newest frame.
    #[serde(skip_serializing_if = "Option::is_none")]
    size_px: Option<[u32; 2]>,
    /// Whether it is a camera at the board; nobody else can send its frames then.
    plugged_in: bool,
    /// Whether motion is looked for.
    motion: bool,
    zones: Vec<ZoneAs<'a>>,
    live: String,
    snapshot: String,
}

/// A zone, in the keys of the configuration.
#[derive(Debug, Serialize)]
struct ZoneAs<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    ignore: bool,
    polygon: &'a [[f32; 2]],
}

/// `/api/status`.
pub(super) async fn status(Extract(app): Extract<App>) -> Response {
    let (readers, viewers) = (app.news.readers(), app.news.viewers());
    Json(Status { report: app.status.report(), readers, viewers, websocket_port: app.websocket_port }).into_response()
}

/// `/api/cameras`.
pub(super) async fn cameras(Extract(app): Extract<App>) -> Response {
    let screens = app.screens.all();
    Json(screens.iter().map(|screen| camera(screen)).collect::<Vec<_>>()).into_response()
}

/// `/api/openapi.json`.
pub(super) async fn openapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], include_str!("openapi.json"))
}

fn camera(screen: &Screen) -> Camera<'_> {
    let (settings, name) = (&screen.sight.settings, screen.name());
    let size = screen.sight.pane.newest().map(|shown| shown.frame.size());
    let zones =
        settings.motion.iter().flat_map(|motion| &motion.zones).map(|Zone { purpose, polygon }| match purpose {
            ZonePurpose::Named(name) => ZoneAs { name: Some(name), ignore: false, polygon },
            ZonePurpose::Ignored => ZoneAs { name: None, ignore: true, polygon },
        });
    Camera {
        name,
        size_px: size.map(|size| [size.width_px, size.height_px]),
        plugged_in: settings.v4l2.is_some(),
        motion: settings.motion.is_some(),
        zones: zones.collect(),
        live: format!("/cameras/{name}/live.mjpg"),
        snapshot: format!("/cameras/{name}/snapshot.jpg"),
    }
}

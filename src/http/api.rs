//! `/api/status` and `/api/cameras`: how the daemon is doing, and how it is configured. `openapi.json` describes both.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::{app::App, jpeg_cache::CameraJpeg};
use crate::{stage, status::Report};

/// The body of `/api/status`.
#[derive(Debug, Serialize)]
struct ServerStatus {
    #[serde(flatten)]
    report: Report,
    /// WebSocket clients that are sent results.
    readers: usize,
    /// Streams of pictures and events that are open here.
    viewers: usize,
    /// The port that frames come in at.
    websocket_port: u16,
}

/// An item of `/api/cameras`: a camera as configured, and where its pictures are.
#[derive(Debug, Serialize)]
struct CameraInfo<'a> {
    name: &'a str,
    /// Width and height of its newest frame.
    #[serde(skip_serializing_if = "Option::is_none")]
    size_px: Option<[u32; 2]>,
    /// Whether it is a camera at the board; no client can send its frames then.
    plugged_in: bool,
    /// The stages that look at its frames.
    stages: Vec<&'static str>,
    /// Those of the stages whose tables may have zones.
    zone_stages: Vec<&'static str>,
    /// Whether a stage looks at them, by its name: for dashboards that are older than `stages`.
    #[serde(flatten)]
    has_stage: BTreeMap<&'static str, bool>,
    zones: Vec<ZoneInfo<'a>>,
    live: String,
    snapshot: String,
}

/// A zone, in the keys of the configuration.
#[derive(Debug, Serialize)]
struct ZoneInfo<'a> {
    /// The stage in whose table it stands.
    stage: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    ignore: bool,
    polygon: &'a [[f32; 2]],
}

/// `/api/status`.
pub(super) async fn status(State(app): State<App>) -> Response {
    let (readers, viewers) = (app.bus.readers(), app.bus.viewers());
    let status = ServerStatus { report: app.status.report(), readers, viewers, websocket_port: app.websocket_port };
    Json(status).into_response()
}

/// `/api/cameras`.
pub(super) async fn cameras(State(app): State<App>) -> Response {
    let cameras = app.cache.cameras();
    Json(cameras.iter().map(|camera| camera_info(camera)).collect::<Vec<_>>()).into_response()
}

/// `/api/openapi.json`.
pub(super) async fn openapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], include_str!("openapi.json"))
}

fn camera_info(camera: &CameraJpeg) -> CameraInfo<'_> {
    let (settings, name) = (&camera.view.settings, camera.name());
    let size = camera.view.latest_frame.newest().map(|annotated| annotated.frame.size());
    let zones = settings.stages.zones().into_iter().map(|(stage, zone)| ZoneInfo {
        stage,
        name: zone.name(),
        ignore: zone.is_ignored(),
        polygon: zone.polygon(),
    });
    let stages = settings.stages.names();
    CameraInfo {
        name,
        size_px: size.map(|size| [size.width_px, size.height_px]),
        plugged_in: settings.v4l2.is_some(),
        has_stage: stage::OF_VERSION_0_1.iter().map(|name| (*name, stages.contains(name))).collect(),
        stages,
        zone_stages: settings.stages.with_zones(),
        zones: zones.collect(),
        live: format!("/cameras/{name}/live.mjpg"),
        snapshot: format!("/cameras/{name}/snapshot.jpg"),
    }
}

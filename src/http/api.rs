//! `/api/status` and `/api/cameras`: how the daemon is doing, and how it is configured. `openapi.json` describes both.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Extension, Json,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::{app::App, jpeg_cache::CameraJpeg, session_cookie::ConnectionInfo};
use crate::{access::Grant, capacity::SavedCapacity, stage, status::Report};

/// How the daemon and each camera are doing.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Status"))]
pub(super) struct ServerStatus {
    #[serde(flatten)]
    report: Report,
    /// WebSocket clients that get results.
    readers: usize,
    /// Open streams of pictures and events.
    viewers: usize,
    /// The port for frames and results.
    websocket_port: u16,
    /// TLS of both ports; absent without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<TlsStatus>,
    /// What `fovea bench --save` found that this machine carries; absent if it was not measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    capacity: Option<Arc<SavedCapacity>>,
}

/// TLS of both ports.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Tls"))]
struct TlsStatus {
    /// The SHA-256 fingerprint of the certificate in use, in hexadecimal with colons.
    fingerprint: String,
    /// Whether the connection of this request is encrypted with it, and not by a proxy or not at all.
    is_used: bool,
}

/// A camera as configured, and where its pictures are.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Camera"))]
pub(super) struct CameraInfo<'a> {
    /// The camera's name.
    name: &'a str,
    /// Width and height of its newest frame; absent before the first one.
    #[serde(skip_serializing_if = "Option::is_none")]
    size_px: Option<[u32; 2]>,
    /// Whether it is a local camera. Clients cannot send its frames then.
    plugged_in: bool,
    /// The configured stages. New ones can appear.
    #[cfg_attr(test, schemars(extend("uniqueItems" = true)))]
    stages: Vec<&'static str>,
    /// Those of the stages whose tables can have zones.
    #[cfg_attr(test, schemars(extend("uniqueItems" = true)))]
    zone_stages: Vec<&'static str>,
    /// Whether a stage looks at them, by its name: for dashboards that are older than `stages`.
    #[serde(flatten)]
    #[cfg_attr(test, schemars(schema_with = "of_version_0_1"))]
    has_stage: BTreeMap<&'static str, bool>,
    /// The zones of all stages.
    zones: Vec<ZoneInfo<'a>>,
    /// The lines that are counted over.
    lines: Vec<LineInfo<'a>>,
    /// Its privacy masks: nobody gets to see what is in them.
    masks: Vec<MaskInfo<'a>>,
    /// The path of its live pictures.
    live: String,
    /// The path of its newest picture.
    snapshot: String,
}

/// One member for each stage of version 0.1.
#[cfg(test)]
fn of_version_0_1(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    let what = "Whether the stage of this name is among `stages`.";
    let member = |name: &&str| {
        ((*name).to_owned(), serde_json::json!({ "type": "boolean", "deprecated": true, "description": what }))
    };
    let properties: serde_json::Map<_, _> = stage::OF_VERSION_0_1.iter().map(member).collect();
    schemars::json_schema!({ "type": "object", "properties": properties, "required": stage::OF_VERSION_0_1 })
}

/// A zone, with the keys of the configuration.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Zone"))]
struct ZoneInfo<'a> {
    /// The stage whose table has the zone.
    stage: &'static str,
    /// Its name, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    /// Whether the stage ignores this part of the picture.
    ignore: bool,
    /// Its corners, as parts of the width and of the height of the picture.
    #[cfg_attr(test, schemars(length(min = 3), inner(inner(range(min = 0, max = 1)))))]
    polygon: &'a [[f32; 2]],
    /// Whether each track that is in it is an event.
    visits: bool,
    /// The labels of the tracks that it is about; absent if it is about all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    labels: Vec<&'a str>,
    /// After how many milliseconds in it a track loiters; absent if that is no event.
    #[serde(skip_serializing_if = "Option::is_none")]
    loitering_after_ms: Option<u64>,
}

/// A line, with the keys of the configuration.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Line"))]
struct LineInfo<'a> {
    /// Its name.
    name: &'a str,
    /// Its first end, as parts of the width and of the height of the picture.
    #[cfg_attr(test, schemars(inner(range(min = 0, max = 1))))]
    from: [f32; 2],
    /// Its second end.
    #[cfg_attr(test, schemars(inner(range(min = 0, max = 1))))]
    to: [f32; 2],
    /// What the direction is called from the left of the line to its right, for somebody who looks from `from` to `to`.
    left_to_right: &'a str,
    /// What the other direction is called.
    right_to_left: &'a str,
    /// How far from it a track must be to be on one side, as a part of the height of the picture.
    #[cfg_attr(test, schemars(range(min = 0, max = 1)))]
    dead_band: f32,
    /// The labels of the tracks that are counted; absent if all are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    labels: Vec<&'a str>,
}

/// A privacy mask, with the keys of the configuration.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Mask"))]
struct MaskInfo<'a> {
    /// Its name, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    /// Its corners, as parts of the width and of the height of the picture; absent if it is about the whole picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(length(min = 3), inner(inner(range(min = 0, max = 1)))))]
    polygon: Option<&'a [[f32; 2]]>,
    /// The labels that it covers, wherever they go; absent if it covers all that is in the polygon.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    labels: Vec<&'a str>,
}

/// `/api/status`: of the cameras that the client's token is for.
pub(super) async fn status(
    State(app): State<App>,
    Extension(grant): Extension<Grant>,
    Extension(connection): Extension<ConnectionInfo>,
) -> Response {
    let (readers, viewers) = (app.bus.readers(), app.bus.viewers());
    let mut report = app.status.report();
    report.cameras.retain(|camera| grant.rights().cover(&camera.camera));
    let tls = app
        .tls
        .as_ref()
        .map(|tls| TlsStatus { fingerprint: tls.fingerprint().to_string(), is_used: connection.is_encrypted });
    let capacity = app.status.capacity();
    let status = ServerStatus { report, readers, viewers, websocket_port: app.websocket_port, tls, capacity };
    Json(status).into_response()
}

/// `/api/cameras`: those that the client's token is for.
pub(super) async fn cameras(State(app): State<App>, Extension(grant): Extension<Grant>) -> Response {
    let cameras = app.cache.cameras();
    let cameras = cameras.iter().filter(|camera| grant.rights().cover(camera.name()));
    Json(cameras.map(|camera| camera_info(camera)).collect::<Vec<_>>()).into_response()
}

/// `/api/openapi.json`.
pub(super) async fn openapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], include_str!("openapi.json"))
}

fn camera_info(camera: &CameraJpeg) -> CameraInfo<'_> {
    let (settings, name) = (&camera.view.settings, camera.name());
    let size = camera.view.latest_frame.newest().map(|annotated| annotated.size());
    let zones = settings.stages.zones().into_iter().map(|(stage, zone)| ZoneInfo {
        stage,
        name: zone.name(),
        ignore: zone.is_ignored(),
        polygon: zone.polygon(),
        visits: zone.has_visits(),
        labels: zone.labels().names().collect(),
        loitering_after_ms: zone
            .loitering_after()
            .map(|after| u64::try_from(after.as_millis()).expect("at most a day")),
    });
    let lines = settings.lines.iter().map(|line| {
        let ([from, to], [left_to_right, right_to_left]) = (line.ends(), line.directions());
        let (name, dead_band, labels) = (line.name(), line.dead_band(), line.labels().names().collect());
        LineInfo { name, from, to, left_to_right, right_to_left, dead_band, labels }
    });
    let masks = settings.masks.iter().map(|mask| MaskInfo {
        name: mask.name(),
        polygon: mask.polygon(),
        labels: mask.labels().names().collect(),
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
        lines: lines.collect(),
        masks: masks.collect(),
        live: format!("/cameras/{name}/live.mjpg"),
        snapshot: format!("/cameras/{name}/snapshot.jpg"),
    }
}

//! Live pictures and snapshots. A stream has a part for each new frame; a viewer that reads slowly skips frames.

use std::{collections::VecDeque, convert::Infallible, sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::{Path, RawQuery, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::stream;
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};

use super::{
    app::{App, NoCamera},
    event_bus::ViewerGuard,
    jpeg_cache::{CameraJpeg, EncodedFrame},
};
use crate::{
    frame::Size,
    picture::{
        bitmap::Bitmap,
        jpeg,
        latest_frame::{Annotated, FrameId},
    },
    system::clock::Monotonic,
    telemetry::camera_metrics::{Availability, CameraState},
};

/// The boundary between parts.
const BOUNDARY: &[u8] = b"--frame\r\n";

/// How often the placeholder of a camera without frames is sent again, as proxies close a connection that is idle.
const PLACEHOLDER_INTERVAL: Duration = Duration::from_secs(10);

/// How often a stream without new frames checks whether a camera is lost. Frames that cannot be encoded for this long are
/// reported by a placeholder.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// `/cameras/NAME/live.mjpg`: one camera, in the format that recorders and `<img>` elements read.
pub(super) async fn camera(State(app): State<App>, Path(name): Path<String>) -> Result<Response, NoCamera> {
    app.find(&name)?;
    Ok(multipart("multipart/x-mixed-replace; boundary=frame", LiveStream::new(app, Some(name))))
}

/// `/live`: all cameras in one stream, as browsers open few connections to one host.
pub(super) async fn all(State(app): State<App>) -> Response {
    multipart("multipart/mixed; boundary=frame", LiveStream::new(app, None))
}

/// `/cameras/NAME/snapshot.jpg`: the newest frame, however old; with `?overlay` its boxes are drawn into it.
pub(super) async fn snapshot(
    State(app): State<App>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, NoCamera> {
    let camera = app.find(&name)?;
    let overlay = query.is_some_and(|query| query.split('&').any(|word| word == "overlay" || word == "overlay="));
    let newest = if overlay { camera.newest_with_overlay().await } else { camera.newest().await };
    let unavailable = |why| (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "1")], why).into_response();
    let Some(EncodedFrame { annotated, jpeg }) = newest else {
        return Ok(unavailable(format!("There is no picture of {name} yet.\n")));
    };
    let Some(jpeg) = jpeg else {
        return Ok(unavailable(format!("The newest frame of {name} cannot be shown: it is damaged.\n")));
    };
    let mut response = ([(header::CONTENT_TYPE, "image/jpeg")], jpeg).into_response();
    for (name, value) in PartHeaders::of_frame(&camera, &annotated).0 {
        let value = HeaderValue::try_from(value).expect("names of cameras, numbers and times");
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
    Ok(response)
}

/// A response that ends when the client disconnects or the camera is removed.
fn multipart(content_type: &'static str, stream: LiveStream) -> Response {
    let chunks = stream::unfold(stream, async |mut stream| Some((Ok::<_, Infallible>(stream.next().await?), stream)));
    ([(header::CONTENT_TYPE, content_type)], Body::from_stream(chunks)).into_response()
}

/// The headers of a picture: names and values.
struct PartHeaders(Vec<(&'static str, String)>);

impl PartHeaders {
    /// The headers of a camera's frame.
    fn of_frame(camera: &CameraJpeg, annotated: &Annotated) -> Self {
        let origin = annotated.origin();
        let mut headers = Self::of_camera(camera, camera.view.metrics.state());
        let age_ms = Monotonic::now().since(origin.captured_at).as_secs_f64() * 1e3;
        headers.0.extend([
            ("fovea-seq", origin.seq.to_string()),
            ("fovea-captured-at", format!("{:.6}", origin.captured_at.wall())),
            ("fovea-age-ms", format!("{age_ms:.1}")),
        ]);
        headers
    }

    /// The headers of a camera without a frame.
    fn of_camera(camera: &CameraJpeg, state: CameraState) -> Self {
        Self(vec![
            ("fovea-camera", camera.name().to_owned()),
            ("fovea-state", state.state.as_str().to_owned()),
            ("fovea-since", format!("{:.6}", state.since)),
        ])
    }
}

/// The stream of one viewer.
struct LiveStream {
    app: App,
    _viewer: ViewerGuard,
    new_frames: watch::Receiver<()>,
    /// The one camera to show; `None` shows all.
    name: Option<String>,
    /// The list of cameras that `cursors` was made from.
    cameras: Arc<[Arc<CameraJpeg>]>,
    /// One for each camera of the stream, the one that was served longest ago first.
    cursors: VecDeque<Cursor>,
    /// The chunks of the current part that are still to be sent.
    pending: VecDeque<Bytes>,
}

/// How far a viewer has come with one camera.
struct Cursor {
    camera: Arc<CameraJpeg>,
    /// The frame that was sent last; not held, as holding a frame holds its buffer.
    last_frame: FrameId,
    /// Since when its frames cannot be encoded, if they cannot.
    broken_since: Option<Instant>,
    /// When the last placeholder was sent, and the state that it showed.
    last_placeholder: Option<(Instant, Availability)>,
}

impl LiveStream {
    fn new(app: App, name: Option<String>) -> Self {
        Self {
            _viewer: app.bus.add_viewer(),
            new_frames: app.bus.subscribe_frames(),
            app,
            name,
            cameras: Arc::default(),
            cursors: VecDeque::new(),
            pending: [Bytes::from_static(BOUNDARY)].into(),
        }
    }

    /// The next chunk. The server asks for it when the viewer has read those before. `None` when no camera is left.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(chunk) = self.pending.pop_front() {
                return Some(chunk);
            }
            self.new_frames.mark_unchanged(); // before the check: a frame that comes during it must wake the wait below
            self.update_cameras();
            if self.cursors.is_empty() {
                return None;
            }
            if !self.next_part().await {
                // Never closed: the app owns the sender. No signal comes when a camera is lost, hence the timeout.
                let _ = timeout(CHECK_INTERVAL, self.new_frames.changed()).await;
            }
        }
    }

    /// Adds a cursor for each camera that a reload added, and drops those of removed cameras.
    fn update_cameras(&mut self) {
        let cameras = self.app.cache.cameras();
        if Arc::ptr_eq(&cameras, &self.cameras) {
            return;
        }
        let mut before = std::mem::take(&mut self.cursors);
        for camera in cameras.iter().filter(|camera| self.name.as_ref().is_none_or(|name| name == camera.name())) {
            let latest_frame = &camera.view.latest_frame;
            let known = before.iter().position(|cursor| Arc::ptr_eq(&cursor.camera.view.latest_frame, latest_frame));
            let cursor = known.and_then(|known| before.remove(known));
            let cursor = cursor.unwrap_or_else(|| Cursor::new(camera.clone()));
            self.cursors.push_back(Cursor { camera: camera.clone(), ..cursor });
        }
        self.cameras = cameras;
    }

    /// Queues a part of the first camera that has something new; returns whether there was one.
    async fn next_part(&mut self) -> bool {
        for _ in 0..self.cursors.len() {
            let Some(mut cursor) = self.cursors.pop_front() else { break };
            let part = cursor.next_part().await;
            self.cursors.push_back(cursor);
            if let Some((headers, jpeg)) = part {
                let mut head = format!("Content-Type: image/jpeg\r\nContent-Length: {}\r\n", jpeg.len());
                headers.0.iter().for_each(|(name, value)| head.extend([name, ": ", value, "\r\n"]));
                head.push_str("\r\n");
                // The boundary follows at once and not with the next part: viewers show a part when they see its end.
                self.pending.extend([head.into(), jpeg, Bytes::from_static(b"\r\n"), Bytes::from_static(BOUNDARY)]);
                return true;
            }
        }
        false
    }
}

impl Cursor {
    fn new(camera: Arc<CameraJpeg>) -> Self {
        Self { camera, last_frame: FrameId::default(), broken_since: None, last_placeholder: None }
    }

    /// The newest frame if it was not sent yet, or a placeholder if there is none to send and one is due.
    async fn next_part(&mut self) -> Option<(PartHeaders, Bytes)> {
        let camera = &self.camera;
        let newest = camera.view.latest_frame.newest();
        let size = newest.as_ref().map(Annotated::size);
        let is_new = newest.is_some_and(|annotated| !self.last_frame.is_of(&annotated));
        if is_new {
            let EncodedFrame { annotated, jpeg } = camera.newest().await?;
            self.last_frame = annotated.id();
            if let Some(jpeg) = jpeg {
                (self.broken_since, self.last_placeholder) = (None, None);
                return Some((PartHeaders::of_frame(camera, &annotated), jpeg));
            }
            self.broken_since.get_or_insert_with(Instant::now);
        }
        let state = camera.view.metrics.state();
        let is_recent = |(at, of): (Instant, Availability)| of == state.state && at.elapsed() < PLACEHOLDER_INTERVAL;
        if self.last_placeholder.is_some_and(is_recent) {
            return None;
        }
        let text = match state.state {
            Availability::Live if self.broken_since?.elapsed() < CHECK_INTERVAL => return None,
            Availability::Live => "its frames cannot be shown".to_owned(),
            _ => state.summary(),
        };
        self.last_placeholder = Some((Instant::now(), state.state));
        let lines = [camera.name().to_owned(), text];
        let jpeg = camera.encoder.acquire().await.run(move || placeholder(&lines, size)).await?.ok()?;
        Some((PartHeaders::of_camera(camera, state), jpeg.into()))
    }
}

/// A picture with lines of text, in the shape of the camera's last frame.
fn placeholder(lines: &[String], size: Option<Size>) -> Result<Vec<u8>, turbojpeg::Error> {
    const WIDTH_PX: u32 = 640;
    let height = |size: Size| (u64::from(WIDTH_PX) * u64::from(size.height_px)).checked_div(u64::from(size.width_px));
    let height_px = size.and_then(height).and_then(|height| u32::try_from(height).ok()).unwrap_or(360).clamp(120, 1280);
    jpeg::encode_bitmap(&Bitmap::from_text(Size { width_px: WIDTH_PX, height_px }, lines))
}

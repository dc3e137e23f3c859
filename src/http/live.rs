//! Live pictures: a part for each new frame, as fast as the viewer takes them. Whoever is slow skips frames.

use std::{
    collections::VecDeque,
    convert::Infallible,
    ptr,
    sync::{Arc, Weak},
    time::Duration,
};

use axum::{
    body::Body,
    extract::{Path, RawQuery, State as Extract},
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
    drawing::Canvas,
    news::Watching,
    routes::{App, NoCamera},
    screens::{Screen, View},
};
use crate::{
    frame::Size,
    hub::latest_frame::Annotated,
    system::clock::Monotonic,
    telemetry::camera_metrics::{Availability, CameraState},
};

/// What stands between parts.
const BOUNDARY: &[u8] = b"--frame\r\n";

/// After so long without a frame the picture of a lost camera is sent again, or programs in between give up.
const REPEAT: Duration = Duration::from_secs(10);

/// How often a camera without frames is asked whether it is lost; and how long its frames may be such as cannot be shown
/// before that is told.
const LOOK: Duration = Duration::from_secs(1);

/// `/cameras/NAME/live.mjpg`: one camera, as recorders take it, and an `<img>` of a page from here.
pub(super) async fn camera(Extract(app): Extract<App>, Path(name): Path<String>) -> Result<Response, NoCamera> {
    app.find(&name)?;
    Ok(parts("multipart/x-mixed-replace; boundary=frame", Live::new(app, Some(name))))
}

/// `/live`: all cameras in one stream. Browsers open few connections to one host; this is the only one a page needs.
pub(super) async fn all(Extract(app): Extract<App>) -> Response {
    parts("multipart/mixed; boundary=frame", Live::new(app, None))
}

/// `/cameras/NAME/snapshot.jpg`: the newest frame, however old; with `?overlay` its boxes are drawn into it.
pub(super) async fn snapshot(
    Extract(app): Extract<App>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, NoCamera> {
    let screen = app.find(&name)?;
    let with_boxes = query.is_some_and(|query| query.split('&').any(|word| word == "overlay" || word == "overlay="));
    let view = if with_boxes { screen.newest_with_boxes().await } else { screen.newest().await };
    let later = |why| (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "1")], why).into_response();
    let Some(View { shown, jpeg }) = view else {
        return Ok(later(format!("There is no picture of {name} yet.\n")));
    };
    let Some(jpeg) = jpeg else {
        return Ok(later(format!("The newest frame of {name} cannot be shown: it is damaged.\n")));
    };
    let mut response = ([(header::CONTENT_TYPE, "image/jpeg")], jpeg).into_response();
    for (name, value) in About::frame(&screen, &shown).0 {
        let value = HeaderValue::try_from(value).expect("names of cameras, numbers and times");
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
    Ok(response)
}

/// An answer whose parts end with the viewer, or with the camera.
fn parts(kind: &'static str, live: Live) -> Response {
    let chunks = stream::unfold(live, async |mut live| Some((Ok::<_, Infallible>(live.next().await?), live)));
    ([(header::CONTENT_TYPE, kind)], Body::from_stream(chunks)).into_response()
}

/// What is said beside a picture: names and values of headers.
struct About(Vec<(&'static str, String)>);

impl About {
    /// Of a camera's frame.
    fn frame(screen: &Screen, shown: &Annotated) -> Self {
        let frame = &shown.frame;
        let mut about = Self::camera(screen, screen.sight.statistics.state());
        let age_ms = Monotonic::now().since(frame.captured_at()).as_secs_f64() * 1e3;
        about.0.extend([
            ("fovea-seq", frame.seq().to_string()),
            ("fovea-captured-at", format!("{:.6}", frame.captured_at().wall())),
            ("fovea-age-ms", format!("{age_ms:.1}")),
        ]);
        about
    }

    /// Of a camera, whether there is a frame or not.
    fn camera(screen: &Screen, state: CameraState) -> Self {
        Self(vec![
            ("fovea-camera", screen.name().to_owned()),
            ("fovea-state", state.state.word().to_owned()),
            ("fovea-since", format!("{:.6}", state.since)),
        ])
    }
}

/// One viewer's stream.
struct Live {
    app: App,
    _watching: Watching,
    frames: watch::Receiver<()>,
    /// One camera alone.
    name: Option<String>,
    /// The cameras that there were when it was last looked.
    screens: Arc<[Arc<Screen>]>,
    /// Each camera of the stream, the one that was served longest ago first.
    cameras: VecDeque<Seen>,
    /// What is left of the part that is being sent.
    rest: VecDeque<Bytes>,
}

/// What a viewer has seen of a camera.
struct Seen {
    screen: Arc<Screen>,
    /// The newest frame that it was sent; not held, for a frame held is a buffer held.
    frame: Weak<Annotated>,
    /// Since when its frames cannot be shown, if they cannot.
    blind_since: Option<Instant>,
    /// When it was last told that there is nothing to see, and of which state.
    told: Option<(Instant, Availability)>,
}

impl Live {
    fn new(app: App, name: Option<String>) -> Self {
        let (watching, frames) = (app.news.watch(), app.news.frames());
        let (screens, cameras, rest) = (Arc::default(), VecDeque::new(), [Bytes::from_static(BOUNDARY)].into());
        Self { app, _watching: watching, frames, name, screens, cameras, rest }
    }

    /// The next chunk; asked for when the viewer has taken those before. `None` when there is no camera any more.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(chunk) = self.rest.pop_front() {
                return Some(chunk);
            }
            self.frames.mark_unchanged(); // before looking: what comes from now on is news
            self.follow();
            if self.cameras.is_empty() {
                return None;
            }
            if !self.look().await {
                // Never closed: the app has the other end. That a camera is lost is no news, so it is looked for.
                let _ = timeout(LOOK, self.frames.changed()).await;
            }
        }
    }

    /// Takes up the cameras that were added since it was last looked, and drops those that were removed.
    fn follow(&mut self) {
        let screens = self.app.screens.all();
        if Arc::ptr_eq(&screens, &self.screens) {
            return;
        }
        let mut before = std::mem::take(&mut self.cameras);
        for screen in screens.iter().filter(|screen| self.name.as_ref().is_none_or(|name| name == screen.name())) {
            let known = before.iter().position(|seen| Arc::ptr_eq(&seen.screen.sight.pane, &screen.sight.pane));
            let unseen = || Seen { screen: screen.clone(), frame: Weak::new(), blind_since: None, told: None };
            let seen = known.and_then(|known| before.remove(known)).unwrap_or_else(unseen);
            self.cameras.push_back(Seen { screen: screen.clone(), ..seen });
        }
        self.screens = screens;
    }

    /// Makes a part of the first camera that has something new; whether there was one.
    async fn look(&mut self) -> bool {
        for _ in 0..self.cameras.len() {
            let Some(mut seen) = self.cameras.pop_front() else { break };
            let part = seen.look().await;
            self.cameras.push_back(seen);
            if let Some((about, jpeg)) = part {
                let mut head = format!("Content-Type: image/jpeg\r\nContent-Length: {}\r\n", jpeg.len());
                about.0.iter().for_each(|(name, value)| head.extend([name, ": ", value, "\r\n"]));
                head.push_str("\r\n");
                // The boundary comes at once and not with the next part: viewers show a part when they see its end.
                self.rest.extend([head.into(), jpeg, Bytes::from_static(b"\r\n"), Bytes::from_static(BOUNDARY)]);
                return true;
            }
        }
        false
    }
}

impl Seen {
    /// What is new of the camera, with what is to be said of it: its newest frame, or that there is none.
    async fn look(&mut self) -> Option<(About, Bytes)> {
        let screen = &self.screen;
        let newest = screen.sight.pane.newest();
        let size = newest.as_ref().map(|shown| shown.frame.size());
        let is_new = newest.is_some_and(|shown| !ptr::eq(Arc::as_ptr(&shown), self.frame.as_ptr()));
        if is_new {
            let View { shown, jpeg } = screen.newest().await?;
            self.frame = Arc::downgrade(&shown);
            if let Some(jpeg) = jpeg {
                (self.blind_since, self.told) = (None, None);
                return Some((About::frame(screen, &shown), jpeg));
            }
            self.blind_since.get_or_insert_with(Instant::now);
        }
        let state = screen.sight.statistics.state();
        if self.told.is_some_and(|(at, of)| of == state.state && at.elapsed() < REPEAT) {
            return None;
        }
        let words = match state.state {
            Availability::Live if self.blind_since?.elapsed() < LOOK => return None,
            Availability::Live => "its frames cannot be shown".to_owned(),
            _ => state.words(),
        };
        self.told = Some((Instant::now(), state.state));
        let lines = [screen.name().to_owned(), words];
        let jpeg = screen.encoder.turn().await.make(move || placeholder(&lines, size)).await?.ok()?;
        Some((About::camera(screen, state), jpeg.into()))
    }
}

/// The picture of a camera that has none, in the shape that it had.
fn placeholder(lines: &[String], size: Option<Size>) -> Result<Vec<u8>, turbojpeg::Error> {
    const WIDTH_PX: u32 = 640;
    let height = |size: Size| u64::from(WIDTH_PX) * u64::from(size.height_px) / u64::from(size.width_px);
    let height_px = size.and_then(|size| u32::try_from(height(size)).ok()).unwrap_or(360).clamp(120, 1280);
    Canvas::words(Size { width_px: WIDTH_PX, height_px }, lines).to_jpeg()
}

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
use jiff::tz::TimeZone;
use tokio::{
    sync::watch,
    task::spawn_blocking,
    time::{Instant, sleep_until},
};

use super::{
    drawing::Canvas,
    news::Watching,
    routes::{App, NoCamera},
    screens::{Screen, View},
    sights::State,
};
use crate::{
    frame::{Camera, Size},
    output::pane::Shown,
    system::clock::Monotonic,
};

/// What stands between parts.
const BOUNDARY: &[u8] = b"--frame\r\n";

/// After so long without a frame the picture of a lost camera is sent again, or programs in between give up.
const REPEAT: Duration = Duration::from_secs(10);

/// `/cameras/NAME/live.mjpg`: one camera, as every browser's `<img>` and every recorder takes it.
pub(super) async fn camera(Extract(app): Extract<App>, Path(name): Path<String>) -> Result<Response, NoCamera> {
    let index = app.find(&name)?;
    Ok(parts("multipart/x-mixed-replace; boundary=frame", Live::new(app, vec![index])))
}

/// `/live`: all cameras in one stream. Browsers open few connections to one host; this is the only one a page needs.
pub(super) async fn all(Extract(app): Extract<App>) -> Response {
    let cameras = (0..app.screens.len()).collect();
    parts("multipart/mixed; boundary=frame", Live::new(app, cameras))
}

/// `/cameras/NAME/snapshot.jpg`: the newest frame, however old; with `?overlay` its boxes are drawn into it.
pub(super) async fn snapshot(
    Extract(app): Extract<App>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, NoCamera> {
    let index = app.find(&name)?;
    let mut view = app.screens[index].newest().await;
    if query.is_some_and(|query| query.split('&').any(|word| word == "overlay")) {
        view = match view {
            Some(view) => view.with_boxes().await,
            None => None,
        };
    }
    let Some(View { shown, jpeg }) = view else {
        let why = format!("There is no picture of {name} yet.\n");
        return Ok((StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "1")], why).into_response());
    };
    let mut response = ([(header::CONTENT_TYPE, "image/jpeg")], jpeg).into_response();
    for (name, value) in About::frame(&shown).0 {
        let value = HeaderValue::try_from(value).expect("names of cameras, numbers and times");
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
    Ok(response)
}

/// An answer whose parts end with the viewer.
fn parts(kind: &'static str, live: Live) -> Response {
    let chunks = stream::unfold(live, async |mut live| Some((Ok::<_, Infallible>(live.next().await), live)));
    ([(header::CONTENT_TYPE, kind)], Body::from_stream(chunks)).into_response()
}

/// What is said beside a picture: names and values of headers.
struct About(Vec<(&'static str, String)>);

impl About {
    /// Of a frame.
    fn frame(shown: &Shown) -> Self {
        let frame = &shown.frame;
        let mut about = Self::nothing(frame.camera(), State::of(Some(shown)));
        let age_ms = Monotonic::now().since(frame.captured_at()).as_secs_f64() * 1e3;
        about.0.extend([
            ("fovea-seq", frame.seq().to_string()),
            ("fovea-captured-at", format!("{:.6}", frame.captured_at().wall())),
            ("fovea-age-ms", format!("{age_ms:.1}")),
        ]);
        about
    }

    /// Of a camera without a frame.
    fn nothing(camera: &Camera, state: State) -> Self {
        let mut about = vec![("fovea-camera", camera.name().to_owned()), ("fovea-state", state.word().to_owned())];
        if let State::Lost(since) = state {
            about.push(("fovea-lost-since", format!("{:.6}", since.wall())));
        }
        Self(about)
    }
}

/// One viewer's stream.
struct Live {
    app: App,
    _watching: Watching,
    frames: watch::Receiver<()>,
    /// Each camera of the stream, the one that was served longest ago first.
    cameras: VecDeque<Seen>,
    /// What is left of the part that is being sent.
    rest: VecDeque<Bytes>,
}

/// What a viewer has seen of a camera.
struct Seen {
    index: usize,
    /// The newest frame that it was sent; not held, for a frame held is a buffer held.
    frame: Weak<Shown>,
    /// When it was last told that there is nothing to see.
    told: Option<Instant>,
}

impl Live {
    fn new(app: App, cameras: Vec<usize>) -> Self {
        let (watching, frames) = (app.news.watch(), app.news.frames());
        let unseen = |index| Seen { index, frame: Weak::new(), told: None };
        let cameras = cameras.into_iter().map(unseen).collect();
        Self { app, _watching: watching, frames, cameras, rest: [Bytes::from_static(BOUNDARY)].into() }
    }

    /// The next chunk; asked for when the viewer has taken those before.
    async fn next(&mut self) -> Bytes {
        loop {
            if let Some(chunk) = self.rest.pop_front() {
                return chunk;
            }
            self.frames.mark_unchanged(); // before looking: what comes from now on is news
            if !self.look().await {
                let due = self.due();
                tokio::select! {
                    _ = self.frames.changed() => {} // never an error: the app has the other end
                    () = sleep_until(due) => {}
                }
            }
        }
    }

    /// Makes a part of the first camera that has something new; whether there was one.
    async fn look(&mut self) -> bool {
        for _ in 0..self.cameras.len() {
            let Some(mut seen) = self.cameras.pop_front() else { break };
            let part = seen.look(&self.app.screens[seen.index]).await;
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

    /// When there will be something to tell even if no frame comes.
    fn due(&self) -> Instant {
        let due = |seen: &Seen| match seen.told {
            Some(told) => told + REPEAT,
            None => Instant::now() + self.app.screens[seen.index].sight.time_left() + Duration::from_millis(1),
        };
        self.cameras.iter().map(due).min().unwrap_or_else(|| Instant::now() + REPEAT)
    }
}

impl Seen {
    /// What is new of the camera, with what is to be said of it: its newest frame, or that there is none.
    async fn look(&mut self, screen: &Screen) -> Option<(About, Bytes)> {
        let newest = screen.sight.pane.newest();
        let state = State::of(newest.as_deref());
        if state != State::Live {
            if self.told.is_some_and(|told| told.elapsed() < REPEAT) {
                return None;
            }
            self.told = Some(Instant::now());
            let name = screen.sight.camera.name().to_owned();
            let size = newest.map(|shown| shown.frame.size());
            let jpeg = spawn_blocking(move || placeholder(&name, state, size)).await.ok()?.ok()?;
            return Some((About::nothing(&screen.sight.camera, state), jpeg.into()));
        }
        self.told = None;
        if newest.is_some_and(|shown| ptr::eq(Arc::as_ptr(&shown), self.frame.as_ptr())) {
            return None;
        }
        let View { shown, jpeg } = screen.newest().await?;
        self.frame = Arc::downgrade(&shown);
        Some((About::frame(&shown), jpeg))
    }
}

/// The picture of a camera that has none, in the shape that it had.
fn placeholder(name: &str, state: State, size: Option<Size>) -> Result<Vec<u8>, turbojpeg::Error> {
    const WIDTH_PX: u32 = 640;
    let height = |size: Size| u64::from(WIDTH_PX) * u64::from(size.height_px) / u64::from(size.width_px);
    let height_px = size.and_then(|size| u32::try_from(height(size)).ok()).unwrap_or(360).clamp(120, 1280);
    let what = match state {
        State::Lost(since) => {
            let since = since.wall().to_zoned(TimeZone::system());
            format!("lost since {}", since.strftime("%Y-%m-%d %H:%M:%S"))
        }
        _ => "waits for its first frame".to_owned(),
    };
    Canvas::words(Size { width_px: WIDTH_PX, height_px }, &[name.to_owned(), what]).to_jpeg()
}

//! One screen a camera: its newest frame as a JPEG file, made at most once for all viewers and only while there are any.

use std::sync::{
    Arc, Weak,
    atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use tokio::{sync::Mutex, task::spawn_blocking};

use super::{
    Sight,
    jpeg::{self, Unshowable},
};
use crate::{
    frame::PixelFormat,
    output::{message::Rect, pane::Shown},
    sync,
};

/// The screens of all cameras.
#[derive(Debug, Default)]
pub(super) struct Screens {
    // The list is replaced, never changed: who has taken it sees by the pointer whether it is still the same.
    list: sync::Mutex<Arc<[Arc<Screen>]>>,
    encoded: Arc<AtomicU64>,
}

/// A camera's screen.
#[derive(Debug)]
pub(super) struct Screen {
    pub(super) sight: Sight,
    /// The JPEG that was made last, if one could be, and of which frame. That is not held: a raw frame is large, and its
    /// buffer is lent.
    made: Mutex<(Weak<Shown>, Option<Bytes>)>,
    encoded: Arc<AtomicU64>,
}

/// A frame and its JPEG file.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub(super) shown: Arc<Shown>,
    pub(super) jpeg: Bytes,
}

impl Screens {
    /// The screens of these cameras.
    pub(super) fn new(sights: Vec<Sight>) -> Self {
        let screens = Self::default();
        screens.set(sights);
        screens
    }

    /// Has other cameras shown from now on.
    pub(super) fn set(&self, sights: Vec<Sight>) {
        let screen = |sight| Screen { sight, made: Mutex::default(), encoded: self.encoded.clone() };
        *self.list.lock() = sights.into_iter().map(|sight| Arc::new(screen(sight))).collect();
    }

    /// All of them, in the order of the configuration.
    pub(super) fn all(&self) -> Arc<[Arc<Screen>]> {
        self.list.lock().clone()
    }

    /// How many pictures were made into JPEG, for viewers and for the list of events.
    pub(super) fn encoded(&self) -> u64 {
        self.encoded.load(Ordering::Relaxed) // read by itself
    }

    /// A camera's.
    pub(super) fn of(&self, name: &str) -> Option<Arc<Screen>> {
        self.all().iter().find(|screen| screen.name() == name).cloned()
    }
}

impl Screen {
    /// Its camera's name.
    pub(super) fn name(&self) -> &str {
        &self.sight.settings.name
    }

    /// The newest frame's view; `None` before the first frame, and if it cannot be shown.
    pub(super) async fn newest(&self) -> Option<View> {
        let shown = self.sight.pane.newest()?;
        if shown.frame.format() == PixelFormat::Jpeg {
            return Some(View { jpeg: shown.frame.bytes().clone(), shown });
        }
        // Who waits here gets what was made meanwhile, or makes the frame that is newest then.
        let mut made = self.made.lock().await;
        let shown = self.sight.pane.newest()?;
        if Weak::as_ptr(&made.0) != Arc::as_ptr(&shown) {
            let of = shown.clone();
            *made = (Arc::downgrade(&shown), self.encode(move || jpeg::of(&of.frame)).await);
        }
        Some(View { jpeg: made.1.clone()?, shown })
    }

    /// The newest frame's view with its boxes drawn into it, likewise.
    pub(super) async fn newest_with_boxes(&self) -> Option<View> {
        let shown = self.sight.pane.newest()?;
        let of = shown.clone();
        let boxes = move || {
            let boxes: &[Rect] = of.motion.as_ref().map_or(&[], |motion| &motion.boxes);
            jpeg::with_boxes(&of.frame, boxes)
        };
        Some(View { jpeg: self.encode(boxes).await?, shown })
    }

    /// Has a picture made beside the reactor's thread, and counts it.
    async fn encode(&self, make: impl FnOnce() -> Result<Bytes, Unshowable> + Send + 'static) -> Option<Bytes> {
        self.encoded.fetch_add(1, Ordering::Relaxed); // nothing else is read because of it
        spawn_blocking(make).await.ok()?.ok()
    }
}

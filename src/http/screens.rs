//! One screen a camera: its newest frame as a JPEG file, made at most once for all who ask and only if anybody does.

use std::{
    ptr,
    sync::{Arc, Weak},
};

use bytes::Bytes;
use tokio::sync::Mutex;

use super::{
    Sight,
    encoder::Encoder,
    jpeg::{self, Unshowable},
};
use crate::{frame::PixelFormat, hub::latest_frame::Annotated, message::Rect, sync};

/// The screens of all cameras.
#[derive(Debug, Default)]
pub(super) struct Screens {
    // The list is replaced, never changed: who has taken it sees by the pointer whether it is still the same.
    list: sync::Mutex<Arc<[Arc<Screen>]>>,
    pub(super) encoder: Arc<Encoder>,
}

/// A camera's screen.
#[derive(Debug)]
pub(super) struct Screen {
    pub(super) sight: Sight,
    plain: Mutex<Made>,
    boxed: Mutex<Made>,
    pub(super) encoder: Arc<Encoder>,
}

/// The JPEG file that was made last, if one could be, and of which frame. That is not held: a raw frame is large, and its
/// buffer is lent.
#[derive(Debug, Default)]
struct Made {
    of: Weak<Annotated>,
    jpeg: Option<Bytes>,
}

/// A frame and its JPEG file.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub(super) shown: Arc<Annotated>,
    /// `None` if none can be made of it.
    pub(super) jpeg: Option<Bytes>,
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
        let screen = |sight| {
            let (plain, boxed) = Default::default();
            Screen { sight, plain, boxed, encoder: self.encoder.clone() }
        };
        *self.list.lock() = sights.into_iter().map(|sight| Arc::new(screen(sight))).collect();
    }

    /// All of them, in the order of the configuration.
    pub(super) fn all(&self) -> Arc<[Arc<Screen>]> {
        self.list.lock().clone()
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

    /// The newest frame's view; `None` before the first frame.
    pub(super) async fn newest(&self) -> Option<View> {
        let shown = self.sight.pane.newest()?;
        if shown.frame.format() == PixelFormat::Jpeg {
            return Some(View { jpeg: Some(shown.frame.bytes().clone()), shown });
        }
        drop(shown); // nothing is held while waiting
        self.view(&self.plain, |shown| jpeg::of(&shown.frame)).await
    }

    /// The newest frame's view with its boxes drawn into it, likewise.
    pub(super) async fn newest_with_boxes(&self) -> Option<View> {
        let with_boxes = |shown: &Annotated| {
            let boxes: &[Rect] = shown.motion.as_ref().map_or(&[], |motion| &motion.boxes);
            jpeg::with_boxes(&shown.frame, boxes)
        };
        self.view(&self.boxed, with_boxes).await
    }

    /// The newest frame's view as it was made last, or is made now.
    async fn view(&self, made: &Mutex<Made>, make: fn(&Annotated) -> Result<Bytes, Unshowable>) -> Option<View> {
        // Who waits here gets what was made meanwhile, or makes the frame that is newest then.
        let mut made = made.lock().await;
        let shown = self.sight.pane.newest()?;
        if made.is_of(&shown) {
            return Some(View { shown, jpeg: made.jpeg.clone() });
        }
        drop(shown);
        let turn = self.encoder.turn().await;
        let shown = self.sight.pane.newest()?;
        self.encoder.count_frame();
        let of = shown.clone();
        let jpeg = turn.make(move || make(&of)).await?.ok();
        *made = Made { of: Arc::downgrade(&shown), jpeg: jpeg.clone() };
        Some(View { shown, jpeg })
    }
}

impl Made {
    fn is_of(&self, shown: &Arc<Annotated>) -> bool {
        ptr::eq(self.of.as_ptr(), Arc::as_ptr(shown))
    }
}

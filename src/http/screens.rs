//! One screen a camera: its newest frame as a JPEG file, made at most once for all viewers and only while there are any.

use std::sync::{Arc, Weak};

use bytes::Bytes;
use tokio::{sync::Mutex, task::spawn_blocking};

use super::{Sight, jpeg};
use crate::{
    frame::PixelFormat,
    output::{message::Rect, pane::Shown},
};

/// A camera's screen.
#[derive(Debug)]
pub(super) struct Screen {
    pub(super) sight: Sight,
    /// The JPEG that was made last, and of which frame. That is not held: a raw frame is large, and its buffer is lent.
    made: Mutex<(Weak<Shown>, Bytes)>,
}

/// A frame and its JPEG file.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub(super) shown: Arc<Shown>,
    pub(super) jpeg: Bytes,
}

impl Screen {
    pub(super) fn new(sight: Sight) -> Self {
        Self { sight, made: Mutex::default() }
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
            let jpeg = spawn_blocking(move || jpeg::of(&of.frame)).await.ok()?.ok()?;
            *made = (Arc::downgrade(&shown), jpeg);
        }
        Some(View { jpeg: made.1.clone(), shown })
    }
}

impl View {
    /// The same with the frame's boxes drawn into it.
    pub(super) async fn with_boxes(self) -> Option<Self> {
        let Self { shown, .. } = self;
        let of = shown.clone();
        let boxes = move || {
            let boxes: &[Rect] = of.motion.as_ref().map_or(&[], |motion| &motion.boxes);
            jpeg::with_boxes(&of.frame, boxes)
        };
        let jpeg = spawn_blocking(boxes).await.ok()?.ok()?;
        Some(Self { shown, jpeg })
    }
}

//! A pane: where the newest frame of one camera that was looked at stands, for those who want to see it too.
//!
//! The processor never waits for a viewer. It leaves a frame out rather than wait for one who is just taking hold of
//! the one before.

use std::sync::Arc;

use crate::message::Motion;
use crate::{frame::Frame, sync::Mutex};

/// The newest frame of one camera that was looked at.
#[derive(Debug, Default)]
pub struct LatestFrame(Mutex<Option<Arc<Annotated>>>);

/// A frame and what was seen in it. Held, it holds the frame's buffer: whoever keeps it for long copies the bytes.
#[derive(Debug)]
pub struct Annotated {
    /// The frame.
    pub frame: Frame,
    /// What the motion stage says of it, if the camera has it.
    pub motion: Option<Motion>,
}

impl LatestFrame {
    /// Puts a frame in the place of the one before. Never waits.
    pub fn show(&self, frame: &Frame, motion: Option<&Motion>) {
        let shown = Arc::new(Annotated { frame: frame.clone(), motion: motion.cloned() });
        let before = self.0.try_lock().map(|mut pane| pane.replace(shown));
        drop(before); // outside the lock: it may be the last handle of its frame
    }

    /// The newest frame, if there was any.
    #[must_use]
    pub fn newest(&self) -> Option<Arc<Annotated>> {
        self.0.lock().clone()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::{
        frame::{Camera, CapturedBy, Origin, PixelFormat, Size},
        system::clock::Monotonic,
    };

    fn frame(seq: u64) -> Frame {
        let (captured_at, captured_by) = (Monotonic::now(), CapturedBy::Arrival);
        let origin = Origin { camera: Camera::new(0, "door"), seq, captured_at, captured_by };
        Frame::raw(origin, PixelFormat::Grey, Size { width_px: 1, height_px: 1 }, 0, Bytes::from_static(b"x")).unwrap()
    }

    #[test]
    fn the_newest_is_shown_and_nobody_is_waited_for() {
        let pane = LatestFrame::default();
        assert!(pane.newest().is_none());
        pane.show(&frame(1), None);
        let held = pane.0.lock(); // a viewer that was interrupted while it took hold of a frame
        pane.show(&frame(2), None);
        drop(held);
        assert_eq!(pane.newest().unwrap().frame.seq(), 1, "the second is left out");
        pane.show(&frame(3), None);
        assert_eq!(pane.newest().unwrap().frame.seq(), 3);
    }
}

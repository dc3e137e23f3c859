//! The newest frame of one camera that was looked at, for those who want to see it too.
//!
//! A pointer, exchanged: neither the processor nor a viewer ever waits for the other.
//!
//! This is the one place where pictures go from the processor to those who show, keep and send them. Nobody gets the frame
//! out of it: only facts about it, and JPEG files that have the camera's masks as they are at that moment.

use std::sync::{Arc, Weak};

use arc_swap::{ArcSwap, ArcSwapOption};
use bytes::Bytes;

use super::jpeg::{self, EncodeError};
use crate::{
    config::mask::Mask,
    frame::{Frame, Origin, PixelFormat, Size},
    message::{Detection, Rect},
    moving_mask::Covers,
    privacy_mask::PrivacyMask,
};

/// The newest frame of one camera that was looked at.
#[derive(Debug, Default)]
pub struct LatestFrame {
    newest: ArcSwapOption<Stored>,
    mask: ArcSwapOption<PrivacyMask>,
}

/// A frame and what was found in it.
#[derive(Debug)]
struct Stored {
    frame: Frame,
    detections: Arc<[Detection]>,
    /// What masks that move cover of it, if that is known.
    covers: Option<Arc<Covers>>,
}

/// A frame, what was found in it, and what of it nobody gets to see. Held, it holds the frame's buffer: whoever keeps it for
/// long keeps a JPEG file instead.
#[derive(Clone, Debug)]
pub struct Annotated {
    stored: Arc<Stored>,
    mask: Option<Arc<PrivacyMask>>,
}

/// Tells a frame, and how it is masked, from another one without holding it.
#[derive(Clone, Debug, Default)]
pub struct FrameId {
    stored: Weak<Stored>,
    mask: Option<Weak<PrivacyMask>>,
}

/// Those of all cameras, by name.
#[derive(Debug, Default)]
pub struct LatestFrames(ArcSwap<Vec<(String, Arc<LatestFrame>)>>);

impl LatestFrame {
    /// Puts a frame in the place of the one before. Never waits.
    pub fn store(&self, frame: &Frame, detections: &Arc<[Detection]>, covers: Option<Arc<Covers>>) {
        let (frame, detections) = (frame.clone(), detections.clone());
        self.newest.store(Some(Arc::new(Stored { frame, detections, covers })));
    }

    /// What nobody gets to see from now on, of the frame that is there, too.
    pub fn set_masks(&self, masks: &[Mask]) {
        self.mask.store(PrivacyMask::new(masks).map(Arc::new));
    }

    /// The newest frame, if there was any.
    #[must_use]
    pub fn newest(&self) -> Option<Annotated> {
        let stored = self.newest.load_full()?;
        Some(Annotated { stored, mask: self.mask.load_full() })
    }
}

impl Annotated {
    /// Columns and rows.
    #[must_use]
    pub fn size(&self) -> Size {
        self.stored.frame.size()
    }

    /// Who the frame is from, and when it was captured.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.stored.frame.origin()
    }

    /// Where something was found.
    pub fn boxes(&self) -> impl Iterator<Item = Rect> {
        self.stored.detections.iter().map(|detection| detection.bounds)
    }

    /// What of it nobody gets to see.
    #[must_use]
    pub fn masks(&self) -> &[Mask] {
        self.mask.as_ref().map_or(&[], |mask| mask.masks())
    }

    /// The JPEG file that the camera sent, if it can be shown as it is: it costs nothing then.
    #[must_use]
    pub fn as_received(&self) -> Option<&Bytes> {
        let frame = &self.stored.frame;
        (frame.format() == PixelFormat::Jpeg && self.mask.is_none()).then(|| frame.bytes())
    }

    /// It as a JPEG file. Takes milliseconds, unless it is [`as_received`](Self::as_received).
    ///
    /// # Errors
    /// If it cannot be decoded, masked or encoded.
    pub fn to_jpeg(&self) -> Result<Bytes, EncodeError> {
        let moved = self.moved_mask();
        jpeg::encode_frame(&self.stored.frame, moved.as_ref().or(self.mask.as_deref()))
    }

    /// It as a JPEG file with boxes around what was found. Takes milliseconds.
    ///
    /// # Errors
    /// If it cannot be decoded or encoded.
    pub fn to_jpeg_with_boxes(&self) -> Result<Bytes, EncodeError> {
        let (boxes, moved) = (self.boxes().collect::<Vec<_>>(), self.moved_mask());
        jpeg::encode_frame_with_boxes(&self.stored.frame, moved.as_ref().or(self.mask.as_deref()), &boxes)
    }

    /// The masks as they are in this frame, if some move.
    fn moved_mask(&self) -> Option<PrivacyMask> {
        self.mask.as_ref()?.in_frame(self.stored.covers.as_deref(), self.size())
    }

    /// What tells it from others.
    #[must_use]
    pub fn id(&self) -> FrameId {
        FrameId { stored: Arc::downgrade(&self.stored), mask: self.mask.as_ref().map(Arc::downgrade) }
    }
}

impl FrameId {
    /// Whether it is this frame, masked alike.
    #[must_use]
    pub fn is_of(&self, annotated: &Annotated) -> bool {
        let Self { stored, mask } = annotated.id();
        let is_masked_alike = match (&self.mask, &mask) {
            (Some(mask), Some(other)) => mask.ptr_eq(other),
            (None, None) => true,
            _ => false,
        };
        self.stored.ptr_eq(&stored) && is_masked_alike
    }
}

impl LatestFrames {
    /// Makes these the cameras.
    pub fn set(&self, cameras: Vec<(String, Arc<LatestFrame>)>) {
        self.0.store(Arc::new(cameras));
    }

    /// That of the camera called `name`.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<Arc<LatestFrame>> {
        self.0.load().iter().find(|(one, _)| one == name).map(|(_, latest)| latest.clone())
    }
}

//! The newest frame of each camera as a JPEG file, encoded at most once for all viewers and only when one asks.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Mutex;

use super::{camera_view::CameraView, encoder::Encoder};
use crate::{
    picture::{
        jpeg::EncodeError,
        latest_frame::{Annotated, FrameId},
    },
    sync,
};

/// The JPEG files of all cameras.
#[derive(Debug, Default)]
pub(super) struct JpegCache {
    // The list is replaced, never changed: the pointer tells a holder whether its list is still the current one.
    cameras: sync::Mutex<Arc<[Arc<CameraJpeg>]>>,
    pub(super) encoder: Arc<Encoder>,
}

/// A camera and the JPEG files of its newest frame.
#[derive(Debug)]
pub(super) struct CameraJpeg {
    pub(super) view: CameraView,
    plain: Mutex<Cached>,
    overlay: Mutex<Cached>,
    pub(super) encoder: Arc<Encoder>,
}

/// The JPEG file that was encoded last, and the frame that it shows. The frame is not held: a raw frame is large, and its
/// buffer is lent.
#[derive(Debug, Default)]
struct Cached {
    frame: FrameId,
    /// `None` if that frame cannot be encoded.
    jpeg: Option<Bytes>,
}

/// A frame and its JPEG file.
#[derive(Clone, Debug)]
pub(super) struct EncodedFrame {
    pub(super) annotated: Annotated,
    /// `None` if the frame cannot be encoded.
    pub(super) jpeg: Option<Bytes>,
}

impl JpegCache {
    /// An empty cache for these cameras.
    pub(super) fn new(cameras: Vec<CameraView>) -> Self {
        let cache = Self::default();
        cache.set_cameras(cameras);
        cache
    }

    /// Replaces all cameras.
    pub(super) fn set_cameras(&self, cameras: Vec<CameraView>) {
        let camera = |view| {
            let encoder = self.encoder.clone();
            Arc::new(CameraJpeg { view, plain: Mutex::default(), overlay: Mutex::default(), encoder })
        };
        *self.cameras.lock() = cameras.into_iter().map(camera).collect();
    }

    /// All cameras, in the order of the configuration.
    pub(super) fn cameras(&self) -> Arc<[Arc<CameraJpeg>]> {
        self.cameras.lock().clone()
    }

    /// The camera called `name`.
    pub(super) fn find(&self, name: &str) -> Option<Arc<CameraJpeg>> {
        self.cameras().iter().find(|camera| camera.name() == name).cloned()
    }
}

impl CameraJpeg {
    /// The camera's name.
    pub(super) fn name(&self) -> &str {
        &self.view.settings.name
    }

    /// The newest frame and its JPEG file; `None` before the first frame.
    pub(super) async fn newest(&self) -> Option<EncodedFrame> {
        let annotated = self.view.latest_frame.newest()?;
        if let Some(jpeg) = annotated.as_received().cloned() {
            return Some(EncodedFrame { jpeg: Some(jpeg), annotated });
        }
        drop(annotated); // nothing is held while waiting
        self.encode_once(&self.plain, Annotated::to_jpeg).await
    }

    /// The newest frame and a JPEG file of it with its boxes drawn; `None` before the first frame.
    pub(super) async fn newest_with_overlay(&self) -> Option<EncodedFrame> {
        self.encode_once(&self.overlay, Annotated::to_jpeg_with_boxes).await
    }

    /// The newest frame from the cache, or encoded now.
    async fn encode_once(
        &self,
        cache: &Mutex<Cached>,
        encode: fn(&Annotated) -> Result<Bytes, EncodeError>,
    ) -> Option<EncodedFrame> {
        // Whoever waits here finds what was encoded meanwhile, or encodes the frame that is newest by then.
        let mut cached = cache.lock().await;
        let annotated = self.view.latest_frame.newest()?;
        if cached.frame.is_of(&annotated) {
            return Some(EncodedFrame { annotated, jpeg: cached.jpeg.clone() });
        }
        drop(annotated);
        let permit = self.encoder.acquire().await;
        let annotated = self.view.latest_frame.newest()?;
        self.encoder.count_frame();
        let to_encode = annotated.clone();
        let jpeg = permit.run(move || encode(&to_encode)).await?.ok();
        *cached = Cached { frame: annotated.id(), jpeg: jpeg.clone() };
        Some(EncodedFrame { annotated, jpeg })
    }
}

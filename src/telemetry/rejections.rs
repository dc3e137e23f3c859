//! Frames that are not looked at: counted by cause, answered to their sender, told at most once a second.

use std::{collections::BTreeMap, sync::Arc};

use log::warn;
use strum::{IntoStaticStr, VariantNames};

use crate::{
    frame::{Camera, RawError, Size},
    hub::{Hub, Topic},
    message::{Message, Refused},
    sync::Mutex,
    telemetry::log_limiter::LogLimiter,
    wire::WireError,
};

/// Why a frame is not looked at. It costs only itself. Counted by the variant's name.
#[derive(Debug, IntoStaticStr, VariantNames, thiserror::Error)]
#[strum(serialize_all = "snake_case")]
pub enum RejectReason {
    /// Neither JPEG nor PNG by its first bytes.
    #[error("not a JPEG or PNG picture: it begins with \"{}\"", .0.escape_ascii())]
    NotAPicture(Vec<u8>),
    /// The `fovea.v1` header is wrong.
    #[error(transparent)]
    BadHeader(#[from] WireError),
    /// A raw picture that cannot be one.
    #[error(transparent)]
    BadRawPicture(#[from] RawError),
    /// A text that begins as a data URL and does not go on as one.
    #[error("the data URL is broken: {0}")]
    BadDataUrl(&'static str),
    /// More pixels than `server.max_pixels`.
    #[error("{size} is more than the {limit} pixels that server.max_pixels allows")]
    TooManyPixels {
        /// The picture's.
        size: Size,
        /// The limit.
        limit: u64,
    },
    /// The driver of a camera says so.
    #[error("the driver says that the frame is broken")]
    Broken,
    /// A camera's frame without anything in it, as some send when they start.
    #[error("the frame is empty")]
    Empty,
    /// The decoder is not content with it, be it only with a warning.
    #[error("the picture is damaged: {0}")]
    Damaged(String),
    /// A picture of a kind that is not decoded.
    #[error("{0}")]
    Unsupported(&'static str),
    /// A stage failed on it.
    #[error("{stage} failed: {error}")]
    StageFailed {
        /// Which.
        stage: &'static str,
        /// What OpenCV says.
        error: String,
    },
}

impl RejectReason {
    /// Every cause there is.
    pub const CAUSES: &[&str] = Self::VARIANTS;

    /// The cause as counted, one of [`CAUSES`](Self::CAUSES).
    #[must_use]
    pub fn cause(&self) -> &'static str {
        self.into()
    }
}

/// All refusals of one camera.
#[derive(Debug)]
pub struct Rejections {
    camera: Camera,
    hub: Arc<Hub>,
    counts: Mutex<BTreeMap<&'static str, u64>>,
    limiter: LogLimiter,
}

impl Rejections {
    /// None so far.
    #[must_use]
    pub fn new(camera: Camera, hub: Arc<Hub>) -> Self {
        Self { camera, hub, counts: Mutex::default(), limiter: LogLimiter::default() }
    }

    /// Counts the refusal of frame `seq`, answers it, and tells it unless one was told a moment ago.
    pub fn note(&self, seq: u64, refusal: &RejectReason) {
        *self.counts.lock().entry(refusal.cause()).or_default() += 1;
        let camera = self.camera.name();
        self.hub.send(&self.camera, Topic::Refused, || {
            Message::Refused(Refused { camera: camera.into(), seq, cause: refusal.to_string() })
        });
        if let Some(suppressed) = self.limiter.check() {
            warn!(CAMERA = camera, CAUSE = refusal.cause(); "{camera}: frame {seq} refused: {refusal}{suppressed}");
        }
    }

    /// How many there were of each cause.
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.counts.lock().clone()
    }
}

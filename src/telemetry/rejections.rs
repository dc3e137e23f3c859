//! Frames that are refused: counted by reason, logged at most once a second.

use std::{
    array,
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
};

use log::warn;
use strum::{IntoStaticStr, VariantNames};

use crate::{
    frame::{Camera, RawError, Size},
    telemetry::log_limiter::LogLimiter,
    wire::WireError,
};

/// Why a frame is refused. Only this frame is lost. Counted by the variant's name.
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
    /// A side longer than `server.max_side_px`.
    #[error("{size} has a side of more than the {limit_px} pixels that server.max_side_px allows")]
    SideTooLong {
        /// The picture's.
        size: Size,
        /// The limit.
        limit_px: u32,
    },
    /// The driver of a camera says so.
    #[error("the driver says that the frame is broken")]
    Broken,
    /// A camera's frame without anything in it, as some send when they start.
    #[error("the frame is empty")]
    Empty,
    /// The decoder reports an error or a warning.
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
    /// The names of all reasons.
    pub const NAMES: &[&str] = Self::VARIANTS;

    /// The reason's name, one of [`NAMES`](Self::NAMES).
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.into()
    }
}

/// All rejections of one camera.
#[derive(Debug)]
pub struct Rejections {
    camera: Camera,
    /// In the order of [`RejectReason::NAMES`].
    counts: [AtomicU64; RejectReason::NAMES.len()],
    limiter: LogLimiter,
}

impl Rejections {
    /// None so far.
    #[must_use]
    pub fn new(camera: Camera) -> Self {
        Self { camera, counts: array::from_fn(|_| AtomicU64::new(0)), limiter: LogLimiter::default() }
    }

    /// Counts the rejection of frame `seq`, and logs it unless one was logged a moment ago.
    pub fn record(&self, seq: u64, reason: &RejectReason) {
        let numbers = RejectReason::NAMES.iter().zip(&self.counts);
        if let Some((_, count)) = numbers.into_iter().find(|(name, _)| **name == reason.name()) {
            count.fetch_add(1, Ordering::Relaxed); // read by itself
        }
        let camera = self.camera.name();
        if let Some(suppressed) = self.limiter.check() {
            warn!(CAMERA = camera, CAUSE = reason.name(); "{camera}: frame {seq} refused: {reason}{suppressed}");
        }
    }

    /// How many there were of each reason that came up.
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        let counts = self.counts.iter().map(|count| count.load(Ordering::Relaxed)); // each by itself
        RejectReason::NAMES.iter().copied().zip(counts).filter(|(_, count)| *count > 0).collect()
    }
}

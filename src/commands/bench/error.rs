//! Why a measurement has no answer.

use std::io;

use crate::{frame::Size, stage, system::cores::CoresError};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// A stage that does not exist.
    #[error("there is no stage {0:?}; stages are {stages}", stages = stage::NAMES.join(", "))]
    NoStage(String),
    /// A size that the daemon would refuse.
    #[error(
        "frames of {}x{} are larger than this daemon accepts: server.max_pixels = {max_pixels}, server.max_side_px = \
         {max_side_px}", size.width_px, size.height_px
    )]
    TooLarge {
        /// As asked for.
        size: Size,
        /// The limit of all pixels.
        max_pixels: u64,
        /// The limit of a side.
        max_side_px: u32,
    },
    /// The daemon refuses the frames.
    #[error("the daemon refuses these frames: {0}")]
    Refused(String),
    /// The core is kept for others.
    #[error(
        "this shell may not use the processor's core; to measure there: sudo systemd-run --slice=fovea.slice --pty fovea bench"
    )]
    ReservedCore(#[source] CoresError),
    /// There is no folder for the answer.
    #[error("there is no folder to save the answer in; set XDG_STATE_HOME")]
    NoFolder,
    /// It cannot be written there.
    #[error("cannot save the answer; run this as root, or leave --save out")]
    NotSaved(#[source] io::Error),
}

//! The size and rate of the clip and of everything that is composed.

use fovea::frame::Size;

pub(crate) const SIZE: Size = Size { width_px: 768, height_px: 576 };

/// Frames per second.
pub(crate) const RATE_HZ: u32 = 10;

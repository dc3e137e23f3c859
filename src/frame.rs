//! A frame: one picture as received, and what is known about it. Plain data, immutable.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::system::clock::Monotonic;

/// A named stream of frames (`door`, `yard`), and its place among the configured ones.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Camera {
    index: usize,
    name: Arc<str>,
}

impl Camera {
    /// The camera called `name`, the `index`-th of the configuration, counted from 0.
    #[must_use]
    pub fn new(index: usize, name: &str) -> Self {
        Self { index, name: name.into() }
    }

    /// Its place in the configuration and its cell in the slot, counted from 0.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Debug for Camera {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// A picture's size in pixels, columns and rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Columns.
    pub width_px: u32,
    /// Rows.
    pub height_px: u32,
}

impl Size {
    /// Columns times rows.
    #[must_use]
    pub fn pixels(self) -> u64 {
        u64::from(self.width_px) * u64::from(self.height_px)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width_px, self.height_px)
    }
}

/// How a frame's bytes spell its pixels. Names and layouts are V4L2's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PixelFormat {
    /// A JPEG file.
    Jpeg,
    /// A PNG file.
    Png,
    /// 8-bit luma: `height` rows of `width` bytes.
    Grey,
    /// Packed 4:2:2: rows of `Y0 U Y1 V` for each two pixels; even widths only.
    Yuyv,
    /// 4:2:0 in two planes: `height` rows of luma, then `height / 2` rows of `U V` pairs; even sizes only.
    Nv12,
    /// Three bytes a pixel: blue, green, red.
    Bgr24,
    /// Three bytes a pixel: red, green, blue.
    Rgb24,
}

impl PixelFormat {
    /// Bytes in a row without padding, or `None` for a compressed format.
    #[must_use]
    pub fn row_bytes(self, width_px: u32) -> Option<usize> {
        let width = width_px as usize;
        match self {
            Self::Jpeg | Self::Png => None,
            Self::Grey | Self::Nv12 => Some(width),
            Self::Yuyv => width.checked_mul(2),
            Self::Bgr24 | Self::Rgb24 => width.checked_mul(3),
        }
    }

    /// Rows of bytes that a picture of `height_px` rows has, all planes counted.
    fn rows(self, height_px: u32) -> usize {
        let height = height_px as usize;
        if self == Self::Nv12 { height + height / 2 } else { height }
    }
}

/// Which clock a frame's `captured_at` was read from; spelled in results as it is here, in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CapturedBy {
    /// Ours, when the frame's last byte arrived: ages leave out the way to us.
    Arrival,
    /// The driver's of a camera at this machine: ages are whole.
    Driver,
    /// The sender's, mapped to ours through the offset measured on its connection: ages are whole.
    Sender,
}

/// One picture as received, before decoding.
///
/// For a raw format `bytes` holds the rows of [`PixelFormat`], top row first, each `stride_bytes` long: the
/// pixels and maybe padding. The constructors checked that all rows are there. Cloning shares the bytes; when
/// the last clone is dropped they go back to whoever lent them.
#[derive(Clone)]
pub struct Frame {
    camera: Camera,
    seq: u64,
    format: PixelFormat,
    size: Size,
    stride_bytes: usize,
    captured_at: Monotonic,
    captured_by: CapturedBy,
    bytes: Bytes,
}

/// Who a frame is from and when it was captured: all of a frame but its picture.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The camera it is from.
    pub camera: Camera,
    /// Its number as its source counts, from 1 on.
    pub seq: u64,
    /// When it was captured, as well as that is known.
    pub captured_at: Monotonic,
    /// Where `captured_at` comes from.
    pub captured_by: CapturedBy,
}

/// Why bytes cannot be the raw picture they are said to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RawError {
    /// No pixels at all.
    #[error("a picture of {0} has no pixels")]
    Empty(Size),
    /// YUYV and NV12 store colour for pairs of pixels.
    #[error("{0:?} cannot have the odd size {1}")]
    Odd(PixelFormat, Size),
    /// Rows would overlap.
    #[error("a stride of {stride_bytes} bytes is less than a row's {row_bytes}")]
    Stride {
        /// As given.
        stride_bytes: usize,
        /// What the width needs.
        row_bytes: usize,
    },
    /// Too few bytes.
    #[error("{have} bytes of pixels where {need} are needed")]
    Short {
        /// Bytes there.
        have: usize,
        /// Bytes needed.
        need: usize,
    },
}

impl Frame {
    /// A JPEG or PNG file of `size`, which the caller has read from the file's header.
    #[must_use]
    pub fn compressed(origin: Origin, format: PixelFormat, size: Size, bytes: Bytes) -> Self {
        debug_assert!(format.row_bytes(1).is_none(), "{format:?} is raw");
        Self::new(origin, format, size, 0, bytes)
    }

    /// Raw rows; `stride_bytes` 0 means that rows follow each other without padding.
    ///
    /// # Errors
    /// When `bytes` cannot hold such a picture.
    pub fn raw(
        origin: Origin,
        format: PixelFormat,
        size: Size,
        stride_bytes: usize,
        bytes: Bytes,
    ) -> Result<Self, RawError> {
        let row_bytes = format.row_bytes(size.width_px).expect("callers give a raw format");
        if size.pixels() == 0 {
            return Err(RawError::Empty(size));
        }
        let odd = |n: u32| !n.is_multiple_of(2);
        match format {
            PixelFormat::Yuyv if odd(size.width_px) => return Err(RawError::Odd(format, size)),
            PixelFormat::Nv12 if odd(size.width_px) || odd(size.height_px) => return Err(RawError::Odd(format, size)),
            _ => {}
        }
        let stride_bytes = if stride_bytes == 0 { row_bytes } else { stride_bytes };
        if stride_bytes < row_bytes {
            return Err(RawError::Stride { stride_bytes, row_bytes });
        }
        let need = format.rows(size.height_px).saturating_mul(stride_bytes);
        if bytes.len() < need {
            return Err(RawError::Short { have: bytes.len(), need });
        }
        Ok(Self::new(origin, format, size, stride_bytes, bytes))
    }

    fn new(origin: Origin, format: PixelFormat, size: Size, stride_bytes: usize, bytes: Bytes) -> Self {
        let Origin { camera, seq, captured_at, captured_by } = origin;
        Self { camera, seq, format, size, stride_bytes, captured_at, captured_by, bytes }
    }

    /// The camera it is from.
    #[must_use]
    pub fn camera(&self) -> &Camera {
        &self.camera
    }

    /// Its number as its source counts.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// How its bytes spell pixels.
    #[must_use]
    pub fn format(&self) -> PixelFormat {
        self.format
    }

    /// Its full size.
    #[must_use]
    pub fn size(&self) -> Size {
        self.size
    }

    /// Bytes from one row to the next; 0 for a compressed format.
    #[must_use]
    pub fn stride_bytes(&self) -> usize {
        self.stride_bytes
    }

    /// When it was captured.
    #[must_use]
    pub fn captured_at(&self) -> Monotonic {
        self.captured_at
    }

    /// Where `captured_at` comes from.
    #[must_use]
    pub fn captured_by(&self) -> CapturedBy {
        self.captured_by
    }

    /// The picture, as received.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { camera, seq, format, size, bytes, .. } = self;
        write!(f, "{camera:?} #{seq}: {format:?} {size}, {} bytes", bytes.len())
    }
}

//! A frame: one picture as received, and what is known about it. Plain data, immutable.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::system::clock::Monotonic;

/// A named stream of frames (`door`, `yard`).
///
/// Clones are the same camera. Another one of the same name is another camera: it came with a later configuration.
#[derive(Clone)]
pub struct Camera(Arc<str>);

impl Camera {
    /// A new camera called `name`.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl PartialEq for Camera {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Camera {}

impl fmt::Debug for Camera {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
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
    /// 4:2:0 in three planes: `height` rows of luma, then `height / 2` rows of U and as many of V, each half as long as
    /// a row of luma, padding included; even sizes and strides only.
    I420,
    /// Three bytes a pixel: blue, green, red.
    Bgr24,
    /// Three bytes a pixel: red, green, blue.
    Rgb24,
}

impl PixelFormat {
    /// Whether its bytes are rows of pixels, not a file.
    #[must_use]
    pub fn is_raw(self) -> bool {
        !matches!(self, Self::Jpeg | Self::Png)
    }

    /// Bytes in a row without padding: `None` for a compressed format, or if this machine cannot count that far.
    #[must_use]
    pub fn row_bytes(self, width_px: u32) -> Option<usize> {
        let width = width_px as usize;
        match self {
            Self::Jpeg | Self::Png => None,
            Self::Grey | Self::Nv12 | Self::I420 => Some(width),
            Self::Yuyv => width.checked_mul(2),
            Self::Bgr24 | Self::Rgb24 => width.checked_mul(3),
        }
    }

    /// The stride and all bytes of a raw picture; `stride_bytes` 0 means that rows follow each other without padding.
    ///
    /// # Errors
    /// If there is no such picture.
    pub fn raw_bytes(self, size: Size, stride_bytes: usize) -> Result<(usize, usize), RawError> {
        if !self.is_raw() {
            return Err(RawError::NotRaw(self));
        }
        if size.pixels() == 0 {
            return Err(RawError::Empty(size));
        }
        let odd = |n: u32| !n.is_multiple_of(2);
        match self {
            Self::Yuyv if odd(size.width_px) => return Err(RawError::Odd(self, size)),
            Self::Nv12 | Self::I420 if odd(size.width_px) || odd(size.height_px) => {
                return Err(RawError::Odd(self, size));
            }
            _ => {}
        }
        let row_bytes = self.row_bytes(size.width_px).ok_or(RawError::TooLarge(size))?;
        let stride_bytes = if stride_bytes == 0 { row_bytes } else { stride_bytes };
        if stride_bytes < row_bytes {
            return Err(RawError::Stride { stride_bytes, row_bytes });
        }
        if self == Self::I420 && !stride_bytes.is_multiple_of(2) {
            return Err(RawError::OddStride(stride_bytes));
        }
        let need = self.rows(size.height_px).and_then(|rows| rows.checked_mul(stride_bytes));
        Ok((stride_bytes, need.ok_or(RawError::TooLarge(size))?))
    }

    /// Rows of bytes that a picture of `height_px` rows has, all planes counted.
    fn rows(self, height_px: u32) -> Option<usize> {
        let height = height_px as usize;
        match self {
            // Of I420 a row of U and one of V are as long as one of luma.
            Self::Nv12 | Self::I420 => height.checked_add(height / 2),
            _ => Some(height),
        }
    }
}

/// The clock that a frame's `captured_at` was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum CapturedBy {
    /// The server's, when the frame's last byte arrived: ages leave out the time on the network.
    Arrival,
    /// The driver's, of a local camera.
    Driver,
    /// The sender's, mapped to the server's by the offset that is measured on the connection.
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
    /// YUYV, NV12 and I420 store colour for pairs of pixels.
    #[error("{0:?} cannot have the odd size {1}")]
    Odd(PixelFormat, Size),
    /// Rows would overlap.
    #[error("a stride of {stride_bytes} bytes is shorter than a row of {row_bytes}")]
    Stride {
        /// As given.
        stride_bytes: usize,
        /// What the width needs.
        row_bytes: usize,
    },
    /// Rows of colour are half as long as those of luma.
    #[error("I420 cannot have an odd stride of {0} bytes")]
    OddStride(usize),
    /// More bytes than this machine can address.
    #[error("a picture of {0} is larger than this machine can hold")]
    TooLarge(Size),
    /// A file where rows are needed.
    #[error("{0:?} is not a raw format")]
    NotRaw(PixelFormat),
    /// Too few bytes.
    #[error("{have} bytes of pixels, but {need} are needed")]
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
        debug_assert!(!format.is_raw(), "{format:?} is raw");
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
        let (stride_bytes, need) = format.raw_bytes(size, stride_bytes)?;
        if bytes.len() < need {
            return Err(RawError::Short { have: bytes.len(), need });
        }
        Ok(Self::new(origin, format, size, stride_bytes, bytes))
    }

    fn new(origin: Origin, format: PixelFormat, size: Size, stride_bytes: usize, bytes: Bytes) -> Self {
        let Origin { camera, seq, captured_at, captured_by } = origin;
        Self { camera, seq, format, size, stride_bytes, captured_at, captured_by, bytes }
    }

    /// All of it but its picture.
    #[must_use]
    pub fn origin(&self) -> Origin {
        let Self { camera, seq, captured_at, captured_by, .. } = self;
        Origin { camera: camera.clone(), seq: *seq, captured_at: *captured_at, captured_by: *captured_by }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(format: PixelFormat, width_px: u32, height_px: u32, stride_bytes: usize) -> Result<Frame, RawError> {
        let (camera, captured_at) = (Camera::new("door"), Monotonic::from_micros(1));
        let origin = Origin { camera, seq: 1, captured_at, captured_by: CapturedBy::Arrival };
        Frame::raw(origin, format, Size { width_px, height_px }, stride_bytes, Bytes::from_static(&[0; 64]))
    }

    /// Numbers of a header, which anybody can send: where `usize` has 32 bits, products of them do not fit.
    #[test]
    fn sides_that_no_machine_can_hold_are_refused() {
        let most = u32::MAX;
        use PixelFormat::{Bgr24, Grey, I420, Nv12, Rgb24, Yuyv};
        for format in [Grey, Yuyv, Nv12, I420, Bgr24, Rgb24] {
            for (width, height) in
                [(most, 0), (0, most), (most - 1, 2), (2, most - 1), (most - 1, most - 1), (most, most)]
            {
                for stride in [0, 1, most as usize, usize::MAX] {
                    assert!(
                        raw(format, width, height, stride).is_err(),
                        "{format:?} {width}x{height}, stride {stride}"
                    );
                }
            }
        }
        let empty = Size { width_px: most, height_px: 0 };
        assert_eq!(raw(PixelFormat::Yuyv, most, 0, 0).map(drop), Err(RawError::Empty(empty)));
    }

    #[test]
    fn a_file_is_no_raw_picture() {
        assert_eq!(raw(PixelFormat::Jpeg, 2, 2, 0).map(drop), Err(RawError::NotRaw(PixelFormat::Jpeg)));
    }
}

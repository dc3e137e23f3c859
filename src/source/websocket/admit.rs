//! Admission: a client's message becomes a frame, or is refused. Pure, and nothing here decodes a pixel.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;

use crate::{
    frame::{Frame, Origin, PixelFormat, Size},
    source::{buffers::Pool, image_header},
    telemetry::rejections::RejectReason,
    wire::Header,
};

/// How a text message begins that is a picture.
const DATA_URL: &str = "data:";

/// How large a picture may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct PictureLimits {
    /// Columns times rows.
    pub(super) max_pixels: u64,
    /// Columns or rows, whichever are more.
    pub(super) max_side_px: u32,
}

impl PictureLimits {
    fn check(self, size: Size) -> Result<(), RejectReason> {
        let Self { max_pixels, max_side_px } = self;
        if size.pixels() > max_pixels {
            return Err(RejectReason::TooManyPixels { size, limit: max_pixels });
        }
        if size.width_px.max(size.height_px) > max_side_px {
            return Err(RejectReason::SideTooLong { size, limit_px: max_side_px });
        }
        Ok(())
    }
}

/// A picture out of a message, and what its sender said of it.
#[derive(Debug, PartialEq)]
pub(super) struct Picture {
    format: PixelFormat,
    size: Size,
    stride_bytes: usize,
    bytes: Bytes,
}

/// The JPEG or PNG in a bare binary message.
///
/// # Errors
/// When it is neither, or too large.
pub(super) fn bare(bytes: Bytes, limits: PictureLimits) -> Result<Picture, RejectReason> {
    let (format, size) = image_header::read(&bytes)?;
    limits.check(size)?;
    Ok(Picture { format, size, stride_bytes: 0, bytes })
}

/// The picture behind a `fovea.v1` header.
///
/// # Errors
/// When it is not what the header says, or too large. Whether the rows are all there is for [`Picture::into_frame`].
pub(super) fn headed(header: &Header, bytes: Bytes, limits: PictureLimits) -> Result<Picture, RejectReason> {
    let format = header.format;
    if !format.is_raw() {
        let picture = bare(bytes, limits)?;
        return if picture.format == format {
            Ok(picture)
        } else {
            Err(RejectReason::Unsupported("the header and the picture disagree: one says JPEG, the other PNG"))
        };
    }
    let size = Size { width_px: header.width_px, height_px: header.height_px };
    limits.check(size)?;
    Ok(Picture { format, size, stride_bytes: header.stride_bytes as usize, bytes })
}

/// Whether a text message is meant to be a picture.
pub(super) fn is_data_url(text: &str) -> bool {
    text.starts_with(DATA_URL)
}

/// The file in a `data:image/...;base64,` URL, decoded into a buffer of the pool.
///
/// # Errors
/// When it is not such a URL.
pub(super) fn data_url(text: &str, pool: &Pool) -> Result<Bytes, RejectReason> {
    let (kind, data) = text.split_once(',').ok_or(RejectReason::BadDataUrl("there is no comma before the data"))?;
    if !kind.starts_with("data:image/") || !kind.ends_with(";base64") {
        return Err(RejectReason::BadDataUrl("it must begin with data:image/jpeg;base64, or data:image/png;base64,"));
    }
    let mut buffer = pool.buffer();
    let room = base64::decoded_len_estimate(data.len());
    buffer.reserve(room);
    let count = STANDARD
        .decode_slice(data.trim_ascii_end(), buffer.spare_mut(room)) // websocat sends the line with its end
        .map_err(|_| RejectReason::BadDataUrl("the data after the comma is not base64"))?;
    buffer.advance(count);
    Ok(buffer.freeze())
}

impl Picture {
    /// The frame.
    ///
    /// # Errors
    /// When a raw picture's rows are not all there.
    pub(super) fn into_frame(self, origin: Origin) -> Result<Frame, RejectReason> {
        let Self { format, size, stride_bytes, bytes } = self;
        match format {
            PixelFormat::Jpeg | PixelFormat::Png => Ok(Frame::compressed(origin, format, size, bytes)),
            _ => Ok(Frame::raw(origin, format, size, stride_bytes, bytes)?),
        }
    }
}

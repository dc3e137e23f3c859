//! Admission: what a driver hands over becomes a frame, or is refused. Pure, and nothing here decodes a pixel.

use bytes::Bytes;

use crate::{
    frame::{Frame, Origin, PixelFormat, Size},
    output::refusals::Refusal,
    source::{picture_head, v4l2::device::Layout},
};

/// The frame in `bytes`.
pub(super) fn frame(origin: Origin, format: PixelFormat, layout: &Layout, bytes: Bytes) -> Result<Frame, Refusal> {
    if bytes.is_empty() {
        return Err(Refusal::Empty);
    }
    let agreed = layout.choice.size;
    if format != PixelFormat::Jpeg {
        return Ok(Frame::raw(origin, format, agreed, layout.strides[0], bytes)?);
    }
    match picture_head::read(&bytes)? {
        (PixelFormat::Jpeg, size) if is_about(size, agreed) => Ok(Frame::compressed(origin, format, size, bytes)),
        (PixelFormat::Jpeg, size) => Err(Refusal::Damaged(format!("it says {size}, and {agreed} was agreed on"))),
        _ => Err(Refusal::Damaged("it is PNG, and JPEG was agreed on".into())),
    }
}

/// Whether a JPEG's size is the agreed one. Encoders without a notion of half blocks say the next whole one.
fn is_about(size: Size, agreed: Size) -> bool {
    let fits = |found: u32, agreed: u32| (agreed..=agreed.next_multiple_of(16)).contains(&found);
    fits(size.width_px, agreed.width_px) && fits(size.height_px, agreed.height_px)
}

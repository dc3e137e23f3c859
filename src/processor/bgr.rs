//! A frame's pixels at full size, for pictures that people look at.

use opencv::prelude::*;

use super::views::{FULL_PX, Needs, Scratch, Views};
use crate::{
    frame::{Frame, PixelFormat},
    privacy_mask::PrivacyMask,
    telemetry::rejections::RejectReason,
};

/// The frame's pixels, those in a mask painted: rows x columns x 3 channels of 8 bits (blue, green, red), full size, no padding, top row first.
///
/// It takes milliseconds and allocates what it needs. YUYV, NV12 and I420 are read with the value range of JPEG, so the pixels
/// look like the same frame in a JPEG file that its values were copied into.
///
/// # Errors
/// When the frame cannot be decoded.
pub fn bgr(frame: &Frame, mask: Option<&PrivacyMask>) -> Result<Vec<u8>, RejectReason> {
    let in_video_range = with_video_range(frame)?;
    let frame = in_video_range.as_ref().unwrap_or(frame);
    let mut scratch = Scratch::new().map_err(|error| RejectReason::Damaged(error.to_string()))?;
    let views = Views::decode_masked(frame, Needs::bgr(FULL_PX), mask, &mut scratch)?;
    let failed = |error: opencv::Error| RejectReason::StageFailed { stage: "picture", error: error.message };
    let Some(views) = views else { return Err(RejectReason::Empty) }; // colour is needed, so there are some
    let pixels = views.bgr(FULL_PX).map_err(failed)?;
    let bytes = if pixels.is_continuous() {
        pixels.data_bytes().map(<[u8]>::to_vec)
    } else {
        pixels.try_clone().and_then(|copy| copy.data_bytes().map(<[u8]>::to_vec)) // a copy has no padding
    };
    bytes.map_err(failed)
}

/// A copy of a YUYV, NV12 or I420 frame whose values are moved from the range of JPEG (0 to 255) to that of video (16 to 235,
/// colours to 240), which OpenCV expects of these formats. `None` for other formats.
fn with_video_range(frame: &Frame) -> Result<Option<Frame>, RejectReason> {
    let mut bytes = match frame.format() {
        PixelFormat::Yuyv | PixelFormat::Nv12 | PixelFormat::I420 => frame.bytes().to_vec(),
        _ => return Ok(None),
    };
    let (size, stride_bytes) = (frame.size(), frame.stride_bytes());
    if frame.format() == PixelFormat::Yuyv {
        for row in bytes.chunks_mut(stride_bytes) {
            for [luma, colour] in row.as_chunks_mut().0 {
                (*luma, *colour) = (luma_in_video_range(*luma), colour_in_video_range(*colour));
            }
        }
    } else {
        // A frame has all rows of its planes, so the product is at most the number of its bytes.
        let (luma, colour) = bytes.split_at_mut(stride_bytes * size.height_px as usize);
        luma.iter_mut().for_each(|value| *value = luma_in_video_range(*value));
        colour.iter_mut().for_each(|value| *value = colour_in_video_range(*value));
    }
    Ok(Some(Frame::raw(frame.origin(), frame.format(), size, stride_bytes, bytes.into())?))
}

/// 0 to 255 becomes 16 to 235.
fn luma_in_video_range(value: u8) -> u8 {
    scaled(value, 220, 16 * 256 + 128)
}

/// 0 to 255 becomes 16 to 240; 128, no colour, stays.
fn colour_in_video_range(value: u8) -> u8 {
    scaled(value, 225, 16 * 256)
}

/// In 256ths; the compiler makes it a few instructions for many pixels. The largest sum is 255 * 225 + 4096 = 61471.
fn scaled(value: u8, factor: u16, offset: u16) -> u8 {
    (u16::from(value) * factor + offset).to_be_bytes()[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_and_the_middle_of_both_ranges_meet() {
        assert_eq!([0, 255].map(luma_in_video_range), [16, 235]);
        assert_eq!([0, 128, 255].map(colour_in_video_range), [16, 128, 240]);
    }
}

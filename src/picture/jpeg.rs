//! Encodes frames as JPEG files. Each function takes milliseconds, so none may run on the reactor's thread.
//!
//! A JPEG frame passes through unchanged, but for the blocks that a mask reaches into. PNG becomes JPEG too, although browsers would show it: recorders and
//! home-automation programs that read `live.mjpg` do not, and a PNG is several times as large.

use bytes::Bytes;
use turbojpeg::{Compressor, Image, PixelFormat as JpegFormat, Subsamp, YuvPlanesImage};

use super::{bitmap::Bitmap, masked_jpeg};
use crate::{
    frame::{Frame, PixelFormat, Size},
    message::Rect,
    privacy_mask::PrivacyMask,
    processor::{bgr::bgr, decoder::Decoder, pixels::PixelLayout, scale::Scale},
    telemetry::rejections::RejectReason,
};

/// JPEG quality, as cameras choose it.
const QUALITY: i32 = 80;

/// Why a frame cannot be encoded.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// It cannot be decoded.
    #[error(transparent)]
    Frame(#[from] RejectReason),
    /// It needs more bytes than are allowed.
    #[error("it has more than {0} bytes, even eight times as small")]
    TooLarge(usize),
    /// The encoder fails.
    #[error("it cannot be encoded as JPEG")]
    Encoder(#[from] turbojpeg::Error),
}

/// The frame as a JPEG file, without what is in a mask.
///
/// # Errors
/// If it cannot be decoded or encoded. Nothing of it may be shown then.
pub(super) fn encode_frame(frame: &Frame, mask: Option<&PrivacyMask>) -> Result<Bytes, EncodeError> {
    let Some(mask) = mask else { return encode_unmasked(frame) };
    match frame.format() {
        PixelFormat::Jpeg => Ok(masked_jpeg::masked(frame, mask)?),
        PixelFormat::Png => {
            let mut decoder = Decoder::new()?;
            let layout = decoder.png(frame)?;
            mask.paint_pixels(decoder.pixels_mut(), layout.channels(), frame.size());
            Ok(encode_pixels(decoder.pixels(), layout, frame.size(), 0)?.into())
        }
        format => {
            let mut bytes = frame.bytes().to_vec();
            mask.paint_raw(&mut bytes, format, frame.size(), frame.stride_bytes());
            let painted = Frame::raw(frame.origin(), format, frame.size(), frame.stride_bytes(), bytes.into());
            encode_unmasked(&painted.map_err(RejectReason::from)?)
        }
    }
}

fn encode_unmasked(frame: &Frame) -> Result<Bytes, EncodeError> {
    let size @ Size { width_px, height_px } = frame.size();
    let (width, height) = (width_px as usize, height_px as usize);
    let (bytes, stride) = (frame.bytes().as_ref(), frame.stride_bytes());
    let jpeg = match frame.format() {
        PixelFormat::Jpeg => return Ok(frame.bytes().clone()),
        PixelFormat::Png => {
            let mut decoder = Decoder::new()?;
            let layout = decoder.png(frame)?;
            encode_pixels(decoder.pixels(), layout, size, 0)?
        }
        PixelFormat::Grey => encode_pixels(bytes, PixelLayout::Grey, size, stride)?,
        PixelFormat::Bgr24 => encode_pixels(bytes, PixelLayout::Bgr, size, stride)?,
        PixelFormat::Rgb24 => encode_pixels(bytes, PixelLayout::Rgb, size, stride)?,
        PixelFormat::Yuyv => {
            let rows = || bytes.chunks(stride).take(height).map(|row| &row[..2 * width]);
            let every = |at: usize, step: usize| -> Vec<u8> {
                rows().flat_map(|row| row.iter().skip(at).step_by(step)).copied().collect()
            };
            let (y, u, v) = (every(0, 2), every(1, 4), every(3, 4));
            encode_planes([&y, &u, &v], [width, width / 2], size, Subsamp::Sub2x1)?
        }
        PixelFormat::Nv12 => {
            let (luma, colour) = bytes.split_at(stride * height);
            let rows = || colour.chunks(stride).take(height / 2).map(|row| &row[..width]);
            let every =
                |at: usize| -> Vec<u8> { rows().flat_map(|row| row.iter().skip(at).step_by(2)).copied().collect() };
            let (u, v) = (every(0), every(1));
            encode_planes([luma, &u, &v], [stride, width / 2], size, Subsamp::Sub2x2)?
        }
        PixelFormat::I420 => {
            let (luma, colour) = bytes.split_at(stride * height);
            let (u, v) = colour.split_at(stride / 2 * (height / 2));
            encode_planes([luma, u, v], [stride, stride / 2], size, Subsamp::Sub2x2)?
        }
    };
    Ok(jpeg.into())
}

/// A JPEG file that may be shown, with boxes drawn into it.
///
/// # Errors
/// If it cannot be decoded or encoded.
pub fn draw_boxes(picture: &Frame, boxes: &[Rect]) -> Result<Bytes, EncodeError> {
    encode_frame_with_boxes(picture, None, boxes)
}

/// The frame as a JPEG file, without what is in a mask, and with boxes drawn into it.
///
/// # Errors
/// If it cannot be decoded or encoded. Nothing of it may be shown then.
pub(super) fn encode_frame_with_boxes(
    frame: &Frame,
    mask: Option<&PrivacyMask>,
    boxes: &[Rect],
) -> Result<Bytes, EncodeError> {
    let mut bitmap = Bitmap::new(frame.size(), bgr(frame, mask)?);
    boxes.iter().for_each(|bounds| bitmap.draw_box(*bounds));
    Ok(encode_bitmap(&bitmap)?.into())
}

/// A JPEG frame as a JPEG file of at most so many bytes: as it is, or else with a half, a quarter or an eighth of its columns.
///
/// # Errors
/// If it cannot be decoded or encoded, or is larger still.
pub fn within(frame: &Frame, max_bytes: usize) -> Result<Bytes, EncodeError> {
    if frame.bytes().len() <= max_bytes {
        return Ok(frame.bytes().clone());
    }
    let mut decoder = Decoder::new()?;
    for scale in [Scale::Half, Scale::Quarter, Scale::Eighth] {
        let layout = decoder.jpeg(frame, scale, true)?;
        let jpeg = encode_pixels(decoder.pixels(), layout, scale.of(frame.size()), 0)?;
        if jpeg.len() <= max_bytes {
            return Ok(jpeg.into());
        }
    }
    Err(EncodeError::TooLarge(max_bytes))
}

/// The bitmap as a JPEG file.
///
/// # Errors
/// If the encoder fails.
pub fn encode_bitmap(bitmap: &Bitmap) -> Result<Vec<u8>, turbojpeg::Error> {
    encode_pixels(bitmap.pixels(), PixelLayout::Bgr, bitmap.size(), 0)
}

/// Encodes decoded pixels; a `stride_bytes` of 0 means rows without padding.
fn encode_pixels(
    pixels: &[u8],
    layout: PixelLayout,
    size: Size,
    stride_bytes: usize,
) -> Result<Vec<u8>, turbojpeg::Error> {
    let (width, height) = (size.width_px as usize, size.height_px as usize);
    let (format, subsamp) = match layout {
        PixelLayout::Grey | PixelLayout::Nv12 | PixelLayout::I420 => (JpegFormat::GRAY, Subsamp::Gray),
        PixelLayout::GreyAlpha | PixelLayout::Yuyv => {
            let luma: Vec<u8> = pixels.iter().step_by(2).copied().collect();
            return encode_pixels(&luma, PixelLayout::Grey, size, 0);
        }
        PixelLayout::Rgb => (JpegFormat::RGB, Subsamp::Sub2x2),
        PixelLayout::Rgba => (JpegFormat::RGBA, Subsamp::Sub2x2),
        PixelLayout::Bgr => (JpegFormat::BGR, Subsamp::Sub2x2),
    };
    let pitch = if stride_bytes == 0 { width * format.size() } else { stride_bytes };
    compressor(subsamp)?.compress_to_vec(Image { pixels, width, pitch, height, format })
}

/// Encodes planes of luma and of both colour differences without converting them: JPEG stores the same three.
fn encode_planes(
    [y_plane, u_plane, v_plane]: [&[u8]; 3],
    [y_stride, colour_stride]: [usize; 2],
    size: Size,
    subsamp: Subsamp,
) -> Result<Vec<u8>, turbojpeg::Error> {
    let (width, height) = (size.width_px as usize, size.height_px as usize);
    let (u_stride, v_stride) = (colour_stride, colour_stride);
    let image = YuvPlanesImage { y_plane, u_plane, v_plane, width, height, y_stride, u_stride, v_stride, subsamp };
    compressor(subsamp)?.compress_yuv_planes_to_vec(&image)
}

fn compressor(subsamp: Subsamp) -> Result<Compressor, turbojpeg::Error> {
    let mut compressor = Compressor::new()?;
    compressor.set_quality(QUALITY)?;
    compressor.set_subsamp(subsamp)?;
    Ok(compressor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        frame::{Camera, CapturedBy, Origin},
        system::clock::Monotonic,
    };

    const SIZE: Size = Size { width_px: 32, height_px: 16 };

    fn origin() -> Origin {
        let (captured_at, captured_by) = (Monotonic::now(), CapturedBy::Arrival);
        Origin { camera: Camera::new("door"), seq: 1, captured_at, captured_by }
    }

    fn frame(format: PixelFormat, stride_bytes: usize, bytes: Vec<u8>) -> Frame {
        Frame::raw(origin(), format, SIZE, stride_bytes, bytes.into()).unwrap()
    }

    fn decode(jpeg: Bytes) -> Vec<u8> {
        bgr(&Frame::compressed(origin(), PixelFormat::Jpeg, SIZE, jpeg), None).unwrap()
    }

    /// The left half dark, the right half bright, and both reddish: Y 60 and 180, U 110, V 150.
    fn luma(x: usize) -> u8 {
        if x < 16 { 60 } else { 180 }
    }

    /// Checks blue, green and red against the formula of JPEG's colours, in the frame's pixels and in its JPEG file.
    fn check(frame: &Frame, is_coloured: bool) {
        for (of, pixels) in
            [("pixels", bgr(frame, None).unwrap()), ("JPEG", decode(encode_frame(frame, None).unwrap()))]
        {
            assert_eq!(pixels.len(), 3 * 32 * 16);
            for (x, y) in [(4, 4), (27, 11)] {
                let at = 3 * (y * 32 + x);
                let luma = f32::from(luma(x));
                let expected = if is_coloured { [luma - 31.9, luma - 9.5, luma + 30.8] } else { [luma; 3] };
                for (found, expected) in pixels[at..at + 3].iter().zip(expected) {
                    let apart = f32::from(*found) - expected;
                    assert!(apart.abs() < 4.0, "{:?}, {of} at {x},{y}: {found} for {expected}", frame.format());
                }
            }
        }
    }

    #[test]
    fn every_raw_format_becomes_the_picture_it_is() {
        let padded = |row: Vec<u8>| [row, vec![0xee; 8]].concat();
        let rows = |row: Vec<u8>, count: usize| padded(row).repeat(count);
        let grey = rows((0..32).map(luma).collect(), 16);
        check(&frame(PixelFormat::Grey, 40, grey.clone()), false);
        let yuyv = (0..16).flat_map(|pair| [luma(2 * pair), 110, luma(2 * pair + 1), 150]).collect();
        check(&frame(PixelFormat::Yuyv, 72, rows(yuyv, 16)), true);
        let plane = |value: u8| [vec![value; 16], vec![0xee; 4]].concat().repeat(8);
        check(&frame(PixelFormat::I420, 40, [grey.clone(), plane(110), plane(150)].concat()), true);
        let nv12 = [grey, rows([110, 150].repeat(16), 8)].concat();
        check(&frame(PixelFormat::Nv12, 40, nv12), true);
        let bgr = (0..32).flat_map(|x| [luma(x) - 32, luma(x) - 10, luma(x) + 31]).collect();
        check(&frame(PixelFormat::Bgr24, 104, rows(bgr, 16)), true);
        let rgb = (0..32).flat_map(|x| [luma(x) + 31, luma(x) - 10, luma(x) - 32]).collect();
        check(&frame(PixelFormat::Rgb24, 104, rows(rgb, 16)), true);
    }

    #[test]
    fn boxes_are_drawn_where_they_are_and_nowhere_else() {
        let grey = frame(PixelFormat::Grey, 0, vec![60; 32 * 16]);
        let jpeg = encode_frame_with_boxes(&grey, None, &[Rect { x: 8, y: 4, width: 16, height: 8 }]).unwrap();
        let pixels = decode(jpeg);
        let red = |x: usize, y: usize| pixels[3 * (y * 32 + x) + 2];
        for (x, y) in [(8, 8), (16, 4), (23, 8), (16, 11)] {
            assert!(red(x, y) > 150, "on the box at {x},{y}: {}", red(x, y));
        }
        for (x, y) in [(2, 2), (29, 14)] {
            assert!(red(x, y) < 90, "away from the box at {x},{y}: {}", red(x, y));
        }
    }
}

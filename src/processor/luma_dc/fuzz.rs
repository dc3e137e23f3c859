//! Fuzz target for luma at 1/8: the same pixels as libjpeg-turbo, or its verdict.

use bytes::Bytes;

use super::LumaDc;
use crate::{
    frame::{Camera, CapturedBy, Frame, Origin, PixelFormat, Size},
    processor::{decoder::Decoder, scale::Scale},
    source::image_header,
    system::clock::Monotonic,
};

/// Few, so that many pictures are tried in a second.
const MAX_PIXELS: u64 = 1 << 18;

/// A JPEG file.
///
/// It is decoded by DC coefficients alone to the pixels that libjpeg-turbo gives, or not at all.
pub fn luma_dc(input: &[u8]) {
    if let Ok((PixelFormat::Jpeg, size)) = image_header::read(input)
        && size.pixels() <= MAX_PIXELS
    {
        let _ = compare(input, size);
    }
}

/// Decodes a file by a decoder that has both ways, and by libjpeg-turbo alone, which has to be the same. Gives that, and
/// whether the DC coefficients were not enough.
pub(super) fn compare(file: &[u8], size: Size) -> (Result<Vec<u8>, String>, bool) {
    let (camera, captured_at) = (Camera::new("door"), Monotonic::from_micros(1));
    let origin = Origin { camera, seq: 1, captured_at, captured_by: CapturedBy::Arrival };
    let frame = Frame::compressed(origin, PixelFormat::Jpeg, size, Bytes::copy_from_slice(file));
    let [alone, both] = [false, true].map(|is_on| {
        // A new one each time: libjpeg keeps the tables of the file before.
        let mut decoder = Decoder::new().expect("there is memory").with_fast_luma(is_on);
        decoder.jpeg(&frame, Scale::Eighth, false).map_err(|reason| reason.to_string())?;
        Ok(decoder.pixels().to_vec())
    });
    assert!(both == alone, "{size}: {}, but alone {}", verdict(&both), verdict(&alone));
    let small = Scale::Eighth.of(size);
    let mut pixels = vec![0; small.width_px as usize * small.height_px as usize];
    let is_decoded = LumaDc::default().decode(file, size, &mut pixels).is_some();
    (both, !is_decoded)
}

fn verdict(decoded: &Result<Vec<u8>, String>) -> &str {
    decoded.as_ref().map_or_else(String::as_str, |_| "other pixels")
}

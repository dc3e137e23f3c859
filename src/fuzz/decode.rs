//! Fuzz target for pictures: from a client's message to what stages and people see.

use std::sync::OnceLock;

use opencv::prelude::*;
use turbojpeg::{Image, Subsamp};

use crate::{
    frame::Frame,
    picture,
    processor::views::{FULL_PX, Needs, Scratch, View, Views},
    source::websocket,
    stage::{StageContext, Stages},
    telemetry::rejections::RejectReason,
};

/// Few, so that many pictures are tried in a second.
const MAX_PIXELS: u64 = 1 << 16;

/// As by default.
const MAX_SIDE_PX: u32 = 8192;

/// What stages may ask for: a progressive JPEG in brief, all there is, and colour only.
const NEEDS: [(Option<u32>, Option<u32>); 3] = [(Some(8), None), (Some(FULL_PX), Some(32)), (None, Some(FULL_PX))];

/// A binary or text message with a picture, with a `fovea.v1` header or without.
///
/// It is refused, or every view of it has its size and its own pixels only: whatever was decoded before into the same memory
/// does not show. The next picture is decoded as ever.
pub fn decode(input: &[u8]) {
    let mut message = input.to_vec();
    correct_checksums(&mut message);
    let Ok(frame) = websocket::fuzz::frame(&message, MAX_PIXELS, MAX_SIDE_PX) else { return };
    for needs in NEEDS {
        let [after_black, after_white] = [0, 255].map(|level| pixels(&frame, needs, level));
        assert!(after_black == after_white, "{frame:?} with {needs:?}: the picture before shows");
    }
    look(&frame);
    picture::fuzz::pictures(&frame);
}

/// The pixels of views, each with rows, columns and channels.
type Pixels = Vec<([i32; 3], Vec<u8>)>;

/// The pixels of all views of a frame, made after those of a picture of `level`.
fn pixels(frame: &Frame, (luma_px, bgr_px): (Option<u32>, Option<u32>), level: u8) -> Result<Pixels, String> {
    let mut scratch = Scratch::new().expect("there is memory");
    let plain = plain(level);
    let before = every_view(&plain, Some(FULL_PX), Some(FULL_PX), &mut scratch).expect("it is a picture");
    let found = every_view(frame, luma_px, bgr_px, &mut scratch).map_err(|reason| reason.to_string());
    let after = every_view(&plain, Some(FULL_PX), Some(FULL_PX), &mut scratch).expect("it still is");
    assert!(before == after, "{frame:?} is seen in the picture behind it");
    found
}

fn every_view(
    frame: &Frame,
    luma_px: Option<u32>,
    bgr_px: Option<u32>,
    scratch: &mut Scratch,
) -> Result<Pixels, RejectReason> {
    let needs = [luma_px.map(Needs::luma), bgr_px.map(Needs::bgr)].into_iter().flatten();
    let views = Views::decode(frame, needs.fold(Needs::nothing(), Needs::and), scratch)?.expect("some are needed");
    // Both the widest view and the narrowest one.
    let luma = luma_px.into_iter().flat_map(|most| [most, 1]).map(|width_px| views.luma(width_px));
    let bgr = bgr_px.into_iter().flat_map(|most| [most, 1]).map(|width_px| views.bgr(width_px));
    let views: Vec<_> = luma.chain(bgr).map(|view| view.expect("OpenCV makes a view of every picture")).collect();
    Ok(views.iter().map(shape_and_bytes).collect())
}

fn shape_and_bytes(view: &View<'_>) -> ([i32; 3], Vec<u8>) {
    let rows = view.try_clone().expect("there is memory"); // without padding
    ([view.rows(), view.cols(), view.channels()], rows.data_bytes().expect("it has no gaps").to_vec())
}

/// Shows a frame to every stage, twice.
fn look(frame: &Frame) {
    let stages = Stages { motion: Some(Default::default()), tamper: Some(Default::default()), objects: None };
    let mut scratch = Scratch::new().expect("there is memory");
    for (_, mut stage) in stages.build(&StageContext::default()) {
        for _ in 0..2 {
            if let Ok(Some(views)) = Views::decode(frame, stage.needs(), &mut scratch) {
                let seen = stage.look(&views, frame).unwrap_or_default();
                for detection in seen.detections {
                    let (bounds, size) = (detection.bounds, frame.size());
                    assert!(bounds.x.saturating_add(bounds.width) <= size.width_px, "{bounds:?} in {size}");
                    assert!(bounds.y.saturating_add(bounds.height) <= size.height_px, "{bounds:?} in {size}");
                }
            }
        }
    }
}

/// A JPEG of one level.
fn plain(level: u8) -> Frame {
    static FILES: [OnceLock<Vec<u8>>; 256] = [const { OnceLock::new() }; 256];
    let file = FILES[usize::from(level)].get_or_init(|| {
        const SIDE: usize = 96;
        let (pixels, format) = (&[level; 3 * SIDE * SIDE][..], turbojpeg::PixelFormat::BGR);
        let image = Image { pixels, width: SIDE, pitch: 3 * SIDE, height: SIDE, format };
        turbojpeg::compress(image, 90, Subsamp::None).expect("it is an image").to_vec()
    });
    websocket::fuzz::frame(file, MAX_PIXELS, MAX_SIDE_PX).expect("it is a small JPEG")
}

/// Writes the right checksum behind each chunk of a PNG (ISO/IEC 15948, 5.3). An input would be refused for a wrong one here,
/// but not where it was found: the decoder does not check when it is built for fuzzing.
fn correct_checksums(message: &mut [u8]) {
    const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
    let Some(start) = message.windows(SIGNATURE.len()).position(|window| window == SIGNATURE) else { return };
    let mut rest = &mut message[start + SIGNATURE.len()..];
    while let Some(length) = rest.first_chunk() {
        let end = (u32::from_be_bytes(*length) as usize).saturating_add(8);
        let Some((chunk, behind)) = rest.split_at_mut_checked(end) else { return };
        let Some((checksum, behind)) = behind.split_first_chunk_mut() else { return };
        *checksum = crc(&chunk[4..]).to_be_bytes();
        rest = behind;
    }
}

fn crc(bytes: &[u8]) -> u32 {
    let shift = |crc: u32| if crc & 1 == 0 { crc >> 1 } else { crc >> 1 ^ 0xedb8_8320 };
    !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| shift(crc)))
}

/// A chunk of the PNG standard's examples.
#[cfg(test)]
#[test]
fn the_checksum_is_that_of_png() {
    assert_eq!(crc(b"IEND"), 0xae42_6082);
}

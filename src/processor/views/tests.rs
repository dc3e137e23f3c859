use bytes::Bytes;
use turbojpeg::{Compressor, Image, Subsamp, compress};

use super::*;
use crate::{
    config::mask::Mask,
    frame::{Camera, CapturedBy, Origin},
    message::Rect,
    system::clock::Monotonic,
};

const SIZE: Size = Size { width_px: 64, height_px: 48 };
const WIDTH: usize = 64;
const HEIGHT: usize = 48;

/// The colours of the left and the right half, as luma, blue and red difference (BT.601) and as blue, green, red.
const HALVES: [([u8; 3], [u8; 3]); 2] = [([81, 90, 240], [0, 0, 255]), ([145, 54, 34], [1, 255, 0])];

fn origin() -> Origin {
    let (camera, captured_at) = (Camera::new("door"), Monotonic::from_micros(1));
    Origin { camera, seq: 1, captured_at, captured_by: CapturedBy::Arrival }
}

/// Rows of `row` (made from a column number), each followed by `padding` bytes that must never be seen.
fn rows(rows: usize, padding: usize, pixel: impl Fn(usize) -> Vec<u8>) -> Vec<u8> {
    let row: Vec<u8> = (0..WIDTH).flat_map(pixel).chain(vec![0x5a; padding]).collect();
    row.repeat(rows)
}

fn half(column: usize) -> ([u8; 3], [u8; 3]) {
    HALVES[column * 2 / WIDTH]
}

fn raw(format: PixelFormat, padding: usize) -> Frame {
    let bytes = match format {
        PixelFormat::Grey => rows(HEIGHT, padding, |x| vec![half(x).0[0]]),
        PixelFormat::Bgr24 => rows(HEIGHT, padding, |x| half(x).1.to_vec()),
        PixelFormat::Rgb24 => rows(HEIGHT, padding, |x| half(x).1.into_iter().rev().collect()),
        PixelFormat::Yuyv => rows(HEIGHT, padding, |x| vec![half(x).0[0], half(x).0[1 + x % 2]]),
        PixelFormat::Nv12 => {
            let colour = rows(HEIGHT / 2, padding, |x| vec![half(x).0[1 + x % 2]]);
            [rows(HEIGHT, padding, |x| vec![half(x).0[0]]), colour].concat()
        }
        PixelFormat::I420 => {
            let half_row = |at: usize| (0..WIDTH / 2).map(move |x| half(2 * x).0[at]).chain(vec![0x5a; padding / 2]);
            let plane = |at: usize| half_row(at).collect::<Vec<u8>>().repeat(HEIGHT / 2);
            [rows(HEIGHT, padding, |x| vec![half(x).0[0]]), plane(1), plane(2)].concat()
        }
        PixelFormat::Jpeg | PixelFormat::Png => unreachable!("not raw"),
    };
    let stride = if padding == 0 { 0 } else { format.row_bytes(SIZE.width_px).unwrap() + padding };
    Frame::raw(origin(), format, SIZE, stride, bytes.into()).unwrap()
}

fn bgr_image(pixels: &[u8]) -> Image<&[u8]> {
    Image { pixels, width: WIDTH, pitch: WIDTH * 3, height: HEIGHT, format: turbojpeg::PixelFormat::BGR }
}

fn jpeg() -> Frame {
    let pixels = rows(HEIGHT, 0, |x| half(x).1.to_vec());
    let bytes = compress(bgr_image(&pixels), 95, Subsamp::None).unwrap();
    Frame::compressed(origin(), PixelFormat::Jpeg, SIZE, Bytes::copy_from_slice(&bytes))
}

fn png(colour: png::ColorType, depth: png::BitDepth, palette: &[u8], pixel: impl Fn(usize) -> Vec<u8>) -> Frame {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, SIZE.width_px, SIZE.height_px);
    encoder.set_color(colour);
    encoder.set_depth(depth);
    if !palette.is_empty() {
        encoder.set_palette(palette);
    }
    encoder.write_header().unwrap().write_image_data(&rows(HEIGHT, 0, pixel)).unwrap();
    Frame::compressed(origin(), PixelFormat::Png, SIZE, bytes.into())
}

fn pngs() -> [Frame; 4] {
    use png::{BitDepth::Eight, BitDepth::Sixteen, ColorType};
    let rgb = |x| half(x).1.into_iter().rev().collect::<Vec<u8>>();
    let palette: Vec<u8> = HALVES.iter().flat_map(|(_, bgr)| bgr.iter().rev().copied()).collect();
    [
        png(ColorType::Rgb, Eight, &[], rgb),
        png(ColorType::Rgba, Eight, &[], |x| [rgb(x), vec![7]].concat()),
        png(ColorType::Rgb, Sixteen, &[], |x| rgb(x).into_iter().flat_map(|byte| [byte, byte]).collect()),
        png(ColorType::Indexed, Eight, &palette, |x| vec![u8::try_from(x * 2 / WIDTH).unwrap()]),
    ]
}

/// The mean of each half of a view, by channel.
fn means(view: &View<'_>) -> [[f64; 3]; 2] {
    let (columns, rows) = (view.cols(), view.rows());
    [0, columns / 2].map(|x| {
        let half = view.roi(opencv::core::Rect::new(x, 0, columns / 2, rows)).unwrap();
        let mean = opencv::core::mean_def(&half).unwrap();
        [mean[0], mean[1], mean[2]]
    })
}

fn near(means: [[f64; 3]; 2], expected: [[u8; 3]; 2], channels: usize) -> bool {
    means.iter().zip(expected).all(|(mean, expected)| {
        mean.iter().zip(expected).take(channels).all(|(mean, expected)| (mean - f64::from(expected)).abs() <= 6.0)
    })
}

/// The views of a frame that can be decoded.
fn views<'a>(frame: &'a Frame, needs: Needs, scratch: &'a mut Scratch) -> Views<'a> {
    Views::decode(frame, needs, scratch).unwrap().unwrap()
}

/// Why a frame cannot be looked at.
fn rejected(frame: &Frame, scratch: &mut Scratch) -> Option<RejectReason> {
    Views::decode(frame, Needs::luma(64), scratch).err()
}

fn all_formats() -> impl Iterator<Item = Frame> {
    use PixelFormat::{Bgr24, Grey, I420, Nv12, Rgb24, Yuyv};
    let raws = [Grey, Bgr24, Rgb24, Yuyv, Nv12, I420].into_iter().flat_map(|format| [raw(format, 0), raw(format, 24)]);
    raws.chain([jpeg()]).chain(pngs())
}

#[test]
fn every_format_shows_the_same_luma_and_colour_at_every_scale() {
    let mut scratch = Scratch::new().unwrap();
    for frame in all_formats() {
        for width_px in [8, 16, 32, 64] {
            for needs in [Needs::luma(width_px), Needs::luma(width_px).and(Needs::bgr(64))] {
                let views = views(&frame, needs, &mut scratch);
                let luma = views.luma(width_px).unwrap();
                assert_eq!((luma.cols(), luma.channels()), (width_px.cast_signed(), 1));
                // Luma in YUV formats is 16 to 235; from colour it is made 0 to 255.
                let is_yuv = matches!(
                    frame.format(),
                    PixelFormat::Grey | PixelFormat::Yuyv | PixelFormat::Nv12 | PixelFormat::I420
                );
                let expected = if is_yuv { [81, 145] } else { [76, 150] };
                assert!(near(means(&luma), expected.map(|y| [y, 0, 0]), 1), "{frame:?}: {:?}", means(&luma));
            }
            if frame.format() == PixelFormat::Grey {
                continue; // has no colour to show
            }
            let views = views(&frame, Needs::bgr(width_px), &mut scratch);
            let bgr = views.bgr(width_px).unwrap();
            assert_eq!((bgr.cols(), bgr.channels()), (width_px.cast_signed(), 3));
            assert!(near(means(&bgr), HALVES.map(|(_, bgr)| bgr), 3), "{frame:?}: {:?}", means(&bgr));
        }
    }
}

#[test]
fn several_views_are_held_at_once_and_each_is_made_once() {
    let mut scratch = Scratch::new().unwrap();
    for frame in all_formats().filter(|frame| frame.format() != PixelFormat::Grey) {
        let views = views(&frame, Needs::luma(64).and(Needs::bgr(64)), &mut scratch);
        let held = [views.luma(64), views.luma(16), views.bgr(64), views.bgr(32)].map(Result::unwrap);
        assert_eq!(held.each_ref().map(|view| (view.cols(), view.channels())), [(64, 1), (16, 1), (64, 3), (32, 3)]);
        let expected = HALVES.map(|(_, bgr)| bgr);
        assert!(near(means(&held[2]), expected, 3) && near(means(&held[3]), expected, 3), "{frame:?}");
        assert_eq!(views.luma(16).unwrap().data(), held[1].data(), "{frame:?}: made twice");
        assert_eq!(views.bgr(32).unwrap().data(), held[3].data(), "{frame:?}: made twice");
    }
}

#[test]
fn a_raw_picture_at_its_full_size_is_not_copied() {
    let mut scratch = Scratch::new().unwrap();
    for format in [PixelFormat::Nv12, PixelFormat::I420] {
        let frame = raw(format, 24);
        let views = views(&frame, Needs::luma(64), &mut scratch);
        assert_eq!(views.luma(64).unwrap().data(), frame.bytes().as_ptr());
    }
}

#[test]
fn a_frame_that_nobody_needs_is_not_decoded() {
    let mut scratch = Scratch::new().unwrap();
    let damaged = Frame::compressed(origin(), PixelFormat::Jpeg, SIZE, Bytes::from_static(b"not a picture"));
    assert!(Views::decode(&damaged, Needs::nothing(), &mut scratch).unwrap().is_none());
    assert!(rejected(&damaged, &mut scratch).is_some());
}

#[test]
fn nothing_of_the_picture_before_shows_through_a_damaged_one() {
    let whole = jpeg();
    let mut scratch = Scratch::new().unwrap();
    for cut in (200..whole.bytes().len() - 2).step_by(7) {
        assert!(rejected(&whole, &mut scratch).is_none());
        let part = Frame::compressed(origin(), PixelFormat::Jpeg, SIZE, whole.bytes().slice(..cut));
        let reason = rejected(&part, &mut scratch).unwrap();
        assert_eq!(reason.name(), "damaged", "{cut} bytes: {reason}");
    }
}

#[test]
fn a_progressive_picture_is_decoded_and_one_of_a_thousand_scans_is_not() {
    let pixels = rows(HEIGHT, 0, |x| half(x).1.to_vec());
    let mut compressor = Compressor::new().unwrap();
    compressor.set_progressive(true).unwrap();
    let bytes = compressor.compress_to_vec(bgr_image(&pixels)).unwrap();
    let progressive = |bytes: Vec<u8>| Frame::compressed(origin(), PixelFormat::Jpeg, SIZE, bytes.into());
    let mut scratch = Scratch::new().unwrap();
    assert!(rejected(&progressive(bytes.clone()), &mut scratch).is_none());

    // The last scan, a thousand times over.
    let last = bytes.windows(2).rposition(|pair| pair == [0xff, 0xda]).unwrap();
    let (head, end) = bytes.split_at(bytes.len() - 2);
    let bomb = [head, &head[last..].repeat(1000), end].concat();
    assert_eq!(rejected(&progressive(bomb), &mut scratch).map(|reason| reason.name()), Some("damaged"));
}

#[test]
fn a_head_that_lies_about_the_size_is_found_out() {
    let bytes = jpeg().bytes().clone();
    let size = Size { width_px: 32, height_px: 48 };
    let frame = Frame::compressed(origin(), PixelFormat::Jpeg, size, bytes);
    let reason = rejected(&frame, &mut Scratch::new().unwrap()).unwrap();
    assert_eq!(reason.to_string(), "the picture is damaged: it has two headers, of 32x48 and 64x48");
}

/// What webcams make of JPEG: these are whole pictures all the same.
#[test]
fn webcams_jpegs_are_pictures() {
    let jpeg = jpeg().bytes().to_vec();
    let (end, body) = (&jpeg[jpeg.len() - 2..], &jpeg[..jpeg.len() - 2]);
    assert_eq!(end, [0xff, 0xd9]);
    let luma = |bytes: Vec<u8>| {
        let frame = Frame::compressed(origin(), PixelFormat::Jpeg, SIZE, bytes.into());
        let mut scratch = Scratch::new().unwrap();
        let views = Views::decode(&frame, Needs::luma(64), &mut scratch).map_err(|reason| reason.to_string())?;
        Ok::<_, String>(views.unwrap().luma(64).unwrap().data_bytes().unwrap().to_vec())
    };
    let whole = luma(jpeg.clone()).unwrap();
    assert_eq!(luma(without_tables(&jpeg)).unwrap(), whole, "Motion JPEG leaves out the usual Huffman tables");
    assert_eq!(luma([&jpeg, &[0; 3000][..]].concat()).unwrap(), whole, "filled up behind its end");
    assert_eq!(luma([body, &[0x5a, 0x00], end].concat()).unwrap(), whole, "bytes before its end");
    let refused = |bytes: Vec<u8>| luma(bytes).expect_err("it is damaged");
    let much = refused([body, &[0x5a; 64], end].concat());
    assert!(much.contains("extraneous bytes before marker 0xd9"), "{much}: so many are pixels that were not decoded");
    refused(body.to_vec()); // its end is missing
    refused(jpeg[..jpeg.len() - 40].to_vec()); // more is
}

/// The decoder is the same for all cameras.
#[test]
fn a_webcams_jpeg_is_a_picture_behind_one_with_tables_of_its_own() {
    let pixels = rows(HEIGHT, 0, |x| half(x).1.to_vec());
    let mut compressor = Compressor::new().unwrap();
    compressor.set_optimize(true).unwrap();
    let bytes = compressor.compress_to_vec(bgr_image(&pixels)).unwrap();
    let optimized = Frame::compressed(origin(), PixelFormat::Jpeg, SIZE, bytes.into());
    let bare = without_tables(jpeg().bytes()).into();
    let bare = Frame::compressed(origin(), PixelFormat::Jpeg, SIZE, bare);
    let mut scratch = Scratch::new().unwrap();
    for _ in 0..2 {
        assert!(rejected(&optimized, &mut scratch).is_none());
        let views = views(&bare, Needs::bgr(64), &mut scratch);
        assert!(near(means(&views.bgr(64).unwrap()), HALVES.map(|(_, bgr)| bgr), 3));
    }
}

/// The JPEG without its Huffman tables (segments of marker 0xc4).
fn without_tables(jpeg: &[u8]) -> Vec<u8> {
    let (mut rest, mut out) = (&jpeg[2..], jpeg[..2].to_vec());
    while rest[1] != 0xda {
        let (segment, behind) = rest.split_at(2 + usize::from(u16::from_be_bytes([rest[2], rest[3]])));
        if segment[1] != 0xc4 {
            out.extend(segment);
        }
        rest = behind;
    }
    assert!(out.len() + rest.len() < jpeg.len(), "there were tables");
    [&out, rest].concat()
}

/// A mask over columns 22 to 41 and rows 10 to 29: no block ends there.
fn mask() -> PrivacyMask {
    let [left, right] = [22.0 / 64.0, 42.0 / 64.0];
    let [top, bottom] = [10.0 / 48.0, 30.0 / 48.0];
    let polygon = vec![[left, top], [right, top], [right, bottom], [left, bottom]];
    PrivacyMask::new(&[Mask::of(polygon)]).unwrap()
}

/// A pixel of a picture whose masked part is another one for each number: luma and colour differences, or blue, green, red.
fn secret(number: u32, x: usize, y: usize) -> [u8; 3] {
    let is_secret = (22..42).contains(&x) && (10..30).contains(&y);
    let place = u32::try_from(x / 4 * 31 + y / 4 * 17).unwrap();
    let seed = place + if is_secret { 7919 * number } else { 0 };
    let [a, b, c, _] = seed.wrapping_mul(3_266_489_917).rotate_left(13).to_le_bytes();
    [a, b, c].map(|byte| byte / 2 + 64)
}

/// Such a picture in every format.
fn secrets(number: u32) -> Vec<Frame> {
    let pixels = |height: usize, width: usize| (0..height).flat_map(move |y| (0..width).map(move |x| (x, y)));
    let packed: Vec<u8> = pixels(HEIGHT, WIDTH).flat_map(|(x, y)| secret(number, x, y)).collect();
    let luma: Vec<u8> = pixels(HEIGHT, WIDTH).map(|(x, y)| secret(number, x, y)[0]).collect();
    let yuyv =
        pixels(HEIGHT, WIDTH).flat_map(|(x, y)| [secret(number, x, y)[0], secret(number, x / 2 * 2, y)[1 + x % 2]]);
    let colour = |at: usize| pixels(HEIGHT / 2, WIDTH / 2).map(move |(x, y)| secret(number, 2 * x, 2 * y)[at]);
    let both = colour(1).zip(colour(2)).flat_map(|(blue, red)| [blue, red]);
    let raws = [
        (PixelFormat::Grey, luma.clone()),
        (PixelFormat::Bgr24, packed.clone()),
        (PixelFormat::Rgb24, packed.clone()),
        (PixelFormat::Yuyv, yuyv.collect()),
        (PixelFormat::Nv12, luma.iter().copied().chain(both).collect()),
        (PixelFormat::I420, luma.iter().copied().chain(colour(1)).chain(colour(2)).collect()),
    ];
    let raws = raws.into_iter().map(|(format, bytes)| Frame::raw(origin(), format, SIZE, 0, bytes.into()).unwrap());
    let jpegs = [Subsamp::None, Subsamp::Sub2x1, Subsamp::Sub2x2, Subsamp::Sub4x1, Subsamp::Gray].into_iter();
    let jpegs = jpegs.flat_map(|subsamp| {
        [false, true].map(|is_progressive| {
            let mut compressor = Compressor::new().unwrap();
            compressor.set_subsamp(subsamp).unwrap();
            compressor.set_progressive(is_progressive).unwrap();
            let bytes = compressor.compress_to_vec(bgr_image(&packed)).unwrap();
            Frame::compressed(origin(), PixelFormat::Jpeg, SIZE, bytes.into())
        })
    });
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, SIZE.width_px, SIZE.height_px);
    encoder.set_color(png::ColorType::Rgb);
    encoder.write_header().unwrap().write_image_data(&packed).unwrap();
    raws.chain(jpegs).chain([Frame::compressed(origin(), PixelFormat::Png, SIZE, file.into())]).collect()
}

/// Whatever is masked, every view is the same, in every format and at every scale. What is far from the mask is as it was.
#[test]
fn no_view_depends_on_what_is_masked() {
    let (mut scratch, mask) = (Scratch::new().unwrap(), mask());
    for (frame, other) in secrets(1).into_iter().zip(secrets(2)) {
        for width_px in [8, 16, 32, 64] {
            for needs in [Needs::luma(width_px), Needs::luma(width_px).and(Needs::bgr(64))] {
                let what = format!("{frame:?} {needs:?} {width_px}");
                let mut decode = |frame: &Frame, mask| {
                    let views = Views::decode_masked(frame, needs, mask, &mut scratch).unwrap().unwrap();
                    let kinds = [views.luma(width_px), views.bgr(width_px)].map(Result::unwrap);
                    (kinds.map(|view| view.try_clone().unwrap()), views.masked(width_px, |_| false).unwrap())
                };
                let bytes = |views: &[Mat; 2]| views.each_ref().map(|view| view.data_bytes().unwrap().to_vec());
                let ((whole, _), (other_whole, _)) = (decode(&frame, None), decode(&other, None));
                assert!(bytes(&whole) != bytes(&other_whole), "{what}: the secret is to be seen without a mask");
                let ((painted, masked), (other_painted, _)) =
                    (decode(&frame, Some(&mask)), decode(&other, Some(&mask)));
                assert!(bytes(&painted) == bytes(&other_painted), "{what}: the secret is to be seen");
                let masked = masked.unwrap();
                for (before, after) in whole.iter().zip(&painted) {
                    let channels = usize::try_from(before.channels()).unwrap();
                    let pixels = |view: &Mat| {
                        view.data_bytes().unwrap().chunks(channels).map(<[u8]>::to_vec).collect::<Vec<_>>()
                    };
                    let pixels = pixels(before).into_iter().zip(pixels(after)).zip(masked.data_bytes().unwrap());
                    for (number, ((before, after), masked)) in pixels.enumerate() {
                        assert!(before == after || *masked == 255, "{what}: pixel {number} is another one");
                    }
                }
                let last_row = masked.at_row::<u8>(masked.rows() - 1).unwrap();
                assert!(last_row.iter().all(|masked| *masked == 0), "{what}: more is masked than has to be");
            }
        }
    }
}

#[test]
fn the_frame_itself_is_not_painted() {
    let (mut scratch, mask) = (Scratch::new().unwrap(), mask());
    for format in [PixelFormat::Grey, PixelFormat::Nv12, PixelFormat::I420] {
        let frame = raw(format, 24);
        let before = frame.bytes().to_vec();
        let views = Views::decode_masked(&frame, Needs::luma(64), Some(&mask), &mut scratch).unwrap().unwrap();
        assert_eq!(*views.luma(64).unwrap().at_2d::<u8>(20, 30).unwrap(), GREY);
        assert_eq!(*frame.bytes(), before);
        let copied_to = views.luma(64).unwrap().data();
        drop(views);
        scratch.trim();
        let views = Views::decode_masked(&frame, Needs::luma(64), Some(&mask), &mut scratch).unwrap().unwrap();
        assert_eq!(views.luma(64).unwrap().data(), copied_to, "the next frame is copied to the same place");
    }
}

/// What a crop of this part shows, at its full size: the colours of its first and its last column.
fn crop_of(frame: &Frame, part: [u32; 4], mask: Option<&PrivacyMask>) -> (Rect, Size, [Vec<u8>; 2]) {
    let mut scratch = Scratch::new().unwrap();
    let views = Views::decode_masked(frame, Needs::crops(), mask, &mut scratch).unwrap().expect("crops are needed");
    let crop = views.bgr_crop(part.into(), 4096).unwrap();
    let (size, pixels) = (crop.size(), crop.pixels());
    assert_eq!(pixels.len(), size.width_px as usize * size.height_px as usize * 3);
    let last = pixels.len() - 3;
    (crop.bounds(), size, [pixels[..3].to_vec(), pixels[last..].to_vec()])
}

fn is_about(found: &[u8], expected: [u8; 3]) -> bool {
    found.iter().zip(expected).all(|(found, expected)| found.abs_diff(expected) <= 12)
}

#[test]
fn a_crop_shows_its_part_of_a_frame_of_any_format() {
    let frames = [PixelFormat::Bgr24, PixelFormat::Rgb24, PixelFormat::Yuyv, PixelFormat::Nv12, PixelFormat::I420];
    let raw = frames.into_iter().flat_map(|format| [raw(format, 0), raw(format, 8)]);
    for frame in raw.chain([jpeg()]).chain(pngs()) {
        for (part, expected) in [
            ([2, 4, 60, 40], [HALVES[0].1, HALVES[1].1]),
            ([2, 4, 20, 30], [HALVES[0].1, HALVES[0].1]),
            ([36, 20, 28, 28], [HALVES[1].1, HALVES[1].1]),
            ([40, 30, 900, 900], [HALVES[1].1, HALVES[1].1]),
        ] {
            let (bounds, size, corners) = crop_of(&frame, part, None);
            let expected = if frame.format() == PixelFormat::Png { None } else { Some(expected) };
            let wanted = [part[2].min(64 - part[0]), part[3].min(48 - part[1])];
            assert_eq!([bounds.width, bounds.height], [size.width_px, size.height_px], "it is not made smaller");
            assert!(bounds.x <= part[0] && part[0] - bounds.x < 16, "{bounds:?}");
            assert!(bounds.x + bounds.width == part[0] + wanted[0] && bounds.y + bounds.height == part[1] + wanted[1]);
            for (corner, expected) in corners.iter().zip(expected.into_iter().flatten()) {
                assert!(is_about(corner, expected), "{:?} {part:?}: {corner:?}", frame.format());
            }
        }
        let mut scratch = Scratch::new().unwrap();
        let views = Views::decode(&frame, Needs::crops(), &mut scratch).unwrap().unwrap();
        assert!(views.bgr_crop([64, 0, 5, 5].into(), 100).is_err(), "it is outside");
        let whole = views.bgr_crop([0, 0, 64, 48].into(), 16).unwrap();
        assert_eq!(whole.size(), Size { width_px: 16, height_px: 12 });
        assert_eq!(whole.bounds(), [0, 0, 64, 48].into());
    }
}

/// Each crop of a JPEG, whatever its sampling and scale, has the pixels of the whole picture; at an edge that it is cut at the
/// colour of the next block is not mixed in.
#[test]
fn crops_of_a_jpeg_are_parts_of_its_picture() {
    let pixels: Vec<u8> = (0..HEIGHT)
        .flat_map(|y| {
            (0..WIDTH).flat_map(move |x| [x * 4, y * 5, (x + y) * 2].map(|value| u8::try_from(value).unwrap()))
        })
        .collect();
    for subsamp in [Subsamp::None, Subsamp::Sub2x1, Subsamp::Sub2x2, Subsamp::Sub1x2, Subsamp::Gray] {
        for is_progressive in [false, true] {
            let mut compressor = Compressor::new().unwrap();
            compressor.set_quality(95).unwrap();
            compressor.set_subsamp(subsamp).unwrap();
            compressor.set_progressive(is_progressive).unwrap();
            let bytes = compressor.compress_to_vec(bgr_image(&pixels)).unwrap();
            let frame = Frame::compressed(origin(), PixelFormat::Jpeg, SIZE, bytes.into());
            let mut scratch = Scratch::new().unwrap();
            let views = Views::decode(&frame, Needs::crops(), &mut scratch).unwrap().unwrap();
            for wanted_px in [64, 16, 8, 4] {
                let whole = views.bgr_crop([0, 0, 64, 48].into(), wanted_px).unwrap();
                for part in [[0, 0, 20, 20], [17, 9, 30, 31], [40, 20, 24, 28], [5, 33, 59, 15]] {
                    // At the same scale as the whole picture.
                    let side = wanted_px * part[2] / 64;
                    let crop = views.bgr_crop(part.into(), side.max(1)).unwrap();
                    let scale = crop.bounds().width.div_ceil(crop.size().width_px);
                    if scale != 64 / whole.size().width_px {
                        continue;
                    }
                    let [left, top] = [crop.bounds().x / scale, crop.bounds().y / scale];
                    let (width, whole_width) = (crop.size().width_px as usize, whole.size().width_px as usize);
                    for (n, pixel) in crop.pixels().chunks(3).enumerate() {
                        let (x, y) = (n % width, n / width);
                        let at = 3 * ((y + top as usize) * whole_width + x + left as usize);
                        let most = if x < 2 || x + 2 >= width { 40 } else { 3 };
                        let differs = pixel.iter().zip(&whole.pixels()[at..]).any(|(a, b)| a.abs_diff(*b) > most);
                        assert!(!differs, "{subsamp:?} {wanted_px} {part:?} at {x},{y}: {pixel:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn crops_are_masked() {
    let mask = PrivacyMask::new(&[Mask::of(vec![[0.25, 0.25], [0.75, 0.25], [0.75, 0.75], [0.25, 0.75]])]).unwrap();
    let white = vec![255; WIDTH * HEIGHT * 3];
    let of_jpeg = |subsamp| {
        let bytes = compress(bgr_image(&white), 95, subsamp).unwrap();
        Frame::compressed(origin(), PixelFormat::Jpeg, SIZE, Bytes::copy_from_slice(&bytes))
    };
    let raw = Frame::raw(origin(), PixelFormat::Bgr24, SIZE, 0, white.clone().into()).unwrap();
    for frame in [of_jpeg(Subsamp::None), of_jpeg(Subsamp::Sub2x2), of_jpeg(Subsamp::Sub2x1), raw] {
        let mut scratch = Scratch::new().unwrap();
        for needs in [Needs::crops(), Needs::crops().and(Needs::luma(8))] {
            let views = Views::decode_masked(&frame, needs, Some(&mask), &mut scratch).unwrap().unwrap();
            for wanted_px in [64, 32, 16, 8] {
                for part in [[0, 0, 64, 48], [16, 16, 32, 16], [20, 13, 20, 30], [8, 8, 20, 20], [47, 11, 3, 30]] {
                    let crop = views.bgr_crop(part.into(), wanted_px * part[2] / 64 + 1).unwrap();
                    let (bounds, size) = (crop.bounds(), crop.size());
                    let scale = bounds.width.div_ceil(size.width_px);
                    for (n, pixel) in (0_u32..).zip(crop.pixels().chunks(3)) {
                        let [x, y] = [n % size.width_px, n / size.width_px];
                        let [x, y] = [bounds.x + x * scale, bounds.y + y * scale];
                        // Raw pixels are painted before they are made smaller, and mixed with those beside the mask.
                        let rim = if frame.format().is_raw() { 0 } else { scale - 1 };
                        let is_masked =
                            x + rim >= 16 && x + scale <= 48 + rim && y + rim >= 12 && y + scale <= 36 + rim;
                        let is_far = x + scale + 18 < 16 || x > 48 + 18 || y > 36 + 18;
                        assert!(!is_masked || pixel == [GREY; 3], "{part:?} {x},{y}: {pixel:?}");
                        assert!(!is_far || pixel[0] > 240, "{part:?} {x},{y}: {pixel:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_damaged_jpeg_has_no_crops_and_spoils_no_later_ones() {
    let (good, mut scratch) = (jpeg(), Scratch::new().unwrap());
    let cut = Bytes::copy_from_slice(&good.bytes()[..good.bytes().len() / 2 + 200]);
    for _ in 0..3 {
        let bad = Frame::compressed(origin(), PixelFormat::Jpeg, SIZE, cut.clone());
        if let Ok(views) = Views::decode(&bad, Needs::crops(), &mut scratch) {
            assert!(views.unwrap().bgr_crop([0, 0, 30, 30].into(), 64).is_err());
        }
        let views = Views::decode(&good, Needs::crops(), &mut scratch).unwrap().unwrap();
        let crop = views.bgr_crop([0, 0, 30, 30].into(), 64).unwrap();
        assert!(is_about(&crop.pixels()[..3], HALVES[0].1));
    }
}

use std::time::{Duration, Instant};

use turbojpeg::{Compressor, Decompressor, Image, PixelFormat as JpegFormat, Subsamp};

use super::*;
use crate::{
    config::mask::Mask,
    frame::{Camera, CapturedBy, Origin, PixelFormat, Size},
    system::clock::Monotonic,
};

/// Odd, so that the last MCUs reach beyond the picture.
const WIDTH: u32 = 203;
const HEIGHT: u32 = 117;

fn frame(size: Size, jpeg: Vec<u8>) -> Frame {
    let (captured_at, captured_by) = (Monotonic::from_micros(1), CapturedBy::Arrival);
    let origin = Origin { camera: Camera::new("door"), seq: 1, captured_at, captured_by };
    Frame::compressed(origin, PixelFormat::Jpeg, size, jpeg.into())
}

/// Squares of random colours.
fn pixels(size: Size) -> Vec<u8> {
    let colour = |x: u32, y: u32, channel: u32| {
        let seed = (x / 5).wrapping_mul(2_654_435_761) ^ (y / 3).wrapping_mul(2_246_822_519) ^ channel.wrapping_mul(97);
        (seed.wrapping_mul(3_266_489_917) >> 13).to_le_bytes()[0]
    };
    let columns = |y: u32| (0..size.width_px).flat_map(move |x| (0..3).map(move |channel| colour(x, y, channel)));
    (0..size.height_px).flat_map(columns).collect()
}

fn compress(size: Size, set: impl FnOnce(&mut Compressor)) -> Vec<u8> {
    let (width, height) = (size.width_px as usize, size.height_px as usize);
    let mut compressor = Compressor::new().expect("memory");
    compressor.set_quality(85).expect("1 to 100");
    set(&mut compressor);
    let pixels = pixels(size);
    let image = Image { pixels: &pixels[..], width, pitch: 3 * width, height, format: JpegFormat::RGB };
    compressor.compress_to_vec(image).expect("a picture")
}

fn masks(corners: [f32; 4]) -> PrivacyMask {
    let [left, top, right, bottom] = corners;
    let polygon = vec![[left, top], [right, top], [right, bottom], [left, bottom]];
    PrivacyMask::new(&[Mask::of(polygon)]).expect("there is one")
}

/// A plane of a JPEG as it is stored: how many pixels a sample stands for each way, and rows of samples.
struct StoredPlane {
    step: [usize; 2],
    rows: Vec<Vec<u8>>,
}

fn planes(jpeg: &[u8]) -> Vec<StoredPlane> {
    let yuv = turbojpeg::decompress_to_yuv(jpeg).expect("a whole picture");
    let mut sizes = vec![(yuv.y_size(), [1, 1])];
    if yuv.subsamp != Subsamp::Gray {
        sizes.extend([(yuv.uv_size(), [yuv.subsamp.width(), yuv.subsamp.height()]); 2]);
    }
    let mut rest = &yuv.pixels[..];
    let mut cut = |((stride, height), step): ((usize, usize), [usize; 2])| {
        let (plane, behind) = rest.split_at(stride * height);
        rest = behind;
        let [width, height] = [(WIDTH, step[0]), (HEIGHT, step[1])].map(|(side, step)| (side as usize).div_ceil(step));
        StoredPlane { step, rows: plane.chunks(stride).take(height).map(|row| row[..width].to_vec()).collect() }
    };
    sizes.into_iter().map(&mut cut).collect()
}

/// Checks that each sample of an MCU that the mask reaches into is grey, and that all others are the camera's.
fn check(what: &str, jpeg: &[u8], mcu: [u32; 2], corners: [f32; 4]) {
    let size = Size { width_px: WIDTH, height_px: HEIGHT };
    let [left, top, right, bottom] = corners.map(f64::from);
    let masked = masked(&frame(size, jpeg.to_vec()), &masks(corners)).unwrap_or_else(|why| panic!("{what}: {why}"));
    let is_hidden = |x: f64, y: f64| {
        let reaches = |at: f64, side: u32, full: u32, from: f64, to: f64| {
            let start = (at / f64::from(side)).floor() * f64::from(side);
            start < to * f64::from(full) - 0.01 && start + f64::from(side) > from * f64::from(full) + 0.01
        };
        reaches(x, mcu[0], WIDTH, left, right) && reaches(y, mcu[1], HEIGHT, top, bottom)
    };
    let (mut hidden, mut shown) = (0, 0);
    for (number, (before, after)) in planes(jpeg).iter().zip(planes(&masked)).enumerate() {
        let [across, down] = before.step;
        for (y, (before, after)) in before.rows.iter().zip(&after.rows).enumerate() {
            for (x, (was, is)) in before.iter().zip(after).enumerate() {
                if is_hidden((x * across) as f64, (y * down) as f64) {
                    hidden += 1;
                    assert_eq!(*is, 128, "{what}: plane {number} shows {x},{y}");
                } else {
                    shown += 1;
                    assert_eq!(is, was, "{what}: plane {number} is another one at {x},{y}");
                }
            }
        }
    }
    assert!(hidden > 500 && shown > 500, "{what}: {hidden} {shown}");
}

/// What makes a compressor another one.
type Set = fn(&mut Compressor);

const KINDS: [(Subsamp, [u32; 2]); 6] = [
    (Subsamp::None, [8, 8]),
    (Subsamp::Sub2x1, [16, 8]),
    (Subsamp::Sub2x2, [16, 16]),
    (Subsamp::Sub1x2, [8, 16]),
    (Subsamp::Sub4x1, [32, 8]),
    (Subsamp::Gray, [8, 8]),
];

#[test]
fn blocks_in_a_mask_are_grey_and_all_others_are_the_cameras() {
    let size = Size { width_px: WIDTH, height_px: HEIGHT };
    for corners in [[0.25, 0.25, 0.6, 0.7], [0.0, 0.0, 0.31, 1.0], [0.77, 0.6, 1.0, 1.0]] {
        for (subsamp, mcu) in KINDS {
            let kinds: [(&str, Set); 3] = [
                ("baseline", |_| {}),
                ("progressive", |compressor| compressor.set_progressive(true).expect("it exists")),
                ("optimized", |compressor| compressor.set_optimize(true).expect("it exists")),
            ];
            for (kind, set) in kinds {
                let jpeg = compress(size, |compressor| {
                    compressor.set_subsamp(subsamp).expect("it exists");
                    set(compressor);
                });
                check(&format!("{subsamp:?} {kind} {corners:?}"), &jpeg, mcu, corners);
            }
        }
    }
}

/// A JPEG without its Huffman tables, as MJPEG cameras send it.
fn without_tables(jpeg: &[u8]) -> Vec<u8> {
    let (mut out, mut at) = (jpeg[..2].to_vec(), 2);
    loop {
        let length = 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        if jpeg[at + 1] != 0xc4 {
            out.extend(&jpeg[at..at + length]);
        }
        at += length;
        if jpeg[at - length + 1] == 0xda {
            out.extend(&jpeg[at..]);
            return out;
        }
    }
}

/// Some segments behind the first mark.
fn with_segments(jpeg: &[u8], segments: &[(u8, &[u8])]) -> Vec<u8> {
    let mut out = jpeg[..2].to_vec();
    for (marker, body) in segments {
        let length = u16::try_from(body.len() + 2).expect("short").to_be_bytes();
        out.extend([&[0xff, *marker][..], &length, body].concat());
    }
    [out, jpeg[2..].to_vec()].concat()
}

#[test]
fn a_jpeg_without_tables_is_masked_too() {
    let size = Size { width_px: WIDTH, height_px: HEIGHT };
    let jpeg = compress(size, |compressor| compressor.set_subsamp(Subsamp::Sub2x1).expect("it exists"));
    let cut = without_tables(&jpeg);
    assert!(cut.len() < jpeg.len());
    check("no tables", &cut, [16, 8], [0.25, 0.25, 0.6, 0.7]);
}

/// Thumbnails, comments and what stands behind the end show the whole picture.
#[test]
fn nothing_but_the_picture_is_kept() {
    let size = Size { width_px: WIDTH, height_px: HEIGHT };
    let jpeg = compress(size, |_| {});
    let secret = b"a thumbnail of everything";
    let exif = [b"Exif\0\0".as_slice(), secret].concat();
    let jfif = [b"JFIF\0\x01\x01\0\0\x01\0\x01\x03\x03".as_slice(), secret, &[0; 2]].concat();
    let mut whole = with_segments(&jpeg, &[(0xe1, &exif), (0xe0, &jfif), (0xfe, secret), (0xef, secret)]);
    whole.extend(secret);
    let masked = masked(&frame(size, whole), &masks([0.0, 0.0, 0.1, 0.1])).expect("it is whole");
    assert!(!masked.windows(secret.len()).any(|window| window == secret));
    assert!(masked.ends_with(&[0xff, 0xd9]));
}

#[test]
fn a_picture_that_cannot_be_read_to_its_end_is_not_shown() {
    let size = Size { width_px: WIDTH, height_px: HEIGHT };
    let mask = masks([0.0, 0.0, 0.1, 0.1]);
    for kind in [false, true] {
        let jpeg = compress(size, |compressor| compressor.set_progressive(kind).expect("it exists"));
        let mut refused = 0;
        for length in (0..jpeg.len() - 2).step_by(97) {
            let cut = masked(&frame(size, jpeg[..length].to_vec()), &mask);
            assert!(cut.is_err(), "{length} bytes of {}", jpeg.len());
            refused += 1;
        }
        assert!(refused > 50, "{refused}");
        let other = Size { width_px: WIDTH + 8, height_px: HEIGHT };
        assert!(masked(&frame(other, jpeg), &mask).is_err(), "another size than its header says");
    }
}

#[test]
fn printers_pictures_are_masked_too() {
    let (width, height) = (WIDTH as usize, HEIGHT as usize);
    let cmyk: Vec<u8> = pixels(Size { width_px: WIDTH * 4 / 3 + 1, height_px: HEIGHT });
    for colorspace in [turbojpeg::Colorspace::CMYK, turbojpeg::Colorspace::YCCK] {
        let mut compressor = Compressor::new().expect("memory");
        compressor.set_colorspace(colorspace).expect("it exists");
        let image =
            Image { pixels: &cmyk[..4 * width * height], width, pitch: 4 * width, height, format: JpegFormat::CMYK };
        let jpeg = compressor.compress_to_vec(image).expect("a picture");
        let size = Size { width_px: WIDTH, height_px: HEIGHT };
        let masked = masked(&frame(size, jpeg.clone()), &masks([0.0, 0.0, 0.5, 1.0])).expect("it is whole");
        let decode = |jpeg: &[u8]| {
            let mut pixels = vec![0; 4 * width * height];
            let image = Image { pixels: &mut pixels[..], width, pitch: 4 * width, height, format: JpegFormat::CMYK };
            Decompressor::new().expect("memory").decompress(jpeg, image).expect("whole");
            pixels
        };
        let (before, after) = (decode(&jpeg), decode(&masked));
        let at = |x: usize, y: usize| 4 * (y * width + x)..4 * (y * width + x) + 4;
        for y in 0..height {
            assert!((0..90).all(|x| after[at(x, y)] == after[at(0, 0)]), "{colorspace:?}: row {y} is to be seen");
            assert!(
                (140..width).all(|x| after[at(x, y)] == before[at(x, y)]),
                "{colorspace:?}: row {y} is another one"
            );
        }
    }
}

/// Filter against none, by turns: `cargo test --release --lib masked_jpeg -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
#[expect(clippy::print_stdout, reason = "it is what a measurement is for")]
fn the_filter_costs_little_beside_the_entropy_codes() {
    let size = Size { width_px: 1920, height_px: 1080 };
    let jpeg = compress(size, |compressor| compressor.set_subsamp(Subsamp::Sub2x2).expect("it exists"));
    let frame = frame(size, jpeg.clone());
    let side = |area: f32| area.sqrt();
    for area in [0.05, 0.5] {
        let mask = masks([0.1, 0.1, 0.1 + side(area), 0.1 + side(area)]);
        let (mut with, mut without) = (Vec::new(), Vec::new());
        for _ in 0..40 {
            let began = Instant::now();
            masked(&frame, &mask).expect("whole");
            with.push(began.elapsed());
            let began = Instant::now();
            transform::transform(&jpeg, 1, None).expect("whole");
            without.push(began.elapsed());
        }
        // The quarter that the machine disturbed least.
        let quick = |times: &mut Vec<Duration>| {
            times.sort();
            times[times.len() / 4]
        };
        let (with, without) = (quick(&mut with), quick(&mut without));
        let ratio = with.as_secs_f64() / without.as_secs_f64();
        println!("{:.0} % masked: {with:.2?} for {without:.2?}, {ratio:.2} times", area * 100.0);
    }
}

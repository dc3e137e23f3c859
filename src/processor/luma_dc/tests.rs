use turbojpeg::{Compressor, Decompressor, Image, PixelFormat, Subsamp};

use self::random_jpeg::{Random, random_jpeg};
use super::{fuzz::compare, *};
use crate::recording::Recording;

mod random_jpeg;

const SAMPLINGS: [Subsamp; 7] =
    [Subsamp::None, Subsamp::Sub2x1, Subsamp::Sub2x2, Subsamp::Sub1x2, Subsamp::Sub4x1, Subsamp::Sub1x4, Subsamp::Gray];

/// Markers.
const SOF: [u8; 2] = [0xff, 0xc0];
const SOS: [u8; 2] = [0xff, 0xda];
const DHT: [u8; 2] = [0xff, 0xc4];
const DQT: [u8; 2] = [0xff, 0xdb];

/// A picture with edges, gradients and noise, in red, green and blue.
fn picture(size: Size, seed: usize) -> Vec<u8> {
    let width = size.width_px as usize;
    let level = |at: usize| {
        let (x, y, noise) = (at / 3 % width, at / 3 / width, (at + seed).wrapping_mul(2_654_435_761) >> 9);
        let edge = if (x / 13 + y / 9 + seed) % 5 < 2 { 140 } else { 0 };
        (edge + (x + y * 2 + at % 3 * 30) % 90 + noise % 17).min(255).to_le_bytes()[0]
    };
    (0..width * size.height_px as usize * 3).map(level).collect()
}

fn compressed(size: Size, pixels: &[u8], set: impl FnOnce(&mut Compressor) -> turbojpeg::Result<()>) -> Vec<u8> {
    let (width, height) = (size.width_px as usize, size.height_px as usize);
    let mut compressor = Compressor::new().unwrap();
    set(&mut compressor).unwrap();
    let image = Image { pixels, width, pitch: width * 3, height, format: PixelFormat::RGB };
    compressor.compress_to_vec(image).unwrap()
}

fn jpeg(width_px: u32, height_px: u32, sampling: Subsamp) -> (Vec<u8>, Size) {
    let size = Size { width_px, height_px };
    (compressed(size, &picture(size, 1), |jpeg| jpeg.set_subsamp(sampling)), size)
}

/// Every 40th frame of the clip.
fn clip() -> Vec<(Vec<u8>, Size)> {
    let recording = Recording::open(&["tests/data/vtest.avi".into()]).unwrap();
    let size = Size { width_px: 640, height_px: 480 };
    recording.stills().step_by(40).map(|still| (still.unwrap().bytes.to_vec(), size)).collect()
}

/// That a file is accepted, and decoded without libjpeg-turbo, to the same pixels.
fn check((file, size): &(Vec<u8>, Size), name: &str) {
    let (decoded, was_needed) = compare(file, *size);
    assert_eq!(decoded.err(), None, "{name}, {size}");
    assert!(!was_needed, "{name}, {size}: it is left to libjpeg-turbo");
}

/// What libjpeg-turbo says of a file that is left to it.
fn left(file: &[u8], size: Size) -> Result<(), String> {
    let (decoded, was_needed) = compare(file, size);
    assert!(was_needed, "{size}: it is decoded");
    decoded.map(drop)
}

fn position(file: &[u8], marker: [u8; 2]) -> usize {
    file.windows(2).position(|pair| pair == marker).unwrap()
}

/// A file without its segments of one kind.
fn without(file: &[u8], marker: [u8; 2]) -> Vec<u8> {
    let mut file = file.to_vec();
    while let Some(start) = file[..position(&file, SOS)].windows(2).position(|pair| pair == marker) {
        let length = usize::from(u16::from_be_bytes([file[start + 2], file[start + 3]]));
        file.drain(start..start + 2 + length);
    }
    file
}

#[test]
fn every_sampling_size_and_quality_is_the_same_to_the_byte() {
    let sides = [1, 7, 8, 9, 16, 17, 31, 33, 64, 95];
    for (at, (width_px, height_px)) in sides.into_iter().flat_map(|w| sides.map(|h| (w, h))).enumerate() {
        let size = Size { width_px, height_px };
        for sampling in SAMPLINGS {
            let quality = [1, 30, 75, 90, 95, 100][at % 6];
            let file = compressed(size, &picture(size, at), |jpeg| {
                jpeg.set_quality(quality)?;
                jpeg.set_optimize(at % 3 == 0)?;
                jpeg.set_subsamp(sampling)
            });
            check(&(file, size), &format!("{sampling:?}, quality {quality}"));
        }
    }
}

#[test]
fn a_cameras_frames_are_the_same_to_the_byte() {
    for (at, (file, size)) in clip().into_iter().take(5).enumerate() {
        check(&(file.clone(), size), "as it is");
        let mut pixels = vec![0; 640 * 480 * 3];
        let image =
            Image { pixels: &mut pixels[..], width: 640, pitch: 640 * 3, height: 480, format: PixelFormat::RGB };
        Decompressor::new().unwrap().decompress(&file, image).unwrap();
        for (quality, sampling) in [(50, Subsamp::Sub2x2), (85, SAMPLINGS[at]), (97, SAMPLINGS[at + 1])] {
            let file = compressed(size, &pixels, |jpeg| {
                jpeg.set_quality(quality)?;
                jpeg.set_optimize(at % 2 == 0)?;
                jpeg.set_subsamp(sampling)
            });
            check(&(file, size), &format!("{sampling:?}, quality {quality}"));
        }
    }
}

#[test]
fn random_coefficients_and_codes_are_the_same_to_the_byte() {
    let mut random = Random(1);
    for at in 0..800 {
        check(&random_jpeg(&mut random), &format!("file {at}"));
    }
}

/// The tables of one file are not used for the next.
#[test]
fn tables_are_kept_and_never_taken_for_others() {
    let mut luma_dc = LumaDc::default();
    let mut random = Random(2);
    let files: Vec<_> = (0..20).map(|_| random_jpeg(&mut random)).collect();
    let expected = files.iter().map(|(file, size)| compare(file, *size).0.unwrap()).collect::<Vec<_>>();
    for _ in 0..300 {
        // Now the same few, now all.
        let at = random.below(files.len()) % if random.once_in(2) { 3 } else { files.len() };
        let (file, size) = &files[at];
        let mut pixels = vec![0; expected[at].len()];
        luma_dc.decode(file, *size, &mut pixels).unwrap();
        assert!(pixels == expected[at], "file {at}");
        let damaged = &file[..file.len() / 2];
        assert_eq!(luma_dc.decode(damaged, *size, &mut pixels), None);
    }
}

#[test]
fn a_webcams_motion_jpeg_has_no_tables() {
    for sampling in [Subsamp::Sub2x1, Subsamp::Gray] {
        let (file, size) = jpeg(95, 70, sampling);
        let bare = without(&file, DHT);
        assert!(bare.len() < file.len() - 200);
        check(&(bare.clone(), size), "without tables");
        assert_eq!(compare(&bare, size).0, compare(&file, size).0);
    }
}

/// Many webcams write some bytes more, as far as fovea bears with it.
#[test]
fn bytes_before_the_end_are_read_over_or_left() {
    let (file, size) = jpeg(64, 48, Subsamp::Sub2x2);
    let (head, end) = file.split_at(file.len() - 2);
    for count in 0..40 {
        let longer = [head, &vec![0x37; count], end].concat();
        let (decoded, was_needed) = compare(&longer, size);
        assert!(decoded.is_ok() || count > 16, "{count}");
        assert!(!was_needed || count > 8, "{count} bytes are left to libjpeg-turbo");
        assert!(was_needed || decoded.is_ok());
    }
    check(&([&file[..], &[0x37; 100]].concat(), size), "bytes behind the end");
    assert!(left(&[head, &[0xff, 0xd0], end].concat(), size).is_ok(), "a restart marker is nothing to libjpeg");
}

#[test]
fn what_is_unusual_is_left_to_libjpeg_turbo() {
    let (file, size) = jpeg(64, 48, Subsamp::Sub2x2);
    let progressive = compressed(size, &picture(size, 1), |jpeg| jpeg.set_progressive(true));
    assert_eq!(left(&progressive, size), Ok(()));
    let arithmetic = compressed(size, &picture(size, 1), |jpeg| jpeg.set_arithmetic(true));
    assert!(left(&arithmetic, size).is_err());
    assert!(left(&without(&file, DQT), size).is_err(), "no quantizers");
    let changed = |marker: [u8; 2], at: usize, value: u8| {
        let mut file = file.clone();
        let start = position(&file, marker);
        file[start + at] = value;
        left(&file, size)
    };
    for (what, marker, at, value) in [
        ("another precision", SOF, 4, 12),
        ("another kind", SOF, 1, 0xc3),
        ("quantizers that are not there", SOF, 18, 3),
        ("half of the codes of chroma", SOF, 14, 0x21),
        ("coefficients that are not sent", SOS, 12, 62),
        ("bits that are not sent", SOS, 13, 1),
        ("tables that are not there", SOS, 6, 0x20),
        ("a component twice", SOS, 7, 1),
        ("codes that are too many", DHT, 5, 3),
    ] {
        assert!(changed(marker, at, value).is_err(), "{what}");
    }
}

#[test]
fn damaged_data_is_left_to_libjpeg_turbo() {
    let (file, size) = jpeg(64, 48, Subsamp::Sub2x2);
    let data = position(&file, SOS) + 14;
    for at in [data + 1, (data + file.len()) / 2, file.len() - 3] {
        assert!(left(&file[..at], size).is_err(), "cut off at {at}");
        let cut = [&file[..at], &[0xff, 0xd9]].concat();
        assert!(left(&cut, size).is_err(), "ended at {at}");
    }
    assert!(left(&file, Size { width_px: 63, ..size }).is_err(), "another size");
    let mut luma_dc = LumaDc::default();
    assert_eq!(luma_dc.decode(&file, size, &mut [0; 47]), None, "no room");
    assert_eq!(luma_dc.decode(&file, size, &mut [0; 48]), Some(()));
}

/// Mutates files `times` times. Returns how many were decoded, and how many were refused.
fn mutations(seed: u64, times: usize) -> [usize; 2] {
    let mut random = Random(seed);
    let mut files: Vec<_> = SAMPLINGS.map(|sampling| jpeg(70, 50, sampling)).into();
    files.extend((0..30).map(|_| random_jpeg(&mut random)));
    let mut counts = [0; 2];
    for _ in 0..times {
        let (mut file, size) = files[random.below(files.len())].clone();
        for _ in 0..1 + random.below(3) {
            let data = file.windows(2).position(|pair| pair == SOS).unwrap_or(0);
            // Half of the changes are in the head, where there is more to say.
            let at = if random.once_in(2) { random.below(data + 12) } else { random.below(file.len()) };
            let at = at.min(file.len() - 1);
            let byte = [random.below(256), 0, 0xff, 0xd9][random.below(4)].to_le_bytes()[0];
            match random.below(6) {
                0 => file[at] = byte,
                1 => file[at] ^= 1 << random.below(8),
                2 => file.insert(at, byte),
                3 => drop(file.remove(at)),
                4 => file.truncate(file.len() - random.below(20).min(file.len() - 1)),
                _ => {
                    let end = file.len() - 2.min(file.len());
                    file.splice(end..end, vec![byte; random.below(20)]);
                }
            }
        }
        let (decoded, was_needed) = compare(&file, size);
        counts[0] += usize::from(!was_needed);
        counts[1] += usize::from(decoded.is_err());
    }
    counts
}

#[test]
fn no_mutation_is_decoded_to_anything_else() {
    let [decoded, refused] = mutations(3, 1000);
    assert!(decoded > 100 && refused > 100, "{decoded} decoded, {refused} refused of 1000");
}

/// `tests/run --full` does this.
#[test]
#[ignore = "it takes minutes"]
fn no_mutation_of_many_is_decoded_to_anything_else() {
    let [decoded, refused] = mutations(4, 100_000);
    assert!(decoded > 10_000 && refused > 10_000, "{decoded} decoded, {refused} refused of 100000");
}

//! A bad frame costs itself and nothing else: it is refused with its cause, and the next good one is looked at.

use png::{BitDepth, ColorType};
use serde_json::{Value, json};
use turbojpeg::{Colorspace, Subsamp};

use crate::support::{
    client::{BGR24, Client, GREY, I420, JPEG, NV12, PNG, V1, YUYV},
    daemon::{DOOR, Daemon},
    pictures::Picture,
};

/// A correct JPEG of 41 kB that takes seconds to decode whole; see the README beside it.
const THOUSAND_SCANS: &[u8] = include_bytes!("../data/odd-jpeg/progressive-1000-scans.jpg");

/// What is to become of a message.
enum Fate {
    /// A result, of a picture of this size.
    Seen(u32, u32),
    /// Refused: the cause as counted, and how the words begin.
    Refused(&'static str, &'static str),
}
use Fate::{Refused, Seen};

/// Sends each message and after it a good one, whose result must follow; then compares the counts at the end.
fn check(is_v1: bool, cases: Vec<(&str, Vec<u8>, Fate)>) {
    // Twice the pixels of the largest picture here that is to be seen.
    let mut daemon = Daemon::start(&format!("server.max_pixels = 5000000\n{DOOR}"));
    let path = "/frames/door?results";
    let mut sender = if is_v1 { Client::connect_v1(&daemon, path) } else { Client::connect(&daemon, path) };
    let good = Picture::scene(160, 120);
    let (mut seq, mut refused) = (0, std::collections::BTreeMap::new());
    let next = |sender: &mut Client| loop {
        let message = sender.next();
        if message["type"] == "result" || message["type"] == "refused" {
            return message;
        }
    };
    for (name, message, fate) in cases {
        sender.send(message);
        let message = next(&mut sender);
        seq += 1;
        match fate {
            Seen(width, height) => {
                assert_eq!(
                    [&message["type"], &message["size_px"]],
                    [&json!("result"), &json!([width, height])],
                    "{name}: {message}"
                );
            }
            Refused(cause, words) => {
                assert_eq!(message["type"], "refused", "{name}: {message}");
                let said = message["cause"].as_str().expect("text");
                assert!(said.starts_with(words), "{name}: {said}");
                *refused.entry(cause.to_owned()).or_insert(0) += 1;
            }
        }
        if !is_v1 {
            assert_eq!(message["seq"], seq, "{name}");
        }
        seq += 1;
        sender.send(if is_v1 {
            V1 { format: GREY, size: (160, 120), seq, picture: &good.pixels, ..V1::default() }.message()
        } else {
            good.jpeg()
        });
        let message = next(&mut sender);
        assert_eq!(
            [&message["type"], &message["seq"], &message["size_px"]],
            [&json!("result"), &Value::from(seq), &json!([160, 120])],
            "after {name}: {message}"
        );
    }
    // An idle daemon has some 20 MB. The largest of the pictures that were refused claims 12 GB of pixels.
    let peak_kb = daemon.status("VmHWM");
    assert!(peak_kb < 100_000, "{peak_kb} kB at the most");
    let end = daemon.stop();
    let summary = end.summary("door");
    assert_eq!(summary.causes, refused);
    assert_eq!(summary.refused, refused.values().sum::<u64>());
}

#[test]
fn among_bare_pictures() {
    let scene = Picture::scene(320, 240);
    let jpeg = scene.jpeg();
    let png = scene.png();
    let cut = |bytes: &[u8], part: usize| bytes[..bytes.len() * part / 100].to_vec();
    let not_a_picture = |words| Refused("not_a_picture", words);
    let damaged = || Refused("damaged", "the picture is damaged: ");
    let headless = || Refused("damaged", "the picture is damaged: its header ends before its size");
    check(
        false,
        vec![
            ("a JPEG cut off in its pixels", cut(&jpeg, 60), damaged()),
            ("a JPEG without its last byte", jpeg[..jpeg.len() - 1].to_vec(), damaged()),
            ("a progressive JPEG cut off", cut(&scene.progressive_jpeg(), 60), damaged()),
            ("a JPEG with a hole", with_hole(&jpeg), damaged()),
            ("a JPEG cut off before its size", jpeg[..20].to_vec(), headless()),
            ("three bytes of a JPEG", jpeg[..3].to_vec(), headless()),
            ("a JPEG whose pixels are missing", before_scan(&jpeg).to_vec(), damaged()),
            (
                "a GIF",
                b"GIF89a\x01\x00\x01\x00".to_vec(),
                not_a_picture("not a JPEG or PNG picture: it begins with \"GIF8\""),
            ),
            ("nothing", Vec::new(), not_a_picture("not a JPEG or PNG picture: it begins with \"\"")),
            ("one byte", vec![0xff], not_a_picture("not a JPEG or PNG picture: it begins with \"\\xff\"")),
            (
                "rubbish",
                (0..=255).collect(),
                not_a_picture("not a JPEG or PNG picture: it begins with \"\\x00\\x01\\x02\\x03\""),
            ),
            ("a thousand scans, of which one has means of blocks", THOUSAND_SCANS.to_vec(), Seen(2048, 2048)),
            (
                "a thousand scans that all have to be read",
                with_size(THOUSAND_SCANS, 1800, 2048),
                Refused("unsupported", "a JPEG in scans that take too long to decode; send it in one scan (baseline,"),
            ),
            (
                "65535x65535 pixels by its head",
                with_size(&jpeg, 65535, 65535),
                Refused("too_many_pixels", "65535x65535 is more than the 5000000 pixels that server.max_pixels allows"),
            ),
            ("more rows by its head than there are", with_size(&jpeg, 320, 2400), damaged()),
            ("two heads", two_heads(&jpeg), Refused("damaged", "the picture is damaged: it has two headers, ")),
            ("CMYK", scene.cmyk_jpeg(), Refused("unsupported", "a CMYK JPEG; send YCbCr, grey or RGB")),
            (
                "a lossless JPEG",
                scene.jpeg_by(|jpeg| jpeg.set_lossless(true).expect("it exists")),
                Refused("unsupported", "a lossless JPEG; send a baseline or progressive one, or PNG"),
            ),
            ("a progressive JPEG", scene.progressive_jpeg(), Seen(320, 240)),
            ("a grey JPEG", scene.jpeg_by(|jpeg| jpeg.set_subsamp(Subsamp::Gray).expect("it exists")), Seen(320, 240)),
            (
                "an RGB JPEG",
                scene.jpeg_by(|jpeg| jpeg.set_colorspace(Colorspace::RGB).expect("it exists")),
                Seen(320, 240),
            ),
            (
                "an arithmetic JPEG",
                scene.jpeg_by(|jpeg| jpeg.set_arithmetic(true).expect("it exists")),
                Refused("unsupported", "a JPEG with arithmetic coding; send one with Huffman codes"),
            ),
            ("a JPEG with bytes between segments", with_rubbish(&jpeg), damaged()),
            ("one pixel", Picture::scene(1, 1).jpeg(), Seen(1, 1)),
            ("one row", Picture::scene(4001, 1).jpeg(), Seen(4001, 1)),
            ("one column", Picture::scene(1, 4001).jpeg(), Seen(1, 4001)),
            ("a JPEG that says it lies on its side", rotated(&Picture::scene(320, 200).jpeg()), Seen(320, 200)),
            ("another size", Picture::scene(333, 77).jpeg(), Seen(333, 77)),
            ("a large one", Picture::scene(1920, 1080).jpeg(), Seen(1920, 1080)),
            ("a large progressive one", Picture::scene(1920, 1080).progressive_jpeg(), Seen(1920, 1080)),
            ("fill bytes before markers", filled(&jpeg), Seen(320, 240)),
            ("rubbish behind it", [&jpeg[..], b"rubbish"].concat(), Seen(320, 240)),
            ("a PNG cut off in its pixels", cut(&png, 60), damaged()),
            ("a PNG cut off before its size", png[..20].to_vec(), headless()),
            ("a PNG without pixels", png[..33].to_vec(), damaged()),
            ("a PNG with a wrong checksum", with_wrong_checksum(&png), damaged()),
            (
                "a PNG whose palette ends within a colour",
                with_palette(&scene.png_of(ColorType::Indexed, BitDepth::Eight, &scene.pixels), &[0; 4]),
                Refused("damaged", "the picture is damaged: its palette ends within a colour"),
            ),
            (
                "a PNG that claims to be huge",
                with_png_size(&png, 2_147_483_647, 2_147_483_647),
                Refused("too_many_pixels", "2147483647x2147483647 is more than the 5000000 pixels"),
            ),
            ("a PNG that claims to be of no size", with_png_size(&png, 0, 240), headless()),
            ("a PNG that claims to be larger", with_png_size(&png, 320, 2400), damaged()),
            ("a PNG", png, Seen(320, 240)),
            (
                "a PNG of 16 bits",
                scene.png_of(ColorType::Grayscale, BitDepth::Sixteen, &scene.repeated(2)),
                Seen(320, 240),
            ),
            (
                "a PNG of 1 bit",
                scene.png_of(ColorType::Grayscale, BitDepth::One, &scene.pixels[..9600]),
                Seen(320, 240),
            ),
            ("a PNG with a palette", scene.png_of(ColorType::Indexed, BitDepth::Eight, &scene.pixels), Seen(320, 240)),
            (
                "a PNG of grey and alpha",
                scene.png_of(ColorType::GrayscaleAlpha, BitDepth::Eight, &scene.repeated(2)),
                Seen(320, 240),
            ),
            ("a PNG of RGB", scene.png_of(ColorType::Rgb, BitDepth::Eight, &scene.repeated(3)), Seen(320, 240)),
            ("a PNG of RGBA", scene.png_of(ColorType::Rgba, BitDepth::Eight, &scene.repeated(4)), Seen(320, 240)),
            (
                "a PNG of 16-bit RGBA",
                scene.png_of(ColorType::Rgba, BitDepth::Sixteen, &scene.repeated(8)),
                Seen(320, 240),
            ),
        ],
    );
}

/// A head that the decoder refuses must not stay with it.
#[test]
fn a_strip_that_would_cost_more_than_its_pixels() {
    let scene = Picture::scene(320, 240);
    let too_long = |what| Refused("side_too_long", what);
    let (high, wide) = (
        "1x65535 has a side of more than the 8192 pixels that server.max_side_px allows",
        "65535x1 has a side of more than the 8192 pixels that server.max_side_px allows",
    );
    let cases = vec![
        ("a high one", with_size(&scene.jpeg(), 1, 65535), too_long(high)),
        ("a wide one", with_size(&scene.jpeg(), 65535, 1), too_long(wide)),
        ("a PNG of one column", with_png_size(&scene.png(), 1, 4_000_000), too_long("1x4000000 has a side of more")),
    ];
    check(false, cases);
}

/// Texts and colour profiles are of no use here, and what a few kilobytes of them inflate to is without bound. So is what
/// inflates to more than the picture has pixels.
#[test]
fn what_a_png_has_beside_its_pixels_is_not_inflated() {
    let daemon = Daemon::start(DOOR);
    let mut sender = Client::connect(&daemon, "/?results");
    let png = Picture::scene(320, 240).png();
    let (head, rest) = png.split_at(33);
    let zeros = deflated_zeros(200 << 20);
    assert!(zeros.len() < 1_500_000);
    let text = [&b"Comment\0\0"[..], &zeros].concat();
    let international = [&b"Comment\0\x01\0\0\0"[..], &zeros].concat();
    let with = |name, body: &[u8]| [head, &chunk(name, body), rest].concat();
    let larger = [head, &chunk(b"IDAT", &zeros), &chunk(b"IEND", b"")].concat();
    let mut look = |picture: &[u8]| {
        sender.send(picture);
        assert_eq!(sender.next_of("result")["size_px"], json!([320, 240]));
    };
    look(&with(b"teSt", &zeros));
    look(&with(b"teSt", &zeros));
    let before_kb = daemon.status("VmHWM");
    for picture in [with(b"zTXt", &text), with(b"iTXt", &international), with(b"iCCP", &text), larger] {
        look(&picture);
        let grown_kb = daemon.status("VmHWM") - before_kb;
        assert!(grown_kb < 20_000, "{grown_kb} kB");
    }
}

#[test]
fn among_data_urls() {
    let mut daemon = Daemon::start(DOOR);
    let mut sender = Client::connect(&daemon, "/?results");
    let start = "it must begin with data:image/jpeg;base64, or data:image/png;base64,";
    let base64 = "the data after the comma is not base64";
    for (text, words) in [
        ("data:", "there is no comma before the data"),
        ("data:image/jpeg;base64", "there is no comma before the data"),
        ("data:text/plain;base64,AAAA", start),
        ("data:image/jpeg,%ff%d8", start),
        ("data:image/jpeg;base64,/9j/4AA*", base64),
        ("data:image/jpeg;base64,/9j/4", base64),
    ] {
        sender.send_text(text);
        let refused = sender.next_of("refused");
        assert_eq!(refused["cause"], format!("the data URL is broken: {words}"), "{text}");
    }
    // A canvas of no size gives an empty picture.
    sender.send_text("data:image/png;base64,");
    assert_eq!(sender.next_of("refused")["cause"], "not a JPEG or PNG picture: it begins with \"\"");
    sender.send(Picture::scene(32, 32).jpeg());
    assert_eq!(sender.next_of("result")["seq"], 8);
    let summary = daemon.stop().summary("door");
    assert_eq!(summary.causes, [("bad_data_url".to_owned(), 6), ("not_a_picture".to_owned(), 1)].into());
}

#[test]
fn among_frames_with_a_header() {
    let scene = Picture::scene(320, 240);
    let (jpeg, png) = (scene.jpeg(), scene.png());
    let frame = V1 { seq: 7, ..V1::default() };
    let of_jpeg = V1 { format: JPEG, picture: &jpeg, ..frame }.message();
    let with = |at: usize, byte: u8| {
        let mut message = of_jpeg.clone();
        message[at] = byte;
        message
    };
    let raw = |format: u8, size: (u32, u32), stride_bytes: u32, count: usize| {
        V1 { format, size, stride_bytes, picture: &vec![90; count], ..frame }.message()
    };
    let header = |words| Refused("bad_header", words);
    let bad_raw = |words| Refused("bad_raw_picture", words);
    let length = "a header length of";
    check(
        true,
        vec![
            ("nothing", Vec::new(), header("0 bytes are too few for the 40-byte header")),
            ("half a header", of_jpeg[..39].to_vec(), header("39 bytes are too few for the 40-byte header")),
            (
                "a bare JPEG",
                jpeg.clone(),
                header("the message begins with [ff, d8, ff, e0], but fovea.v1 requires \"FVEA\""),
            ),
            ("another version", with(4, 2), header("header version 2, but this server reads version 1")),
            ("format 0", with(5, 0), header("format 0 is unknown; 1 is JPEG")),
            ("format 9", with(5, 9), header("format 9 is unknown; 1 is JPEG")),
            ("a header of 39 bytes", with(6, 39), header(length)),
            ("a header of more bytes than there are", with(7, 255), header(length)),
            ("a header and no picture", of_jpeg[..40].to_vec(), Refused("not_a_picture", "not a JPEG or PNG picture")),
            ("a JPEG said to be PNG", with(5, PNG), Refused("unsupported", "the header and the picture disagree: ")),
            ("a PNG", V1 { format: PNG, picture: &png, ..frame }.message(), Seen(320, 240)),
            ("a JPEG with reserved bytes set", with(21, 0xff), Seen(320, 240)),
            ("a damaged JPEG", of_jpeg[..3000].to_vec(), Refused("damaged", "the picture is damaged: ")),
            ("a picture of no columns", raw(GREY, (0, 240), 0, 999), bad_raw("a picture of 0x240 has no pixels")),
            ("a picture of no rows", raw(NV12, (320, 0), 0, 999), bad_raw("a picture of 320x0 has no pixels")),
            ("GREY too short by one", raw(GREY, (20, 10), 0, 199), bad_raw("199 bytes of pixels, but 200 are needed")),
            ("YUYV too short by one", raw(YUYV, (20, 10), 0, 399), bad_raw("399 bytes of pixels, but 400 are needed")),
            ("NV12 too short by one", raw(NV12, (20, 10), 0, 299), bad_raw("299 bytes of pixels, but 300 are needed")),
            (
                "BGR24 too short by one",
                raw(BGR24, (20, 10), 0, 599),
                bad_raw("599 bytes of pixels, but 600 are needed"),
            ),
            ("padded rows too short", raw(GREY, (20, 10), 32, 319), bad_raw("319 bytes of pixels, but 320 are needed")),
            ("YUYV of odd width", raw(YUYV, (21, 10), 0, 999), bad_raw("Yuyv cannot have the odd size 21x10")),
            ("NV12 of odd width", raw(NV12, (21, 10), 0, 999), bad_raw("Nv12 cannot have the odd size 21x10")),
            ("NV12 of odd height", raw(NV12, (20, 11), 0, 999), bad_raw("Nv12 cannot have the odd size 20x11")),
            ("I420 too short by one", raw(I420, (20, 10), 0, 299), bad_raw("299 bytes of pixels, but 300 are needed")),
            ("I420 of odd height", raw(I420, (20, 11), 0, 999), bad_raw("I420 cannot have the odd size 20x11")),
            ("I420 of odd stride", raw(I420, (20, 10), 23, 999), bad_raw("I420 cannot have an odd stride of 23 bytes")),
            (
                "rows that overlap",
                raw(GREY, (20, 10), 19, 999),
                bad_raw("a stride of 19 bytes is shorter than a row of 20"),
            ),
            (
                "rows as far apart as can be told",
                raw(GREY, (1, 8192), u32::MAX, 999),
                bad_raw("999 bytes of pixels, but 35184372080640 are needed"),
            ),
            (
                "the largest size that can be told",
                raw(BGR24, (u32::MAX, u32::MAX), u32::MAX, 999),
                Refused("too_many_pixels", "4294967295x4294967295 is more than the 5000000 pixels"),
            ),
            ("GREY with bytes to spare", raw(GREY, (20, 10), 0, 999), Seen(20, 10)),
            ("one pixel", raw(GREY, (1, 1), 0, 1), Seen(1, 1)),
            ("the smallest YUYV", raw(YUYV, (2, 1), 0, 4), Seen(2, 1)),
            ("the smallest NV12", raw(NV12, (2, 2), 0, 6), Seen(2, 2)),
            ("the smallest I420", raw(I420, (2, 2), 0, 6), Seen(2, 2)),
            ("one pixel in colour", raw(BGR24, (1, 1), 0, 3), Seen(1, 1)),
            ("one row, as long as may be", raw(GREY, (8192, 1), 0, 8192), Seen(8192, 1)),
            ("one column, likewise", raw(GREY, (1, 8192), 0, 8192), Seen(1, 8192)),
        ],
    );
}

/// Where a segment with one of these markers begins; the file has one.
fn position_of(jpeg: &[u8], markers: &[u8]) -> usize {
    let mut at = 2;
    while !markers.contains(&jpeg[at + 1]) {
        at += 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
    }
    at
}

fn frame_header(jpeg: &[u8]) -> usize {
    position_of(jpeg, &[0xc0, 0xc1, 0xc2])
}

fn before_scan(jpeg: &[u8]) -> &[u8] {
    &jpeg[..position_of(jpeg, &[0xda])]
}

/// The same file, claiming to be of another size.
fn with_size(jpeg: &[u8], width: u16, height: u16) -> Vec<u8> {
    let mut file = jpeg.to_vec();
    let at = frame_header(jpeg) + 5;
    file[at..at + 2].copy_from_slice(&height.to_be_bytes());
    file[at + 2..at + 4].copy_from_slice(&width.to_be_bytes());
    file
}

/// With zeros where pixels were.
fn with_hole(jpeg: &[u8]) -> Vec<u8> {
    let mut file = jpeg.to_vec();
    let middle = file.len() / 2;
    file[middle..middle + 40].fill(0xff);
    file
}

/// With a head of 16x16 pixels that the decoder passes over as a comment. What hides it is a restart marker out of
/// place: a walker over segments takes the two bytes behind it for a length, a decoder for the next marker.
fn two_heads(jpeg: &[u8]) -> Vec<u8> {
    let small = b"\xff\xc0\x00\x0b\x08\x00\x10\x00\x10\x01\x01\x11\x00";
    let walked_over = 0xfffe;
    let mut hiding = b"\xff\xfe\x00\x64".to_vec(); // a comment of 100 bytes, or a length of 65534
    hiding.resize(2 + 100, 0);
    let rest = u16::try_from(walked_over + small.len() - hiding.len() - 2).expect("less than 65536");
    hiding.extend(b"\xff\xfe");
    hiding.extend(rest.to_be_bytes()); // another comment, over all that follows
    hiding.resize(walked_over, 0);
    [&jpeg[..2], b"\xff\xd0", &hiding, small, &jpeg[2..]].concat()
}

/// With an Exif segment that asks to be turned by 90 degrees, as phones write it.
fn rotated(jpeg: &[u8]) -> Vec<u8> {
    let exif = b"\xff\xe1\x00\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    [&jpeg[..2], exif, &jpeg[2..]].concat()
}

/// With a byte before the first scan that belongs to nothing.
fn with_rubbish(jpeg: &[u8]) -> Vec<u8> {
    let (head, scan) = jpeg.split_at(before_scan(jpeg).len());
    [head, &[0], scan].concat()
}

/// With two bytes of filling before each marker up to the first scan.
fn filled(jpeg: &[u8]) -> Vec<u8> {
    let scan = before_scan(jpeg).len();
    let mut file = jpeg[..2].to_vec();
    let mut at = 2;
    while at < scan {
        let end = at + 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        file.extend([0xff, 0xff]);
        file.extend(&jpeg[at..end]);
        at = end;
    }
    file.extend([0xff, 0xff]);
    file.extend(&jpeg[scan..]);
    file
}

/// A PNG chunk, its checksum included.
fn chunk(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).expect("less than 4 GB").to_be_bytes();
    let named = [name, body].concat();
    [&length[..], &named, &crc(&named).to_be_bytes()].concat()
}

/// A zlib stream of `bytes` zeros and some more, in 13 bits for each 258 of them (RFC 1951, 3.2.6).
fn deflated_zeros(bytes: usize) -> Vec<u8> {
    let codes = ["1", "10", "00110000"]; // the last block, of fixed codes; a zero
    let copy = "1100010100000"; // 258 bytes from one byte before
    let end = "0000000";
    let bits = codes.into_iter().chain(std::iter::repeat_n(copy, bytes / 258 + 1)).chain([end]);
    let mut stream = vec![0x78, 0x01, 0];
    let mut count = 0;
    for bit in bits.flat_map(str::bytes) {
        if count == 8 {
            stream.push(0);
            count = 0;
        }
        *stream.last_mut().expect("it has three bytes at least") |= (bit - b'0') << count;
        count += 1;
    }
    stream.extend([0; 4]); // a checksum that nobody needs
    stream
}

/// The same PNG, claiming to be of another size, with a checksum that says so too.
fn with_png_size(png: &[u8], width: u32, height: u32) -> Vec<u8> {
    let mut file = png.to_vec();
    file[16..20].copy_from_slice(&width.to_be_bytes());
    file[20..24].copy_from_slice(&height.to_be_bytes());
    let checksum = crc(&file[12..29]);
    file[29..33].copy_from_slice(&checksum.to_be_bytes());
    file
}

/// With this palette in place of the one of 256 colours that follows the head.
fn with_palette(png: &[u8], palette: &[u8]) -> Vec<u8> {
    let (head, rest) = png.split_at(33);
    assert_eq!(rest[..8], *b"\0\0\x03\0PLTE");
    [head, &chunk(b"PLTE", palette), &rest[12 + 768..]].concat()
}

fn with_wrong_checksum(png: &[u8]) -> Vec<u8> {
    let mut file = png.to_vec();
    let last_of_pixels = file.len() - 13; // before IEND, which has 12 bytes
    file[last_of_pixels] ^= 1;
    file
}

/// The checksum of PNG chunks: CRC-32, bit by bit.
fn crc(bytes: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), |crc, _| step(crc)))
}

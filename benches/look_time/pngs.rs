//! PNGs made by hand: of every kind, in rows or in passes, with bytes that are quick or slow to inflate.

use fovea::frame::Size;
use png::{BitDepth, ColorType, DeflateCompression, Filter};

use crate::Result;

/// What a PNG's bytes are before they are deflated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fill {
    /// Zeros.
    Flat,
    /// Zeros behind the filter that costs most to undo, Paeth's.
    Filtered,
    /// Words of four bytes by chance, of four words; behind that filter.
    Words,
    /// Two values by chance, a bit each when deflated; behind that filter.
    Noisy,
    /// Sixteen values by chance; behind that filter.
    Noisier,
}

/// A kind of PNG.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    pub(crate) colour: ColorType,
    pub(crate) depth: BitDepth,
    pub(crate) is_interlaced: bool,
    pub(crate) fill: Fill,
}

/// Where the pixels of each pass of an interlaced PNG begin and how far apart they are: x, y, columns, rows.
const ADAM7: [[u32; 4]; 7] =
    [[0, 0, 8, 8], [4, 0, 8, 8], [0, 4, 4, 8], [2, 0, 4, 4], [0, 2, 2, 4], [1, 0, 2, 2], [0, 1, 1, 2]];

const PAETH: u8 = 4;

const WORDS: [[u8; 4]; 4] = [[1, 2, 3, 4], [2, 7, 1, 8], [3, 1, 4, 1], [5, 7, 7, 2]];

/// A PNG file of `size`.
pub(crate) fn file(size: Size, kind: Kind) -> Result<Vec<u8>> {
    Ok([head(size, kind), chunk(b"IDAT", &deflated(size, kind)?), chunk(b"IEND", &[])].concat())
}

/// A PNG file of `size` with the pixels of a larger one.
pub(crate) fn with_more_pixels(size: Size, larger: Size, kind: Kind) -> Result<Vec<u8>> {
    Ok([head(size, kind), chunk(b"IDAT", &deflated(larger, kind)?), chunk(b"IEND", &[])].concat())
}

/// The same with its pixels in as many chunks as there is room for.
pub(crate) fn in_small_chunks(size: Size, kind: Kind, max_bytes: usize) -> Result<Vec<u8>> {
    let mut file = head(size, kind);
    let data = deflated(size, kind)?;
    data.chunks(data.len().div_ceil((max_bytes - data.len() - 1000) / 12))
        .for_each(|part| file.extend(chunk(b"IDAT", part)));
    file.extend(chunk(b"IEND", &[]));
    Ok(file)
}

/// The same with as many chunks that mean nothing as there is room for.
pub(crate) fn with_many_chunks(png: &[u8], name: &[u8; 4], max_bytes: usize) -> Vec<u8> {
    let one = chunk(name, &[]);
    let at = png.windows(4).position(|window| window == b"IDAT").expect("it has pixels") - 4;
    [&png[..at], &one.repeat((max_bytes - png.len()) / one.len()), &png[at..]].concat()
}

fn head(size: Size, kind: Kind) -> Vec<u8> {
    let mut head = [size.width_px.to_be_bytes(), size.height_px.to_be_bytes()].concat();
    head.extend([kind.depth as u8, kind.colour as u8, 0, 0, u8::from(kind.is_interlaced)]);
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    file.extend(chunk(b"IHDR", &head));
    if kind.colour == ColorType::Indexed {
        let entries = 1 << (kind.depth as u8);
        file.extend(chunk(b"PLTE", &vec![90; entries * 3]));
        file.extend(chunk(b"tRNS", &vec![200; entries])); // opacity: four bytes a pixel
    }
    file
}

fn deflated(size: Size, kind: Kind) -> Result<Vec<u8>> {
    let passes = if kind.is_interlaced { &ADAM7[..] } else { &[[0, 0, 1, 1]] };
    let pixel_bits = kind.colour.samples() * kind.depth as usize;
    let mut random = Random(1);
    let mut bytes = Vec::new();
    for &[x, y, columns, rows] in passes {
        let side = |all: u32, first: u32, step: u32| all.saturating_sub(first).div_ceil(step) as usize;
        let (width, height) = (side(size.width_px, x, columns), side(size.height_px, y, rows));
        let row_bytes = (width * pixel_bits).div_ceil(8);
        for _ in 0..if width == 0 { 0 } else { height } {
            match kind.fill {
                Fill::Flat => bytes.resize(bytes.len() + 1 + row_bytes, 0),
                Fill::Filtered => {
                    bytes.push(PAETH);
                    bytes.resize(bytes.len() + row_bytes, 0);
                }
                Fill::Words => {
                    bytes.push(PAETH);
                    let words = std::iter::repeat_with(|| WORDS[usize::from(random.byte() >> 6)]);
                    bytes.extend(words.flatten().take(row_bytes));
                }
                Fill::Noisy => {
                    bytes.push(PAETH);
                    bytes.extend((0..row_bytes).map(|_| random.byte() >> 7));
                }
                Fill::Noisier => {
                    bytes.push(PAETH);
                    bytes.extend((0..row_bytes).map(|_| random.byte() >> 4));
                }
            }
        }
    }
    zlib(&mut bytes)
}

/// What the encoder makes of a picture of one row, whose only filter byte the first one is.
fn zlib(bytes: &mut [u8]) -> Result<Vec<u8>> {
    bytes[0] = 0;
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, u32::try_from(bytes.len() - 1)?, 1);
    encoder.set_color(ColorType::Grayscale);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_filter(Filter::NoFilter);
    encoder.set_deflate_compression(DeflateCompression::Level(2));
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&bytes[1..])?;
    writer.finish()?;
    let (mut data, mut at) = (Vec::new(), 8);
    while at < file.len() {
        let length = usize::try_from(u32::from_be_bytes(file[at..at + 4].try_into()?))?;
        if &file[at + 4..at + 8] == b"IDAT" {
            data.extend(&file[at + 8..at + 8 + length]);
        }
        at += 12 + length;
    }
    Ok(data)
}

fn chunk(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).expect("less than 4 GB").to_be_bytes();
    let named = [name, body].concat();
    [&length[..], &named, &crc(&named).to_be_bytes()].concat()
}

/// The checksum of PNG chunks, CRC-32.
fn crc(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut at = 0;
        while at < 256 {
            #[expect(clippy::cast_possible_truncation, reason = "less than 256")]
            let mut crc = at as u32;
            let mut bit = 0;
            while bit < 8 {
                crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
                bit += 1;
            }
            table[at] = crc;
            at += 1;
        }
        table
    };
    !bytes.iter().fold(!0, |crc: u32, &byte| crc >> 8 ^ TABLE[((crc & 0xff) as u8 ^ byte) as usize])
}

/// Bits by chance, the same ones each time (Knuth's MMIX generator; its upper bits are the good ones).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn byte(&mut self) -> u8 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0.to_be_bytes()[0]
    }
}

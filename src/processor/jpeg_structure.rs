//! The structure of a JPEG: how it is coded and in how many scans (ITU-T T.81, annex B). Decodes no pixel.
//!
//! This file reads markers as libjpeg does, and rejects what libjpeg would only warn of: bytes between two segments. So
//! both see the same scans, and what is counted here is what the decoder does.

use crate::{frame::Size, telemetry::rejections::RejectReason};

/// What decides how long a JPEG takes to decode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Structure {
    pub(super) coding: Coding,
    /// Scans. Of a sequential JPEG whose first scan has all components 1: a decoder accepts no other then.
    pub(super) scans: u64,
    /// Scans of a progressive JPEG that carry DC coefficients: the mean of each block of 8x8 pixels.
    pub(super) dc_scans: u64,
    /// Whether no component has more samples than the first one, which is luma.
    pub(super) has_full_luma: bool,
    /// Columns and rows of the pixels that one block of each component stands for together.
    pub(super) mcu_px: [u32; 2],
    /// Samples of all components in a unit of this many pixels.
    samples: (u64, u64),
}

/// The size of a JPEG and the sampling of its components, by its frame header (ITU-T T.81, B.2.2).
#[derive(Debug)]
pub(crate) struct Sampling {
    /// The picture's size.
    pub(crate) size: Size,
    /// Of each component how many blocks lie side by side, and how many above each other, in an MCU.
    pub(crate) components: Vec<[u32; 2]>,
}

/// How coefficients are coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    /// All bits of a coefficient in one scan. Huffman codes.
    Sequential,
    /// The bits of a coefficient in several scans. Huffman codes.
    Progressive,
    /// Arithmetic coding, sequential or progressive.
    Arithmetic,
}

/// A marker and what belongs to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment<'a> {
    pub(super) marker: u8,
    /// The parameters, without their length.
    pub(super) body: &'a [u8],
    /// The marker, the length and the parameters.
    bytes: &'a [u8],
}

/// The segments of a file. Entropy-coded data is skipped on request.
#[derive(Debug)]
pub(super) struct Segments<'a> {
    /// What is not read yet.
    pub(super) rest: &'a [u8],
}

pub(super) const SOF0: u8 = 0xc0;
pub(super) const SOF1: u8 = 0xc1;
pub(super) const DHT: u8 = 0xc4;
pub(super) const DQT: u8 = 0xdb;
pub(super) const DRI: u8 = 0xdd;
pub(super) const SOS: u8 = 0xda;
pub(super) const EOI: u8 = 0xd9;
const COM: u8 = 0xfe;

impl Structure {
    /// Reads the structure of `file`. Looks at no byte behind the header if there can be one scan only.
    ///
    /// Of a progressive JPEG `dc_only` becomes a copy that has no scans but those of DC coefficients. That is all that a
    /// decoder needs for luma at 1/8, where a block of 8x8 becomes one pixel. The quantization tables of the copy have a
    /// zero for the first AC coefficient, which is in no scan: it keeps libjpeg from estimating AC coefficients from DC
    /// coefficients, and so the pixels are exactly those of the whole file.
    ///
    /// # Errors
    /// Fails if the file is damaged or ends too early.
    pub(super) fn read(file: &[u8], dc_only: &mut Vec<u8>) -> Result<Self, RejectReason> {
        dc_only.clear();
        Self::try_read(file, dc_only)
            .ok_or_else(|| RejectReason::Damaged("its segments are incomplete or out of place".into()))
    }

    fn try_read(file: &[u8], dc_only: &mut Vec<u8>) -> Option<Self> {
        let mut segments = Segments::of(file)?;
        let mut header: Option<(Self, u8)> = None;
        dc_only.extend(&file[..2]);
        loop {
            let Segment { marker, body, bytes } = segments.next()?;
            match (marker, &mut header) {
                (0xc0..=0xc2 | 0xc9 | 0xca, None) => {
                    header = Some(Self::of_frame_header(marker, body)?);
                    dc_only.extend(bytes);
                }
                (0xc0..=0xc2 | 0xc9 | 0xca, Some(_)) | (SOS | EOI, None) => return None,
                (SOS, Some((structure, components))) => {
                    structure.scans += 1;
                    let has_all = structure.scans == 1 && body.first() == Some(components);
                    match structure.coding {
                        Coding::Sequential if has_all => return Some(*structure),
                        Coding::Arithmetic => return Some(*structure),
                        Coding::Sequential => drop(segments.entropy_coded()),
                        Coding::Progressive => {
                            let data = segments.entropy_coded();
                            if first_coefficient(body)? == 0 {
                                structure.dc_scans += 1;
                                dc_only.extend(bytes);
                                dc_only.extend(data);
                            }
                        }
                    }
                }
                (EOI, Some((structure, _))) => {
                    dc_only.extend(bytes);
                    return Some(*structure);
                }
                (DQT, _) => {
                    let start = dc_only.len() + bytes.len() - body.len();
                    dc_only.extend(bytes);
                    without_first_ac(&mut dc_only[start..]);
                }
                (COM, _) => {}
                _ => dc_only.extend(bytes),
            }
        }
    }

    /// Reads a frame header (B.2.2). Returns the number of components too.
    fn of_frame_header(marker: u8, body: &[u8]) -> Option<(Self, u8)> {
        let coding = match marker {
            0xc0 | 0xc1 => Coding::Sequential,
            0xc2 => Coding::Progressive,
            _ => Coding::Arithmetic,
        };
        let &components = body.get(5)?;
        let sampling = || body[6..].chunks_exact(3).map(|component| (component[1] >> 4, component[1] & 15));
        let (across, down) = sampling().next()?;
        let has_full_luma = sampling().all(|(other_across, other_down)| other_across <= across && other_down <= down);
        let numbers = || sampling().map(|(across, down)| (u64::from(across), u64::from(down)));
        let unit = numbers().map(|(across, _)| across).max()? * numbers().map(|(_, down)| down).max()?;
        let samples = (numbers().map(|(across, down)| across * down).sum(), unit.max(1));
        let most = |of: fn((u8, u8)) -> u8| sampling().map(of).max().map(|most| 8 * u32::from(most));
        let mcu_px = [most(|(across, _)| across)?, most(|(_, down)| down)?];
        Some((Self { coding, scans: 0, dc_scans: 0, has_full_luma, mcu_px, samples }, components))
    }

    /// The samples, and so the coefficients, of a picture of so many pixels: as many as pixels if it is gray, three times
    /// as many without subsampling.
    pub(super) fn samples(&self, pixels: u64) -> u64 {
        let (samples, unit) = self.samples;
        pixels.saturating_mul(samples) / unit
    }
}

/// Whether a picture has quantization tables of its own but no Huffman tables, as a webcam's Motion JPEG: it is coded with the
/// standard's.
pub(super) fn is_motion_jpeg(file: &[u8]) -> bool {
    let Some(mut segments) = Segments::of(file) else { return false };
    let mut has_quantizers = false;
    while let Some(segment) = segments.next() {
        match segment.marker {
            DQT => has_quantizers = true,
            SOS => return has_quantizers,
            DHT => return false,
            _ => {}
        }
    }
    false
}

impl Sampling {
    /// Reads the frame header. `None` if there is none before the first scan, or one that no decoder takes.
    pub(crate) fn read(file: &[u8]) -> Option<Self> {
        let mut segments = Segments::of(file)?;
        let body = loop {
            let Segment { marker, body, .. } = segments.next()?;
            match marker {
                0xc0..=0xc2 | 0xc9 | 0xca => break body,
                SOS | EOI => return None,
                _ => {}
            }
        };
        let &[_, height, height_low, width, width_low, count] = body.first_chunk()?;
        let side = |high, low| u32::from(u16::from_be_bytes([high, low]));
        let size = Size { width_px: side(width, width_low), height_px: side(height, height_low) };
        let components: Vec<_> = body[6..].chunks_exact(3).map(|component| component[1]).collect();
        let components: Vec<_> = components.iter().map(|both| [both >> 4, both & 15].map(u32::from)).collect();
        let is_good = components.len() == usize::from(count)
            && size.pixels() > 0
            && (1..=4).contains(&components.len())
            && components.iter().flatten().all(|factor| (1..=4).contains(factor));
        is_good.then_some(Self { size, components })
    }

    /// How many blocks lie side by side, and above each other, in the component that has most.
    pub(crate) fn most(&self) -> [u32; 2] {
        [0, 1].map(|axis| self.components.iter().map(|component| component[axis]).max().unwrap_or(1))
    }
}

/// Sets the quantizer of the first AC coefficient to zero in each quantization table (B.2.4.1).
fn without_first_ac(mut tables: &mut [u8]) {
    while let Some(&kind) = tables.first() {
        let quantizer_bytes = if kind >> 4 == 0 { 1 } else { 2 };
        let Some((table, rest)) = tables.split_at_mut_checked(1 + 64 * quantizer_bytes) else { return };
        table[1 + quantizer_bytes..][..quantizer_bytes].fill(0);
        tables = rest;
    }
}

/// The first coefficient that a scan carries, by its header (B.2.3): 0 is DC.
fn first_coefficient(scan_header: &[u8]) -> Option<u8> {
    let components = usize::from(*scan_header.first()?);
    scan_header.get(1 + 2 * components).copied()
}

impl<'a> Segments<'a> {
    pub(super) fn of(file: &'a [u8]) -> Option<Self> {
        Some(Self { rest: file.strip_prefix(&[0xff, 0xd8])? })
    }

    /// The next segment, `EOI` included. `None` if there is something else or nothing more.
    pub(super) fn next(&mut self) -> Option<Segment<'a>> {
        loop {
            let fill = self.rest.iter().position(|&byte| byte != 0xff)?;
            let start = self.rest.get(fill.checked_sub(1)?..)?;
            let (marker, behind) = (start[1], &start[2..]);
            let length = match marker {
                0x00 | 0xd8 => return None,
                0x01 | 0xd0..=0xd7 => {
                    self.rest = behind; // a marker without parameters
                    continue;
                }
                EOI => 0,
                _ => usize::from(u16::from_be_bytes(*behind.first_chunk()?)),
            };
            let body = if length == 0 && marker == EOI { &[][..] } else { behind.get(2..length)? };
            self.rest = &behind[length..];
            return Some(Segment { marker, body, bytes: &start[..2 + length] });
        }
    }

    /// Skips the entropy-coded data that follows a scan header, restart markers included, and returns it.
    fn entropy_coded(&mut self) -> &'a [u8] {
        let mut end = 0;
        while let Some(at) = first_ff(&self.rest[end..]) {
            end += at;
            match self.rest.get(end + 1) {
                Some(0x00 | 0xd0..=0xd7) => end += 2,
                Some(0xff) => end += 1,
                Some(_) => break,
                None => end = self.rest.len(),
            }
        }
        if !self.rest[end..].starts_with(&[0xff]) {
            end = self.rest.len(); // no marker follows
        }
        let (data, rest) = self.rest.split_at(end);
        self.rest = rest;
        data
    }
}

/// Where the first byte 0xff is. Most blocks of bytes have none, and the compiler compares all bytes of a block at once.
fn first_ff(bytes: &[u8]) -> Option<usize> {
    const BLOCK: usize = 32;
    let block = bytes.chunks(BLOCK).position(|block| block.iter().fold(false, |has, &byte| has | (byte == 0xff)))?;
    let at = bytes[block * BLOCK..].iter().position(|&byte| byte == 0xff)?;
    Some(block * BLOCK + at)
}

#[cfg(test)]
mod tests {
    use turbojpeg::{Compressor, Decompressor, Image, PixelFormat, ScalingFactor, Subsamp};

    use super::*;

    const WIDTH: usize = 333;
    const HEIGHT: usize = 211;

    fn jpeg(set: impl FnOnce(&mut Compressor)) -> Vec<u8> {
        let level = |at: usize| (at.wrapping_mul(2_654_435_761) >> 7 ^ (at % WIDTH / 5 * 9)).to_le_bytes()[0];
        let pixels: Vec<_> = (0..WIDTH * HEIGHT * 3).map(level).collect();
        let image =
            Image { pixels: &pixels[..], width: WIDTH, pitch: WIDTH * 3, height: HEIGHT, format: PixelFormat::RGB };
        let mut compressor = Compressor::new().unwrap();
        set(&mut compressor);
        compressor.compress_to_vec(image).unwrap()
    }

    fn progressive(subsamp: Subsamp) -> Vec<u8> {
        jpeg(|jpeg| {
            jpeg.set_subsamp(subsamp).unwrap();
            jpeg.set_progressive(true).unwrap();
        })
    }

    /// Luma at 1/8.
    fn luma(file: &[u8]) -> Vec<u8> {
        let (width, height) = (WIDTH.div_ceil(8), HEIGHT.div_ceil(8));
        let mut pixels = vec![0; width * height];
        let mut decompressor = Decompressor::new().unwrap();
        decompressor.set_scaling_factor(ScalingFactor::ONE_EIGHTH).unwrap();
        let image = Image { pixels: &mut pixels[..], width, pitch: width, height, format: PixelFormat::GRAY };
        decompressor.decompress(file, image).unwrap();
        pixels
    }

    #[test]
    fn scans_are_counted() {
        let structure = |file: &[u8]| {
            let structure = Structure::read(file, &mut Vec::new()).unwrap();
            assert!(structure.has_full_luma);
            (structure.coding, structure.scans, structure.dc_scans, structure.samples(1000))
        };
        assert_eq!(structure(&jpeg(|_| {})), (Coding::Sequential, 1, 0, 3000));
        assert_eq!(structure(&progressive(Subsamp::Sub2x2)), (Coding::Progressive, 10, 2, 1500));
        assert_eq!(structure(&progressive(Subsamp::Gray)), (Coding::Progressive, 6, 2, 1000));
        let arithmetic = jpeg(|jpeg| jpeg.set_arithmetic(true).unwrap());
        assert_eq!(structure(&arithmetic).0, Coding::Arithmetic);
        let in_scans = include_bytes!("../../tests/data/odd-jpeg/progressive-1000-scans.jpg");
        assert_eq!(structure(in_scans), (Coding::Progressive, 1000, 1, 3000));
    }

    #[test]
    fn luma_at_an_eighth_is_the_same_without_scans_of_ac_coefficients() {
        for subsamp in [Subsamp::Sub2x2, Subsamp::None, Subsamp::Gray] {
            let file = progressive(subsamp);
            let mut copy = vec![7; 99];
            Structure::read(&file, &mut copy).unwrap();
            assert!(copy.len() < file.len() / 2, "{} of {} bytes", copy.len(), file.len());
            assert_eq!(luma(&copy), luma(&file), "{subsamp:?}");
        }
    }

    #[test]
    fn what_lies_between_segments_is_no_jpeg() {
        let file = progressive(Subsamp::None);
        let second = file.windows(2).position(|pair| pair == [0xff, 0xdb]).unwrap();
        let (head, rest) = file.split_at(second);
        let read = |file: &[u8]| Structure::read(file, &mut Vec::new());
        assert!(read(&[head, &[0xff, 0xff], rest].concat()).is_ok(), "filling");
        assert!(read(&[head, &[0x00], rest].concat()).is_err());
        assert!(read(&file[..file.len() - 2]).is_err(), "without its end");
    }

    #[test]
    fn the_first_ff_is_found() {
        let mut bytes = [0xfe; 100];
        assert_eq!(first_ff(&bytes), None);
        for at in (0..100).rev() {
            bytes[at] = 0xff;
            assert_eq!(first_ff(&bytes), Some(at));
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
        #[test]
        fn arbitrary_bytes_do_no_harm(bytes: Vec<u8>, at in 0_usize..4000, byte: u8) {
            let mut file = jpeg(|jpeg| jpeg.set_progressive(true).unwrap());
            let at = at % file.len();
            file[at] = byte;
            for file in [[&[0xff, 0xd8][..], &bytes].concat(), [&file[..at], &bytes].concat(), file] {
                let mut copy = Vec::new();
                let _ = Structure::read(&file, &mut copy);
                proptest::prop_assert!(copy.len() <= file.len());
            }
        }
    }
}

//! JPEG and PNG to pixels, into memory that is used again for the next frame.
//!
//! A decoder's *warning* is an error here. libjpeg fills up what is missing of a damaged picture with whatever it finds
//! sensible, or leaves the memory as it is: pixels of the picture before, perhaps another client's.

use std::io::Cursor;

use png::{BitDepth, ColorType, Transformations};
use turbojpeg::{Colorspace, DecompressHeader, Decompressor, Image};

use super::{
    buffers::Usage,
    jpeg_structure::{Coding, Structure, is_motion_jpeg},
    luma_dc::LumaDc,
    pixels::PixelLayout,
    scale::Scale,
};
use crate::{
    frame::{Frame, Size},
    telemetry::rejections::RejectReason,
};

/// How long a JPEG may take to decode, by estimate, in picoseconds of the machine where it was measured. A camera's JPEG of
/// 4096x4096 pixels in one scan takes 43 ms there, and no other picture is to take more than three times as long:
/// `cargo bench --bench look_time` compares them.
const MAX_JPEG_PS: u64 = 120_000_000_000;

/// The same for a PNG. Less: a file of 58 kB can take as long, and whoever sends such ones without pause is not to keep the
/// processor from the frames of another camera, ten a second.
const MAX_PNG_PS: u64 = 95_000_000_000;

const TOO_MANY_SCANS: RejectReason = RejectReason::Unsupported(
    "a JPEG in scans that take too long to decode; send it in one scan (baseline, not progressive), or with fewer pixels",
);
const ARITHMETIC: RejectReason =
    RejectReason::Unsupported("a JPEG with arithmetic coding; send one with Huffman codes");
const TOO_LARGE: RejectReason = RejectReason::Unsupported("a picture larger than this machine can hold");

/// Decodes pictures one after the other.
#[derive(Debug)]
pub struct Decoder {
    jpeg: Decompressor,
    /// Rows of the last picture, without padding.
    pixels: Vec<u8>,
    usage: Usage,
    /// Of the last JPEG: the pixels of an MCU.
    mcu_px: [u32; 2],
    /// What is decoded of a progressive JPEG in place of all of it.
    dc_scans: Vec<u8>,
    dc_usage: Usage,
    /// Decodes what is only wanted as luma at 1/8, unless that is switched off.
    luma_dc: Option<LumaDc>,
}

impl Decoder {
    /// A decoder without memory yet.
    ///
    /// # Errors
    /// When libjpeg-turbo finds no memory for itself.
    pub fn new() -> Result<Self, turbojpeg::Error> {
        let (pixels, dc_scans) = (Vec::new(), Vec::new());
        let (usage, dc_usage) = (Usage::default(), Usage::default());
        let luma_dc = Some(LumaDc::default());
        Ok(Self { jpeg: Decompressor::new()?, pixels, usage, mcu_px: [8; 2], dc_scans, dc_usage, luma_dc })
    }

    /// Has libjpeg-turbo decode every JPEG, or not those that are only wanted as luma at 1/8, which is the default. The pixels
    /// are the same.
    #[must_use]
    pub fn with_fast_luma(self, is_on: bool) -> Self {
        Self { luma_dc: is_on.then(LumaDc::default), ..self }
    }

    /// The rows of the last picture decoded, without padding, top row first.
    #[must_use]
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// The same, to paint on.
    pub fn pixels_mut(&mut self) -> &mut [u8] {
        &mut self.pixels
    }

    /// Columns and rows of the pixels that share their blocks in the JPEG that was decoded last.
    #[must_use]
    pub fn mcu_px(&self) -> [u32; 2] {
        self.mcu_px
    }

    /// Gives memory back that a picture much larger than those after it took. To be called after each frame.
    pub fn trim(&mut self) {
        if let Some(needed) = self.usage.is_too_much(self.pixels.len()) {
            self.pixels = vec![0; needed];
        }
        if let Some(needed) = self.dc_usage.is_too_much(self.dc_scans.capacity()) {
            self.dc_scans = Vec::with_capacity(needed);
        }
    }

    /// Decodes a JPEG at `scale`, gray or BGR, and says which.
    ///
    /// # Errors
    /// When it is damaged, of a kind that is not decoded, or made to keep the decoder busy.
    pub fn jpeg(&mut self, frame: &Frame, scale: Scale, in_colour: bool) -> Result<PixelLayout, RejectReason> {
        let decoded = self.try_jpeg(frame, scale, in_colour);
        if decoded.is_err() {
            // A head that ends too early leaves libjpeg-turbo 3.1 waiting for the rest of it, and it takes the next
            // picture for that. Only a new one is sure to know nothing.
            self.jpeg = Decompressor::new().map_err(damaged)?;
        }
        decoded
    }

    /// Looks at the header of a JPEG whose pixels are decoded later, in parts.
    ///
    /// # Errors
    /// When it is of a kind that is not decoded, or made to keep the decoder busy, or its header is damaged.
    pub(super) fn skip_jpeg(&mut self, frame: &Frame) -> Result<(), RejectReason> {
        let header = self.jpeg.read_header(frame.bytes()).map_err(damaged);
        let checked = header.and_then(|header| check(&header, frame.size()));
        if checked.is_err() {
            self.jpeg = Decompressor::new().map_err(damaged)?; // as above
        }
        checked?;
        (_, self.mcu_px) = crop_limits(frame)?;
        Ok(())
    }

    fn try_jpeg(&mut self, frame: &Frame, scale: Scale, in_colour: bool) -> Result<PixelLayout, RejectReason> {
        let header = self.jpeg.read_header(frame.bytes()).map_err(damaged)?;
        check(&header, frame.size())?;
        let structure = Structure::read(frame.bytes(), &mut self.dc_scans)?;
        self.dc_usage.needs(self.dc_scans.len());
        self.mcu_px = structure.mcu_px;
        let needs_dc_only = scale == Scale::Eighth
            && !in_colour
            && structure.has_full_luma
            && matches!(header.colorspace, Colorspace::Gray | Colorspace::YCbCr);
        let (mut file, mut scans) = (&frame.bytes()[..], structure.scans);
        match structure.coding {
            Coding::Arithmetic => {
                return Err(ARITHMETIC);
            }
            Coding::Progressive if needs_dc_only => (file, scans) = (&self.dc_scans, structure.dc_scans),
            Coding::Sequential | Coding::Progressive => {}
        }
        if jpeg_ps(structure, frame.size().pixels(), scans, file.len(), needs_dc_only) > MAX_JPEG_PS {
            return Err(TOO_MANY_SCANS);
        }
        let size = scale.of(frame.size());
        let (format, layout) = if in_colour {
            (turbojpeg::PixelFormat::BGR, PixelLayout::Bgr)
        } else {
            (turbojpeg::PixelFormat::GRAY, PixelLayout::Grey)
        };
        let (width, height) = (size.width_px as usize, size.height_px as usize);
        let pitch = width.checked_mul(format.size()).ok_or(TOO_LARGE)?;
        let bytes = pitch.checked_mul(height).ok_or(TOO_LARGE)?;
        self.usage.needs(bytes);
        let pixels = room(&mut self.pixels, bytes);
        if needs_dc_only
            && structure.coding == Coding::Sequential
            && let Some(luma_dc) = &mut self.luma_dc
            && luma_dc.decode(file, frame.size(), pixels).is_some()
        {
            return Ok(layout);
        }

        if is_motion_jpeg(file) {
            // One that has decoded others takes the tables of the last of them.
            self.jpeg = Decompressor::new().map_err(damaged)?;
        }
        // As counted here. The decoder would count differently only if it read another structure.
        self.jpeg.set_scan_limit(u32::try_from(scans).unwrap_or(u32::MAX).clamp(1, 500)).map_err(damaged)?;
        self.jpeg.set_scaling_factor(scale.factor()).map_err(damaged)?;
        match self.jpeg.decompress(file, Image { pixels, width, pitch, height, format }) {
            Err(error) if !is_of_the_rest(&error) => Err(damaged(error)),
            _ => Ok(layout),
        }
    }

    /// Decodes a PNG at its full size to 8 bits a channel, and says which channels it has.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn png(&mut self, frame: &Frame) -> Result<PixelLayout, RejectReason> {
        let damaged = |error: png::DecodingError| RejectReason::Damaged(error.to_string());
        let mut decoder = png::Decoder::new(Cursor::new(frame.bytes()));
        decoder.set_transformations(Transformations::normalize_to_color8());
        // Compressed texts and colour profiles may inflate to any size, and nobody reads them.
        decoder.set_ignore_text_chunk(true);
        decoder.set_ignore_iccp_chunk(true);
        let mut reader = decoder.read_info().map_err(damaged)?;
        // The decoder panics on part of a colour, up to png 0.18.1 at least.
        if reader.info().palette.as_ref().is_some_and(|palette| !palette.len().is_multiple_of(3)) {
            return Err(RejectReason::Damaged("its palette ends within a colour".into()));
        }
        let bytes = reader.output_buffer_size().ok_or(TOO_LARGE)?;
        if png_ps(reader.info(), frame.size().pixels(), frame.bytes(), bytes) > MAX_PNG_PS {
            return Err(RejectReason::Unsupported("a PNG that takes too long to decode; send fewer pixels, or JPEG"));
        }
        self.usage.needs(bytes);
        let pixels = room(&mut self.pixels, bytes);
        let info = reader.next_frame(pixels).map_err(damaged)?;
        let layout = match (info.color_type, info.bit_depth) {
            (ColorType::Grayscale, BitDepth::Eight) => PixelLayout::Grey,
            (ColorType::GrayscaleAlpha, BitDepth::Eight) => PixelLayout::GreyAlpha,
            (ColorType::Rgb, BitDepth::Eight) => PixelLayout::Rgb,
            (ColorType::Rgba, BitDepth::Eight) => PixelLayout::Rgba,
            _ => return Err(RejectReason::Unsupported("a PNG that cannot be converted to 8 bits a channel")),
        };
        let size = Size { width_px: info.width, height_px: info.height };
        if size != frame.size() {
            return Err(RejectReason::Damaged(format!("its pixels are {size}, but its header says {}", frame.size())));
        }
        Ok(layout)
    }
}

/// How many scans a decoder may read of a JPEG, all of whose coefficients are wanted.
///
/// # Errors
/// When it is damaged, of a kind that is not decoded, or made to keep the decoder busy.
pub fn allowed_scans(frame: &Frame) -> Result<u32, RejectReason> {
    crop_limits(frame).map(|(scans, _)| scans)
}

/// The same, with columns and rows of the pixels that share their blocks.
///
/// # Errors
/// The same.
pub(super) fn crop_limits(frame: &Frame) -> Result<(u32, [u32; 2]), RejectReason> {
    let structure = Structure::read(frame.bytes(), &mut Vec::new())?;
    if structure.coding == Coding::Arithmetic {
        return Err(ARITHMETIC);
    }
    if jpeg_ps(structure, frame.size().pixels(), structure.scans, frame.bytes().len(), false) > MAX_JPEG_PS {
        return Err(TOO_MANY_SCANS);
    }
    Ok((u32::try_from(structure.scans).unwrap_or(u32::MAX).clamp(1, 500), structure.mcu_px))
}

/// Whether the decoder only complains of some bytes between the picture's last pixel and its end mark. Many webcams put one or
/// two there, now and then or always; all pixels are decoded by then.
fn is_of_the_rest(error: &turbojpeg::Error) -> bool {
    let turbojpeg::Error::TurboJpegError(text) = error else { return false };
    says_bytes_before_end(text)
}

/// Whether libjpeg's text says so.
#[must_use]
pub fn says_bytes_before_end(text: &str) -> bool {
    const MOST: u32 = 16;
    let count = text.strip_suffix(" extraneous bytes before marker 0xd9").and_then(|text| text.rsplit(' ').next());
    count.and_then(|count| count.parse().ok()).is_some_and(|count: u32| count <= MOST)
}

fn check(header: &DecompressHeader, expected: Size) -> Result<(), RejectReason> {
    match header.colorspace {
        Colorspace::CMYK | Colorspace::YCCK => {
            return Err(RejectReason::Unsupported("a CMYK JPEG; send YCbCr, grey or RGB"));
        }
        _ if header.is_lossless => {
            return Err(RejectReason::Unsupported("a lossless JPEG; send a baseline or progressive one, or PNG"));
        }
        _ => {}
    }
    // Two heads in one picture: the one found at the door and the one the decoder believes.
    if (header.width, header.height) == (expected.width_px as usize, expected.height_px as usize) {
        Ok(())
    } else {
        let found = format!("{}x{}", header.width, header.height);
        Err(RejectReason::Damaged(format!("it has two headers, of {expected} and {found}")))
    }
}

/// How long it takes at the most to decode a JPEG of several scans. 0 for one scan: that is bounded by its bytes.
///
/// The decoder keeps all coefficients until it has read all scans. A scan of AC coefficients is a pass over them even if
/// it says nothing; a scan of DC coefficients and a sequential one cost little but their bytes.
///
/// Example: 1800x1350 pixels, 4:2:0, in 10 scans of 0.6 MB: 2.43e6 * (1.5 * 0.9 + 3 + 10 * 0.65) ns + 0.6e6 * 22 ns = 40 ms.
fn jpeg_ps(structure: Structure, pixels: u64, scans: u64, bytes: usize, is_dc_only: bool) -> u64 {
    let (pixel, scan, byte) = match structure.coding {
        Coding::Progressive if is_dc_only => (400, 160, 27_000),
        Coding::Progressive => (3_000, 650, 22_000),
        _ if structure.scans > 1 => (400, 160, 10_000),
        _ => return 0,
    };
    let coefficients = structure.samples(pixels).saturating_mul(900);
    let passes = pixels.saturating_mul(scans.saturating_mul(scan).saturating_add(pixel));
    coefficients.saturating_add(passes).saturating_add((bytes as u64).saturating_mul(byte))
}

/// How long it takes at the most to decode a PNG: to read its chunks, to inflate them, to undo the filters of its rows, and to
/// write its pixels. How well it deflates tells most: what is flat is quick.
///
/// Example: 3840x2160 pixels of red, green and blue in 3 MB: 3e6 * 11.5 ns + 24.9e6 * (1.4 + 0.9) ns = 92 ms.
fn png_ps(info: &png::Info<'_>, pixels: u64, file: &[u8], decoded_bytes: usize) -> u64 {
    let (file_bytes, decoded_bytes) = (file.len() as u64, decoded_bytes as u64);
    let pixel_bits = info.color_type.samples() as u64 * info.bit_depth as u64;
    let inflated_bytes = pixels.saturating_mul(pixel_bits) / 8;
    let read = chunks(file).saturating_mul(60_000);
    let inflate = file_bytes.saturating_mul(11_500).min(inflated_bytes.saturating_mul(2_800));
    // Pixels of three bytes and more are unfiltered with vector instructions.
    let unfilter = inflated_bytes.saturating_mul(if pixel_bits < 24 { 2_600 } else { 1_400 });
    let write = decoded_bytes.saturating_mul(match info.color_type {
        _ if info.interlaced => 1_900,
        ColorType::Indexed => 1_100,
        _ => 900,
    });
    [inflate, unfilter, write].into_iter().fold(read, u64::saturating_add)
}

/// How many chunks a PNG has, by their lengths (ISO/IEC 15948, 5.3).
fn chunks(file: &[u8]) -> u64 {
    let (mut rest, mut count) = (file.get(8..), 0);
    while let Some(length) = rest.and_then(<[u8]>::first_chunk) {
        count += 1;
        let end = (u32::from_be_bytes(*length) as usize).saturating_add(12);
        rest = rest.and_then(|rest| rest.get(end..));
    }
    count
}

/// The first `bytes` of the memory, which grows if it must.
fn room(memory: &mut Vec<u8>, bytes: usize) -> &mut [u8] {
    if memory.len() < bytes {
        *memory = vec![0; bytes];
    }
    &mut memory[..bytes]
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn damaged(error: turbojpeg::Error) -> RejectReason {
    RejectReason::Damaged(error.to_string())
}

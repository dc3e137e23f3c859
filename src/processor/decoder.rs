//! JPEG and PNG to pixels, into memory that is used again for the next frame.
//!
//! A decoder's *warning* is an error here. libjpeg fills up what is missing of a damaged picture with whatever it finds
//! sensible, or leaves the memory as it is: pixels of the picture before, perhaps another client's.

use std::io::Cursor;

use png::{BitDepth, ColorType, Transformations};
use turbojpeg::{Colorspace, DecompressHeader, Decompressor, Image};

use super::{buffers::Usage, pixels::PixelLayout, scale::Scale};
use crate::{
    frame::{Frame, Size},
    telemetry::rejections::RejectReason,
};

/// Pixels, times scans, that a progressive JPEG may make the decoder go over. A scan of nothing costs a pass over the
/// whole picture all the same, and 38 kB can hold a thousand of them. Usual pictures have about ten.
const MAX_SCANNED_PIXELS: u64 = 200_000_000;

/// Scans allowed whatever the size: every encoder's usual number fits.
const ALWAYS_ALLOWED_SCANS: u64 = 12;

/// Bytes that a PNG may inflate to. 3840x2160 pixels of red, green, blue and opacity fit; it takes about as long as a JPEG
/// of 4096x4096.
const MAX_PNG_BYTES: u64 = 40_000_000;

const TOO_LARGE: RejectReason = RejectReason::Unsupported("a picture larger than this machine can hold");

/// Decodes pictures one after the other.
#[derive(Debug)]
pub struct Decoder {
    jpeg: Decompressor,
    /// Rows of the last picture, without padding.
    pixels: Vec<u8>,
    usage: Usage,
}

impl Decoder {
    /// A decoder without memory yet.
    ///
    /// # Errors
    /// When libjpeg-turbo finds no memory for itself.
    pub fn new() -> Result<Self, turbojpeg::Error> {
        Ok(Self { jpeg: Decompressor::new()?, pixels: Vec::new(), usage: Usage::default() })
    }

    /// The rows of the last picture decoded, without padding, top row first.
    #[must_use]
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// Gives memory back that a picture much larger than those after it took. To be called after each frame.
    pub fn trim(&mut self) {
        if let Some(needed) = self.usage.is_too_much(self.pixels.len()) {
            self.pixels = vec![0; needed];
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

    fn try_jpeg(&mut self, frame: &Frame, scale: Scale, in_colour: bool) -> Result<PixelLayout, RejectReason> {
        let header = self.jpeg.read_header(frame.bytes()).map_err(damaged)?;
        check(&header, frame.size())?;
        let limit = (MAX_SCANNED_PIXELS / frame.size().pixels()).max(ALWAYS_ALLOWED_SCANS);
        self.jpeg.set_scan_limit(u32::try_from(limit).unwrap_or(u32::MAX).min(500)).map_err(damaged)?;
        self.jpeg.set_scaling_factor(scale.factor()).map_err(damaged)?;

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
        match self.jpeg.decompress(frame.bytes(), Image { pixels, width, pitch, height, format }) {
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
        let info = reader.info();
        let pixel_bits = info.color_type.samples() as u64 * info.bit_depth as u64;
        if frame.size().pixels().saturating_mul(pixel_bits) / 8 > MAX_PNG_BYTES {
            return Err(RejectReason::Unsupported("a PNG of more than 40 MB of pixels; send fewer, or JPEG"));
        }
        let bytes = reader.output_buffer_size().ok_or(TOO_LARGE)?;
        self.usage.needs(bytes);
        let pixels = room(&mut self.pixels, bytes);
        let info = reader.next_frame(pixels).map_err(damaged)?;
        let layout = match (info.color_type, info.bit_depth) {
            (ColorType::Grayscale, BitDepth::Eight) => PixelLayout::Grey,
            (ColorType::GrayscaleAlpha, BitDepth::Eight) => PixelLayout::GreyAlpha,
            (ColorType::Rgb, BitDepth::Eight) => PixelLayout::Rgb,
            (ColorType::Rgba, BitDepth::Eight) => PixelLayout::Rgba,
            _ => return Err(RejectReason::Unsupported("a PNG that does not become 8 bits a channel")),
        };
        let size = Size { width_px: info.width, height_px: info.height };
        if size != frame.size() {
            return Err(RejectReason::Damaged(format!("its pixels are {size}, its head says {}", frame.size())));
        }
        Ok(layout)
    }
}

/// Whether the decoder only complains of some bytes between the picture's last pixel and its end mark. Many webcams put one or
/// two there, now and then or always; all pixels are decoded by then.
fn is_of_the_rest(error: &turbojpeg::Error) -> bool {
    const MOST: u32 = 16;
    let turbojpeg::Error::TurboJpegError(text) = error else { return false };
    let count = text.strip_suffix(" extraneous bytes before marker 0xd9").and_then(|text| text.rsplit(' ').next());
    count.and_then(|count| count.parse().ok()).is_some_and(|count: u32| count <= MOST)
}

fn check(header: &DecompressHeader, expected: Size) -> Result<(), RejectReason> {
    match header.colorspace {
        Colorspace::CMYK | Colorspace::YCCK => {
            return Err(RejectReason::Unsupported("a CMYK JPEG is for printers; send YCbCr, gray or RGB"));
        }
        _ if header.is_lossless => return Err(RejectReason::Unsupported("a lossless JPEG; send a usual one, or PNG")),
        _ => {}
    }
    // Two heads in one picture: the one found at the door and the one the decoder believes.
    if (header.width, header.height) == (expected.width_px as usize, expected.height_px as usize) {
        Ok(())
    } else {
        let found = format!("{}x{}", header.width, header.height);
        Err(RejectReason::Damaged(format!("it has two heads, of {expected} and {found}")))
    }
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

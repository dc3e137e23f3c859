//! MJPEG files: JPEG pictures one after the other, maybe with other bytes in between.
//!
//! A scan along the markers finds the end of a picture. A search for the bytes of the end marker alone would stop at the
//! end of the thumbnail that many pictures carry in a segment.

use std::{io, path::Path, sync::Arc};

use super::{FileOffset, Input, MAX_PICTURE_BYTES, RecordingError, Still};
use crate::frame::PixelFormat;

/// The first bytes of every JPEG: the start marker, and the first byte of the marker that must follow.
pub(super) const START: [u8; 3] = [0xff, 0xd8, 0xff];

/// The index in `bytes` at which the first JPEG starts.
pub(super) fn find_start(bytes: &[u8]) -> Option<usize> {
    bytes.windows(START.len()).position(|window| window == START)
}

/// The pictures of an MJPEG file. The iterator skips what is between them, such as the headers of a multipart stream.
pub(super) struct Mjpeg<R> {
    file: Arc<Path>,
    input: R,
    /// Bytes read so far.
    offset: u64,
    /// Whether the start marker of the next picture was read already, as the unexpected end of the last one.
    has_start: bool,
}

impl<R: Input> Mjpeg<R> {
    pub(super) fn new(file: Arc<Path>, input: R) -> Self {
        Self { file, input, offset: 0, has_start: false }
    }

    /// Reads up to the next picture. Returns the first bytes of it that it has read, and a scanner behind these.
    fn seek_start(&mut self) -> io::Result<Option<(Vec<u8>, MarkerScanner)>> {
        if self.has_start {
            self.has_start = false;
            return Ok(Some((START[..2].to_vec(), MarkerScanner::Marker)));
        }
        let mut matched = 0;
        while matched < START.len() {
            let Some(byte) = self.next_byte()? else { return Ok(None) };
            matched = match byte {
                _ if byte == START[matched] => matched + 1,
                0xff => 1,
                _ => 0,
            };
        }
        Ok(Some((START.to_vec(), MarkerScanner::Code)))
    }

    fn next_byte(&mut self) -> io::Result<Option<u8>> {
        let byte = self.input.fill_buf()?.first().copied();
        if byte.is_some() {
            self.consume(1);
        }
        Ok(byte)
    }

    fn consume(&mut self, count: usize) {
        self.input.consume(count);
        self.offset += count as u64;
    }

    fn read(&mut self) -> Result<Option<Vec<u8>>, RecordingError> {
        let start = self.seek_start();
        let Some((mut picture, mut scanner)) = start.map_err(|e| RecordingError::Read(self.at(self.offset), e))? else {
            return Ok(None);
        };
        let start = self.offset - picture.len() as u64;
        loop {
            let buffer = self.input.fill_buf();
            let buffer = buffer
                .map_err(|e| RecordingError::Read(FileOffset { file: self.file.clone(), offset: self.offset }, e))?;
            if buffer.is_empty() {
                return Err(RecordingError::Truncated(self.at(start)));
            }
            let (count, end) = scanner.advance(buffer);
            picture.extend_from_slice(&buffer[..count]);
            self.consume(count);
            match end {
                Some(ScanEnd::End) => return Ok(Some(picture)),
                Some(ScanEnd::Start) => {
                    self.has_start = true;
                    return Err(RecordingError::Truncated(self.at(start)));
                }
                Some(ScanEnd::Invalid) => return Err(RecordingError::Damaged(self.at(start))),
                None if picture.len() as u64 > MAX_PICTURE_BYTES => {
                    return Err(RecordingError::TooLarge(self.at(start)));
                }
                None => {}
            }
        }
    }

    fn at(&self, offset: u64) -> FileOffset {
        FileOffset { file: self.file.clone(), offset }
    }
}

impl<R: Input> Iterator for Mjpeg<R> {
    type Item = Result<Still, RecordingError>;

    fn next(&mut self) -> Option<Self::Item> {
        let picture = self.read().transpose()?;
        Some(picture.map(|picture| Still { format: PixelFormat::Jpeg, bytes: picture.into() }))
    }
}

/// The state of a scan along the markers of a JPEG.
#[derive(Clone, Copy, Debug)]
enum MarkerScanner {
    /// Before a marker: `FF` must follow.
    Marker,
    /// After `FF`: the marker's code follows, or more `FF` as padding.
    Code,
    /// Before the first byte of a segment's length. With `scan`, compressed data follows the segment.
    Length { scan: bool },
    /// Before the second byte of the length.
    Length2 { scan: bool, high: u8 },
    /// Inside a segment.
    Segment { scan: bool, left: usize },
    /// In compressed data: every byte but `FF` belongs to it.
    Data,
    /// After `FF` in compressed data: `00` and restart markers belong to it, any other code ends it.
    DataCode,
}

/// What ended a scan.
#[derive(Debug, PartialEq, Eq)]
enum ScanEnd {
    /// The end marker.
    End,
    /// The start marker of the next picture.
    Start,
    /// A byte that no JPEG has at this point.
    Invalid,
}

impl MarkerScanner {
    /// Inside a segment of which `left` bytes remain, or behind it if none do.
    fn segment(scan: bool, left: usize) -> Self {
        match (left, scan) {
            (0, true) => Self::Data,
            (0, false) => Self::Marker,
            _ => Self::Segment { scan, left },
        }
    }

    /// Scans the next `bytes` of the picture. Returns how many of them it consumed: all of them, or up to and with the
    /// byte that ended the scan.
    fn advance(&mut self, bytes: &[u8]) -> (usize, Option<ScanEnd>) {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            let rest = &bytes[at..];
            let mut consumed = 1;
            *self = match (*self, byte) {
                (Self::Segment { scan, left }, _) => {
                    consumed = left.min(rest.len());
                    Self::segment(scan, left - consumed)
                }
                (Self::Data | Self::DataCode, 0xff) => Self::DataCode,
                (Self::Data, _) => {
                    consumed = rest.iter().position(|&byte| byte == 0xff).unwrap_or(rest.len());
                    Self::Data
                }
                (Self::DataCode, 0x00 | 0xd0..=0xd7) => Self::Data,
                (Self::Marker | Self::Code, 0xff) => Self::Code,
                (Self::Code | Self::DataCode, 0xd9) => return (at + 1, Some(ScanEnd::End)),
                (Self::Code | Self::DataCode, 0xd8) => return (at + 1, Some(ScanEnd::Start)),
                (Self::Marker, _) | (Self::Code, 0x00) => return (at + 1, Some(ScanEnd::Invalid)),
                (Self::Code, 0x01 | 0xd0..=0xd7) | (Self::DataCode, 0x01) => Self::Marker,
                (Self::Code | Self::DataCode, code) => Self::Length { scan: code == 0xda },
                (Self::Length { scan }, high) => Self::Length2 { scan, high },
                (Self::Length2 { scan, high }, low) => match usize::from(u16::from_be_bytes([high, low])) {
                    0 | 1 => return (at + 1, Some(ScanEnd::Invalid)),
                    length => Self::segment(scan, length - 2),
                },
            };
            at += consumed;
        }
        (at, None)
    }
}

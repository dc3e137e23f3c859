//! MJPEG files: JPEG pictures one after the other, maybe with something else in between.
//!
//! A picture's end is found by walking its markers. Looking for the bytes of the end marker alone would stop at
//! the end of the thumbnail that many pictures carry in a segment of their own.

use std::{io, path::Path, sync::Arc};

use super::{Input, MAX_PICTURE_BYTES, Place, RecordingError, Still};
use crate::frame::PixelFormat;

/// What a JPEG begins with: the start marker, and the first byte of the marker that must follow.
pub(super) const START: [u8; 3] = [0xff, 0xd8, 0xff];

/// Where in `bytes` the first JPEG begins.
pub(super) fn find_start(bytes: &[u8]) -> Option<usize> {
    bytes.windows(START.len()).position(|window| window == START)
}

/// The pictures of an MJPEG file. What stands between them (the headers of a multipart stream, zeros) is skipped.
pub(super) struct Mjpeg<R> {
    file: Arc<Path>,
    input: R,
    /// Bytes read so far.
    at: u64,
    /// The start marker of the next picture was read already, as the unexpected end of the last one.
    begun: bool,
}

impl<R: Input> Mjpeg<R> {
    pub(super) fn new(file: Arc<Path>, input: R) -> Self {
        Self { file, input, at: 0, begun: false }
    }

    /// Reads up to the next picture and some of its first bytes; nothing if there is none.
    fn begin(&mut self) -> io::Result<Option<(Vec<u8>, Walk)>> {
        if self.begun {
            self.begun = false;
            return Ok(Some((START[..2].to_vec(), Walk::Marker)));
        }
        let mut matched = 0;
        while matched < START.len() {
            let Some(byte) = self.byte()? else { return Ok(None) };
            matched = match byte {
                _ if byte == START[matched] => matched + 1,
                0xff => 1,
                _ => 0,
            };
        }
        Ok(Some((START.to_vec(), Walk::Code)))
    }

    fn byte(&mut self) -> io::Result<Option<u8>> {
        let byte = self.input.fill_buf()?.first().copied();
        if byte.is_some() {
            self.consume(1);
        }
        Ok(byte)
    }

    fn consume(&mut self, count: usize) {
        self.input.consume(count);
        self.at += count as u64;
    }

    fn read(&mut self) -> Result<Option<Vec<u8>>, RecordingError> {
        let begun = self.begin();
        let Some((mut picture, mut walk)) = begun.map_err(|e| RecordingError::Read(self.place(self.at), e))? else {
            return Ok(None);
        };
        let start = self.at - picture.len() as u64;
        loop {
            let buffer = self.input.fill_buf();
            let buffer =
                buffer.map_err(|e| RecordingError::Read(Place { file: self.file.clone(), byte: self.at }, e))?;
            if buffer.is_empty() {
                return Err(RecordingError::Cut(self.place(start)));
            }
            let (count, found) = walk.over(buffer);
            picture.extend_from_slice(&buffer[..count]);
            self.consume(count);
            match found {
                Some(Found::End) => return Ok(Some(picture)),
                Some(Found::Start) => {
                    self.begun = true;
                    return Err(RecordingError::Cut(self.place(start)));
                }
                Some(Found::Nonsense) => return Err(RecordingError::Damaged(self.place(start))),
                None if picture.len() as u64 > MAX_PICTURE_BYTES => {
                    return Err(RecordingError::TooLarge(self.place(start)));
                }
                None => {}
            }
        }
    }

    fn place(&self, byte: u64) -> Place {
        Place { file: self.file.clone(), byte }
    }
}

impl<R: Input> Iterator for Mjpeg<R> {
    type Item = Result<Still, RecordingError>;

    fn next(&mut self) -> Option<Self::Item> {
        let picture = self.read().transpose()?;
        Some(picture.map(|picture| Still { format: PixelFormat::Jpeg, bytes: picture.into() }))
    }
}

/// Where in a JPEG a walk along its markers has come to.
#[derive(Clone, Copy, Debug)]
enum Walk {
    /// Before a marker: `FF` must come.
    Marker,
    /// After `FF`: the marker's code comes, or more `FF` to fill up.
    Code,
    /// Before the first byte of a segment's length. A scan's compressed data may follow the segment.
    Length { scan: bool },
    /// Before the second byte, having read the first.
    Length2 { scan: bool, high: u8 },
    /// Inside a segment.
    Segment { scan: bool, left: usize },
    /// In compressed data: all but `FF` is pixels.
    Data,
    /// After `FF` in compressed data: `00` and restart markers belong to it, anything else is a marker.
    DataCode,
}

/// What ends a walk.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    /// The end marker.
    End,
    /// The start marker of another picture, which cannot be inside this one.
    Start,
    /// What no JPEG has at this place.
    Nonsense,
}

impl Walk {
    /// Inside a segment with `left` bytes to go, or behind it when there are none.
    fn segment(scan: bool, left: usize) -> Self {
        match (left, scan) {
            (0, true) => Self::Data,
            (0, false) => Self::Marker,
            _ => Self::Segment { scan, left },
        }
    }

    /// Walks over `bytes`, the next ones of the picture. Returns how many of them it went over: all of them
    /// unless it found something, which is then the last.
    fn over(&mut self, bytes: &[u8]) -> (usize, Option<Found>) {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            let rest = &bytes[at..];
            let mut walked = 1;
            *self = match (*self, byte) {
                (Self::Segment { scan, left }, _) => {
                    walked = left.min(rest.len());
                    Self::segment(scan, left - walked)
                }
                (Self::Data | Self::DataCode, 0xff) => Self::DataCode,
                (Self::Data, _) => {
                    walked = rest.iter().position(|&byte| byte == 0xff).unwrap_or(rest.len());
                    Self::Data
                }
                (Self::DataCode, 0x00 | 0xd0..=0xd7) => Self::Data,
                (Self::Marker | Self::Code, 0xff) => Self::Code,
                (Self::Code | Self::DataCode, 0xd9) => return (at + 1, Some(Found::End)),
                (Self::Code | Self::DataCode, 0xd8) => return (at + 1, Some(Found::Start)),
                (Self::Marker, _) | (Self::Code, 0x00) => return (at + 1, Some(Found::Nonsense)),
                (Self::Code, 0x01 | 0xd0..=0xd7) | (Self::DataCode, 0x01) => Self::Marker,
                (Self::Code | Self::DataCode, code) => Self::Length { scan: code == 0xda },
                (Self::Length { scan }, high) => Self::Length2 { scan, high },
                (Self::Length2 { scan, high }, low) => match usize::from(u16::from_be_bytes([high, low])) {
                    0 | 1 => return (at + 1, Some(Found::Nonsense)),
                    length => Self::segment(scan, length - 2),
                },
            };
            at += walked;
        }
        (at, None)
    }
}

//! AVI files with MJPEG video, as webcams' recorders and ffmpeg write them.
//!
//! An AVI file is a tree of chunks: lists that hold chunks, and chunks that hold data. This reads the tree as a flat
//! sequence: behind a list's header comes what is inside. So it needs no list's length, which a recorder writes when it
//! closes the file, if it gets to that; nor does it need the index at the end.

use std::{
    io::{self, Read},
    path::Path,
    sync::Arc,
};

use bytes::Bytes;

use super::{FileOffset, Input, MAX_PICTURE_BYTES, RecordingError, Still};
use crate::frame::PixelFormat;

/// The longest header chunk read. Those of MJPEG have 40 to 60 bytes.
const MAX_HEADER_BYTES: u32 = 4 << 10;

/// The plausible rates. A header that states another states none.
const RATES_HZ: std::ops::RangeInclusive<f64> = 0.01..=1000.0;

/// The video pictures of an AVI file.
pub(super) struct Avi<R> {
    file: Arc<Path>,
    input: R,
    video: VideoStream,
    /// The previous picture: an empty chunk repeats it.
    previous: Option<Bytes>,
}

/// What the headers state about the first video stream.
#[derive(Debug, Default)]
struct VideoStream {
    /// Its index among the streams, which is in the names of its chunks: `00dc`, `01dc`.
    stream: u32,
    rate_hz: Option<f64>,
    pictures: Option<u64>,
}

/// A chunk's name, and the length that it states for its data.
struct Chunk {
    name: [u8; 4],
    bytes: u32,
}

impl<R: Input> Avi<R> {
    /// Reads the headers.
    pub(super) fn new(file: Arc<Path>, mut input: R) -> Result<Self, RecordingError> {
        let headers = Headers::read(&mut input);
        let headers = headers.map_err(|e| RecordingError::Read(position(&file, &mut input), e))?;
        let fourcc = headers.codec.ok_or_else(|| RecordingError::NoVideo(file.to_path_buf()))?;
        if !(fourcc.eq_ignore_ascii_case(b"MJPG") || fourcc.eq_ignore_ascii_case(b"JPEG")) {
            let fourcc = String::from_utf8_lossy(&fourcc).into_owned();
            return Err(RecordingError::Codec { file: file.to_path_buf(), fourcc });
        }
        Ok(Self { file, input, video: headers.video, previous: None })
    }

    pub(super) fn rate_hz(&self) -> Option<f64> {
        self.video.rate_hz
    }

    pub(super) fn pictures(&self) -> Option<u64> {
        self.video.pictures
    }

    fn read(&mut self) -> Result<Option<Bytes>, RecordingError> {
        loop {
            let chunk = read_chunk(&mut self.input)
                .map_err(|e| RecordingError::Read(position(&self.file, &mut self.input), e))?;
            let Some(chunk) = chunk else { return Ok(None) };
            let start = position(&self.file, &mut self.input);
            if !self.is_picture(chunk.name) {
                skip(&mut self.input, chunk.bytes).map_err(|e| RecordingError::Read(start, e))?;
            } else if chunk.bytes > 0 {
                let picture = self.read_picture(chunk.bytes, start)?;
                self.previous = Some(picture.clone());
                return Ok(Some(picture));
            } else if let Some(previous) = &self.previous {
                return Ok(Some(previous.clone()));
            }
        }
    }

    fn read_picture(&mut self, bytes: u32, start: FileOffset) -> Result<Bytes, RecordingError> {
        if u64::from(bytes) > MAX_PICTURE_BYTES {
            skip(&mut self.input, bytes).map_err(|e| RecordingError::Read(start.clone(), e))?;
            return Err(RecordingError::TooLarge(start));
        }
        match read_data(&mut self.input, bytes).map_err(|e| RecordingError::Read(start.clone(), e))? {
            Some(picture) if picture.starts_with(&super::jpeg_splitter::START) => Ok(picture.into()),
            Some(_) => Err(RecordingError::Damaged(start)),
            None => Err(RecordingError::Truncated(start)),
        }
    }

    /// `00dc` is a picture of stream 0; some recorders write `00db`.
    fn is_picture(&self, name: [u8; 4]) -> bool {
        let [tens, ones, kind @ ..] = name;
        let number = char::from(tens).to_digit(10).zip(char::from(ones).to_digit(10));
        number.is_some_and(|(tens, ones)| 10 * tens + ones == self.video.stream) && matches!(&kind, b"dc" | b"db")
    }
}

impl<R: Input> Iterator for Avi<R> {
    type Item = Result<Still, RecordingError>;

    fn next(&mut self) -> Option<Self::Item> {
        let picture = self.read().transpose()?;
        Some(picture.map(|bytes| Still { format: PixelFormat::Jpeg, bytes }))
    }
}

/// The headers before the pictures.
#[derive(Debug, Default)]
struct Headers {
    codec: Option<[u8; 4]>,
    video: VideoStream,
}

impl Headers {
    /// Reads up to the list of pictures, or to the end of the file if there is none.
    fn read(input: &mut impl Input) -> io::Result<Self> {
        let mut headers = Self::default();
        let mut file_rate_hz = None;
        let mut streams = 0;
        let mut in_video = false;
        while let Some(Chunk { name, bytes }) = read_chunk(input)? {
            if &name == b"movi" {
                break;
            }
            if bytes > MAX_HEADER_BYTES || !matches!(&name, b"avih" | b"strh" | b"strf") {
                skip(input, bytes)?;
                continue;
            }
            let Some(data) = read_data(input, bytes)? else { break };
            let number_at = |at: usize| data.get(at..at + 4).map(|n| u32::from_le_bytes([n[0], n[1], n[2], n[3]]));
            let ratio = |over: usize, under: usize| {
                let rate = f64::from(number_at(over)?) / f64::from(number_at(under)?);
                RATES_HZ.contains(&rate).then_some(rate)
            };
            match &name {
                b"avih" => {
                    file_rate_hz = number_at(0).map(|us| 1e6 / f64::from(us)).filter(|rate| RATES_HZ.contains(rate))
                }
                b"strh" => {
                    in_video = headers.codec.is_none() && data.starts_with(b"vids");
                    if in_video {
                        headers.codec = Some(*b"????");
                        let pictures = number_at(32).filter(|&count| count > 0).map(u64::from);
                        headers.video =
                            VideoStream { stream: streams, rate_hz: ratio(24, 20).or(file_rate_hz), pictures };
                    }
                    streams = streams.saturating_add(1); // a file may have any number
                }
                b"strf" if in_video => headers.codec = data.get(16..20).and_then(|code| code.try_into().ok()),
                _ => {}
            }
        }
        Ok(headers)
    }
}

/// Reads the next chunk's header; `None` at the end of the file. A list counts as a chunk without data that bears the
/// list's name: the chunks in it come after it.
fn read_chunk(input: &mut impl Input) -> io::Result<Option<Chunk>> {
    let Some(name) = read_four(input)? else { return Ok(None) };
    let Some(length) = read_four(input)? else { return Ok(None) };
    if matches!(&name, b"RIFF" | b"LIST") {
        return Ok(read_four(input)?.map(|kind| Chunk { name: kind, bytes: 0 }));
    }
    Ok(Some(Chunk { name, bytes: u32::from_le_bytes(length) }))
}

fn read_four(input: &mut impl Input) -> io::Result<Option<[u8; 4]>> {
    let mut four = [0; 4];
    match input.read_exact(&mut four) {
        Ok(()) => Ok(Some(four)),
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(e) => Err(e),
    }
}

/// Reads a chunk's data; `None` if the file ends within it. Takes no more memory than the file has bytes.
fn read_data(input: &mut impl Input, bytes: u32) -> io::Result<Option<Vec<u8>>> {
    let mut data = Vec::new();
    input.by_ref().take(bytes.into()).read_to_end(&mut data)?;
    input.seek_relative((bytes % 2).into())?;
    Ok((data.len() == bytes as usize).then_some(data))
}

/// Skips a chunk's data, maybe beyond the end of the file.
fn skip(input: &mut impl Input, bytes: u32) -> io::Result<()> {
    input.seek_relative((u64::from(bytes) + u64::from(bytes % 2)).cast_signed())
}

/// The position of `input`.
fn position(file: &Arc<Path>, input: &mut impl Input) -> FileOffset {
    let offset = input.stream_position().unwrap_or(0); // good enough for a message
    FileOffset { file: file.clone(), offset }
}

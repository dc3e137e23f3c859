//! Pictures in a stream of bytes that has nothing else in it: JPEG files one after the other, or raw pictures of one size.

use crate::{
    commands::send::{
        sink::Sink,
        source_error::{MAX_PICTURE_BYTES, SourceError},
    },
    frame::{PixelFormat, Size},
    recording::jpeg_splitter::{JpegSplitter, Split},
    system::clock::Monotonic,
    wire::HEADER_BYTES,
};

/// How many bytes without a picture mean that the stream has none.
const MAX_SKIPPED_BYTES: u64 = MAX_PICTURE_BYTES;

/// How much of a file's end is read that grows: its newest picture is in there.
const TAIL_BYTES: u64 = 4 << 20;

/// How a stream is made up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// JPEG files; bytes between them are skipped.
    Jpeg,
    /// Rows of pixels without padding, `bytes` of them in each picture.
    Raw {
        /// Which pixels.
        format: PixelFormat,
        /// Columns and rows.
        size: Size,
        /// Bytes of a picture.
        bytes: usize,
    },
}

/// What to do with a stream in which no picture can be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lenience {
    /// Say so and read on: there is no other stream.
    ReadOn,
    /// Give it up.
    GiveUp,
}

/// Finds the pictures in a stream.
pub(super) struct Framer {
    framing: Framing,
    lenience: Lenience,
    splitter: JpegSplitter,
    /// When the first byte of the picture was read.
    started_at: Monotonic,
    /// Bytes since the last picture.
    skipped_bytes: u64,
    /// Whether what looks like a picture may be part of one whose start was not read.
    is_in_the_middle: bool,
}

impl Framing {
    /// Where to begin to read a file of so many bytes, for its last pictures.
    pub(super) fn tail(self, file_bytes: u64) -> u64 {
        match self {
            Self::Jpeg => file_bytes.saturating_sub(TAIL_BYTES),
            Self::Raw { bytes, .. } => {
                let bytes = (bytes as u64).max(1);
                (file_bytes / bytes).saturating_sub(1).saturating_mul(bytes)
            }
        }
    }
}

impl Framer {
    pub(super) fn new(framing: Framing, lenience: Lenience) -> Self {
        let splitter = JpegSplitter::new(MAX_PICTURE_BYTES);
        let started_at = Monotonic::default();
        Self { framing, lenience, splitter, started_at, skipped_bytes: 0, is_in_the_middle: false }
    }

    /// The same for a stream that may begin in the middle of a picture.
    pub(super) fn in_the_middle(self) -> Self {
        Self { is_in_the_middle: self.framing == Framing::Jpeg, ..self }
    }

    /// Takes the next bytes, which were read at `read_at`.
    ///
    /// # Errors
    /// If there is no picture in them, and the stream is to be given up then.
    pub(super) fn push(&mut self, bytes: &[u8], read_at: Monotonic, sink: &mut Sink) -> Result<(), SourceError> {
        match self.framing {
            Framing::Jpeg => self.push_jpeg(bytes, read_at, sink),
            Framing::Raw { format, size, bytes: picture_bytes } => {
                self.push_raw(bytes, read_at, sink, picture_bytes, |sink, at| sink.publish(format, Some(size), at));
                Ok(())
            }
        }
    }

    /// The stream has ended.
    pub(super) fn end(&mut self, sink: &mut Sink) {
        if self.splitter.unfinished_bytes() > 0 || !sink.picture().is_empty() {
            sink.leave_out("the last picture is cut off; fovea skips it");
        }
        *self = Self::new(self.framing, self.lenience);
    }

    fn push_jpeg(&mut self, mut bytes: &[u8], read_at: Monotonic, sink: &mut Sink) -> Result<(), SourceError> {
        while !bytes.is_empty() {
            if self.splitter.unfinished_bytes() == 0 {
                self.started_at = read_at;
            }
            let (count, split) = self.splitter.advance(bytes, sink.message());
            bytes = &bytes[count..];
            match split {
                Some(_) if self.is_in_the_middle => {
                    self.is_in_the_middle = false;
                    sink.clear();
                }
                Some(Split::Whole) => sink.publish(PixelFormat::Jpeg, None, self.started_at),
                Some(Split::Truncated) => {
                    self.started_at = read_at;
                    sink.leave_out("a picture is cut off; fovea skips it");
                }
                Some(Split::Damaged) => sink.leave_out("a picture is damaged; fovea skips it"),
                Some(Split::TooLarge) => self.give_up(SourceError::TooLarge, sink)?,
                None if self.splitter.unfinished_bytes() > 0 => {}
                None => {
                    self.skipped_bytes += count as u64;
                    if self.skipped_bytes > MAX_SKIPPED_BYTES {
                        self.skipped_bytes = 0;
                        self.give_up(SourceError::NoJpeg, sink)?;
                    }
                    continue;
                }
            }
            self.skipped_bytes = 0;
        }
        Ok(())
    }

    fn push_raw(
        &mut self,
        mut bytes: &[u8],
        read_at: Monotonic,
        sink: &mut Sink,
        picture_bytes: usize,
        publish: impl Fn(&mut Sink, Monotonic),
    ) {
        while !bytes.is_empty() {
            let have = sink.picture().len();
            if have == 0 {
                self.started_at = read_at;
                sink.message().reserve_exact(picture_bytes);
            }
            let (part, rest) = bytes.split_at(bytes.len().min(picture_bytes - have));
            sink.message().extend_from_slice(part);
            bytes = rest;
            if sink.message().len() == HEADER_BYTES + picture_bytes {
                publish(sink, self.started_at);
            }
        }
    }

    fn give_up(&mut self, error: SourceError, sink: &mut Sink) -> Result<(), SourceError> {
        match self.lenience {
            Lenience::GiveUp => Err(error),
            Lenience::ReadOn => {
                sink.leave_out(error);
                Ok(())
            }
        }
    }
}

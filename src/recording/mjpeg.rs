//! MJPEG files: JPEG pictures one after the other, maybe with other bytes in between.

use std::{path::Path, sync::Arc};

use super::{
    FileOffset, Input, MAX_PICTURE_BYTES, RecordingError, Still,
    jpeg_splitter::{JpegSplitter, Split},
};
use crate::frame::PixelFormat;

/// The pictures of an MJPEG file. The iterator skips what is between them, such as the headers of a multipart stream.
pub(super) struct Mjpeg<R> {
    file: Arc<Path>,
    input: R,
    /// Bytes read so far.
    offset: u64,
    splitter: JpegSplitter,
}

impl<R: Input> Mjpeg<R> {
    pub(super) fn new(file: Arc<Path>, input: R) -> Self {
        Self { file, input, offset: 0, splitter: JpegSplitter::new(MAX_PICTURE_BYTES) }
    }

    fn read(&mut self) -> Result<Option<Vec<u8>>, RecordingError> {
        let mut picture = Vec::new();
        loop {
            let offset = FileOffset { file: self.file.clone(), offset: self.offset };
            let buffer = self.input.fill_buf().map_err(|e| RecordingError::Read(offset, e))?;
            if buffer.is_empty() {
                let unfinished_bytes = self.splitter.unfinished_bytes();
                self.splitter = JpegSplitter::new(MAX_PICTURE_BYTES);
                return match unfinished_bytes {
                    0 => Ok(None),
                    bytes => Err(RecordingError::Truncated(self.back(bytes))),
                };
            }
            let (count, split) = self.splitter.advance(buffer, &mut picture);
            self.input.consume(count);
            self.offset += count as u64;
            match split {
                None => {}
                Some(Split::Whole) => return Ok(Some(picture)),
                Some(Split::Truncated) => return Err(RecordingError::Truncated(self.back(picture.len() as u64))),
                Some(Split::Damaged) => return Err(RecordingError::Damaged(self.back(picture.len() as u64))),
                Some(Split::TooLarge) => return Err(RecordingError::TooLarge(self.back(picture.len() as u64))),
            }
        }
    }

    /// The place so many bytes before the next one.
    fn back(&self, bytes: u64) -> FileOffset {
        FileOffset { file: self.file.clone(), offset: self.offset.saturating_sub(bytes) }
    }
}

impl<R: Input> Iterator for Mjpeg<R> {
    type Item = Result<Still, RecordingError>;

    fn next(&mut self) -> Option<Self::Item> {
        let picture = self.read().transpose()?;
        Some(picture.map(|picture| Still { format: PixelFormat::Jpeg, bytes: picture.into() }))
    }
}

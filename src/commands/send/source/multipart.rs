//! Pictures in the parts of a multipart stream (RFC 2046, `multipart/x-mixed-replace`), as cameras send it.
//!
//! Cameras do not agree where the dashes of a boundary belong, whether a line ends before it, and whether a part states its
//! length. A part that states none ends with its JPEG's end marker: the next boundary may come only with the next picture.

use crate::{
    commands::send::{
        sink::Sink,
        source_error::{MAX_PICTURE_BYTES, SourceError},
    },
    frame::PixelFormat,
    recording::jpeg_splitter::{JpegSplitter, START, Split},
    system::clock::Monotonic,
};

use super::capture_time::capture_time;

/// The first boundary comes within so many bytes.
const MAX_PREAMBLE_BYTES: u64 = 64 << 10;

/// The next boundaries come within so many bytes after a part: one may state too small a length.
const MAX_GAP_BYTES: u64 = MAX_PICTURE_BYTES;

/// The longest header of a part.
const MAX_HEADER_BYTES: usize = 16 << 10;

/// Of a longer line only the end is kept: a boundary may be there.
const MAX_LINE_BYTES: usize = 4 << 10;

const PNG_START: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Finds the pictures in a multipart stream that is given piece by piece.
pub(super) struct Multipart {
    /// The boundary without dashes before it; `None` until it is known.
    boundary: Option<Vec<u8>>,
    place: Place,
    /// The beginning of the line that is read, or its last bytes.
    line: Vec<u8>,
    splitter: JpegSplitter,
    part: Part,
}

/// Where in the stream it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Before a boundary; so many bytes were skipped, of at most so many.
    Gap { skipped: u64, max: u64 },
    /// In the header of a part, of which so many bytes were read.
    Header { bytes: usize },
    /// In the body of a part, of which so many bytes are left.
    Counted { left: usize },
    /// In the body of a part without a length.
    Uncounted,
}

/// What is known of the part that is read.
#[derive(Clone, Copy, Debug, Default)]
struct Part {
    content_length: Option<u64>,
    stamp: Option<f64>,
    /// When the first byte of its body was read.
    read_at: Option<Monotonic>,
}

impl Multipart {
    /// For a stream whose response has this content type, which names the boundary.
    pub(super) fn new(content_type: &str) -> Self {
        Self {
            boundary: boundary(content_type),
            place: Place::Gap { skipped: 0, max: MAX_PREAMBLE_BYTES },
            line: Vec::new(),
            splitter: JpegSplitter::new(MAX_PICTURE_BYTES),
            part: Part::default(),
        }
    }

    /// Takes the next bytes, which were read at `read_at`.
    ///
    /// # Errors
    /// If the stream is none that has parts with pictures.
    pub(super) fn push(&mut self, mut bytes: &[u8], read_at: Monotonic, sink: &mut Sink) -> Result<(), SourceError> {
        while !bytes.is_empty() {
            let count = match self.place {
                Place::Gap { skipped, max } => self.push_gap(bytes, skipped, max)?,
                Place::Header { bytes: have } => self.push_header(bytes, have)?,
                Place::Counted { left } => self.push_counted(bytes, left, read_at, sink),
                Place::Uncounted => self.push_uncounted(bytes, read_at, sink)?,
            };
            bytes = &bytes[count..];
        }
        Ok(())
    }

    /// Reads to the end of a line. Returns how many bytes that are, and whether the line is whole.
    fn read_line(&mut self, bytes: &[u8]) -> (usize, bool) {
        let end = bytes.iter().position(|&byte| byte == b'\n');
        let count = end.map_or(bytes.len(), |at| at + 1);
        self.line.extend_from_slice(&bytes[..count]);
        if self.line.len() > MAX_LINE_BYTES {
            self.line.drain(..self.line.len() - MAX_LINE_BYTES / 2);
        }
        (count, end.is_some())
    }

    fn push_gap(&mut self, bytes: &[u8], skipped: u64, max: u64) -> Result<usize, SourceError> {
        let (count, is_whole) = self.read_line(bytes);
        let skipped = skipped + count as u64;
        self.place = Place::Gap { skipped, max };
        if is_whole {
            let is_boundary = self.is_boundary();
            self.line.clear();
            if is_boundary {
                self.part = Part::default();
                self.place = Place::Header { bytes: 0 };
                return Ok(count);
            }
        }
        if skipped > max { Err(SourceError::NoBoundary) } else { Ok(count) }
    }

    /// Whether the line is a boundary. The first one in a stream that names none says which it is.
    fn is_boundary(&mut self) -> bool {
        let line = self.line.trim_ascii_end();
        match &self.boundary {
            None => {
                let name = line.strip_prefix(b"--").map(without_dashes).filter(|name| !name.is_empty());
                self.boundary = name.map(<[u8]>::to_vec);
                self.boundary.is_some()
            }
            // Bytes of a picture may come before it, if no line ends there.
            Some(boundary) => {
                line.strip_suffix(&boundary[..]).is_some_and(|before| before.is_empty() || before.ends_with(b"--"))
            }
        }
    }

    fn push_header(&mut self, bytes: &[u8], have: usize) -> Result<usize, SourceError> {
        // No header begins like a JPEG does: the empty line before it is missing.
        if self.line.is_empty() && bytes[0] == START[0] {
            self.begin_body()?;
            return Ok(0);
        }
        let (count, is_whole) = self.read_line(bytes);
        let have = have + count;
        self.place = Place::Header { bytes: have };
        if is_whole {
            let line = std::mem::take(&mut self.line);
            match line.trim_ascii() {
                b"" => self.begin_body()?,
                line => self.part.read_header(line),
            }
        }
        if have > MAX_HEADER_BYTES { Err(SourceError::EndlessHeader) } else { Ok(count) }
    }

    fn begin_body(&mut self) -> Result<(), SourceError> {
        self.line.clear();
        self.place = match self.part.content_length {
            Some(length) if length > MAX_PICTURE_BYTES => return Err(SourceError::TooLarge),
            Some(length) => Place::Counted { left: usize::try_from(length).map_err(|_| SourceError::TooLarge)? },
            None => Place::Uncounted,
        };
        self.splitter = JpegSplitter::new(MAX_PICTURE_BYTES);
        Ok(())
    }

    /// A body that is no JPEG from its first byte on ends with the next boundary.
    fn skip_body(&mut self, sink: &mut Sink) -> usize {
        self.end_body();
        sink.leave_out("a part is not a JPEG and states no length; fovea skips it");
        0
    }

    fn end_body(&mut self) {
        self.place = Place::Gap { skipped: 0, max: MAX_GAP_BYTES };
    }

    fn push_counted(&mut self, bytes: &[u8], left: usize, read_at: Monotonic, sink: &mut Sink) -> usize {
        let read_at = *self.part.read_at.get_or_insert(read_at);
        let count = left.min(bytes.len());
        sink.message().extend_from_slice(&bytes[..count]);
        self.place = Place::Counted { left: left - count };
        if count == left {
            self.end_body();
            let format = match sink.picture() {
                picture if picture.starts_with(&START) => Some(PixelFormat::Jpeg),
                picture if picture.starts_with(PNG_START) => Some(PixelFormat::Png),
                _ => None,
            };
            match format {
                Some(format) => sink.publish(format, None, capture_time(self.part.stamp, read_at)),
                None => sink.leave_out("a part is neither JPEG nor PNG; fovea skips it"),
            }
        }
        count
    }

    fn push_uncounted(&mut self, bytes: &[u8], read_at: Monotonic, sink: &mut Sink) -> Result<usize, SourceError> {
        if !self.splitter.has_begun() {
            if bytes[0].is_ascii_whitespace() {
                return Ok(1);
            }
            if bytes[0] != START[0] {
                return Ok(self.skip_body(sink));
            }
        }
        let read_at = *self.part.read_at.get_or_insert(read_at);
        // The splitter would look for a picture further on, beyond the next boundary.
        let is_inside = self.splitter.unfinished_bytes() > 0;
        let (count, split) = self.splitter.advance(if is_inside { bytes } else { &bytes[..1] }, sink.message());
        match split {
            Some(Split::Whole) => sink.publish(PixelFormat::Jpeg, None, capture_time(self.part.stamp, read_at)),
            Some(Split::Truncated) => sink.leave_out("a picture is cut off; fovea skips it"),
            Some(Split::Damaged) => sink.leave_out("a picture is damaged; fovea skips it"),
            Some(Split::TooLarge) => return Err(SourceError::TooLarge),
            None if self.splitter.has_begun() => return Ok(count),
            None => {
                self.skip_body(sink);
            }
        }
        self.end_body();
        Ok(count)
    }
}

impl Part {
    fn read_header(&mut self, line: &[u8]) {
        let Some((name, value)) = std::str::from_utf8(line).ok().and_then(|line| line.split_once(':')) else { return };
        match name.trim().to_ascii_lowercase().as_str() {
            "content-length" => self.content_length = value.trim().parse().ok().filter(|&length| length > 0),
            "x-timestamp" => self.stamp = value.trim().parse().ok(),
            _ => {}
        }
    }
}

/// The boundary that a content type names, without the dashes that some put before it.
fn boundary(content_type: &str) -> Option<Vec<u8>> {
    let parameters = content_type.split(';').skip(1);
    let value = parameters.filter_map(|parameter| parameter.split_once('=')).find_map(|(name, value)| {
        name.trim().eq_ignore_ascii_case("boundary").then(|| value.trim().trim_matches('"').trim())
    })?;
    let name = without_dashes(value.as_bytes());
    (!name.is_empty()).then(|| name.to_vec())
}

fn without_dashes(name: &[u8]) -> &[u8] {
    let dashes = name.iter().take_while(|&&byte| byte == b'-').count();
    &name[dashes..]
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::commands::send::{newest::Newest, progress::Progress};

    fn sink() -> (Arc<Newest>, Sink) {
        let newest = Arc::new(Newest::new().expect("descriptors are left"));
        let progress = Arc::new(Progress::new(None, false));
        (newest.clone(), Sink::new(newest, progress, "a test".into(), None))
    }

    /// Pieces that streams are made of, good and bad.
    fn piece() -> impl Strategy<Value = Vec<u8>> {
        let known: Vec<&[u8]> = vec![
            b"--frame\r\n",
            b"frame\n",
            b"--frame--\r\n",
            b"\r\n",
            b"Content-Length: 7\r\n",
            b"content-length:99999999999999999999\r\n",
            b"X-Timestamp: nan\n",
            b"\xff\xd8\xff\xd9",
            b"\xff\xd8\xff\xe0\x00\x04ab\xff\xda\x00\x02data\xff\xd9",
            b"\xff",
        ];
        prop_oneof![
            4 => prop::sample::select(known).prop_map(<[u8]>::to_vec),
            1 => prop::collection::vec(any::<u8>(), 0..40),
        ]
    }

    proptest! {
        /// Whatever comes, in whatever pieces: it is read or given up, and the same pictures are found.
        #[test]
        fn any_stream_is_read(pieces in prop::collection::vec(piece(), 0..60), cut in 1..50usize) {
            let stream = pieces.concat();
            let read = |cut: usize| {
                let (newest, mut sink) = sink();
                let mut parts = Multipart::new("multipart/x-mixed-replace; boundary=frame");
                let all = stream.chunks(cut).try_for_each(|bytes| parts.push(bytes, Monotonic::now(), &mut sink));
                assert!(parts.line.len() <= MAX_LINE_BYTES);
                let last = newest.take().map(|picture| picture.message);
                (all.map_err(|error| error.to_string()), newest.counts(), last)
            };
            prop_assert_eq!(read(cut), read(stream.len().max(1)));
        }
    }

    #[test]
    fn a_boundary_is_known_by_its_name() {
        let of = |content_type: &str| boundary(content_type).map(|name| String::from_utf8(name).expect("text"));
        assert_eq!(of("multipart/x-mixed-replace;boundary=a"), Some("a".into()));
        assert_eq!(of("multipart/mixed; charset=x; BOUNDARY=\"--a b\" "), Some("a b".into()));
        for without in ["multipart/mixed", "multipart/mixed; boundary", "multipart/mixed; boundary=--"] {
            assert_eq!(of(without), None, "{without}");
        }
    }
}

//! Finds the JPEG pictures in a stream of bytes, one after the other, maybe with other bytes in between.
//!
//! A scan along the markers finds the end of a picture. A search for the bytes of the end marker alone would stop at the
//! end of the thumbnail that many pictures carry in a segment.

/// The first bytes of every JPEG: the start marker, and the first byte of the marker that must follow.
pub(crate) const START: [u8; 3] = [0xff, 0xd8, 0xff];

/// The index in `bytes` at which the first JPEG starts.
pub(super) fn find_start(bytes: &[u8]) -> Option<usize> {
    bytes.windows(START.len()).position(|window| window == START)
}

/// Splits a stream into pictures. It is given the stream piece by piece and keeps no bytes itself.
#[derive(Clone, Debug)]
pub(crate) struct JpegSplitter {
    place: Place,
    max_bytes: u64,
}

/// What ended a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Split {
    /// Its end marker: the picture is whole.
    Whole,
    /// The start marker of the next picture.
    Truncated,
    /// A byte that no JPEG has at this point.
    Damaged,
    /// It is longer than any picture may be.
    TooLarge,
}

/// Where in the stream the splitter is.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// Between pictures. So many of the bytes of [`START`] were the last ones.
    Between { matched: usize },
    /// Behind the start marker of a picture, which was the unexpected end of the last one.
    Started,
    /// In a picture of which there are so many bytes.
    Inside { scanner: MarkerScanner, bytes: u64 },
}

impl JpegSplitter {
    /// A splitter at the start of a stream whose pictures have `max_bytes` at most.
    pub(crate) fn new(max_bytes: u64) -> Self {
        Self { place: Place::Between { matched: 0 }, max_bytes }
    }

    /// The bytes of a picture that have come without its end; 0 between pictures.
    pub(crate) fn unfinished_bytes(&self) -> u64 {
        match self.place {
            Place::Between { .. } => 0,
            Place::Started => 2,
            Place::Inside { bytes, .. } => bytes,
        }
    }

    /// Whether the last byte may have been the first one of a picture, or more of a picture has come.
    pub(crate) fn has_begun(&self) -> bool {
        !matches!(self.place, Place::Between { matched: 0 })
    }

    /// Scans the next `bytes` of the stream, up to the end of a picture at most, and appends what belongs to the picture
    /// to `picture`. Returns how many bytes it consumed, and what ended the picture. After an end the caller keeps or
    /// drops the content of `picture`; the next call begins another.
    pub(crate) fn advance(&mut self, bytes: &[u8], picture: &mut Vec<u8>) -> (usize, Option<Split>) {
        let mut at = 0;
        loop {
            match &mut self.place {
                Place::Between { matched } => loop {
                    let Some(&byte) = bytes.get(at) else { return (at, None) };
                    at += 1;
                    *matched = match byte {
                        _ if byte == START[*matched] => *matched + 1,
                        0xff => 1,
                        _ => 0,
                    };
                    if *matched == START.len() {
                        picture.extend(START);
                        self.place = Place::Inside { scanner: MarkerScanner::Code, bytes: START.len() as u64 };
                        break;
                    }
                },
                Place::Started => {
                    picture.extend(&START[..2]);
                    self.place = Place::Inside { scanner: MarkerScanner::Marker, bytes: 2 };
                }
                Place::Inside { scanner, bytes: length } => {
                    let (count, end) = scanner.advance(&bytes[at..]);
                    picture.extend_from_slice(&bytes[at..at + count]);
                    at += count;
                    *length += count as u64;
                    let end = match end {
                        Some(ScanEnd::End) => Split::Whole,
                        Some(ScanEnd::Start) => {
                            self.place = Place::Started;
                            return (at, Some(Split::Truncated));
                        }
                        Some(ScanEnd::Invalid) => Split::Damaged,
                        None if *length > self.max_bytes => Split::TooLarge,
                        None => return (at, None),
                    };
                    self.place = Place::Between { matched: 0 };
                    return (at, Some(end));
                }
            }
        }
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

//! The header of `fovea.v1`, which precedes each picture on the wire. Pure: encodes and parses bytes.
//!
//! Without the sub-protocol a binary message is one JPEG or PNG and nothing else. With it every binary message is
//! this header, little-endian, and the picture behind it:
//!
//! | at | what                | type  |                                                              |
//! | -- | ------------------- | ----- | ------------------------------------------------------------ |
//! | 0  | magic               | 4 × u8 | `FVEA`                                                      |
//! | 4  | version             | u8    | 1                                                            |
//! | 5  | format              | u8    | 1 JPEG, 2 PNG, 3 GREY, 4 YUYV, 5 NV12, 6 BGR24, 7 RGB24, 8 I420 |
//! | 6  | header length       | u16   | 40: where the picture starts; a longer header is skipped over |
//! | 8  | width, pixels       | u32   | 0 for JPEG and PNG: the picture says it itself               |
//! | 12 | height, pixels      | u32   | likewise                                                     |
//! | 16 | stride, bytes       | u32   | from one row to the next; 0: rows without padding            |
//! | 20 | reserved            | u32   | written 0, not read                                          |
//! | 24 | seq                 | u64   | the frame's number as the sender counts, from 1 on           |
//! | 32 | capture time        | u64   | microseconds of the sender's own clock; 0: not known         |

use crate::frame::PixelFormat;

/// The name of the sub-protocol, in `Sec-WebSocket-Protocol`.
pub const SUBPROTOCOL: &str = "fovea.v1";

/// The name of the sub-protocol of bare pictures. A web page that offers a token as a sub-protocol has to offer another one,
/// which the server chooses.
pub const BARE_SUBPROTOCOL: &str = "fovea.bare";

/// The reason in the close frame of a client that may no longer be here.
pub const REVOKED: &str = "the tokens have changed, and do not allow this client any more";

/// The reason in the close frame of a sender whose camera another one took.
pub const REPLACED: &str = "another client sends this camera's frames now";

/// The first bytes of every header.
pub const MAGIC: [u8; 4] = *b"FVEA";

/// The only version. A longer header adds fields within it; another version would be another sub-protocol.
pub const VERSION: u8 = 1;

/// The length of the header that this version writes.
pub const HEADER_BYTES: usize = HEADER_LENGTH as usize;

/// The same, in the type of the header's field.
const HEADER_LENGTH: u16 = 40;

/// A sender's description of one picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The format of the bytes behind the header.
    pub format: PixelFormat,
    /// Columns; 0 for JPEG and PNG.
    pub width_px: u32,
    /// Rows; 0 for JPEG and PNG.
    pub height_px: u32,
    /// Bytes from one row to the next; 0 when rows have no padding, and for JPEG and PNG.
    pub stride_bytes: u32,
    /// The frame's number as the sender counts, from 1 on.
    pub seq: u64,
    /// The capture time in microseconds of the sender's own clock; `None` if not known. The wire has 0 for that, so a
    /// capture at 0 microseconds reads as not known.
    pub captured_us: Option<u64>,
}

/// Why a message does not start with a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The message is shorter than a header.
    #[error(
        "{have} bytes are too few for the {HEADER_BYTES}-byte header that {SUBPROTOCOL} requires before each picture"
    )]
    Short {
        /// Bytes of the message.
        have: usize,
    },
    /// The message starts with something else; most likely a picture without a header.
    #[error(
        "the message begins with {0:02x?}, but {SUBPROTOCOL} requires \"FVEA\" and a header; \
         to send bare JPEG or PNG, connect without the sub-protocol"
    )]
    Magic([u8; 4]),
    /// The header has another version.
    #[error("header version {0}, but this server reads version {VERSION}")]
    Version(u8),
    /// The format's code is unknown.
    #[error("format {0} is unknown; 1 is JPEG, 2 PNG, 3 GREY, 4 YUYV, 5 NV12, 6 BGR24, 7 RGB24, 8 I420")]
    Format(u8),
    /// The picture would start inside the header or behind the end of the message.
    #[error(
        "a header length of {length} in a message of {have} bytes; it must be {HEADER_BYTES} or more and end before the picture"
    )]
    Length {
        /// The length that the header states.
        length: u16,
        /// Bytes of the whole message.
        have: usize,
    },
}

impl Header {
    /// Encodes the header; the picture's bytes follow it in the message.
    #[must_use]
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[0..4].copy_from_slice(&MAGIC);
        bytes[4] = VERSION;
        bytes[5] = format_code(self.format);
        bytes[6..8].copy_from_slice(&HEADER_LENGTH.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.width_px.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.height_px.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.stride_bytes.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.seq.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.captured_us.unwrap_or(0).to_le_bytes());
        bytes
    }

    /// Parses the header at the start of `message`. Returns it with the index in `message` at which the picture starts,
    /// which is at most its length.
    ///
    /// Does not look at the picture: that may be empty, or shorter than the header says.
    ///
    /// # Errors
    /// If there is no such header. The text is for the author of the sender.
    pub fn parse(message: &[u8]) -> Result<(Self, usize), WireError> {
        let have = message.len();
        let Some(bytes) = message.first_chunk::<HEADER_BYTES>() else {
            // For a short message that is no header the magic is the better error.
            return Err(match message.first_chunk() {
                Some(start) if *start != MAGIC => WireError::Magic(*start),
                _ => WireError::Short { have },
            });
        };
        let magic = field::<0, _>(bytes);
        if magic != MAGIC {
            return Err(WireError::Magic(magic));
        }
        if bytes[4] != VERSION {
            return Err(WireError::Version(bytes[4]));
        }
        let format = format_of_code(bytes[5]).ok_or(WireError::Format(bytes[5]))?;
        let length = u16::from_le_bytes(field::<6, _>(bytes));
        let start = usize::from(length);
        if !(HEADER_BYTES..=have).contains(&start) {
            return Err(WireError::Length { length, have });
        }
        let header = Self {
            format,
            width_px: u32::from_le_bytes(field::<8, _>(bytes)),
            height_px: u32::from_le_bytes(field::<12, _>(bytes)),
            stride_bytes: u32::from_le_bytes(field::<16, _>(bytes)),
            seq: u64::from_le_bytes(field::<24, _>(bytes)),
            captured_us: Some(u64::from_le_bytes(field::<32, _>(bytes))).filter(|&us| us != 0),
        };
        Ok((header, start))
    }
}

/// The field of `N` bytes at `AT`. A field that is not inside the header does not compile.
fn field<const AT: usize, const N: usize>(bytes: &[u8; HEADER_BYTES]) -> [u8; N] {
    const { assert!(AT + N <= HEADER_BYTES) };
    std::array::from_fn(|index| bytes[AT + index])
}

/// Maps formats to codes and back, from one list. A format that is not in the list does not compile.
macro_rules! format_codes {
    ($($format:ident = $code:literal),* $(,)?) => {
        /// Every format.
        #[cfg(test)]
        const FORMATS: &[PixelFormat] = &[$(PixelFormat::$format),*];

        fn format_code(format: PixelFormat) -> u8 {
            match format {
                $(PixelFormat::$format => $code,)*
            }
        }

        fn format_of_code(code: u8) -> Option<PixelFormat> {
            match code {
                $($code => Some(PixelFormat::$format),)*
                _ => None,
            }
        }
    };
}

format_codes! {
    Jpeg = 1,
    Png = 2,
    Grey = 3,
    Yuyv = 4,
    Nv12 = 5,
    Bgr24 = 6,
    Rgb24 = 7,
    I420 = 8,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The worked example of docs/protocol.md.
    const HEADER: Header = Header {
        format: PixelFormat::Yuyv,
        width_px: 640,
        height_px: 480,
        stride_bytes: 1280,
        seq: 1234,
        captured_us: Some(5_000_000),
    };

    #[rustfmt::skip]
    const BYTES: [u8; HEADER_BYTES] = [
        b'F', b'V', b'E', b'A',     // magic
        1, 4,                       // version, YUYV
        40, 0,                      // the picture starts at byte 40
        0x80, 0x02, 0, 0,           // 640 columns
        0xe0, 0x01, 0, 0,           // 480 rows
        0x00, 0x05, 0, 0,           // 1280 bytes a row
        0, 0, 0, 0,                 // reserved
        0xd2, 0x04, 0, 0, 0, 0, 0, 0,    // frame 1234
        0x40, 0x4b, 0x4c, 0, 0, 0, 0, 0, // captured at 5 s
    ];

    /// `BYTES` with one byte changed.
    fn with(at: usize, byte: u8) -> [u8; HEADER_BYTES] {
        let mut bytes = BYTES;
        bytes[at] = byte;
        bytes
    }

    #[test]
    fn a_header_is_spelled_as_documented() {
        assert_eq!(HEADER.encode(), BYTES);
        assert_eq!(Header::parse(&BYTES), Ok((HEADER, 40)));
    }

    #[test]
    fn every_format_has_the_documented_code() {
        use PixelFormat::{Bgr24, Grey, I420, Jpeg, Nv12, Png, Rgb24, Yuyv};
        assert_eq!(FORMATS, [Jpeg, Png, Grey, Yuyv, Nv12, Bgr24, Rgb24, I420]);
        for (code, &format) in (1..).zip(FORMATS) {
            let header = Header { format, ..HEADER };
            assert_eq!(header.encode(), with(5, code));
            assert_eq!(Header::parse(&with(5, code)), Ok((header, 40)));
        }
    }

    #[test]
    fn the_protocol_page_has_the_example_and_where_its_fields_are() {
        let page = include_str!("../docs/protocol.md");
        let example = page.split("```").find(|block| block.starts_with("\n46 56 45 41")).expect("the example");
        let byte = |text| u8::from_str_radix(text, 16).expect("hexadecimal");
        assert_eq!(example.split_whitespace().map(byte).collect::<Vec<_>>(), BYTES);

        let mut end = 0;
        let mut field = |name: &str| {
            let rows = page.lines().map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
            let row = rows.into_iter().find(|row| row.get(2) == Some(&name)).expect("a row of the table");
            let (at, kind) = (row[1].parse::<usize>().expect("an offset"), row[3]);
            let length = match kind {
                "u8" => 1,
                "u16" => 2,
                "4 bytes" | "u32" => 4,
                "u64" => 8,
                other => panic!("{name} is {other}"),
            };
            assert_eq!(at, end, "{name} follows the field before it");
            end = at + length;
            BYTES[at..end].iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
        };
        let magic = u32::from_le_bytes(MAGIC).into();
        let fields = [
            ("magic", magic),
            ("version", 1),
            ("format", 4),
            ("header length", 40),
            ("width, pixels", 640),
            ("height, pixels", 480),
            ("stride, bytes", 1280),
            ("reserved", 0),
            ("seq", 1234),
            ("capture time", 5_000_000),
        ];
        assert_eq!(fields.map(|(name, _)| (name, field(name))), fields);
        assert_eq!(end, HEADER_BYTES);
        for (code, format) in (1..).zip(FORMATS) {
            assert!(page.contains(&format!("\n| {code} | {} |", format!("{format:?}").to_uppercase())), "{format:?}");
        }
    }

    #[test]
    fn a_longer_header_of_a_later_writer_is_skipped_over() {
        let mut message = with(6, 48).to_vec();
        message.extend([0xaa; 8]);
        message.extend(b"picture");
        assert_eq!(Header::parse(&message), Ok((HEADER, 48)));
    }

    #[test]
    fn reserved_bytes_and_an_unknown_capture_time_are_no_obstacle() {
        assert_eq!(Header::parse(&with(21, 7)), Ok((HEADER, 40)));
        let unknown = Header { captured_us: None, ..HEADER };
        assert_eq!(Header::parse(&unknown.encode()), Ok((unknown, 40)));
    }

    #[test]
    fn an_error_says_what_is_wrong() {
        let error = |message: &[u8]| Header::parse(message).expect_err("it is wrong").to_string();
        assert_eq!(
            error(&BYTES[..39]),
            "39 bytes are too few for the 40-byte header that fovea.v1 requires before each picture"
        );
        assert_eq!(
            error(b"\xff\xd8\xff\xe0 a bare JPEG"),
            "the message begins with [ff, d8, ff, e0], but fovea.v1 requires \"FVEA\" and a header; \
             to send bare JPEG or PNG, connect without the sub-protocol"
        );
        assert_eq!(error(&with(4, 2)), "header version 2, but this server reads version 1");
        assert_eq!(
            error(&with(5, 9)),
            "format 9 is unknown; 1 is JPEG, 2 PNG, 3 GREY, 4 YUYV, 5 NV12, 6 BGR24, 7 RGB24, 8 I420"
        );
        let length = "in a message of 40 bytes; it must be 40 or more and end before the picture";
        assert_eq!(error(&with(6, 39)), format!("a header length of 39 {length}"));
        assert_eq!(error(&with(6, 41)), format!("a header length of 41 {length}"));
    }

    fn any_header() -> impl Strategy<Value = Header> {
        let format = prop::sample::select(FORMATS);
        let captured_us = prop_oneof![Just(None), (1..=u64::MAX).prop_map(Some)];
        (format, any::<[u32; 3]>(), any::<u64>(), captured_us).prop_map(|(format, sizes, seq, captured_us)| {
            let [width_px, height_px, stride_bytes] = sizes;
            Header { format, width_px, height_px, stride_bytes, seq, captured_us }
        })
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(header in any_header(), picture: Vec<u8>) {
            let mut message = header.encode().to_vec();
            message.extend(picture);
            prop_assert_eq!(Header::parse(&message), Ok((header, HEADER_BYTES)));
        }

        #[test]
        fn arbitrary_bytes_give_an_error_or_a_picture_inside_the_message(message: Vec<u8>) {
            if let Ok((_, start)) = Header::parse(&message) {
                prop_assert!(start <= message.len());
            }
        }

        /// Arbitrary bytes hardly ever get past the magic.
        #[test]
        fn a_damaged_header_gives_an_error_or_a_picture_inside_the_message(
            header in any_header(), at in 0..HEADER_BYTES, byte: u8, keep in 0..=60usize,
        ) {
            let mut message = header.encode().to_vec();
            message[at] = byte;
            message.resize(keep, 0);
            if let Ok((_, start)) = Header::parse(&message) {
                prop_assert!((HEADER_BYTES..=message.len()).contains(&start));
            }
        }
    }
}

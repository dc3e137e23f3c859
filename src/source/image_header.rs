//! Reads the format and the size of a JPEG or PNG from its header. Decodes no pixel.

use crate::{
    frame::{PixelFormat, Size},
    telemetry::rejections::RejectReason,
};

/// Returns the format and the size that the header of `image` states.
///
/// # Errors
/// Fails if `image` is neither JPEG nor PNG, if its header is damaged, or if one of its sides is 0.
pub fn read(image: &[u8]) -> Result<(PixelFormat, Size), RejectReason> {
    let (format, size) = match image {
        [0xff, 0xd8, 0xff, ..] => (PixelFormat::Jpeg, jpeg_size(&image[2..])),
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', rest @ ..] => (PixelFormat::Png, png_size(rest)),
        _ => return Err(RejectReason::NotAPicture(image.iter().take(4).copied().collect())),
    };
    let size = size.ok_or_else(|| RejectReason::Damaged("its header ends before its size".into()))?;
    Ok((format, size))
}

/// Returns the size from a JPEG's frame header. Skips the segments before it (ITU-T T.81, B.1.1 and B.2.2).
fn jpeg_size(mut rest: &[u8]) -> Option<Size> {
    loop {
        let fill = rest.iter().position(|&byte| byte != 0xff)?;
        let (&code, payload) = rest[fill..].split_first()?;
        let is_frame_header = matches!(code, 0xc0..=0xcf) && !matches!(code, 0xc4 | 0xc8 | 0xcc);
        rest = match payload {
            _ if fill == 0 => return None, // there must be a marker here, and there is none
            [_, _, _, h1, h0, w1, w0, ..] if is_frame_header => return size([0, 0, *w1, *w0], [0, 0, *h1, *h0]),
            [l1, l0, ..] if !matches!(code, 0x00 | 0xd8..=0xda) => {
                payload.get(usize::from(u16::from_be_bytes([*l1, *l0])).max(2)..)?
            }
            _ => return None,
        };
    }
}

/// Returns the size from a PNG's first chunk, `IHDR`, which follows the signature (ISO/IEC 15948, 11.2.1).
fn png_size(rest: &[u8]) -> Option<Size> {
    let (name, sides) = rest.get(4..16)?.split_at(4);
    let (width, height) = sides.split_at(4);
    (name == b"IHDR").then_some(())?;
    size(width.try_into().ok()?, height.try_into().ok()?)
}

fn size(width: [u8; 4], height: [u8; 4]) -> Option<Size> {
    let size = Size { width_px: u32::from_be_bytes(width), height_px: u32::from_be_bytes(height) };
    (size.pixels() > 0).then_some(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAMAGED: &str = "the picture is damaged: its header ends before its size";

    const SOF: [u8; 9] = [0xff, 0xc2, 0, 17, 8, 0x02, 0x40, 0x03, 0x00]; // progressive, 768x576

    fn jpeg_with(before: &[u8]) -> Option<(PixelFormat, Size)> {
        read(&[&[0xff, 0xd8], before, &SOF].concat()).ok()
    }

    /// Returns the error text for an image that is rejected.
    fn rejected(image: &[u8]) -> String {
        read(image).unwrap_err().to_string()
    }

    #[test]
    fn the_size_of_a_jpeg_is_found_after_other_segments_and_fill_bytes() {
        let found = Some((PixelFormat::Jpeg, Size { width_px: 768, height_px: 576 }));
        assert_eq!(jpeg_with(&[]), found);
        assert_eq!(
            jpeg_with(&[0xff, 0xe1, 0, 6, 0xff, 0xc0, 0, 17]),
            found,
            "a segment that looks like a header inside"
        );
        assert_eq!(jpeg_with(&[0xff, 0xff, 0xff, 0xfe, 0, 2, 0xff]), found, "fill bytes before markers");
    }

    #[test]
    fn a_damaged_header_has_no_size() {
        for damaged in [&[0xff, 0xe1, 0xff, 0xff][..], &[0xff, 0xda, 0, 2], &[0xff, 0x00], &[0xff, 0xc0, 0]] {
            assert_eq!(rejected(&[&[0xff, 0xd8], damaged].concat()), DAMAGED, "{damaged:02x?}");
        }
        assert_eq!(rejected(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\0\0\0\0\x01"), DAMAGED);
    }

    #[test]
    fn the_size_of_a_png_is_found() {
        let size = Size { width_px: 258, height_px: 1 };
        let image = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x01\x02\0\0\0\x01";
        assert_eq!(read(image).unwrap(), (PixelFormat::Png, size));
    }

    #[test]
    fn other_formats_are_rejected() {
        for (other, beginning) in
            [(&b"GIF89a"[..], "GIF8"), (b"", ""), (b"\xff\xd8", "\\xff\\xd8"), (b"\x89PNG", "\\x89PNG")]
        {
            assert_eq!(rejected(other), format!("not a JPEG or PNG picture: it begins with \"{beginning}\""));
        }
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_bytes_have_a_size_or_are_rejected(bytes: Vec<u8>) {
            match read(&[&[0xff, 0xd8, 0xff], &bytes[..]].concat()) {
                Ok((format, size)) => assert!(format == PixelFormat::Jpeg && size.pixels() > 0),
                Err(reason) => assert_eq!(reason.to_string(), DAMAGED),
            }
        }
    }
}

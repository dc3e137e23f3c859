//! Admission: what a driver hands over becomes a frame, or is refused. Pure, and nothing here decodes a pixel.

use bytes::Bytes;

use crate::{
    frame::{Frame, Origin, PixelFormat, Size},
    source::{image_header, v4l2::device::Layout},
    telemetry::rejections::RejectReason,
};

/// The frame in `bytes`.
pub(super) fn frame(origin: Origin, format: PixelFormat, layout: &Layout, bytes: Bytes) -> Result<Frame, RejectReason> {
    if bytes.is_empty() {
        return Err(RejectReason::Empty);
    }
    let agreed = layout.choice.size;
    if format != PixelFormat::Jpeg {
        return Ok(Frame::raw(origin, format, agreed, layout.strides[0], bytes)?);
    }
    match image_header::read(&bytes)? {
        (PixelFormat::Jpeg, size) if is_about(size, agreed) => Ok(Frame::compressed(origin, format, size, bytes)),
        (PixelFormat::Jpeg, size) => Err(RejectReason::Damaged(format!("it says {size}, and {agreed} was agreed on"))),
        _ => Err(RejectReason::Damaged("it is PNG, and JPEG was agreed on".into())),
    }
}

/// Whether a JPEG's size is the agreed one. Encoders without a notion of half blocks say the next whole one.
fn is_about(size: Size, agreed: Size) -> bool {
    let fits = |found: u32, agreed: u32| (agreed..=agreed.next_multiple_of(16)).contains(&found);
    fits(size.width_px, agreed.width_px) && fits(size.height_px, agreed.height_px)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        frame::{Camera, CapturedBy},
        source::v4l2::{description::FourCc, negotiate::Choice},
        system::clock::Monotonic,
    };

    /// What becomes of `bytes` from a camera with which 640x360 in a format was agreed on: the frame's size, or the words
    /// in which it is refused.
    fn admitted(format: PixelFormat, bytes: &[u8]) -> Result<Size, String> {
        let (camera, captured_at) = (Camera::new(0, "yard"), Monotonic::from_micros(1));
        let origin = Origin { camera, seq: 1, captured_at, captured_by: CapturedBy::Driver };
        let size = Size { width_px: 640, height_px: 360 };
        // The camera's own name of the format does not matter here.
        let choice = Choice { fourcc: FourCc(*b"    "), size, interval: None };
        let layout = Layout { choice, strides: vec![format.row_bytes(640).unwrap_or(0)] };
        let frame = frame(origin, format, &layout, Bytes::copy_from_slice(bytes));
        frame.map(|frame| frame.size()).map_err(|refusal| refusal.to_string())
    }

    /// The head of a JPEG of so many columns and rows.
    fn jpeg(width: u16, height: u16) -> Vec<u8> {
        let ([h1, h0], [w1, w0]) = (height.to_be_bytes(), width.to_be_bytes());
        vec![0xff, 0xd8, 0xff, 0xc0, 0, 17, 8, h1, h0, w1, w0, 3]
    }

    #[test]
    fn a_jpeg_has_the_size_that_was_agreed_on_or_that_of_its_blocks() {
        let admitted = |width, height| admitted(PixelFormat::Jpeg, &jpeg(width, height));
        for (width, height) in [(640, 360), (640, 368)] {
            let size = Size { width_px: width.into(), height_px: height.into() };
            assert_eq!(admitted(width, height), Ok(size));
        }
        for (width, height) in [(640, 359), (640, 369), (656, 360), (320, 180)] {
            let refusal = format!("the picture is damaged: it says {width}x{height}, and 640x360 was agreed on");
            assert_eq!(admitted(width, height), Err(refusal));
        }
    }

    #[test]
    fn what_is_no_jpeg_is_told_as_what_it_is() {
        let refused = |bytes| admitted(PixelFormat::Jpeg, bytes).unwrap_err();
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x02\x80\0\0\x01\x68";
        assert_eq!(refused(png), "the picture is damaged: it is PNG, and JPEG was agreed on");
        assert_eq!(refused(b"\xff\xd8\xff"), "the picture is damaged: its head ends before its size");
        assert_eq!(refused(b"\0\0\0\0\0"), "not a JPEG or PNG picture: it begins with \"\\x00\\x00\\x00\\x00\"");
        assert_eq!(refused(b""), "the frame is empty", "as some cameras send when they start");
    }

    #[test]
    fn raw_pictures_have_all_their_rows() {
        let size = Size { width_px: 640, height_px: 360 };
        assert_eq!(admitted(PixelFormat::Yuyv, &[0; 2 * 640 * 360]), Ok(size));
        assert!(admitted(PixelFormat::Yuyv, &[0; 2 * 640 * 360 - 1]).is_err());
        assert_eq!(admitted(PixelFormat::Grey, b"").unwrap_err(), "the frame is empty");
    }
}

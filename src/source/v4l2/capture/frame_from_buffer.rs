//! Makes a frame of what the driver put into a buffer, or rejects it. Pure: no I/O, and no pixel is decoded.

use bytes::Bytes;

use crate::{
    frame::{Frame, Origin, PixelFormat, Size},
    source::{image_header, v4l2::layout::Layout},
    telemetry::rejections::RejectReason,
};

/// Returns the frame in `bytes`, which hold one image as `layout` describes it.
///
/// # Errors
/// Fails if `bytes` are empty, too short, or not the agreed JPEG.
pub(super) fn frame_from_buffer(origin: Origin, layout: &Layout, bytes: Bytes) -> Result<Frame, RejectReason> {
    if bytes.is_empty() {
        return Err(RejectReason::Empty);
    }
    let (agreed, format) = (layout.mode().size, layout.format());
    if format != PixelFormat::Jpeg {
        return Ok(Frame::raw(origin, format, agreed, layout.stride_bytes(), bytes)?);
    }
    match image_header::read(&bytes)? {
        (PixelFormat::Jpeg, size) if matches_blocks(size, agreed) => Ok(Frame::compressed(origin, format, size, bytes)),
        (PixelFormat::Jpeg, size) => Err(RejectReason::Damaged(format!("its size is {size} instead of {agreed}"))),
        _ => Err(RejectReason::Damaged("it is PNG instead of JPEG".into())),
    }
}

/// Whether a JPEG has the agreed size. Some encoders state the size rounded up to whole blocks of 16 pixels.
fn matches_blocks(size: Size, agreed: Size) -> bool {
    let blocks = |agreed: u32| agreed.checked_next_multiple_of(16).unwrap_or(agreed);
    let fits = |found: u32, agreed: u32| (agreed..=blocks(agreed)).contains(&found);
    fits(size.width_px, agreed.width_px) && fits(size.height_px, agreed.height_px)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        frame::{Camera, CapturedBy},
        source::v4l2::{description::FourCc, device::DriverFormat, negotiate::CaptureMode},
        system::clock::Monotonic,
    };

    /// Returns the size of the frame in `bytes` from a camera that has agreed on 640x360, or the error text.
    fn frame_size(fourcc: &[u8; 4], bytes: &[u8]) -> Result<Size, String> {
        let (camera, captured_at) = (Camera::new("yard"), Monotonic::from_micros(1));
        let origin = Origin { camera, seq: 1, captured_at, captured_by: CapturedBy::Driver };
        let size = Size { width_px: 640, height_px: 360 };
        let mode = CaptureMode { fourcc: FourCc(*fourcc), size, interval: None };
        let layout = Layout::new(&DriverFormat { mode, stride_bytes: 0 }).unwrap();
        let frame = frame_from_buffer(origin, &layout, Bytes::copy_from_slice(bytes));
        frame.map(|frame| frame.size()).map_err(|reason| reason.to_string())
    }

    /// Returns the header of a JPEG of that size.
    fn jpeg(width: u16, height: u16) -> Vec<u8> {
        let ([h1, h0], [w1, w0]) = (height.to_be_bytes(), width.to_be_bytes());
        vec![0xff, 0xd8, 0xff, 0xc0, 0, 17, 8, h1, h0, w1, w0, 3]
    }

    #[test]
    fn a_jpeg_has_the_agreed_size_or_that_of_its_blocks() {
        let jpeg_size = |width, height| frame_size(b"MJPG", &jpeg(width, height));
        for (width, height) in [(640, 360), (640, 368)] {
            let size = Size { width_px: width.into(), height_px: height.into() };
            assert_eq!(jpeg_size(width, height), Ok(size));
        }
        for (width, height) in [(640, 359), (640, 369), (656, 360), (320, 180)] {
            let reason = format!("the picture is damaged: its size is {width}x{height} instead of 640x360");
            assert_eq!(jpeg_size(width, height), Err(reason));
        }
    }

    #[test]
    fn the_blocks_of_the_largest_size_do_not_overflow() {
        let size = Size { width_px: u32::MAX, height_px: u32::MAX };
        assert!(matches_blocks(size, size));
        assert!(!matches_blocks(Size { width_px: 640, height_px: 360 }, size));
    }

    #[test]
    fn what_is_no_jpeg_is_rejected_as_what_it_is() {
        let rejected = |bytes| frame_size(b"MJPG", bytes).unwrap_err();
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x02\x80\0\0\x01\x68";
        assert_eq!(rejected(png), "the picture is damaged: it is PNG instead of JPEG");
        assert_eq!(rejected(b"\xff\xd8\xff"), "the picture is damaged: its header ends before its size");
        assert_eq!(rejected(b"\0\0\0\0\0"), "not a JPEG or PNG picture: it begins with \"\\x00\\x00\\x00\\x00\"");
        assert_eq!(rejected(b""), "the frame is empty", "as some cameras send when they start");
    }

    #[test]
    fn a_raw_image_has_all_its_rows() {
        let size = Size { width_px: 640, height_px: 360 };
        assert_eq!(frame_size(b"YUYV", &[0; 2 * 640 * 360]), Ok(size));
        assert!(frame_size(b"YUYV", &[0; 2 * 640 * 360 - 1]).is_err());
        assert_eq!(frame_size(b"GREY", b"").unwrap_err(), "the frame is empty");
    }
}

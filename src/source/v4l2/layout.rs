//! The layout of the images in a device's buffers. What the driver states becomes a [`Layout`] only if an image of it
//! can be held in memory, on 32-bit boards too.

use super::{
    device::DriverFormat,
    mapping::MAX_BUFFER_BYTES,
    negotiate::{CaptureMode, has_two_planes, pixel_format},
};
use crate::frame::{PixelFormat, Size};

/// The checked layout of captured images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    mode: CaptureMode,
    format: PixelFormat,
    stride_bytes: usize,
    plane_bytes: Option<[usize; 2]>,
}

impl Layout {
    /// Checks the format that a driver gives. Returns `None` if it is not supported, has no pixels, or has images of
    /// more than [`MAX_BUFFER_BYTES`].
    pub(super) fn new(driver_format: &DriverFormat) -> Option<Self> {
        let DriverFormat { mode, stride_bytes } = *driver_format;
        let Size { width_px, height_px } = mode.size;
        let format = pixel_format(mode.fourcc).filter(|_| mode.size.pixels() > 0)?;
        let (row_bytes, rows) = match format {
            PixelFormat::Jpeg | PixelFormat::Png => {
                return Some(Self { mode, format, stride_bytes: 0, plane_bytes: None });
            }
            PixelFormat::Grey => (u64::from(width_px), u64::from(height_px)),
            PixelFormat::Nv12 | PixelFormat::I420 => {
                (u64::from(width_px), u64::from(height_px) + u64::from(height_px / 2))
            }
            PixelFormat::Yuyv => (2 * u64::from(width_px), u64::from(height_px)),
            PixelFormat::Bgr24 | PixelFormat::Rgb24 => (3 * u64::from(width_px), u64::from(height_px)),
        };
        // The driver states no stride if the rows have no padding.
        let stride = row_bytes.max(stride_bytes.into());
        stride.checked_mul(rows).filter(|image_bytes| *image_bytes <= MAX_BUFFER_BYTES)?;
        let luma_bytes = usize::try_from(stride.checked_mul(height_px.into())?).ok()?;
        let plane_bytes = has_two_planes(mode.fourcc).then_some([luma_bytes, luma_bytes / 2]);
        Some(Self { mode, format, stride_bytes: usize::try_from(stride_bytes).ok()?, plane_bytes })
    }

    /// The mode that the driver gives.
    pub(super) fn mode(&self) -> &CaptureMode {
        &self.mode
    }

    /// The pixel format of the frames.
    pub(super) fn format(&self) -> PixelFormat {
        self.format
    }

    /// Bytes from one row to the next; 0 if the driver does not state them, or the format is compressed.
    pub(super) fn stride_bytes(&self) -> usize {
        self.stride_bytes
    }

    /// The bytes of the image in each memory plane, if there are two.
    pub(super) fn plane_bytes(&self) -> Option<[usize; 2]> {
        self.plane_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::v4l2::description::FourCc;

    fn layout(fourcc: &[u8; 4], [width_px, height_px, stride_bytes]: [u32; 3]) -> Option<Layout> {
        let mode = CaptureMode { fourcc: FourCc(*fourcc), size: Size { width_px, height_px }, interval: None };
        Layout::new(&DriverFormat { mode, stride_bytes })
    }

    #[test]
    fn two_memory_planes_hold_luma_and_half_as_many_bytes_of_colour() {
        let planes = |format| layout(b"NM12", format).unwrap().plane_bytes();
        assert_eq!(planes([640, 360, 704]), Some([704 * 360, 704 * 180]));
        assert_eq!(planes([640, 360, 0]), Some([640 * 360, 640 * 180]), "no stride means no padding");
        assert_eq!(layout(b"NV12", [640, 360, 704]).unwrap().plane_bytes(), None, "one memory plane");
        assert_eq!(layout(b"NV12", [640, 360, 704]).unwrap().stride_bytes(), 704);
    }

    #[test]
    fn an_image_that_cannot_be_held_in_memory_has_no_layout() {
        const MAX: u32 = u32::MAX;
        for fourcc in [b"GREY", b"YUYV", b"NV12", b"NM12", b"BGR3", b"RGB3"] {
            assert!(layout(fourcc, [16384, 16384, 0]).is_some(), "the largest size that can be configured");
            // The product of these exceeds 32 bits, 64 bits, or only the limit.
            let too_large =
                [[MAX, MAX, 0], [MAX, MAX, MAX], [2, MAX - 1, MAX], [MAX - 1, 2, 0], [640, 1 << 16, 1 << 16]];
            for format in too_large {
                assert_eq!(layout(fourcc, format), None, "{} {format:?}", fourcc.escape_ascii());
            }
        }
    }

    #[test]
    fn a_format_without_pixels_or_that_is_not_supported_has_no_layout() {
        assert_eq!(layout(b"YUYV", [0, 480, 0]), None);
        assert_eq!(layout(b"MJPG", [640, 0, 0]), None);
        assert_eq!(layout(b"H264", [640, 480, 0]), None);
        assert!(
            layout(b"MJPG", [u32::MAX, u32::MAX, u32::MAX]).is_some(),
            "a compressed image has the size that it has"
        );
    }
}

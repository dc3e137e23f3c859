//! Pixels in memory that is not OpenCV's, as OpenCV sees them.

use std::ffi::c_void;

use opencv::{
    boxed_ref::BoxedRef,
    core::{CV_8UC1, CV_8UC2, CV_8UC3, CV_8UC4, Mat},
};

use crate::frame::Size;

/// How bytes spell pixels, once a picture is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Luma.
    Grey,
    /// Luma and opacity.
    GreyAlpha,
    /// Red, green, blue.
    Rgb,
    /// Red, green, blue and opacity.
    Rgba,
    /// Blue, green, red.
    Bgr,
    /// Luma and, by turns, blue and red difference.
    Yuyv,
    /// A plane of luma, then one of colour: for OpenCV one channel, half as high again.
    Nv12,
}

impl Layout {
    /// The matrix type: 8 bits in 1 to 4 channels.
    fn mat_type(self) -> i32 {
        match self {
            Self::Grey | Self::Nv12 => CV_8UC1,
            Self::GreyAlpha | Self::Yuyv => CV_8UC2,
            Self::Rgb | Self::Bgr => CV_8UC3,
            Self::Rgba => CV_8UC4,
        }
    }

    fn channels(self) -> usize {
        match self {
            Self::Grey | Self::Nv12 => 1,
            Self::GreyAlpha | Self::Yuyv => 2,
            Self::Rgb | Self::Bgr => 3,
            Self::Rgba => 4,
        }
    }
}

/// A matrix of `size` that borrows `bytes`: rows `stride_bytes` apart, 0 for rows without padding.
///
/// The only place where a matrix gets memory that is not its own.
///
/// # Errors
/// When OpenCV refuses the size.
///
/// # Panics
/// When the rows are not all in `bytes`; a `Frame` and a decoder's output have theirs.
#[expect(unsafe_code, reason = "OpenCV has no safe constructor for rows with padding")]
pub fn view(bytes: &[u8], layout: Layout, size: Size, stride_bytes: usize) -> opencv::Result<BoxedRef<'_, Mat>> {
    let row_bytes = size.width_px as usize * layout.channels();
    let stride_bytes = if stride_bytes == 0 { row_bytes } else { stride_bytes };
    let rows = size.height_px as usize;
    assert!(stride_bytes >= row_bytes && rows.checked_mul(stride_bytes).is_some_and(|need| bytes.len() >= need));
    let side = |pixels: u32| i32::try_from(pixels).map_err(|_| opencv::Error::new(opencv::core::StsOutOfRange, "size"));
    let (rows, columns) = (side(size.height_px)?, side(size.width_px)?);
    let data = bytes.as_ptr().cast_mut().cast::<c_void>();
    // SAFETY: `rows` rows of `stride_bytes` lie in `bytes`, and a row's pixels in its stride, as asserted. The matrix
    // does not outlive the borrow, which the return type carries, and `BoxedRef` gives no mutable access, so the
    // constness cast away for the C++ signature is kept.
    let mat = unsafe { Mat::new_rows_cols_with_data_unsafe(rows, columns, layout.mat_type(), data, stride_bytes) }?;
    Ok(BoxedRef::from(mat))
}

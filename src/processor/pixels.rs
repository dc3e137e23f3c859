//! Pixels in memory that is not OpenCV's, as OpenCV sees them.

use std::ffi::c_void;

use opencv::{
    boxed_ref::{BoxedRef, BoxedRefMut},
    core::{CV_8UC1, CV_8UC2, CV_8UC3, CV_8UC4, Mat},
};

use crate::frame::Size;

/// How bytes spell pixels, once a picture is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PixelLayout {
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
    /// A plane of luma, then two of colour, all without padding between rows: for OpenCV the same.
    I420,
}

impl PixelLayout {
    /// The matrix type: 8 bits in 1 to 4 channels.
    fn mat_type(self) -> i32 {
        match self {
            Self::Grey | Self::Nv12 | Self::I420 => CV_8UC1,
            Self::GreyAlpha | Self::Yuyv => CV_8UC2,
            Self::Rgb | Self::Bgr => CV_8UC3,
            Self::Rgba => CV_8UC4,
        }
    }

    /// Bytes of a pixel.
    #[must_use]
    pub fn channels(self) -> usize {
        match self {
            Self::Grey | Self::Nv12 | Self::I420 => 1,
            Self::GreyAlpha | Self::Yuyv => 2,
            Self::Rgb | Self::Bgr => 3,
            Self::Rgba => 4,
        }
    }
}

/// The bytes of a picture of `size` whose rows follow each other without padding.
///
/// # Errors
/// When this machine cannot count that far.
pub fn byte_count(layout: PixelLayout, size: Size) -> opencv::Result<usize> {
    let row = (size.width_px as usize).checked_mul(layout.channels());
    row.and_then(|row| row.checked_mul(size.height_px as usize)).ok_or_else(too_large)
}

/// The rows of a picture, top row first.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    bytes: &'a [u8],
    stride_bytes: usize,
    row_bytes: usize,
    count: usize,
}

/// The rows of a picture of `size`, which are `stride_bytes` apart in `bytes`, 0 for rows without padding.
///
/// # Errors
/// When they are not all in `bytes`, or OpenCV would refuse the size.
pub fn rows(bytes: &[u8], layout: PixelLayout, size: Size, stride_bytes: usize) -> opencv::Result<Rows<'_>> {
    let Shape { stride_bytes, .. } = Shape::within(bytes.len(), layout, size, stride_bytes)?;
    let row_bytes = size.width_px as usize * layout.channels();
    Ok(Rows { bytes, stride_bytes, row_bytes, count: size.height_px as usize })
}

impl<'a> Rows<'a> {
    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// Bytes of a row, without padding.
    #[must_use]
    pub fn row_bytes(&self) -> usize {
        self.row_bytes
    }

    /// One of them, without padding.
    ///
    /// # Panics
    /// If there are not so many.
    #[must_use]
    pub fn get(&self, row: usize) -> &'a [u8] {
        &self.bytes[row * self.stride_bytes..][..self.row_bytes]
    }
}

/// A matrix of `size` that borrows `bytes`: rows `stride_bytes` apart, 0 for rows without padding.
///
/// # Errors
/// When the rows are not all in `bytes`, or OpenCV refuses the size.
#[expect(unsafe_code, reason = "OpenCV has no safe constructor for rows with padding")]
pub fn view(bytes: &[u8], layout: PixelLayout, size: Size, stride_bytes: usize) -> opencv::Result<BoxedRef<'_, Mat>> {
    let Shape { rows, columns, stride_bytes } = Shape::within(bytes.len(), layout, size, stride_bytes)?;
    let data = bytes.as_ptr().cast_mut().cast::<c_void>();
    // SAFETY: `rows` rows of `stride_bytes` lie in `bytes`, and a row's pixels in its stride, as `Shape::within` checked. The
    // matrix does not outlive the borrow, which the return type carries, and `BoxedRef` gives no mutable access, so the
    // constness cast away for the C++ signature is kept.
    let mat = unsafe { Mat::new_rows_cols_with_data_unsafe(rows, columns, layout.mat_type(), data, stride_bytes) }?;
    Ok(BoxedRef::from(mat))
}

/// The same to write into; rows without padding.
///
/// # Errors
/// When the rows are not all in `bytes`, or OpenCV refuses the size.
#[expect(unsafe_code, reason = "OpenCV has no safe constructor for a matrix of any number of channels")]
pub fn view_mut(bytes: &mut [u8], layout: PixelLayout, size: Size) -> opencv::Result<BoxedRefMut<'_, Mat>> {
    let Shape { rows, columns, stride_bytes } = Shape::within(bytes.len(), layout, size, 0)?;
    let data = bytes.as_mut_ptr().cast::<c_void>();
    // SAFETY: as above; the borrow is a mutable one, and so nobody else reads or writes the bytes meanwhile.
    let mat = unsafe { Mat::new_rows_cols_with_data_unsafe(rows, columns, layout.mat_type(), data, stride_bytes) }?;
    Ok(BoxedRefMut::from(mat))
}

/// The shape of a matrix, as OpenCV counts.
struct Shape {
    rows: i32,
    columns: i32,
    stride_bytes: usize,
}

impl Shape {
    /// The shape of a picture of `size`, all of it in `have` bytes.
    fn within(have: usize, layout: PixelLayout, size: Size, stride_bytes: usize) -> opencv::Result<Self> {
        let row_bytes = (size.width_px as usize).checked_mul(layout.channels()).ok_or_else(too_large)?;
        let stride_bytes = if stride_bytes == 0 { row_bytes } else { stride_bytes };
        let need = stride_bytes.checked_mul(size.height_px as usize).ok_or_else(too_large)?;
        if stride_bytes < row_bytes || need > have {
            return Err(opencv::Error::new(opencv::core::StsOutOfRange, "rows that are not all there"));
        }
        let side = |pixels: u32| i32::try_from(pixels).map_err(|_| too_large());
        Ok(Self { rows: side(size.height_px)?, columns: side(size.width_px)?, stride_bytes })
    }
}

fn too_large() -> opencv::Error {
    opencv::Error::new(opencv::core::StsOutOfRange, "a picture larger than this machine can hold")
}

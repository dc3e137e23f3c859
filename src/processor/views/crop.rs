//! A part of a frame in colour, made when a stage asks for it: what looks closely at one thing needs its pixels alone.

use std::cell::RefCell;

use opencv::imgproc::{
    COLOR_GRAY2BGR, COLOR_RGB2BGR, COLOR_RGBA2BGR, COLOR_YUV2BGR_I420, COLOR_YUV2BGR_NV12, COLOR_YUV2BGR_YUY2,
    INTER_AREA, cvt_color_def, resize,
};
use opencv::{
    core::{Mat, Size as CvSize, extract_channel},
    prelude::*,
};

use super::{Views, margin_px};
use crate::{
    frame::{PixelFormat, Size},
    message::Rect,
    privacy_mask::{Cells, GREY},
    processor::{
        buffers::Buffers,
        crop_decoder::{Job, Region},
        decoder::crop_limits,
        pixels::{PixelLayout, byte_count, view, view_mut},
        scale::Scale,
    },
    telemetry::rejections::RejectReason,
};

/// A part of a picture in colour: rows x columns x 3 channels of 8 bits (blue, green, red), no padding, top row first.
#[derive(Debug)]
pub struct Crop<'v, 'a> {
    pixels: Vec<u8>,
    size: Size,
    bounds: Rect,
    buffers: &'v RefCell<&'a mut Buffers>,
}

/// Why there is no crop.
#[derive(Debug, thiserror::Error)]
pub enum CropError {
    /// The frame cannot be decoded.
    #[error("{0}")]
    Rejected(RejectReason),
    /// OpenCV fails.
    #[error("{}", .0.message)]
    OpenCv(#[from] opencv::Error),
    /// Nothing of it is in the picture.
    #[error("a crop outside of the picture")]
    Outside,
}

impl Crop<'_, '_> {
    /// Columns and rows of its pixels.
    #[must_use]
    pub fn size(&self) -> Size {
        self.size
    }

    /// Which part of the whole picture it shows: all of what was asked for, and up to an MCU more on the left and above.
    #[must_use]
    pub fn bounds(&self) -> Rect {
        self.bounds
    }

    /// Its pixels.
    #[must_use]
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }
}

impl Drop for Crop<'_, '_> {
    fn drop(&mut self) {
        self.buffers.borrow_mut().put(std::mem::take(&mut self.pixels));
    }
}

impl<'a> Views<'a> {
    /// A part of the picture in colour, about `wanted_px` columns and rows: at the [`Scale`] nearest to it, never enlarged. What is
    /// masked is painted. It is made anew at each call.
    ///
    /// Of a JPEG only the part is made into pixels. It is decoded here, whatever [`Needs`](super::Needs) the stage had.
    ///
    /// # Errors
    /// If nothing of it is in the picture, or the frame cannot be decoded.
    pub fn bgr_crop(&self, wanted: Rect, wanted_px: u32) -> Result<Crop<'_, 'a>, CropError> {
        let wanted = inside(wanted, self.full()).ok_or(CropError::Outside)?;
        let scale = Scale::nearest(Size { width_px: wanted.width, height_px: wanted.height }, wanted_px);
        match self.frame.format() {
            PixelFormat::Jpeg => self.crop_of_jpeg(wanted, scale),
            _ => self.crop_of_pixels(wanted, scale),
        }
    }

    fn crop_of_jpeg(&self, wanted: Rect, scale: Scale) -> Result<Crop<'_, 'a>, CropError> {
        let (scans, mcu_px) = crop_limits(self.frame).map_err(CropError::Rejected)?;
        let (full, scaled, full_px) = (self.full(), scale.of(self.full()), scale.full_px());
        // An MCU is at least 8 pixels and a pixel stands for at most 8: the edges are whole pixels.
        let aligned = |at: u32, mcu: u32| at / mcu.max(8) * mcu.max(8) / full_px;
        let (x, y) = (aligned(wanted.x, mcu_px[0]), aligned(wanted.y, mcu_px[1]));
        let end = |from: u32, length: u32, of: u32| from.saturating_add(length).div_ceil(full_px).min(of);
        let right = end(wanted.x, wanted.width, scaled.width_px);
        let lower = end(wanted.y, wanted.height, scaled.height_px);
        let region = Region { x, y, width: right.saturating_sub(x).max(1), height: lower.saturating_sub(y).max(1) };
        let size = Size { width_px: region.width, height_px: region.height };
        let mut pixels = self.buffers.borrow_mut().take(byte_count(PixelLayout::Bgr, size)?);
        let job = Job { file: self.frame.bytes(), full, scans, scale, region };
        if let Err(error) = self.crops.borrow_mut().decode(job, &mut pixels) {
            self.buffers.borrow_mut().put(pixels);
            return Err(CropError::Rejected(error));
        }
        if let Some((mask, grid)) = self.mask {
            let cell_px = grid.cell_px.map(|side| (side / full_px).max(1));
            let margin_px = margin_px(PixelFormat::Jpeg, PixelLayout::Bgr);
            paint(&mask.cells(grid), cell_px, margin_px, region, &mut pixels);
        }
        let [x, y] = [region.x, region.y].map(|at| at.saturating_mul(full_px));
        let bounds = Rect {
            x,
            y,
            width: region.width.saturating_mul(full_px).min(full.width_px.saturating_sub(x)),
            height: region.height.saturating_mul(full_px).min(full.height_px.saturating_sub(y)),
        };
        Ok(Crop { pixels, size, bounds, buffers: &self.buffers })
    }

    /// The same of pixels that are there: those of the part are copied, converted and made smaller. They are painted already.
    fn crop_of_pixels(&self, wanted: Rect, scale: Scale) -> Result<Crop<'_, 'a>, CropError> {
        let bounds = self.whole_pairs(wanted);
        let size = Size { width_px: bounds.width, height_px: bounds.height };
        let packed = self.packed(bounds)?;
        let mut colour = self.buffers.borrow_mut().take(byte_count(PixelLayout::Bgr, size)?);
        let converted = convert(&packed, self.layout, size, &mut colour);
        self.buffers.borrow_mut().put(packed);
        converted?;
        let smaller = scale.of(size);
        if smaller == size {
            return Ok(Crop { pixels: colour, size, bounds, buffers: &self.buffers });
        }
        let shrunk = self.write(&view(&colour, PixelLayout::Bgr, size, 0)?, PixelLayout::Bgr, smaller, |from, to| {
            let size = CvSize::new(smaller.width_px.cast_signed(), smaller.height_px.cast_signed());
            resize(from, to, size, 0.0, 0.0, INTER_AREA)
        });
        self.buffers.borrow_mut().put(colour);
        Ok(Crop { pixels: shrunk?, size: smaller, bounds, buffers: &self.buffers })
    }

    /// Extended to whole pairs where pixels share their colour.
    fn whole_pairs(&self, wanted: Rect) -> Rect {
        let pairs = match self.layout {
            PixelLayout::Yuyv => [2, 1],
            PixelLayout::Nv12 | PixelLayout::I420 => [2, 2],
            _ => [1, 1],
        };
        // The sides of such pictures are even.
        let along = |from: u32, length: u32, pair: u32| {
            let start = from / pair * pair;
            (start, from.saturating_add(length).div_ceil(pair).saturating_mul(pair).saturating_sub(start))
        };
        let ((x, width), (y, height)) =
            (along(wanted.x, wanted.width, pairs[0]), along(wanted.y, wanted.height, pairs[1]));
        Rect { x, y, width, height }
    }

    /// The bytes of a part, its planes one after the other, without padding.
    fn packed(&self, part: Rect) -> Result<Vec<u8>, CropError> {
        let size = Size { width_px: part.width, height_px: part.height };
        let one_plane = byte_count(self.layout, size)?;
        let has_more = matches!(self.layout, PixelLayout::Nv12 | PixelLayout::I420);
        let mut packed = self.buffers.borrow_mut().take(if has_more { one_plane / 2 * 3 } else { one_plane });
        let bytes_of_pixel = self.layout.channels();
        let row = self.frame.format().row_bytes(self.full().width_px);
        // What was decoded has no padding.
        let stride = if self.frame.format().is_raw() {
            self.frame.stride_bytes().max(row.unwrap_or(0))
        } else {
            (self.full().width_px as usize).saturating_mul(bytes_of_pixel)
        };
        let [x, y, width, height] = [part.x, part.y, part.width, part.height].map(|side| side as usize);
        let luma_bytes = stride.saturating_mul(self.full().height_px as usize);
        let plane = |start: usize, stride: usize, x: usize, y: usize, width: usize, height: usize| Plane {
            start: start.saturating_add(y.saturating_mul(stride)).saturating_add(x),
            stride,
            width,
            height,
        };
        let first = plane(0, stride, x * bytes_of_pixel, y, width * bytes_of_pixel, height);
        let others = match self.layout {
            PixelLayout::Nv12 => [Some(plane(luma_bytes, stride, x, y / 2, width, height / 2)), None],
            PixelLayout::I420 => {
                let half_rows = self.full().height_px as usize / 2;
                [0, 1].map(|number| {
                    let start = luma_bytes.saturating_add(number * (stride / 2).saturating_mul(half_rows));
                    Some(plane(start, stride / 2, x / 2, y / 2, width / 2, height / 2))
                })
            }
            _ => [None, None],
        };
        let mut room = &mut packed[..];
        for plane in [Some(first)].into_iter().chain(others).flatten() {
            for row in 0..plane.height {
                let start = plane.start.saturating_add(row.saturating_mul(plane.stride));
                let from = self.bytes.get(start..start.saturating_add(plane.width)).ok_or(CropError::Outside)?;
                let (to, rest) = room.split_at_mut_checked(from.len()).ok_or(CropError::Outside)?;
                to.copy_from_slice(from);
                room = rest;
            }
        }
        Ok(packed)
    }
}

/// The part of a plane that is copied, in bytes.
struct Plane {
    start: usize,
    stride: usize,
    width: usize,
    height: usize,
}

/// Packed pixels of any layout, in colour.
fn convert(packed: &[u8], layout: PixelLayout, size: Size, colour: &mut [u8]) -> opencv::Result<()> {
    if layout == PixelLayout::Bgr {
        colour.copy_from_slice(packed);
        return Ok(());
    }
    let planes = match layout {
        PixelLayout::Nv12 | PixelLayout::I420 => Size { height_px: size.height_px / 2 * 3, ..size },
        _ => size,
    };
    let from = view(packed, layout, planes, 0)?;
    let start = colour.as_ptr();
    let mut to = view_mut(colour, PixelLayout::Bgr, size)?;
    match layout {
        PixelLayout::GreyAlpha => {
            let mut luma = Mat::default();
            extract_channel(&from, &mut luma, 0)?;
            cvt_color_def(&luma, &mut to, COLOR_GRAY2BGR)?;
        }
        PixelLayout::Grey | PixelLayout::Bgr => cvt_color_def(&from, &mut to, COLOR_GRAY2BGR)?,
        PixelLayout::Rgb => cvt_color_def(&from, &mut to, COLOR_RGB2BGR)?,
        PixelLayout::Rgba => cvt_color_def(&from, &mut to, COLOR_RGBA2BGR)?,
        PixelLayout::Yuyv => cvt_color_def(&from, &mut to, COLOR_YUV2BGR_YUY2)?,
        PixelLayout::Nv12 => cvt_color_def(&from, &mut to, COLOR_YUV2BGR_NV12)?,
        PixelLayout::I420 => cvt_color_def(&from, &mut to, COLOR_YUV2BGR_I420)?,
    }
    if to.data() == start {
        Ok(())
    } else {
        Err(opencv::Error::new(opencv::core::StsUnmatchedSizes, "pixels of another size or kind"))
    }
}

/// The part of it that is in the picture, if it has any.
fn inside(wanted: Rect, full: Size) -> Option<Rect> {
    let along = |from: u32, length: u32, of: u32| {
        let end = from.saturating_add(length).min(of);
        (from < end).then(|| (from, end - from))
    };
    let ((x, width), (y, height)) =
        (along(wanted.x, wanted.width, full.width_px)?, along(wanted.y, wanted.height, full.height_px)?);
    Some(Rect { x, y, width, height })
}

/// Paints what is masked of a region: `cell_px` are columns and rows of a cell at the region's scale.
fn paint(cells: &Cells, cell_px: [u32; 2], margin_px: usize, region: Region, pixels: &mut [u8]) {
    let margin = margin_px as u64;
    let row_bytes = region.width as usize * 3;
    // What of a stretch of cells, with its margin, is in the region.
    let clipped = |from: u64, to: u64, cell: u32, start: u32, length: u32| {
        let [from, to] = [from, to].map(|at| at.saturating_mul(cell.into()));
        let offset = |at: u64| usize::try_from(at.saturating_sub(start.into()).min(length.into())).unwrap_or(0);
        offset(from.saturating_sub(margin))..offset(to.saturating_add(margin))
    };
    for (number, ranges) in cells.rows().enumerate().filter(|(_, ranges)| !ranges.is_empty()) {
        let number = number as u64;
        for row in clipped(number, number + 1, cell_px[1], region.y, region.height) {
            let Some(bytes) = pixels.get_mut(row * row_bytes..(row + 1) * row_bytes) else { return };
            for [from, to] in ranges {
                let columns = clipped((*from).into(), (*to).into(), cell_px[0], region.x, region.width);
                bytes[3 * columns.start..3 * columns.end].fill(GREY);
            }
        }
    }
}

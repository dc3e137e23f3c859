//! Views: a frame's pixels as stages want them. Each is made when first asked for, and kept until the frame is done, so
//! that stages share them and may hold several at once.

mod crop;

use std::{
    borrow::Cow,
    cell::{OnceCell, RefCell},
};

use opencv::{
    boxed_ref::{BoxedRef, BoxedRefMut},
    core::{CV_8UC1, Mat, Scalar, Size as CvSize, extract_channel},
    imgproc::{
        COLOR_BGR2GRAY, COLOR_GRAY2BGR, COLOR_RGB2BGR, COLOR_RGB2GRAY, COLOR_RGBA2BGR, COLOR_RGBA2GRAY,
        COLOR_YUV2BGR_I420, COLOR_YUV2BGR_NV12, COLOR_YUV2BGR_YUY2, INTER_AREA, cvt_color_def, resize,
    },
    prelude::*,
};

pub use self::crop::{Crop, CropError};
use super::{
    buffers::Buffers,
    crop_decoder::CropDecoder,
    decoder::Decoder,
    pixels::{PixelLayout, byte_count, rows, view, view_mut},
    scale::Scale,
    small_luma::Luma,
};
use crate::{
    frame::{Frame, PixelFormat, Size},
    privacy_mask::{self, Cells, GREY, Grid, Plane, PrivacyMask},
    telemetry::rejections::RejectReason,
};

/// A width that stands for all of the picture, however large it is.
pub const FULL_PX: u32 = u32::MAX;

/// What stages will ask a frame's views for: about how wide, in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// The widest luma.
    luma_px: Option<u32>,
    /// The widest colour.
    bgr_px: Option<u32>,
    /// Crops.
    crops: bool,
}

/// The memory that frames are decoded into and views are made in, used again for each frame of every camera.
#[derive(Debug)]
pub struct Scratch {
    decoder: Decoder,
    crops: CropDecoder,
    buffers: Buffers,
}

/// A frame's pixels, decoded.
#[derive(Debug)]
pub struct Views<'a> {
    frame: &'a Frame,
    /// The decoded pixels, or the frame's own if it is raw; of NV12 and I420 all planes. A painted copy of a raw frame if the
    /// camera has masks.
    bytes: Cow<'a, [u8]>,
    layout: PixelLayout,
    scale: Scale,
    mask: Option<(&'a PrivacyMask, Grid)>,
    crops: RefCell<&'a mut CropDecoder>,
    buffers: RefCell<&'a mut Buffers>,
    luma: [OnceCell<Vec<u8>>; Scale::ALL.len()],
    bgr: [OnceCell<Vec<u8>>; Scale::ALL.len()],
}

/// A picture's pixels, to be read only: made for the stages, or the very bytes that were received or decoded.
pub type View<'a> = BoxedRef<'a, Mat>;

impl Needs {
    /// No pixels at all: then the frame is not even decoded.
    #[must_use]
    pub fn nothing() -> Self {
        Self::default()
    }

    /// Luma about `width_px` wide.
    #[must_use]
    pub fn luma(width_px: u32) -> Self {
        Self { luma_px: Some(width_px), ..Self::default() }
    }

    /// Colour about `width_px` wide.
    #[must_use]
    pub fn bgr(width_px: u32) -> Self {
        Self { bgr_px: Some(width_px), ..Self::default() }
    }

    /// Parts of the picture, which are decoded when the stage asks for them. A JPEG is not decoded before.
    #[must_use]
    pub fn crops() -> Self {
        Self { crops: true, ..Self::default() }
    }

    /// What both need.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            luma_px: self.luma_px.max(other.luma_px),
            bgr_px: self.bgr_px.max(other.bgr_px),
            crops: self.crops || other.crops,
        }
    }

    /// Whether nothing is needed.
    #[must_use]
    pub fn are_none(self) -> bool {
        self == Self::default()
    }

    /// Whether anything but crops is needed.
    fn has_views(self) -> bool {
        self.luma_px.is_some() || self.bgr_px.is_some()
    }

    /// The smallest scale of a picture of the size `full` that is enough for all of it; `None` if nothing is needed.
    fn scale(self, full: Size) -> Option<Scale> {
        let widths = [self.luma_px, self.bgr_px].into_iter().flatten();
        widths.map(|width_px| Scale::nearest(full, width_px)).min()
    }
}

impl Scratch {
    /// No memory yet.
    ///
    /// # Errors
    /// When the JPEG decoder cannot start.
    pub fn new() -> Result<Self, turbojpeg::Error> {
        Ok(Self { decoder: Decoder::new()?, crops: CropDecoder::default(), buffers: Buffers::default() })
    }

    /// See [`Decoder::with_fast_luma`].
    #[must_use]
    pub fn with_fast_luma(self, is_on: bool) -> Self {
        Self { decoder: self.decoder.with_fast_luma(is_on), ..self }
    }

    /// Gives back what a frame much larger than those after it took. To be called after each frame.
    pub fn trim(&mut self) {
        self.decoder.trim();
        self.buffers.trim();
    }
}

impl<'a> Views<'a> {
    /// The views of `frame`, for stages that ask for no more than `needs`: decoded, a JPEG at the smallest scale that is
    /// enough for every stage, gray if no stage wants colour. `None` if nothing is needed.
    ///
    /// # Errors
    /// When the frame cannot be decoded.
    pub fn decode(frame: &'a Frame, needs: Needs, scratch: &'a mut Scratch) -> Result<Option<Self>, RejectReason> {
        Self::decode_masked(frame, needs, None, scratch)
    }

    /// The same of a camera that may have masks: what is in them is painted before anybody gets a view. A raw frame is
    /// copied for that.
    ///
    /// # Errors
    /// When the frame cannot be decoded.
    pub fn decode_masked(
        frame: &'a Frame,
        needs: Needs,
        mask: Option<&'a PrivacyMask>,
        scratch: &'a mut Scratch,
    ) -> Result<Option<Self>, RejectReason> {
        if needs.are_none() {
            return Ok(None);
        }
        let scale = needs.scale(frame.size());
        let Scratch { decoder, crops, buffers } = scratch;
        let (layout, scale) = match (frame.format(), scale) {
            (PixelFormat::Jpeg, Some(scale)) => (decoder.jpeg(frame, scale, needs.bgr_px.is_some())?, scale),
            (PixelFormat::Jpeg, None) => {
                decoder.skip_jpeg(frame)?;
                (PixelLayout::Bgr, Scale::Full)
            }
            (PixelFormat::Png, _) => (decoder.png(frame)?, Scale::Full),
            (PixelFormat::Grey, _) => (PixelLayout::Grey, Scale::Full),
            (PixelFormat::Yuyv, _) => (PixelLayout::Yuyv, Scale::Full),
            (PixelFormat::Nv12, _) => (PixelLayout::Nv12, Scale::Full),
            (PixelFormat::I420, _) => (PixelLayout::I420, Scale::Full),
            (PixelFormat::Bgr24, _) => (PixelLayout::Bgr, Scale::Full),
            (PixelFormat::Rgb24, _) => (PixelLayout::Rgb, Scale::Full),
        };
        let is_undecoded = frame.format() == PixelFormat::Jpeg && !needs.has_views();
        let mask = mask.map(|mask| (mask, grid(frame, decoder)));
        let bytes = match mask {
            _ if is_undecoded => Cow::default(),
            Some((mask, grid)) if !frame.format().is_raw() => {
                let size = scale.of(frame.size());
                let margin_px = margin_px(frame.format(), layout);
                let cells = Painted { cells: &mask.cells(grid), cell_px: grid.cell_px, scale, margin_px };
                cells.paint(decoder.pixels_mut(), layout.channels(), size, GREY);
                decoder.pixels().into()
            }
            Some((mask, _)) => {
                let mut painted = buffers.take(frame.bytes().len());
                painted.copy_from_slice(frame.bytes());
                mask.paint_raw(&mut painted, frame.format(), frame.size(), frame.stride_bytes());
                painted.into()
            }
            None if frame.format().is_raw() => frame.bytes().as_ref().into(),
            None => decoder.pixels().into(),
        };
        let (luma, bgr) = (Default::default(), Default::default());
        let (crops, buffers) = (RefCell::new(crops), RefCell::new(buffers));
        Ok(Some(Self { frame, bytes, layout, scale, mask, crops, buffers, luma, bgr }))
    }

    /// What is masked of the views about `width_px` wide: rows x columns x 1 channel of 8 bits, 255 where a pixel has
    /// anything of a mask in it, else 0. It is made anew at each call: `None` if the camera has no masks, or if the stage has what is
    /// masked of views of this size, as `has` tells.
    ///
    /// # Errors
    /// When OpenCV fails.
    pub fn masked(&self, width_px: u32, has: impl FnOnce(CvSize) -> bool) -> opencv::Result<Option<Mat>> {
        let Some((mask, grid)) = self.mask else { return Ok(None) };
        let scale = Scale::nearest(self.full(), width_px);
        let size = scale.of(self.full());
        let [rows, columns] = [size.height_px, size.width_px].map(u32::cast_signed);
        if has(CvSize::new(columns, rows)) {
            return Ok(None);
        }
        // A pixel of a smaller view is a mean over whole cells, or a part of one.
        let cell_px = grid.cell_px.map(|side| side.max(scale.full_px()));
        let cells = mask.cells(Grid { cell_px, ..grid });
        let mut masked = Mat::new_rows_cols_with_default(rows, columns, CV_8UC1, Scalar::all(0.0))?;
        let margin_px = margin_px(self.frame.format(), self.layout);
        Painted { cells: &cells, cell_px, scale, margin_px }.paint(masked.data_bytes_mut()?, 1, size, u8::MAX);
        Ok(Some(masked))
    }

    /// The size of the whole picture.
    #[must_use]
    pub fn full(&self) -> Size {
        self.frame.size()
    }

    /// Luma, rows x columns x 1 channel of 8 bits, full range, about `width_px` wide: at the [`Scale`] nearest to it.
    ///
    /// # Errors
    /// When OpenCV fails.
    pub fn luma(&self, width_px: u32) -> opencv::Result<View<'_>> {
        let scale = Scale::nearest(self.full(), width_px);
        if scale == self.scale && matches!(self.layout, PixelLayout::Grey | PixelLayout::Nv12 | PixelLayout::I420) {
            return self.decoded();
        }
        self.cached(&self.luma, scale, PixelLayout::Grey, Self::make_luma)
    }

    /// Colour, rows x columns x 3 channels of 8 bits (blue, green, red), about `width_px` wide: at the [`Scale`] nearest
    /// to it.
    ///
    /// # Errors
    /// When OpenCV fails.
    pub fn bgr(&self, width_px: u32) -> opencv::Result<View<'_>> {
        let scale = Scale::nearest(self.full(), width_px);
        if scale == self.scale && self.layout == PixelLayout::Bgr {
            return self.decoded();
        }
        self.cached(&self.bgr, scale, PixelLayout::Bgr, Self::make_bgr)
    }

    fn cached<'s>(
        &'s self,
        views: &'s [OnceCell<Vec<u8>>],
        scale: Scale,
        layout: PixelLayout,
        make: fn(&Self, Scale) -> opencv::Result<Vec<u8>>,
    ) -> opencv::Result<View<'s>> {
        let cell = &views[scale.index()];
        let pixels = match cell.get() {
            Some(pixels) => pixels,
            None => {
                let pixels = make(self, scale)?;
                cell.get_or_init(|| pixels)
            }
        };
        view(pixels, layout, scale.of(self.full()), 0)
    }

    fn make_luma(&self, scale: Scale) -> opencv::Result<Vec<u8>> {
        use PixelLayout::{Grey, GreyAlpha, I420, Nv12, Yuyv};
        if scale >= self.scale && matches!(self.layout, Grey | GreyAlpha | Yuyv | Nv12 | I420) {
            return self.small_luma(scale);
        }
        self.shrunk_and_converted(scale, Grey, |pixels, luma| match self.layout {
            PixelLayout::Rgb => cvt_color_def(pixels, luma, COLOR_RGB2GRAY),
            PixelLayout::Rgba => cvt_color_def(pixels, luma, COLOR_RGBA2GRAY),
            _ => cvt_color_def(pixels, luma, COLOR_BGR2GRAY),
        })
    }

    /// The luma that is there beside colour, or without any, at `scale`.
    fn small_luma(&self, scale: Scale) -> opencv::Result<Vec<u8>> {
        let rows = rows(&self.bytes, self.layout, self.scale.of(self.full()), self.frame.stride_bytes())?;
        let mut buffer = self.buffers.borrow_mut().take(byte_count(PixelLayout::Grey, scale.of(self.full()))?);
        let side = scale.full_px() / self.scale.full_px();
        Luma::new(rows, self.layout.channels()).shrink(side as usize, &mut buffer);
        Ok(buffer)
    }

    fn make_bgr(&self, scale: Scale) -> opencv::Result<Vec<u8>> {
        // Where colour is shared between pixels, it has to be spread before the picture is made smaller.
        match self.layout {
            PixelLayout::Yuyv => self.converted_and_shrunk(scale, &self.decoded()?, COLOR_YUV2BGR_YUY2),
            PixelLayout::Nv12 => self.converted_and_shrunk(
                scale,
                &self.all_planes(self.frame.stride_bytes(), &self.bytes)?,
                COLOR_YUV2BGR_NV12,
            ),
            PixelLayout::I420 => self.make_bgr_of_i420(scale),
            _ => self.shrunk_and_converted(scale, PixelLayout::Bgr, |pixels, bgr| match self.layout {
                PixelLayout::Rgb => cvt_color_def(pixels, bgr, COLOR_RGB2BGR),
                PixelLayout::Rgba => cvt_color_def(pixels, bgr, COLOR_RGBA2BGR),
                PixelLayout::GreyAlpha => {
                    let mut luma = Mat::default();
                    extract_channel(pixels, &mut luma, 0)?;
                    cvt_color_def(&luma, bgr, COLOR_GRAY2BGR)
                }
                _ => cvt_color_def(pixels, bgr, COLOR_GRAY2BGR),
            }),
        }
    }

    /// The decoded pixels at `scale`, made into `wanted` by `convert` unless they are that.
    fn shrunk_and_converted(
        &self,
        scale: Scale,
        wanted: PixelLayout,
        convert: impl FnOnce(&View<'_>, &mut BoxedRefMut<'_, Mat>) -> opencv::Result<()>,
    ) -> opencv::Result<Vec<u8>> {
        let size = scale.of(self.full());
        if scale == self.scale {
            return self.write(&self.decoded()?, wanted, size, convert);
        }
        let shrunk = self.shrunk(&self.decoded()?, self.layout, scale)?;
        if self.layout == wanted {
            return Ok(shrunk);
        }
        let converted = self.write(&view(&shrunk, self.layout, size, 0)?, wanted, size, convert);
        self.buffers.borrow_mut().put(shrunk);
        converted
    }

    /// All `pixels` in colour, at `scale`.
    fn converted_and_shrunk(&self, scale: Scale, pixels: &View<'_>, code: i32) -> opencv::Result<Vec<u8>> {
        let full = self.full();
        let colour = self.write(pixels, PixelLayout::Bgr, full, |pixels, bgr| cvt_color_def(pixels, bgr, code))?;
        if scale == self.scale {
            return Ok(colour);
        }
        let shrunk = self.shrunk(&view(&colour, PixelLayout::Bgr, full, 0)?, PixelLayout::Bgr, scale);
        self.buffers.borrow_mut().put(colour);
        shrunk
    }

    /// Pixels made smaller, each the mean of the ones it stands for.
    fn shrunk(&self, pixels: &View<'_>, layout: PixelLayout, scale: Scale) -> opencv::Result<Vec<u8>> {
        let size = scale.of(self.full());
        self.write(pixels, layout, size, |pixels, shrunk| {
            let size = CvSize::new(size.width_px.cast_signed(), size.height_px.cast_signed());
            resize(pixels, shrunk, size, 0.0, 0.0, INTER_AREA)
        })
    }

    /// Has OpenCV write pixels of this layout and size into a buffer.
    fn write(
        &self,
        pixels: &View<'_>,
        layout: PixelLayout,
        size: Size,
        write: impl FnOnce(&View<'_>, &mut BoxedRefMut<'_, Mat>) -> opencv::Result<()>,
    ) -> opencv::Result<Vec<u8>> {
        let mut buffer = self.buffers.borrow_mut().take(byte_count(layout, size)?);
        let start = buffer.as_ptr();
        let mut mat = view_mut(&mut buffer, layout, size)?;
        write(pixels, &mut mat)?;
        // OpenCV takes memory of its own if it finds the matrix not to its liking.
        if mat.data() != start {
            return Err(opencv::Error::new(opencv::core::StsUnmatchedSizes, "pixels of another size or kind"));
        }
        drop(mat);
        Ok(buffer)
    }

    /// The pixels as they were decoded or received; of NV12 and I420 the luma plane.
    fn decoded(&self) -> opencv::Result<View<'_>> {
        view(&self.bytes, self.layout, self.scale.of(self.full()), self.frame.stride_bytes())
    }

    /// All planes of an NV12 or I420 frame in `bytes`: one channel, half as high again.
    fn all_planes<'s>(&self, stride_bytes: usize, bytes: &'s [u8]) -> opencv::Result<View<'s>> {
        let Size { width_px, height_px } = self.full();
        let size = Size { width_px, height_px: height_px.saturating_add(height_px / 2) };
        view(bytes, self.layout, size, stride_bytes)
    }

    /// OpenCV reads the rows of colour of an I420 frame without padding only: padded ones are copied together.
    fn make_bgr_of_i420(&self, scale: Scale) -> opencv::Result<Vec<u8>> {
        let (width, stride) = (self.full().width_px as usize, self.frame.stride_bytes());
        if stride == width {
            return self.converted_and_shrunk(scale, &self.all_planes(0, &self.bytes)?, COLOR_YUV2BGR_I420);
        }
        let mut packed = self.buffers.borrow_mut().take(byte_count(PixelLayout::I420, self.full())? / 2 * 3);
        let (luma, colour) = self.bytes.split_at(stride * self.full().height_px as usize);
        let rows = luma.chunks(stride).map(|row| &row[..width]);
        let rows = rows.chain(colour.chunks(stride / 2).map(|row| &row[..width / 2]));
        let mut room = &mut packed[..];
        for row in rows {
            let Some((start, rest)) = room.split_at_mut_checked(row.len()) else { break };
            start.copy_from_slice(row);
            room = rest;
        }
        let bgr = self.converted_and_shrunk(scale, &self.all_planes(0, &packed)?, COLOR_YUV2BGR_I420);
        self.buffers.borrow_mut().put(packed);
        bgr
    }
}

/// The cells in which a frame is masked. A JPEG's pixels are made of whole blocks.
fn grid(frame: &Frame, decoder: &Decoder) -> Grid {
    let cell_px = match frame.format() {
        PixelFormat::Jpeg => decoder.mcu_px(),
        format => privacy_mask::raw_cell_px(format),
    };
    Grid { full: frame.size(), cell_px }
}

/// How many decoded pixels beside a masked block have something of it: the decoder spreads colour that is stored for several
/// pixels, and mixes the one of the next block in.
fn margin_px(format: PixelFormat, layout: PixelLayout) -> usize {
    usize::from(format == PixelFormat::Jpeg && layout != PixelLayout::Grey)
}

/// Masked cells of a picture that was made smaller.
#[derive(Debug)]
struct Painted<'a> {
    cells: &'a Cells,
    /// In pixels of the whole picture.
    cell_px: [u32; 2],
    scale: Scale,
    /// In pixels of the smaller one.
    margin_px: usize,
}

impl Painted<'_> {
    /// Gives all bytes of masked pixels this value. `size` is that of the smaller picture, whose rows have no padding.
    fn paint(&self, pixels: &mut [u8], channels: usize, size: Size, value: u8) {
        let [across, down] = self.cell_px.map(|side| (side / self.scale.full_px()).max(1) as usize);
        let row_bytes = size.width_px as usize * channels;
        let plane = Plane {
            start: 0,
            stride_bytes: row_bytes,
            row_bytes,
            rows: size.height_px as usize,
            cell_rows: down,
            cell_bytes: across * channels,
            margin_rows: self.margin_px,
            margin_bytes: self.margin_px * channels,
        };
        self.cells.paint(pixels, plane, value);
    }
}

impl Drop for Views<'_> {
    fn drop(&mut self) {
        let buffers = self.buffers.get_mut();
        let views = self.luma.iter_mut().chain(&mut self.bgr);
        views.filter_map(OnceCell::take).for_each(|pixels| buffers.put(pixels));
        if let Cow::Owned(painted) = std::mem::take(&mut self.bytes) {
            buffers.put(painted);
        }
    }
}

#[cfg(test)]
mod tests;

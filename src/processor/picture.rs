//! A picture: a frame's pixels as stages want them, made when first asked for, decoded at most once.

use opencv::{
    boxed_ref::BoxedRef,
    core::{Mat, Size as CvSize, extract_channel},
    imgproc::{
        COLOR_BGR2GRAY, COLOR_GRAY2BGR, COLOR_RGB2BGR, COLOR_RGB2GRAY, COLOR_RGBA2BGR, COLOR_RGBA2GRAY,
        COLOR_YUV2BGR_NV12, COLOR_YUV2BGR_YUY2, INTER_AREA, cvt_color_def, resize,
    },
    prelude::*,
};

use super::{
    decoder::Decoder,
    pixels::{Layout, view},
    scale::Scale,
};
use crate::{
    frame::{Frame, PixelFormat, Size},
    telemetry::rejections::RejectReason,
};

/// What the stages of a camera will ask a picture for: about how wide, in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wants {
    /// The widest luma.
    pub luma_px: Option<u32>,
    /// The widest colour.
    pub bgr_px: Option<u32>,
}

/// The memory that a camera's pictures are made in, used again for each.
#[derive(Debug)]
pub struct Canvas {
    decoder: Decoder,
    smaller: Mat,
    luma: Mat,
    bgr: Mat,
}

/// A frame's pixels.
#[derive(Debug)]
pub struct Picture<'a> {
    frame: &'a Frame,
    wants: Wants,
    canvas: &'a mut Canvas,
    decoded: Option<Decoded>,
}

/// What the decoder's memory holds.
#[derive(Clone, Copy, Debug)]
struct Decoded {
    layout: Layout,
    scale: Scale,
}

/// A picture's pixels, to be read only: made for the stage, or the very bytes that were received or decoded.
pub type View<'a> = BoxedRef<'a, Mat>;

impl Canvas {
    /// No memory yet.
    ///
    /// # Errors
    /// When the JPEG decoder cannot start.
    pub fn new() -> Result<Self, turbojpeg::Error> {
        Ok(Self { decoder: Decoder::new()?, smaller: Mat::default(), luma: Mat::default(), bgr: Mat::default() })
    }
}

impl<'a> Picture<'a> {
    /// The picture of `frame` for stages that will ask for no more than `wants`.
    pub fn new(frame: &'a Frame, wants: Wants, canvas: &'a mut Canvas) -> Self {
        Self { frame, wants, canvas, decoded: None }
    }

    /// Luma, rows x columns x 1 channel of 8 bits, full range, about `width_px` wide: at the [`Scale`] nearest to it.
    ///
    /// # Errors
    /// When the frame cannot be decoded.
    pub fn luma(&mut self, width_px: u32) -> Result<View<'_>, RejectReason> {
        let full = self.frame.size();
        let scale = Scale::nearest(full.width_px, width_px);
        let Decoded { layout, scale: have } = self.decode()?;
        let Canvas { decoder, smaller, luma, .. } = &mut *self.canvas;
        let whole = source(self.frame, decoder, layout, have).map_err(failed)?;
        let pixels = shrink(whole, have, scale, full, smaller).map_err(failed)?;
        let gray = match layout {
            Layout::Grey | Layout::Nv12 => return Ok(pixels),
            Layout::GreyAlpha | Layout::Yuyv => extract_channel(&pixels, luma, 0),
            Layout::Rgb => cvt_color_def(&pixels, luma, COLOR_RGB2GRAY),
            Layout::Rgba => cvt_color_def(&pixels, luma, COLOR_RGBA2GRAY),
            Layout::Bgr => cvt_color_def(&pixels, luma, COLOR_BGR2GRAY),
        };
        gray.and_then(|()| lend(luma)).map_err(failed)
    }

    /// Colour, rows x columns x 3 channels of 8 bits (blue, green, red), about `width_px` wide: at the [`Scale`] nearest
    /// to it.
    ///
    /// # Errors
    /// When the frame cannot be decoded.
    pub fn bgr(&mut self, width_px: u32) -> Result<View<'_>, RejectReason> {
        let full = self.frame.size();
        let scale = Scale::nearest(full.width_px, width_px);
        let Decoded { layout, scale: have } = self.decode()?;
        let Canvas { decoder, smaller, luma, bgr } = &mut *self.canvas;
        // Where colour is shared between pixels, it has to be spread before the picture is made smaller.
        let spread = match layout {
            Layout::Yuyv => Some((source(self.frame, decoder, layout, have), COLOR_YUV2BGR_YUY2)),
            Layout::Nv12 => Some((both_planes(self.frame), COLOR_YUV2BGR_NV12)),
            _ => None,
        };
        if let Some((whole, code)) = spread {
            let whole = whole.map_err(failed)?;
            let colour = cvt_color_def(&whole, bgr, code).and_then(|()| lend(bgr));
            return colour.and_then(|colour| shrink(colour, have, scale, full, smaller)).map_err(failed);
        }
        let whole = source(self.frame, decoder, layout, have).map_err(failed)?;
        let pixels = shrink(whole, have, scale, full, smaller).map_err(failed)?;
        let colour = match layout {
            Layout::Bgr => return Ok(pixels),
            Layout::Rgb => cvt_color_def(&pixels, bgr, COLOR_RGB2BGR),
            Layout::Rgba => cvt_color_def(&pixels, bgr, COLOR_RGBA2BGR),
            Layout::GreyAlpha => {
                extract_channel(&pixels, luma, 0).and_then(|()| cvt_color_def(luma, bgr, COLOR_GRAY2BGR))
            }
            Layout::Grey | Layout::Yuyv | Layout::Nv12 => cvt_color_def(&pixels, bgr, COLOR_GRAY2BGR),
        };
        colour.and_then(|()| lend(bgr)).map_err(failed)
    }

    /// Decodes the frame if that has not been done: a JPEG at the smallest scale that is enough for every stage, gray if
    /// no stage wants colour.
    fn decode(&mut self) -> Result<Decoded, RejectReason> {
        if let Some(decoded) = self.decoded {
            return Ok(decoded);
        }
        let decoder = &mut self.canvas.decoder;
        let raw = |layout| Decoded { layout, scale: Scale::Full };
        let decoded = match self.frame.format() {
            PixelFormat::Jpeg => {
                let Wants { luma_px, bgr_px } = self.wants;
                let nearest = |px| Scale::nearest(self.frame.size().width_px, px);
                let scale = [luma_px, bgr_px].into_iter().flatten().map(nearest).min().unwrap_or(Scale::Full);
                Decoded { layout: decoder.jpeg(self.frame, scale, bgr_px.is_some())?, scale }
            }
            PixelFormat::Png => raw(decoder.png(self.frame)?),
            PixelFormat::Grey => raw(Layout::Grey),
            PixelFormat::Yuyv => raw(Layout::Yuyv),
            PixelFormat::Nv12 => raw(Layout::Nv12),
            PixelFormat::Bgr24 => raw(Layout::Bgr),
            PixelFormat::Rgb24 => raw(Layout::Rgb),
        };
        self.decoded = Some(decoded);
        Ok(decoded)
    }
}

/// The decoded pixels, or the frame's own if it is raw; of NV12 the luma plane.
fn source<'a>(frame: &'a Frame, decoder: &'a Decoder, layout: Layout, scale: Scale) -> opencv::Result<View<'a>> {
    let bytes = match frame.format() {
        PixelFormat::Jpeg | PixelFormat::Png => decoder.pixels(),
        _ => frame.bytes(),
    };
    view(bytes, layout, scale.of(frame.size()), frame.stride_bytes())
}

/// Both planes of an NV12 frame: one channel, half as high again.
fn both_planes(frame: &Frame) -> opencv::Result<View<'_>> {
    let Size { width_px, height_px } = frame.size();
    let size = Size { width_px, height_px: height_px / 2 * 3 };
    view(frame.bytes(), Layout::Nv12, size, frame.stride_bytes())
}

/// Makes pixels that are at scale `have` into those at `scale`, each the mean of the ones it stands for.
fn shrink<'a>(
    pixels: View<'a>,
    have: Scale,
    scale: Scale,
    full: Size,
    smaller: &'a mut Mat,
) -> opencv::Result<View<'a>> {
    if have == scale {
        return Ok(pixels);
    }
    let Size { width_px, height_px } = scale.of(full);
    let size = CvSize::new(width_px.cast_signed(), height_px.cast_signed());
    resize(&pixels, smaller, size, 0.0, 0.0, INTER_AREA)?;
    lend(smaller)
}

/// All of `mat`, as it is.
fn lend(mat: &Mat) -> opencv::Result<View<'_>> {
    mat.row_bounds(0, mat.rows())
}

fn failed(error: opencv::Error) -> RejectReason {
    RejectReason::StageFailed { stage: "picture", error: error.message }
}

#[cfg(test)]
mod tests;

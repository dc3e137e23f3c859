//! Real frames at the sizes that the promises name.
//!
//! The committed clip is 640x480. For 1920x1080 its frames are enlarged and given a sensor's noise (Gaussian, sigma 2), for
//! an enlarged picture alone is smoother than any camera's and would decode too fast.

use bytes::Bytes;
use fovea::{frame::Size, recording::Recording};
use opencv::{
    core::{CV_8UC3, Mat, Rect, Scalar, Size as CvSize, add_def, randn},
    imgproc::{INTER_CUBIC, resize},
    prelude::*,
};
use turbojpeg::{Compressor, Decompressor, Image, PixelFormat, Subsamp};

use crate::Result;

const CLIP: &[u8] = include_bytes!("../../tests/data/vtest.avi");

/// JPEG quality of what is made here: what cameras do.
const QUALITY: i32 = 85;

/// A sensor's noise, where it is bright enough.
const NOISE: f64 = 2.0;

pub(crate) const VGA: Size = Size { width_px: 640, height_px: 480 };
pub(crate) const FULL_HD: Size = Size { width_px: 1920, height_px: 1080 };

/// JPEG files of consecutive frames, progressive if asked for.
pub(crate) fn frames(size: Size, count: usize, is_progressive: bool) -> Result<Vec<Bytes>> {
    frames_by(size, count, NOISE, |compressor| compressor.set_progressive(is_progressive))
}

/// JPEG files of consecutive frames, with other noise (its sigma) and settings.
pub(crate) fn frames_by(
    size: Size,
    count: usize,
    noise: f64,
    set: impl FnOnce(&mut Compressor) -> turbojpeg::Result<()>,
) -> Result<Vec<Bytes>> {
    let recording = Recording::from_bytes("the clip", Bytes::from_static(CLIP))?;
    let mut compressor = Compressor::new()?;
    compressor.set_quality(QUALITY)?;
    compressor.set_subsamp(Subsamp::Sub2x2)?;
    set(&mut compressor)?;
    let mut frames = Vec::new();
    for still in recording.stills().take(count) {
        let picture = enlarge(&decode(&still?.bytes)?, size, noise)?;
        let pixels = picture.data_bytes()?;
        let (width, height) = (size.width_px as usize, size.height_px as usize);
        let image = Image { pixels, width, pitch: width * 3, height, format: PixelFormat::BGR };
        frames.push(compressor.compress_to_vec(image)?.into());
    }
    Ok(frames)
}

fn decode(jpeg: &[u8]) -> Result<Mat> {
    let mut decompressor = Decompressor::new()?;
    let header = decompressor.read_header(jpeg)?;
    let (width, height) = (header.width, header.height);
    let mut picture =
        Mat::new_rows_cols_with_default(i32::try_from(height)?, i32::try_from(width)?, CV_8UC3, Scalar::all(0.0))?;
    let pixels = picture.data_bytes_mut()?;
    decompressor.decompress(jpeg, Image { pixels, width, pitch: width * 3, height, format: PixelFormat::BGR })?;
    Ok(picture)
}

/// As large as asked for, filled; what does not fit is cut off below or on the right.
fn enlarge(picture: &Mat, size: Size, sigma: f64) -> Result<Mat> {
    let (width, height) = (i32::try_from(size.width_px)?, i32::try_from(size.height_px)?);
    if picture.cols() == width {
        return Ok(picture.clone());
    }
    let mut large = Mat::default();
    let columns = width.max(picture.cols() * height / picture.rows());
    let rows = picture.rows() * columns / picture.cols();
    resize(picture, &mut large, CvSize::new(columns, rows.max(height)), 0.0, 0.0, INTER_CUBIC)?;
    let cut = large.roi(Rect::new(0, 0, width, height))?.clone_pointee();
    let mut noise = Mat::new_rows_cols_with_default(height, width, opencv::core::CV_16SC3, Scalar::all(0.0))?;
    randn(&mut noise, &Scalar::all(0.0), &Scalar::all(sigma))?;
    let (mut wide, mut noisy, mut narrow) = (Mat::default(), Mat::default(), Mat::default());
    cut.convert_to_def(&mut wide, opencv::core::CV_16SC3)?;
    add_def(&wide, &noise, &mut noisy)?;
    noisy.convert_to_def(&mut narrow, CV_8UC3)?;
    Ok(narrow)
}

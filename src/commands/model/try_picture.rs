//! `fovea model try`: what a network finds in one picture.

use std::{
    fs::File,
    io::{self, BufWriter, Read},
    path::{Path, PathBuf},
};

use super::{ModelError, open};
use crate::{
    commands::{Failure, print_line},
    frame::{Camera, CapturedBy, Frame, Origin, Size},
    message::Rect,
    model::{manifest::Manifest, prepare::Pixels},
    picture::{bitmap::Bitmap, jpeg::encode_bitmap},
    processor::bgr::bgr,
    source::image_header,
    system::clock::Monotonic,
    telemetry::rejections::RejectReason,
};

/// The largest picture that is read.
const MAX_PICTURE_BYTES: u64 = 64 << 20;

/// The most pixels, as many as the daemon takes by default.
const MAX_PIXELS: u64 = 4096 * 4096;

/// Why there is no picture with boxes.
#[derive(Debug, thiserror::Error)]
enum PictureError {
    #[error("cannot read the picture {0}")]
    Unreadable(PathBuf, #[source] io::Error),
    #[error("the picture {0} is larger than {limit} MiB", limit = MAX_PICTURE_BYTES >> 20)]
    TooLarge(PathBuf),
    #[error("the picture {0} has {1} pixels; the largest may have 4096x4096")]
    TooManyPixels(PathBuf, Size),
    #[error("cannot use the picture {0}")]
    Refused(PathBuf, #[source] RejectReason),
    #[error("cannot write the picture {0}")]
    Unwritable(PathBuf, #[source] io::Error),
    #[error("{0} ends neither in .jpg nor in .png: fovea writes these")]
    Ending(PathBuf),
    #[error("cannot encode the picture as JPEG")]
    Encoder(#[source] turbojpeg::Error),
    #[error("{0} is the picture itself: choose another file for the boxes")]
    Same(PathBuf),
}

/// Prints what the network finds in a picture, and writes the picture with the boxes.
pub(super) fn run(picture: &Path, output: Option<&Path>, manifest: Manifest) -> Result<(), Failure> {
    let output = output.map_or_else(|| beside(picture), Path::to_owned);
    let is_png = match output.extension().and_then(|ending| ending.to_str()).map(str::to_lowercase).as_deref() {
        Some("png") => true,
        Some("jpg" | "jpeg") => false,
        _ => return Err(PictureError::Ending(output).into()),
    };
    if output.canonicalize().is_ok_and(|output| picture.canonicalize().is_ok_and(|picture| picture == output)) {
        return Err(PictureError::Same(output).into());
    }
    let (size, bgr) = decode(picture)?;
    let threshold = manifest.thresholds.default;
    let (file, mut opened) = open(manifest)?;
    let pixels = Pixels::new(size, &bgr).ok_or_else(|| refused(picture, RejectReason::Empty))?;
    let found =
        opened.detector.detect(pixels).map_err(|source| ModelError::Model { path: file.path.clone(), source })?;
    let mut bitmap = Bitmap::new(size, bgr);
    for thing in &found {
        let Rect { x, y, width, height } = thing.bounds;
        print_line(format_args!("{:<16} {:.2}  {width}x{height} at {x},{y}", thing.label, thing.score))?;
        bitmap.draw_box(thing.bounds);
    }
    if found.is_empty() {
        print_line(format_args!("nothing with a score of {threshold} or more; --threshold shows what has less"))?;
    }
    let written = if is_png { write_png(&output, &bitmap) } else { write_jpeg(&output, &bitmap)? };
    written.map_err(|error| PictureError::Unwritable(output.clone(), error))?;
    print_line(format_args!("{} has the boxes", output.display()))?;
    Ok(())
}

/// Where the boxes go if nobody says: here, and not into the folder of the picture, which may be read-only.
fn beside(picture: &Path) -> PathBuf {
    let stem = picture.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    format!("{stem}-boxes.jpg").into()
}

fn refused(picture: &Path, reason: RejectReason) -> PictureError {
    PictureError::Refused(picture.to_owned(), reason)
}

/// The size and the pixels of a picture.
fn decode(picture: &Path) -> Result<(Size, Vec<u8>), PictureError> {
    let mut bytes = Vec::new();
    let read = File::open(picture).and_then(|file| file.take(MAX_PICTURE_BYTES + 1).read_to_end(&mut bytes));
    read.map_err(|error| PictureError::Unreadable(picture.to_owned(), error))?;
    if bytes.len() as u64 > MAX_PICTURE_BYTES {
        return Err(PictureError::TooLarge(picture.to_owned()));
    }
    let (format, size) = image_header::read(&bytes).map_err(|reason| refused(picture, reason))?;
    if size.pixels() > MAX_PIXELS {
        return Err(PictureError::TooManyPixels(picture.to_owned(), size));
    }
    let (captured_at, captured_by) = (Monotonic::now(), CapturedBy::Arrival);
    let origin = Origin { camera: Camera::new("picture"), seq: 1, captured_at, captured_by };
    let pixels = bgr(&Frame::compressed(origin, format, size, bytes.into()), None);
    Ok((size, pixels.map_err(|reason| refused(picture, reason))?))
}

fn write_jpeg(output: &Path, bitmap: &Bitmap) -> Result<io::Result<()>, PictureError> {
    let jpeg = encode_bitmap(bitmap).map_err(PictureError::Encoder)?;
    Ok(std::fs::write(output, jpeg))
}

fn write_png(output: &Path, bitmap: &Bitmap) -> io::Result<()> {
    let Size { width_px, height_px } = bitmap.size();
    let mut rgb = bitmap.pixels().to_vec();
    rgb.as_chunks_mut::<3>().0.iter_mut().for_each(|pixel| pixel.swap(0, 2));
    let mut encoder = png::Encoder::new(BufWriter::new(File::create(output)?), width_px, height_px);
    encoder.set_color(png::ColorType::Rgb);
    encoder.write_header().and_then(|mut writer| writer.write_image_data(&rgb)).map_err(io::Error::other)
}

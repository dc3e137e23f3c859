//! Decodes a part of a JPEG: its columns and rows alone are made into pixels, at the scale that is wanted.
//!
//! libjpeg-turbo reads the coefficients of the whole file in any case. What it leaves out is to transform and to colour the
//! rows above and below the part, and the columns beside it. The crate `turbojpeg` does not have that call.

use std::{
    ffi::{CStr, c_int},
    ptr::NonNull,
};

use turbojpeg::raw;

use super::{decoder::says_bytes_before_end, scale::Scale};
use crate::{frame::Size, telemetry::rejections::RejectReason};

/// A part of a picture at a scale: columns and rows of the smaller picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Region {
    pub(super) x: u32,
    pub(super) y: u32,
    pub(super) width: u32,
    pub(super) height: u32,
}

/// Decodes parts of JPEGs, one after the other. It takes no memory before the first one.
#[derive(Debug, Default)]
pub(super) struct CropDecoder(Option<Handle>);

/// What is to be decoded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Job<'f> {
    pub(super) file: &'f [u8],
    /// The size of the whole picture.
    pub(super) full: Size,
    /// How many scans may be read.
    pub(super) scans: u32,
    pub(super) scale: Scale,
    /// Its left edge is a multiple of an MCU.
    pub(super) region: Region,
}

impl CropDecoder {
    /// Decodes the region into `pixels`: rows without padding of blue, green, red.
    ///
    /// # Errors
    /// If the file is damaged, or has a sampling of which the library decodes no parts.
    pub(super) fn decode(&mut self, job: Job<'_>, pixels: &mut [u8]) -> Result<(), RejectReason> {
        // After an error, and of one that has no tables of its own, only a new one is sure to know nothing.
        let mut handle = match self.0.take() {
            Some(handle) => handle,
            None => Handle::new().ok_or_else(|| damaged("the JPEG decoder has no memory"))?,
        };
        handle.decode(job, pixels).map_err(|error| damaged(&error))?;
        if !super::jpeg_structure::is_motion_jpeg(job.file) {
            self.0 = Some(handle);
        }
        Ok(())
    }
}

fn damaged(what: &str) -> RejectReason {
    RejectReason::Damaged(what.to_owned())
}

/// An instance of the library's decoder.
#[derive(Debug)]
struct Handle(NonNull<std::ffi::c_void>);

#[expect(unsafe_code, reason = "the library's calls")]
// SAFETY: an instance belongs to no thread; it is used by one at a time, as every call takes it by `&mut`.
unsafe impl Send for Handle {}

impl Handle {
    #[expect(unsafe_code, reason = "the library's call")]
    fn new() -> Option<Self> {
        // SAFETY: it takes any number, and gives null if it fails.
        NonNull::new(unsafe { raw::tj3Init(raw::TJINIT_TJINIT_DECOMPRESS.cast_signed()) }).map(Self)
    }

    fn decode(&mut self, job: Job<'_>, pixels: &mut [u8]) -> Result<(), String> {
        let Job { file, full, scans, scale, region } = job;
        let number = |value: u32| c_int::try_from(value).map_err(|_| "it is too large".to_owned());
        let pitch = region.width.checked_mul(3).ok_or("it is too large")?;
        let bytes = (pitch as usize).checked_mul(region.height as usize);
        let scaled = scale.of(full);
        let is_inside =
            |from: u32, length: u32, of: u32| length > 0 && from.checked_add(length).is_some_and(|end| end <= of);
        let is_right = bytes == Some(pixels.len())
            && is_inside(region.x, region.width, scaled.width_px)
            && is_inside(region.y, region.height, scaled.height_px);
        if !is_right {
            return Err("its part is not in the picture".to_owned());
        }
        self.read_header(file)?;
        let size = [raw::TJPARAM_TJPARAM_JPEGWIDTH, raw::TJPARAM_TJPARAM_JPEGHEIGHT].map(|key| self.get(key));
        if size != [full.width_px, full.height_px].map(i64::from) {
            return Err("it has two headers of different sizes".to_owned());
        }
        self.set(raw::TJPARAM_TJPARAM_SCANLIMIT, number(scans.max(1))?)?;
        let factor = raw::tjscalingfactor { num: 1, denom: number(scale.full_px())? };
        let none = raw::tjregion { x: 0, y: 0, w: 0, h: 0 };
        let is_all = region.width == scaled.width_px && region.height == scaled.height_px;
        let cropping = raw::tjregion {
            x: number(region.x)?,
            y: number(region.y)?,
            w: number(region.width)?,
            h: number(region.height)?,
        };
        self.scale_and_crop(factor, none)?; // the region of the picture before may be outside at another scale
        self.scale_and_crop(factor, if is_all { none } else { cropping })?;
        self.decompress(file, pixels, number(pitch)?)
    }

    #[expect(unsafe_code, reason = "the library's call")]
    fn read_header(&mut self, file: &[u8]) -> Result<(), String> {
        let length = file.len().try_into().map_err(|_| "it is too large".to_owned())?;
        // SAFETY: the instance is one; `length` bytes of `file` can be read, which the call only does.
        let result = unsafe { raw::tj3DecompressHeader(self.0.as_ptr(), file.as_ptr(), length) };
        self.checked(result)
    }

    #[expect(unsafe_code, reason = "the library's call")]
    fn get(&mut self, parameter: raw::TJPARAM) -> i64 {
        // SAFETY: the instance is one, and any number is a parameter or gives -1.
        unsafe { raw::tj3Get(self.0.as_ptr(), parameter.cast_signed()) }.into()
    }

    #[expect(unsafe_code, reason = "the library's call")]
    fn set(&mut self, parameter: raw::TJPARAM, value: c_int) -> Result<(), String> {
        // SAFETY: the instance is one; values that are none are refused.
        let result = unsafe { raw::tj3Set(self.0.as_ptr(), parameter.cast_signed(), value) };
        self.checked(result)
    }

    #[expect(unsafe_code, reason = "the library's calls")]
    fn scale_and_crop(&mut self, factor: raw::tjscalingfactor, region: raw::tjregion) -> Result<(), String> {
        // SAFETY: the instance is one; factors that are none are refused.
        let result = unsafe { raw::tj3SetScalingFactor(self.0.as_ptr(), factor) };
        self.checked(result)?;
        // SAFETY: the same of regions that are not in the picture whose header was read.
        let result = unsafe { raw::tj3SetCroppingRegion(self.0.as_ptr(), region) };
        self.checked(result)
    }

    #[expect(unsafe_code, reason = "the library's call")]
    fn decompress(&mut self, file: &[u8], pixels: &mut [u8], pitch: c_int) -> Result<(), String> {
        let length = file.len().try_into().map_err(|_| "it is too large".to_owned())?;
        let (data, format) = (pixels.as_mut_ptr(), raw::TJPF_TJPF_BGR);
        // SAFETY: `length` bytes of `file` can be read. The header that the call reads is the one that was read above, so it
        // writes the rows of the region, `pitch` bytes each, and `decode` checked that `pixels` has exactly those.
        let result = unsafe { raw::tj3Decompress8(self.0.as_ptr(), file.as_ptr(), length, data, pitch, format) };
        match self.checked(result) {
            Err(text) if !says_bytes_before_end(&text) => Err(text),
            _ => Ok(()),
        }
    }

    #[expect(unsafe_code, reason = "the library's call, and its text")]
    fn checked(&mut self, result: c_int) -> Result<(), String> {
        if result == 0 {
            return Ok(());
        }
        // SAFETY: the instance is one.
        let text = unsafe { raw::tj3GetErrorStr(self.0.as_ptr()) };
        // SAFETY: the library gives a text that ends in 0 and stays until the next call.
        Err(unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
    }
}

impl Drop for Handle {
    #[expect(unsafe_code, reason = "the library's call")]
    fn drop(&mut self) {
        // SAFETY: the instance is one, and nobody has it any more.
        unsafe { raw::tj3Destroy(self.0.as_ptr()) }
    }
}

//! libjpeg-turbo's lossless transform with a filter for coefficients. The crate `turbojpeg` has the transform and not the
//! filter, so this file calls the library itself; the bindings are those that the crate is made of.

use std::{
    ffi::{CStr, c_int, c_short},
    panic::{AssertUnwindSafe, catch_unwind},
    ptr, slice,
};

use bytes::Bytes;
use turbojpeg::raw;

use super::{Eraser, RowOfBlocks};
use crate::processor::decoder::says_bytes_before_end;

/// Rows and columns of a block.
const SIDE: c_int = 8;

/// A transformer of the library.
struct Transformer(raw::tjhandle);

/// A file in memory that the library allocated; null before there is one.
struct Output(*mut u8);

/// Writes the entropy codes of a JPEG anew, what belongs to its picture only, after `eraser` has seen its coefficients.
///
/// # Errors
/// With the library's words, or if the eraser is shown what it does not know.
pub(super) fn transform(jpeg: &[u8], scans: u32, eraser: Option<&mut Eraser>) -> Result<Bytes, String> {
    let transformer = Transformer::new()?;
    transformer.limit_scans(scans)?;
    transformer.transform(jpeg, eraser)
}

impl Transformer {
    #[expect(unsafe_code, reason = "see the file")]
    fn new() -> Result<Self, String> {
        // SAFETY: the argument is one of the library's constants; the result is checked.
        let handle = unsafe { raw::tj3Init(raw::TJINIT_TJINIT_TRANSFORM.cast_signed()) };
        if handle.is_null() { Err("no memory for the transform".to_owned()) } else { Ok(Self(handle)) }
    }

    #[expect(unsafe_code, reason = "see the file")]
    fn limit_scans(&self, scans: u32) -> Result<(), String> {
        let scans = c_int::try_from(scans).unwrap_or(c_int::MAX);
        // SAFETY: the handle is valid as long as `self` is.
        let result = unsafe { raw::tj3Set(self.0, raw::TJPARAM_TJPARAM_SCANLIMIT.cast_signed(), scans) };
        if result == 0 { Ok(()) } else { Err(self.error()) }
    }

    #[expect(unsafe_code, reason = "see the file")]
    fn transform(&self, jpeg: &[u8], mut eraser: Option<&mut Eraser>) -> Result<Bytes, String> {
        let (mut output, mut size) = (Output(ptr::null_mut()), 0);
        let mut transform = raw::tjtransform {
            r: raw::tjregion { x: 0, y: 0, w: 0, h: 0 },
            op: raw::TJXOP_TJXOP_NONE.cast_signed(),
            options: raw::TJXOPT_COPYNONE.cast_signed(),
            data: eraser.as_deref_mut().map_or(ptr::null_mut(), |eraser| ptr::from_mut(eraser).cast()),
            customFilter: None,
        };
        if eraser.is_some() {
            transform.customFilter = Some(filter);
        }
        // SAFETY: the handle is valid. The library reads `jpeg.len()` bytes, writes one pointer, one size, and reads one
        // transform, all of which live until it returns. A null pointer has it allocate the output. `data` is the eraser that
        // `filter` expects, which is borrowed mutably until here and which nobody else uses meanwhile.
        let result = unsafe {
            raw::tj3Transform(
                self.0,
                jpeg.as_ptr(),
                jpeg.len() as raw::size_t,
                1,
                &raw mut output.0,
                &raw mut size,
                &raw const transform,
            )
        };
        // A warning is an error, too, as it is when frames are decoded; but for that of many webcams.
        let error = (result != 0).then(|| self.error()).filter(|text| !says_bytes_before_end(text));
        if let Some(error) = error {
            return Err(error);
        }
        let size = usize::try_from(size).unwrap_or_default();
        if output.0.is_null() || size == 0 {
            return Err("the transform wrote nothing".to_owned());
        }
        // SAFETY: the library allocated the output and wrote `size` bytes of it; it lives until the end of this function.
        let written = unsafe { slice::from_raw_parts(output.0, size) };
        if written.ends_with(&[0xff, 0xd9]) { Ok(Bytes::copy_from_slice(written)) } else { Err(self.error()) }
    }

    /// What the library says of its last error.
    #[expect(unsafe_code, reason = "see the file")]
    fn error(&self) -> String {
        // SAFETY: the handle is valid.
        let text = unsafe { raw::tj3GetErrorStr(self.0) };
        // SAFETY: it is a string of the handle or of this thread, ended by a zero, and stays until the next call.
        let text = unsafe { CStr::from_ptr(text) };
        text.to_string_lossy().into_owned()
    }
}

impl Drop for Transformer {
    #[expect(unsafe_code, reason = "see the file")]
    fn drop(&mut self) {
        // SAFETY: the handle is valid, and nobody uses it after this.
        unsafe { raw::tj3Destroy(self.0) };
    }
}

impl Drop for Output {
    #[expect(unsafe_code, reason = "see the file")]
    fn drop(&mut self) {
        // SAFETY: the library allocated it with the allocator that this frees to; null is allowed.
        unsafe { raw::tj3Free(self.0.cast()) };
    }
}

/// What the library calls with each row of blocks. -1 has it give up.
#[expect(unsafe_code, reason = "the library's interface")]
unsafe extern "C" fn filter(
    coefficients: *mut c_short,
    array: raw::tjregion,
    plane: raw::tjregion,
    component: c_int,
    _number: c_int,
    transform: *mut raw::tjtransform,
) -> c_int {
    // Nothing below panics; if it did, the panic must not go through the library's frames.
    let erased = catch_unwind(AssertUnwindSafe(|| {
        let side = |pixels: c_int| u32::try_from(pixels).ok().filter(|_| pixels % SIDE == 0).map(|pixels| pixels / 8);
        let is_row = array.x == 0 && array.h == SIDE && array.w == plane.w;
        let (columns, rows, row) = (side(plane.w)?, side(plane.h)?, side(array.y)?);
        let at = RowOfBlocks { component: usize::try_from(component).ok()?, row, columns, rows };
        if !is_row || coefficients.is_null() || transform.is_null() {
            return None;
        }
        let count = (columns as usize).checked_mul(super::BLOCK)?;
        // SAFETY: the library passes the transform that it was given, which lives until it returns.
        let data = unsafe { (*transform).data };
        // SAFETY: `data` is the eraser that `Transformer::transform` borrows mutably meanwhile, or null.
        let eraser = unsafe { data.cast::<Eraser>().as_mut() }?;
        // SAFETY: the array has `w` by `h` coefficients, which is what `count` is, and nobody else uses them until this
        // returns. They are 16-bit numbers, aligned as such.
        let coefficients = unsafe { slice::from_raw_parts_mut(coefficients, count) };
        eraser.erase(at, coefficients)
    }));
    if matches!(erased, Ok(Some(()))) { 0 } else { -1 }
}

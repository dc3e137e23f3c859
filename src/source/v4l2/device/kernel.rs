//! V4L2's kernel interface: its structures, the unions in them, and the ioctl. Safe functions hide all `unsafe` code.
//!
//! The structures and numbers come from the `v4l` crate. Its higher layers are not used: they panic on a control or
//! colour space that they do not know, and in `drop` if the camera was unplugged.
//!
//! Every structure starts as [`zero`], so that all of its bytes are initialized, whichever variant of a union is read.

use std::{
    mem,
    ops::Range,
    os::fd::{AsRawFd, OwnedFd},
};

use nix::errno::Errno;
use v4l::{
    v4l_sys::{
        v4l2_buffer, v4l2_capability, v4l2_captureparm, v4l2_ext_control, v4l2_ext_controls, v4l2_fmtdesc, v4l2_format,
        v4l2_fract, v4l2_frmival_stepwise, v4l2_frmivalenum, v4l2_frmsize_discrete, v4l2_frmsize_stepwise,
        v4l2_frmsizeenum, v4l2_plane, v4l2_query_ext_ctrl, v4l2_querymenu, v4l2_requestbuffers, v4l2_streamparm,
    },
    v4l2::{self, vidioc},
};

use crate::system::printable::one_line;

/// The most memory planes that a buffer can have (`VIDEO_MAX_PLANES`).
pub(super) const MAX_PLANES: usize = 8;

pub(super) const VIDEO_CAPTURE: u32 = 1; // V4L2_BUF_TYPE_VIDEO_CAPTURE
pub(super) const VIDEO_CAPTURE_MPLANE: u32 = 9; // V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE
pub(super) const MEMORY_MMAP: u32 = 1; // V4L2_MEMORY_MMAP
const DISCRETE: u32 = 1; // V4L2_FRMSIZE_TYPE_DISCRETE, V4L2_FRMIVAL_TYPE_DISCRETE

/// A V4L2 structure of numbers and nullable pointers, which may be all zero.
///
/// # Safety
/// All bytes zero must be a valid value.
#[expect(unsafe_code, reason = "the promise is the structures', which the compiler cannot see")]
pub(super) unsafe trait Plain: Copy {}

macro_rules! plain {
    ($($type:ty),*) => {$(
        // SAFETY: made of integers, arrays of these, raw pointers, and unions of all that.
        #[expect(unsafe_code, reason = "see the trait")]
        unsafe impl Plain for $type {}
    )*};
}

plain!(
    v4l2_buffer,
    v4l2_capability,
    v4l2_ext_control,
    v4l2_ext_controls,
    v4l2_fmtdesc,
    v4l2_format,
    v4l2_frmivalenum,
    v4l2_frmsizeenum,
    v4l2_plane,
    v4l2_query_ext_ctrl,
    v4l2_querymenu,
    v4l2_requestbuffers,
    v4l2_streamparm
);

pub(super) fn zero<T: Plain>() -> T {
    #[expect(unsafe_code, reason = "the structures have no constructor")]
    // SAFETY: what `Plain` promises.
    unsafe {
        mem::zeroed()
    }
}

/// A structure that an ioctl takes as its argument. The driver fills in the answer.
pub(super) trait IoctlArg {
    /// Calls the driver, and again if a signal interrupted it.
    ///
    /// # Errors
    /// Fails with the driver's error.
    fn ioctl(&mut self, fd: &OwnedFd, request: vidioc::_IOC_TYPE) -> Result<(), Errno>;
}

/// Implements [`IoctlArg`] for structures without pointers.
macro_rules! ioctl_arg {
    ($($type:ty),*) => {$(
        impl IoctlArg for $type {
            fn ioctl(&mut self, fd: &OwnedFd, request: vidioc::_IOC_TYPE) -> Result<(), Errno> {
                ioctl(fd, request, self)
            }
        }
    )*};
}

ioctl_arg!(
    i32,
    v4l2_capability,
    v4l2_fmtdesc,
    v4l2_format,
    v4l2_frmivalenum,
    v4l2_frmsizeenum,
    v4l2_query_ext_ctrl,
    v4l2_querymenu,
    v4l2_requestbuffers,
    v4l2_streamparm
);

/// One control whose value is a number.
impl IoctlArg for v4l2_ext_control {
    fn ioctl(&mut self, fd: &OwnedFd, request: vidioc::_IOC_TYPE) -> Result<(), Errno> {
        self.size = 0; // the value stands in the structure, not behind a pointer
        ioctl(fd, request, &mut v4l2_ext_controls { count: 1, controls: self, ..zero() })
    }
}

/// The structure that describes a buffer of mapped memory, and those of its memory planes.
pub(super) struct Buffer {
    header: v4l2_buffer,
    /// Used by the multi-planar interface only.
    planes: [v4l2_plane; MAX_PLANES],
}

impl IoctlArg for Buffer {
    fn ioctl(&mut self, fd: &OwnedFd, request: vidioc::_IOC_TYPE) -> Result<(), Errno> {
        if self.is_multi_planar() {
            self.header.length = u32::try_from(MAX_PLANES).expect("it is 8");
            self.header.m.planes = self.planes.as_mut_ptr();
        }
        ioctl(fd, request, &mut self.header)
    }
}

impl Buffer {
    /// The buffer `index` of a device whose buffers are of `buffer_type`.
    pub(super) fn new(buffer_type: u32, index: u32) -> Self {
        let header = v4l2_buffer { index, type_: buffer_type, memory: MEMORY_MMAP, ..zero() };
        Self { header, planes: [zero(); MAX_PLANES] }
    }

    fn is_multi_planar(&self) -> bool {
        self.header.type_ == VIDEO_CAPTURE_MPLANE
    }

    /// The part that is about the whole buffer.
    pub(super) fn header(&self) -> &v4l2_buffer {
        &self.header
    }

    /// Returns the length of each memory plane and the offset at which it is mapped. Valid after `VIDIOC_QUERYBUF`.
    pub(super) fn plane_offsets(&self) -> Vec<(u32, u32)> {
        if self.is_multi_planar() {
            #[expect(unsafe_code, reason = "a union")]
            // SAFETY: an integer, for which every bit pattern is a value, in what was zeroed as a whole.
            let length_and_offset = |plane: &v4l2_plane| (plane.length, unsafe { plane.m.mem_offset });
            self.planes.iter().take(self.header.length as usize).map(length_and_offset).collect()
        } else {
            #[expect(unsafe_code, reason = "a union")]
            // SAFETY: as above.
            let offset = unsafe { self.header.m.offset };
            vec![(self.header.length, offset)]
        }
    }

    /// Returns the range of the data in each memory plane. Valid after `VIDIOC_DQBUF`.
    pub(super) fn used(&self) -> [Range<usize>; MAX_PLANES] {
        let range = |plane: &v4l2_plane| plane.data_offset as usize..plane.bytesused as usize;
        let whole = 0..self.header.bytesused as usize;
        if self.is_multi_planar() {
            self.planes.each_ref().map(range)
        } else {
            [(); MAX_PLANES].map(|()| whole.clone())
        }
    }
}

/// An enumerated size or interval.
pub(super) enum Enumerated<Discrete, Stepwise> {
    /// One of several.
    Discrete(Discrete),
    /// A range, which is the whole list.
    Stepwise(Stepwise),
}

/// Reads the size that the driver has filled in.
pub(super) fn size(found: &v4l2_frmsizeenum) -> Enumerated<v4l2_frmsize_discrete, v4l2_frmsize_stepwise> {
    let sizes = found.__bindgen_anon_1;
    if found.type_ == DISCRETE {
        #[expect(unsafe_code, reason = "a union")]
        // SAFETY: both variants are made of integers, for which every bit pattern is a value.
        Enumerated::Discrete(unsafe { sizes.discrete })
    } else {
        #[expect(unsafe_code, reason = "a union")]
        // SAFETY: as above.
        Enumerated::Stepwise(unsafe { sizes.stepwise })
    }
}

/// Reads the interval in seconds that the driver has filled in.
pub(super) fn interval(found: &v4l2_frmivalenum) -> Enumerated<v4l2_fract, v4l2_frmival_stepwise> {
    let intervals = found.__bindgen_anon_1;
    if found.type_ == DISCRETE {
        #[expect(unsafe_code, reason = "a union")]
        // SAFETY: both variants are made of integers, for which every bit pattern is a value.
        Enumerated::Discrete(unsafe { intervals.discrete })
    } else {
        #[expect(unsafe_code, reason = "a union")]
        // SAFETY: as above.
        Enumerated::Stepwise(unsafe { intervals.stepwise })
    }
}

/// Reads the name of a menu entry. In an integer menu (`is_number`) it is the number.
pub(super) fn menu_entry_name(found: &v4l2_querymenu, is_number: bool) -> String {
    let name = found.__bindgen_anon_1; // a copy: the structure is packed
    if is_number {
        #[expect(unsafe_code, reason = "a union")]
        // SAFETY: the variants are an integer and bytes, for which every bit pattern is a value.
        let value = unsafe { name.value };
        value.to_string()
    } else {
        #[expect(unsafe_code, reason = "a union")]
        // SAFETY: as above.
        text(&unsafe { name.name })
    }
}

/// Reads the value of a control.
pub(super) fn control_value(control: &v4l2_ext_control, is_64_bit: bool) -> i64 {
    let value = control.__bindgen_anon_1; // a copy: the structure is packed
    if is_64_bit {
        #[expect(unsafe_code, reason = "a union")]
        // SAFETY: an integer, for which every bit pattern is a value, in a union that was zeroed as a whole.
        unsafe {
            value.value64
        }
    } else {
        #[expect(unsafe_code, reason = "a union")]
        // SAFETY: as above.
        i64::from(unsafe { value.value })
    }
}

/// The fields of `v4l2_pix_format` and `v4l2_pix_format_mplane` that are used.
pub(super) struct PixFormat {
    pub(super) width_px: u32,
    pub(super) height_px: u32,
    /// The format's code.
    pub(super) code: u32,
    /// Bytes from one row to the next in the first memory plane.
    pub(super) stride_bytes: u32,
}

/// Reads the fields of a format.
pub(super) fn pix_format(format: &v4l2_format) -> PixFormat {
    if format.type_ == VIDEO_CAPTURE_MPLANE {
        #[expect(unsafe_code, reason = "a union")]
        // SAFETY: all of it is integers, for which every bit pattern is a value.
        let pix = unsafe { format.fmt.pix_mp };
        let planes = pix.plane_fmt; // a copy: the structure is packed
        let stride_bytes = planes[0].bytesperline;
        PixFormat { width_px: pix.width, height_px: pix.height, code: pix.pixelformat, stride_bytes }
    } else {
        #[expect(unsafe_code, reason = "a union")]
        // SAFETY: as above.
        let pix = unsafe { format.fmt.pix };
        let stride_bytes = pix.bytesperline;
        PixFormat { width_px: pix.width, height_px: pix.height, code: pix.pixelformat, stride_bytes }
    }
}

/// Borrows the parameters of capturing.
pub(super) fn capture_parameters(parameters: &mut v4l2_streamparm) -> &mut v4l2_captureparm {
    #[expect(unsafe_code, reason = "a union")]
    // SAFETY: all of it is integers, for which every bit pattern is a value.
    unsafe {
        &mut parameters.parm.capture
    }
}

/// Reads a text from a field that is padded with zeros. Replaces what is not UTF-8, and what controls a terminal: some come
/// from the device, which may be anybody's.
pub(super) fn text(field: &[u8]) -> String {
    let end = field.iter().position(|&byte| byte == 0).unwrap_or(field.len());
    one_line(String::from_utf8_lossy(&field[..end]).trim())
}

/// Calls the driver, and again if a signal interrupted it. The [`IoctlArg`] keeps what `arg` points to alive.
fn ioctl<T>(fd: &OwnedFd, request: vidioc::_IOC_TYPE, arg: &mut T) -> Result<(), Errno> {
    // The request number contains the size of its structure.
    assert_eq!((request >> 16) & 0x3fff, size_of::<T>() as vidioc::_IOC_TYPE, "the structure is another request's");
    let arg: *mut T = arg;
    loop {
        #[expect(unsafe_code, reason = "the kernel's interface is this")]
        // SAFETY: the descriptor is open. The kernel reads and writes one structure of the size in the request's
        // number, and `arg` is one, as asserted. Two of those structures contain pointers, to a buffer's planes and
        // to one control: as many as the structure says, which its `IoctlArg` borrows mutably for the call.
        let result = unsafe { v4l2::ioctl(fd.as_raw_fd(), request, arg.cast()) };
        match result.map_err(|error| error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)) {
            Err(Errno::EINTR) => {}
            result => return result,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cameras_name_cannot_control_the_terminal() {
        assert_eq!(text(b" HD Webcam\0rest"), "HD Webcam");
        assert_eq!(text(b"\x1b]0;owned\x07\xc2\x9b2J\n\0"), "\u{fffd}]0;owned\u{fffd}\u{fffd}2J");
        assert_eq!(text(&[0xff; 4]), "\u{fffd}".repeat(4));
    }
}

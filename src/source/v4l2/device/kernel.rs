//! V4L2 as the kernel has it: structures, the unions in them, and the call. All that is `unsafe` of it, behind what is not.
//!
//! The `v4l` crate has the structures and numbers. Its layers above these are not used: they panic on a control or
//! colour space that they do not know, and in drop when a camera was unplugged.
//!
//! A structure begins as [`zero`], so that none of its bytes is ever without a value, whichever variant of a union is read.

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

/// Memory planes that a picture can have.
pub(super) const MAX_PLANES: usize = 8;

pub(super) const VIDEO_CAPTURE: u32 = 1; // V4L2_BUF_TYPE_VIDEO_CAPTURE
pub(super) const VIDEO_CAPTURE_MPLANE: u32 = 9; // V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE
pub(super) const MEMORY_MMAP: u32 = 1; // V4L2_MEMORY_MMAP
const DISCRETE: u32 = 1; // V4L2_FRMSIZE_TYPE_DISCRETE, V4L2_FRMIVAL_TYPE_DISCRETE

/// What is zero when all its bytes are: V4L2's structures of numbers, and of pointers that may be null.
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

/// What a driver can be asked with. It fills in the answer.
pub(super) trait Argument {
    /// One call of the driver, again if a signal came in between.
    ///
    /// # Errors
    /// What the driver says.
    fn call(&mut self, fd: &OwnedFd, request: vidioc::_IOC_TYPE) -> Result<(), Errno>;
}

/// Structures that point nowhere else.
macro_rules! argument {
    ($($type:ty),*) => {$(
        impl Argument for $type {
            fn call(&mut self, fd: &OwnedFd, request: vidioc::_IOC_TYPE) -> Result<(), Errno> {
                call(fd, request, self)
            }
        }
    )*};
}

argument!(
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

/// Of one control with a number as its value.
impl Argument for v4l2_ext_control {
    fn call(&mut self, fd: &OwnedFd, request: vidioc::_IOC_TYPE) -> Result<(), Errno> {
        self.size = 0; // it does not point to a longer value
        call(fd, request, &mut v4l2_ext_controls { count: 1, controls: self, ..zero() })
    }
}

/// A buffer of mapped memory, and what is asked and said of it.
pub(super) struct Buffer {
    head: v4l2_buffer,
    /// Filled in if it may have more than one.
    planes: [v4l2_plane; MAX_PLANES],
}

impl Argument for Buffer {
    fn call(&mut self, fd: &OwnedFd, request: vidioc::_IOC_TYPE) -> Result<(), Errno> {
        if self.is_multi() {
            self.head.length = u32::try_from(MAX_PLANES).expect("it is 8");
            self.head.m.planes = self.planes.as_mut_ptr();
        }
        call(fd, request, &mut self.head)
    }
}

impl Buffer {
    /// One of a device whose buffers are of type `buffer_type`.
    pub(super) fn new(buffer_type: u32, index: u32) -> Self {
        let head = v4l2_buffer { index, type_: buffer_type, memory: MEMORY_MMAP, ..zero() };
        Self { head, planes: [zero(); MAX_PLANES] }
    }

    fn is_multi(&self) -> bool {
        self.head.type_ == VIDEO_CAPTURE_MPLANE
    }

    /// What is said of it as a whole.
    pub(super) fn head(&self) -> &v4l2_buffer {
        &self.head
    }

    /// Of each memory plane, once it was asked for: how long it is, and at which offset it is mapped.
    pub(super) fn places(&self) -> Vec<(u32, u32)> {
        if self.is_multi() {
            #[expect(unsafe_code, reason = "a union")]
            // SAFETY: an integer, for which every bit pattern is a value, in what was zeroed as a whole.
            let place = |plane: &v4l2_plane| (plane.length, unsafe { plane.m.mem_offset });
            self.planes.iter().take(self.head.length as usize).map(place).collect()
        } else {
            #[expect(unsafe_code, reason = "a union")]
            // SAFETY: as above.
            let offset = unsafe { self.head.m.offset };
            vec![(self.head.length, offset)]
        }
    }

    /// Of each memory plane, once it is filled: where the data are.
    pub(super) fn used(&self) -> [Range<usize>; MAX_PLANES] {
        let range = |plane: &v4l2_plane| plane.data_offset as usize..plane.bytesused as usize;
        let whole = 0..self.head.bytesused as usize;
        if self.is_multi() { self.planes.each_ref().map(range) } else { [(); MAX_PLANES].map(|()| whole.clone()) }
    }
}

/// A size or rate of those that a driver lists.
pub(super) enum Listed<One, Range> {
    /// This one.
    One(One),
    /// Or all that there are, in this range.
    Range(Range),
}

/// The size that a driver has filled in.
pub(super) fn size(found: &v4l2_frmsizeenum) -> Listed<v4l2_frmsize_discrete, v4l2_frmsize_stepwise> {
    let sizes = found.__bindgen_anon_1;
    if found.type_ == DISCRETE {
        #[expect(unsafe_code, reason = "a union")]
        // SAFETY: both variants are made of integers, for which every bit pattern is a value.
        Listed::One(unsafe { sizes.discrete })
    } else {
        #[expect(unsafe_code, reason = "a union")]
        // SAFETY: as above.
        Listed::Range(unsafe { sizes.stepwise })
    }
}

/// The seconds from frame to frame that a driver has filled in.
pub(super) fn interval(found: &v4l2_frmivalenum) -> Listed<v4l2_fract, v4l2_frmival_stepwise> {
    let intervals = found.__bindgen_anon_1;
    if found.type_ == DISCRETE {
        #[expect(unsafe_code, reason = "a union")]
        // SAFETY: both variants are made of integers, for which every bit pattern is a value.
        Listed::One(unsafe { intervals.discrete })
    } else {
        #[expect(unsafe_code, reason = "a union")]
        // SAFETY: as above.
        Listed::Range(unsafe { intervals.stepwise })
    }
}

/// The name of a menu's entry; of a menu of numbers (`is_number`), the number.
pub(super) fn entry(found: &v4l2_querymenu, is_number: bool) -> String {
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

/// A control's value, which has 64 bits if it is wide.
pub(super) fn value(control: &v4l2_ext_control, is_wide: bool) -> i64 {
    let value = control.__bindgen_anon_1; // a copy: the structure is packed
    if is_wide {
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

/// What a format says of pictures.
pub(super) struct Picture {
    pub(super) width_px: u32,
    pub(super) height_px: u32,
    /// The format's code.
    pub(super) code: u32,
    /// Bytes from row to row of each memory plane.
    pub(super) strides: Vec<usize>,
}

/// The picture of a format.
pub(super) fn picture(format: &v4l2_format) -> Picture {
    if format.type_ == VIDEO_CAPTURE_MPLANE {
        #[expect(unsafe_code, reason = "a union")]
        // SAFETY: all of it is integers, for which every bit pattern is a value.
        let pix = unsafe { format.fmt.pix_mp };
        let planes = pix.plane_fmt; // a copy: the structure is packed
        let planes = planes.iter().take(usize::from(pix.num_planes).clamp(1, MAX_PLANES));
        let strides = planes.map(|plane| plane.bytesperline as usize).collect();
        Picture { width_px: pix.width, height_px: pix.height, code: pix.pixelformat, strides }
    } else {
        #[expect(unsafe_code, reason = "a union")]
        // SAFETY: as above.
        let pix = unsafe { format.fmt.pix };
        let strides = vec![pix.bytesperline as usize];
        Picture { width_px: pix.width, height_px: pix.height, code: pix.pixelformat, strides }
    }
}

/// What is said of capturing.
pub(super) fn capture(parameters: &mut v4l2_streamparm) -> &mut v4l2_captureparm {
    #[expect(unsafe_code, reason = "a union")]
    // SAFETY: all of it is integers, for which every bit pattern is a value.
    unsafe {
        &mut parameters.parm.capture
    }
}

/// A text in a field that is filled up with zeros, whatever is in it.
pub(super) fn text(field: &[u8]) -> String {
    let end = field.iter().position(|&byte| byte == 0).unwrap_or(field.len());
    String::from_utf8_lossy(&field[..end]).trim().to_owned()
}

/// One call of the driver, again if a signal came in between. What `argument` points to is for its [`Argument`] to keep.
fn call<T>(fd: &OwnedFd, request: vidioc::_IOC_TYPE, argument: &mut T) -> Result<(), Errno> {
    // A request's number says how large its structure is.
    assert_eq!((request >> 16) & 0x3fff, size_of::<T>() as vidioc::_IOC_TYPE, "the structure is another request's");
    let argument: *mut T = argument;
    loop {
        #[expect(unsafe_code, reason = "the kernel's interface is this")]
        // SAFETY: the descriptor is open. The kernel reads and writes one structure of the size in the request's number,
        // and `argument` is one, as asserted. Of those structures two point elsewhere: to a buffer's planes and to one
        // control, as many as they say, which their `Argument` borrows for the call, and nobody looks at meanwhile.
        let answer = unsafe { v4l2::ioctl(fd.as_raw_fd(), request, argument.cast()) };
        match answer.map_err(|error| error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)) {
            Err(Errno::EINTR) => {}
            answer => return answer,
        }
    }
}

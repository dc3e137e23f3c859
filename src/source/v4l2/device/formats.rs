//! The formats of a device: enumerates and sets them.

use nix::errno::Errno;
use v4l::{
    v4l_sys::{
        V4L2_CAP_TIMEPERFRAME, v4l2_fmtdesc, v4l2_format, v4l2_fract, v4l2_frmivalenum, v4l2_frmsizeenum,
        v4l2_streamparm,
    },
    v4l2::vidioc,
};

use super::{
    CaptureApi, Device, MAX_ITEMS,
    kernel::{self, Enumerated, text, zero},
};
use crate::{
    frame::Size,
    source::v4l2::{
        description::{FourCc, Interval, Mode, Offer, Rates, SizeRange},
        negotiate::CaptureMode,
    },
};

/// The format of the images in a device's buffers. All of it is the driver's word, not checked.
#[derive(Clone, Copy, Debug)]
pub struct DriverFormat {
    /// The format's code, the size and the rate.
    pub mode: CaptureMode,
    /// Bytes from one row to the next in the first memory plane; 0 for compressed formats.
    pub stride_bytes: u32,
}

impl Device {
    /// Enumerates the formats, each with its sizes and rates.
    pub fn formats(&self) -> Vec<Offer> {
        let format = |index| {
            let mut found = v4l2_fmtdesc { index, type_: self.buffer_type(), ..zero() };
            self.ioctl(vidioc::VIDIOC_ENUM_FMT, &mut found).ok()?;
            let fourcc = FourCc::from_code(found.pixelformat);
            let (modes, range) = self.sizes(fourcc);
            Some(Offer { fourcc, name: text(&found.description), modes, range })
        };
        (0..MAX_ITEMS).map_while(format).collect()
    }

    fn sizes(&self, fourcc: FourCc) -> (Vec<Mode>, Option<SizeRange>) {
        let mut modes = Vec::new();
        for index in 0..MAX_ITEMS {
            let mut found = v4l2_frmsizeenum { index, pixel_format: fourcc.code(), ..zero() };
            if self.ioctl(vidioc::VIDIOC_ENUM_FRAMESIZES, &mut found).is_err() {
                break;
            }
            match kernel::size(&found) {
                Enumerated::Discrete(size) => {
                    let size_px = [size.width, size.height];
                    modes.push(Mode { size_px, rates: self.rates(fourcc, size_px) });
                }
                Enumerated::Stepwise(range) => {
                    let rates = self.rates(fourcc, [range.max_width, range.max_height]);
                    let range = SizeRange {
                        min_px: [range.min_width, range.min_height],
                        max_px: [range.max_width, range.max_height],
                        step_px: [range.step_width, range.step_height],
                        rates,
                    };
                    return (modes, Some(range));
                }
            }
        }
        (modes, None)
    }

    fn rates(&self, fourcc: FourCc, [width, height]: [u32; 2]) -> Rates {
        let from = |fraction: v4l2_fract| Interval::new(fraction.numerator, fraction.denominator);
        let mut intervals = Vec::new();
        for index in 0..MAX_ITEMS {
            let mut found = v4l2_frmivalenum { index, pixel_format: fourcc.code(), width, height, ..zero() };
            if self.ioctl(vidioc::VIDIOC_ENUM_FRAMEINTERVALS, &mut found).is_err() {
                break;
            }
            match kernel::interval(&found) {
                Enumerated::Discrete(interval) => intervals.extend(from(interval)),
                Enumerated::Stepwise(range) => {
                    intervals.extend([range.min, range.max].into_iter().filter_map(from));
                    return Rates { intervals, any_between: true };
                }
            }
        }
        Rates { intervals, any_between: false }
    }

    /// Requests a format, a size and a rate. Returns what the driver gives, which may differ.
    ///
    /// # Errors
    /// Fails if the driver refuses, with `EBUSY` while another program streams.
    pub fn set_format(&self, mode: &CaptureMode) -> Result<DriverFormat, Errno> {
        let mut format = v4l2_format { type_: self.buffer_type(), ..zero() };
        let Size { width_px, height_px } = mode.size;
        let code = mode.fourcc.code();
        if self.api == Some(CaptureApi::MultiPlanar) {
            (format.fmt.pix_mp.width, format.fmt.pix_mp.height) = (width_px, height_px);
            format.fmt.pix_mp.pixelformat = code;
        } else {
            (format.fmt.pix.width, format.fmt.pix.height) = (width_px, height_px);
            format.fmt.pix.pixelformat = code;
        }
        self.ioctl(vidioc::VIDIOC_S_FMT, &mut format)?;
        let kernel::PixFormat { width_px, height_px, code, stride_bytes } = kernel::pix_format(&format);
        let (fourcc, size) = (FourCc::from_code(code), Size { width_px, height_px });
        let mode = CaptureMode { fourcc, size, interval: self.set_interval(mode.interval) };
        Ok(DriverFormat { mode, stride_bytes })
    }

    /// Requests a rate. Returns the one that the driver gives, if it has rates at all.
    fn set_interval(&self, interval: Option<Interval>) -> Option<Interval> {
        let mut parameters = v4l2_streamparm { type_: self.buffer_type(), ..zero() };
        self.ioctl(vidioc::VIDIOC_G_PARM, &mut parameters).ok()?;
        let capture = kernel::capture_parameters(&mut parameters);
        if let Some(interval) = interval
            && capture.capability & V4L2_CAP_TIMEPERFRAME != 0
        {
            let (numerator, denominator) = interval.parts();
            capture.timeperframe = v4l2_fract { numerator, denominator };
            // A driver that rejects the rate keeps another one, which is read below.
            let _ = self.ioctl(vidioc::VIDIOC_S_PARM, &mut parameters);
        }
        let actual = kernel::capture_parameters(&mut parameters).timeperframe;
        Interval::new(actual.numerator, actual.denominator)
    }
}

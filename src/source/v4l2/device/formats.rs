//! What pictures a device offers, and which of them it is to give.

use nix::errno::Errno;
use v4l::{
    v4l_sys::{
        V4L2_CAP_TIMEPERFRAME, v4l2_fmtdesc, v4l2_format, v4l2_fract, v4l2_frmivalenum, v4l2_frmsizeenum,
        v4l2_streamparm,
    },
    v4l2::vidioc,
};

use super::{
    Device, Kind, MOST,
    kernel::{self, Listed, text, zero},
};
use crate::{
    frame::Size,
    source::v4l2::{
        description::{FourCc, Interval, Mode, Offer, Rates, SizeRange},
        negotiate::Choice,
    },
};

/// What is in a device's buffers.
#[derive(Clone, Debug)]
pub struct Layout {
    /// What the driver gives.
    pub choice: Choice,
    /// Bytes from row to row of each memory plane; 0 for compressed formats.
    pub strides: Vec<usize>,
}

impl Device {
    /// The formats that it offers, each with its sizes and rates.
    pub fn formats(&self) -> Vec<Offer> {
        let format = |index| {
            let mut found = v4l2_fmtdesc { index, type_: self.buffer_type(), ..zero() };
            self.ask(vidioc::VIDIOC_ENUM_FMT, &mut found).ok()?;
            let fourcc = FourCc::of_code(found.pixelformat);
            let (modes, range) = self.sizes(fourcc);
            Some(Offer { fourcc, name: text(&found.description), modes, range })
        };
        (0..MOST).map_while(format).collect()
    }

    fn sizes(&self, fourcc: FourCc) -> (Vec<Mode>, Option<SizeRange>) {
        let mut modes = Vec::new();
        for index in 0..MOST {
            let mut found = v4l2_frmsizeenum { index, pixel_format: fourcc.code(), ..zero() };
            if self.ask(vidioc::VIDIOC_ENUM_FRAMESIZES, &mut found).is_err() {
                break;
            }
            match kernel::size(&found) {
                Listed::One(size) => {
                    let size_px = [size.width, size.height];
                    modes.push(Mode { size_px, rates: self.rates(fourcc, size_px) });
                }
                Listed::Range(range) => {
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
        let of = |fraction: v4l2_fract| Interval::new(fraction.numerator, fraction.denominator);
        let mut intervals = Vec::new();
        for index in 0..MOST {
            let mut found = v4l2_frmivalenum { index, pixel_format: fourcc.code(), width, height, ..zero() };
            if self.ask(vidioc::VIDIOC_ENUM_FRAMEINTERVALS, &mut found).is_err() {
                break;
            }
            match kernel::interval(&found) {
                Listed::One(interval) => intervals.extend(of(interval)),
                Listed::Range(range) => {
                    intervals.extend([range.min, range.max].into_iter().filter_map(of));
                    return Rates { intervals, any_between: true };
                }
            }
        }
        Rates { intervals, any_between: false }
    }

    /// Asks for a format, a size and a rate; tells what the driver gives instead.
    ///
    /// # Errors
    /// When it gives nothing: `EBUSY` while somebody else streams.
    pub fn set_format(&self, choice: &Choice) -> Result<Layout, Errno> {
        let mut format = v4l2_format { type_: self.buffer_type(), ..zero() };
        let Size { width_px, height_px } = choice.size;
        let code = choice.fourcc.code();
        if self.kind == Some(Kind::Multi) {
            (format.fmt.pix_mp.width, format.fmt.pix_mp.height) = (width_px, height_px);
            format.fmt.pix_mp.pixelformat = code;
        } else {
            (format.fmt.pix.width, format.fmt.pix.height) = (width_px, height_px);
            format.fmt.pix.pixelformat = code;
        }
        self.ask(vidioc::VIDIOC_S_FMT, &mut format)?;
        let kernel::Picture { width_px, height_px, code, strides } = kernel::picture(&format);
        let (fourcc, size) = (FourCc::of_code(code), Size { width_px, height_px });
        let choice = Choice { fourcc, size, interval: self.set_interval(choice.interval) };
        Ok(Layout { choice, strides })
    }

    /// Asks for a rate; gives the one that there is, if the driver knows of rates.
    fn set_interval(&self, interval: Option<Interval>) -> Option<Interval> {
        let mut parameters = v4l2_streamparm { type_: self.buffer_type(), ..zero() };
        self.ask(vidioc::VIDIOC_G_PARM, &mut parameters).ok()?;
        let capture = kernel::capture(&mut parameters);
        if let Some(interval) = interval
            && capture.capability & V4L2_CAP_TIMEPERFRAME != 0
        {
            let (numerator, denominator) = interval.parts();
            capture.timeperframe = v4l2_fract { numerator, denominator };
            // A driver that does not take it has another one, which is told.
            let _ = self.ask(vidioc::VIDIOC_S_PARM, &mut parameters);
        }
        let got = kernel::capture(&mut parameters).timeperframe;
        Interval::new(got.numerator, got.denominator)
    }
}

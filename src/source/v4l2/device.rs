//! The kernel's side of a camera, in its own words: safe, and without a say in what to do.

mod kernel;

use std::{
    fmt,
    fs::OpenOptions,
    io,
    ops::Range,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::fs::OpenOptionsExt,
    },
    path::Path,
    sync::Arc,
    time::Duration,
};

use nix::{errno::Errno, libc};
use v4l::{
    v4l_sys::{
        V4L2_BUF_FLAG_ERROR, V4L2_BUF_FLAG_TIMESTAMP_MASK, V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC,
        V4L2_BUF_FLAG_TSTAMP_SRC_MASK, V4L2_BUF_FLAG_TSTAMP_SRC_SOE, V4L2_CAP_STREAMING, V4L2_CAP_TIMEPERFRAME,
        V4L2_CAP_VIDEO_CAPTURE, V4L2_CAP_VIDEO_CAPTURE_MPLANE, V4L2_CAP_VIDEO_M2M, V4L2_CAP_VIDEO_M2M_MPLANE,
        V4L2_CTRL_FLAG_DISABLED, V4L2_CTRL_FLAG_INACTIVE, V4L2_CTRL_FLAG_NEXT_CTRL, V4L2_CTRL_FLAG_READ_ONLY,
        V4L2_CTRL_FLAG_WRITE_ONLY, v4l2_capability, v4l2_ext_control, v4l2_fmtdesc, v4l2_format, v4l2_fract,
        v4l2_frmivalenum, v4l2_frmsizeenum, v4l2_query_ext_ctrl, v4l2_querymenu, v4l2_requestbuffers, v4l2_streamparm,
    },
    v4l2::vidioc,
};

use super::{
    description::{Control, ControlKind, Description, FourCc, Interval, MenuEntry, Mode, Offer, Rates, SizeRange},
    mapping::Mapping,
    negotiate::Choice,
};
use crate::{
    frame::Size,
    system::{clock::Monotonic, watchdog::Progress},
};
pub use kernel::MAX_PLANES;
use kernel::{Argument, Buffer, Listed, MEMORY_MMAP, VIDEO_CAPTURE, VIDEO_CAPTURE_MPLANE, text, zero};

/// Things of one kind that a driver is asked for at most. One that counts without end must not keep us.
const MOST: u32 = 256;

const CTRL_TYPE_INTEGER64: u32 = 5; // V4L2_CTRL_TYPE_INTEGER64

/// An open V4L2 device.
#[derive(Debug)]
pub struct Device {
    fd: OwnedFd,
    /// How it hands over pictures; `None`: not at all.
    kind: Option<Kind>,
    name: Name,
    progress: Option<Arc<Progress>>,
}

/// What a device is called; it stays so for as long as it is open.
#[derive(Clone, Debug, Default)]
struct Name {
    card: String,
    driver: String,
    bus: String,
}

/// How a device hands over pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// One piece of memory each.
    Single,
    /// As many as the format has planes.
    Multi,
}

/// What is in a device's buffers.
#[derive(Clone, Debug)]
pub struct Layout {
    /// What the driver gives.
    pub choice: Choice,
    /// Bytes from row to row of each memory plane; 0 for compressed formats.
    pub strides: Vec<usize>,
}

/// A buffer that the driver has filled.
#[derive(Clone, Debug)]
pub struct Filled {
    /// Which.
    pub index: u32,
    /// The driver's number of the frame.
    pub sequence: u32,
    /// The driver says that the data are broken.
    pub is_broken: bool,
    /// When, by the driver's stamp, if it is of our clock.
    pub stamp: Option<Monotonic>,
    /// What the stamp is of.
    pub stamp_of: StampOf,
    /// Of each memory plane, where the data are.
    pub used: [Range<usize>; MAX_PLANES],
}

/// The moment that a driver's time stamps are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StampOf {
    /// The start of exposure.
    ExposureStart,
    /// The last byte's arrival.
    FrameEnd,
}

impl fmt::Display for StampOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ExposureStart => "the start of exposure",
            Self::FrameEnd => "the end of the frame",
        })
    }
}

impl Device {
    /// Opens the device at `path`. `progress` hears of every answer of the driver: a camera that is slow to describe is
    /// not one that hangs.
    ///
    /// # Errors
    /// What the kernel says; `ENOTTY` when it is no V4L2 device at all.
    pub fn open(path: &Path, progress: Option<Arc<Progress>>) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK).open(path)?;
        let mut device = Self { fd: file.into(), kind: None, name: Name::default(), progress };
        let mut capability: v4l2_capability = zero();
        device.ask(vidioc::VIDIOC_QUERYCAP, &mut capability)?;
        let v4l2_capability { card, driver, bus_info, .. } = &capability;
        device.name = Name { card: text(card), driver: text(driver), bus: text(bus_info) };
        let caps = capability.device_caps;
        let is_converter = caps & (V4L2_CAP_VIDEO_M2M | V4L2_CAP_VIDEO_M2M_MPLANE) != 0;
        if caps & V4L2_CAP_STREAMING != 0 && !is_converter {
            device.kind = match caps {
                caps if caps & V4L2_CAP_VIDEO_CAPTURE != 0 => Some(Kind::Single),
                caps if caps & V4L2_CAP_VIDEO_CAPTURE_MPLANE != 0 => Some(Kind::Multi),
                _ => None,
            };
        }
        Ok(device)
    }

    /// Whether pictures can be had of it. A camera has other nodes too, which give descriptions of pictures.
    #[must_use]
    pub fn captures(&self) -> bool {
        self.kind.is_some()
    }

    /// Its own name: `HD Pro Webcam C920`. The driver is not asked.
    #[must_use]
    pub fn card(&self) -> &str {
        &self.name.card
    }

    /// The kernel's driver: `uvcvideo`. The driver is not asked.
    #[must_use]
    pub fn driver(&self) -> &str {
        &self.name.driver
    }

    /// All that the camera says of itself. Of one that is gone that is little.
    #[must_use]
    pub fn describe(&self) -> Description {
        let Name { card, driver, bus } = self.name.clone();
        Description { card, driver, bus, formats: self.formats(), controls: self.controls() }
    }

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

    /// All that can be set and has one value.
    pub fn controls(&self) -> Vec<Control> {
        let mut controls = Vec::new();
        let mut before = 0;
        for _ in 0..MOST {
            let Ok(found) = self.query(before | V4L2_CTRL_FLAG_NEXT_CTRL) else { break };
            controls.extend(self.control(&found));
            before = found.id;
        }
        controls
    }

    fn control(&self, found: &v4l2_query_ext_ctrl) -> Option<Control> {
        let kind = match found.type_ {
            1 | CTRL_TYPE_INTEGER64 => ControlKind::Integer,
            2 => ControlKind::Boolean,
            3 => ControlKind::Menu,
            4 => ControlKind::Button,
            8 => ControlKind::Bitmask,
            9 => ControlKind::IntegerMenu,
            _ => return None, // a heading, a text, or several values at once
        };
        let has = |flag: u32| found.flags & flag != 0;
        if has(V4L2_CTRL_FLAG_DISABLED) || found.nr_of_dims > 0 {
            return None;
        }
        let name: Vec<u8> = found.name.iter().map(|&letter| letter.to_ne_bytes()[0]).collect();
        let is_menu = matches!(kind, ControlKind::Menu | ControlKind::IntegerMenu);
        let is_read = !has(V4L2_CTRL_FLAG_WRITE_ONLY) && kind != ControlKind::Button;
        Some(Control {
            id: found.id,
            name: super::controls::spelt(&text(&name)),
            kind,
            min: found.minimum,
            max: found.maximum,
            step: found.step,
            default: found.default_value,
            value: is_read.then(|| self.value_of(found).ok()).flatten(),
            menu: if is_menu { self.menu(found, kind) } else { Vec::new() },
            read_only: has(V4L2_CTRL_FLAG_READ_ONLY),
            inactive: has(V4L2_CTRL_FLAG_INACTIVE),
        })
    }

    fn menu(&self, control: &v4l2_query_ext_ctrl, kind: ControlKind) -> Vec<MenuEntry> {
        let ends = [control.minimum, control.maximum].map(|end| u32::try_from(end).unwrap_or(0));
        let entry = |index| {
            let mut found = v4l2_querymenu { id: control.id, index, ..zero() };
            self.ask(vidioc::VIDIOC_QUERYMENU, &mut found).ok()?; // menus have gaps
            let name = kernel::entry(&found, kind == ControlKind::IntegerMenu);
            Some(MenuEntry { index, name })
        };
        (ends[0]..=ends[1].min(ends[0].saturating_add(MOST))).filter_map(entry).collect()
    }

    /// A control's value now.
    ///
    /// # Errors
    /// When it cannot be read, or not at the moment.
    pub fn value(&self, id: u32) -> Result<i64, Errno> {
        self.value_of(&self.query(id)?)
    }

    fn value_of(&self, found: &v4l2_query_ext_ctrl) -> Result<i64, Errno> {
        let mut control = v4l2_ext_control { id: found.id, ..zero() };
        self.ask(vidioc::VIDIOC_G_EXT_CTRLS, &mut control)?;
        Ok(kernel::value(&control, is_wide(found)))
    }

    /// Sets a control.
    ///
    /// # Errors
    /// When the driver does not take it, or not at the moment.
    pub fn set_value(&self, id: u32, value: i64) -> Result<(), Errno> {
        let mut control = v4l2_ext_control { id, ..zero() };
        if is_wide(&self.query(id)?) {
            control.__bindgen_anon_1.value64 = value;
        } else {
            control.__bindgen_anon_1.value = i32::try_from(value).map_err(|_| Errno::ERANGE)?;
        }
        self.ask(vidioc::VIDIOC_S_EXT_CTRLS, &mut control)
    }

    fn query(&self, id: u32) -> Result<v4l2_query_ext_ctrl, Errno> {
        let mut found = v4l2_query_ext_ctrl { id, ..zero() };
        self.ask(vidioc::VIDIOC_QUERY_EXT_CTRL, &mut found)?;
        Ok(found)
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

    /// Has the driver make `count` buffers; gives how many it made.
    ///
    /// # Errors
    /// When it makes none: for lack of memory, or because somebody else streams.
    pub fn request_buffers(&self, count: u32) -> Result<u32, Errno> {
        let mut request = v4l2_requestbuffers { count, type_: self.buffer_type(), memory: MEMORY_MMAP, ..zero() };
        self.ask(vidioc::VIDIOC_REQBUFS, &mut request)?;
        Ok(request.count)
    }

    /// Maps the memory planes of a buffer.
    ///
    /// # Errors
    /// When the driver or the kernel does not.
    pub(super) fn map(&self, index: u32) -> Result<Vec<Mapping>, Errno> {
        let mut buffer = Buffer::new(self.buffer_type(), index);
        self.ask(vidioc::VIDIOC_QUERYBUF, &mut buffer)?;
        buffer.places().into_iter().map(|(length, offset)| Mapping::new(&self.fd, length, offset)).collect()
    }

    /// Gives a buffer to the driver, to be filled.
    ///
    /// # Errors
    /// When it does not take it.
    pub fn queue(&self, index: u32) -> Result<(), Errno> {
        Buffer::new(self.buffer_type(), index).call(&self.fd, vidioc::VIDIOC_QBUF)
    }

    /// The next filled buffer, if one is ready.
    ///
    /// # Errors
    /// `ENODEV` when the device is gone; another when the driver failed at something.
    pub fn dequeue(&self) -> Result<Option<Filled>, Errno> {
        let mut filled = Buffer::new(self.buffer_type(), 0);
        match filled.call(&self.fd, vidioc::VIDIOC_DQBUF) {
            Ok(()) => {}
            Err(Errno::EAGAIN) => return Ok(None),
            Err(errno) => return Err(errno),
        }
        let buffer = filled.head();
        let has = |mask: u32, bits: u32| buffer.flags & mask == bits;
        let is_ours = has(V4L2_BUF_FLAG_TIMESTAMP_MASK, V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC);
        let is_start = has(V4L2_BUF_FLAG_TSTAMP_SRC_MASK, V4L2_BUF_FLAG_TSTAMP_SRC_SOE);
        let (seconds, micros) = (u64::try_from(buffer.timestamp.tv_sec), u64::try_from(buffer.timestamp.tv_usec));
        let stamp = seconds.ok().zip(micros.ok()).map(|(seconds, micros)| {
            let stamp = Duration::from_secs(seconds) + Duration::from_micros(micros);
            Monotonic::from_micros(u64::try_from(stamp.as_micros()).unwrap_or(u64::MAX))
        });
        Ok(Some(Filled {
            index: buffer.index,
            sequence: buffer.sequence,
            is_broken: buffer.flags & V4L2_BUF_FLAG_ERROR != 0,
            stamp: stamp.filter(|stamp| is_ours && *stamp != Monotonic::default()),
            stamp_of: if is_start { StampOf::ExposureStart } else { StampOf::FrameEnd },
            used: filled.used(),
        }))
    }

    /// Has the camera send.
    ///
    /// # Errors
    /// `ENOSPC` when the USB bus has no bandwidth left; others.
    pub fn start(&self) -> Result<(), Errno> {
        self.ask(vidioc::VIDIOC_STREAMON, &mut self.buffer_type().cast_signed())
    }

    /// Has it stop. All buffers are ours then.
    ///
    /// # Errors
    /// When the device is gone.
    pub fn stop(&self) -> Result<(), Errno> {
        self.ask(vidioc::VIDIOC_STREAMOFF, &mut self.buffer_type().cast_signed())
    }

    fn buffer_type(&self) -> u32 {
        if self.kind == Some(Kind::Multi) { VIDEO_CAPTURE_MPLANE } else { VIDEO_CAPTURE }
    }

    /// A call outside the stream of frames: the watchdog hears that the driver answered.
    fn ask(&self, request: vidioc::_IOC_TYPE, argument: &mut impl Argument) -> Result<(), Errno> {
        let answer = argument.call(&self.fd, request);
        if let Some(progress) = &self.progress {
            progress.step();
        }
        answer
    }
}

impl AsFd for Device {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Whether a control's values have 64 bits.
fn is_wide(control: &v4l2_query_ext_ctrl) -> bool {
    control.type_ == CTRL_TYPE_INTEGER64
}

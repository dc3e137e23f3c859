//! A camera that is plugged into this machine, as configured.

use std::{collections::BTreeMap, fmt, path::PathBuf, time::Duration};

use crate::frame::Size;

/// `[camera.v4l2]`: where the camera is, and what is wanted of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct V4l2 {
    /// Which it is.
    pub device: DeviceName,
    /// The format of its pictures; what costs the stages least unless given.
    pub format: Option<CameraFormat>,
    /// Columns and rows. Default 1280x720.
    pub size: Size,
    /// Frames a second. Default 30.
    pub rate_hz: u32,
    /// Buffers that the driver fills in turn. Default 5: two with the driver, one waiting, one looked at, one shown.
    pub buffers: u32,
    /// After how long without a frame the camera is taken for lost. Default 3 s.
    pub stall_timeout: Duration,
    /// `[camera.v4l2.controls]`: what is set on it whenever it is opened, by the controls' names.
    pub controls: BTreeMap<String, ControlValue>,
}

/// How a camera is named in the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DeviceName {
    /// A node, or a link to one: `/dev/video0`, `/dev/v4l/by-id/...`.
    Path(PathBuf),
    /// Wherever it is plugged in: `usb:046d:0825`, or with the number of the very piece `usb:046d:0825:ABCDEF01`.
    Usb {
        /// The maker's number.
        vendor: u16,
        /// The maker's number of the product.
        product: u16,
        /// The piece's.
        serial: Option<String>,
    },
}

/// The format of a camera's pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CameraFormat {
    /// A JPEG file for each.
    Mjpeg,
    /// Packed 4:2:2.
    Yuyv,
    /// A plane of luma, and one of colour.
    Nv12,
    /// The same in memory of their own, which have to be put together.
    Nv12m,
    /// Luma.
    Grey,
    /// Blue, green, red.
    Bgr24,
    /// Red, green, blue.
    Rgb24,
}

/// What a control is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ControlValue {
    /// A number; of a menu, the number of an entry.
    Number(i64),
    /// Yes or no.
    Flag(bool),
    /// The name of a menu's entry.
    Text(String),
}

impl V4l2 {
    /// The size unless another is configured.
    pub const SIZE: Size = Size { width_px: 1280, height_px: 720 };

    /// The rate unless another is configured.
    pub const RATE_HZ: u32 = 30;
}

impl CameraFormat {
    /// All, in the words of the configuration.
    pub(super) const NAMES: [(&'static str, Self); 7] = [
        ("mjpeg", Self::Mjpeg),
        ("yuyv", Self::Yuyv),
        ("nv12", Self::Nv12),
        ("nv12m", Self::Nv12m),
        ("grey", Self::Grey),
        ("bgr24", Self::Bgr24),
        ("rgb24", Self::Rgb24),
    ];

    /// As the configuration spells it.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::NAMES.iter().find(|(_, format)| *format == self).map_or("", |(word, _)| word)
    }
}

impl fmt::Display for CameraFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(f),
            Self::Usb { vendor, product, serial: None } => write!(f, "usb:{vendor:04x}:{product:04x}"),
            Self::Usb { vendor, product, serial: Some(serial) } => write!(f, "usb:{vendor:04x}:{product:04x}:{serial}"),
        }
    }
}

impl fmt::Display for ControlValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Flag(flag) => flag.fmt(f),
            Self::Text(text) => write!(f, "{text:?}"),
        }
    }
}

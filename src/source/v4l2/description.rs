//! The description of a camera as plain data. `fovea devices --json` writes it; the tests read recorded ones.

use std::{cmp::Ordering, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// What a camera is, and the formats and controls that it offers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// The camera's own name: `HD Pro Webcam C920`.
    pub card: String,
    /// The name of the kernel's driver: `uvcvideo`.
    pub driver: String,
    /// Where it is connected, as the driver spells it: `usb-0000:01:00.0-1.2`.
    pub bus: String,
    /// The formats, in the driver's order.
    pub formats: Vec<Offer>,
    /// The controls that have a single value.
    pub controls: Vec<Control>,
}

/// A format that a camera offers, with its sizes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Offer {
    /// The format's code.
    pub fourcc: FourCc,
    /// The driver's name of the format.
    pub name: String,
    /// The sizes, as most cameras enumerate them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modes: Vec<Mode>,
    /// The range of the sizes, as scalers enumerate them. Excludes `modes`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<SizeRange>,
}

/// A size and its rates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mode {
    /// Columns and rows.
    pub size_px: [u32; 2],
    /// The rates; empty if the driver does not enumerate them.
    #[serde(flatten)]
    pub rates: Rates,
}

/// All sizes from `min_px` to `max_px` in steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SizeRange {
    /// Columns and rows of the smallest size.
    pub min_px: [u32; 2],
    /// Columns and rows of the largest size.
    pub max_px: [u32; 2],
    /// The steps in columns and rows.
    pub step_px: [u32; 2],
    /// The rates at the largest size.
    #[serde(flatten)]
    pub rates: Rates,
}

/// The rates at which a camera sends frames.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rates {
    /// The time from one frame to the next; empty if the driver does not enumerate it.
    #[serde(default)]
    pub intervals: Vec<Interval>,
    /// Whether all intervals between the shortest and the longest are possible.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub any_between: bool,
}

/// The time from one frame to the next in seconds, as a fraction: `1/30`. Neither zero nor infinite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    numerator: u32,
    denominator: u32,
}

/// The code of a format, four letters: `YUYV`. V4L2 packs them into a number, the first letter in the lowest byte.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct FourCc(pub [u8; 4]);

/// A control of a camera.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Control {
    /// The driver's number of the control.
    pub id: u32,
    /// The name as the configuration spells it: `exposure_time_absolute`.
    pub name: String,
    /// The type of its values.
    pub kind: ControlKind,
    /// The smallest value.
    pub min: i64,
    /// The largest value.
    pub max: i64,
    /// The step from one value to the next, counted from `min`.
    pub step: u64,
    /// The driver's default.
    pub default: i64,
    /// The current value, if it can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<i64>,
    /// The entries of a menu.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub menu: Vec<MenuEntry>,
    /// Whether it cannot be set.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub read_only: bool,
    /// Whether it has no effect at the moment, because of another control.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub inactive: bool,
}

/// The type of a control's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ControlKind {
    /// An integer in a range.
    Integer,
    /// A flag.
    Boolean,
    /// The index of an entry.
    Menu,
    /// The index of an entry whose name is a number.
    IntegerMenu,
    /// A set of bits.
    Bitmask,
    /// Any value, which triggers an action.
    Button,
}

/// An entry of a menu.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MenuEntry {
    /// The value that selects the entry.
    pub index: u32,
    /// The entry's name.
    pub name: String,
}

impl Interval {
    /// An interval of `numerator / denominator` seconds; `None` if either is 0.
    #[must_use]
    pub fn new(numerator: u32, denominator: u32) -> Option<Self> {
        (numerator > 0 && denominator > 0).then_some(Self { numerator, denominator })
    }

    /// The interval of `rate_hz` frames a second; 0 counts as 1.
    #[must_use]
    pub fn of_rate(rate_hz: u32) -> Self {
        Self { numerator: 1, denominator: rate_hz.max(1) }
    }

    /// The numerator and the denominator.
    #[must_use]
    pub fn parts(self) -> (u32, u32) {
        (self.numerator, self.denominator)
    }

    /// The rate in frames a second.
    #[must_use]
    pub fn rate_hz(self) -> f64 {
        f64::from(self.denominator) / f64::from(self.numerator)
    }
}

impl Ord for Interval {
    fn cmp(&self, other: &Self) -> Ordering {
        let cross = |a: &Self, b: &Self| u64::from(a.numerator) * u64::from(b.denominator);
        cross(self, other).cmp(&cross(other, self))
    }
}

impl PartialOrd for Interval {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.numerator, self.denominator)
    }
}

impl FromStr for Interval {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split_once('/').and_then(|(n, d)| Some((n.parse().ok()?, d.parse().ok()?)));
        parts.and_then(|(n, d)| Self::new(n, d)).ok_or("an interval is a fraction like 1/30")
    }
}

impl FourCc {
    /// The code that V4L2's structures hold as a number.
    #[must_use]
    pub fn from_code(code: u32) -> Self {
        Self(code.to_le_bytes())
    }

    /// The number for V4L2's structures.
    #[must_use]
    pub fn code(self) -> u32 {
        u32::from_le_bytes(self.0)
    }
}

impl fmt::Display for FourCc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // V4L2 marks big-endian formats with the highest bit of the last letter.
        let letters = self.0.map(|byte| byte & 0x7f);
        write!(f, "{}", letters.escape_ascii().to_string().trim_end())
    }
}

impl fmt::Debug for FourCc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for FourCc {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut letters = [b' '; 4];
        if text.is_empty() || text.len() > 4 || !text.is_ascii() {
            return Err("a format's code has up to four letters");
        }
        letters[..text.len()].copy_from_slice(text.as_bytes());
        Ok(Self(letters))
    }
}

/// Implements serde for types that are a text in JSON.
macro_rules! serde_as_text {
    ($($type:ty),*) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }
    )*};
}

serde_as_text!(Interval, FourCc);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_ordered_by_their_length() {
        let interval = |text: &str| text.parse::<Interval>().unwrap();
        assert!(interval("1/30") < interval("1/25"));
        assert_eq!(interval("1/30").cmp(&interval("1/30")), Ordering::Equal);
        assert!((interval("1001/30000").rate_hz() - 29.97).abs() < 0.001);
        for bad in ["", "1", "0/1", "1/0", "a/b", "1/30/2"] {
            assert!(bad.parse::<Interval>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_code_is_its_letters() {
        let yuyv: FourCc = "YUYV".parse().unwrap();
        assert_eq!(yuyv.code(), 0x5659_5559);
        assert_eq!(FourCc::from_code(0x5659_5559), yuyv);
        assert_eq!("Y8".parse::<FourCc>().unwrap().to_string(), "Y8");
        assert_eq!(FourCc([0xff, b'a', 0, b'b']).to_string(), "\\x7fa\\x00b");
    }
}

//! What a camera says of itself, as plain data: `fovea devices --json` writes it, the tests read recorded ones.

use std::{cmp::Ordering, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A camera: what it is called, what pictures it offers, what can be set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// Its own name: `HD Pro Webcam C920`.
    pub card: String,
    /// The kernel's driver: `uvcvideo`.
    pub driver: String,
    /// Where it is plugged in, as the driver spells it: `usb-0000:01:00.0-1.2`.
    pub bus: String,
    /// The formats of its pictures, in its own order.
    pub formats: Vec<Offer>,
    /// What can be set.
    pub controls: Vec<Control>,
}

/// A format that a camera offers, in these sizes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Offer {
    /// Its code.
    pub fourcc: FourCc,
    /// Its name in the driver's words.
    pub name: String,
    /// One by one, as most cameras list them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modes: Vec<Mode>,
    /// Or all sizes in a range.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<SizeRange>,
}

/// A size and the rates that it comes at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mode {
    /// Columns and rows.
    pub size_px: [u32; 2],
    /// How often a frame comes; empty if the driver does not say.
    #[serde(flatten)]
    pub rates: Rates,
}

/// Any size from `min_px` to `max_px` in steps, as scalers offer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SizeRange {
    /// The smallest: columns and rows.
    pub min_px: [u32; 2],
    /// The largest.
    pub max_px: [u32; 2],
    /// From one size to the next.
    pub step_px: [u32; 2],
    /// The rates of the largest size.
    #[serde(flatten)]
    pub rates: Rates,
}

/// How often frames come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rates {
    /// Seconds from frame to frame; empty if the driver does not say.
    #[serde(default)]
    pub intervals: Vec<Interval>,
    /// Whether anything between the shortest and the longest will do, too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub any_between: bool,
}

/// Seconds from a frame to the next, as a fraction: `1/30`. Never zero, never without end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    numerator: u32,
    denominator: u32,
}

/// Four letters that name a format: `YUYV`. V4L2 packs them into a number, the first letter lowest.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct FourCc(pub [u8; 4]);

/// Something that can be set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Control {
    /// Its number for the driver.
    pub id: u32,
    /// Its name as configurations spell it: `exposure_time_absolute`.
    pub name: String,
    /// What values it takes.
    pub kind: ControlKind,
    /// The least value.
    pub min: i64,
    /// The greatest.
    pub max: i64,
    /// From one value to the next, counted from the least.
    pub step: u64,
    /// What it is unless set.
    pub default: i64,
    /// What it is now, if it can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<i64>,
    /// Of a menu, its entries.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub menu: Vec<MenuEntry>,
    /// Whether it is only to be read.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub read_only: bool,
    /// Whether another control keeps it from having an effect now.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub inactive: bool,
}

/// What values a control takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ControlKind {
    /// Whole numbers in a range.
    Integer,
    /// Yes or no.
    Boolean,
    /// One of the entries.
    Menu,
    /// One of the entries, whose names are numbers.
    IntegerMenu,
    /// Bits.
    Bitmask,
    /// Set to any value, it does something.
    Button,
}

/// An entry of a menu.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MenuEntry {
    /// Its number.
    pub index: u32,
    /// What it is called.
    pub name: String,
}

impl Interval {
    /// So many seconds; `None` for zero and for ever.
    #[must_use]
    pub fn new(numerator: u32, denominator: u32) -> Option<Self> {
        (numerator > 0 && denominator > 0).then_some(Self { numerator, denominator })
    }

    /// That of so many frames a second, of which there is at least one.
    #[must_use]
    pub fn of_rate(rate_hz: u32) -> Self {
        Self { numerator: 1, denominator: rate_hz.max(1) }
    }

    /// Numerator and denominator.
    #[must_use]
    pub fn parts(self) -> (u32, u32) {
        (self.numerator, self.denominator)
    }

    /// Frames a second.
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
    /// As V4L2 has it in its structures.
    #[must_use]
    pub fn of_code(code: u32) -> Self {
        Self(code.to_le_bytes())
    }

    /// As V4L2 wants it in its structures.
    #[must_use]
    pub fn code(self) -> u32 {
        u32::from_le_bytes(self.0)
    }
}

impl fmt::Display for FourCc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The highest bit of the last letter says "big-endian" in V4L2.
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

/// serde for what is a text in files.
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
    fn intervals_are_compared_by_their_length() {
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
        assert_eq!(FourCc::of_code(0x5659_5559), yuyv);
        assert_eq!("Y8".parse::<FourCc>().unwrap().to_string(), "Y8");
        assert_eq!(FourCc([0xff, b'a', 0, b'b']).to_string(), "\\x7fa\\x00b");
    }
}

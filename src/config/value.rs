//! Values with a rule, as types that cannot break it. Each type has the text of its rule.
//!
//! The rules are visitors and not `serde(try_from)`: a value of a wrong type (`"5s"` for a number) then reports the
//! rule too, and toml knows the span of a value that breaks it inside an array.

mod model;
mod mqtt;
mod webhook;

use std::{
    fmt,
    marker::PhantomData,
    net::SocketAddr,
    ops::Deref,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, SeqAccess, Unexpected, Visitor, value::MapAccessDeserializer},
};

pub(super) use self::model::{
    DecoderName, EngineName, FitName, Label, LabelList, LayoutName, ModelPath, OrderName, PerColour, Sha256,
};
pub(super) use self::mqtt::{BrokerUrl, PageUrl, PictureKind, ResultRate, TopicPrefix, Username};
pub(super) use self::webhook::{BodyKind, FieldName, HeaderName, State, Text, WebUrl};
use super::{
    detection::Detection,
    v4l2::{CameraFormat, ControlValue, DeviceName},
};
use crate::access::tokens::{NAME_RULE, is_name};

/// A value that is one string, number or boolean in the file. A type accepts those for which it implements a `from_`.
trait Scalar: Sized {
    /// Writes what the value must be, to follow "must be".
    fn expecting(f: &mut fmt::Formatter<'_>) -> fmt::Result;

    fn from_str(_: &str) -> Option<Self> {
        None
    }

    fn from_integer(_: i128) -> Option<Self> {
        None
    }

    fn from_float(_: f64) -> Option<Self> {
        None
    }

    fn from_bool(_: bool) -> Option<Self> {
        None
    }
}

/// Reads a [`Scalar`] for serde.
struct ScalarVisitor<T>(PhantomData<T>);

impl<T: Scalar> Visitor<'_> for ScalarVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        T::expecting(f)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        T::from_str(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }

    fn visit_bool<E: de::Error>(self, flag: bool) -> Result<T, E> {
        T::from_bool(flag).ok_or_else(|| E::invalid_value(Unexpected::Bool(flag), &self))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        self.visit_i128(number.into())
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
        self.visit_i128(number.into())
    }

    fn visit_i128<E: de::Error>(self, number: i128) -> Result<T, E> {
        T::from_integer(number).ok_or_else(|| E::invalid_value(Unexpected::Other("a whole number"), &self))
    }

    fn visit_u128<E: de::Error>(self, _: u128) -> Result<T, E> {
        Err(E::invalid_value(Unexpected::Other("a huge number"), &self))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<T, E> {
        T::from_float(number).ok_or_else(|| E::invalid_value(Unexpected::Float(number), &self))
    }
}

/// Implements serde's `Deserialize` for scalars.
macro_rules! deserialize_scalars {
    ($($type:ty $(, $parameter:ident)*;)*) => {$(
        impl<'de $(, const $parameter: u32)*> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(ScalarVisitor(PhantomData))
            }
        }
    )*};
}

deserialize_scalars! {
    Whole<MIN, MAX>, MIN, MAX;
    Fraction;
    Listen;
    Origin;
    Host;
    TokensFile;
    Name;
    Level;
    Switch;
    BrokerUrl;
    PageUrl;
    TopicPrefix;
    Username;
    ResultRate;
    PictureKind;
    WebUrl;
    BodyKind;
    FieldName;
    HeaderName;
    Text;
    State;
    Device;
    Format;
    ControlName;
    Setting;
    DecoderName;
    EngineName;
    LayoutName;
    OrderName;
    FitName;
    ModelPath;
    Sha256;
    Label;
}

/// A whole number from `MIN` to `MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whole<const MIN: u32, const MAX: u32>(u32);

impl<const MIN: u32, const MAX: u32> Whole<MIN, MAX> {
    /// The number `N`. A number out of range does not compile.
    #[must_use]
    pub const fn of<const N: u32>() -> Self {
        const { assert!(MIN <= N && N <= MAX) };
        Self(N)
    }

    /// The number.
    #[must_use]
    pub fn u32(self) -> u32 {
        self.0
    }

    /// The number as a byte. A range beyond one does not compile.
    #[must_use]
    pub fn u8(self) -> u8 {
        const { assert!(MAX <= u8::MAX as u32) };
        u8::try_from(self.0).expect("MAX is a byte")
    }

    /// The number as a count.
    #[must_use]
    pub fn usize(self) -> usize {
        self.0 as usize
    }

    /// The number as milliseconds.
    #[must_use]
    pub fn ms(self) -> Duration {
        Duration::from_millis(self.0.into())
    }
}

impl<const MIN: u32, const MAX: u32> Scalar for Whole<MIN, MAX> {
    fn expecting(f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a whole number from {MIN} to {MAX}")
    }

    fn from_integer(number: i128) -> Option<Self> {
        u32::try_from(number).ok().filter(|number| (MIN..=MAX).contains(number)).map(Self)
    }
}

/// A number from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fraction(f32);

impl Fraction {
    /// `N` thousandths. More than 1000 do not compile.
    #[must_use]
    pub const fn thousandths<const N: u16>() -> Self {
        const { assert!(N <= 1000) };
        Self(N as f32 / 1000.0)
    }

    /// The number.
    #[must_use]
    pub fn f32(self) -> f32 {
        self.0
    }
}

impl Scalar for Fraction {
    fn expecting(f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number from 0 to 1")
    }

    fn from_integer(number: i128) -> Option<Self> {
        match number {
            0 => Some(Self(0.0)),
            1 => Some(Self(1.0)),
            _ => None,
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "only digits that no picture has the pixels for are lost")]
    fn from_float(number: f64) -> Option<Self> {
        (0.0..=1.0).contains(&number).then_some(Self(number as f32))
    }
}

/// An address and a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Listen(pub(super) SocketAddr);

impl Scalar for Listen {
    fn expecting(f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an IP address and a port, like \"127.0.0.1:8999\" or \"[::1]:8999\"")
    }

    fn from_str(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }
}

/// A web origin, spelt as browsers send it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin(pub(super) String);

impl Scalar for Origin {
    fn expecting(f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "an origin as browsers send it, like \"https://example.org\" or \"https://example.org:8443\": lower case, no path, no default \
             port of http or https; or \"null\"",
        )
    }

    fn from_str(text: &str) -> Option<Self> {
        let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-._+:[]".contains(c);
        let is_valid = ["null", "file://"].contains(&text) // of pages from files
            || text.split_once("://").is_some_and(|(scheme, host)| {
                let port_is_default = match scheme {
                    "http" => host.ends_with(":80"),
                    "https" => host.ends_with(":443"),
                    _ => false,
                };
                let is_complete = !scheme.is_empty() && !host.is_empty();
                is_complete && !port_is_default && scheme.chars().chain(host.chars()).all(is_allowed)
            });
        is_valid.then(|| Self(text.to_owned()))
    }
}

/// A host name of this board, spelt as browsers send it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Host(pub(super) String);

impl Scalar for Host {
    fn expecting(f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a host name like \"camera.example.org\": lower case, no scheme, no port, no path")
    }

    fn from_str(text: &str) -> Option<Self> {
        let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
        (!text.is_empty() && text.chars().all(is_allowed)).then(|| Self(text.to_owned()))
    }
}

/// The file with the tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TokensFile(pub(super) PathBuf);

impl Scalar for TokensFile {
    fn expecting(f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a path like \"tokens\"; a relative one begins at the folder of this file")
    }

    fn from_str(text: &str) -> Option<Self> {
        let is_valid = !text.is_empty() && !text.ends_with('/') && !text.chars().any(char::is_control);
        is_valid.then(|| Self(text.into()))
    }
}

/// The name of a camera or a zone. It fits into a URL path, a topic and a file name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(pub(super) String);

impl Scalar for Name {
    fn expecting(f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NAME_RULE)
    }

    fn from_str(text: &str) -> Option<Self> {
        is_name(text).then(|| Self(text.to_owned()))
    }
}

/// The lowest level that is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Level(pub(super) log::LevelFilter);

impl Scalar for Level {
    fn expecting(f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"error\", \"warn\", \"info\" or \"debug\"")
    }

    fn from_str(text: &str) -> Option<Self> {
        let level = match text {
            "error" => log::LevelFilter::Error,
            "warn" => log::LevelFilter::Warn,
            "info" => log::LevelFilter::Info,
            "debug" => log::LevelFilter::Debug,
            _ => return None,
        };
        Some(Self(level))
    }
}

/// Whether a camera begins with detection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Switch(pub(super) Detection);

impl Scalar for Switch {
    fn expecting(f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"on\", \"off\" or \"last\"")
    }

    fn from_str(text: &str) -> Option<Self> {
        match text {
            "on" => Some(Self(Detection::On)),
            "off" => Some(Self(Detection::Off)),
            "last" => Some(Self(Detection::Last)),
            _ => None,
        }
    }
}

/// A V4L2 device of this machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Device(pub(super) DeviceName);

impl Scalar for Device {
    fn expecting(f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a path below /dev, like \"/dev/v4l/by-id/usb-...\" or \"/dev/video0\", or the USB numbers of \
             vendor and product, four digits each, like \"usb:046d:0825\", and if needed a colon and the serial number; `fovea \
             devices` lists them",
        )
    }

    fn from_str(text: &str) -> Option<Self> {
        let Some(usb) = text.strip_prefix("usb:") else {
            let is_below = text.starts_with("/dev/") && !text.contains("/../") && !text.ends_with('/');
            let is_valid = is_below && !text.chars().any(char::is_control);
            return is_valid.then(|| Self(DeviceName::Path(Path::new(text).to_owned())));
        };
        let number = |digits: &str| (digits.len() == 4).then(|| u16::from_str_radix(digits, 16).ok()).flatten();
        let mut parts = usb.splitn(3, ':');
        let (vendor, product) = (number(parts.next()?)?, number(parts.next()?)?);
        let serial = parts.next().map(str::to_owned);
        let is_valid = serial.as_ref().is_none_or(|serial| !serial.is_empty());
        is_valid.then_some(Self(DeviceName::Usb { vendor, product, serial }))
    }
}

/// The format of a camera's pictures; `None` is the one that costs least.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Format(pub(super) Option<CameraFormat>);

impl Scalar for Format {
    fn expecting(f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"auto\"")?;
        let (last, others) = CameraFormat::NAMES.split_last().expect("there are some");
        others.iter().try_for_each(|(name, _)| write!(f, ", {name:?}"))?;
        write!(f, " or {:?}", last.0)
    }

    fn from_str(text: &str) -> Option<Self> {
        let format = CameraFormat::NAMES.iter().find(|(name, _)| *name == text).map(|(_, format)| *format);
        (text == "auto" || format.is_some()).then_some(Self(format))
    }
}

/// The name of a camera's control.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ControlName(pub(super) String);

impl Scalar for ControlName {
    fn expecting(f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a control, in a-z, 0-9 and _, as `fovea devices` lists them")
    }

    fn from_str(text: &str) -> Option<Self> {
        let is_valid =
            !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        is_valid.then(|| Self(text.to_owned()))
    }
}

/// The value of a camera's control.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Setting(pub(super) ControlValue);

impl Scalar for Setting {
    fn expecting(f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number, true, false, or the name of a menu entry in quotes")
    }

    fn from_str(text: &str) -> Option<Self> {
        Some(Self(ControlValue::Text(text.to_owned())))
    }

    fn from_integer(number: i128) -> Option<Self> {
        i64::try_from(number).ok().map(|number| Self(ControlValue::Number(number)))
    }

    fn from_bool(flag: bool) -> Option<Self> {
        Some(Self(ControlValue::Flag(flag)))
    }
}

/// `[x, y]` in fractions of the picture's width and height.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Corner(pub(super) [f32; 2]);

impl<'de> Deserialize<'de> for Corner {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct CornerVisitor;
        impl<'de> Visitor<'de> for CornerVisitor {
            type Value = Corner;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("two numbers from 0 to 1: [x, y]")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut numbers: A) -> Result<Corner, A::Error> {
                let mut next = || numbers.next_element::<Fraction>();
                match (next()?, next()?, next()?) {
                    (Some(x), Some(y), None) => Ok(Corner([x.0, y.0])),
                    (x, y, z) => {
                        let length = [x, y, z].iter().flatten().count();
                        Err(de::Error::invalid_length(length, &self))
                    }
                }
            }
        }
        deserializer.deserialize_seq(CornerVisitor)
    }
}

/// The corners of a polygon in order: at least three, not all on one line.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Vec<Corner>")]
pub struct Polygon(pub(super) Vec<[f32; 2]>);

impl TryFrom<Vec<Corner>> for Polygon {
    type Error = &'static str;

    fn try_from(corners: Vec<Corner>) -> Result<Self, &'static str> {
        let corners: Vec<_> = corners.into_iter().map(|Corner(corner)| corner).collect();
        if corners.len() < 3 {
            return Err("must have at least three corners: [[x, y], [x, y], [x, y]]");
        }
        if !span_an_area(&corners) {
            return Err("must have corners that are not all on one line");
        }
        Ok(Self(corners))
    }
}

/// Whether the corners are not all on one line, or so close to it that no pixel lies between.
fn span_an_area(corners: &[[f32; 2]]) -> bool {
    let from_first = || corners.iter().map(|corner| [corner[0] - corners[0][0], corner[1] - corners[0][1]]);
    let length = |[x, y]: &[f32; 2]| x * x + y * y;
    let Some(farthest) = from_first().max_by(|a, b| length(a).total_cmp(&length(b))) else { return false };
    from_first().any(|[x, y]| (x * farthest[1] - y * farthest[0]).abs() > 1e-6)
}

/// A table: `[server]`, `{ ... }`. Serde alone would accept an array too, with the fields in their order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table<T>(T);

impl<T> From<T> for Table<T> {
    fn from(table: T) -> Self {
        Self(table)
    }
}

impl<T> Deref for Table<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Table<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TableVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for TableVisitor<T> {
            type Value = Table<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Table<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Table)
            }
        }
        deserializer.deserialize_map(TableVisitor(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_fits_a_url_a_topic_and_a_file() {
        for good in ["door", "0", "back-yard_2", "a2345678901234567890123456789012"] {
            assert!(Name::from_str(good).is_some(), "{good}");
        }
        for bad in ["", "Door", "-door", "_door", "a door", "tür", "../x", "a23456789012345678901234567890123"] {
            assert!(Name::from_str(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn an_origin_is_spelt_as_browsers_spell_it() {
        for good in
            ["null", "file://", "https://example.org", "http://192.168.1.7:8080", "http://[fe80::1]:8080", "app://x"]
        {
            assert!(Origin::from_str(good).is_some(), "{good}");
        }
        for bad in ["*", "", "example.org", "https://Example.org", "https://example.org/", "https://example.org:443"] {
            assert!(Origin::from_str(bad).is_none(), "{bad}");
        }
        assert!(Origin::from_str("http://a:443").is_some());
        assert!(Origin::from_str("http://a:80").is_none());
    }

    #[test]
    fn a_host_is_a_name_and_nothing_else() {
        for good in ["localhost", "camera.example.org", "192.0.2.7", "xn--tr-eka"] {
            assert!(Host::from_str(good).is_some(), "{good}");
        }
        for bad in ["", "*", "Camera", "camera:8080", "https://camera", "camera/", "a b"] {
            assert!(Host::from_str(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_polygon_spans_an_area() {
        let spans = |corners: &[[f32; 2]]| span_an_area(corners);
        assert!(spans(&[[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]));
        assert!(spans(&[[0.0, 0.0], [1.0, 1.0], [1.0, 0.0], [0.0, 1.0]]), "a bow tie");
        assert!(spans(&[[0.5, 0.5], [0.5, 0.5], [0.6, 0.5], [0.5, 0.6]]), "a corner given twice");
        assert!(!spans(&[[0.1, 0.1], [0.2, 0.2], [0.4, 0.4], [0.3, 0.3]]), "a line");
        assert!(!spans(&[[0.3, 0.3]; 3]), "a point");
    }

    #[test]
    fn numbers_stay_in_range() {
        for number in [i128::MIN, -1, 0, 100, i128::MAX] {
            assert!(Whole::<1, 99>::from_integer(number).is_none(), "{number}");
        }
        assert_eq!(Whole::<1, 99>::from_integer(1).unwrap().u8(), 1);
        assert_eq!(Whole::<1, 99>::from_integer(99).unwrap().u8(), 99);
        for number in [-0.1, 1.000_000_1, f64::NAN, f64::INFINITY] {
            assert!(Fraction::from_float(number).is_none(), "{number}");
        }
        assert_eq!(Fraction::from_float(1.0), Fraction::from_integer(1));
        assert!(Fraction::from_integer(2).is_none());
    }
}

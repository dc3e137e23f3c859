//! The values of a model's table.

use std::{fmt, path::PathBuf};

use data_encoding::HEXLOWER_PERMISSIVE;
use serde::{
    Deserialize, Deserializer,
    de::{self, SeqAccess, Visitor},
};

use super::Scalar;
use crate::model::{
    decode::Decoder,
    labels::Labels,
    letterbox::Fit,
    manifest::{EngineChoice, Layout, Order},
};

/// A value that is one of some words.
macro_rules! choices {
    ($($(#[$doc:meta])* $name:ident: $type:ty;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(in crate::config) struct $name(pub(in crate::config) $type);

        impl Scalar for $name {
            fn expecting(f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let (last, others) = <$type>::NAMES.split_last().expect("there are some");
                for (n, (name, _)) in others.iter().enumerate() {
                    write!(f, "{}{name:?}", if n == 0 { "" } else { ", " })?;
                }
                write!(f, " or {:?}", last.0)
            }

            fn from_str(text: &str) -> Option<Self> {
                <$type>::NAMES.iter().find(|(name, _)| *name == text).map(|(_, value)| Self(*value))
            }
        }
    )*};
}

choices! {
    /// How a model's outputs are read.
    DecoderName: Decoder;
    /// What runs a model.
    EngineName: EngineChoice;
    /// The order of a model's axes.
    LayoutName: Layout;
    /// The order of a model's colours.
    OrderName: Order;
    /// What becomes of pictures of another ratio.
    FitName: Fit;
}

/// The file of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct ModelPath(pub(in crate::config) PathBuf);

impl Scalar for ModelPath {
    fn expecting(f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a path like \"FastestDet.onnx\"; a relative one begins at the folder of this file")
    }

    fn from_str(text: &str) -> Option<Self> {
        let is_valid = !text.is_empty() && !text.ends_with('/') && !text.chars().any(char::is_control);
        is_valid.then(|| Self(text.into()))
    }
}

/// The hash of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct Sha256(pub(in crate::config) [u8; 32]);

impl Scalar for Sha256 {
    fn expecting(f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the 64 hexadecimal digits that `sha256sum FILE` prints")
    }

    fn from_str(text: &str) -> Option<Self> {
        let bytes = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok()?;
        bytes.try_into().ok().map(Self)
    }
}

/// What one class is called.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::config) struct Label(pub(in crate::config) String);

impl Scalar for Label {
    fn expecting(f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a class: 1 to 64 characters")
    }

    fn from_str(text: &str) -> Option<Self> {
        let is_valid = (1..=64).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        is_valid.then(|| Self(text.to_owned()))
    }
}

/// What the classes are called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::config) struct LabelList(pub(in crate::config) Labels);

/// The most classes: as many as ImageNet has, and some.
const MAX_LABELS: usize = 30_000;

impl<'de> Deserialize<'de> for LabelList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct LabelsVisitor;
        impl<'de> Visitor<'de> for LabelsVisitor {
            type Value = LabelList;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"coco\" or the names of the classes in their order: [\"person\", \"car\"]")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<LabelList, E> {
                let unexpected = de::Unexpected::Str(text);
                (text == "coco").then_some(LabelList(Labels::Coco)).ok_or_else(|| E::invalid_value(unexpected, &self))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut labels: A) -> Result<LabelList, A::Error> {
                let mut listed = Vec::new();
                while let Some(Label(label)) = labels.next_element()? {
                    listed.push(label);
                }
                match listed.len() {
                    1..=MAX_LABELS => Ok(LabelList(Labels::Listed(listed))),
                    length => Err(de::Error::invalid_length(length, &self)),
                }
            }
        }
        deserializer.deserialize_any(LabelsVisitor)
    }
}

/// A number for each of three colours, or one for all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::config) struct PerColour(pub(in crate::config) [f32; 3]);

impl<'de> Deserialize<'de> for PerColour {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ColoursVisitor;

        impl<'de> Visitor<'de> for ColoursVisitor {
            type Value = PerColour;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number from -1000 to 1000, or three of them, one for each colour")
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<PerColour, E> {
                self.visit_f64(number as f64)
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<PerColour, E> {
                let unexpected = de::Unexpected::Float(number);
                limited(number).map(|number| PerColour([number; 3])).ok_or_else(|| E::invalid_value(unexpected, &self))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut numbers: A) -> Result<PerColour, A::Error> {
                let mut next = || numbers.next_element::<PerColour>();
                match (next()?, next()?, next()?, next()?) {
                    (Some(a), Some(b), Some(c), None) => Ok(PerColour([a.0[0], b.0[0], c.0[0]])),
                    all => {
                        let length = [all.0, all.1, all.2, all.3].iter().flatten().count();
                        Err(de::Error::invalid_length(length, &self))
                    }
                }
            }
        }
        deserializer.deserialize_any(ColoursVisitor)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "only digits that no pixel has are lost")]
fn limited(number: f64) -> Option<f32> {
    (-1000.0..=1000.0).contains(&number).then_some(number as f32)
}

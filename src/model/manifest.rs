//! What fovea must know of a network besides its file: how a picture goes in, and what comes out.
//!
//! `[model.NAME]` in the configuration becomes one; `config/model.rs` reads it.

use std::{path::PathBuf, time::Duration};

use super::{candidate::Thresholds, decode::Decoder, labels::Labels, letterbox::Fit};
use crate::frame::Size;

/// A network and how to use it. What is `None` is as the decoder's networks usually have it, or as the file says.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// The ONNX file, relative to the configuration's folder.
    pub file: PathBuf,
    /// The SHA-256 of the file. Another file is not opened.
    pub sha256: Option<[u8; 32]>,
    /// Which program part runs it. Default `auto`.
    pub engine: EngineChoice,
    /// How its outputs are read; if not given, the decoder that they fit.
    pub decoder: Option<Decoder>,
    /// How a picture goes in.
    pub input: Input,
    /// What the classes are called.
    pub labels: Labels,
    /// The least scores that count. Default 0.5 for all.
    pub thresholds: Thresholds,
    /// Boxes of one class that overlap by more than this become one: intersection over union. Default 0.45.
    pub max_overlap: f32,
    /// How long a run may take. Default 10 s: a board with a Cortex-A53 at 1 GHz needs about a second for a small network.
    pub timeout: Duration,
    /// The address space of the process that runs it. Default 512 MiB.
    pub max_memory_bytes: u64,
}

impl Manifest {
    /// A file of which nothing else is known.
    #[must_use]
    pub fn of_file(file: PathBuf) -> Self {
        Self {
            file,
            sha256: None,
            engine: EngineChoice::Auto,
            decoder: None,
            input: Input::default(),
            labels: Labels::Unknown,
            thresholds: Thresholds { default: Self::THRESHOLD, by_class: Vec::new() },
            max_overlap: Self::MAX_OVERLAP,
            timeout: Duration::from_millis(Self::TIMEOUT_MS.into()),
            max_memory_bytes: Self::MAX_MEMORY_BYTES as u64,
        }
    }

    /// The threshold by default.
    pub const THRESHOLD: f32 = 0.5;
    /// The overlap by default.
    pub const MAX_OVERLAP: f32 = 0.45;
    /// The time of a run by default.
    pub const TIMEOUT_MS: u32 = 10_000;
    /// The memory by default.
    pub const MAX_MEMORY_BYTES: u32 = 512 << 20;

    /// How a picture goes in, with what the decoder's networks usually have where the manifest says nothing.
    #[must_use]
    pub fn preparation(&self) -> Preparation {
        let usual = Preparation::usual(self.decoder);
        Preparation {
            layout: self.input.layout.unwrap_or(usual.layout),
            order: self.input.order.unwrap_or(usual.order),
            mean: self.input.mean.unwrap_or(usual.mean),
            scale: self.input.scale.unwrap_or(usual.scale),
            fit: self.input.fit.unwrap_or(usual.fit),
            fill: self.input.fill.unwrap_or(usual.fill),
        }
    }
}

/// The labels that networks with this decoder have, if nobody said.
#[must_use]
pub fn labels_or_usual(labels: Labels, decoder: Option<Decoder>) -> Labels {
    match (labels, decoder) {
        (Labels::Unknown, Some(Decoder::YuNet)) => Labels::Listed(vec!["face".to_owned()]),
        (labels, _) => labels,
    }
}

/// How a picture goes in, as the manifest has it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Input {
    /// Columns; if not given, as the file says.
    pub width_px: Option<u32>,
    /// Rows; if not given, as the file says.
    pub height_px: Option<u32>,
    /// The order of its axes.
    pub layout: Option<Layout>,
    /// The order of its colours.
    pub order: Option<Order>,
    /// What is subtracted from pixels of 0 to 255, for each colour in `order`.
    pub mean: Option<[f32; 3]>,
    /// What they are multiplied with then.
    pub scale: Option<[f32; 3]>,
    /// What becomes of pictures of another ratio.
    pub fit: Option<Fit>,
    /// The value of pixels that no picture is in, 0 to 255.
    pub fill: Option<u8>,
}

/// How a picture becomes a tensor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Preparation {
    /// The order of axes.
    pub layout: Layout,
    /// The order of colours.
    pub order: Order,
    /// What is subtracted from pixels of 0 to 255, for each colour in `order`.
    pub mean: [f32; 3],
    /// What they are multiplied with then.
    pub scale: [f32; 3],
    /// What becomes of pictures of another ratio.
    pub fit: Fit,
    /// The value of pixels that no picture is in.
    pub fill: u8,
}

impl Preparation {
    /// What networks with this decoder usually are trained with.
    #[must_use]
    pub fn usual(decoder: Option<Decoder>) -> Self {
        let unit = [1.0 / 255.0; 3];
        let nchw = |order, mean, scale, fit, fill| Self { layout: Layout::Nchw, order, mean, scale, fit, fill };
        match decoder {
            Some(Decoder::FastestDet) => nchw(Order::Bgr, [0.0; 3], unit, Fit::Stretch, 0),
            Some(Decoder::Yolox) => nchw(Order::Bgr, [0.0; 3], [1.0; 3], Fit::TopLeft, 114),
            Some(Decoder::NanoDet) => {
                let (mean, deviation) = ([103.53, 116.28, 123.675], [57.375, 57.12, 58.395]);
                nchw(Order::Bgr, mean, deviation.map(|deviation: f32| deviation.recip()), Fit::Stretch, 0)
            }
            Some(Decoder::Ssd) => nchw(Order::Rgb, [127.0; 3], [1.0 / 128.0; 3], Fit::Stretch, 0),
            Some(Decoder::Classes) => {
                let (mean, deviation) = ([123.675, 116.28, 103.53], [58.395, 57.12, 57.375]);
                nchw(Order::Rgb, mean, deviation.map(|deviation: f32| deviation.recip()), Fit::Stretch, 0)
            }
            Some(Decoder::YuNet) => nchw(Order::Bgr, [0.0; 3], [1.0; 3], Fit::TopLeft, 0),
            Some(Decoder::YoloV8) | None => nchw(Order::Rgb, [0.0; 3], unit, Fit::Center, 114),
        }
    }
}

/// The order of axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Picture, colour, row, column.
    Nchw,
    /// Picture, row, column, colour.
    Nhwc,
}

impl Layout {
    /// What each is called in the configuration.
    pub const NAMES: [(&str, Self); 2] = [("nchw", Self::Nchw), ("nhwc", Self::Nhwc)];

    /// The shape of one picture of this size.
    #[must_use]
    pub fn shape(self, size: Size) -> [usize; 4] {
        let (width, height) = (size.width_px as usize, size.height_px as usize);
        match self {
            Self::Nchw => [1, 3, height, width],
            Self::Nhwc => [1, height, width, 3],
        }
    }
}

/// The order of colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red.
    Bgr,
}

impl Order {
    /// What each is called in the configuration.
    pub const NAMES: [(&str, Self); 2] = [("rgb", Self::Rgb), ("bgr", Self::Bgr)];
}

/// Which program part runs a network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EngineChoice {
    /// ONNX Runtime if its library is there, otherwise `rten`.
    #[default]
    Auto,
    /// The one that is built in.
    Rten,
    /// ONNX Runtime. It is an error if its library is not there.
    OnnxRuntime,
}

impl EngineChoice {
    /// What each is called in the configuration.
    pub const NAMES: [(&str, Self); 3] =
        [("auto", Self::Auto), ("rten", Self::Rten), ("onnxruntime", Self::OnnxRuntime)];
}

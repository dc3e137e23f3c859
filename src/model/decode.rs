//! What a network's outputs mean: each kind of network has its own way to write boxes, scores and classes.
//!
//! A decoder is a pure function of tensors that come from a file of a stranger. It holds for any shape and any values, and finds
//! at most [`MAX_CANDIDATES`](super::candidate::MAX_CANDIDATES) things. To add one: a file here with `decode` and `classes`, and
//! its line in each list of [`Decoder`].

mod anchor_free;
mod classes;
mod fastestdet;
mod nanodet;
mod rows;
mod ssd;
mod yolov8;
mod yolox;
mod yunet;

use super::{
    candidate::{Candidate, Candidates, Thresholds},
    labels::COCO,
    tensor::{Shape, Tensor},
};
use crate::frame::Size;

/// A way to read outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decoder {
    /// One map of cells: objectness, box, classes.
    FastestDet,
    /// Rows of cells on three grids: box, objectness, classes.
    Yolox,
    /// Columns of boxes in pixels, and classes.
    YoloV8,
    /// Rows of cells on three or four grids: classes, and distributions of the distances to four edges.
    NanoDet,
    /// Boxes and scores as fractions of the picture, in one of three forms.
    Ssd,
    /// No boxes: one score for each class of the whole picture.
    Classes,
    /// Faces: four maps for each of three grids.
    YuNet,
}

/// Why outputs cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the outputs ({}) are not those of {decoder}: it has {expected}", .found.join(", "))]
pub struct DecodeError {
    /// The decoder's name.
    pub decoder: &'static str,
    /// What it reads.
    pub expected: &'static str,
    /// The outputs that there are, with their shapes.
    pub found: Vec<String>,
}

/// What a decoder looks at.
#[derive(Clone, Copy, Debug)]
pub struct Outputs<'o> {
    /// The network's outputs.
    pub tensors: &'o [Tensor],
    /// The size of its input.
    pub input: Size,
    /// How many classes there are, if that is known.
    pub classes: Option<usize>,
}

impl Decoder {
    /// What each is called in the configuration.
    pub const NAMES: [(&str, Self); 7] = [
        ("fastestdet", Self::FastestDet),
        ("yolox", Self::Yolox),
        ("yolov8", Self::YoloV8),
        ("nanodet", Self::NanoDet),
        ("ssd", Self::Ssd),
        ("classes", Self::Classes),
        ("yunet", Self::YuNet),
    ];

    /// What it is called in the configuration.
    ///
    /// # Panics
    /// Never: all are in the list.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, decoder)| *decoder == self).expect("all are in the list").0
    }

    /// How many classes these outputs have, if they are this decoder's. What it cannot tell, such as the classes of boxes with
    /// numbers of classes, it takes from what is known.
    #[must_use]
    pub fn classes(self, outputs: Outputs<'_>) -> Option<usize> {
        match self {
            Self::FastestDet => fastestdet::classes(outputs),
            Self::Yolox => yolox::classes(outputs),
            Self::YoloV8 => yolov8::classes(outputs),
            Self::NanoDet => nanodet::classes(outputs),
            Self::Ssd => ssd::classes(outputs),
            Self::Classes => classes::classes(outputs),
            Self::YuNet => yunet::classes(outputs),
        }
    }

    /// The decoder that these outputs fit, with the number of classes. Of several it is the one for which there are as many classes
    /// as most published networks have, or else the first.
    #[must_use]
    pub fn guess(outputs: Outputs<'_>) -> Option<(Self, usize)> {
        let fits = || Self::NAMES.iter().filter_map(|(_, decoder)| Some((*decoder, decoder.classes(outputs)?)));
        fits().find(|(_, classes)| *classes == COCO.len()).or_else(|| fits().next())
    }

    /// The things in these outputs that `thresholds` count, best first.
    ///
    /// # Errors
    /// If the outputs have other shapes than this decoder reads.
    pub fn decode(self, outputs: Outputs<'_>, thresholds: &Thresholds) -> Result<Vec<Candidate>, DecodeError> {
        let mut candidates = Candidates::new(thresholds);
        let is_read = match self {
            Self::FastestDet => fastestdet::decode(outputs, &mut candidates),
            Self::Yolox => yolox::decode(outputs, &mut candidates),
            Self::YoloV8 => yolov8::decode(outputs, &mut candidates),
            Self::NanoDet => nanodet::decode(outputs, &mut candidates),
            Self::Ssd => ssd::decode(outputs, &mut candidates),
            Self::Classes => classes::decode(outputs, &mut candidates),
            Self::YuNet => yunet::decode(outputs, &mut candidates),
        };
        match is_read {
            Some(()) => Ok(candidates.into_best()),
            None => Err(DecodeError {
                decoder: self.name(),
                expected: self.expected(),
                found: outputs.tensors.iter().take(16).map(described).collect(),
            }),
        }
    }

    /// What it reads, in words.
    fn expected(self) -> &'static str {
        match self {
            Self::FastestDet => "one output of 1 x (5 + classes) x rows x columns",
            Self::Yolox => "one output of 1 x cells x (5 + classes), with the cells of strides 8, 16 and 32",
            Self::YoloV8 => "one output of 1 x (4 + classes) x boxes",
            Self::NanoDet => {
                "one output of 1 x cells x (classes + 32), with the cells of strides 8, 16, 32 (and 64); or two of each stride, cells x \
                 classes and cells x 32"
            }
            Self::Ssd => {
                "boxes of 1 x N x 4 and scores of 1 x N x classes; or boxes, scores and classes of 1 x N; or one output of \
                 1 x 1 x N x 7"
            }
            Self::Classes => "one output of 1 x classes",
            Self::YuNet => "outputs of 1 x cells x 1, 1, 4 and 10 for strides 8, 16 and 32",
        }
    }
}

fn described(tensor: &Tensor) -> String {
    let name: String = tensor.name().chars().take(40).collect();
    format!("{name} {}", Shape(tensor.shape().to_vec()))
}

#[cfg(test)]
mod tests;

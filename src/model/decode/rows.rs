//! A tensor as rows of numbers.

use crate::model::{decode::Outputs, tensor::Tensor};

/// The last two axes of a tensor: rows of `width` numbers each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rows<'o> {
    values: &'o [f32],
    pub(super) count: usize,
    pub(super) width: usize,
}

impl<'o> Rows<'o> {
    /// The rows of a tensor of `1 x count x width`, or without the 1. None of its sides is 0.
    pub(super) fn of(tensor: &'o Tensor) -> Option<Self> {
        let (count, width) = match *tensor.shape() {
            [1, count, width] | [count, width] => (count, width),
            _ => return None,
        };
        (count > 0 && width > 0).then(|| Self { values: tensor.values(), count, width })
    }

    /// The rows of the only output.
    pub(super) fn only(outputs: Outputs<'o>) -> Option<Self> {
        match outputs.tensors {
            [tensor] => Self::of(tensor),
            _ => None,
        }
    }

    /// Each row.
    pub(super) fn iter(self) -> impl Iterator<Item = &'o [f32]> {
        self.values.chunks_exact(self.width)
    }
}

/// The number of classes, unless another one is known, or more than any network has.
pub(super) fn agreed(found: usize, outputs: Outputs<'_>) -> Option<usize> {
    let is_possible = (1..=MAX_CLASSES).contains(&found);
    (is_possible && outputs.classes.is_none_or(|known| known == found)).then_some(found)
}

/// ImageNet has 21843.
const MAX_CLASSES: usize = 30_000;

//! SSD, and others that give boxes as parts of the picture, in one of three forms:
//!
//! - boxes of `1 x N x 4` (left, upper, right, lower) and scores of `1 x N x classes`, of which the first is "nothing";
//! - boxes of `1 x N x 4`, and by their names the scores and the classes, `1 x N` each: with names of TensorFlow
//!   (`detection_boxes`) the boxes are upper, left, lower, right;
//! - one output of `1 x 1 x N x 7`: picture, class, score, left, upper, right, lower.

use super::{
    Outputs,
    rows::{Rows, agreed},
};
use crate::model::{
    candidate::{Candidates, best_class},
    tensor::Tensor,
};

/// Outputs in one of the forms.
enum Form<'o> {
    Scores { boxes: Rows<'o>, scores: Rows<'o> },
    Lists { boxes: Rows<'o>, scores: &'o [f32], classes: &'o [f32], is_upper_first: bool },
    Rows(&'o [f32]),
}

fn form<'o>(outputs: Outputs<'o>) -> Option<Form<'o>> {
    if let [tensor] = outputs.tensors {
        let [1, 1, _, 7] = *tensor.shape() else { return None };
        return Some(Form::Rows(tensor.values()));
    }
    let rows = |tensor: &'o Tensor| Some((tensor, Rows::of(tensor)?));
    let is_boxes = |(_, rows): &(&Tensor, Rows<'_>)| rows.width == 4 && rows.count > 1;
    let (boxes_tensor, boxes) = outputs.tensors.iter().filter_map(rows).find(is_boxes)?;
    let named = |words: [&str; 2]| {
        let is_list = |tensor: &&Tensor| matches!(*tensor.shape(), [1, n] | [n] if n == boxes.count);
        let has_name = |tensor: &&Tensor| words.iter().any(|word| tensor.name().to_lowercase().contains(word));
        outputs.tensors.iter().find(|tensor| is_list(tensor) && has_name(tensor)).map(Tensor::values)
    };
    if let (Some(scores), Some(classes)) = (named(["score", "conf"]), named(["class", "label"])) {
        let is_upper_first = boxes_tensor.name().to_lowercase().contains("detection_boxes");
        return Some(Form::Lists { boxes, scores, classes, is_upper_first });
    }
    let [one, other] = outputs.tensors else { return None };
    let scores = Rows::of(if std::ptr::eq(one, boxes_tensor) { other } else { one })?;
    (scores.count == boxes.count && scores.width > 1).then_some(Form::Scores { boxes, scores })
}

pub(super) fn classes(outputs: Outputs<'_>) -> Option<usize> {
    match form(outputs)? {
        Form::Scores { scores, .. } => agreed(scores.width, outputs),
        // Their classes are numbers, of which any may come.
        Form::Lists { .. } | Form::Rows(_) => Some(outputs.classes.unwrap_or(1)),
    }
}

pub(super) fn decode(outputs: Outputs<'_>, candidates: &mut Candidates<'_>) -> Option<()> {
    classes(outputs)?;
    let [width, height] = [outputs.input.width_px, outputs.input.height_px].map(|side| side as f32);
    let mut add = |class: usize, score: f32, [left, top, right, bottom]: [f32; 4]| {
        candidates.add(class, score, [left * width, top * height, right * width, bottom * height]);
    };
    match form(outputs)? {
        Form::Scores { boxes, scores } => {
            for (bounds, scores) in boxes.iter().zip(scores.iter()) {
                let best = best_class(scores.iter().copied());
                let Some((class, score)) = best.filter(|(class, _)| *class > 0) else { continue };
                add(class, score, four(bounds)?);
            }
        }
        Form::Lists { boxes, scores, classes, is_upper_first } => {
            for (bounds, (score, class)) in boxes.iter().zip(scores.iter().zip(classes)) {
                let [a, b, c, d] = four(bounds)?;
                let Some(class) = class_number(*class) else { continue };
                add(class, *score, if is_upper_first { [b, a, d, c] } else { [a, b, c, d] });
            }
        }
        Form::Rows(values) => {
            for row in values.as_chunks::<7>().0 {
                let [_, class, score, bounds @ ..] = row;
                let Some(class) = class_number(*class) else { continue };
                add(class, *score, *bounds);
            }
        }
    }
    Some(())
}

fn four(row: &[f32]) -> Option<[f32; 4]> {
    row.try_into().ok()
}

/// The number of a class that is written as any number.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is between 0 and 65535")]
fn class_number(number: f32) -> Option<usize> {
    (0.0..=65_535.0).contains(&number).then(|| usize::from(number as u16))
}

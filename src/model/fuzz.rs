//! Fuzz targets for networks: what their files say of themselves, their tables, and their outputs.

use super::{
    candidate::{Thresholds, suppress_overlapping},
    decode::{Decoder, Outputs},
    letterbox::{Fit, Letterbox},
    onnx,
    tensor::Tensor,
};
use crate::{config::Config, frame::Size};

/// The bytes of an ONNX file.
///
/// It is refused with one line, or has one input, and no more names than bytes.
pub fn onnx(input: &[u8]) {
    match onnx::survey(input) {
        Ok(survey) => {
            assert_eq!(survey.inputs.len(), 1);
            assert!(survey.nodes > 0 && survey.nodes <= input.len());
        }
        Err(error) => assert!(error.to_string().len() < 1000 && !error.to_string().contains('\n'), "{error}"),
    }
}

/// The bytes of a file with the keys of a model's table.
///
/// They are a manifest, or findings that can be read.
pub fn manifest(input: &[u8]) {
    match Config::parse_manifest("fuzz.toml", input) {
        Ok(manifest) => {
            assert!((0.0..=1.0).contains(&manifest.thresholds.default) && !manifest.timeout.is_zero());
            let preparation = manifest.preparation();
            assert!(preparation.mean.iter().chain(&preparation.scale).all(|number| number.is_finite()));
        }
        Err(diagnostics) => {
            let text = diagnostics.to_string();
            assert!(text.starts_with("fuzz.toml:") && text.len() < 200_000, "{text:.1000}");
        }
    }
}

/// Outputs of a network: sides of the input, then tensors, each with the number of its name, its axes, and values that repeat.
///
/// Whatever is found has a score and a box, and lies inside the picture.
pub fn outputs(input: &[u8]) {
    let [width, height, classes, rest @ ..] = input else { return };
    let input = Size { width_px: u32::from(*width), height_px: u32::from(*height) };
    let tensors = tensors(rest);
    let classes = (*classes > 0).then(|| usize::from(*classes));
    let outputs = Outputs { tensors: &tensors, input, classes };
    let thresholds = Thresholds { default: 0.1, by_class: vec![(1, 0.9), (2, 0.0)] };
    for (_, decoder) in Decoder::NAMES {
        let decoded = decoder.decode(outputs, &thresholds);
        assert_eq!(decoded.is_ok(), decoder.classes(outputs).is_some(), "{decoder:?}");
        let Ok(found) = decoded else { continue };
        for candidate in &found {
            assert!(candidate.score > 0.0 && candidate.score <= 1.0, "{candidate:?}");
            assert!(candidate.score >= thresholds.of(candidate.class), "{candidate:?}");
        }
        let best = suppress_overlapping(&found, 0.5);
        assert!(best.len() <= found.len() && best.first() == found.first());
        let picture = Size { width_px: 640, height_px: 480 };
        for (_, fit) in Fit::NAMES {
            let letterbox = Letterbox::new(picture, input, fit);
            for bounds in best.iter().filter_map(|candidate| letterbox.to_picture(candidate.bounds)) {
                assert!(bounds.x + bounds.width <= 640 && bounds.y + bounds.height <= 480, "{bounds:?}");
            }
        }
    }
}

/// Names that decoders know.
const NAMES: [&str; 12] = [
    "out", "cls_8", "obj_8", "bbox_8", "cls_16", "obj_16", "bbox_16", "cls_32", "obj_32", "bbox_32", "scores", "labels",
];

/// The most values of a tensor: many inputs are to be tried in a second.
const MAX_VALUES: usize = 20_000;

fn tensors(mut rest: &[u8]) -> Vec<Tensor> {
    let mut tensors = Vec::new();
    while let [name, axes, after @ ..] = rest {
        let Some((sides, after)) = after.split_at_checked(usize::from(axes % 5)) else { break };
        let [count, after @ ..] = after else { break };
        let Some((values, after)) = after.split_at_checked(4 * usize::from(*count)) else { break };
        rest = after;
        let shape: Vec<_> = sides.iter().map(|side| usize::from(*side)).collect();
        let wanted: usize = shape.iter().product();
        let values: Vec<_> = values.as_chunks().0.iter().map(|value| f32::from_le_bytes(*value)).collect();
        if wanted > MAX_VALUES || (wanted > 0 && values.is_empty()) {
            continue;
        }
        let values = values.into_iter().cycle().take(wanted).collect();
        let name = NAMES[usize::from(*name) % NAMES.len()];
        tensors.push(Tensor::new(name, &shape, values).expect("there are as many values"));
    }
    tensors
}

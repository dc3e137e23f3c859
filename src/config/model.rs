//! `[model.NAME]`: networks of the user's own.

use std::{collections::BTreeMap, time::Duration};

use serde::Deserialize;
use toml::Spanned;

use super::{
    value::{
        DecoderName, EngineName, FitName, Fraction, Label, LabelList, LayoutName, ModelPath, Name, OrderName,
        PerColour, Sha256, Table, Whole,
    },
    violation::Violation,
};
use crate::model::{
    candidate::Thresholds,
    detector::MAX_SIDE_PX,
    labels::Labels,
    manifest::{EngineChoice, Input, Manifest, labels_or_usual},
};

/// A model's table as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Model {
    file: ModelPath,
    sha256: Option<Sha256>,
    decoder: Option<DecoderName>,
    #[serde(default = "Model::engine")]
    engine: EngineName,
    #[serde(default)]
    labels: LabelList,
    #[serde(default = "Model::threshold")]
    threshold: Fraction,
    #[serde(default)]
    thresholds: BTreeMap<Label, Spanned<Fraction>>,
    #[serde(default = "Model::max_overlap")]
    max_overlap: Fraction,
    #[serde(default = "Model::timeout_ms")]
    timeout_ms: Whole<10, 600_000>,
    #[serde(default = "Model::max_memory_bytes")]
    max_memory_bytes: Whole<16_777_216, 4_294_967_295>,
    #[serde(default)]
    input: Table<ModelInput>,
}

/// There is no default of the whole table: it must have a file.
impl Model {
    const fn engine() -> EngineName {
        EngineName(EngineChoice::Auto)
    }

    fn threshold() -> Fraction {
        Fraction::thousandths::<500>()
    }

    fn max_overlap() -> Fraction {
        Fraction::thousandths::<450>()
    }

    const fn timeout_ms() -> Whole<10, 600_000> {
        Whole::of::<{ Manifest::TIMEOUT_MS }>()
    }

    const fn max_memory_bytes() -> Whole<16_777_216, 4_294_967_295> {
        Whole::of::<{ Manifest::MAX_MEMORY_BYTES }>()
    }
}

/// `[model.NAME.input]`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ModelInput {
    width_px: Option<Whole<16, MAX_SIDE_PX>>,
    height_px: Option<Whole<16, MAX_SIDE_PX>>,
    layout: Option<LayoutName>,
    order: Option<OrderName>,
    mean: Option<PerColour>,
    scale: Option<PerColour>,
    fit: Option<FitName>,
    fill: Option<Whole<0, 255>>,
}

/// All models as written.
pub(super) type Models = BTreeMap<Name, Table<Model>>;

/// The manifests of all models.
pub(super) fn check(models: &Models, violations: &mut Vec<Violation>) -> BTreeMap<String, Manifest> {
    models.iter().map(|(name, model)| (name.0.clone(), manifest(model, violations))).collect()
}

/// The manifest of a model. Finds thresholds for classes that there are none of.
pub(super) fn manifest(model: &Model, violations: &mut Vec<Violation>) -> Manifest {
    let decoder = model.decoder.map(|decoder| decoder.0);
    let labels = &labels_or_usual(model.labels.0.clone(), decoder);
    let mut by_class = Vec::new();
    for (Label(label), threshold) in &model.thresholds {
        match labels.class(label) {
            Some(class) => by_class.push((class, threshold.get_ref().f32())),
            None => {
                let whose =
                    if *labels == Labels::Unknown { "those of coco, which hold without labels" } else { "labels" };
                let what = format!("there is no class {label:?} in {whose}: write one that is, or remove this");
                violations.push(Violation::new(threshold.span(), what));
            }
        }
    }
    let input = &*model.input;
    Manifest {
        file: model.file.0.clone(),
        sha256: model.sha256.map(|hash| hash.0),
        engine: model.engine.0,
        decoder,
        input: Input {
            width_px: input.width_px.map(Whole::u32),
            height_px: input.height_px.map(Whole::u32),
            layout: input.layout.map(|layout| layout.0),
            order: input.order.map(|order| order.0),
            mean: input.mean.map(|mean| mean.0),
            scale: input.scale.map(|scale| scale.0),
            fit: input.fit.map(|fit| fit.0),
            fill: input.fill.map(Whole::u8),
        },
        labels: labels.clone(),
        thresholds: Thresholds { default: model.threshold.f32(), by_class },
        max_overlap: model.max_overlap.f32(),
        timeout: Duration::from_millis(model.timeout_ms.u32().into()),
        max_memory_bytes: model.max_memory_bytes.u32().into(),
    }
}

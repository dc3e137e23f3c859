//! `[camera.objects]`: what names tracks, how often, and which names are told.

use std::{collections::BTreeMap, ops::Range};

use serde::Deserialize;
use toml::Spanned;

use super::{OBJECT, ObjectsStage};
use crate::{
    config::{
        value::{Fraction, Whole},
        violation::Violation,
    },
    model::{labels::Labels, manifest::Manifest},
    stage::{OtherSettings, Stage, StageContext, StageSettings},
};

/// The table. The sample configuration says more of each key.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The model that is asked. Default: the only one that is configured; never `None` once that is checked.
    pub model: Option<Spanned<String>>,
    /// The labels that are told. Default: all that the model has.
    pub labels: Vec<Spanned<String>>,
    /// The least score of a name: the median of the last looks. Default 0.5.
    pub min_score: Fraction,
    /// The part of a core's time that questions may take. Default 0.5: the other half is for whatever shares the core.
    pub max_core_share: Spanned<Fraction>,
    /// How often the whole picture is looked at, for what does not move; 0: never. Default 30 s: a parked car is told within a
    /// minute, for one run of the model in that time.
    pub sweep_ms: Whole<0, 86_400_000>,
    /// How long a name holds before it is asked again. Default 5 s.
    pub ask_again_ms: Whole<500, 3_600_000>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            model: None,
            labels: Vec::new(),
            min_score: Fraction::thousandths::<500>(),
            max_core_share: Spanned::new(0..0, Fraction::thousandths::<500>()), // never told of: breaks no rule
            sweep_ms: Whole::of::<30_000>(),
            ask_again_ms: Whole::of::<5_000>(),
        }
    }
}

impl StageSettings for Settings {
    const EVENT_KINDS: &[&str] = &[OBJECT];

    const LABELS_TRACKS: bool = true;

    /// So that a network never holds up the other stages.
    const PROCESSOR: Option<&str> = Some("objects");

    fn check(&self, violations: &mut Vec<Violation>) {
        if self.max_core_share.get_ref().f32() <= 0.0 {
            let what = "without any time the model is never asked: write more than 0, or remove the table";
            violations.push(Violation::new(self.max_core_share.span(), what));
        }
    }

    fn resolve(&mut self, table: Range<usize>, others: &OtherSettings<'_>, violations: &mut Vec<Violation>) {
        let Some((name, manifest)) = self.model(&table, others.models, violations) else { return };
        let known =
            if manifest.labels == Labels::Unknown { "those of coco, which hold without labels" } else { "its labels" };
        for label in &self.labels {
            if manifest.labels.class(label.get_ref()).is_none() {
                let what = format!("the model {} has no class of this name in {known}", name);
                violations.push(Violation::new(label.span(), what));
            }
        }
        for (label, span) in others.masked {
            if manifest.labels.class(label).is_none() {
                let what = format!("the model {name} has no class of this name in {known}, so nothing would be masked");
                violations.push(Violation::new(span.clone(), what));
            } else if !self.labels.is_empty() && self.labels.iter().all(|wanted| wanted.get_ref() != label) {
                let what = "[camera.objects] leaves this label out, so nothing would be masked: add it to its labels";
                violations.push(Violation::new(span.clone(), what));
            }
        }
        if !others.masked.is_empty() && self.sweep_ms.u32() == 0 {
            let what = "a mask of this camera has labels, and only looks at whole pictures find what does not move: remove \
                        sweep_ms = 0, or remove the mask";
            violations.push(Violation::new(table.clone(), what));
        }
        // Masks with labels say so themselves.
        if !others.have_tracks && others.masked.is_empty() {
            let what = "the camera has no stage that follows what moves, so only whole pictures are looked at, every \
                        sweep_ms: add [camera.motion]";
            violations.push(Violation::warning(table.clone(), what));
        }
        let span = self.model.as_ref().map_or(table, Spanned::span);
        self.model = Some(Spanned::new(span, name));
    }

    fn models(&self) -> Option<&str> {
        self.model.as_ref().map(|name| name.get_ref().as_str())
    }

    fn build(&self, context: &StageContext) -> Box<dyn Stage> {
        Box::new(ObjectsStage::new(self, context))
    }
}

impl Settings {
    /// The model that is meant, and its name.
    fn model<'m>(
        &self,
        table: &Range<usize>,
        models: &'m BTreeMap<String, Manifest>,
        violations: &mut Vec<Violation>,
    ) -> Option<(String, &'m Manifest)> {
        let names = || models.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        let (span, what) = match &self.model {
            Some(name) => match models.get(name.get_ref()) {
                Some(manifest) => return Some((name.get_ref().clone(), manifest)),
                None if models.is_empty() => (name.span(), NO_MODEL.to_owned()),
                None => (name.span(), format!("there is no model of this name; there are: {}", names())),
            },
            None => match models.first_key_value() {
                Some((name, manifest)) if models.len() == 1 => return Some((name.clone(), manifest)),
                Some(_) => {
                    (table.clone(), format!("there are several models: add model = \"NAME\"; there are: {}", names()))
                }
                None => (table.clone(), NO_MODEL.to_owned()),
            },
        };
        violations.push(Violation::new(span, what).unless("model"));
        None
    }
}

const NO_MODEL: &str =
    "there is no model: add a table [model.NAME] with the file of a network (docs/models.md names some)";

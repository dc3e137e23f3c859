//! Privacy masks: parts of a camera's picture that nobody gets to see.

use serde::Deserialize;
use toml::Spanned;

use super::{
    labels::LabelFilter,
    names::Names,
    value::{Name, Polygon, Table},
    violation::Violation,
};
use crate::geometry::{area, sides_that_meet};

/// Masks of a camera at most. More are a mistake, or a picture of which nothing is left.
const MOST_MASKS: usize = 32;

/// Corners of a mask at most.
const MOST_CORNERS: usize = 64;

/// The smallest area of a mask, as a fraction of the picture: two pixels of 1920x1080.
const LEAST_AREA: f64 = 1e-6;

/// A mask as written: a part of the picture, or what a network calls so, wherever it goes, or only in that part.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mask {
    name: Option<Spanned<Name>>,
    polygon: Option<Spanned<Polygon>>,
    #[serde(default)]
    labels: LabelFilter,
}

impl Mask {
    /// A mask without a name.
    #[must_use]
    pub fn of(polygon: Vec<[f32; 2]>) -> Self {
        Self { name: None, polygon: Some(Spanned::new(0..0, Polygon(polygon))), labels: LabelFilter::default() }
    }

    /// A mask over what is called so, wherever it goes.
    #[must_use]
    pub fn over<'l>(labels: impl IntoIterator<Item = &'l str>) -> Self {
        Self { name: None, polygon: None, labels: LabelFilter::of(labels) }
    }

    /// The same mask, over what is called so alone.
    #[must_use]
    pub fn with_labels(self, labels: LabelFilter) -> Self {
        Self { labels, ..self }
    }

    /// What people call it.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_ref().map(|name| name.get_ref().0.as_str())
    }

    /// At least three corners, `[x, y]` in fractions of width and height from the upper left; `None` if it has none, and so is
    /// about the whole picture.
    #[must_use]
    pub fn polygon(&self) -> Option<&[[f32; 2]]> {
        self.polygon.as_ref().map(|polygon| polygon.get_ref().0.as_slice())
    }

    /// What it is over; without labels everything.
    #[must_use]
    pub fn labels(&self) -> &LabelFilter {
        &self.labels
    }

    /// Whether it is over what has its labels, and moves with that.
    #[must_use]
    pub fn is_moving(&self) -> bool {
        self.labels.is_set()
    }
}

/// The masks of a camera. Finds too many of them, names that stand twice, polygons that cover nothing or cross themselves, masks
/// over nothing, and labels if there is something `missing` in the camera without which nobody knows where they are.
pub(super) fn check(
    masks: &[Spanned<Table<Mask>>],
    missing: Option<&str>,
    violations: &mut Vec<Violation>,
) -> Vec<Mask> {
    if let Some(first) = masks.get(MOST_MASKS) {
        let what = format!(
            "is the first of {} masks too many: a camera can have {MOST_MASKS}; join masks that lie side by side",
            masks.len() - MOST_MASKS
        );
        violations.push(Violation::new(first.span(), what));
        return Vec::new();
    }
    let mut names = Names::of("mask of this camera");
    for mask in masks {
        let Mask { name, polygon, labels } = &**mask.get_ref();
        violations.extend(name.as_ref().and_then(|name| names.add(name)));
        let written = polygon.as_ref().and_then(|polygon| Some((polygon.span(), fault(&polygon.get_ref().0)?)));
        violations.extend(written.map(|(span, what)| Violation::new(span, what)));
        labels.check_not_empty(violations);
        violations.extend(
            labels
                .span()
                .filter(|_| labels.is_set())
                .and_then(|span| Some(Violation::new(span, format!("nobody would know what to mask: {}", missing?)))),
        );
        if polygon.is_none() && labels.span().is_none() {
            let what = "must have a polygon, or labels: add a line polygon = ... or labels = [...]";
            violations.push(Violation::new(mask.span(), what).unless("polygon").unless("labels"));
        }
    }
    masks.iter().map(|mask| (**mask.get_ref()).clone()).collect()
}

/// What is wrong with a polygon of a mask.
fn fault(corners: &[[f32; 2]]) -> Option<String> {
    if corners.len() > MOST_CORNERS {
        let count = corners.len();
        return Some(format!(
            "has {count} corners, but a mask can have {MOST_CORNERS}: leave some out, or make two masks"
        ));
    }
    if let Some([[a, b], [c, d]]) = sides_that_meet(corners) {
        let [a, b, c, d] = [a, b, c, d].map(|[x, y]| format!("[{x:.4}, {y:.4}]"));
        return Some(format!(
            "must not cross or touch itself, but the side from {a} to {b} meets that from {c} to {d}: list the corners in \
             the order in which they follow each other along the edge"
        ));
    }
    (area(corners) < LEAST_AREA).then(|| "must cover a part of the picture, but it has no area".to_owned())
}

#[cfg(test)]
mod tests {
    use super::fault;

    #[test]
    fn outlines_with_one() {
        let bad: &[(&[[f32; 2]], &str)] = &[
            (&[[0.0, 0.0], [1.0, 1.0], [1.0, 0.0], [0.0, 1.0]], "must not cross"),
            (&[[0.0, 0.0], [1.0, 0.0], [1.0, 0.000_001]], "no area"),
            (&[[0.1, 0.1]; 65], "65 corners"),
        ];
        for (corners, what) in bad {
            let found = fault(corners).unwrap_or_default();
            assert!(found.contains(what), "{corners:?}: {found}");
        }
    }
}

//! `[[camera.line]]`: lines that are counted over.

use serde::Deserialize;
use toml::Spanned;

use super::{
    labels::{self, LabelFilter},
    names::Names,
    value::{Corner, Fraction, Name, Table},
    violation::Violation,
};
use crate::stage::Stages;

/// The most lines of a camera: each takes its part in every result.
pub(super) const MAX_LINES: usize = 32;

/// A line as written: from one point to another, and what its two directions are called.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    name: Spanned<Name>,
    from: Corner,
    to: Spanned<Corner>,
    #[serde(default = "Line::inwards")]
    left_to_right: Spanned<Name>,
    #[serde(default = "Line::outwards")]
    right_to_left: Spanned<Name>,
    #[serde(default = "Line::default_dead_band")]
    dead_band: Fraction,
    #[serde(default)]
    labels: LabelFilter,
}

impl Line {
    /// A line with the default names and dead band.
    #[must_use]
    pub fn new(name: &str, from: [f32; 2], to: [f32; 2]) -> Self {
        Self {
            name: Spanned::new(0..0, Name(name.to_owned())),
            from: Corner(from),
            to: Spanned::new(0..0, Corner(to)),
            left_to_right: Self::inwards(),
            right_to_left: Self::outwards(),
            dead_band: Self::default_dead_band(),
            labels: LabelFilter::default(),
        }
    }

    /// The same line, over which tracks of these labels alone are counted.
    #[must_use]
    pub fn with_labels(self, labels: LabelFilter) -> Self {
        Self { labels, ..self }
    }

    /// Its name, which events and counters carry.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name.get_ref().0
    }

    /// Its two ends, `[x, y]` in fractions of the picture's width and height.
    #[must_use]
    pub fn ends(&self) -> [[f32; 2]; 2] {
        [self.from.0, self.to.get_ref().0]
    }

    /// What its directions are called, as somebody sees them who looks from its first end to the second: from left to right, and
    /// from right to left.
    #[must_use]
    pub fn directions(&self) -> [&str; 2] {
        [&self.left_to_right, &self.right_to_left].map(|name| name.get_ref().0.as_str())
    }

    /// How far from it a track must be to be on one side, as a part of the picture's height.
    #[must_use]
    pub fn dead_band(&self) -> f32 {
        self.dead_band.f32()
    }

    /// Which tracks are counted; without labels all of them.
    #[must_use]
    pub fn labels(&self) -> &LabelFilter {
        &self.labels
    }

    fn inwards() -> Spanned<Name> {
        Spanned::new(0..0, Name("in".to_owned()))
    }

    fn outwards() -> Spanned<Name> {
        Spanned::new(0..0, Name("out".to_owned()))
    }

    fn default_dead_band() -> Fraction {
        Fraction::thousandths::<10>()
    }
}

/// Finds lines of no length, directions of one name, names that stand twice, lines of a camera on which nothing is followed, and
/// labels that no stage finds out.
pub(super) fn check(lines: &[Spanned<Table<Line>>], stages: &Stages, violations: &mut Vec<Violation>) {
    let mut names = Names::of("line of this camera");
    for written in lines {
        let line = &**written.get_ref();
        violations.extend(names.add(&line.name));
        line.labels.check_not_empty(violations);
        if !stages.label_tracks() {
            violations.extend(labels::unknown(&line.labels, "nothing is counted over this line"));
        }
        if line.from == *line.to.get_ref() {
            violations.push(Violation::new(line.to.span(), "must be another point than from: a line has a length"));
        }
        if line.left_to_right == line.right_to_left {
            let what = "both directions have this name: choose another for left_to_right or right_to_left";
            // One of them may be the default, which stands nowhere.
            let spans = [&line.right_to_left, &line.left_to_right].map(Spanned::span);
            let written = spans.into_iter().max_by_key(|span| span.len()).unwrap_or_default();
            violations.push(Violation::new(written, what));
        }
    }
    if let Some(first) = lines.first().filter(|_| !stages.have_tracks()) {
        let what =
            "a line counts what the motion stage follows: add [camera.motion] to this camera, or remove the line";
        violations.push(Violation::new(first.span(), what).unless("camera.motion"));
    }
    if let Some(surplus) = lines.get(MAX_LINES) {
        violations.push(Violation::new(
            surplus.span(),
            format!("a camera has at most {MAX_LINES} lines: remove this one and those below it"),
        ));
    }
}

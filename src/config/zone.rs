//! Zones: parts of the picture with a meaning, as the tables of several stages have them.

use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::{
    labels::{self, LabelFilter},
    names::Names,
    value::{Name, Polygon, Table, Whole},
    violation::Violation,
};
use crate::geometry::{contains, sides_that_meet};

/// The most zones of a stage.
pub const MAX_ZONES: usize = 256;

/// A part of the picture as written: with a name, or ignored.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Zone {
    name: Option<Spanned<Name>>,
    #[serde(default)]
    ignore: bool,
    #[serde(default)]
    visits: Option<Spanned<bool>>,
    loitering_after_ms: Option<Spanned<Whole<1_000, 86_400_000>>>,
    #[serde(default)]
    labels: LabelFilter,
    polygon: Polygon,
}

impl Zone {
    /// A zone whose events carry its name.
    #[must_use]
    pub fn named(name: &str, polygon: Vec<[f32; 2]>) -> Self {
        Self { name: Some(Spanned::new(0..0, Name(name.to_owned()))), ..Self::of(polygon) }
    }

    /// A zone in which nothing counts.
    #[must_use]
    pub fn ignored(polygon: Vec<[f32; 2]>) -> Self {
        Self { ignore: true, ..Self::of(polygon) }
    }

    fn of(polygon: Vec<[f32; 2]>) -> Self {
        let polygon = Polygon(polygon);
        Self {
            name: None,
            ignore: false,
            visits: None,
            loitering_after_ms: None,
            labels: LabelFilter::default(),
            polygon,
        }
    }

    /// The same zone, about tracks of these labels alone.
    #[must_use]
    pub fn with_labels(self, labels: LabelFilter) -> Self {
        Self { labels, ..self }
    }

    /// The name that events in it carry; `None` if it is ignored.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_ref().map(|name| name.get_ref().0.as_str())
    }

    /// Whether what is in it does not count: a waving tree, a road; if it has labels, only what is called so.
    #[must_use]
    pub fn is_ignored(&self) -> bool {
        self.ignore
    }

    /// Which tracks it is about: those that count in it, or those that do not if it is ignored. Without labels all of them.
    #[must_use]
    pub fn labels(&self) -> &LabelFilter {
        &self.labels
    }

    /// Whether each track that is in it is an event.
    #[must_use]
    pub fn has_visits(&self) -> bool {
        self.visits.as_ref().is_some_and(|visits| *visits.get_ref())
    }

    /// How long a track must be in it to be an event of its own.
    #[must_use]
    pub fn loitering_after(&self) -> Option<Duration> {
        self.loitering_after_ms.as_ref().map(|after| after.get_ref().ms())
    }

    /// At least three corners, `[x, y]` in fractions of width and height from the upper left.
    #[must_use]
    pub fn polygon(&self) -> &[[f32; 2]] {
        &self.polygon.0
    }

    /// Whether a point is in it, `[x, y]` in the same fractions.
    #[must_use]
    pub fn contains(&self, point: [f32; 2]) -> bool {
        contains(self.polygon(), point)
    }
}

/// Finds zones that are neither named nor ignored, or both, names that stand twice, sides that cross, and zones beyond the most.
pub(crate) fn check(zones: &[Spanned<Table<Zone>>], violations: &mut Vec<Violation>) {
    if let Some(surplus) = zones.get(MAX_ZONES) {
        let what = format!("a stage has at most {MAX_ZONES} zones: remove this one and those below it");
        violations.push(Violation::new(surplus.span(), what));
    }
    let mut names = Names::of("zone of this camera");
    for zone in zones {
        let Zone { name, ignore, visits, loitering_after_ms, labels, .. } = &**zone.get_ref();
        let of_tracks = [visits.as_ref().map(Spanned::span), loitering_after_ms.as_ref().map(Spanned::span)];
        if sides_that_meet(zone.get_ref().polygon()).is_some() {
            let what = "its sides cross or touch each other, so that parts of it count as outside; give its corners in order. The next \
                        version of fovea will not accept it";
            violations.push(Violation::warning(zone.span(), what));
        }
        for span in of_tracks.into_iter().flatten().filter(|_| *ignore) {
            violations
                .push(Violation::new(span, "an ignored zone has no events: remove this key, or remove ignore = true"));
        }
        labels.check_not_empty(violations);
        violations.extend(name.as_ref().and_then(|name| names.add(name)));
        match (name, ignore) {
            (Some(name), true) => {
                let what =
                    "an ignored zone has no events, so it needs no name: remove the name, or remove ignore = true";
                violations.push(Violation::new(name.span(), what));
            }
            (None, false) => {
                let what =
                    "must have either a name, which its events carry, or ignore = true, so that nothing in it counts";
                violations.push(Violation::new(zone.span(), what));
            }
            _ => {}
        }
    }
}

/// Tells of zones with labels of a camera of which no stage finds out labels.
pub(super) fn check_labels<'z>(zones: impl IntoIterator<Item = &'z Zone>, violations: &mut Vec<Violation>) {
    let told = |zone: &Zone| {
        let consequence = if zone.is_ignored() {
            "motion in this zone counts three seconds late"
        } else {
            "nothing counts in this zone"
        };
        labels::unknown(&zone.labels, consequence)
    };
    violations.extend(zones.into_iter().filter_map(told));
}

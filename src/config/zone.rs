//! Zones: parts of the picture with a meaning, as the tables of several stages have them.

use serde::Deserialize;
use toml::Spanned;

use super::{
    names::Names,
    value::{Name, Polygon, Table},
    violation::Violation,
};

/// A part of the picture as written: with a name, or ignored.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Zone {
    name: Option<Spanned<Name>>,
    #[serde(default)]
    ignore: bool,
    polygon: Polygon,
}

impl Zone {
    /// A zone whose events carry its name.
    #[must_use]
    pub fn named(name: &str, polygon: Vec<[f32; 2]>) -> Self {
        Self { name: Some(Spanned::new(0..0, Name(name.to_owned()))), ignore: false, polygon: Polygon(polygon) }
    }

    /// A zone in which nothing counts.
    #[must_use]
    pub fn ignored(polygon: Vec<[f32; 2]>) -> Self {
        Self { name: None, ignore: true, polygon: Polygon(polygon) }
    }

    /// The name that events in it carry; `None` if it is ignored.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_ref().map(|name| name.get_ref().0.as_str())
    }

    /// Whether nothing in it counts: a waving tree, a road.
    #[must_use]
    pub fn is_ignored(&self) -> bool {
        self.ignore
    }

    /// At least three corners, `[x, y]` in fractions of width and height from the upper left.
    #[must_use]
    pub fn polygon(&self) -> &[[f32; 2]] {
        &self.polygon.0
    }
}

/// Finds zones that are neither named nor ignored, or both, and names that stand twice.
pub(crate) fn check(zones: &[Spanned<Table<Zone>>], violations: &mut Vec<Violation>) {
    let mut names = Names::of("zone of this camera");
    for zone in zones {
        let Zone { name, ignore, .. } = &**zone.get_ref();
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

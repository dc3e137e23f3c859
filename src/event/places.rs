//! Places: in which of a camera's zones a thing is of which it is known what it is.

use std::sync::Arc;

use crate::{
    config::{labels::LabelFilter, zone::Zone},
    geometry::contains,
};

/// The zones of a camera.
#[derive(Debug, Default)]
pub struct Places {
    named: Vec<(Arc<str>, Part)>,
    ignored: Vec<Part>,
}

/// A named zone, or what is outside of all of them.
pub type Place = Option<Arc<str>>;

/// A part of the picture, and what it is about.
#[derive(Debug)]
struct Part {
    polygon: Vec<[f32; 2]>,
    labels: LabelFilter,
}

impl Places {
    /// Those in these zones.
    #[must_use]
    pub fn new<'z>(zones: impl IntoIterator<Item = &'z Zone>) -> Self {
        let mut places = Self::default();
        for zone in zones {
            let part = Part { polygon: zone.polygon().to_vec(), labels: zone.labels().clone() };
            match zone.name() {
                Some(name) => places.named.push((name.into(), part)),
                None => places.ignored.push(part),
            }
        }
        places
    }

    /// Where something that is called `label` is: every named zone that has its foot point and is about it, or outside of them.
    /// Nowhere if it is nothing there.
    #[must_use]
    pub fn of(&self, label: &str, foot_point: [f32; 2]) -> Vec<Place> {
        if self.ignored.iter().any(|part| part.has(label, foot_point)) {
            return Vec::new();
        }
        let named: Vec<_> = self
            .named
            .iter()
            .filter(|(_, part)| part.has(label, foot_point))
            .map(|(name, _)| Some(name.clone()))
            .collect();
        if named.is_empty() { vec![None] } else { named }
    }
}

impl Part {
    fn has(&self, label: &str, foot_point: [f32; 2]) -> bool {
        self.labels.passes(Some(label)) && contains(&self.polygon, foot_point)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_is_in_the_zones_that_are_about_it_or_outside_or_nothing() {
        let lower = || vec![[0.0, 0.5], [1.0, 0.5], [1.0, 1.0], [0.0, 1.0]];
        let zones = [
            Zone::named("yard", lower()),
            Zone::named("door", lower()).with_labels(LabelFilter::of(["person"])),
            Zone::ignored(lower()).with_labels(LabelFilter::of(["car"])),
            Zone::ignored(vec![[0.0, 0.0], [0.2, 0.0], [0.2, 0.2], [0.0, 0.2]]),
        ];
        let places = Places::new(&zones);
        let of = |label: &str, foot_point: [f32; 2]| {
            let names = places.of(label, foot_point).into_iter().map(|place| place.map(|name| name.to_string()));
            names.collect::<Vec<_>>()
        };
        let named = |name: &str| Some(name.to_owned());
        assert_eq!(of("person", [0.5, 0.9]), [named("yard"), named("door")]);
        assert_eq!(of("dog", [0.5, 0.9]), [named("yard")]);
        assert_eq!(of("car", [0.5, 0.9]), [], "it is nothing there");
        assert_eq!(of("car", [0.5, 0.3]), [None]);
        assert_eq!(of("person", [0.1, 0.1]), [], "nothing counts there");
    }
}

//! Places: in which of a camera's zones a thing is of which it is known what it is.

use std::sync::Arc;

use crate::config::zone::Zone;

/// The zones of a camera.
#[derive(Debug, Default)]
pub struct Places {
    named: Vec<(Arc<str>, Zone)>,
    ignored: Vec<Zone>,
}

/// A named zone, or what is outside of all of them.
pub type Place = Option<Arc<str>>;

impl Places {
    /// Those in these zones.
    #[must_use]
    pub fn new<'z>(zones: impl IntoIterator<Item = &'z Zone>) -> Self {
        let mut places = Self::default();
        for zone in zones {
            match zone.name() {
                Some(name) => places.named.push((name.into(), zone.clone())),
                None => places.ignored.push(zone.clone()),
            }
        }
        places
    }

    /// Where something that is called `label` is: every named zone that has its foot point and is about it, or outside of them.
    /// Nowhere if it is nothing there.
    #[must_use]
    pub fn of(&self, label: &str, foot_point: [f32; 2]) -> Vec<Place> {
        let is_there = |zone: &Zone| zone.labels().passes(Some(label)) && zone.contains(foot_point);
        if self.ignored.iter().any(is_there) {
            return Vec::new();
        }
        let named: Vec<_> =
            self.named.iter().filter(|(_, zone)| is_there(zone)).map(|(name, _)| Some(name.clone())).collect();
        if named.is_empty() { vec![None] } else { named }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::labels::LabelFilter;

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

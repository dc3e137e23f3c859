//! Zones in which tracks of some labels are nothing: cars on the road.

use std::time::Duration;

use crate::config::zone::Zone;

/// How long a track there may take to get its label. After that it counts: what nobody can name may be anybody.
const NAMED_WITHIN: Duration = Duration::from_secs(3);

/// The ignored zones of a camera that have labels.
#[derive(Debug, Default)]
pub struct IgnoredLabels(Vec<Zone>);

/// What a track is at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Something, whatever it is.
    Counts,
    /// Nothing.
    Ignored,
    /// It may still turn out to be nothing.
    Unnamed,
}

impl IgnoredLabels {
    /// Those among these zones.
    #[must_use]
    pub fn new<'z>(zones: impl IntoIterator<Item = &'z Zone>) -> Self {
        Self(zones.into_iter().filter(|zone| zone.is_ignored() && zone.labels().is_set()).cloned().collect())
    }

    /// What a track is whose foot point is there, and which has been followed for this long.
    #[must_use]
    pub fn judge(&self, label: Option<&str>, foot_point: [f32; 2], followed_for: Duration) -> Verdict {
        let mut around = self.0.iter().filter(|zone| zone.contains(foot_point)).peekable();
        if around.peek().is_none() {
            return Verdict::Counts;
        }
        match label {
            None if followed_for < NAMED_WITHIN => Verdict::Unnamed,
            Some(_) if around.any(|zone| zone.labels().passes(label)) => Verdict::Ignored,
            _ => Verdict::Counts,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::labels::LabelFilter;

    const ROAD: [f32; 2] = [0.5, 0.9];
    const SOON: Duration = Duration::from_secs(1);

    fn road() -> IgnoredLabels {
        let polygon = vec![[0.0, 0.8], [1.0, 0.8], [1.0, 1.0], [0.0, 1.0]];
        let labelled = Zone::ignored(polygon.clone()).with_labels(LabelFilter::of(["car", "bus"]));
        IgnoredLabels::new(&[labelled, Zone::named("yard", polygon.clone()), Zone::ignored(polygon)])
    }

    #[test]
    fn only_what_is_called_so_is_nothing_and_only_there() {
        assert_eq!(road().judge(Some("car"), ROAD, SOON), Verdict::Ignored);
        assert_eq!(road().judge(Some("person"), ROAD, SOON), Verdict::Counts);
        assert_eq!(road().judge(Some("car"), [0.5, 0.5], SOON), Verdict::Counts);
        assert_eq!(road().judge(None, [0.5, 0.5], SOON), Verdict::Counts);
    }

    #[test]
    fn what_has_no_label_waits_for_it_but_not_for_ever() {
        assert_eq!(road().judge(None, ROAD, SOON), Verdict::Unnamed);
        assert_eq!(road().judge(None, ROAD, NAMED_WITHIN), Verdict::Counts);
        assert_eq!(road().judge(Some("bus"), ROAD, NAMED_WITHIN), Verdict::Ignored);
    }
}

//! `labels`: what a zone, a line or an output is about, by what a network calls it.

use serde::Deserialize;
use toml::Spanned;

use super::{diagnostic::Span, value::Label, violation::Violation};

/// The most labels of a filter: a few words, not all that a network knows.
const MAX_LABELS: usize = 64;

/// The labels that are wanted, as written; without a list there is no condition.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(transparent)]
pub struct LabelFilter(Option<Spanned<Vec<Spanned<Label>>>>);

impl LabelFilter {
    /// A filter that only these labels pass.
    #[must_use]
    pub fn of<'l>(labels: impl IntoIterator<Item = &'l str>) -> Self {
        let labels = labels.into_iter().map(|label| Spanned::new(0..0, Label(label.to_owned())));
        Self(Some(Spanned::new(0..0, labels.collect())))
    }

    /// Whether there is any condition.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.names().next().is_some()
    }

    /// Whether this label passes. What has none passes if there is no condition.
    #[must_use]
    pub fn passes(&self, label: Option<&str>) -> bool {
        !self.is_set() || label.is_some_and(|label| self.names().any(|name| name == label))
    }

    /// The labels.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.written().iter().map(|label| label.get_ref().0.as_str())
    }

    /// The labels and where they stand.
    pub(super) fn spanned_names(&self) -> impl Iterator<Item = (&str, Span)> {
        self.written().iter().map(|label| (label.get_ref().0.as_str(), label.span()))
    }

    /// Where the list is; `None` if there is none.
    pub(super) fn span(&self) -> Option<Span> {
        self.0.as_ref().map(Spanned::span)
    }

    /// Finds labels that stand twice, and those beyond the most.
    pub(super) fn check(&self, violations: &mut Vec<Violation>) {
        let labels = self.written();
        for (number, label) in labels.iter().enumerate().take(MAX_LABELS) {
            if labels[..number].iter().any(|earlier| earlier.get_ref() == label.get_ref()) {
                violations.push(Violation::new(label.span(), "stands in this list already: remove it"));
            }
        }
        if let Some(surplus) = labels.get(MAX_LABELS) {
            let what = format!("a list has at most {MAX_LABELS} labels: remove this one and those behind it");
            violations.push(Violation::new(surplus.span(), what));
        }
    }

    /// The same for a list that means nothing without a label in it.
    pub(super) fn check_not_empty(&self, violations: &mut Vec<Violation>) {
        self.check(violations);
        if let Some(span) = self.span().filter(|_| !self.is_set()) {
            let what = "must name at least one label, like [\"person\"]; or remove this key";
            violations.push(Violation::new(span, what).unless_element());
        }
    }

    fn written(&self) -> &[Spanned<Label>] {
        self.0.as_ref().map(|labels| labels.get_ref().as_slice()).unwrap_or_default()
    }
}

/// What is told of labels that no stage of the camera finds out.
pub(super) fn unknown(filter: &LabelFilter, consequence: &str) -> Option<Violation> {
    let what = format!("no stage of this camera finds out labels, so {consequence}: add [camera.objects]");
    filter.span().map(|span| Violation::warning(span, what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_list_everything_passes_and_with_one_only_what_is_in_it() {
        for none in [LabelFilter::default(), LabelFilter::of([])] {
            assert!(none.passes(None) && none.passes(Some("cat")) && !none.is_set());
        }
        let animals = LabelFilter::of(["cat", "dog"]);
        assert!(animals.passes(Some("cat")) && animals.passes(Some("dog")));
        for other in [None, Some("person"), Some("Cat"), Some("")] {
            assert!(!animals.passes(other), "{other:?}");
        }
    }
}

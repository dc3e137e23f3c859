//! A rule that the configuration breaks, although each of its values is right by itself.

use super::diagnostic::Span;

/// A broken rule.
#[derive(Debug)]
pub struct Violation {
    /// What it is said of.
    pub(super) span: Span,
    /// What would be right.
    pub(super) what: String,
    /// The keys of which one is missed, with their tables, or in the table at `span`. If one is there, but wrong by itself, that is
    /// all there is to tell.
    pub(super) missed: Vec<&'static str>,
    /// It lacks an element. If one is there, but wrong by itself, that is all there is to tell.
    pub(super) lacks_element: bool,
    /// It is accepted and told: earlier versions accepted it and the next will not, or it has no effect.
    pub(super) is_warning: bool,
}

impl Violation {
    /// Says of what stands at `span` what would be right.
    pub(crate) fn new(span: Span, what: impl Into<String>) -> Self {
        Self { span, what: what.into(), missed: Vec::new(), lacks_element: false, is_warning: false }
    }

    /// The same of what is accepted for now, or has no effect.
    pub(crate) fn warning(span: Span, what: impl Into<String>) -> Self {
        Self { is_warning: true, ..Self::new(span, what) }
    }

    /// The same, unless an element at `span` is wrong by itself.
    pub(super) fn unless_element(self) -> Self {
        Self { lacks_element: true, ..self }
    }

    /// The same, unless the key `missed` is there and wrong by itself.
    pub(crate) fn unless(mut self, missed: &'static str) -> Self {
        self.missed.push(missed);
        self
    }
}

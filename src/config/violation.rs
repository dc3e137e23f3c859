//! A rule that the configuration breaks, although each of its values is right by itself.

use super::diagnostic::Span;

/// A broken rule.
#[derive(Debug)]
pub struct Violation {
    /// What it is said of.
    pub(super) span: Span,
    /// What would be right.
    pub(super) what: String,
    /// The key that is missed. If it is there, but wrong by itself, that is all there is to tell.
    pub(super) missed: Option<&'static str>,
}

impl Violation {
    /// Says of what stands at `span` what would be right.
    pub(crate) fn new(span: Span, what: impl Into<String>) -> Self {
        Self { span, what: what.into(), missed: None }
    }
}

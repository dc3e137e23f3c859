//! Names that must be different.

use std::collections::HashSet;

use toml::Spanned;

use super::{value::Name, violation::Violation};

/// Names given so far to things of one kind.
#[derive(Debug)]
pub(super) struct Names<'f> {
    kind: &'static str,
    given: HashSet<&'f Name>,
}

impl<'f> Names<'f> {
    /// None yet, of things that are called `kind`.
    pub(super) fn of(kind: &'static str) -> Self {
        Self { kind, given: HashSet::new() }
    }

    /// Adds a name; what is wrong if it was given before.
    pub(super) fn add(&mut self, name: &'f Spanned<Name>) -> Option<Violation> {
        let is_new = self.given.insert(name.get_ref());
        let what = || format!("another {} has this name: choose a different one", self.kind);
        (!is_new).then(|| Violation::new(name.span(), what()))
    }
}

//! What is said of one frame.

use crate::system::clock::Monotonic;

/// What makes a camera blind to its view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// Nothing of the view is left, and nothing else is there.
    Covered,
    /// The view is in its place, but all fine structure is gone.
    Defocused,
    /// Another view.
    Moved,
    /// The same frame again and again.
    Frozen,
}

impl Reason {
    /// Its name in events.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Covered => "covered",
            Self::Defocused => "defocused",
            Self::Moved => "moved",
            Self::Frozen => "frozen",
        }
    }
}

/// What one frame shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The view that was learnt.
    InPlace,
    /// Something else.
    Changed(Reason),
    /// The same as all frames since then.
    Frozen(Monotonic),
    /// Too little to compare: nothing is learnt yet, or the view has no structure, or noise hides it.
    Unknown,
    /// Too little light to say anything.
    Dark,
}

//! A clip at the pace at which it was filmed, however many frames are sent: whether the stages take a scene for fog, or for a new
//! one, depends on how fast it changes.

use std::time::{Duration, Instant};

/// The clip is of 10 Hz.
const EVERY: Duration = Duration::from_millis(100);

/// A clip that is shown forward and backward, so that nothing jumps.
#[derive(Clone, Copy)]
pub(crate) struct Showing {
    begin: Instant,
    pictures: usize,
}

impl Showing {
    /// It goes on where it is after this time.
    pub(crate) fn after(played: Duration, pictures: usize) -> Self {
        Self { begin: Instant::now() - played, pictures }
    }

    /// The number of the picture that is shown now.
    pub(crate) fn picture(self) -> usize {
        let there_and_back = 2 * (self.pictures - 1);
        let shown = self.begin.elapsed().as_millis() / EVERY.as_millis();
        let at = usize::try_from(shown).expect("a bench ends") % there_and_back;
        at.min(there_and_back - at)
    }
}

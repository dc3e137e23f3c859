//! What is counted of one output: of all its subscribers together.

use std::sync::atomic::{AtomicU64, Ordering};

use strum::{EnumCount, IntoStaticStr, VariantArray};

/// The counters of the output called `name`.
#[derive(Debug)]
pub struct OutputMetrics {
    name: &'static str,
    dropped: AtomicU64,
    outcomes: [AtomicU64; Outcome::COUNT],
}

/// What becomes of an event that an output sends to another machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumCount, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Outcome {
    /// It is there.
    Delivered,
    /// It is there, late.
    Late,
    /// It was not taken this time.
    Failed,
    /// It will never be taken.
    Refused,
    /// It was tried for as long as is configured.
    Expired,
}

impl OutputMetrics {
    /// Nothing was dropped yet.
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        Self { name, dropped: AtomicU64::new(0), outcomes: Default::default() }
    }

    /// The output's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Counts a message that a subscriber lost because it was slow.
    pub fn count_dropped(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed); // read by itself
    }

    /// Messages lost by slow subscribers since the start.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed) // read by itself
    }

    /// Counts what became of an event.
    pub fn count(&self, outcome: Outcome) {
        self.outcomes[outcome as usize].fetch_add(1, Ordering::Relaxed); // read by itself
    }

    /// What became of events since the start, by outcome.
    pub fn outcomes(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let read = |outcome: &Outcome| self.outcomes[*outcome as usize].load(Ordering::Relaxed); // read by itself
        Outcome::VARIANTS.iter().map(move |outcome| (outcome.into(), read(outcome)))
    }
}

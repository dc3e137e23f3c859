//! What is counted of one output: of all its subscribers together.

use std::sync::atomic::{AtomicU64, Ordering};

/// The counters of the output called `name`.
#[derive(Debug)]
pub struct OutputMetrics {
    name: &'static str,
    dropped: AtomicU64,
}

impl OutputMetrics {
    /// Nothing was dropped yet.
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        Self { name, dropped: AtomicU64::new(0) }
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
}

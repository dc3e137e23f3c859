//! Telling what a peer can cause without letting it fill the journal: counted, and told at most once a second.

use std::{
    fmt,
    time::{Duration, Instant},
};

use crate::sync::Mutex;

/// The shortest time between two lines of one kind.
const PAUSE: Duration = Duration::from_secs(1);

/// Decides for one kind of log line which of them are told.
#[derive(Debug, Default)]
pub struct Tally(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    told: Option<Instant>,
    untold: u64,
}

/// How many lines of the kind were left out since the last one told. Displayed behind the line: `(and 41 more)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Untold(u64);

impl Tally {
    /// Counts one occurrence; `Some` when it is to be told.
    pub fn count(&self) -> Option<Untold> {
        self.count_at(Instant::now())
    }

    fn count_at(&self, now: Instant) -> Option<Untold> {
        let mut state = self.0.lock();
        if state.told.is_some_and(|told| now < told + PAUSE) {
            state.untold += 1;
            return None;
        }
        state.told = Some(now);
        Some(Untold(std::mem::take(&mut state.untold)))
    }
}

impl fmt::Display for Untold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => Ok(()),
            more => write!(f, " (and {more} more since the last such line)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_one_line_a_second_and_a_count() {
        let (tally, start) = (Tally::default(), Instant::now());
        let told: Vec<_> = (0..25).filter_map(|n| tally.count_at(start + n * Duration::from_millis(100))).collect();
        assert_eq!(told, [Untold(0), Untold(9), Untold(9)]);
        assert_eq!(told[1].to_string(), " (and 9 more since the last such line)");
    }
}

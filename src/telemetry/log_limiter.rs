//! Limits log lines that a peer can cause, so that no peer can fill the journal: one line a second, and a count of the rest.

use std::{
    fmt,
    time::{Duration, Instant},
};

use crate::sync::Mutex;

/// The shortest time between two lines of one kind.
const PAUSE: Duration = Duration::from_secs(1);

/// Limits one kind of log line.
#[derive(Debug, Default)]
pub struct LogLimiter(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    last_line: Option<Instant>,
    suppressed: u64,
}

/// How many lines of this kind were left out since the last one. Its text follows the line: `(and 41 more ...)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suppressed(u64);

impl LogLimiter {
    /// Counts one occurrence. Returns `Some` if it should be logged.
    pub fn check(&self) -> Option<Suppressed> {
        self.check_at(Instant::now())
    }

    fn check_at(&self, now: Instant) -> Option<Suppressed> {
        let mut state = self.0.lock();
        if state.last_line.is_some_and(|last_line| now < last_line + PAUSE) {
            state.suppressed += 1;
            return None;
        }
        state.last_line = Some(now);
        Some(Suppressed(std::mem::take(&mut state.suppressed)))
    }
}

impl fmt::Display for Suppressed {
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
        let (limiter, start) = (LogLimiter::default(), Instant::now());
        let lines: Vec<_> = (0..25).filter_map(|n| limiter.check_at(start + n * Duration::from_millis(100))).collect();
        assert_eq!(lines, [Suppressed(0), Suppressed(9), Suppressed(9)]);
        assert_eq!(lines[1].to_string(), " (and 9 more since the last such line)");
    }
}

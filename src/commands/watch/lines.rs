//! The views for files, pipes and programs: lines that are never rewritten.

use std::{
    io::{self, Write},
    time::{Duration, Instant},
};

use super::{View, dashboard::Dashboard};
use crate::system::printable::json_line;

/// The time from one line of a camera to its next.
const INTERVAL: Duration = Duration::from_secs(1);

/// Prints a line per second for each camera, and a line for each start and end of an event.
pub(super) struct LineView {
    dashboard: Dashboard,
    next_tick: Instant,
}

impl LineView {
    pub(super) fn new(now: Instant) -> Self {
        Self { dashboard: Dashboard::new(), next_tick: now + INTERVAL }
    }
}

impl View for LineView {
    fn on_message(&mut self, text: &str, now: Instant) -> io::Result<()> {
        self.dashboard.record(text, now).map_or(Ok(()), |line| print(&line))
    }

    fn next_tick(&self) -> Option<Instant> {
        Some(self.next_tick)
    }

    fn on_tick(&mut self, now: Instant) -> io::Result<()> {
        self.next_tick += INTERVAL;
        if self.next_tick <= now {
            self.next_tick = now + INTERVAL; // it was stopped for a while, or its reader held it up
        }
        let time = self.dashboard.time();
        self.dashboard.camera_lines(now).try_for_each(|(_, line)| print(&format!("{time} {line}")))
    }
}

/// Prints the messages as they come, each in one line.
pub(super) struct JsonView;

impl View for JsonView {
    fn on_message(&mut self, text: &str, _now: Instant) -> io::Result<()> {
        print(&json_line(text))
    }

    fn next_tick(&self) -> Option<Instant> {
        None
    }

    fn on_tick(&mut self, _now: Instant) -> io::Result<()> {
        Ok(())
    }
}

/// Prints a line and flushes it: the reader wants to know now.
fn print(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_missed_in_a_pause_are_not_made_up_for() {
        let start = Instant::now();
        let mut view = LineView::new(start);
        let mut next_after = |ms| {
            view.on_tick(start + Duration::from_millis(ms)).expect("it has no camera to print");
            view.next_tick().expect("it always has one").duration_since(start).as_millis()
        };
        assert_eq!(next_after(1_000), 2_000);
        assert_eq!(next_after(2_030), 3_000, "small delays do not add up");
        assert_eq!(next_after(60_500), 61_500);
    }
}

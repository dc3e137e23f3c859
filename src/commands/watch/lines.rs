//! For files and pipes: lines that stay true. And the messages themselves, for programs.

use std::{
    io::{self, Write},
    time::{Duration, Instant},
};

use super::{Show, board::Board};

/// Time from one line of a camera to the next.
const INTERVAL: Duration = Duration::from_secs(1);

/// A line a second for each camera, and one for each event.
pub(super) struct Lines {
    board: Board,
    tick: Instant,
}

impl Lines {
    pub(super) fn new(now: Instant) -> Self {
        Self { board: Board::new(), tick: now + INTERVAL }
    }
}

impl Show for Lines {
    fn message(&mut self, text: &str, now: Instant) -> io::Result<()> {
        self.board.message(text, now).map_or(Ok(()), |line| print(&line))
    }

    fn next_tick(&self) -> Option<Instant> {
        Some(self.tick)
    }

    fn tick(&mut self, now: Instant) -> io::Result<()> {
        self.tick += INTERVAL;
        let time = self.board.time();
        self.board.lines(now).try_for_each(|(_, line)| print(&format!("{time} {line}")))
    }
}

/// The messages as they come.
pub(super) struct Json;

impl Show for Json {
    fn message(&mut self, text: &str, _now: Instant) -> io::Result<()> {
        print(text)
    }

    fn next_tick(&self) -> Option<Instant> {
        None
    }

    fn tick(&mut self, _now: Instant) -> io::Result<()> {
        Ok(())
    }
}

/// A line, handed on at once: whoever reads it wants to know now.
fn print(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

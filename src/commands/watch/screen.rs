//! For people: a line for each camera that is kept up to date, events above.

use std::{
    collections::BTreeMap,
    io,
    time::{Duration, Instant},
};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{Show, board::Board};

/// Time from one look at the figures to the next: often enough to look alive, seldom enough to read.
const INTERVAL: Duration = Duration::from_millis(250);

/// The live view.
pub(super) struct Screen {
    board: Board,
    lines: BTreeMap<String, ProgressBar>,
    screen: MultiProgress,
    /// Stands there until the first camera is heard of.
    waiting: ProgressBar,
    tick: Instant,
}

impl Screen {
    pub(super) fn new(now: Instant) -> Self {
        let screen = MultiProgress::with_draw_target(ProgressDrawTarget::stdout());
        let waiting = line(&screen, 0);
        waiting.set_message("connected; nothing was seen yet");
        Self { board: Board::new(), lines: BTreeMap::new(), screen, waiting, tick: now }
    }
}

impl Show for Screen {
    fn message(&mut self, text: &str, now: Instant) -> io::Result<()> {
        self.board.message(text, now).map_or(Ok(()), |line| self.screen.println(line))
    }

    fn next_tick(&self) -> Option<Instant> {
        Some(self.tick)
    }

    fn tick(&mut self, now: Instant) -> io::Result<()> {
        self.tick = now + INTERVAL;
        for (place, (camera, text)) in self.board.lines(now).enumerate() {
            self.waiting.finish_and_clear();
            if !self.lines.contains_key(camera) {
                self.lines.insert(camera.to_owned(), line(&self.screen, place));
            }
            self.lines[camera].set_message(text);
        }
        Ok(())
    }
}

impl Drop for Screen {
    /// The last figures stay on the screen.
    fn drop(&mut self) {
        self.waiting.finish_and_clear();
        self.lines.values().for_each(ProgressBar::abandon);
    }
}

/// A line of the screen, the `place`-th from above.
fn line(screen: &MultiProgress, place: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{wide_msg}").expect("the template is well-formed");
    screen.insert(place, ProgressBar::no_length().with_style(style))
}

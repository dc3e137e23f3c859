//! The view for a terminal: one line per camera that is kept up to date, events above.

use std::{
    collections::BTreeMap,
    io,
    time::{Duration, Instant},
};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{View, dashboard::Dashboard};

/// The time between two updates: short enough to look alive, long enough to read.
const INTERVAL: Duration = Duration::from_millis(250);

/// Updates a line per camera in place, and prints a line for each start and end of an event.
pub(super) struct TerminalView {
    dashboard: Dashboard,
    /// By camera name.
    bars: BTreeMap<String, ProgressBar>,
    all_bars: MultiProgress,
    /// Shown until the first camera sends something.
    placeholder: ProgressBar,
    next_tick: Instant,
}

impl TerminalView {
    pub(super) fn new(now: Instant) -> Self {
        let all_bars = MultiProgress::with_draw_target(ProgressDrawTarget::stdout());
        let placeholder = insert_bar(&all_bars, 0);
        placeholder.set_message("connected; no message yet");
        Self { dashboard: Dashboard::new(), bars: BTreeMap::new(), all_bars, placeholder, next_tick: now }
    }
}

impl View for TerminalView {
    fn on_message(&mut self, text: &str, now: Instant) -> io::Result<()> {
        self.dashboard.record(text, now).map_or(Ok(()), |line| self.all_bars.println(line))
    }

    fn next_tick(&self) -> Option<Instant> {
        Some(self.next_tick)
    }

    fn on_tick(&mut self, now: Instant) -> io::Result<()> {
        self.next_tick = now + INTERVAL;
        for (index, (camera, text)) in self.dashboard.camera_lines(now).enumerate() {
            self.placeholder.finish_and_clear();
            if !self.bars.contains_key(camera) {
                self.bars.insert(camera.to_owned(), insert_bar(&self.all_bars, index));
            }
            self.bars[camera].set_message(text);
        }
        Ok(())
    }
}

impl Drop for TerminalView {
    /// Leaves the last state of each line on the screen.
    fn drop(&mut self) {
        self.placeholder.finish_and_clear();
        self.bars.values().for_each(ProgressBar::abandon);
    }
}

/// Adds a line, the `index`-th from the top.
fn insert_bar(all_bars: &MultiProgress, index: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{wide_msg}").expect("the template is well-formed");
    all_bars.insert(index, ProgressBar::no_length().with_style(style))
}

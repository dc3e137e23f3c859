//! Fuzz target for what servers send to `fovea watch`.

use std::time::{Duration, Instant};

use super::dashboard::Dashboard;

/// Text messages, one a line.
///
/// Whatever they say is shown in lines of text, without a character that controls the terminal.
pub fn watch(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    let (mut dashboard, mut now) = (Dashboard::new(), Instant::now());
    for message in text.lines() {
        now += Duration::from_millis(700);
        if let Some(line) = dashboard.record(message, now) {
            check(&line);
        }
        dashboard.camera_lines(now).for_each(|(_, line)| check(&line));
    }
}

fn check(line: &str) {
    assert!(!line.contains(char::is_control), "{line:?}");
}

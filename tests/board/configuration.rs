//! A configuration that cannot be used.

use std::{thread, time::Duration};

use super::machine::{Board, CONFIG_FILE};
use crate::support::boards::CONFIG;

/// Longer than systemd waits before it starts a service again.
const WHILE: Duration = Duration::from_secs(5);

pub(crate) fn a_wrong_one_keeps_it_down_and_is_told(board: &mut Board) {
    board.with_fovea();
    board.write(CONFIG_FILE, &format!("{CONFIG}thresold = 8\n"));
    board.run("systemctl restart fovea");
    board.wait_until("systemctl is-failed fovea");
    thread::sleep(WHILE);
    assert!(board.holds("systemctl is-failed fovea"), "it was started again");
    let status = board.run("systemctl status --full --no-pager fovea").text;
    for part in ["status=78/CONFIG", "/etc/fovea/fovea.toml:7:1: ", "thresold", "did you mean threshold?"] {
        assert!(status.contains(part), "there is no {part:?} in\n{status}");
    }
    // Put right, it starts as if nothing had been.
    board.with_fovea();
}

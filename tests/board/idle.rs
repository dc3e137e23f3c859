//! A board that has nothing to do leaves its SD card alone.

use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

use super::machine::Board;
use crate::support::boards::brief_leaves_out;

/// A client that says nothing by itself. Ended when dropped.
struct Silent(Child);

impl Silent {
    fn connect(board: &Board) -> Self {
        let url = format!("ws://{}", board.address());
        let mut command = Command::new(env!("CARGO_BIN_EXE_fovea"));
        Self(command.args(["watch", "--json", &url]).stdout(Stdio::null()).spawn().expect("it was built"))
    }

    fn is_there(&mut self) -> bool {
        self.0.try_wait().expect("it is our child").is_none()
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        // It ended by itself if the connection did.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What was logged before is put on the disk: now, and not up to five minutes later, as journald has it otherwise.
const SETTLE: &str = "
    mkdir -p /run/systemd/journald.conf.d
    printf '[Journal]\\nSyncIntervalSec=1s\\n' >/run/systemd/journald.conf.d/at-once.conf
    systemctl restart systemd-journald
    sleep 10";

/// Tells what was written in five minutes, then who made it necessary: the kernel's trace of inodes that were changed and of
/// blocks that went out.
const WATCH: &str = "
    sync
    sleep 1
    cd /sys/kernel/tracing
    echo >trace
    printf '%s\\n' writeback:writeback_dirty_inode block:block_rq_issue >set_event
    read -ra before </sys/block/vda/stat
    sleep 300
    read -ra after </sys/block/vda/stat
    echo >set_event
    echo $((after[4] - before[4])) writes, $((after[11] - before[11])) discards
    grep -e block_rq_issue -e 254: trace | head --lines=50";

pub(crate) fn nothing_is_written_in_five_minutes(board: &mut Board) {
    if brief_leaves_out("five idle minutes of a board") {
        return;
    }
    board.with_fovea();
    let mut client = Silent::connect(board);
    let connected = "ss --no-header --tcp --numeric state established sport 8999 | grep 10.0.2.2";
    board.wait_until(connected);
    board.ask(SETTLE);
    let mut told = String::new();
    // A system that was set up a minute ago may have one thing left to finish. It does not have it twice.
    for _ in 0..2 {
        told = board.run_within(Duration::from_secs(600), WATCH).text;
        if told.starts_with("0 writes, 0 discards\n") {
            break;
        }
        board.note(told.lines().next().unwrap_or_default());
    }
    board.ask(connected);
    assert!(client.is_there(), "the client has left");
    assert!(told.starts_with("0 writes, 0 discards\n"), "{told}");
}

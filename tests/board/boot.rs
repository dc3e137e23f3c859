//! The board starts, and fovea with it.

use std::time::{Duration, Instant};

use super::machine::{ANSWERS, Board};
use crate::support::boards::brief_leaves_out;

pub(crate) fn it_is_up_and_nothing_failed(board: &mut Board) {
    let took = board.boot_time();
    board.note(&format!("up after {:.0} s", took.as_secs_f64()));
    assert_eq!(board.run("systemctl is-system-running").text.trim(), "running", "{}", board.ask("systemctl --failed"));
}

pub(crate) fn it_answers_again_after_a_reboot(board: &mut Board) {
    // Machines with the image are started anew in every run.
    if brief_leaves_out("a reboot of the board") {
        return;
    }
    board.with_fovea();
    let boot = board.ask("cat /proc/sys/kernel/random/boot_id");
    let began = Instant::now();
    // Not at once: the answer would not get out any more.
    board.ask("(sleep 1; systemctl reboot) >/dev/null 2>&1 &");
    board.wait_for_boot();
    assert_ne!(board.ask("cat /proc/sys/kernel/random/boot_id"), boot, "it is another boot");
    board.wait_until(ANSWERS);
    board.note(&format!("{:.0} s after its order", began.elapsed().as_secs_f64()));
    let ready = board.ask("systemctl show --property ActiveEnterTimestampMonotonic --value fovea");
    let ready: u64 = ready.parse().expect("microseconds since the kernel started");
    board.note(&format!("fovea {:.0} s after the kernel", Duration::from_micros(ready).as_secs_f64()));
}

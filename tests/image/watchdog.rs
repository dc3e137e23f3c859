//! The board's own watchdog.

use std::time::Duration;

use super::{
    card::Card,
    machine::{Kind, Machine},
};

/// What is said as an error before it happens, which its owner wants to find afterwards.
const LAST_WORDS: &str = "the water rises";

/// Systemd crashes, and stands still then. Nobody is left to notice but the hardware.
pub(crate) fn a_system_that_stands_still_is_reset() {
    let card = Card::set_up("watchdog");
    let mut machine = Machine::start(Kind::Efi, &card);
    machine.wait_until_it_is_up();
    assert_eq!(machine.ask("cat /sys/class/watchdog/watchdog0/identity"), "i6300ESB timer");
    let boot = "cat /proc/sys/kernel/random/boot_id";
    let before = machine.ask(boot);
    machine.ask(&format!("echo {LAST_WORDS} | systemd-cat --priority err"));
    let kept = format!("grep --quiet '{LAST_WORDS}' /data/errors/errors.log");
    machine.wait_for(&kept, Duration::from_secs(120));

    // The line may be cut before it says that it is done.
    machine.run_within("kill -SEGV 1", Duration::from_secs(60));
    machine.wait_until_another_boot(&before);
    machine.wait_until_it_answers();
    assert_ne!(machine.ask(boot), before);
    assert_eq!(machine.hear("systemctl is-system-running"), "running", "{}", machine.hear("systemctl --failed"));
    machine.ask(&kept);
}

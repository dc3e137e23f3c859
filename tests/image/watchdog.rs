//! The board's own watchdog.

use std::time::Duration;

use super::{
    card::Card,
    machine::{Kind, Machine},
};

/// No process of the board runs systemd any more, and nobody is left to notice but the hardware.
pub(crate) fn a_system_that_stands_still_is_reset() {
    let card = Card::set_up("watchdog");
    let mut machine = Machine::start(Kind::Efi, &card);
    machine.wait_until_it_is_up();
    assert_eq!(machine.ask("cat /sys/class/watchdog/watchdog0/identity"), "i6300ESB timer");
    let boot = "cat /proc/sys/kernel/random/boot_id";
    let before = machine.ask(boot);
    // The line may be cut before it says that it is done.
    machine.run_within("echo 1 >/sys/fs/cgroup/init.scope/cgroup.freeze", Duration::from_secs(60));
    machine.wait_until_another_boot(&before);
    machine.wait_until_it_answers();
    assert_ne!(machine.ask(boot), before);
    assert_eq!(machine.hear("systemctl is-system-running"), "running", "{}", machine.hear("systemctl --failed"));
}

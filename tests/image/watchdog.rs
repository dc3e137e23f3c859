//! The board's own watchdog.

use std::time::Duration;

use super::{
    card::Card,
    machine::{Kind, Machine},
};
use crate::support::boards::{CONFIG, brief_leaves_out};

/// What is said as an error before it happens, which its owner wants to find afterwards.
const LAST_WORDS: &str = "the water rises";

/// Whether systemd is watched as closely as it is when the start is done.
const CLOSE_WATCH: &str = "[ $(cat /sys/class/watchdog/watchdog0/timeout) = 15 ]";

/// How long the hardware waits, in the order in which systemd said so.
const WATCHED: &str = "journalctl --boot --output cat SYSLOG_IDENTIFIER=systemd | sed -n 's/.* with a hardware timeout of \\(.*\\)\\.$/\\1/p'";

/// How many times slower a machine is made.
const SLOWNESS: u32 = 4;

/// systemd on such a machine does not come to the watchdog for longer than 15 s.
pub(crate) fn a_slow_machine_is_not_reset_at_its_start() {
    if brief_leaves_out("a machine that is four times slower") {
        return;
    }
    let card = Card::set_up("slow");
    let mut machine = Machine::start(Kind::Efi, &card);
    let slowed = machine.slow_down(SLOWNESS);
    machine.wait_until_it_is_up();
    machine.wait_for(CLOSE_WATCH);
    assert_eq!(machine.said("Welcome to "), 1, "it was reset");
    machine.note(&format!("up {:.0} s after it was switched on", machine.age().as_secs_f64()));
    drop(slowed);

    // Without a watchdog, too, a systemd that crashes is not the end.
    let before = machine.boot();
    machine.run_within("kill -SEGV 1", Duration::from_secs(60));
    machine.wait_for_console("Rebooting in 10s");
    machine.wait_until_another_boot(&before);
}

/// What else is to be tried with a board that starts twice is here, too. Nobody is left to notice a systemd that stands still but the
/// hardware.
pub(crate) fn a_system_that_stands_still_is_reset() {
    let card = Card::set_up("watchdog");
    card.put("network/lan[1].network", "[Match]\nType=ether\n[Network]\nDHCP=yes\n");
    let mut machine = Machine::start(Kind::Efi, &card);
    machine.wait_until_it_is_up();
    assert_eq!(machine.ask("cat /sys/class/watchdog/watchdog0/identity"), "i6300ESB timer");
    // It was on from the start on, and waited long.
    machine.wait_for(CLOSE_WATCH);
    assert_eq!(machine.ask(WATCHED), "5min\n15s");
    let before = machine.boot();
    let applied = "journalctl --boot --grep 'applied network from the card' --output cat | wc -l";
    assert_eq!(machine.hear(applied), "1");
    machine.wait_for("[ ! -e /data/network.old ]"); // it got an address with them
    machine.ask(&format!("echo {LAST_WORDS} | systemd-cat --priority err"));
    let kept = format!("grep --quiet '{LAST_WORDS}' /data/errors/errors.log");
    machine.wait_for(&kept);

    // What says errors without end does not wear the card out: of twenty times three kilobytes, sixteen are kept.
    machine.ask("for n in {1..20}; do printf 'flood %03000d\\n' $n; done | systemd-cat --priority err");
    machine.wait_for("grep --quiet 'bytes more' /data/errors/errors.log");
    let kept_of_it: u32 = machine.hear("grep --count flood /data/errors/errors.log").parse().expect("a number");
    // Twice as much, if it came in two times of ten seconds.
    assert!((1..=12).contains(&kept_of_it), "{kept_of_it} lines of it are kept");

    // At the next start the card asks for what the board has not. What it had before stays.
    machine.ask(&format!(
        "mount /dev/vda1 /mnt && echo '{}' >/mnt/fovea/fovea.toml && umount /mnt",
        CONFIG.replace("[[camera]]", "[processor]\ncore = 7\n[[camera]]")
    ));

    // The line may be cut before it says that it is done.
    machine.run_within("echo 1 >/sys/fs/cgroup/init.scope/cgroup.freeze", Duration::from_secs(60));
    machine.wait_until_another_boot(&before);
    machine.wait_until_it_answers();
    assert_ne!(machine.boot(), before);
    assert_eq!(machine.hear(applied), "0", "each file is applied once");
    assert_eq!(machine.hear("systemctl is-system-running"), "running", "{}", machine.hear("systemctl --failed"));
    machine.ask(&kept);
    assert_eq!(machine.ask("cat /etc/fovea/fovea.toml"), CONFIG.trim());
    let report = card.take("report.txt").expect("it is told on the card");
    assert!(report.contains("processor.core = 7: this process may use only cores 0, 1;"), "{report}");
}

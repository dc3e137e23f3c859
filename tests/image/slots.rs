//! Which of the two slots a machine starts.

use super::{
    card::Card,
    machine::{AS_AT_THE_START, Kind, Machine},
};
use crate::support::boards::CONFIG;

const A: u64 = 2;
const B: u64 = 3;

/// Finds the file that names the processor's thread.
const PROCESSOR: &str = "grep --files-with-matches --line-regexp processor \
                         /proc/$(systemctl show --property MainPID --value fovea)/task/*/comm";

/// The boot environment is not there either, and of two cores neither can be spared: one machine will do for all of it.
pub(crate) fn the_other_is_started_when_one_is_spoiled() {
    let card = Card::set_up("slots");
    let configuration = format!("[processor]\nrealtime_priority = 60\n{CONFIG}");
    card.put("fovea.toml", &configuration);
    card.copy_partition(A, B);
    card.spoil(A, &[0x5a; 1 << 20]);
    card.remove("EFI/debian/grubenv");
    let mut machine = Machine::start(Kind::Efi, &card);
    machine.wait_until_it_answers();
    machine.wait_until_it_is_up();
    assert_eq!(machine.hear("systemctl is-system-running"), "running", "{}", machine.hear("systemctl --failed"));
    machine.ask("grep --quiet --word-regexp fovea.slot=b /proc/cmdline");
    assert_eq!(machine.ask("cat /etc/fovea/fovea.toml"), configuration.trim());
    assert_eq!(machine.hear("systemctl is-active fovea-core"), "inactive");
    assert_eq!(machine.ask("nproc"), "2");
    // So the processor may go ahead of the others if it is told to.
    let policy = machine.ask(&format!("task=$({PROCESSOR}); task=${{task%/comm}}; chrt --pid ${{task##*/}}"));
    assert!(policy.contains("SCHED_FIFO") && policy.ends_with("priority: 60"), "{policy}");

    // What is announced is where it listens.
    let port = "grep ^Port= /run/systemd/dnssd/fovea.dnssd";
    assert_eq!(machine.ask(port), "Port=8999");
    machine.ask(&format!("sed -i s/:8999/:9000/ /etc/fovea/fovea.toml && {AS_AT_THE_START}configure-system"));
    assert_eq!(machine.ask(port), "Port=9000");
}

//! Which of the two slots a machine starts.

use super::{
    card::Card,
    machine::{Kind, Machine},
};
use crate::support::boards::CONFIG;

const A: u64 = 2;
const B: u64 = 3;

/// The boot environment is not there either, and of two cores neither can be spared: one machine will do for all of it.
pub(crate) fn the_other_is_started_when_one_is_spoiled() {
    let card = Card::set_up("slots");
    card.copy_partition(A, B);
    card.spoil(A, &[0x5a; 1 << 20]);
    card.remove("EFI/debian/grubenv");
    let mut machine = Machine::start(Kind::Efi, &card);
    machine.wait_until_it_answers();
    machine.wait_until_it_is_up();
    assert_eq!(machine.hear("systemctl is-system-running"), "running", "{}", machine.hear("systemctl --failed"));
    machine.ask("grep --quiet --word-regexp fovea.slot=b /proc/cmdline");
    assert_eq!(machine.ask("cat /etc/fovea/fovea.toml"), CONFIG.trim());
    assert_eq!(machine.hear("systemctl is-active fovea-core"), "inactive");
    assert_eq!(machine.ask("nproc"), "2");
}

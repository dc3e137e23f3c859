//! The data partition is gone.

use super::{
    card::Card,
    machine::{Kind, Machine},
};

const DATA: u64 = 4;
const RUBBISH: &[u8] = &[0x5a; 1 << 20];

pub(crate) fn without_it_the_board_runs_degraded() {
    let card = Card::set_up("data");
    card.put("hostname", "attic\n");
    card.spoil(DATA, RUBBISH);
    let mut machine = Machine::start(Kind::Efi, &card);
    machine.wait_until_it_answers();
    machine.wait_until_it_is_up();
    let boot = machine.boot();
    assert_eq!(machine.hear("systemctl is-system-running"), "degraded");
    assert_eq!(machine.hear("systemctl --failed --plain --no-legend | cut -d ' ' -f 1"), "data.service");
    assert_eq!(machine.ask("hostname"), "attic");
    assert_eq!(machine.ask("findmnt --noheadings --output FSTYPE /data"), "tmpfs");
    assert_eq!(machine.boot(), boot, "it has started anew");
    machine.cut_power();
    let report = card.take("report.txt").expect("it is told on the card");
    assert!(report.contains("The data partition cannot be used."), "{report}");
    assert!(card.beginning(DATA, RUBBISH.len()) == RUBBISH, "what was there was written over");
}

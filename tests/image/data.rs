//! The data partition is gone.

use super::{
    card::Card,
    machine::{AS_AT_THE_START, Kind, Machine},
};

const DATA: u64 = 4;
const RUBBISH: &[u8] = &[0x5a; 1 << 20];

/// Longer than a sector.
const NETWORK: &str = "[Match]\nType=ether\n[Network]\nDHCP=yes\n";
const COMMENT: &str = "# a comment that takes some room\n";

/// A file that cannot be read, and no room, are here because one machine will do for all of it.
pub(crate) fn without_it_the_board_runs_degraded() {
    let card = Card::set_up("data");
    card.put("hostname", "attic\n");
    card.put("network/10-lan.network", &(NETWORK.to_owned() + &COMMENT.repeat(100)));
    card.spoil_file("network/10-lan.network");
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
    assert_eq!(machine.hear("ls /etc/systemd/network"), "", "half of a file is used");

    // There is no room left for a change.
    machine.hear("cat /dev/zero >/data/fill");
    // A service that starts just then keeps the card mounted in its namespace for a moment longer.
    machine.ask(&format!(
        "mount /dev/vda1 /mnt && echo cellar >/mnt/fovea/hostname && umount /mnt &&
         until mount --read-only /dev/vda1 /mnt; do sleep 1; done && umount /mnt &&
         cp /run/fovea-image/report /run/before && {AS_AT_THE_START}settings; umount /run/fovea-image/card"
    ));
    let told = machine.hear("tail -c +$(($(stat --format=%s /run/before) + 1)) /run/fovea-image/report");
    assert!(told.contains("Cannot write /data/hostname: No space left on device."), "{told}");
    assert_eq!(machine.ask("cat /data/hostname"), "attic");
    assert_eq!(machine.hear("find /data -name '*.new'"), "");
    machine.cut_power();
    let report = card.take("report.txt").expect("it is told on the card");
    assert!(report.contains("The data partition cannot be used."), "{report}");
    assert!(report.contains("network/10-lan.network is not used: it cannot be read (Input/output error)."), "{report}");
    assert!(card.beginning(DATA, RUBBISH.len()) == RUBBISH, "what was there was written over");
}

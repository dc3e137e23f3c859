//! Files for the network in which nothing is wrong, and which do not fit the network.

use super::{
    card::Card,
    machine::{AS_AT_THE_START, Kind, Machine},
};
use crate::support::boards::brief_leaves_out;

/// The emulated network has nobody who would give an address in such a way.
const NO_ADDRESS: &str = "[Match]\nType=ether\n[Network]\nDHCP=no\nIPv6AcceptRA=no\nLinkLocalAddressing=no\n";

const FELL_BACK: &str = "    With the files in network the board got no address within five minutes.";

pub(crate) fn the_earlier_is_used_after_five_minutes_without_an_address() {
    if brief_leaves_out("five minutes without a network") {
        return;
    }
    let card = Card::set_up("network");
    card.put("network/10-lan.network", NO_ADDRESS);
    let mut machine = Machine::start(Kind::Efi, &card);
    // Nobody could come in otherwise.
    machine.wait_until_it_is_up();
    let boot = machine.boot();
    assert_eq!(machine.hear("ls /etc/systemd/network"), "", "there was nothing before");
    assert_eq!(
        machine.ask("cat /data/network/10-lan.network"),
        NO_ADDRESS.trim(),
        "it is tried again at the next start"
    );
    machine.wait_until("status.txt is on the card", |_| {
        card.take("status.txt").is_some_and(|status| status.contains(FELL_BACK) && status.contains("10.0.2.15"))
    });
    assert_eq!(machine.boot(), boot);

    // A start with what fits ends the trial of that.
    machine.ask(&format!(
        "mount /dev/vda1 /mnt && sed -i s/DHCP=no/DHCP=yes/ /mnt/fovea/network/10-lan.network && umount /mnt &&
         {AS_AT_THE_START}settings && {AS_AT_THE_START}report"
    ));
    machine.hear("systemctl reboot");
    machine.wait_until_another_boot(&boot);
    machine.wait_for("[ ! -e /data/network.old ]");
    machine.ask("networkctl status 'e*' | grep --quiet /etc/systemd/network/10-lan.network");
    machine.wait_until("status.txt is on the card", |_| {
        card.take("status.txt").is_some_and(|status| !status.contains(FELL_BACK))
    });
}

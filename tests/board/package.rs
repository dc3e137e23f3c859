//! Installing, upgrading and removing the package.

use super::machine::{ANSWERS, Board, CONFIG_FILE, NEWER, PROCESS};
use crate::support::boards::CONFIG;

pub(crate) fn it_installs_and_the_service_is_active(board: &mut Board) {
    board.ask("dpkg --purge fovea"); // where it is not there, too
    assert!(!board.holds(ANSWERS), "nobody answers before it is installed");
    board.install();
    board.wait_until(ANSWERS);
    assert_eq!(board.ask("systemctl is-active fovea"), "active");
    assert_eq!(board.ask("systemctl is-enabled fovea"), "enabled");
    assert_eq!(board.run("systemctl is-system-running").text.trim(), "running");
}

pub(crate) fn an_upgrade_keeps_the_configuration(board: &mut Board) {
    board.with_fovea();
    board.ask("apt-get install --yes --allow-downgrades /packages/fovea.deb"); // an earlier upgrade may be there
    board.wait_until(ANSWERS);
    let version = "dpkg-query --show --showformat '${Version}' fovea";
    let before = [board.ask(version), board.ask(PROCESS)];
    board.ask(&format!("apt-get install --yes {NEWER}"));
    board.wait_until(ANSWERS);
    let after = [board.ask(version), board.ask(PROCESS)];
    assert_eq!(after[0], format!("{}+newer", before[0]));
    assert_ne!(after[1], before[1], "the old program still runs");
    assert_eq!(board.ask("systemctl is-active fovea"), "active");
    assert_eq!(board.ask(&format!("cat {CONFIG_FILE}")), CONFIG.trim());
}

pub(crate) fn remove_keeps_the_configuration_and_purge_does_not(board: &mut Board) {
    board.with_fovea();
    board.ask("fovea token add owner --role admin && touch /etc/fovea/sources/door.conf");
    board.ask("systemctl stop fovea && systemctl start fovea.socket fovea-core fovea");
    board.ask("apt-get remove --yes fovea");
    assert!(!board.holds("systemctl is-active fovea.socket fovea-core"), "what was switched on still is");
    assert_eq!(board.ask("grep Cpus_allowed_list /proc/1/status | cut -f 2"), "0-3");
    assert!(!board.holds(ANSWERS), "it still answers");
    assert!(!board.holds("test -e /usr/bin/fovea"), "the program is still there");
    assert_eq!(board.ask(&format!("cat {CONFIG_FILE}")), CONFIG.trim());
    board.ask("apt-get purge --yes fovea");
    assert_eq!(
        board.run("ls -R /etc/fovea /var/lib/fovea 2>/dev/null").text.trim(),
        "",
        "tokens, sources and a certificate"
    );
    assert_eq!(board.run("systemctl is-system-running").text.trim(), "running", "{}", board.ask("systemctl --failed"));
}

//! The power goes while a board starts for the first time.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use super::{
    card::Card,
    machine::{Kind, Machine},
    write_log::WriteLog,
};
use crate::support::boards::{CONFIG, brief_leaves_out};

/// How many times, spread over all that is written.
const CUTS: usize = 20;

/// How many boards start at a time.
const AT_A_TIME: usize = 2;

const NETWORK: &str = "[Match]\nType=ether\n[Network]\nDHCP=yes\n";
const REPORT: &str = "hostname.txt is not used; did you mean hostname?\n\n";
const REPORT_IN_STATUS: &str = "\nWhat is wrong\n\n    hostname.txt is not used; did you mean hostname?\n";

pub(crate) fn a_first_boot_survives_it_anywhere() {
    if brief_leaves_out("20 power cuts in a first boot") {
        return;
    }
    let card = Card::set_up("power");
    card.put("hostname", "door1\n");
    card.put("hostname.txt", "door2\n"); // which is told in the report
    card.put("network/10-lan.network", NETWORK);
    let fresh = card.copy("power-fresh");
    let log = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("power.log");
    let mut machine = Machine::start_as(Kind::Efi, &card, |command| {
        command.env("LOG", &log);
    });
    machine.wait_until_it_answers();
    machine.wait_until_it_is_up();
    machine.ask("sync");
    machine
        .note(&format!("{} writes of a first boot", machine.ask("read -ra all </sys/block/vda/stat; echo ${all[4]}")));
    machine.cut_power();
    let log = WriteLog::open(&log).expect("the emulator wrote it");
    assert!(log.len() > CUTS, "only {} writes and flushes", log.len());

    let next = AtomicUsize::new(1);
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                loop {
                    let cut = next.fetch_add(1, Ordering::Relaxed);
                    if cut > CUTS {
                        break;
                    }
                    survives(&fresh, &log, cut);
                }
            });
        }
    });
}

fn survives(fresh: &Card, log: &WriteLog, cut: usize) {
    let card = fresh.copy(&format!("power-{cut}"));
    let count = log.len() * cut / CUTS;
    let mut lot = (cut as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15); // any number, and always the same
    let half = || {
        // Xorshift, by Marsaglia.
        lot ^= lot << 13;
        lot ^= lot >> 7;
        lot ^= lot << 17;
        lot & 1 == 0
    };
    log.replay(count, &card.open(), half).expect("the card can be written");
    let mut machine = Machine::start(Kind::Efi, &card);
    machine.wait_until_it_answers();
    machine.wait_until_it_is_up();
    let name = format!("after {count} of {} writes and flushes", log.len());
    let failed = machine.hear("systemctl --failed --no-legend");
    assert_eq!(failed, "", "{name}");
    assert_eq!(machine.ask("cat /etc/fovea/fovea.toml"), CONFIG.trim(), "{name}");
    assert_eq!(machine.ask("cat /etc/systemd/network/10-lan.network"), NETWORK.trim(), "{name}");
    assert_eq!(card.take("report.txt").as_deref(), Some(REPORT), "{name}");
    let [host, machine_ids, left] = [
        "hostname",
        "grep -cE '^[0-9a-f]{32}$' /etc/machine-id",
        "find /data -name '*.new' -o -path '/data/lost+found/*'",
    ]
    .map(|command| machine.hear(command));
    assert_eq!(host, "door1", "{name}");
    assert_eq!(machine_ids, "1", "{name}");
    assert_eq!(left, "", "{name}: not finished");
    machine.wait_until("status.txt is on the card", |_| {
        card.take("status.txt").is_some_and(|status| status.contains("door1") && status.ends_with(REPORT_IN_STATUS))
    });
    assert_eq!(card.take("status.txt.new"), None, "{name}: not finished");
}

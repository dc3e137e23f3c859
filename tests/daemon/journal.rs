//! The log when standard error is the journal: entries with fields, and nothing on standard error.

use std::{fs, process::Command};

use serde_json::Value;

/// Root in a namespace of its own, with an empty /run.
const ALONE: [&str; 5] = ["--mount", "--map-root-user", "sh", "-c", "mount -t tmpfs none /run && exec \"$0\" \"$@\""];

#[test]
#[expect(clippy::print_stderr, reason = "the test harness shows it")]
fn entries_have_fields() {
    let may = Command::new("unshare").args(ALONE).arg("true").output();
    if !may.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: this system lets nobody make a mount namespace");
        return;
    }
    let config = std::env::temp_dir().join(format!("fovea-journal-{}.toml", std::process::id()));
    fs::write(&config, "[server]\nlisten = \"127.0.0.1:0\"\n[[camera]]\nname = \"door\"\n").unwrap();
    let output = Command::new("unshare")
        .args(ALONE)
        .args(["/usr/bin/python3", "tests/peers/journal.py", env!("CARGO_BIN_EXE_fovea"), "run", "--config"])
        .arg(&config)
        .output()
        .unwrap();
    fs::remove_file(config).unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let entries: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let find = |message: &str| {
        let is_it = |entry: &&Value| entry["MESSAGE"].as_str().is_some_and(|text| text.contains(message));
        entries.iter().find(is_it).unwrap_or_else(|| panic!("no {message:?} in\n{printed}"))
    };
    assert_eq!(find("listening on 127.0.0.1:")["VERSION"], env!("CARGO_PKG_VERSION"));
    let warning = find("its frames are timed but not looked at");
    assert_eq!((&warning["CAMERA"], &warning["PRIORITY"]), (&"door".into(), &"4".into()));
    let sum = find("0 frames published");
    assert_eq!((&sum["CAMERA"], &sum["TAKEN"], &sum["REFUSED"]), (&"door".into(), &"0".into(), &"0".into()));
    assert_eq!(entries.last().unwrap()["stderr"], "", "what the journal has is not told twice");
}

//! The log when standard error is the journal: entries with fields, and nothing on standard error.

use std::{fs, process::Command};

use crate::support::journal::Journal;

#[test]
fn entries_have_fields() {
    let config = std::env::temp_dir().join(format!("fovea-journal-{}.toml", std::process::id()));
    fs::write(&config, "[server]\nlisten = \"127.0.0.1:0\"\n[[camera]]\nname = \"door\"\n").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_fovea"));
    let journal = Journal::of(command.args(["run", "--config"]).arg(&config));
    fs::remove_file(config).unwrap();
    let Some(journal) = journal else { return };
    assert_eq!(journal.find("listening on 127.0.0.1:")["VERSION"], env!("CARGO_PKG_VERSION"));
    let warning = journal.find("its frames are timed but not looked at");
    assert_eq!([&warning["CAMERA"], &warning["PRIORITY"]], ["door", "4"]);
    let sum = journal.find("0 frames published");
    assert_eq!([&sum["CAMERA"], &sum["TAKEN"], &sum["REFUSED"]], ["door", "0", "0"]);
    assert_eq!(journal.stderr, "", "what the journal has is not told twice");
}

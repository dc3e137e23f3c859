//! A panic: told in one line, and the end of the process, whatever thread it is in.
//!
//! Nothing that comes from outside makes fovea panic, so the child here is this very program with fovea's logging.

use std::{env, os::unix::process::ExitStatusExt, process::Command, sync::Arc};

use fovea::system::{event_fd::EventFd, logging, thread::Thread};
use log::LevelFilter;
use nix::sys::signal::Signal;

use crate::support::journal::Journal;

/// In the child's environment: it is to panic.
const PANICS: &str = "FOVEA_TEST_PANICS";

const LINE: &str = "the thread looker panicked at tests/daemon/crash.rs:";

fn child() -> Command {
    let mut command = Command::new(env::current_exe().expect("it runs"));
    command.args(["--exact", "daemon::crash::a_panic_is_one_line_and_the_end", "--nocapture"]).env(PANICS, "1");
    command
}

#[test]
fn a_panic_is_one_line_and_the_end() {
    if env::var_os(PANICS).is_some() {
        logging::start(LevelFilter::Error).expect("nobody else logs here");
        let ended = Arc::new(EventFd::new().expect("there are descriptors"));
        let thread = Thread::spawn("looker", ended, || panic!("on\npurpose")).expect("there is room");
        while !thread.is_over() {
            std::thread::yield_now();
        }
        return;
    }
    let output = child().env_remove("JOURNAL_STREAM").output().expect("it runs");
    let said = String::from_utf8(output.stderr).expect("it writes UTF-8");
    assert!(said.contains(LINE) && said.ends_with(": on purpose\n") && said.lines().count() == 1, "{said}");
    assert_eq!(output.status.signal(), Some(Signal::SIGABRT as i32), "{said}");
}

#[test]
fn a_panic_has_fields_in_the_journal() {
    let Some(mut journal) = Journal::of(&child()) else { return };
    let entry = journal.entry(LINE);
    assert_eq!([&entry["THREAD"], &entry["PRIORITY"]], ["looker", "3"]);
    assert!(entry["LOCATION"].as_str().is_some_and(|at| at.starts_with("tests/daemon/crash.rs:")), "{entry}");
    assert_eq!(journal.end(), "");
}

//! Where log lines go: to the journal with their fields if standard error is the journal, else to standard error.

use std::{
    io::{self, Write},
    panic, process, thread,
};

use log::{LevelFilter, error};
use systemd_journal_logger::{JournalLog, connected_to_journal};

use super::printable::Printable;

/// Starts to log lines of `level` and above. From now on a panic is logged and ends the process. Call it once.
///
/// # Errors
/// If standard error is the journal and the journal's socket is missing.
pub fn start(level: LevelFilter) -> io::Result<()> {
    if connected_to_journal() {
        let journal = JournalLog::new()?.with_extra_fields([("VERSION", env!("CARGO_PKG_VERSION"))]);
        journal.install().map_err(io::Error::other)?;
    } else {
        env_logger::Builder::new()
            .filter_module("fovea", LevelFilter::Trace)
            .format(|out, record| {
                let time = jiff::Timestamp::now();
                writeln!(out, "{time:.3} {:5} {}", record.level(), Printable(record.args()))
            })
            .try_init()
            .map_err(io::Error::other)?;
    }
    log::set_max_level(level);
    panic::set_hook(Box::new(tell_panic));
    Ok(())
}

/// Logs a panic in one line with thread, place and reason. Then ends the process with SIGABRT, which leaves a core dump if
/// the system collects them. Half a daemon is worse than a restart.
fn tell_panic(info: &panic::PanicHookInfo<'_>) {
    let thread = thread::current();
    let name = thread.name().unwrap_or("without a name");
    let what = info.payload_as_str().unwrap_or("a payload that is not text").replace('\n', " ");
    let at = info.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    error!(THREAD = name, LOCATION = at.as_str(); "the thread {name} panicked at {at}: {what}");
    process::abort();
}

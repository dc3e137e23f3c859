//! Other daemons of this machine, which want the same cores.

use std::{fs, io, path::Path, process};

use crate::{commands::send::write_line, processor::is_thread_name, system::sysfs};

/// The processes with a processor's thread, but for this one: daemons, demos and other measurements.
pub(super) fn daemons() -> Vec<u32> {
    let ids = fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| {
        let id: u32 = entry.file_name().to_str()?.parse().ok()?;
        (id != process::id() && is_daemon(&entry.path())).then_some(id)
    });
    ids.collect()
}

fn is_daemon(process: &Path) -> bool {
    let is_processor = |task: fs::DirEntry| sysfs::read(&task.path(), "comm").is_some_and(|name| is_thread_name(&name));
    sysfs::read(process, "comm").is_some_and(|name| name == "fovea")
        && fs::read_dir(process.join("task")).into_iter().flatten().flatten().any(is_processor)
}

/// What the answer says of them; nothing if there are none.
pub(super) fn describe(daemons: &[u32]) -> Option<String> {
    let ids: Vec<_> = daemons.iter().map(ToString::to_string).collect();
    let (who, left) = match daemons {
        [] => return None,
        [_] => ("A daemon runs on this machine (process", "it leaves"),
        _ => ("Other daemons run on this machine (processes", "they leave"),
    };
    Some(format!("{who} {}). The answer is what {left}.", ids.join(", ")))
}

/// Warns of them before they are slowed down.
///
/// # Errors
/// If standard error does not accept it.
pub(super) fn warn(daemons: &[u32]) -> io::Result<()> {
    let Some(text) = describe(daemons) else { return Ok(()) };
    write_line(&format_args!(
        "{text} The measurement makes results later meanwhile; to measure alone, run: systemctl stop fovea"
    ))
}

//! What the daemon keeps over a restart: in files of a folder that systemd gives it.

use std::{
    env,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// Where fovea may keep files: systemd says so, and for a user without systemd the XDG base directory specification does.
#[must_use]
pub fn folder() -> Option<PathBuf> {
    let systemd = env::var_os("STATE_DIRECTORY").and_then(|folders| env::split_paths(&folders).next());
    let of_user = || {
        let state = env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|folder| folder.is_absolute());
        Some(state.or_else(|| Some(env::home_dir()?.join(".local/state")))?.join("fovea"))
    };
    systemd.or_else(of_user)
}

/// Writes a file whole or not at all: a board can lose its power at any time. Only its owner can read it.
///
/// # Errors
/// If the system does not let it be written.
pub fn write(file: &Path, text: &str) -> io::Result<()> {
    let unfinished = file.with_extension("new");
    let written = write_new(&unfinished, text).and_then(|()| fs::rename(&unfinished, file));
    if written.is_err() {
        let _ = fs::remove_file(&unfinished); // the error that matters is the first
    }
    written?;
    file.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

fn write_new(file: &Path, text: &str) -> io::Result<()> {
    let mut new = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(file)?;
    new.write_all(text.as_bytes())?;
    new.sync_all()
}

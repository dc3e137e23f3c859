//! What the daemon keeps over a restart: in files of a folder that systemd gives it.

use std::{
    env,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

/// The folder that systemd gives the service.
const OF_SERVICE: &str = "/var/lib/fovea";

const OWNER_ONLY: u32 = 0o600;
const EVERYBODY_READS: u32 = 0o644;

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

/// The folder in which the daemon of this machine keeps files, for commands that systemd did not start: that of the service,
/// if it is installed, or else the user's.
#[must_use]
pub fn folder_of_daemon() -> Option<PathBuf> {
    let of_service = || Path::new(OF_SERVICE).is_dir().then(|| OF_SERVICE.into());
    if env::var_os("STATE_DIRECTORY").is_some() { folder() } else { of_service().or_else(folder) }
}

/// Makes a folder, if it is not there, and finds out whether files can be written in it.
///
/// # Errors
/// If they cannot.
pub fn make_writable(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let probe = folder.join("probe.new");
    open_new(&probe, OWNER_ONLY)?;
    fs::remove_file(&probe)
}

/// Writes a file whole or not at all: a board can lose its power at any time. Only its owner can read it.
///
/// # Errors
/// If the system does not let it be written.
pub fn write(file: &Path, text: &str) -> io::Result<()> {
    write_as(file, text, OWNER_ONLY)
}

/// The same, and everybody who can reach the file can read it: root writes it for the daemon.
///
/// # Errors
/// If the system does not let it be written.
pub fn write_readable(file: &Path, text: &str) -> io::Result<()> {
    write_as(file, text, EVERYBODY_READS)
}

fn write_as(file: &Path, text: &str, mode: u32) -> io::Result<()> {
    let unfinished = file.with_extension("new");
    let written = write_new(&unfinished, text, mode).and_then(|()| fs::rename(&unfinished, file));
    if written.is_err() {
        let _ = fs::remove_file(&unfinished); // the error that matters is the first
    }
    written?;
    file.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

fn write_new(file: &Path, text: &str, mode: u32) -> io::Result<()> {
    let mut new = open_new(file, mode)?;
    new.write_all(text.as_bytes())?;
    new.sync_all()
}

/// Opens a new file. One that was left behind is removed and not followed: root may write in a folder of the daemon's user,
/// who could have put a symbolic link there.
fn open_new(file: &Path, mode: u32) -> io::Result<File> {
    let _ = fs::remove_file(file); // if it cannot be removed, the next step fails
    let new = OpenOptions::new().write(true).create_new(true).mode(mode).open(file)?;
    new.set_permissions(fs::Permissions::from_mode(mode))?; // whatever the umask
    Ok(new)
}

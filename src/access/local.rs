//! The local token: made at each start, for root and the members of the group `fovea` on this machine.
//!
//! It is in the service's runtime directory, readable for the group. It allows everything, and only clients of this machine may
//! use it. A daemon without a runtime directory, such as one that is started by hand, makes none.

use std::{
    env,
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use jiff::Timestamp;

use super::{
    role::Rights,
    secret::{NoEntropy, Secret},
    tokens::Token,
};

/// The runtime directory of the service, if `RUNTIME_DIRECTORY` names no other.
const RUNTIME_DIRECTORY: &str = "/run/fovea";

/// The environment variable in which systemd names it.
const VARIABLE: &str = "RUNTIME_DIRECTORY";

/// Its file there.
const FILE: &str = "token";

/// Its name. No token of the file can have it.
pub(super) const NAME: &str = "~local";

/// Why there is no local token.
#[derive(Debug, thiserror::Error)]
pub enum LocalTokenError {
    /// No random bits.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
    /// Its file cannot be written.
    #[error("cannot write the local token to {0}")]
    Unwritable(PathBuf, #[source] io::Error),
}

/// The secret that clients on this machine use; `None` if there is none, or it is not for this user.
#[must_use]
pub fn read() -> Option<Secret> {
    let folder = folder().unwrap_or_else(|| RUNTIME_DIRECTORY.into());
    Secret::parse(fs::read_to_string(folder.join(FILE)).ok()?.trim())
}

/// The runtime directory of this process: of several, the first.
fn folder() -> Option<PathBuf> {
    env::split_paths(&env::var_os(VARIABLE)?).next()
}

/// Makes the local token, if systemd gives this process a runtime directory. One that is there already, from before a restart,
/// stays valid: clients that connect again may have read it.
///
/// # Errors
/// If the file cannot be written.
pub(super) fn make() -> Result<Option<Token>, LocalTokenError> {
    let Some(folder) = folder() else { return Ok(None) };
    let path = folder.join(FILE);
    let secret = match fs::read_to_string(&path).ok().and_then(|text| Secret::parse(text.trim())) {
        Some(secret) => secret,
        None => {
            let secret = Secret::random()?;
            write(&path, secret.expose()).map_err(|error| LocalTokenError::Unwritable(path, error))?;
            secret
        }
    };
    let (name, rights) = (NAME.to_owned(), Rights::all());
    Ok(Some(Token { name, rights, digest: secret.digest(), made_at: Timestamp::now() }))
}

/// Whoever sees the file sees it whole.
fn write(path: &Path, secret: &str) -> io::Result<()> {
    let new = path.with_extension("new");
    let _ = fs::remove_file(&new); // one that was left behind
    // The group of the file is that of this process: under systemd, the group of the service.
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o640).open(&new)?;
    // The service's UMask would take it from the group.
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o640))?;
    writeln!(file, "{secret}")?;
    fs::rename(&new, path)
}

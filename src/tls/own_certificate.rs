//! A certificate that the board makes for itself. Nobody vouches for it: clients know it by its fingerprint.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rcgen::{CertifiedKey, generate_simple_self_signed};

use super::certificate::CertificateError;

/// Makes a key and its certificate, and writes them to the two files. Only the owner can read them.
pub(super) fn make([certificate_file, key_file]: &[PathBuf; 2]) -> Result<(), CertificateError> {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(names()).map_err(|error| CertificateError::Make(error.to_string()))?;
    if let Some(folder) = key_file.parent() {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(|error| CertificateError::Write(folder.to_owned(), error))?;
    }
    // One whose key is lost. Beside another key, after a loss of power in between, it would be an error at every start.
    match fs::remove_file(certificate_file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(CertificateError::Write(certificate_file.clone(), error));
        }
        _ => {}
    }
    for (file, text) in [(key_file, signing_key.serialize_pem()), (certificate_file, cert.pem())] {
        write(file, &text).map_err(|error| CertificateError::Write(file.clone(), error))?;
    }
    Ok(())
}

/// The names of this machine. Its addresses are not among them, because they change.
fn names() -> Vec<String> {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = host.trim();
    let mut names = vec!["localhost".to_owned()];
    if !host.is_empty() && host != "localhost" && host.is_ascii() {
        names.splice(0..0, [format!("{host}.local"), host.to_owned()]);
    }
    names
}

/// Writes a file whole or not at all: a board can lose its power at any time.
fn write(file: &Path, text: &str) -> io::Result<()> {
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

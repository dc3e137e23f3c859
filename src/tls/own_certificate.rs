//! A certificate that the board makes for itself. Nobody vouches for it: clients know it by its fingerprint.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt,
    path::PathBuf,
};

use rcgen::{CertifiedKey, generate_simple_self_signed};

use super::certificate::CertificateError;
use crate::system::{host, state};

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
        state::write(file, &text).map_err(|error| CertificateError::Write(file.clone(), error))?;
    }
    Ok(())
}

/// The names of this machine. Its addresses are not among them, because they change.
fn names() -> Vec<String> {
    let host = host::name();
    let mut names = vec!["localhost".to_owned()];
    if !host.is_empty() && host != "localhost" && host.is_ascii() {
        names.splice(0..0, [format!("{host}.local"), host.clone()]);
    }
    names
}

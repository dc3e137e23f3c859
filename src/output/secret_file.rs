//! Secrets that outputs need, each the only line of a file.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

/// Bytes of such a file that are read.
const MAX_BYTES: u64 = 4096;

/// Why there is no secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read.
    #[error("cannot read {}", .0.display())]
    Unreadable(PathBuf, #[source] io::Error),
    /// What is in it cannot be used.
    #[error("{} must have one line of text and nothing else", .0.display())]
    NotOneLine(PathBuf),
}

/// The line in a file, without white space around it.
///
/// # Errors
/// If the file cannot be read, or has no line or several.
pub(super) fn read(file: &Path) -> Result<String, SecretError> {
    let mut text = String::new();
    let read = File::open(file).and_then(|file| file.take(MAX_BYTES).read_to_string(&mut text));
    read.map_err(|error| SecretError::Unreadable(file.to_owned(), error))?;
    let line = text.trim();
    let is_one = !line.is_empty() && !line.contains(char::is_control);
    is_one.then(|| line.to_owned()).ok_or_else(|| SecretError::NotOneLine(file.to_owned()))
}

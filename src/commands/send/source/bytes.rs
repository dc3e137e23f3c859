//! Standard input, pipes and devices: bytes until their end.

use std::{
    fs::File,
    io::{self, IsTerminal, Read},
    os::fd::AsFd,
    path::Path,
};

use super::framing::{Framer, Framing, Lenience};
use crate::{
    commands::send::{sink::Sink, source_error::SourceError},
    system::clock::Monotonic,
};

/// How much is read at a time. A pipe holds 64 KiB unless somebody made it larger.
pub(super) const CHUNK_BYTES: usize = 256 << 10;

/// Standard input, without a buffer: what comes is handed on when it comes.
///
/// # Errors
/// If it is a terminal, or the system has no descriptor for it.
pub(super) fn open_stdin() -> Result<File, SourceError> {
    if io::stdin().is_terminal() {
        return Err(SourceError::Terminal);
    }
    let descriptor = io::stdin().as_fd().try_clone_to_owned();
    descriptor.map(File::from).map_err(SourceError::Read)
}

/// Opens a pipe or device. Of a named pipe this waits for a writer.
///
/// # Errors
/// If it does not open.
pub(super) fn open(path: &Path) -> Result<File, SourceError> {
    File::open(path).map_err(|e| SourceError::Open(path.to_owned(), e))
}

/// Reads `input` to its end.
///
/// # Errors
/// If it cannot be read.
pub(super) fn read_all(input: &mut File, framing: Framing, sink: &mut Sink) -> Result<(), SourceError> {
    let mut framer = Framer::new(framing, Lenience::ReadOn);
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        match input.read(&mut chunk) {
            Ok(0) => {
                framer.end(sink);
                return Ok(());
            }
            Ok(count) => framer.push(&chunk[..count], Monotonic::now(), sink)?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(SourceError::Read(error)),
        }
    }
}

/// Reads a named pipe for ever: one writer after the other.
///
/// # Errors
/// If it cannot be read or opened.
pub(super) fn read_for_ever(path: &Path, framing: Framing, sink: &mut Sink) -> Result<(), SourceError> {
    let mut input = open(path)?;
    loop {
        read_all(&mut input, framing, sink)?;
        // The old descriptor is open meanwhile: without any, the next writer would fail.
        input = open(path)?;
    }
}

//! A file that another program appends to.

use std::{
    fs::{self, File},
    io::{Read, Seek, SeekFrom},
    os::{fd::AsFd, unix::fs::MetadataExt},
    path::Path,
    time::{Duration, Instant},
};

use nix::{
    poll::PollFlags,
    sys::inotify::{AddWatchFlags, InitFlags, Inotify},
};

use super::{
    bytes::CHUNK_BYTES,
    framing::{Framer, Framing, Lenience},
};
use crate::{
    commands::send::{sink::Sink, source_error::SourceError},
    system::{clock::Monotonic, event_fd::poll},
};

/// The file is looked at after this time even if the kernel announces nothing: of a network's file system it does not.
const LOOK_AFTER: Duration = Duration::from_secs(1);

/// Reads the file's last pictures and all that follow, until it is deleted. A file that takes its place is read from its
/// start, and one that becomes shorter too.
///
/// # Errors
/// If the file does not open or cannot be read.
pub(super) fn follow(path: &Path, framing: Framing, sink: &mut Sink) -> Result<(), SourceError> {
    let open_error = |e| SourceError::Open(path.to_owned(), e);
    let changes = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC);
    let changes = changes.map_err(|e| SourceError::Read(e.into()))?;
    let mut file = File::open(path).map_err(open_error)?;
    // A file system that cannot tell of changes is looked at from time to time.
    let watch =
        || changes.add_watch(path, AddWatchFlags::IN_MODIFY | AddWatchFlags::IN_MOVE_SELF | AddWatchFlags::IN_ATTRIB);
    let mut watched = watch().ok();

    let length = file.metadata().map_err(SourceError::Read)?.len();
    let mut position = file.seek(SeekFrom::Start(framing.tail(length))).map_err(SourceError::Read)?;
    let mut framer = Framer::new(framing, Lenience::ReadOn);
    if position > 0 {
        framer = framer.in_the_middle();
    }
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let count = file.read(&mut chunk).map_err(SourceError::Read)?;
        if count > 0 {
            position += count as u64;
            framer.push(&chunk[..count], Monotonic::now(), sink)?;
            continue;
        }
        let metadata = file.metadata().map_err(SourceError::Read)?;
        let now_there = fs::metadata(path).ok();
        if metadata.len() < position {
            framer.end(sink);
            position = file.seek(SeekFrom::Start(0)).map_err(SourceError::Read)?;
        } else if now_there.as_ref().is_some_and(|there| (there.dev(), there.ino()) != (metadata.dev(), metadata.ino()))
        {
            framer.end(sink);
            file = File::open(path).map_err(open_error)?;
            position = 0;
            if let Some(watched) = watched.take() {
                let _ = changes.rm_watch(watched); // the kernel has done it if the old file is gone
            }
            watched = watch().ok();
        } else if metadata.nlink() == 0 && now_there.is_none() {
            framer.end(sink);
            return Ok(());
        } else {
            let changed = (changes.as_fd(), PollFlags::POLLIN);
            poll([changed], Some(Instant::now() + LOOK_AFTER)).map_err(SourceError::Read)?;
            let _ = changes.read_events(); // what changed is looked at anyway
        }
    }
}

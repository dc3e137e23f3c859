//! What the emulator wrote to a card and in which order, and what is on the card if the power goes in the middle of it.
//!
//! The format is that of the kernel's dm-log-writes, as QEMU's `blklogwrites` has it, in numbers of the least significant byte
//! first: a head in the first sector, then of each entry a sector that describes it, and the sectors that were written.

use std::{
    fs::File,
    io::{self, ErrorKind},
    os::unix::fs::FileExt,
    path::Path,
};

const SECTOR_BYTES: u64 = 512;
const MAGIC: u64 = 0x006a_7366_7773_6872;

/// Flags of an entry: what was written before is on the card for good; so is this; nothing was written.
const FLUSH: u64 = 1;
const FORCED: u64 = 2;
const DISCARD: u64 = 4;

/// The log, opened.
#[derive(Debug)]
pub(crate) struct WriteLog {
    file: File,
    entries: Vec<Entry>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Of the card.
    sector: u64,
    sectors: u64,
    flags: u64,
    /// Where in the log it is, in bytes.
    data: u64,
}

impl WriteLog {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let number = |at: u64| {
            let mut bytes = [0; 8];
            file.read_exact_at(&mut bytes, at).map(|()| u64::from_le_bytes(bytes))
        };
        if number(0)? != MAGIC {
            return Err(io::Error::new(ErrorKind::InvalidData, "not a log of writes"));
        }
        let count = number(16)?;
        let mut entries = Vec::new();
        let mut at = SECTOR_BYTES;
        for _ in 0..count {
            let [sector, sectors, flags] = [number(at)?, number(at + 8)?, number(at + 16)?];
            entries.push(Entry { sector, sectors, flags, data: at + SECTOR_BYTES });
            at += SECTOR_BYTES;
            if flags & DISCARD == 0 {
                at += sectors * SECTOR_BYTES;
            }
        }
        Ok(Self { file, entries })
    }

    /// How many writes and flushes there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Does to a card what was done until the power went: after `count` entries. Of the writes that no flush has made sure of,
    /// `is_lost` is asked.
    pub(crate) fn replay(&self, count: usize, card: &File, mut is_lost: impl FnMut() -> bool) -> io::Result<()> {
        let done = &self.entries[..count];
        let sure = done.iter().rposition(|entry| entry.flags & FLUSH != 0).unwrap_or(0);
        for (place, entry) in done.iter().enumerate() {
            let is_sure = place < sure || entry.flags & FORCED != 0;
            if entry.flags & DISCARD == 0 && (is_sure || !is_lost()) {
                let mut bytes = vec![0; usize::try_from(entry.sectors * SECTOR_BYTES).expect("it fits a disk")];
                self.file.read_exact_at(&mut bytes, entry.data)?;
                card.write_all_at(&bytes, entry.sector * SECTOR_BYTES)?;
            }
        }
        Ok(())
    }
}

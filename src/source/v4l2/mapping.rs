//! Maps the driver's memory into this process.

use std::{
    ffi::c_void,
    num::NonZeroUsize,
    ops::Range,
    os::fd::OwnedFd,
    process,
    ptr::NonNull,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use log::error;
use nix::{errno::Errno, libc, sys::mman};

/// The most bytes that a buffer, and the image in it, may have. A raw image of 16384x16384 in three colours has less.
/// The sum of two such lengths fits into 32 bits.
pub(super) const MAX_BUFFER_BYTES: u64 = 1 << 30;

/// States of [`Mapping::state`]: nobody reads, nobody reads any more, and the same after it was unmapped. A smaller number is
/// one more than where the bytes that are lent end; it is no more than [`MAX_BUFFER_BYTES`] and one.
const FREE: usize = 0;
const CLOSED: usize = usize::MAX;
const UNMAPPED: usize = usize::MAX - 1;

/// A memory plane of a buffer, mapped for reading. Unmapped when dropped.
///
/// The memory stays valid until then, even if the device is unplugged. A mapping keeps the device open in the kernel, until
/// [`Mapping::detach`]. All reading is through [`Lent`], one at a time, so the mapping knows which bytes are being read.
#[derive(Debug)]
pub(super) struct Mapping {
    memory: Memory,
    /// Whether and how far it is read: changed by one compare-and-exchange each, so that who drops a frame waits for nobody.
    state: AtomicUsize,
}

/// Some bytes of a mapping. They do not change until this is dropped, if the driver has not got the buffer meanwhile:
/// [`Mapping::is_lent`] is for whoever gives it the buffer.
#[derive(Debug)]
pub(super) struct Lent {
    mapping: Arc<Mapping>,
    range: Range<usize>,
}

/// Mapped memory, which nothing else has. Its owner unmaps it.
#[derive(Debug)]
struct Memory {
    start: NonNull<c_void>,
    length: usize,
}

impl Mapping {
    /// Maps the memory planes of a buffer, each given as its length and its offset in an open device.
    ///
    /// # Errors
    /// Fails if there is no plane, if one is empty, if all together are longer than [`MAX_BUFFER_BYTES`], or if the
    /// kernel refuses.
    pub(super) fn map_planes(fd: &OwnedFd, planes: &[(u32, u32)]) -> Result<Vec<Arc<Self>>, Errno> {
        if planes.is_empty() {
            return Err(Errno::EINVAL);
        }
        let mut total: u64 = 0;
        let mut mappings = Vec::new();
        for &(length, offset) in planes {
            total = total.saturating_add(length.into());
            if total > MAX_BUFFER_BYTES {
                return Err(Errno::ENOMEM);
            }
            let memory = Memory::of_device(fd, length, offset)?;
            mappings.push(Arc::new(Self { memory, state: AtomicUsize::new(FREE) }));
        }
        Ok(mappings)
    }

    /// Bytes of the memory plane.
    pub(super) fn len(&self) -> usize {
        self.memory.length
    }

    /// Lends the bytes of `range`, as far as there are. `None` while others are lent, and after [`Mapping::detach`].
    pub(super) fn lend(self: &Arc<Self>, range: &Range<usize>) -> Option<Lent> {
        let end = range.end.min(self.len());
        let range = range.start.min(end)..end;
        // Acquire: what was lent before is no longer read.
        let lent = self.state.compare_exchange(FREE, end + 1, Ordering::Acquire, Ordering::Relaxed);
        lent.is_ok().then(|| Lent { mapping: self.clone(), range })
    }

    /// Whether some bytes are lent, so that the driver must not write into them.
    pub(super) fn is_lent(&self) -> bool {
        !matches!(self.state.load(Ordering::Acquire), FREE | UNMAPPED) // acquire: as above
    }

    /// Lets go of the driver's memory: afterwards this mapping no longer keeps the device open, and lends nothing any more.
    /// What is lent is replaced with a copy at the same address. Who reads it notices nothing.
    ///
    /// # Errors
    /// Fails if there is no memory for the copy. The driver's memory stays mapped then.
    pub(super) fn detach(&self) -> Result<(), Errno> {
        // From now on nothing is lent that would have to be copied.
        let close = |state| (state < UNMAPPED).then_some(CLOSED);
        match self.state.fetch_update(Ordering::Acquire, Ordering::Relaxed, close) {
            Err(_) => Ok(()), // it was detached before
            Ok(FREE) => {
                self.memory.unmap();
                self.state.store(UNMAPPED, Ordering::Release); // read by `drop`
                Ok(())
            }
            Ok(end_and_one) => {
                let keep = end_and_one - 1;
                self.memory.replace_with(&Memory::copy_of(&self.memory, keep)?)
            }
        }
    }
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        let Range { start, end } = self.range;
        #[expect(unsafe_code, reason = "the memory is not Rust's")]
        // SAFETY: `start` is no more than the mapping's length; see `lend`.
        let first = unsafe { self.mapping.memory.start.cast::<u8>().add(start) };
        #[expect(unsafe_code, reason = "as above")]
        // SAFETY: these bytes are mapped and readable as long as the mapping lives: it is not unmapped while they are lent.
        // They are no more than `MAX_BUFFER_BYTES`, and thus no more than `isize::MAX`. Nobody writes to them meanwhile: the
        // driver does not have the buffer, and `detach` puts equal bytes in their place. No slice is longer than what is lent.
        unsafe {
            std::slice::from_raw_parts(first.as_ptr(), end - start)
        }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        // Release: it was read before this. If the mapping is closed meanwhile, it stays closed.
        let _ = self.mapping.state.compare_exchange(self.range.end + 1, FREE, Ordering::Release, Ordering::Relaxed);
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        if *self.state.get_mut() != UNMAPPED {
            self.memory.unmap();
        }
    }
}

impl Memory {
    /// Maps `length` bytes of a device, from `offset` on.
    fn of_device(fd: &OwnedFd, length: u32, offset: u32) -> Result<Self, Errno> {
        let length = usize::try_from(length).map_err(|_| Errno::EINVAL)?;
        let size = NonZeroUsize::new(length).ok_or(Errno::EINVAL)?;
        let offset = libc::off_t::try_from(u64::from(offset)).map_err(|_| Errno::EINVAL)?; // 32 bits on some boards
        let (read, shared) = (mman::ProtFlags::PROT_READ, mman::MapFlags::MAP_SHARED);
        #[expect(unsafe_code, reason = "there is no safe way to map")]
        // SAFETY: the kernel chooses an unused address range.
        let start = unsafe { mman::mmap(None, size, read, shared, fd, offset) }?;
        Ok(Self { start, length })
    }

    /// Memory of this process that is as long as `other` and has its first `keep` bytes.
    fn copy_of(other: &Self, keep: usize) -> Result<Self, Errno> {
        let size = NonZeroUsize::new(other.length).ok_or(Errno::EINVAL)?;
        let (write, private) = (mman::ProtFlags::PROT_READ | mman::ProtFlags::PROT_WRITE, mman::MapFlags::MAP_PRIVATE);
        #[expect(unsafe_code, reason = "there is no safe way to map")]
        // SAFETY: the kernel chooses an unused address range.
        let start = unsafe { mman::mmap_anonymous(None, size, write, private) }?;
        #[expect(unsafe_code, reason = "the memory is not Rust's")]
        // SAFETY: both ranges have `length` bytes mapped, and they do not overlap: the kernel chose an unused one for
        // the copy.
        unsafe {
            std::ptr::copy_nonoverlapping(
                other.start.cast::<u8>().as_ptr(),
                start.cast().as_ptr(),
                keep.min(other.length),
            );
        }
        Ok(Self { start, length: other.length })
    }

    /// Unmaps it. To be called once, by its owner, when nobody reads it.
    fn unmap(&self) {
        #[expect(unsafe_code, reason = "there is no safe way to unmap")]
        // SAFETY: this owns the mapping, and nothing borrows from it any more. The call only fails for an invalid
        // address.
        let _ = unsafe { mman::munmap(self.start, self.length) };
    }

    /// Puts `copy` in the place of this, at its address. The kernel exchanges them under the lock that page faults take: who
    /// reads meanwhile gets the bytes of either.
    ///
    /// The kernel first unmaps what is there. If it could not map the copy then, what somebody reads would be gone, and the
    /// next mapping could come to lie there; so this tries once more, and else ends the process.
    fn replace_with(&self, copy: &Self) -> Result<(), Errno> {
        let Err(error) = self.take_place_of(copy) else { return Ok(()) };
        if self.is_mapped() {
            copy.unmap();
            return Err(error);
        }
        if self.take_place_of(copy).is_err() {
            error!("the memory of a frame is lost: {error}");
            process::abort();
        }
        Ok(())
    }

    fn take_place_of(&self, copy: &Self) -> Result<(), Errno> {
        let moved = mman::MRemapFlags::MREMAP_MAYMOVE | mman::MRemapFlags::MREMAP_FIXED;
        #[expect(unsafe_code, reason = "there is no safe way to move a mapping")]
        // SAFETY: both are whole mappings of this length, and the bytes of this one that are read are equal in the copy.
        unsafe { mman::mremap(copy.start, self.length, self.length, moved, Some(self.start)) }.map(drop)
    }

    /// Whether something is mapped here.
    fn is_mapped(&self) -> bool {
        #[expect(unsafe_code, reason = "nix takes a pointer")]
        // SAFETY: the call changes no memory. It fails for addresses where nothing is mapped.
        let synced = unsafe { mman::msync(self.start, self.length, mman::MsFlags::MS_ASYNC) };
        synced != Err(Errno::ENOMEM)
    }
}

#[expect(unsafe_code, reason = "the compiler cannot infer it for a pointer")]
// SAFETY: the memory is only read, and it is mapped for all threads of the process.
unsafe impl Send for Memory {}
#[expect(unsafe_code, reason = "as above")]
// SAFETY: as above.
unsafe impl Sync for Memory {}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    const PAGE: u32 = 4096;

    /// A file that can be mapped for reading: this program.
    fn file() -> OwnedFd {
        File::open(std::env::current_exe().unwrap()).unwrap().into()
    }

    fn plane() -> Arc<Mapping> {
        Mapping::map_planes(&file(), &[(PAGE, 0)]).unwrap().remove(0)
    }

    #[test]
    fn planes_are_mapped_and_lent_as_far_as_they_go() {
        let planes = Mapping::map_planes(&file(), &[(PAGE, 0), (PAGE, 0)]).unwrap();
        assert_eq!(planes.len(), 2);
        let all = planes[0].lend(&(0..usize::MAX)).unwrap();
        assert!(all.as_ref().len() == planes[0].len() && all.as_ref().starts_with(b"\x7fELF"));
        for (range, lent) in [(1..4, 1..4), (4000..5000, 4000..4096), (5000..6000, 4096..4096), (0..0, 0..0)] {
            assert_eq!(planes[1].lend(&range).unwrap().as_ref(), &all.as_ref()[lent]);
        }
    }

    #[test]
    fn bytes_are_lent_to_one_at_a_time() {
        let plane = plane();
        assert!(!plane.is_lent());
        let lent = plane.lend(&(0..10)).unwrap();
        assert!(plane.is_lent() && plane.lend(&(20..30)).is_none());
        drop(lent);
        assert!(!plane.is_lent() && plane.lend(&(20..30)).is_some());
    }

    #[test]
    fn who_reads_does_not_notice_that_the_memory_is_another() {
        for range in [0..100, 50..100, 0..4096, 0..0] {
            let plane = plane();
            let lent = plane.lend(&range).unwrap();
            let (address, before) = (lent.as_ref().as_ptr(), lent.as_ref().to_vec());
            plane.detach().unwrap();
            assert_eq!((lent.as_ref().as_ptr(), lent.as_ref()), (address, &before[..]));
            plane.detach().unwrap(); // as before
            drop(lent);
            assert!(plane.lend(&range).is_none(), "it is closed");
        }
    }

    #[test]
    fn what_nobody_reads_is_unmapped_at_once() {
        let plane = plane();
        plane.detach().unwrap();
        assert!(!plane.memory.is_mapped() && !plane.is_lent() && plane.lend(&(0..1)).is_none());
    }

    /// The kernel refuses to move a mapping that is shorter than what is to be moved. What is lent stays.
    #[test]
    fn a_copy_that_cannot_be_put_there_is_given_back() {
        let plane = plane();
        let lent = plane.lend(&(0..4096)).unwrap();
        let before = lent.as_ref().to_vec();
        let copy = Memory::copy_of(&plane.memory, 0).unwrap();
        copy.unmap();
        assert!(plane.memory.replace_with(&copy).is_err());
        assert!(plane.memory.is_mapped() && lent.as_ref() == before);
    }

    #[test]
    fn lengths_that_cannot_be_are_errors() {
        let error = |planes: &[(u32, u32)]| Mapping::map_planes(&file(), planes).unwrap_err();
        assert_eq!(error(&[]), Errno::EINVAL, "a buffer without memory planes");
        assert_eq!(error(&[(PAGE, 0), (0, 0)]), Errno::EINVAL, "an empty memory plane");
        assert_eq!(error(&[(u32::MAX, 0)]), Errno::ENOMEM, "a slice of that length would be unsound with 32 bits");
        assert_eq!(error(&[(1 << 29, 0), (1 << 29, 0), (PAGE, 0)]), Errno::ENOMEM, "all planes together");
        assert_eq!(error(&[(u32::MAX, 0); 8]), Errno::ENOMEM, "their sum exceeds 32 bits");
    }
}

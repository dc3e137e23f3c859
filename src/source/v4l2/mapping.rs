//! Maps the driver's memory into this process.

use std::{ffi::c_void, num::NonZeroUsize, os::fd::OwnedFd, ptr::NonNull};

use nix::{errno::Errno, libc, sys::mman};

/// The most bytes that a buffer, and the image in it, may have. A raw image of 16384x16384 in three colours has less.
/// The sum of two such lengths fits into 32 bits.
pub(super) const MAX_BUFFER_BYTES: u64 = 1 << 30;

/// A memory plane of a buffer, mapped for reading. Unmapped when dropped.
///
/// The memory stays valid until then, even if the device is unplugged. A mapping keeps the device open in the kernel.
#[derive(Debug)]
pub(super) struct Mapping {
    start: NonNull<c_void>,
    length: usize,
}

impl Mapping {
    /// Maps the memory planes of a buffer, each given as its length and its offset in an open device.
    ///
    /// # Errors
    /// Fails if there is no plane, if one is empty, if all together are longer than [`MAX_BUFFER_BYTES`], or if the
    /// kernel refuses.
    pub(super) fn map_planes(fd: &OwnedFd, planes: &[(u32, u32)]) -> Result<Vec<Self>, Errno> {
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
            mappings.push(Self::new(fd, length, offset)?);
        }
        Ok(mappings)
    }

    /// Maps the `length` bytes at `offset`.
    fn new(fd: &OwnedFd, length: u32, offset: u32) -> Result<Self, Errno> {
        let length = usize::try_from(length).map_err(|_| Errno::EINVAL)?;
        let size = NonZeroUsize::new(length).ok_or(Errno::EINVAL)?;
        let offset = libc::off_t::try_from(u64::from(offset)).map_err(|_| Errno::EINVAL)?; // 32 bits on some boards
        let (read, shared) = (mman::ProtFlags::PROT_READ, mman::MapFlags::MAP_SHARED);
        #[expect(unsafe_code, reason = "there is no safe way to map")]
        // SAFETY: the kernel chooses an unused address range.
        let start = unsafe { mman::mmap(None, size, read, shared, fd, offset) }?;
        Ok(Self { start, length })
    }

    /// The whole memory plane. Must not be read while the buffer is queued, because the driver writes into it.
    pub(super) fn bytes(&self) -> &[u8] {
        #[expect(unsafe_code, reason = "the memory is not Rust's")]
        // SAFETY: `length` bytes from `start` on are mapped and readable as long as `self` lives. They are no more
        // than `MAX_BUFFER_BYTES`, and thus no more than `isize::MAX`. Nobody writes to them while they are read: the
        // driver writes only while the buffer is queued, and `driver_buffers` hands them out only while it is not.
        unsafe {
            std::slice::from_raw_parts(self.start.as_ptr().cast(), self.length)
        }
    }

    /// Replaces the driver's memory with memory of this process at the same address, and copies the first `keep` bytes.
    /// A concurrent reader of these bytes notices nothing. Afterwards this mapping no longer keeps the device open.
    ///
    /// # Errors
    /// Fails if there is no memory. The driver's memory stays mapped then.
    pub(super) fn detach(&self, keep: usize) -> Result<(), Errno> {
        let size = self.length.try_into().map_err(|_| Errno::EINVAL)?;
        let (write, private) = (mman::ProtFlags::PROT_READ | mman::ProtFlags::PROT_WRITE, mman::MapFlags::MAP_PRIVATE);
        #[expect(unsafe_code, reason = "there is no safe way to map")]
        // SAFETY: the kernel chooses an unused address range.
        let copy = unsafe { mman::mmap_anonymous(None, size, write, private) }?;
        #[expect(unsafe_code, reason = "the memory is not Rust's")]
        // SAFETY: both ranges have `length` bytes mapped, and they do not overlap: the kernel chose an unused one for
        // the copy.
        unsafe {
            std::ptr::copy_nonoverlapping(
                self.start.cast::<u8>().as_ptr(),
                copy.cast().as_ptr(),
                keep.min(self.length),
            );
        }
        let moved = mman::MRemapFlags::MREMAP_MAYMOVE | mman::MRemapFlags::MREMAP_FIXED;
        #[expect(unsafe_code, reason = "as above")]
        // SAFETY: both are whole mappings of this length. The kernel exchanges them under the lock that page faults
        // take: a concurrent reader reads the bytes of either, and the first `keep` bytes, which are all that is
        // read, are equal.
        let swapped = unsafe { mman::mremap(copy, self.length, self.length, moved, Some(self.start)) };
        swapped.map(drop)
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        #[expect(unsafe_code, reason = "there is no safe way to unmap")]
        // SAFETY: this owns the mapping, and nothing borrows from it any more. The call only fails for an invalid
        // address.
        let _ = unsafe { mman::munmap(self.start, self.length) };
    }
}

#[expect(unsafe_code, reason = "the compiler cannot infer it for a pointer")]
// SAFETY: the memory is only read, and it is mapped for all threads of the process.
unsafe impl Send for Mapping {}
#[expect(unsafe_code, reason = "as above")]
// SAFETY: as above.
unsafe impl Sync for Mapping {}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    const PAGE: u32 = 4096;

    /// A file that can be mapped for reading: this program.
    fn file() -> OwnedFd {
        File::open(std::env::current_exe().unwrap()).unwrap().into()
    }

    #[test]
    fn planes_are_mapped_and_keep_their_bytes_when_they_are_detached() {
        let planes = Mapping::map_planes(&file(), &[(PAGE, 0), (PAGE, 0)]).unwrap();
        assert_eq!(planes.len(), 2);
        let first = planes[0].bytes().to_vec();
        assert!(first.len() == 4096 && first.starts_with(b"\x7fELF"));
        for (keep, kept) in [(100, 100), (usize::MAX, 4096)] {
            let plane = Mapping::map_planes(&file(), &[(PAGE, 0)]).unwrap().remove(0);
            plane.detach(keep).unwrap();
            assert_eq!(plane.bytes()[..kept], first[..kept]);
        }
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

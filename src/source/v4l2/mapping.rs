//! The driver's memory, as it is mapped into this process.

use std::{ffi::c_void, os::fd::OwnedFd, ptr::NonNull};

use nix::{errno::Errno, libc, sys::mman};

/// A piece of memory that is the driver's and ours, to be read. Unmapped when dropped.
///
/// The memory stays until then, whatever becomes of the device; but a mapping keeps the device's file open in the kernel.
#[derive(Debug)]
pub(super) struct Mapping {
    start: NonNull<c_void>,
    length: usize,
}

impl Mapping {
    /// Maps `length` bytes of an open device that are at `offset` by its count.
    ///
    /// # Errors
    /// When the kernel does not.
    pub(super) fn new(fd: &OwnedFd, length: u32, offset: u32) -> Result<Self, Errno> {
        let length = length as usize;
        let size = length.try_into().map_err(|_| Errno::EINVAL)?; // not zero
        let offset = libc::off_t::try_from(u64::from(offset)).map_err(|_| Errno::EINVAL)?; // 32 bits on some
        let (read, shared) = (mman::ProtFlags::PROT_READ, mman::MapFlags::MAP_SHARED);
        #[expect(unsafe_code, reason = "there is no safe way to map")]
        // SAFETY: the kernel chooses a place where nothing is.
        let start = unsafe { mman::mmap(None, size, read, shared, fd, offset) }?;
        Ok(Self { start, length })
    }

    /// All bytes of it.
    ///
    /// While the driver has the buffer it may write to them: only to be looked at when it has not.
    pub(super) fn bytes(&self) -> &[u8] {
        #[expect(unsafe_code, reason = "the memory is not Rust's")]
        // SAFETY: `length` bytes from `start` on are mapped, readable, as long as this lives. Nobody writes to them while they
        // are looked at: the driver may only between `queue` and `dequeue`, and `buffers` lends them only outside.
        unsafe {
            std::slice::from_raw_parts(self.start.as_ptr().cast(), self.length)
        }
    }

    /// Puts memory of our own in the place of the driver's, with the same first `keep` bytes in it. Who looks at these
    /// notices nothing; the device's file can be closed.
    ///
    /// # Errors
    /// When there is no memory for it. The driver's stays mapped then.
    pub(super) fn detach(&self, keep: usize) -> Result<(), Errno> {
        let size = self.length.try_into().map_err(|_| Errno::EINVAL)?;
        let (write, private) = (mman::ProtFlags::PROT_READ | mman::ProtFlags::PROT_WRITE, mman::MapFlags::MAP_PRIVATE);
        #[expect(unsafe_code, reason = "there is no safe way to map")]
        // SAFETY: the kernel chooses a place where nothing is.
        let copy = unsafe { mman::mmap_anonymous(None, size, write, private) }?;
        #[expect(unsafe_code, reason = "the memory is not Rust's")]
        // SAFETY: `keep` bytes are mapped in both, and the places are apart: one was free when the other was not.
        unsafe {
            std::ptr::copy_nonoverlapping(
                self.start.cast::<u8>().as_ptr(),
                copy.cast().as_ptr(),
                keep.min(self.length),
            );
        }
        let moved = mman::MRemapFlags::MREMAP_MAYMOVE | mman::MRemapFlags::MREMAP_FIXED;
        #[expect(unsafe_code, reason = "as above")]
        // SAFETY: both are whole mappings of this length. The kernel exchanges them under the lock that page faults take, so
        // that whoever reads meanwhile reads the bytes of one or of the other, which are the same as far as anybody looks.
        let swapped = unsafe { mman::mremap(copy, self.length, self.length, moved, Some(self.start)) };
        swapped.map(drop)
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        #[expect(unsafe_code, reason = "there is no safe way to unmap")]
        // SAFETY: it is ours, and nothing borrows from what is dropped. It can only fail for addresses that are no mapping.
        let _ = unsafe { mman::munmap(self.start, self.length) };
    }
}

#[expect(unsafe_code, reason = "the compiler cannot see it of a pointer")]
// SAFETY: memory that is only read, mapped into the whole process.
unsafe impl Send for Mapping {}
#[expect(unsafe_code, reason = "as above")]
// SAFETY: as above.
unsafe impl Sync for Mapping {}

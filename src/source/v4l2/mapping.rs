//! Maps the driver's memory into this process.

use std::{ffi::c_void, os::fd::OwnedFd, ptr::NonNull};

use nix::{errno::Errno, libc, sys::mman};

/// A memory plane of a buffer, mapped for reading. Unmapped when dropped.
///
/// The memory stays valid until then, even if the device is unplugged. A mapping keeps the device open in the kernel.
#[derive(Debug)]
pub(super) struct Mapping {
    start: NonNull<c_void>,
    length: usize,
}

impl Mapping {
    /// Maps the `length` bytes at `offset` of an open device.
    ///
    /// # Errors
    /// Fails if `length` is 0 or the kernel refuses.
    pub(super) fn new(fd: &OwnedFd, length: u32, offset: u32) -> Result<Self, Errno> {
        let length = length as usize;
        let size = length.try_into().map_err(|_| Errno::EINVAL)?; // it is not 0
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
        // SAFETY: `length` bytes from `start` on are mapped and readable as long as `self` lives. Nobody writes to
        // them while they are read: the driver writes only while the buffer is queued, and `driver_buffers` hands
        // them out only while it is not.
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

//! Memory that is kept rather than given back and asked for again with every frame.

use nix::libc;

/// Free memory that the C library keeps at the end of each of its heaps. A decoder takes and frees some hundred
/// kilobytes a frame; with glibc's 128 KiB each frame gives pages back and the next one faults them in again.
const KEPT_BYTES: libc::c_int = 64 << 20;

/// Makes the C library keep what it has. The decoder's memory is bounded by `server.max_pixels`, and so is this.
pub fn keep() {
    #[cfg(target_env = "gnu")]
    #[expect(unsafe_code, reason = "there is no safe wrapper of mallopt")]
    // SAFETY: mallopt only sets a number in the allocator, under its own lock.
    unsafe {
        libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT_BYTES);
    }
}

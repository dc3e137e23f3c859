//! What this machine is called.

use std::fs;

/// Its name as the network knows it; empty if it has none.
#[must_use]
pub fn name() -> String {
    fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned()
}

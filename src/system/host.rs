//! What this machine is called.

use std::fs;

/// What the kernel says while nobody has given it a name: early at the start.
const NO_NAME: &str = "(none)";

/// Its name as the network knows it; empty if it has none yet.
#[must_use]
pub fn name() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    Some(name.trim()).filter(|name| *name != NO_NAME).unwrap_or_default().to_owned()
}

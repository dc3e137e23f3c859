//! The kernel's random numbers, which it does not have yet early after booting.

use std::{fs::File, os::fd::AsFd, time::Instant};

use log::warn;
use nix::poll::PollFlags;

use super::event_fd::poll;

/// Can be read from when there are random numbers (random(4), since Linux 5.6). The system call that takes them can only wait.
const DEVICE: &str = "/dev/random";

/// Logs that there are no random numbers yet, so that a start which waits for them is not silent. It does not wait itself.
///
/// Where this cannot be found out nothing is said.
pub fn warn_if_missing() {
    let Ok(device) = File::open(DEVICE) else { return };
    if poll([(device.as_fd(), PollFlags::POLLIN)], Some(Instant::now())).is_ok_and(|[is_ready]| !is_ready) {
        warn!(
            "the system has no random numbers yet, which keys are made of; fovea waits for them (they come from devices at \
             work: a hardware generator, interrupts)"
        );
    }
}

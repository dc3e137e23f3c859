//! Waking a thread that waits in `poll`: a descriptor beside every descriptor.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd},
    time::Instant,
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, ppoll},
    sys::{
        eventfd::{self, EfdFlags},
        time::TimeSpec,
    },
};

/// A flag that `poll` can wait for. Once set it stays set until cleared; setting never blocks.
#[derive(Debug)]
pub struct EventFd(eventfd::EventFd);

impl EventFd {
    /// A flag that is not set.
    ///
    /// # Errors
    /// When the process is out of descriptors.
    pub fn new() -> io::Result<Self> {
        Ok(Self(eventfd::EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?))
    }

    /// Sets the flag: whoever polls it wakes.
    pub fn set(&self) {
        match self.0.write(1) {
            Ok(_) | Err(Errno::EAGAIN) => {} // EAGAIN: the counter is full, so it is set
            Err(error) => unreachable!("an eventfd takes every 1: {error}"),
        }
    }

    /// Clears the flag. To be done before looking at what it announced, or news could be missed.
    pub fn clear(&self) {
        match self.0.read() {
            Ok(_) | Err(Errno::EAGAIN) => {} // EAGAIN: it was not set
            Err(error) => unreachable!("an eventfd gives its count: {error}"),
        }
    }
}

impl AsFd for EventFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Blocks until one of the descriptors has what is asked of it, or `until` has come; says which have.
///
/// A descriptor whose peer is gone counts as ready: reading it tells how.
///
/// # Errors
/// What `poll` fails with; an interruption by a signal is not an error but a wait that found nothing.
pub fn poll<const N: usize>(
    descriptors: [(BorrowedFd<'_>, PollFlags); N],
    until: Option<Instant>,
) -> io::Result<[bool; N]> {
    let mut fds = descriptors.map(|(fd, flags)| PollFd::new(fd, flags));
    // To the nanosecond, where poll(2) would round to milliseconds: a sender of 300 frames a second has 3.3 of those.
    let timeout = until.map(|until| TimeSpec::from_duration(until.saturating_duration_since(Instant::now())));
    match ppoll(&mut fds, timeout, None) {
        Ok(_) => Ok(fds.map(|fd| fd.any().unwrap_or(true))),
        Err(Errno::EINTR) => Ok([false; N]),
        Err(error) => Err(error.into()),
    }
}

//! SIGINT and SIGTERM as a descriptor, for commands that wait in `poll`.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd},
};

use nix::sys::{
    signal::{SigSet, Signal},
    signalfd::{SfdFlags, SignalFd},
};

/// Becomes readable, and stays so, when the user or the system asks the command to end.
#[derive(Debug)]
pub(super) struct Signals(SignalFd);

impl Signals {
    /// From now on the two signals do nothing but make this readable. To be called before threads are started,
    /// which inherit it, and after anything that blocks without regard to it.
    pub(super) fn catch() -> io::Result<Self> {
        asked_to_end().thread_block()?;
        Ok(Self(SignalFd::with_flags(&asked_to_end(), SfdFlags::SFD_CLOEXEC)?))
    }

    /// Takes the signal that was caught. From now on the next one ends the process at once.
    pub(super) fn release(self) -> io::Result<()> {
        self.0.read_signal()?;
        Ok(asked_to_end().thread_unblock()?)
    }
}

fn asked_to_end() -> SigSet {
    SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM])
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

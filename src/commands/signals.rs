//! Signals as a file descriptor, for commands that wait in `poll`.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd},
};

use nix::sys::{
    signal::{SigSet, Signal},
    signalfd::{SfdFlags, SignalFd},
};

/// A set of signals. Its descriptor is readable from the arrival of one of them until [`Signals::acknowledge`].
#[derive(Debug)]
pub(super) struct Signals {
    set: SigSet,
    descriptor: SignalFd,
}

impl Signals {
    /// SIGINT and SIGTERM, by which the user or the system ends a command.
    pub(super) fn termination() -> io::Result<Self> {
        Self::block(&[Signal::SIGINT, Signal::SIGTERM])
    }

    /// SIGHUP, which makes the daemon reload its configuration.
    pub(super) fn reload() -> io::Result<Self> {
        Self::block(&[Signal::SIGHUP])
    }

    /// Blocks the signals: from now on they only make the descriptor readable. Threads inherit the mask, so this comes
    /// before they start; calls that block without `poll` come before this.
    fn block(signals: &[Signal]) -> io::Result<Self> {
        let set = SigSet::from_iter(signals.iter().copied());
        set.thread_block()?;
        Ok(Self { set, descriptor: SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC)? })
    }

    /// Consumes the signal that came.
    pub(super) fn acknowledge(&self) -> io::Result<()> {
        self.descriptor.read_signal()?;
        Ok(())
    }

    /// Consumes the signal that came and unblocks the set: the next signal ends the process at once.
    pub(super) fn release(self) -> io::Result<()> {
        self.acknowledge()?;
        Ok(self.set.thread_unblock()?)
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

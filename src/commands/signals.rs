//! Signals as a descriptor, for commands that wait in `poll`.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd},
};

use nix::sys::{
    signal::{SigSet, Signal},
    signalfd::{SfdFlags, SignalFd},
};

/// Becomes readable when one of its signals comes, and stays so until it is taken.
#[derive(Debug)]
pub(super) struct Signals {
    set: SigSet,
    descriptor: SignalFd,
}

impl Signals {
    /// The user or the system asks the command to end.
    pub(super) fn to_end() -> io::Result<Self> {
        Self::catch(&[Signal::SIGINT, Signal::SIGTERM])
    }

    /// Somebody asks the daemon to read its configuration again.
    pub(super) fn to_reload() -> io::Result<Self> {
        Self::catch(&[Signal::SIGHUP])
    }

    /// From now on these do nothing but make this readable. To be called before threads are started, which inherit it,
    /// and after anything that blocks without regard to it.
    fn catch(signals: &[Signal]) -> io::Result<Self> {
        let set = SigSet::from_iter(signals.iter().copied());
        set.thread_block()?;
        Ok(Self { set, descriptor: SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC)? })
    }

    /// Takes the signal that came.
    pub(super) fn take(&self) -> io::Result<()> {
        self.descriptor.read_signal()?;
        Ok(())
    }

    /// Takes the signal that came. From now on the next one ends the process at once.
    pub(super) fn release(self) -> io::Result<()> {
        self.take()?;
        Ok(self.set.thread_unblock()?)
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

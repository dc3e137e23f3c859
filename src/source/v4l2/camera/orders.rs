//! What a camera's thread is to do, and how it hears of that.

use std::{
    io, mem,
    os::fd::{AsFd, BorrowedFd},
};

use crate::{source::v4l2::controls::Wanted, sync::Mutex, system::event_fd::EventFd};

/// Orders to a camera's thread, which waits for them beside its device.
#[derive(Debug)]
pub(super) struct Orders {
    /// Set when there is something.
    wake: EventFd,
    given: Mutex<Given>,
}

/// What was ordered.
#[derive(Debug, Default)]
pub(super) struct Given {
    /// To end.
    pub(super) stop: bool,
    /// To have these controls set.
    pub(super) controls: Option<Wanted>,
}

impl Orders {
    /// None so far.
    ///
    /// # Errors
    /// When the system has no descriptor left.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { wake: EventFd::new()?, given: Mutex::default() })
    }

    /// Has other controls set. Only the last ones count.
    pub(super) fn set_controls(&self, controls: Wanted) {
        self.given.lock().controls = Some(controls);
        self.wake.set();
    }

    /// Has the thread end.
    pub(super) fn stop(&self) {
        self.given.lock().stop = true;
        self.wake.set();
    }

    /// What has been ordered since the last time.
    pub(super) fn take(&self) -> Given {
        self.wake.clear(); // first: what is ordered from now on wakes again
        mem::take(&mut *self.given.lock())
    }
}

/// Readable when there is something to take.
impl AsFd for Orders {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }
}

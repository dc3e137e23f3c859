//! The mailbox of a capture thread: the commands that are pending, and the event fd that wakes the thread for them.

use std::{
    io, mem,
    os::fd::{AsFd, BorrowedFd},
};

use crate::{source::v4l2::control_plan::ControlValues, sync::Mutex, system::event_fd::EventFd};

/// The mailbox. The capture thread polls it beside its device: it is readable while commands are pending.
#[derive(Debug)]
pub(super) struct Mailbox {
    wake: EventFd,
    pending: Mutex<Commands>,
}

/// The commands that a capture thread has not applied yet.
#[derive(Debug, Default)]
pub(super) struct Commands {
    /// Stop the thread.
    pub(super) stop: bool,
    /// Set these controls.
    pub(super) controls: Option<ControlValues>,
    /// Prefer a format with luma, or not, when the device is opened next.
    pub(super) luma: Option<bool>,
}

impl Mailbox {
    /// Creates an empty mailbox.
    ///
    /// # Errors
    /// Fails if the system has no descriptor left.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { wake: EventFd::new()?, pending: Mutex::default() })
    }

    /// Posts the command to set other controls. It replaces one that is still pending.
    pub(super) fn set_controls(&self, controls: ControlValues) {
        self.pending.lock().controls = Some(controls);
        self.wake.set();
    }

    /// Posts the command to prefer a format with luma, or not, when the device is opened next.
    pub(super) fn set_luma(&self, luma: bool) {
        self.pending.lock().luma = Some(luma);
        self.wake.set();
    }

    /// Posts the command to stop.
    pub(super) fn stop(&self) {
        self.pending.lock().stop = true;
        self.wake.set();
    }

    /// Takes all pending commands. Does not block.
    pub(super) fn take(&self) -> Commands {
        self.wake.clear(); // before the commands are taken, so that a later command wakes the thread again
        mem::take(&mut *self.pending.lock())
    }
}

impl AsFd for Mailbox {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }
}

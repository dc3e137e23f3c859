//! What a camera's thread is to do, and how it hears of that.

use crate::{source::v4l2::controls::Wanted, sync::Mutex, system::wake::Wake};

/// What the camera's thread is to do.
#[derive(Debug)]
pub(super) struct Orders {
    /// Set when there is something.
    pub(super) wake: Wake,
    pub(super) given: Mutex<Given>,
}

#[derive(Debug, Default)]
pub(super) struct Given {
    pub(super) stop: bool,
    pub(super) controls: Option<Wanted>,
}

impl Orders {
    /// What has been ordered since the last time.
    pub(super) fn take(&self) -> Given {
        self.wake.clear(); // first: what is ordered from now on wakes again
        std::mem::take(&mut *self.given.lock())
    }
}

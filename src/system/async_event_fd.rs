//! A [`EventFd`] that a tokio reactor waits for, beside its sockets.

use std::{
    io,
    os::fd::{AsFd, AsRawFd, RawFd},
    sync::Arc,
};

use tokio::io::{Interest, unix::AsyncFd};

use super::event_fd::EventFd;

/// A [`EventFd`] in the reactor of the runtime that it was made in.
#[derive(Debug)]
pub struct AsyncEventFd(AsyncFd<Owned>);

/// The descriptor's owner, which it cannot outlive.
#[derive(Debug)]
struct Owned(Arc<EventFd>);

impl AsRawFd for Owned {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

impl AsyncEventFd {
    /// Puts it into the reactor.
    ///
    /// # Errors
    /// When the system has no room for one more descriptor there.
    #[expect(unsafe_code, reason = "tokio has no safe way to wait for a descriptor that is not a socket")]
    pub fn new(wake: Arc<EventFd>) -> io::Result<Self> {
        // SAFETY: the descriptor is open and stays the same one as long as its `EventFd` lives: it is private there and never
        // exchanged. The `Arc` in `Owned` keeps that alive until the reactor has let go of it.
        let awaited = unsafe { AsyncFd::register_with_interest(Owned(wake), Interest::READABLE) };
        Ok(Self(awaited?))
    }

    /// Waits until it is set, and leaves it so.
    ///
    /// # Errors
    /// When the runtime ends.
    pub async fn is_set(&self) -> io::Result<()> {
        self.0.readable().await.map(drop)
    }

    /// Waits until it is set, and has `clear` clear it. To be done before looking at what it announced, or news could be
    /// missed.
    ///
    /// # Errors
    /// When the runtime ends.
    pub async fn wait_and(&self, clear: impl FnOnce()) -> io::Result<()> {
        self.0.readable().await?.clear_ready();
        clear();
        Ok(())
    }
}

//! Threads: named, and joined within a limit.

use std::{
    ffi::CString,
    io,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use nix::sys::prctl::set_name;

use super::event_fd::EventFd;

/// A running thread and the ways to learn of its end.
#[derive(Debug)]
pub struct Thread {
    name: String,
    handle: JoinHandle<()>,
    alive: Receiver<()>, // never sent on: it disconnects when the thread is over
}

/// A thread that did not end in time. It goes on; only the end of the process ends it now.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the thread {0} did not end in time")]
pub struct JoinTimeout(String);

impl Thread {
    /// Starts a thread. `ended` is set when it is over, however it ends; [`Thread::is_over`] says so by then.
    ///
    /// It inherits the caller's cores and blocked signals. Linux shows the first 15 bytes of its name.
    ///
    /// # Errors
    /// When the system has no room for another thread.
    pub fn spawn(name: &str, ended: Arc<EventFd>, body: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        let (dies, alive) = sync_channel(0);
        let exit_guard = ExitGuard { ended, dies: Some(dies) };
        let handle = thread::Builder::new().name(name.into()).spawn(move || {
            let _exit_guard = exit_guard;
            body();
        })?;
        Ok(Self { name: name.into(), handle, alive })
    }

    /// Whether it is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.alive.try_recv() == Err(TryRecvError::Disconnected)
    }

    /// Waits for its end, until `limit` at most.
    ///
    /// # Errors
    /// When the time is up first.
    pub fn join_until(self, limit: Instant) -> Result<(), JoinTimeout> {
        let left = limit.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        match self.alive.recv_timeout(left) {
            Err(RecvTimeoutError::Disconnected) => {
                let _panicked = self.handle.join(); // told by the panic hook already
                Ok(())
            }
            Ok(()) | Err(RecvTimeoutError::Timeout) => Err(JoinTimeout(self.name)),
        }
    }
}

/// Renames the calling thread: what `ps -L` and the log show. Linux keeps the first 15 bytes.
pub fn name(name: &str) {
    let name = CString::new(name).expect("names are made of configured names, which have no zero bytes");
    // Only for people: it is not worth failing for.
    let _ = set_name(&name);
}

/// Tells the end of a thread when dropped, a panic's unwinding included.
struct ExitGuard {
    ended: Arc<EventFd>,
    dies: Option<SyncSender<()>>,
}

impl Drop for ExitGuard {
    fn drop(&mut self) {
        // First be over, then tell: whoever is woken looks at once, and is not woken again.
        drop(self.dies.take());
        self.ended.set();
    }
}

//! The capture thread of a camera, as the daemon sees it: start, set controls, stop, join.
//!
//! The thread runs a `runner`. It takes commands from its `mailbox`, sets controls with `apply_controls`, delivers to
//! a `frame_sink` what `frame_from_buffer` makes of a buffer, logs through a `status_log`, and waits with `reconnect`
//! while the device is missing.

mod apply_controls;
mod frame_from_buffer;
mod frame_sink;
mod mailbox;
mod reconnect;
mod runner;
mod status_log;

use std::{
    io,
    sync::{
        Arc,
        mpsc::{SyncSender, sync_channel},
    },
    time::Instant,
};

use self::{frame_sink::FrameSink, mailbox::Mailbox, runner::Runner};
use super::control_plan::ControlValues;
use crate::{
    camera::Feed,
    config::V4l2,
    system::{
        event_fd::EventFd,
        thread::{JoinTimeout, Thread},
        watchdog::Heartbeat,
    },
};

/// The handle of a running capture thread. The thread runs until [`stop`](Self::stop), whether its device is present or
/// not. Dropping the handle does not stop it.
#[derive(Debug)]
pub struct CaptureThread {
    thread: Thread,
    mailbox: Arc<Mailbox>,
}

impl CaptureThread {
    /// Starts the thread, which opens no device before [`PreparedCapture::start`]: whatever the system may lack is known
    /// by then. `luma` says whether stages look at luma, which the choice of a format goes by.
    ///
    /// # Errors
    /// Fails if the system has no descriptor or no thread left.
    pub fn prepare(
        settings: V4l2,
        feed: Arc<Feed>,
        heartbeat: Arc<Heartbeat>,
        luma: bool,
    ) -> io::Result<PreparedCapture> {
        let mailbox = Arc::new(Mailbox::new()?);
        let name = format!("cam-{}", feed.name());
        let runner = Runner::new(settings, luma, FrameSink::new(feed, heartbeat), mailbox.clone());
        let (start, started) = sync_channel(1);
        // Only `join_until` waits for the end of this thread: nobody polls its event fd.
        let thread = Thread::spawn(&name, Arc::new(EventFd::new()?), move || {
            if started.recv().is_ok() {
                runner.run();
            }
        })?;
        Ok(PreparedCapture { capture: Self { thread, mailbox }, start })
    }

    /// Sets other controls while the device stays open. Does not block: the thread sets them.
    pub fn set_controls(&self, controls: ControlValues) {
        self.mailbox.set_controls(controls);
    }

    /// Sets whether stages need luma. The device stays open: format `auto` is chosen when it is opened next. Does not
    /// block.
    pub fn set_luma(&self, luma: bool) {
        self.mailbox.set_luma(luma);
    }

    /// Asks the thread to stop. Does not block.
    pub fn stop(&self) {
        self.mailbox.stop();
    }

    /// Joins the thread. Blocks until it has ended, until `deadline` at most.
    ///
    /// # Errors
    /// Fails if the thread has not ended by `deadline`: the driver does not answer.
    pub fn join_until(self, deadline: Instant) -> Result<(), JoinTimeout> {
        self.thread.join_until(deadline)
    }
}

/// A capture thread that waits for its start. Dropping this ends it.
#[derive(Debug)]
pub struct PreparedCapture {
    capture: CaptureThread,
    start: SyncSender<()>,
}

impl PreparedCapture {
    /// Lets the thread begin. It opens the device, and retries if it is missing.
    #[must_use]
    pub fn start(self) -> CaptureThread {
        // The thread waits for this; nothing else ends it before.
        let _ = self.start.send(());
        self.capture
    }
}

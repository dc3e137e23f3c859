//! A camera that is plugged in, as the rest of the program has it: started, told of other controls, ended.
//!
//! Its thread is a `runner`, which hears of `orders`, applies `settings`, admits (`admit`) what comes as frames, tells its
//! `news`, and in the camera's `absence` waits for it.

mod absence;
mod admit;
mod news;
mod orders;
mod runner;
mod settings;

use std::{io, sync::Arc, time::Instant};

use self::{orders::Orders, runner::Runner};
use super::controls::Wanted;
use crate::{
    config::V4l2,
    source::post::Post,
    system::{
        event_fd::EventFd,
        thread::{JoinTimeout, Thread},
    },
};

/// A running camera. It runs until it is asked to stop, whether the device is there or not.
#[derive(Debug)]
pub struct Camera {
    thread: Thread,
    orders: Arc<Orders>,
}

impl Camera {
    /// Starts the camera's thread. Whether the device is there is for the thread to find out.
    ///
    /// # Errors
    /// When the system has no room for it.
    pub fn start(settings: V4l2, post: Post) -> io::Result<Self> {
        let orders = Arc::new(Orders::new()?);
        let name = format!("cam-{}", post.statistics.camera().name());
        let runner = Runner::new(settings, post, orders.clone());
        // Nobody waits for its end but who asked for it.
        let thread = Thread::spawn(&name, Arc::new(EventFd::new()?), move || runner.run())?;
        Ok(Self { thread, orders })
    }

    /// Has other controls set, without the device being closed.
    pub fn set_controls(&self, controls: Wanted) {
        self.orders.set_controls(controls);
    }

    /// Asks it to stop.
    pub fn stop(&self) {
        self.orders.stop();
    }

    /// Waits for its end, until `limit` at most.
    ///
    /// # Errors
    /// When the time is up first: the driver does not answer.
    pub fn join_until(self, limit: Instant) -> Result<(), JoinTimeout> {
        self.thread.join_until(limit)
    }
}

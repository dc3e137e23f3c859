//! Outputs: ways out for results and events. Each is a file here, a subscriber of the hub with a queue of its own, and a thread
//! that delivers from it. One that is slow or away loses messages of its own, which are counted; nobody waits for it.
//!
//! Those who come by themselves, a WebSocket client or a viewer of the page, subscribe in the same way, where they are served.

pub mod journal;

use std::{fmt, io, os::fd::AsFd, sync::Arc, time::Instant};

use log::error;
use nix::poll::PollFlags;

use crate::{
    hub::{
        Hub, Interest, Topic,
        published::Published,
        queue::{CloseReason, Queue},
    },
    system::{
        event_fd::{EventFd, poll},
        thread::{JoinTimeout, Thread},
    },
};

/// A way out.
pub trait Output: fmt::Debug + Send {
    /// Its name: in the metrics, and its thread's.
    fn name(&self) -> &'static str;

    /// What it wants to hear of.
    fn topics(&self) -> &'static [Topic];

    /// About how many bytes of messages may wait for it.
    fn queue_bytes(&self) -> usize {
        256 * 1024
    }

    /// Delivers a message. May block: it has its thread for itself.
    fn deliver(&mut self, message: &Published);
}

/// The list of outputs.
fn outputs() -> Vec<Box<dyn Output>> {
    vec![Box::new(journal::Journal::default())]
}

/// The outputs that run.
#[derive(Debug)]
pub struct Outputs(Vec<Running>);

#[derive(Debug)]
struct Running {
    queue: Arc<Queue>,
    thread: Thread,
}

impl Outputs {
    /// Starts all. `ended` is set should one end by itself.
    ///
    /// # Errors
    /// When the system has no thread or descriptor for one.
    pub fn start(hub: &Arc<Hub>, ended: &Arc<EventFd>) -> io::Result<Self> {
        outputs()
            .into_iter()
            .map(|output| Running::start(output, hub, ended.clone()))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Has all deliver what waits for them, until `limit` at most.
    ///
    /// # Errors
    /// With one that did not end in time.
    pub fn stop(self, limit: Instant) -> Result<(), JoinTimeout> {
        self.0.iter().for_each(|output| output.queue.close(CloseReason::ShuttingDown));
        self.0.into_iter().map(|output| output.thread.join_until(limit)).fold(Ok(()), Result::and)
    }
}

impl Running {
    fn start(mut output: Box<dyn Output>, hub: &Arc<Hub>, ended: Arc<EventFd>) -> io::Result<Self> {
        let name = output.name();
        let queue = hub.queue(name, output.queue_bytes())?;
        let subscription = hub.subscribe(Interest::all_cameras(output.topics()), queue.clone());
        let thread = Thread::spawn(name, ended, {
            let queue = queue.clone();
            move || {
                if let Err(error) = deliver_all(output.as_mut(), &queue) {
                    error!("the output {name} is lost: {error}");
                }
                drop(subscription);
            }
        })?;
        Ok(Self { queue, thread })
    }
}

/// Delivers whatever comes, until the queue is closed; then what waits there, and no more.
fn deliver_all(output: &mut dyn Output, queue: &Queue) -> io::Result<()> {
    loop {
        poll([(queue.event().as_fd(), PollFlags::POLLIN)], None)?;
        queue.clear_event();
        let is_closed = queue.close_reason().is_some();
        while let Some(message) = queue.pop() {
            output.deliver(&message);
        }
        if is_closed {
            return Ok(());
        }
    }
}

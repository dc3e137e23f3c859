//! Outputs deliver results and events. Each is a subscriber of the hub with its own queue. A slow output loses its own
//! messages, which are counted; no other thread waits for it.
//!
//! An output is a file here and a word in the list; a thread that delivers is started for it. The page's output delivers on
//! the HTTP thread instead, and each WebSocket client on its own thread: these two also wait for sockets.

pub mod journal;
pub mod recorder;

use std::{fmt, io, os::fd::AsFd, sync::Arc, time::Instant};

use log::error;
use nix::poll::PollFlags;

use crate::{
    event_log::EventLog,
    hub::{
        Hub, Interest, Subscription, Topic,
        latest_frame::LatestFrames,
        published::Published,
        queue::{CloseReason, Next, Queue},
    },
    system::{
        event_fd::{EventFd, poll},
        thread::{JoinTimeout, Thread},
    },
};

/// Delivers results and events somewhere.
pub trait Output: fmt::Debug + Send {
    /// Its name in the metrics, and the name of its thread.
    fn name(&self) -> &'static str;

    /// The topics of the messages that it gets.
    fn topics(&self) -> &'static [Topic];

    /// About how many bytes of messages may wait for it.
    fn queue_bytes(&self) -> usize {
        256 * 1024
    }

    /// Called once, on the thread that delivers, before the first message.
    fn begin(&mut self) {}

    /// Delivers a message. It may block: it has its own thread.
    fn deliver(&mut self, message: &Arc<Published>);
}

/// Subscribes an output, until the subscription is dropped.
///
/// # Errors
/// When the process is out of descriptors.
pub fn subscribe(output: &dyn Output, hub: &Arc<Hub>) -> io::Result<(Arc<Queue>, Subscription)> {
    let queue = hub.queue(output.name(), output.queue_bytes())?;
    let subscription = hub.subscribe(Interest::all_cameras(output.topics()), queue.clone());
    Ok((queue, subscription))
}

/// Delivers what waits in the output's queue, and that messages were dropped if some were. To be called whenever the queue's
/// event was set, after [`Queue::clear_event`].
pub fn deliver_waiting(output: &mut dyn Output, queue: &Queue) {
    while let Some(Next::Message(message)) = queue.next() {
        output.deliver(&message);
    }
}

/// What outputs are made with.
#[derive(Clone, Debug)]
pub struct Context {
    /// Where messages come from.
    pub hub: Arc<Hub>,
    /// The newest frame of each camera.
    pub frames: Arc<LatestFrames>,
    /// The events of the recent past; `None` if nobody reads it.
    pub event_log: Option<Arc<EventLog>>,
}

/// The list of outputs.
fn outputs(context: &Context) -> Vec<Box<dyn Output>> {
    let Context { hub, frames, event_log } = context.clone();
    let recorder = event_log.map(|log| Box::new(recorder::Recorder::new(hub, frames, log)) as Box<dyn Output>);
    [Box::new(journal::Journal::default()) as Box<dyn Output>].into_iter().chain(recorder).collect()
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
    pub fn start(context: &Context, ended: &Arc<EventFd>) -> io::Result<Self> {
        outputs(context)
            .into_iter()
            .map(|output| Running::start(output, &context.hub, ended.clone()))
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
        let (queue, subscription) = subscribe(output.as_ref(), hub)?;
        let thread = Thread::spawn(name, ended, {
            let queue = queue.clone();
            move || {
                output.begin();
                if let Err(error) = deliver_all(output.as_mut(), &queue) {
                    error!("the output {name} failed: {error}");
                }
                drop(subscription);
            }
        })?;
        Ok(Self { queue, thread })
    }
}

/// Delivers whatever comes, until the queue is closed; then what waits there, and no more.
fn deliver_all(output: &mut dyn Output, queue: &Queue) -> io::Result<()> {
    while queue.close_reason().is_none() {
        poll([(queue.event().as_fd(), PollFlags::POLLIN)], None)?;
        queue.clear_event();
        deliver_waiting(output, queue);
    }
    while let Some(message) = queue.pop() {
        output.deliver(&message);
    }
    Ok(())
}

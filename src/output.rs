//! Outputs deliver results and events. Each is a subscriber of the hub with its own queue. A slow output loses its own
//! messages, which are counted; no other thread waits for it.
//!
//! An output is a file here and a word in the list; a thread that delivers is started for it. The page's output delivers on
//! the HTTP thread instead, and each WebSocket client on its own thread: these two also wait for sockets.

pub mod backoff;
pub mod journal;
pub mod mqtt;
pub mod recorder;
mod secret_file;
pub mod webhook;

use std::{
    fmt, io,
    os::fd::AsFd,
    sync::Arc,
    time::{Duration, Instant},
};

use log::{debug, error, warn};
use nix::poll::PollFlags;

use self::{
    mqtt::{Mqtt, MqttError},
    webhook::{Webhook, WebhookError},
};
use crate::{
    config::{self, Config},
    event_log::EventLog,
    hub::{
        Hub, Interest, Subscription, Topic,
        published::Published,
        queue::{CloseReason, Next, Queue},
    },
    picture::latest_frame::LatestFrames,
    status::Status,
    switches::Switches,
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
    fn deliver(&mut self, message: &Arc<Published>) -> Delivery;

    /// Runs on its thread until `queue` is closed. By itself it delivers whatever comes, and then what waits there.
    ///
    /// # Errors
    /// When the system has no means for it.
    fn run(&mut self, queue: &Arc<Queue>) -> io::Result<()> {
        deliver_all(self, queue)
    }

    /// Whether it may have to wait for another machine. At the end of the process nobody waits for such ones.
    fn is_remote(&self) -> bool {
        false
    }
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The next one may come.
    Done,
    /// It is to be delivered again after this time. Others wait meanwhile.
    Retry(Duration),
}

/// How long the end of the process waits for outputs that wait for other machines.
const REMOTE_END: Duration = Duration::from_millis(100);

/// Subscribes an output, until the subscription is dropped.
///
/// # Errors
/// When the process is out of descriptors.
pub fn subscribe(output: &dyn Output, hub: &Arc<Hub>) -> io::Result<(Arc<Queue>, Subscription)> {
    let queue = hub.queue(output.name(), output.queue_bytes())?;
    let subscription = hub.subscribe(Interest::all_cameras(output.topics()), queue.clone());
    Ok((queue, subscription))
}

/// Delivers what waits in the queue of an output that never delivers anything again, and that messages were dropped if some
/// were. To be called whenever the queue's event was set, after [`Queue::clear_event`].
pub fn deliver_waiting(output: &mut dyn Output, queue: &Queue) {
    while let Some(Next::Message(message)) = queue.next() {
        output.deliver(&message); // none of these asks for another time
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
    /// As configured.
    pub webhooks: Vec<config::Webhook>,
    /// As configured.
    pub mqtt: Option<config::Mqtt>,
    /// The numbers of all cameras.
    pub status: Arc<Status>,
    /// What clients may switch.
    pub switches: Arc<Switches>,
}

/// Why an output does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A webhook does not.
    #[error(transparent)]
    Webhook(#[from] WebhookError),
    /// MQTT does not.
    #[error(transparent)]
    Mqtt(#[from] MqttError),
    /// The system has no thread or descriptor for it.
    #[error(transparent)]
    System(#[from] io::Error),
}

/// Reads the files that outputs need, as their start does.
///
/// # Errors
/// With the first that cannot be used.
pub fn check(config: &Config) -> Result<(), StartError> {
    config.webhooks.iter().try_for_each(webhook::check)?;
    Ok(config.mqtt.iter().try_for_each(mqtt::check)?)
}

/// The list of outputs.
///
/// # Errors
/// If a file that is configured for one cannot be used.
fn outputs(context: &Context) -> Result<Vec<Box<dyn Output>>, StartError> {
    let Context { hub, frames, event_log, webhooks, mqtt, status, switches } = context.clone();
    let mut outputs: Vec<Box<dyn Output>> = vec![Box::new(journal::Journal::default())];
    if let Some(log) = event_log {
        outputs.push(Box::new(recorder::Recorder::new(hub.clone(), frames, log.clone())));
        for settings in webhooks {
            // For the whole life of the process: a restart applies other webhooks.
            let name: &'static str = Box::leak(format!("webhook-{}", settings.name).into_boxed_str());
            outputs.push(Box::new(Webhook::new(settings, name, log.clone(), hub.output(name))?));
        }
        if let Some(settings) = mqtt {
            outputs.push(Box::new(Mqtt::new(settings, mqtt::Shared { hub, status, switches, log })?));
        }
    }
    Ok(outputs)
}

/// The outputs that run.
#[derive(Debug)]
pub struct Outputs(Vec<Running>);

#[derive(Debug)]
struct Running {
    queue: Arc<Queue>,
    thread: Thread,
    is_remote: bool,
}

impl Outputs {
    /// Starts all. `ended` is set should one end by itself.
    ///
    /// # Errors
    /// When the system has no thread or descriptor for one, or a file that is configured for one cannot be used.
    pub fn start(context: &Context, ended: &Arc<EventFd>) -> Result<Self, StartError> {
        let running = outputs(context)?.into_iter().map(|output| Running::start(output, &context.hub, ended.clone()));
        Ok(running.collect::<Result<_, _>>().map(Self)?)
    }

    /// Has all deliver what waits for them, until `limit` at most.
    ///
    /// # Errors
    /// With one that did not end in time.
    pub fn stop(self, limit: Instant) -> Result<(), JoinTimeout> {
        self.0.iter().for_each(|output| output.queue.close(CloseReason::ShuttingDown));
        let (remote, local): (Vec<_>, Vec<_>) = self.0.into_iter().partition(|output| output.is_remote);
        let ended = local.into_iter().map(|output| output.thread.join_until(limit)).fold(Ok(()), Result::and);
        let limit = limit.min(Instant::now() + REMOTE_END);
        for late in remote.into_iter().filter_map(|output| output.thread.join_until(limit).err()) {
            debug!("{late}: it waits for another machine");
        }
        ended
    }
}

impl Running {
    fn start(mut output: Box<dyn Output>, hub: &Arc<Hub>, ended: Arc<EventFd>) -> io::Result<Self> {
        let (name, is_remote) = (output.name(), output.is_remote());
        let (queue, subscription) = subscribe(output.as_ref(), hub)?;
        let thread = Thread::spawn(name, ended, {
            let queue = queue.clone();
            move || {
                output.begin();
                if let Err(error) = output.run(&queue) {
                    error!("the output {name} failed: {error}");
                }
                drop(subscription);
            }
        })?;
        Ok(Self { queue, thread, is_remote })
    }
}

/// Delivers whatever comes, until the queue is closed; then what waits there, if nobody has to be waited for, and no more.
fn deliver_all(output: &mut (impl Output + ?Sized), queue: &Queue) -> io::Result<()> {
    let mut undelivered = 0;
    while queue.close_reason().is_none() {
        poll([(queue.event().as_fd(), PollFlags::POLLIN)], None)?;
        queue.clear_event();
        while let Some(Next::Message(message)) = queue.next() {
            while let Delivery::Retry(pause) = output.deliver(&message) {
                if is_closed_within(queue, pause)? {
                    undelivered = 1;
                    break;
                }
            }
        }
    }
    let left = std::iter::from_fn(|| queue.pop());
    if output.is_remote() {
        let left = undelivered + left.count();
        if left > 0 {
            warn!("{}: {left} messages are not delivered: fovea ends", output.name());
        }
    } else {
        left.for_each(|message| {
            output.deliver(&message);
        });
    }
    Ok(())
}

/// Waits, but not longer than until the queue is closed.
fn is_closed_within(queue: &Queue, pause: Duration) -> io::Result<bool> {
    let deadline = Instant::now() + pause;
    while queue.close_reason().is_none() && Instant::now() < deadline {
        poll([(queue.event().as_fd(), PollFlags::POLLIN)], Some(deadline))?;
        queue.clear_event(); // what was pushed meanwhile is found later, without it
    }
    Ok(queue.close_reason().is_some())
}

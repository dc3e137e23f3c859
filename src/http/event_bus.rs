//! The event bus: the HTTP server's one subscription of the hub, fanned out to its viewers.
//!
//! The hub sends events always, for the history, and results only while there is a viewer: without viewers the data plane
//! builds no message for this plane.

use std::{collections::VecDeque, io, sync::Arc};

use jiff::Timestamp;
use tokio::sync::{broadcast, watch};

use crate::{
    hub::{Hub, Interest, Subscription, Topic, published::Published, queue::Queue},
    message::{EventState, Message},
    output::{Delivery, Output, deliver_waiting},
    sync::Mutex,
    system::async_event_fd::AsyncEventFd,
};

/// The name of this plane's output.
const NAME: &str = "http";

/// What it always hears of.
const TOPICS: &[Topic] = &[Topic::Events];

/// Bytes of messages that the queue holds if this plane stalls.
const QUEUE_BYTES: usize = 256 * 1024;

/// Messages that a viewer may lag behind before it loses the oldest.
const MAX_LAG: usize = 256;

/// Event messages in the history: of each event its start, its newest update and its end.
const HISTORY_EVENTS: usize = 200;

/// Takes messages from the hub and publishes them to the viewers of this plane.
#[derive(Debug)]
pub(super) struct EventBus {
    hub: Arc<Hub>,
    queue: Arc<Queue>,
    _events: Subscription,
    viewers: Mutex<Viewers>,
    frames: watch::Sender<()>,
    entries: broadcast::Sender<Arc<BusEntry>>,
    history: Mutex<History>,
    /// When this bus started, in milliseconds since 1970: ids of an earlier run have another epoch.
    epoch: i64,
}

/// One message on the bus.
#[derive(Debug)]
pub(super) struct BusEntry {
    pub(super) published: Arc<Published>,
    /// Event messages are numbered from 1; other messages have no number.
    pub(super) number: Option<u64>,
}

/// The number of viewers, and the subscription to results that exists while it is not 0.
#[derive(Debug, Default)]
struct Viewers {
    count: usize,
    results: Option<Subscription>,
}

#[derive(Debug, Default)]
struct History {
    /// Event messages so far.
    count: u64,
    /// The number of the newest event message that was evicted.
    evicted: u64,
    events: VecDeque<Arc<BusEntry>>,
}

/// The event messages that a client missed while it was disconnected.
#[derive(Debug, Default)]
pub(super) struct Replay {
    /// An upper bound of the messages that were evicted: an update replaces an earlier one.
    pub(super) dropped: u64,
    /// The messages that are left, oldest first.
    pub(super) entries: VecDeque<Arc<BusEntry>>,
}

/// Counts as one viewer until it is dropped.
#[derive(Debug)]
pub(super) struct ViewerGuard(Arc<EventBus>);

impl EventBus {
    /// # Errors
    /// When the process is out of descriptors.
    pub(super) fn new(hub: &Arc<Hub>) -> io::Result<Self> {
        let queue = hub.queue(NAME, QUEUE_BYTES)?;
        let events = Interest::all_cameras(TOPICS);
        Ok(Self {
            hub: hub.clone(),
            _events: hub.subscribe(events, queue.clone()),
            queue,
            viewers: Mutex::default(),
            frames: watch::Sender::default(),
            entries: broadcast::Sender::new(MAX_LAG),
            history: Mutex::default(),
            epoch: Timestamp::now().as_millisecond(),
        })
    }

    /// Publishes what the hub sends. Runs for ever.
    ///
    /// # Errors
    /// When the reactor fails.
    pub(super) async fn run(self: &Arc<Self>) -> io::Result<()> {
        let event = AsyncEventFd::new(self.queue.event().clone())?;
        let mut output = PageOutput(self.clone());
        loop {
            event.wait_and(|| self.queue.clear_event()).await?;
            deliver_waiting(&mut output, &self.queue);
            // The processor stores a frame before it sends its result, so a viewer that wakes now finds that frame.
            self.frames.send_replace(());
        }
    }

    fn publish(&self, published: Arc<Published>) {
        let mut history = self.history.lock();
        let number = matches!(published.message(), Message::Event(_)).then(|| {
            history.count += 1;
            history.count
        });
        let entry = Arc::new(BusEntry { published, number });
        history.record(&entry);
        let _ = self.entries.send(entry); // there may be no viewer
    }

    /// Counts one more viewer until the guard is dropped.
    pub(super) fn add_viewer(self: &Arc<Self>) -> ViewerGuard {
        let mut viewers = self.viewers.lock();
        viewers.count += 1;
        viewers.results.get_or_insert_with(|| {
            let results = Interest::all_cameras(&[Topic::Results, Topic::Refused]);
            self.hub.subscribe(results, self.queue.clone())
        });
        ViewerGuard(self.clone())
    }

    /// How many streams of pictures and events are open here.
    pub(super) fn viewers(&self) -> usize {
        self.viewers.lock().count
    }

    /// Messages that slow subscribers lost, by output.
    pub(super) fn dropped(&self) -> Vec<(&'static str, u64)> {
        self.hub.outputs().iter().map(|output| (output.name(), output.dropped())).collect()
    }

    /// What became of the events of outputs that send them to other machines, by output and outcome.
    pub(super) fn deliveries(&self) -> Vec<(&'static str, &'static str, u64)> {
        let outputs = self.hub.outputs();
        let is_remote = |name: &str| name == "mqtt" || name.starts_with("webhook-");
        let of_others = outputs.iter().filter(|output| is_remote(output.name()));
        of_others.flat_map(|output| output.outcomes().map(|(outcome, count)| (output.name(), outcome, count))).collect()
    }

    /// How many WebSocket clients are sent results.
    pub(super) fn readers(&self) -> usize {
        self.hub.readers()
    }

    /// Changes whenever there may be a new frame.
    pub(super) fn subscribe_frames(&self) -> watch::Receiver<()> {
        self.frames.subscribe()
    }

    /// All entries from now on, and a replay of what came after the event message with the id `last_id`. An id of an
    /// earlier run replays the whole history.
    pub(super) fn subscribe(&self, last_id: Option<&str>) -> (broadcast::Receiver<Arc<BusEntry>>, Replay) {
        let history = self.history.lock();
        let replay = last_id.map_or_else(Replay::default, |last_id| {
            let number = last_id.split_once('-').filter(|(epoch, _)| *epoch == self.epoch.to_string());
            let number = number.and_then(|(_, number)| number.parse().ok()).unwrap_or(0);
            let entries = history.events.iter().filter(|entry| entry.number > Some(number)).cloned().collect();
            Replay { dropped: history.evicted.saturating_sub(number), entries }
        });
        (self.entries.subscribe(), replay)
    }

    /// The event messages in the history, oldest first.
    pub(super) fn history(&self) -> Vec<Arc<BusEntry>> {
        self.history.lock().events.iter().cloned().collect()
    }

    /// The id of the event message of this number.
    pub(super) fn entry_id(&self, number: u64) -> String {
        format!("{}-{number}", self.epoch)
    }
}

/// The output whose way out is the bus. It delivers on the HTTP thread, so it must not block.
#[derive(Debug)]
struct PageOutput(Arc<EventBus>);

impl Output for PageOutput {
    fn name(&self) -> &'static str {
        NAME
    }

    fn topics(&self) -> &'static [Topic] {
        TOPICS
    }

    fn queue_bytes(&self) -> usize {
        QUEUE_BYTES
    }

    fn deliver(&mut self, published: &Arc<Published>) -> Delivery {
        self.0.publish(published.clone());
        Delivery::Done
    }
}

impl BusEntry {
    /// The message.
    pub(super) fn message(&self) -> &Message {
        self.published.message()
    }

    /// The message as JSON.
    pub(super) fn json(&self) -> &str {
        str::from_utf8(self.published.json()).unwrap_or_default() // JSON is UTF-8
    }

    /// Whether it puts the event with this id into this state.
    fn is(&self, state: EventState, event_id: &str) -> bool {
        matches!(self.message(), Message::Event(event) if event.state == state && event.id == event_id)
    }
}

impl History {
    /// Adds an event message. It replaces the earlier update of its event: a long event would evict all others.
    fn record(&mut self, entry: &Arc<BusEntry>) {
        let Message::Event(event) = entry.message() else { return };
        self.events.retain(|earlier| !earlier.is(EventState::Update, &event.id));
        self.events.push_back(entry.clone());
        if self.events.len() > HISTORY_EVENTS {
            // Not the start of an event that goes on: a client that connects now needs it.
            let oldest = self.events.iter().position(|earlier| !self.is_ongoing(earlier)).unwrap_or(0);
            let evicted = self.events.remove(oldest).and_then(|entry| entry.number);
            self.evicted = self.evicted.max(evicted.unwrap_or(0));
        }
    }

    /// Whether an entry is the start of an event that has not ended.
    fn is_ongoing(&self, entry: &BusEntry) -> bool {
        let Message::Event(start) = entry.message() else { return false };
        start.state == EventState::Start && !self.events.iter().any(|later| later.is(EventState::End, &start.id))
    }
}

impl Drop for ViewerGuard {
    fn drop(&mut self) {
        let mut viewers = self.0.viewers.lock();
        viewers.count -= 1;
        if viewers.count == 0 {
            viewers.results = None;
        }
    }
}

//! What is new: this plane's one place at the hub, and from here to everyone who watches.
//!
//! The hub sends events always, for the list of recent ones, and results only while somebody watches: without viewers
//! the data plane makes no message for this plane.

use std::{collections::VecDeque, io, sync::Arc};

use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::{broadcast, watch};

use super::screens::{Screen, Screens};
use crate::{
    hub::{
        Hub, Interest, Subscription,
        queue::{Next, Queue},
    },
    message::{EventState, Message},
    sync::Mutex,
    system::async_event_fd::AsyncEventFd,
};

/// Bytes of messages that may wait for this plane, should it stall.
const OUTBOX_BYTES: usize = 256 * 1024;

/// Messages that a viewer of events may be behind before it loses the oldest.
const BEHIND: usize = 256;

/// Event messages that are kept for those who come later: of each event its start, its newest update, its end.
const KEPT_EVENTS: usize = 200;

/// Bytes of pictures that are kept beside them.
const KEPT_PICTURE_BYTES: usize = 4 << 20;

/// The hub's news, handed on.
#[derive(Debug)]
pub(super) struct News {
    hub: Arc<Hub>,
    outbox: Arc<Queue>,
    /// Of events, always; of results, while the number of those who watch is not 0.
    _events: Subscription,
    watched: Mutex<(usize, Option<Subscription>)>,
    frames: watch::Sender<()>,
    messages: broadcast::Sender<Arc<Told>>,
    history: Mutex<History>,
    /// When this began: numbers of events from before mean nothing now.
    began: i64,
}

/// A message as it was told.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) message: Message,
    /// As JSON.
    pub(super) text: String,
    /// Its number among event messages, from 1 on; other messages have none.
    pub(super) number: Option<u64>,
}

#[derive(Debug, Default)]
struct History {
    count: u64,
    /// The number of the newest message that had to go for those after it.
    gone: u64,
    events: VecDeque<Arc<Told>>,
    pictures: VecDeque<(String, Bytes)>,
}

/// Event messages that somebody missed who comes back.
#[derive(Debug, Default)]
pub(super) struct Missed {
    /// How many came before those that are not kept any more, at the most: an update takes an earlier one's place.
    pub(super) gone: u64,
    /// Those that are kept, oldest first.
    pub(super) kept: VecDeque<Arc<Told>>,
}

/// Somebody who watches, until dropped.
#[derive(Debug)]
pub(super) struct Watching(Arc<News>);

impl News {
    /// # Errors
    /// When the process is out of descriptors.
    pub(super) fn new(hub: &Arc<Hub>) -> io::Result<Self> {
        let outbox = Arc::new(Queue::new(OUTBOX_BYTES)?);
        let events = Interest { camera: None, taken: false, results: false, events: true };
        Ok(Self {
            hub: hub.clone(),
            _events: hub.subscribe(events, outbox.clone()),
            outbox,
            watched: Mutex::default(),
            frames: watch::Sender::default(),
            messages: broadcast::Sender::new(BEHIND),
            history: Mutex::default(),
            began: Timestamp::now().as_millisecond(),
        })
    }

    /// Hands news on, for ever.
    ///
    /// # Errors
    /// When the reactor fails.
    pub(super) async fn run(self: &Arc<Self>, screens: &Arc<Screens>) -> io::Result<()> {
        let wake = AsyncEventFd::new(self.outbox.wake().clone())?;
        loop {
            wake.take().await?;
            while let Some(Next::Text(text)) = self.outbox.next() {
                let message = Message::from_json(&text).expect("it was written by the same types");
                if let Message::Event(event) = &message
                    && event.state == EventState::Start
                    && let Some(screen) = screens.of(&event.camera)
                {
                    let (news, id) = (self.clone(), event.id.clone());
                    tokio::spawn(async move { news.keep_picture(&screen, id).await });
                }
                self.tell(message, text.to_string());
            }
            // The frame was shown before its result was told, so whoever looks now finds it.
            self.frames.send_replace(());
        }
    }

    fn tell(&self, message: Message, text: String) {
        let mut history = self.history.lock();
        let number = matches!(message, Message::Event(_)).then(|| {
            history.count += 1;
            history.count
        });
        let told = Arc::new(Told { message, text, number });
        history.keep(&told);
        let _ = self.messages.send(told); // nobody may be watching
    }

    /// Keeps a copy of the picture of a beginning event: the frame's own buffer is lent.
    async fn keep_picture(&self, screen: &Screen, event: String) {
        let Some(jpeg) = screen.newest().await.and_then(|view| view.jpeg) else { return };
        let mut history = self.history.lock();
        history.pictures.push_back((event, Bytes::copy_from_slice(&jpeg)));
        let mut sum: usize = history.pictures.iter().map(|(_, picture)| picture.len()).sum();
        while sum > KEPT_PICTURE_BYTES
            && let Some((_, oldest)) = history.pictures.pop_front()
        {
            sum -= oldest.len();
        }
    }

    /// Counts one more who watches, until what is returned is dropped.
    pub(super) fn watch(self: &Arc<Self>) -> Watching {
        let mut watched = self.watched.lock();
        watched.0 += 1;
        watched.1.get_or_insert_with(|| {
            let results = Interest { camera: None, taken: false, results: true, events: false };
            self.hub.subscribe(results, self.outbox.clone())
        });
        Watching(self.clone())
    }

    /// How many watch pictures or events here.
    pub(super) fn viewers(&self) -> usize {
        self.watched.lock().0
    }

    /// How many WebSocket clients are sent what is seen.
    pub(super) fn readers(&self) -> usize {
        self.hub.readers()
    }

    /// Changes whenever there may be a new frame.
    pub(super) fn frames(&self) -> watch::Receiver<()> {
        self.frames.subscribe()
    }

    /// All messages from now on, and for who comes back what it missed since the event message of the id `last`. If that
    /// is from before this began, all are since.
    pub(super) fn messages(&self, last: Option<&str>) -> (broadcast::Receiver<Arc<Told>>, Missed) {
        let history = self.history.lock();
        let missed = last.map_or_else(Missed::default, |last| {
            let number = last.split_once('-').filter(|(began, _)| *began == self.began.to_string());
            let number = number.and_then(|(_, number)| number.parse().ok()).unwrap_or(0);
            let kept = history.events.iter().filter(|told| told.number > Some(number)).cloned().collect();
            Missed { gone: history.gone.saturating_sub(number), kept }
        });
        (self.messages.subscribe(), missed)
    }

    /// The event messages that are kept, oldest first.
    pub(super) fn kept(&self) -> Vec<Arc<Told>> {
        self.history.lock().events.iter().cloned().collect()
    }

    /// The id of the event message of this number.
    pub(super) fn id(&self, number: u64) -> String {
        format!("{}-{number}", self.began)
    }

    /// The picture of an event's beginning, if it is still kept.
    pub(super) fn picture(&self, event: &str) -> Option<Bytes> {
        let history = self.history.lock();
        history.pictures.iter().find(|(id, _)| id == event).map(|(_, picture)| picture.clone())
    }
}

impl Told {
    /// Whether it tells this of the event of that id.
    fn is(&self, state: EventState, id: &str) -> bool {
        matches!(&self.message, Message::Event(event) if event.state == state && event.id == id)
    }
}

impl History {
    /// Keeps an event message. It takes the place of the event's earlier update: an event that goes on for long would
    /// push out all others.
    fn keep(&mut self, told: &Arc<Told>) {
        let Message::Event(event) = &told.message else { return };
        self.events.retain(|kept| !kept.is(EventState::Update, &event.id));
        self.events.push_back(told.clone());
        if self.events.len() > KEPT_EVENTS {
            // Not the start of an event that goes on: who comes now is to hear of it.
            let oldest = self.events.iter().position(|kept| !self.goes_on(kept)).unwrap_or(0);
            let gone = self.events.remove(oldest).and_then(|told| told.number);
            self.gone = self.gone.max(gone.unwrap_or(0));
        }
    }

    /// Whether a message is the start of an event that has not ended.
    fn goes_on(&self, told: &Told) -> bool {
        let Message::Event(start) = &told.message else { return false };
        start.state == EventState::Start && !self.events.iter().any(|kept| kept.is(EventState::End, &start.id))
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let mut watched = self.0.watched.lock();
        watched.0 -= 1;
        if watched.0 == 0 {
            watched.1 = None;
        }
    }
}

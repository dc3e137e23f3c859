//! The hub: takes each message once and puts it into the outbox of everyone who asked for such messages.

pub mod latest_frame;
pub mod queue;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tungstenite::Utf8Bytes;

use self::queue::{CloseReason, Queue};
use crate::{frame::Camera, message::Message, sync::Mutex};

/// Fan-out to any number of outboxes.
#[derive(Debug, Default)]
pub struct Hub {
    // The list is replaced, never changed: whoever sends holds the lock for one clone of the pointer.
    subscribers: Mutex<Arc<[Subscriber]>>,
    next_id: AtomicU64,
}

/// What a subscriber wants to hear of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interest {
    /// Of one camera, or of all.
    pub camera: Option<Camera>,
    /// That its frames were taken: what a sender paces itself by.
    pub taken: bool,
    /// What was seen in its frames.
    pub results: bool,
    /// What started, goes on or ended.
    pub events: bool,
}

/// What a message is about, for those who choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// A frame was taken.
    Taken,
    /// A frame was not looked at, and why: for its sender and for readers.
    Refused,
    /// What was seen in a frame.
    Results,
    /// What started, goes on or ended.
    Events,
}

#[derive(Clone, Debug)]
struct Subscriber {
    id: u64,
    interest: Interest,
    outbox: Arc<Queue>,
}

/// A subscription, until it is dropped.
#[derive(Debug)]
pub struct Subscription {
    hub: Arc<Hub>,
    id: u64,
}

impl Hub {
    /// Puts what is of `interest` into `outbox` from now on.
    pub fn subscribe(self: &Arc<Self>, interest: Interest, outbox: Arc<Queue>) -> Subscription {
        // Relaxed: the number only has to be different each time.
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let mut subscribers = self.subscribers.lock();
        *subscribers = subscribers.iter().cloned().chain([Subscriber { id, interest, outbox }]).collect();
        Subscription { hub: self.clone(), id }
    }

    /// How many are sent all of what is seen, of one camera or of all.
    #[must_use]
    pub fn readers(&self) -> usize {
        self.subscribers.lock().clone().iter().filter(|one| one.interest.results && one.interest.events).count()
    }

    /// Sends a message of `camera` to everyone who wants it. It is only made if there is anyone.
    pub fn send(&self, camera: &Camera, topic: Topic, message: impl FnOnce() -> Message) {
        let subscribers = self.subscribers.lock().clone();
        let mut outboxes =
            subscribers.iter().filter(|one| one.interest.covers(camera, topic)).map(|one| &one.outbox).peekable();
        if outboxes.peek().is_some() {
            let text = Utf8Bytes::from(message().to_json());
            outboxes.for_each(|outbox| outbox.push(text.clone()));
        }
    }

    /// Sends away all who asked for messages of this one camera.
    pub fn end(&self, camera: &Camera, ending: &CloseReason) {
        let subscribers = self.subscribers.lock().clone();
        subscribers
            .iter()
            .filter(|one| one.interest.camera.as_ref() == Some(camera))
            .for_each(|one| one.outbox.end(ending.clone()));
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut subscribers = self.hub.subscribers.lock();
        *subscribers = subscribers.iter().filter(|one| one.id != self.id).cloned().collect();
    }
}

impl Interest {
    fn covers(&self, camera: &Camera, topic: Topic) -> bool {
        self.camera.as_ref().is_none_or(|mine| mine == camera)
            && match topic {
                Topic::Taken => self.taken,
                Topic::Refused => self.taken || self.results,
                Topic::Results => self.results,
                Topic::Events => self.events,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{hub::queue::Next, message::Taken};

    fn taken(camera: &Camera, seq: u64) -> Message {
        Message::Taken(Taken { camera: camera.name().into(), seq })
    }

    #[test]
    fn each_hears_what_it_asked_for_while_it_listens() {
        let hub = Arc::new(Hub::default());
        let (door, yard) = (Camera::new(0, "door"), Camera::new(1, "yard"));
        let outboxes = [(); 3].map(|()| Arc::new(Queue::new(1000).unwrap()));
        let [sender, reader, gone] = &outboxes;
        let everything = Interest { camera: None, taken: false, results: true, events: true };
        let pace = Interest { camera: Some(door.clone()), taken: true, results: false, events: false };
        let _sender = hub.subscribe(pace, sender.clone());
        let _reader = hub.subscribe(everything.clone(), reader.clone());
        drop(hub.subscribe(everything, gone.clone()));

        assert_eq!(hub.readers(), 1);
        hub.send(&door, Topic::Taken, || taken(&door, 1));
        hub.send(&yard, Topic::Taken, || unreachable!("nobody wants it, so it is not made"));
        hub.send(&yard, Topic::Results, || taken(&yard, 2));

        let next = |outbox: &Queue| std::iter::from_fn(|| outbox.next()).collect::<Vec<_>>();
        assert_eq!(next(sender), [Next::Text(taken(&door, 1).to_json().into())]);
        assert_eq!(next(reader), [Next::Text(taken(&yard, 2).to_json().into())]);
        assert_eq!(next(gone), []);
    }
}

//! The hub: takes each message once and puts it into the queue of every subscriber that asked for such messages.
//!
//! Frames reach the processor through the slot; results reach their subscribers through the hub: WebSocket clients, the page,
//! and every output. The hub knows none of them.

pub mod published;
pub mod queue;

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use arc_swap::ArcSwap;

use self::{
    published::Published,
    queue::{CloseReason, Queue},
};
use crate::{frame::Camera, message::Message, telemetry::output_metrics::OutputMetrics};

/// Fan-out to any number of queues.
#[derive(Debug, Default)]
pub struct Hub {
    // Both lists are replaced, never changed: a publisher reads the pointer and does not wait.
    subscribers: ArcSwap<Vec<Subscriber>>,
    outputs: ArcSwap<Vec<Arc<OutputMetrics>>>,
    next_id: AtomicU64,
}

/// Which messages a subscriber gets.
#[derive(Clone, Debug)]
pub struct Interest {
    /// Of one camera, or of all.
    camera: Option<Camera>,
    topics: &'static [Topic],
}

/// Whether a sender waits for its frames to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pacing {
    /// It gets a message for each frame that is taken, and then sends the next.
    Paced,
    /// It sends at its own rate.
    Free,
}

/// What else a sender gets about its own camera.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replies {
    /// Results and events.
    Results,
    /// Nothing.
    None,
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
    /// The same once more, when the event log has it and its picture.
    Recorded,
}

#[derive(Clone, Debug)]
struct Subscriber {
    id: u64,
    interest: Interest,
    queue: Arc<Queue>,
}

/// A subscription, until it is dropped.
#[derive(Debug)]
pub struct Subscription {
    hub: Arc<Hub>,
    id: u64,
}

impl Hub {
    /// A queue for a subscriber of the output `name`; what it drops is counted under that name.
    ///
    /// # Errors
    /// When the process is out of descriptors.
    pub fn queue(&self, name: &'static str, limit_bytes: usize) -> io::Result<Arc<Queue>> {
        Ok(Arc::new(Queue::new(limit_bytes, self.output(name))?))
    }

    /// Puts what is of `interest` into `queue` from now on.
    pub fn subscribe(self: &Arc<Self>, interest: Interest, queue: Arc<Queue>) -> Subscription {
        // Relaxed: the number only has to be different each time.
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let subscriber = Subscriber { id, interest, queue };
        self.subscribers.rcu(|subscribers| [subscribers.as_slice(), std::slice::from_ref(&subscriber)].concat());
        Subscription { hub: self.clone(), id }
    }

    /// How many are sent all of what is seen, of one camera or of all.
    #[must_use]
    pub fn readers(&self) -> usize {
        let hears_all =
            |one: &&Subscriber| [Topic::Results, Topic::Events].iter().all(|topic| one.interest.has(*topic));
        self.subscribers.load().iter().filter(hears_all).count()
    }

    /// The counters of every output that ever had a subscriber.
    #[must_use]
    pub fn outputs(&self) -> Arc<Vec<Arc<OutputMetrics>>> {
        self.outputs.load_full()
    }

    /// Publishes a message of `camera` to everyone who wants it. It is only made if there is anyone.
    pub fn publish(&self, camera: &Camera, topic: Topic, message: impl FnOnce() -> Message) {
        let subscribers = self.subscribers.load();
        let mut queues =
            subscribers.iter().filter(|one| one.interest.covers(camera, topic)).map(|one| &one.queue).peekable();
        if queues.peek().is_some() {
            let published = Arc::new(Published::new(message()));
            queues.for_each(|queue| queue.push(published.clone()));
        }
    }

    /// Publishes a message once more, about `topic`, to those who want that of all cameras.
    pub fn announce(&self, topic: Topic, message: &Arc<Published>) {
        message.announce();
        let subscribers = self.subscribers.load();
        let all = subscribers.iter().filter(|one| one.interest.camera.is_none() && one.interest.has(topic));
        all.for_each(|one| one.queue.push(message.clone()));
    }

    /// Sends away all who asked for messages of this one camera.
    pub fn close(&self, camera: &Camera, reason: CloseReason) {
        let subscribers = self.subscribers.load();
        let of_camera = |one: &&Subscriber| one.interest.camera.as_ref() == Some(camera);
        subscribers.iter().filter(of_camera).for_each(|one| one.queue.close(reason));
    }

    /// The counters of the output `name`.
    pub fn output(&self, name: &'static str) -> Arc<OutputMetrics> {
        let find = |outputs: &[Arc<OutputMetrics>]| outputs.iter().find(|output| output.name() == name).cloned();
        if let Some(output) = find(&self.outputs.load()) {
            return output;
        }
        let new = Arc::new(OutputMetrics::new(name));
        // Another thread may have added it meanwhile.
        self.outputs.rcu(|outputs| match find(outputs) {
            Some(_) => outputs.to_vec(),
            None => [outputs.as_slice(), std::slice::from_ref(&new)].concat(),
        });
        find(&self.outputs.load()).unwrap_or(new)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.hub
            .subscribers
            .rcu(|subscribers| subscribers.iter().filter(|one| one.id != self.id).cloned().collect::<Vec<_>>());
    }
}

impl Interest {
    /// That of who sends the frames of `camera`.
    #[must_use]
    pub fn sender(camera: Camera, pacing: Pacing, replies: Replies) -> Self {
        let topics: &[Topic] = match (pacing, replies) {
            (Pacing::Paced, Replies::Results) => &[Topic::Taken, Topic::Refused, Topic::Results, Topic::Events],
            (Pacing::Paced, Replies::None) => &[Topic::Taken, Topic::Refused],
            (Pacing::Free, Replies::Results) => &[Topic::Refused, Topic::Results, Topic::Events],
            (Pacing::Free, Replies::None) => &[],
        };
        Self { camera: Some(camera), topics }
    }

    /// That of who reads everything of one camera, or of all.
    #[must_use]
    pub fn reader(camera: Option<Camera>) -> Self {
        Self { camera, topics: &[Topic::Refused, Topic::Results, Topic::Events] }
    }

    /// Some topics of all cameras.
    #[must_use]
    pub fn all_cameras(topics: &'static [Topic]) -> Self {
        Self { camera: None, topics }
    }

    fn has(&self, topic: Topic) -> bool {
        self.topics.contains(&topic)
    }

    fn covers(&self, camera: &Camera, topic: Topic) -> bool {
        self.camera.as_ref().is_none_or(|mine| mine == camera) && self.has(topic)
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
        let (door, yard) = (Camera::new("door"), Camera::new("yard"));
        let queues = [(); 3].map(|()| hub.queue("test", 10_000).unwrap());
        let [sender, reader, gone] = &queues;
        let paced = Interest::sender(door.clone(), Pacing::Paced, Replies::None);
        let _sender = hub.subscribe(paced, sender.clone());
        let _reader = hub.subscribe(Interest::reader(None), reader.clone());
        drop(hub.subscribe(Interest::reader(None), gone.clone()));

        assert_eq!(hub.readers(), 1);
        hub.publish(&door, Topic::Taken, || taken(&door, 1));
        hub.publish(&yard, Topic::Taken, || unreachable!("nobody wants it, so it is not made"));
        hub.publish(&yard, Topic::Results, || taken(&yard, 2));

        let next = |queue: &Queue| {
            let messages = std::iter::from_fn(|| queue.next());
            let json = |next| match next {
                Next::Message(message) => message.message().to_json(),
                Next::Close(reason) => panic!("{reason:?}"),
            };
            messages.map(json).collect::<Vec<_>>()
        };
        assert_eq!(next(sender), [taken(&door, 1).to_json()]);
        assert_eq!(next(reader), [taken(&yard, 2).to_json()]);
        assert!(next(gone).is_empty());
    }

    #[test]
    fn an_output_has_one_set_of_counters() {
        let hub = Hub::default();
        let queues = ["a", "b", "a"].map(|name| hub.queue(name, 1000).unwrap());
        assert_eq!(hub.outputs().iter().map(|output| output.name()).collect::<Vec<_>>(), ["a", "b"]);
        drop(queues);
    }
}

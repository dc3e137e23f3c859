//! What waits for the broker: events, in their order, until it acknowledges them; and states, of which only the newest matters.
//!
//! Pure decisions: no socket, no clock. A connection takes packets out, tells the identifiers that they got, and which of those
//! were acknowledged. If it breaks, the next one sends what was not acknowledged again.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use bytes::Bytes;

use crate::hub::published::Published;

/// Packets that wait for their acknowledgement at one time.
pub(super) const WINDOW: usize = 16;

/// Connections that may break while a large state is in them.
const MAX_BREAKS: u8 = 2;

/// What waits.
#[derive(Debug)]
pub(super) struct Outbox {
    max_events: usize,
    /// Oldest first.
    events: VecDeque<Kept>,
    /// Those that did not fit, since this was last said.
    dropped: u64,
    /// By topic.
    states: BTreeMap<String, State>,
    /// What was taken out and has no identifier yet, in the order in which it was taken.
    taken: VecDeque<Key>,
    /// By the identifier of its packet.
    in_flight: BTreeMap<u16, Key>,
    /// Numbers events and states.
    next_number: u64,
}

#[derive(Debug)]
struct Kept {
    number: u64,
    message: Arc<Published>,
    is_out: bool,
    /// A connection broke before the broker acknowledged it.
    is_again: bool,
}

/// The payload that a topic retains; an empty one takes the topic away.
#[derive(Debug)]
struct State {
    number: u64,
    payload: Bytes,
    place: Place,
    repeats: Repeats,
    /// How many connections broke before the broker acknowledged it.
    breaks: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Waits,
    Out,
    /// The broker acknowledged it.
    There,
}

/// Whether a state that is there is sent to the next connection, too: that can be another broker, or one that forgot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repeats {
    Always,
    /// It is too large for that.
    Never,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Key {
    Event(u64),
    State(String, u64),
    Dropped(u64),
}

/// What is to be sent next.
#[derive(Debug)]
pub(super) enum Out {
    /// So many events fell out before the next one.
    Dropped(u64),
    /// An event; `is_again` if the broker may have it already.
    Event { message: Arc<Published>, is_again: bool },
    /// The newest state of a topic, which is to be retained.
    State { topic: String, payload: Bytes },
}

impl Outbox {
    /// An empty one for so many events.
    pub(super) fn new(max_events: usize) -> Self {
        Self {
            max_events,
            events: VecDeque::new(),
            dropped: 0,
            states: BTreeMap::new(),
            taken: VecDeque::new(),
            in_flight: BTreeMap::new(),
            next_number: 0,
        }
    }

    /// Keeps an event; gives how many fall out for it: the oldest that are not on their way.
    pub(super) fn push(&mut self, message: Arc<Published>) -> u64 {
        let number = self.number();
        self.events.push_back(Kept { number, message, is_out: false, is_again: false });
        let mut dropped = 0;
        while self.events.len() > self.max_events {
            let waits = self.events.iter().position(|kept| !kept.is_out);
            // All before the newest are on their way: the broker may still get the oldest of these.
            let oldest = waits.filter(|&at| at + 1 < self.events.len()).unwrap_or(0);
            self.events.remove(oldest);
            dropped += 1;
        }
        self.dropped = self.dropped.saturating_add(dropped);
        dropped
    }

    /// So many events never came here.
    pub(super) fn lost(&mut self, count: u64) {
        self.dropped = self.dropped.saturating_add(count);
    }

    /// Sets what a topic retains.
    pub(super) fn set(&mut self, topic: String, payload: impl Into<Bytes>, repeats: Repeats) {
        let payload = payload.into();
        if self.states.get(&topic).is_some_and(|state| state.payload == payload) {
            return;
        }
        let number = self.number();
        self.states.insert(topic, State { number, payload, place: Place::Waits, repeats, breaks: 0 });
    }

    /// Has the broker forget a topic.
    pub(super) fn clear(&mut self, topic: String) {
        self.set(topic, Bytes::new(), Repeats::Always);
    }

    /// Has it forget all topics that begin with `prefix`.
    pub(super) fn clear_all(&mut self, prefix: &str) {
        let topics: Vec<_> = self.states.keys().filter(|topic| topic.starts_with(prefix)).cloned().collect();
        topics.into_iter().for_each(|topic| self.clear(topic));
    }

    /// Sends all topics that begin with `prefix` once more.
    pub(super) fn repeat(&mut self, prefix: &str) {
        let states = self.states.iter_mut().filter(|(topic, _)| topic.starts_with(prefix));
        states.for_each(|(_, state)| state.place = Place::Waits);
    }

    /// Whether something is set for the topic.
    pub(super) fn has(&self, topic: &str) -> bool {
        self.states.contains_key(topic)
    }

    /// A connection ended: what the broker did not acknowledge waits again. Events among it are the oldest, and fall out before
    /// newer ones while there is no connection. Gives the topics of large states that are given up: the broker may not take such
    /// a packet, and events are not to wait for it forever.
    pub(super) fn disconnected(&mut self) -> Vec<String> {
        let unsure = self.taken.drain(..).chain(std::mem::take(&mut self.in_flight).into_values());
        for key in unsure {
            if let Key::Dropped(count) = key {
                self.dropped = self.dropped.saturating_add(count);
            }
        }
        for kept in &mut self.events {
            kept.is_again |= std::mem::take(&mut kept.is_out);
        }
        let mut given_up = Vec::new();
        for (topic, state) in self.states.iter_mut().filter(|(_, state)| state.place == Place::Out) {
            state.breaks = state.breaks.saturating_add(1);
            if state.repeats == Repeats::Never && state.breaks >= MAX_BREAKS {
                state.place = Place::There; // as far as this board can do
                given_up.push(topic.clone());
            } else {
                state.place = Place::Waits;
            }
        }
        given_up
    }

    /// A connection begins: this broker may not have what another one acknowledged, or may have forgotten it.
    pub(super) fn connected(&mut self) {
        for state in self.states.values_mut().filter(|state| state.repeats == Repeats::Always) {
            state.place = Place::Waits;
        }
    }

    /// What to send next, states first: who hears of an event then knows how things stand. `None` if nothing waits or enough is
    /// on its way. What is given is to be sent with QoS 1, and in this order.
    pub(super) fn take(&mut self) -> Option<Out> {
        if self.taken.len() + self.in_flight.len() >= WINDOW {
            return None;
        }
        if let Some((topic, state)) = self.states.iter_mut().find(|(_, state)| state.place == Place::Waits) {
            state.place = Place::Out;
            self.taken.push_back(Key::State(topic.clone(), state.number));
            return Some(Out::State { topic: topic.clone(), payload: state.payload.clone() });
        }
        let dropped = std::mem::take(&mut self.dropped);
        if dropped > 0 {
            self.taken.push_back(Key::Dropped(dropped));
            return Some(Out::Dropped(dropped));
        }
        let next = self.events.iter_mut().find(|kept| !kept.is_out)?;
        next.is_out = true;
        self.taken.push_back(Key::Event(next.number));
        Some(Out::Event { message: next.message.clone(), is_again: next.is_again })
    }

    /// The packet that was taken out first of those without an identifier has this one.
    pub(super) fn sent(&mut self, id: u16) {
        if let Some(key) = self.taken.pop_front() {
            self.in_flight.insert(id, key);
        }
    }

    /// The broker has the packet with this identifier; gives the event that was in it, if it was one.
    pub(super) fn acknowledged(&mut self, id: u16) -> Option<Arc<Published>> {
        match self.in_flight.remove(&id)? {
            Key::Event(number) => {
                let at = self.events.iter().position(|kept| kept.number == number)?;
                self.events.remove(at).map(|kept| kept.message)
            }
            Key::State(topic, number) => {
                if let Some(state) = self.states.get_mut(&topic).filter(|state| state.number == number) {
                    state.place = Place::There;
                    if state.payload.is_empty() {
                        self.states.remove(&topic);
                    }
                }
                None
            }
            Key::Dropped(_) => None,
        }
    }

    /// Events that are not acknowledged.
    pub(super) fn waiting(&self) -> usize {
        self.events.len()
    }

    fn number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Dropped, Message};

    /// A message that is told from others by its number.
    fn message(count: u64) -> Arc<Published> {
        Arc::new(Published::new(Message::Dropped(Dropped { count })))
    }

    fn number(message: &Published) -> u64 {
        match message.message() {
            Message::Dropped(Dropped { count }) => *count,
            other => panic!("{other:?}"),
        }
    }

    /// Everything that can be sent now, in short: `1`, `2 again`, `3 dropped`, `topic=payload`.
    fn take_all(outbox: &mut Outbox) -> Vec<String> {
        std::iter::from_fn(|| outbox.take())
            .map(|out| match out {
                Out::Dropped(count) => format!("{count} dropped"),
                Out::Event { message, is_again: true } => format!("{} again", number(&message)),
                Out::Event { message, .. } => number(&message).to_string(),
                Out::State { topic, payload } => format!("{topic}={}", String::from_utf8_lossy(&payload)),
            })
            .collect()
    }

    fn reconnect(outbox: &mut Outbox) -> Vec<String> {
        let given_up = outbox.disconnected();
        outbox.connected();
        given_up
    }

    fn sent_and_acknowledged(outbox: &mut Outbox, ids: impl IntoIterator<Item = u16> + Clone) {
        ids.clone().into_iter().for_each(|id| outbox.sent(id));
        ids.into_iter().for_each(|id| drop(outbox.acknowledged(id)));
    }

    #[test]
    fn events_are_sent_in_order_and_not_too_many_at_a_time() {
        let mut outbox = Outbox::new(100);
        (1..=20).for_each(|n| assert_eq!(outbox.push(message(n)), 0));
        assert_eq!(take_all(&mut outbox).len(), WINDOW);
        outbox.sent(7);
        outbox.sent(8);
        assert_eq!(outbox.acknowledged(8).map(|message| number(&message)), Some(2));
        assert!(outbox.acknowledged(8).is_none() && outbox.acknowledged(99).is_none());
        assert_eq!(take_all(&mut outbox), ["17"]);
        assert_eq!(outbox.waiting(), 19);
    }

    #[test]
    fn what_was_not_acknowledged_is_sent_again_in_order() {
        let mut outbox = Outbox::new(100);
        (1..=4).for_each(|n| assert_eq!(outbox.push(message(n)), 0));
        take_all(&mut outbox);
        (1..=3).for_each(|id| outbox.sent(id));
        outbox.acknowledged(2);
        outbox.push(message(5));
        reconnect(&mut outbox);
        assert_eq!(take_all(&mut outbox), ["1 again", "3 again", "4 again", "5"]);
        sent_and_acknowledged(&mut outbox, 1..=4);
        reconnect(&mut outbox);
        assert!(take_all(&mut outbox).is_empty());
    }

    #[test]
    fn the_oldest_fall_out_and_this_is_said_until_it_is_heard() {
        let mut outbox = Outbox::new(2);
        assert_eq!((1..=4).map(|n| outbox.push(message(n))).sum::<u64>(), 2);
        outbox.lost(3);
        assert_eq!(take_all(&mut outbox), ["5 dropped", "3", "4"]);
        outbox.sent(1);
        reconnect(&mut outbox);
        assert_eq!(take_all(&mut outbox), ["5 dropped", "3 again", "4 again"]);
        assert_eq!(outbox.push(message(5)), 1, "all are on their way: the oldest goes");
        sent_and_acknowledged(&mut outbox, 1..=3);
        assert_eq!(take_all(&mut outbox), ["1 dropped", "5"]);
    }

    #[test]
    fn what_a_broken_connection_had_falls_out_before_what_is_newer() {
        let mut outbox = Outbox::new(4);
        (1..=4).for_each(|n| assert_eq!(outbox.push(message(n)), 0));
        take_all(&mut outbox);
        sent_and_acknowledged(&mut outbox, [1]);
        outbox.disconnected();
        assert_eq!((5..=7).map(|n| outbox.push(message(n))).sum::<u64>(), 2);
        outbox.connected();
        assert_eq!(take_all(&mut outbox), ["2 dropped", "4 again", "5", "6", "7"]);
    }

    #[test]
    fn of_a_state_only_the_newest_is_sent() {
        let mut outbox = Outbox::new(2);
        let set = |outbox: &mut Outbox, payload: &'static str| outbox.set("t".into(), payload, Repeats::Always);
        set(&mut outbox, "live");
        set(&mut outbox, "lost");
        outbox.set("large".into(), "x", Repeats::Never);
        assert_eq!(take_all(&mut outbox), ["large=x", "t=lost"]);
        set(&mut outbox, "lost");
        assert!(take_all(&mut outbox).is_empty());
        set(&mut outbox, "live");
        sent_and_acknowledged(&mut outbox, 1..=2);
        assert_eq!(take_all(&mut outbox), ["t=live"], "the acknowledgement was for the one before");
        reconnect(&mut outbox);
        assert_eq!(take_all(&mut outbox), ["t=live"], "large is there");
        sent_and_acknowledged(&mut outbox, [1]);
        reconnect(&mut outbox);
        assert_eq!(take_all(&mut outbox), ["t=live"], "another broker may not have it");
    }

    #[test]
    fn a_picture_that_breaks_connections_is_given_up() {
        let mut outbox = Outbox::new(2);
        outbox.set("b/picture".into(), "large", Repeats::Never);
        outbox.set("b/state".into(), "online", Repeats::Always);
        assert_eq!(take_all(&mut outbox), ["b/picture=large", "b/state=online"]);
        assert!(reconnect(&mut outbox).is_empty());
        assert!(reconnect(&mut outbox).is_empty(), "it was not sent this time");
        assert_eq!(take_all(&mut outbox), ["b/picture=large", "b/state=online"]);
        assert_eq!(reconnect(&mut outbox), ["b/picture"]);
        assert_eq!(take_all(&mut outbox), ["b/state=online"]);
        outbox.set("b/picture".into(), "small", Repeats::Never);
        assert_eq!(take_all(&mut outbox), ["b/picture=small"], "the next one has its chance");
    }

    #[test]
    fn a_topic_is_taken_away_once() {
        let mut outbox = Outbox::new(2);
        for topic in ["b/door/state", "b/door/motion", "b/doorbell/state"] {
            outbox.set(topic.into(), "ON", Repeats::Always);
        }
        take_all(&mut outbox);
        sent_and_acknowledged(&mut outbox, 1..=3);
        outbox.clear_all("b/door/");
        assert_eq!(take_all(&mut outbox), ["b/door/motion=", "b/door/state="]);
        reconnect(&mut outbox);
        assert_eq!(take_all(&mut outbox), ["b/door/motion=", "b/door/state=", "b/doorbell/state=ON"]);
        sent_and_acknowledged(&mut outbox, 1..=3);
        assert!(!outbox.has("b/door/state") && outbox.has("b/doorbell/state"));
        outbox.repeat("b/");
        assert_eq!(take_all(&mut outbox), ["b/doorbell/state=ON"]);
    }
}

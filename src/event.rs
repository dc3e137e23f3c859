//! Events: what the detections of many frames come to. A walker is one event, not forty results.
//!
//! Stages say what changed ([`EventChange`]); whose event it is, and its id, is added here ([`EventIds`]). The trackers that
//! they use, [`zone_tracker`] for things that are somewhere and [`condition`] for what is so or not, are pure decisions over
//! detections and capture times: no clock is read, no thread waits.

pub mod condition;
pub mod external;
pub mod ignored;
pub mod places;
pub mod zone_tracker;

use std::{
    borrow::Cow,
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::{
    message::{Event, EventState, Rect, Subject},
    system::clock::Monotonic,
    tracking::shared::Label,
};

/// The reason of an event that is about something that does not move.
pub const STATIONARY: &str = "stationary";

/// An event starts, goes on or ends.
#[derive(Clone, Debug, PartialEq)]
pub struct EventChange {
    /// What it is.
    pub kind: &'static str,
    /// Tells events of one kind that run at the same time from each other: such as the number of a zone.
    pub key: usize,
    /// Where it stands.
    pub state: EventState,
    /// Of the first frame that shows it at the start, of the last one at the end.
    pub at: Monotonic,
    /// The named zone that it is in.
    pub zone: Option<String>,
    /// Why, where one kind has several reasons.
    pub reason: Option<&'static str>,
    /// Around what it is about now.
    pub boxes: Vec<Rect>,
    /// The track that it is about.
    pub subject: Option<Subject>,
    /// What it is about, if that is known.
    pub label: Option<Label>,
}

impl EventChange {
    /// A change of the whole picture, of which there is no more to say.
    #[must_use]
    pub fn new(kind: &'static str, key: usize, state: EventState, at: Monotonic) -> Self {
        Self { kind, key, state, at, zone: None, reason: None, boxes: Vec::new(), subject: None, label: None }
    }
}

/// Gives the events of one camera their ids.
#[derive(Debug)]
pub struct EventIds {
    camera: String,
    /// Events of this camera since the daemon's start; others who find events of the same camera count on too.
    started: Arc<AtomicU64>,
    running: BTreeMap<(&'static str, usize), String>,
}

impl EventIds {
    /// No event of `camera` is going on. Ids are numbered by `started`, which all who find events of the camera share.
    #[must_use]
    pub fn new(camera: &str, started: Arc<AtomicU64>) -> Self {
        Self { camera: camera.to_owned(), started, running: BTreeMap::new() }
    }

    /// The event as it is published; `age` is that of the frame that shows it, if one does.
    pub fn event(&mut self, change: EventChange, age: Option<Duration>) -> Event {
        let EventChange { kind, key, state, at, zone, reason, boxes, subject, label } = change;
        let running = match state {
            EventState::Start => None,
            EventState::Update => self.running.get(&(kind, key)).cloned(),
            EventState::End => self.running.remove(&(kind, key)),
        };
        let id = running.unwrap_or_else(|| self.next_id(at));
        if state == EventState::Start {
            self.running.insert((kind, key), id.clone());
        }
        let (camera, kind, reason) = (self.camera.clone(), Cow::Borrowed(kind), reason.map(Cow::Borrowed));
        let (label, score) = label.map(|Label { name, score }| (name, score)).unzip();
        Event { camera, id, kind, state, at: at.wall(), zone, reason, boxes, subject, label, score, age }
    }

    /// `door-20261122T100000Z-7`: camera, wall time of the start, and a count since the daemon's start, which keeps ids
    /// different when two zones start together or the wall clock is set back.
    fn next_id(&mut self, at: Monotonic) -> String {
        // Relaxed: the number only has to be different each time.
        let number = self.started.fetch_add(1, Ordering::Relaxed) + 1;
        format!("{}-{}-{number}", self.camera, at.wall().strftime("%Y%m%dT%H%M%SZ"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(key: usize, state: EventState) -> EventChange {
        EventChange::new("motion", key, state, Monotonic::from_micros(1_000_000))
    }

    #[test]
    fn an_event_has_one_id_from_start_to_end() {
        let mut ids = EventIds::new("door", Arc::default());
        let states = [EventState::Start, EventState::Update, EventState::End];
        let first = states.map(|state| ids.event(change(0, state), None).id);
        assert!(first.iter().all(|id| *id == first[0]), "{first:?}");
        let beside = ids.event(change(1, EventState::Start), None).id;
        let second = ids.event(change(0, EventState::Start), None).id;
        assert!(first[0] != second && second != beside && first[0] != beside);
    }

    #[test]
    fn ids_are_readable() {
        let id = EventIds::new("door", Arc::default()).event(change(0, EventState::Start), None).id;
        let parts: Vec<_> = id.split('-').collect();
        let [camera, time, number] = parts[..] else { panic!("{parts:?}") };
        assert_eq!((camera, time.len(), number), ("door", "20261122T100000Z".len(), "1"));
    }

    #[test]
    fn all_who_find_events_of_a_camera_give_different_ids() {
        let started = Arc::<AtomicU64>::default();
        let mut all = [(); 2].map(|()| EventIds::new("door", started.clone()));
        let ids = [0, 1, 0].map(|index: usize| all[index].event(change(0, EventState::Start), None).id);
        assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2], "{ids:?}");
    }
}

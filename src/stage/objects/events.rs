//! Events `object`: one while a track has a name, and one for each thing that does not move.

use std::{collections::BTreeMap, time::Duration};

use super::{
    OBJECT,
    names::Names,
    sweep::{Change, Thing},
};
use crate::{
    event::EventChange,
    message::{EventState, Subject},
    system::clock::Monotonic,
    tracking::{Track, shared::Label},
};

/// Events go on with an update, but no more often than this.
const UPDATE_EVERY: Duration = Duration::from_secs(1);

/// Tracks of which nothing is heard for so long are over: there are no frames.
const SILENT_AFTER: Duration = Duration::from_secs(10);

/// The reason of what does not move.
const STATIONARY: &str = "stationary";

/// The running events of a camera.
#[derive(Debug, Default)]
pub(super) struct Events {
    tracks: BTreeMap<u64, Running>,
    /// The keys of things.
    things: BTreeMap<u64, usize>,
    next_key: usize,
    /// When it was looked last whether anything is to be told.
    checked: Monotonic,
}

#[derive(Debug)]
struct Running {
    key: usize,
    label: Label,
    updated: Monotonic,
    last_seen: Monotonic,
}

impl Events {
    /// What starts, goes on and ends with these tracks, as they were at `heard`.
    pub(super) fn observe(
        &mut self,
        tracks: &[Track],
        names: &Names,
        heard: Monotonic,
        now: Monotonic,
    ) -> Vec<EventChange> {
        self.checked = now;
        let mut changes = Vec::new();
        let is_silent = now.since(heard) >= SILENT_AFTER;
        let over = |id: u64| is_silent || tracks.iter().all(|track| track.id() != id);
        for (id, running) in self.tracks.extract_if(.., |id, _| over(*id)) {
            changes.push(change(&running, id, EventState::End, running.last_seen, None));
        }
        for track in tracks.iter().filter(|_| !is_silent) {
            let (id, [_, seen]) = (track.id(), track.seen());
            let Some(label) = names.name(id) else { continue };
            match self.tracks.get_mut(&id) {
                None => {
                    let running = Running { key: self.next_key, label: label.clone(), updated: now, last_seen: seen };
                    self.next_key = self.next_key.wrapping_add(1);
                    changes.push(change(&running, id, EventState::Start, seen, Some(track)));
                    self.tracks.insert(id, running);
                }
                Some(running) => {
                    // What is not there now goes on without being told.
                    let is_seen = seen > running.last_seen;
                    let is_new = running.label.name != label.name;
                    running.last_seen = seen;
                    if is_new || (is_seen && now.since(running.updated) >= UPDATE_EVERY) {
                        running.label = label.clone();
                        running.updated = now;
                        changes.push(change(running, id, EventState::Update, seen, Some(track)));
                    }
                }
            }
        }
        changes
    }

    /// What starts and ends with a sweep.
    pub(super) fn sweep(&mut self, changes: Vec<Change>, at: Monotonic) -> Vec<EventChange> {
        let told = changes.into_iter().filter_map(|change| match change {
            Change::There(thing) => {
                let key = self.next_key;
                self.next_key = self.next_key.wrapping_add(1);
                self.things.insert(thing.id, key);
                let boxes = vec![thing.bounds];
                Some(EventChange { boxes, ..stationary(&thing, key, EventState::Start, at) })
            }
            Change::Gone(thing) => self.gone(&thing),
        });
        told.collect()
    }

    /// When there may be something to tell without a look at a frame.
    pub(super) fn deadline(&self) -> Option<Monotonic> {
        (!self.tracks.is_empty()).then(|| self.checked.later(UPDATE_EVERY))
    }

    /// Ends everything.
    pub(super) fn end(&mut self, things: &[Thing]) -> Vec<EventChange> {
        let tracks = std::mem::take(&mut self.tracks);
        let ended = |(id, running): (u64, Running)| change(&running, id, EventState::End, running.last_seen, None);
        let tracks: Vec<_> = tracks.into_iter().map(ended).collect();
        let things: Vec<_> = things.iter().filter_map(|thing| self.gone(thing)).collect();
        [tracks, things].concat()
    }

    fn gone(&mut self, thing: &Thing) -> Option<EventChange> {
        let key = self.things.remove(&thing.id)?;
        Some(stationary(thing, key, EventState::End, thing.last_seen))
    }
}

fn change(running: &Running, id: u64, state: EventState, at: Monotonic, track: Option<&Track>) -> EventChange {
    EventChange {
        boxes: track.map(Track::bounds).into_iter().collect(),
        subject: Some(Subject::of(id)),
        label: Some(running.label.clone()),
        ..EventChange::new(OBJECT, running.key, state, at)
    }
}

fn stationary(thing: &Thing, key: usize, state: EventState, at: Monotonic) -> EventChange {
    let label = Some(thing.label.clone());
    EventChange { reason: Some(STATIONARY), label, ..EventChange::new(OBJECT, key, state, at) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{message::Rect, tracking::Tracker};

    const BOX: Rect = Rect { x: 100, y: 100, width: 40, height: 80 };

    fn at(ms: u64) -> Monotonic {
        Monotonic::from_micros(100_000_000 + ms * 1000)
    }

    #[test]
    fn an_event_lasts_from_the_name_to_the_end_of_the_track() {
        let (mut tracker, mut names, mut events) =
            (Tracker::new(Duration::from_secs(1)), Names::default(), Events::default());
        let mut told = Vec::new();
        for tenth in 0_u64..60 {
            let now = at(tenth * 100);
            let boxes = if tenth < 40 {
                vec![Rect { x: BOX.x + 2 * u32::try_from(tenth).unwrap(), ..BOX }]
            } else {
                Vec::new()
            };
            tracker.observe(&boxes, now);
            if let Some(track) = tracker.tracks().first().filter(|_| [5, 10].contains(&tenth)) {
                names.look(track.id(), Some(Label { name: "person".into(), score: 0.9 }), BOX, now, 0.5);
            }
            let changes = events.observe(tracker.tracks(), &names, now, now);
            told.extend(changes.into_iter().map(|change| (tenth, change)));
        }
        let states: Vec<_> = told.iter().map(|(tenth, change)| (*tenth, change.state)).collect();
        let update = EventState::Update;
        assert_eq!(states, [(10, EventState::Start), (20, update), (30, update), (49, EventState::End)]);
        let (_, end) = told.last().unwrap();
        assert_eq!((end.state, end.at), (EventState::End, at(3900)));
        for (_, change) in &told {
            assert_eq!((change.kind, change.key), (OBJECT, told[0].1.key));
            assert_eq!(change.label.as_ref().map(|label| &*label.name), Some("person"));
            assert_eq!(change.subject.as_ref().map(|subject| subject.track), Some(1));
        }
        assert_eq!(events.deadline(), None);
    }

    #[test]
    fn without_frames_an_event_ends_all_the_same() {
        let (mut tracker, mut names, mut events) =
            (Tracker::new(Duration::from_secs(1)), Names::default(), Events::default());
        (0..3).for_each(|n| drop(tracker.observe(&[BOX], at(n * 100))));
        for n in 0..2 {
            names.look(1, Some(Label { name: "cat".into(), score: 0.9 }), BOX, at(n), 0.5);
        }
        assert_eq!(events.observe(tracker.tracks(), &names, at(200), at(200)).len(), 1);
        assert_eq!(events.deadline(), Some(at(1200)));
        assert_eq!(events.observe(tracker.tracks(), &names, at(200), at(5000)), []);
        let ended = events.observe(tracker.tracks(), &names, at(200), at(10_300));
        assert_eq!(ended.iter().map(|change| change.state).collect::<Vec<_>>(), [EventState::End]);
    }
}

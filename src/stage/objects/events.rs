//! Events `object`: one while something with a name is in a place, be it a track or a thing that does not move.
//!
//! A place is a named zone, or what is outside of all of them. What is ignored where it is has no event.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{
    OBJECT,
    names::Names,
    sweep::{Change, Thing},
};
use crate::{
    event::{
        EventChange, STATIONARY,
        places::{Place, Places},
    },
    frame::Size,
    geometry::foot_point,
    message::{EventState, Rect, Subject},
    system::clock::Monotonic,
    tracking::{
        Track,
        shared::{Label, Snapshot},
    },
};

/// Events go on with an update, but no more often than this.
const UPDATE_EVERY: Duration = Duration::from_secs(1);

/// Tracks of which nothing is heard for so long are over: there are no frames.
const SILENT_AFTER: Duration = Duration::from_secs(10);

/// A track that was elsewhere for so long has left a place. Whoever walks along the border of a zone is one event.
const GONE_AFTER: Duration = Duration::from_secs(3);

/// The running events of a camera.
#[derive(Debug, Default)]
pub(super) struct Events {
    places: Places,
    /// By track and place.
    tracks: BTreeMap<(u64, Place), Running>,
    /// The keys of things, and where each is.
    things: BTreeMap<u64, Vec<(usize, Place)>>,
    next_key: usize,
    /// Whether any track has a name: what is ignored where it is may go elsewhere.
    has_named: bool,
    /// When it was looked last whether anything is to be told.
    checked: Monotonic,
}

#[derive(Debug)]
struct Running {
    key: usize,
    label: Label,
    updated: Monotonic,
    /// The last time that the track was seen there.
    last_seen: Monotonic,
}

impl Events {
    /// Nothing was there yet.
    pub(super) fn new(places: Places) -> Self {
        Self { places, ..Self::default() }
    }

    /// What starts, goes on and ends with these tracks.
    pub(super) fn observe(&mut self, snapshot: &Snapshot, names: &Names, now: Monotonic) -> Vec<EventChange> {
        self.checked = now;
        let Snapshot { tracks, size, captured_at, .. } = snapshot;
        let is_silent = now.since(*captured_at) >= SILENT_AFTER;
        let is_over = |id: u64| is_silent || tracks.iter().all(|track| track.id() != id);
        let mut changes = self.end_if(|id, _| is_over(id));
        self.has_named = false;
        for track in tracks.iter().filter(|_| !is_silent) {
            if let Some(label) = names.name(track.id()) {
                self.has_named = true;
                changes.extend(self.observe_track(track, label, *size, now));
            }
        }
        changes
    }

    /// What starts and ends with a sweep of a picture of this size.
    pub(super) fn sweep(&mut self, changes: Vec<Change>, size: Size, at: Monotonic) -> Vec<EventChange> {
        let told = changes.into_iter().flat_map(|change| match change {
            Change::There(thing) => self.there(&thing, size, at),
            Change::Gone(thing) => self.gone(&thing),
        });
        told.collect()
    }

    /// When there may be something to tell without a look at a frame.
    pub(super) fn deadline(&self) -> Option<Monotonic> {
        (self.has_named || !self.tracks.is_empty()).then(|| self.checked.later(UPDATE_EVERY))
    }

    /// Ends everything.
    pub(super) fn end(&mut self, things: &[Thing]) -> Vec<EventChange> {
        self.has_named = false;
        let tracks = self.end_if(|_, _| true);
        let things: Vec<_> = things.iter().flat_map(|thing| self.gone(thing)).collect();
        [tracks, things].concat()
    }

    /// What starts, goes on and ends with a track that has a name.
    fn observe_track(&mut self, track: &Track, label: &Label, size: Size, now: Monotonic) -> Vec<EventChange> {
        let (id, [_, seen]) = (track.id(), track.seen());
        let places: BTreeSet<_> = self.places.of(&label.name, foot_point(track.bounds(), size)).into_iter().collect();
        // Who enters a named zone is not outside any more; out of one, only who stays out.
        let has_entered = places.iter().any(Option::is_some);
        let mut changes = self.end_if(|of, (place, running)| {
            let is_left = (place.is_none() && has_entered) || seen.since(running.last_seen) >= GONE_AFTER;
            of == id && !places.contains(place) && is_left
        });
        for place in places {
            let is_elsewhere = place.is_none() && self.tracks.keys().any(|(of, place)| *of == id && place.is_some());
            match self.tracks.get_mut(&(id, place.clone())) {
                None if is_elsewhere => {}
                None => {
                    let running = Running { key: self.new_key(), label: label.clone(), updated: now, last_seen: seen };
                    changes.push(change(&running, (id, &place), EventState::Start, seen, Some(track)));
                    self.tracks.insert((id, place), running);
                }
                Some(running) => {
                    // What is not there now goes on without being told.
                    let is_seen = seen > running.last_seen;
                    let is_new = running.label.name != label.name;
                    running.last_seen = seen;
                    if is_new || (is_seen && now.since(running.updated) >= UPDATE_EVERY) {
                        running.label = label.clone();
                        running.updated = now;
                        changes.push(change(running, (id, &place), EventState::Update, seen, Some(track)));
                    }
                }
            }
        }
        changes
    }

    /// Ends the events of tracks that are over.
    fn end_if(&mut self, is_over: impl Fn(u64, (&Place, &Running)) -> bool) -> Vec<EventChange> {
        let over = self.tracks.extract_if(.., |(id, place), running| is_over(*id, (place, running)));
        let ended = |((id, place), running): ((u64, Place), Running)| {
            change(&running, (id, &place), EventState::End, running.last_seen, None)
        };
        over.map(ended).collect()
    }

    fn there(&mut self, thing: &Thing, size: Size, at: Monotonic) -> Vec<EventChange> {
        let places = self.places.of(&thing.label.name, foot_point(thing.bounds, size));
        let keyed: Vec<_> = places.into_iter().map(|place| (self.new_key(), place)).collect();
        let start = |of: &(usize, Place)| stationary(thing, of, EventState::Start, at, vec![thing.bounds]);
        let changes = keyed.iter().map(start).collect();
        self.things.insert(thing.id, keyed);
        changes
    }

    fn gone(&mut self, thing: &Thing) -> Vec<EventChange> {
        let keyed = self.things.remove(&thing.id).unwrap_or_default();
        keyed.iter().map(|of| stationary(thing, of, EventState::End, thing.last_seen, Vec::new())).collect()
    }

    fn new_key(&mut self) -> usize {
        let key = self.next_key;
        self.next_key = key.wrapping_add(1);
        key
    }
}

fn change(
    running: &Running,
    (id, place): (u64, &Place),
    state: EventState,
    at: Monotonic,
    track: Option<&Track>,
) -> EventChange {
    EventChange {
        zone: place.as_deref().map(str::to_owned),
        boxes: track.map(Track::bounds).into_iter().collect(),
        subject: Some(Subject::of(id)),
        label: Some(running.label.clone()),
        ..EventChange::new(OBJECT, running.key, state, at)
    }
}

fn stationary(
    thing: &Thing,
    (key, place): &(usize, Place),
    state: EventState,
    at: Monotonic,
    boxes: Vec<Rect>,
) -> EventChange {
    EventChange {
        zone: place.as_deref().map(str::to_owned),
        reason: Some(STATIONARY),
        label: Some(thing.label.clone()),
        boxes,
        ..EventChange::new(OBJECT, *key, state, at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::{labels::LabelFilter, zone::Zone},
        stage::objects::sweep::Sweeps,
        tracking::Tracker,
    };

    const BOX: Rect = Rect { x: 100, y: 100, width: 40, height: 80 };
    const FULL: Size = Size { width_px: 1000, height_px: 200 };

    fn at(ms: u64) -> Monotonic {
        Monotonic::from_micros(100_000_000 + ms * 1000)
    }

    fn label(name: &str) -> Label {
        Label { name: name.into(), score: 0.9 }
    }

    /// These tracks in a frame captured at that time.
    fn seen(tracker: &Tracker, captured_at: Monotonic) -> Snapshot {
        Snapshot { tracks: tracker.tracks().to_vec(), size: FULL, captured_at, is_learning: false }
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
                names.look(track.id(), Some(label("person")), BOX, now, 0.5);
            }
            let changes = events.observe(&seen(&tracker, now), &names, now);
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
            names.look(1, Some(label("cat")), BOX, at(n), 0.5);
        }
        assert_eq!(events.observe(&seen(&tracker, at(200)), &names, at(200)).len(), 1);
        assert_eq!(events.deadline(), Some(at(1200)));
        assert_eq!(events.observe(&seen(&tracker, at(200)), &names, at(5000)), []);
        let ended = events.observe(&seen(&tracker, at(200)), &names, at(10_300));
        assert_eq!(ended.iter().map(|change| change.state).collect::<Vec<_>>(), [EventState::End]);
    }

    /// Zones over a part of the picture, from one column to another.
    fn columns([from, to]: [f32; 2]) -> Vec<[f32; 2]> {
        vec![[from, 0.0], [to, 0.0], [to, 1.0], [from, 1.0]]
    }

    /// A track that is called so walks from left to right for so many seconds: what is told, with the second and the zone.
    fn walk(zones: &[Zone], name: &str, seconds: u32) -> Vec<(u32, EventState, Option<String>)> {
        let (mut tracker, mut names, mut events) =
            (Tracker::new(Duration::from_secs(1)), Names::default(), Events::new(Places::new(zones)));
        let mut told = Vec::new();
        for tenth in 0..=seconds * 10 {
            let now = at(u64::from(tenth) * 100);
            tracker.observe(&[Rect { x: 4 * tenth, ..BOX }], now);
            names.look(1, Some(label(name)), BOX, now, 0.5);
            let changes = events.observe(&seen(&tracker, now), &names, now);
            let changes = changes.into_iter().filter(|change| change.state != EventState::Update);
            told.extend(changes.map(|change| (tenth / 10, change.state, change.zone)));
            let has_name = tenth > 0; // the second look
            assert_eq!(events.deadline().is_some(), has_name, "it may go where it is an event");
        }
        told
    }

    #[test]
    fn a_track_has_an_event_in_each_named_zone_and_one_outside() {
        use EventState::{End, Start};
        let zones = [Zone::named("gate", columns([0.2, 0.4])), Zone::named("yard", columns([0.3, 0.4]))];
        let zone = |name: &str| Some(name.to_owned());
        let told = [
            (0, Start, None),
            (4, End, None),
            (4, Start, zone("gate")),
            (7, Start, zone("yard")),
            (12, End, zone("gate")), // it left after nine seconds and a half, and did not come back
            (12, End, zone("yard")),
            (12, Start, None),
        ];
        assert_eq!(walk(&zones, "person", 14), told);
        let only_cars = zones.map(|zone| zone.with_labels(LabelFilter::of(["car"])));
        assert_eq!(walk(&only_cars, "person", 14), [(0, Start, None)]);
    }

    #[test]
    fn what_is_ignored_has_no_event_there() {
        use EventState::{End, Start};
        let road = [Zone::ignored(columns([0.2, 1.0])).with_labels(LabelFilter::of(["car"]))];
        assert_eq!(walk(&road, "car", 10), [(0, Start, None), (7, End, None)]);
        assert_eq!(walk(&road, "person", 10), [(0, Start, None)]);
        let everywhere = [Zone::ignored(columns([0.0, 1.0])).with_labels(LabelFilter::of(["car"]))];
        assert_eq!(walk(&everywhere, "car", 10), []);
    }

    #[test]
    fn what_stands_in_a_zone_is_an_event_there() {
        let zones = [
            Zone::named("yard", columns([0.0, 0.5])),
            Zone::ignored(columns([0.4, 1.0])).with_labels(LabelFilter::of(["car"])),
        ];
        let zones_of = |name: &str, x: u32| {
            let (mut sweeps, mut events) = (Sweeps::new(Duration::from_secs(30)), Events::new(Places::new(&zones)));
            let found = || vec![(label(name), Rect { x, ..BOX })];
            let there = (0..2).flat_map(|n| sweeps.observe(found(), at(n))).collect();
            let [start, end] = [events.sweep(there, FULL, at(1)), events.end(&sweeps.end())]
                .map(|changes| changes.into_iter().map(|change| change.zone).collect::<Vec<_>>());
            assert_eq!(start, end);
            start
        };
        assert_eq!(zones_of("car", 100), [Some("yard".to_owned())]);
        assert_eq!(zones_of("car", 430), [], "it is nothing there");
        assert_eq!(zones_of("dog", 430), [Some("yard".to_owned())]);
        assert_eq!(zones_of("dog", 700), [None]);
    }
}

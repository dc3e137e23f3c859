//! One zone: which tracks are in it, and for how long.

use std::{collections::VecDeque, time::Duration};

use super::sighting::Sighting;
use crate::{
    config::{
        labels::LabelFilter,
        zone::{MAX_ZONES, Zone},
    },
    event::EventChange,
    geometry::contains,
    message::{EventState, Rect, Subject, ZoneCounts},
    system::clock::Monotonic,
    tracking::shared::Label,
};

/// The kind of event of a track that is in a zone, if the zone has `visits`.
pub(super) const VISIT: &str = "visit";

/// The kind of event of a track that stays in a zone longer than `loitering_after_ms`.
pub(super) const LOITERING: &str = "loitering";

/// A track is in a zone when this many frames in a row show it there, and out of it after so many that show it elsewhere: a foot
/// point trembles, and who walks along the border does not come and go.
const ENTERS_AFTER: u8 = 2;
const LEAVES_AFTER: u8 = 3;

/// The most visits of a track that wait for its label after they are over; then the oldest is forgotten.
const MAX_UNNAMED: usize = 8;

/// A named zone and its tracks.
#[derive(Debug)]
pub(super) struct ZoneCounter {
    key: usize,
    name: String,
    polygon: Vec<[f32; 2]>,
    labels: LabelFilter,
    /// Whether each visit is an event.
    has_visits: bool,
    loitering_after: Option<Duration>,
    entered: u64,
    left: u64,
}

/// Whether a track is in a zone, and when it was.
#[derive(Clone, Debug, Default)]
pub(super) struct Visits {
    place: Place,
    /// Those that are over, but nobody knows yet whether what the track is counts.
    unnamed: VecDeque<Stay>,
}

/// Whether a track is in a zone.
#[derive(Clone, Debug, Default)]
enum Place {
    #[default]
    Outside,
    /// It showed inside in so many frames since then.
    Entering {
        since: Monotonic,
        frames: u8,
    },
    Inside {
        stay: Stay,
        frames_outside: u8,
        is_counted: bool,
        is_loitering: bool,
    },
}

/// A track in a zone.
#[derive(Clone, Debug)]
struct Stay {
    track: u64,
    since: Monotonic,
    last_inside: Monotonic,
    /// Around the track when it was there last.
    bounds: Rect,
    label: Option<Label>,
}

impl Visits {
    /// Whether the track is in the zone, and counted there.
    pub(super) fn is_running(&self) -> bool {
        matches!(self.place, Place::Inside { is_counted: true, .. })
    }
}

impl ZoneCounter {
    /// Nobody is in it. `key` is its own among a camera's zones. `None` if the zone has no name.
    pub(super) fn new(key: usize, zone: &Zone) -> Option<Self> {
        Some(Self {
            key,
            name: zone.name()?.to_owned(),
            polygon: zone.polygon().to_vec(),
            labels: zone.labels().clone(),
            has_visits: zone.has_visits(),
            loitering_after: zone.loitering_after(),
            entered: 0,
            left: 0,
        })
    }

    /// Counts on from where `earlier` is, if that is the same zone. Who is in it must enter anew.
    pub(super) fn continue_from(&mut self, earlier: &Self) -> bool {
        let is_same = self.name == earlier.name;
        if is_same {
            (self.entered, self.left) = (earlier.entered, earlier.entered);
        }
        is_same
    }

    /// Takes in what a track is called by now: a zone with labels has waited for that.
    pub(super) fn learn_label(&mut self, visits: &mut Visits, sighting: &Sighting<'_>, changes: &mut Vec<EventChange>) {
        let Some(label) = sighting.track.label() else { return };
        let passes = self.labels.passes(Some(&label.name));
        for mut stay in visits.unnamed.drain(..).filter(|_| passes) {
            stay.label = Some(label.clone());
            self.count_past(&stay, changes);
        }
        let Place::Inside { stay, is_counted, is_loitering, .. } = &mut visits.place else { return };
        let is_news = stay.label.as_ref().is_none_or(|known| known.name != label.name);
        stay.label = Some(label.clone());
        if !*is_counted && passes {
            *is_counted = true;
            stay.bounds = sighting.track.bounds();
            self.enter(stay, changes);
        } else if *is_counted && is_news {
            let running = [(VISIT, self.has_visits), (LOITERING, *is_loitering)];
            for (kind, _) in running.into_iter().filter(|(_, is_running)| *is_running) {
                let update = self.change(kind, stay, EventState::Update, sighting.at, None);
                changes.push(EventChange { boxes: vec![sighting.track.bounds()], ..update });
            }
        }
    }

    /// Takes in where a track is that the frame shows; it is nowhere if it does not count where it is. What starts or ends
    /// with that.
    pub(super) fn observe(
        &mut self,
        visits: &mut Visits,
        sighting: &Sighting<'_>,
        counts_there: bool,
        changes: &mut Vec<EventChange>,
    ) {
        let is_inside = counts_there && contains(&self.polygon, sighting.foot_point());
        match &mut visits.place {
            Place::Outside if is_inside => visits.place = Place::Entering { since: sighting.at, frames: 1 },
            Place::Outside => {}
            Place::Entering { since, frames } if is_inside => {
                *frames = frames.saturating_add(1);
                if *frames >= ENTERS_AFTER && sighting.track.counts() {
                    let stay = Stay::new(sighting, *since);
                    let is_counted = self.labels.passes(sighting.label());
                    if is_counted {
                        self.enter(&stay, changes);
                    }
                    visits.place = Place::Inside { stay, frames_outside: 0, is_counted, is_loitering: false };
                }
            }
            Place::Entering { .. } => visits.place = Place::Outside,
            Place::Inside { stay, frames_outside, .. } if is_inside => {
                *frames_outside = 0;
                stay.bounds = sighting.track.bounds();
                self.wait(visits, sighting, changes);
            }
            Place::Inside { frames_outside, .. } => {
                *frames_outside += 1;
                if *frames_outside >= LEAVES_AFTER {
                    self.leave(visits, changes);
                }
            }
        }
    }

    /// A track is where it was, whether or not a frame shows it. What starts because of that.
    pub(super) fn wait(&self, visits: &mut Visits, sighting: &Sighting<'_>, changes: &mut Vec<EventChange>) {
        let Place::Inside { stay, is_counted, is_loitering, .. } = &mut visits.place else { return };
        stay.last_inside = sighting.at;
        if *is_counted && !*is_loitering && self.is_long(stay.dwell()) {
            *is_loitering = true;
            changes.push(self.start_loitering(stay, sighting.at));
        }
    }

    /// The track is in it no more. What ends with that.
    pub(super) fn leave(&mut self, visits: &mut Visits, changes: &mut Vec<EventChange>) {
        let Place::Inside { stay, is_counted, is_loitering, .. } = std::mem::take(&mut visits.place) else { return };
        if is_counted {
            self.count_out(&stay, is_loitering, changes);
        } else if stay.label.is_none() {
            if visits.unnamed.len() == MAX_UNNAMED {
                visits.unnamed.pop_front();
            }
            visits.unnamed.push_back(stay);
        }
    }

    /// How often anybody came or went.
    pub(super) fn revision(&self) -> u64 {
        self.entered + self.left
    }

    /// Its name, and how many tracks are in it.
    pub(super) fn counts(&self) -> (String, ZoneCounts) {
        (self.name.clone(), ZoneCounts { now: self.entered - self.left, entered: self.entered })
    }

    fn is_long(&self, dwell: Duration) -> bool {
        self.loitering_after.is_some_and(|after| dwell >= after)
    }

    /// A visit that was over before the track had its label.
    fn count_past(&mut self, stay: &Stay, changes: &mut Vec<EventChange>) {
        self.enter(stay, changes);
        let is_loitering = self.is_long(stay.dwell());
        if is_loitering {
            changes.push(self.start_loitering(stay, stay.last_inside));
        }
        self.count_out(stay, is_loitering, changes);
    }

    fn enter(&mut self, stay: &Stay, changes: &mut Vec<EventChange>) {
        self.entered += 1;
        if self.has_visits {
            let start = self.change(VISIT, stay, EventState::Start, stay.since, None);
            changes.push(EventChange { boxes: vec![stay.bounds], ..start });
        }
    }

    fn count_out(&mut self, stay: &Stay, is_loitering: bool, changes: &mut Vec<EventChange>) {
        self.left += 1;
        let ended = [(VISIT, self.has_visits), (LOITERING, is_loitering)];
        let ended = ended.into_iter().filter(|(_, is_running)| *is_running);
        let end = |(kind, _)| self.change(kind, stay, EventState::End, stay.last_inside, Some(stay.dwell()));
        changes.extend(ended.map(end));
    }

    fn start_loitering(&self, stay: &Stay, at: Monotonic) -> EventChange {
        let start = self.change(LOITERING, stay, EventState::Start, at, Some(stay.dwell()));
        EventChange { boxes: vec![stay.bounds], ..start }
    }

    fn change(
        &self,
        kind: &'static str,
        stay: &Stay,
        state: EventState,
        at: Monotonic,
        dwell: Option<Duration>,
    ) -> EventChange {
        // Several tracks can be in a zone. Only those that are in it at the same time must have different keys.
        let key = usize::try_from(stay.track % (1 << 20)).unwrap_or_default() * MAX_ZONES + self.key;
        let dwell_s = dwell.map(|dwell| (dwell.as_secs_f64() * 1e3).round() / 1e3);
        let (zone, label) = (Some(self.name.clone()), stay.label.clone());
        let subject = Some(Subject { dwell_s, ..Subject::of(stay.track) });
        EventChange { zone, subject, label, ..EventChange::new(kind, key, state, at) }
    }
}

impl Stay {
    fn new(sighting: &Sighting<'_>, since: Monotonic) -> Self {
        let track = sighting.track;
        let label = track.label().cloned();
        Self { track: track.id(), since, last_inside: sighting.at, bounds: track.bounds(), label }
    }

    fn dwell(&self) -> Duration {
        self.last_inside.since(self.since)
    }
}

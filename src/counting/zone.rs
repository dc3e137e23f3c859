//! One zone: which tracks are in it, and for how long.

use std::time::Duration;

use crate::{
    config::zone::{MAX_ZONES, Zone},
    event::EventChange,
    frame::Size,
    geometry::contains,
    message::{EventState, Subject, ZoneCounts},
    system::clock::Monotonic,
    tracking::Track,
};

/// The kind of event of a track that is in a zone, if the zone has `visits`.
pub(super) const VISIT: &str = "visit";

/// The kind of event of a track that stays in a zone longer than `loitering_after_ms`.
pub(super) const LOITERING: &str = "loitering";

/// A track is in a zone when this many frames in a row show it there, and out of it after so many that show it elsewhere: a foot
/// point trembles, and who walks along the border does not come and go.
const ENTERS_AFTER: u8 = 2;
const LEAVES_AFTER: u8 = 3;

/// A named zone and its tracks.
#[derive(Debug)]
pub(super) struct ZoneCounter {
    key: usize,
    name: String,
    polygon: Vec<[f32; 2]>,
    /// Whether each visit is an event.
    has_visits: bool,
    loitering_after: Option<Duration>,
    entered: u64,
    left: u64,
}

/// Whether a track is in a zone.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Visit {
    #[default]
    Outside,
    /// It showed inside in so many frames since then.
    Entering {
        since: Monotonic,
        frames: u8,
    },
    Inside {
        track: u64,
        since: Monotonic,
        last_inside: Monotonic,
        frames_outside: u8,
        is_loitering: bool,
    },
}

impl Visit {
    /// Whether the track is in the zone.
    pub(super) fn is_running(&self) -> bool {
        matches!(self, Self::Inside { .. })
    }
}

impl ZoneCounter {
    /// Nobody is in it. `key` is its own among a camera's zones. `None` if the zone has no name.
    pub(super) fn new(key: usize, zone: &Zone) -> Option<Self> {
        Some(Self {
            key,
            name: zone.name()?.to_owned(),
            polygon: zone.polygon().to_vec(),
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

    /// Takes in where a track is that is seen in the frame captured at `at`. What starts or ends with it.
    pub(super) fn observe(
        &mut self,
        visit: &mut Visit,
        track: &Track,
        full: Size,
        at: Monotonic,
    ) -> [Option<EventChange>; 2] {
        let is_inside = contains(&self.polygon, point(track, full));
        match visit {
            Visit::Outside if is_inside => *visit = Visit::Entering { since: at, frames: 1 },
            Visit::Outside => {}
            Visit::Entering { since, frames } if is_inside => {
                *frames = frames.saturating_add(1);
                if *frames >= ENTERS_AFTER && track.counts() {
                    let since = *since;
                    *visit = Visit::Inside {
                        track: track.id(),
                        since,
                        last_inside: at,
                        frames_outside: 0,
                        is_loitering: false,
                    };
                    return self.enter(track, since);
                }
            }
            Visit::Entering { .. } => *visit = Visit::Outside,
            Visit::Inside { frames_outside, .. } if is_inside => {
                *frames_outside = 0;
                return [self.wait(visit, track, at), None];
            }
            Visit::Inside { frames_outside, .. } => {
                *frames_outside += 1;
                if *frames_outside >= LEAVES_AFTER {
                    return self.leave(visit);
                }
            }
        }
        [None, None]
    }

    /// A track is where it was, whether or not a frame shows it. What starts because of that.
    pub(super) fn wait(&self, visit: &mut Visit, track: &Track, at: Monotonic) -> Option<EventChange> {
        let Visit::Inside { since, last_inside, is_loitering, .. } = visit else { return None };
        *last_inside = at;
        let dwell = at.since(*since);
        if *is_loitering || self.loitering_after.is_none_or(|after| dwell < after) {
            return None;
        }
        *is_loitering = true;
        let start = self.change(LOITERING, track.id(), EventState::Start, at, Some(dwell));
        Some(EventChange { boxes: vec![track.bounds()], ..start })
    }

    /// The track is in it no more. What ends with that.
    pub(super) fn leave(&mut self, visit: &mut Visit) -> [Option<EventChange>; 2] {
        let Visit::Inside { track, since, last_inside, is_loitering, .. } = std::mem::take(visit) else {
            return [None, None];
        };
        self.left += 1;
        let dwell = Some(last_inside.since(since));
        let end = |kind| self.change(kind, track, EventState::End, last_inside, dwell);
        [self.has_visits.then(|| end(VISIT)), is_loitering.then(|| end(LOITERING))]
    }

    /// How often anybody came or went.
    pub(super) fn revision(&self) -> u64 {
        self.entered + self.left
    }

    /// Its name, and how many tracks are in it.
    pub(super) fn counts(&self) -> (String, ZoneCounts) {
        (self.name.clone(), ZoneCounts { now: self.entered - self.left, entered: self.entered })
    }

    fn enter(&mut self, track: &Track, since: Monotonic) -> [Option<EventChange>; 2] {
        self.entered += 1;
        let start = self.has_visits.then(|| self.change(VISIT, track.id(), EventState::Start, since, None));
        [start.map(|start| EventChange { boxes: vec![track.bounds()], ..start }), None]
    }

    fn change(
        &self,
        kind: &'static str,
        track: u64,
        state: EventState,
        at: Monotonic,
        dwell: Option<Duration>,
    ) -> EventChange {
        // Several tracks can be in a zone. Only those that are in it at the same time must have different keys.
        let key = usize::try_from(track % (1 << 20)).unwrap_or_default() * MAX_ZONES + self.key;
        let dwell_s = dwell.map(|dwell| (dwell.as_secs_f64() * 1e3).round() / 1e3);
        let subject = Some(Subject { dwell_s, ..Subject::of(track) });
        EventChange { zone: Some(self.name.clone()), subject, ..EventChange::new(kind, key, state, at) }
    }
}

/// The foot point of a track in fractions of the picture: half a pixel above the lower edge, so that who stands at the lower
/// border is in the zones there.
#[expect(clippy::cast_possible_truncation, reason = "a fraction needs no more than f32")]
fn point(track: &Track, full: Size) -> [f32; 2] {
    let [x, y] = track.foot_point();
    [(x / f64::from(full.width_px)) as f32, ((y - 0.5) / f64::from(full.height_px)) as f32]
}

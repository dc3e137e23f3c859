//! Counting: which tracks cross a camera's lines, and which are in its zones.
//!
//! A track is where its foot point is, the middle of its box's lower edge. Only tracks count that were seen often enough and
//! have moved ([`Track::counts`]); what a track did before that counts from then on. Where only some labels count, what a track
//! did before anybody knew its label counts as soon as that is known. As everything about events, this reads no
//! clock: times are the captures'.

mod line;
mod sighting;
mod zone;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::Timestamp;

use self::{
    line::{LineCounter, Side},
    sighting::Sighting,
    zone::{Visits, ZoneCounter},
};
use crate::{
    config::{line::Line, zone::Zone},
    event::{
        EventChange,
        ignored::{IgnoredLabels, Verdict},
    },
    frame::Size,
    message::Counts,
    system::clock::Monotonic,
    tracking::Track,
};

/// The kinds of events that there can be: a track crosses a line, is in a zone, stays in a zone.
pub const EVENT_KINDS: &[&str] = &[line::CROSSING, zone::VISIT, zone::LOITERING];

/// The kind of events of tracks that cross lines; they last no time.
pub const CROSSING: &str = line::CROSSING;

/// Those of them that a camera with these lines and zones can have.
#[must_use]
pub fn event_kinds(lines: &[Line], zones: &[&Zone]) -> Vec<&'static str> {
    let wanted = [
        (line::CROSSING, !lines.is_empty()),
        (zone::VISIT, zones.iter().any(|zone| zone.has_visits())),
        (zone::LOITERING, zones.iter().any(|zone| zone.loitering_after().is_some())),
    ];
    wanted.into_iter().filter_map(|(kind, is_wanted)| is_wanted.then_some(kind)).collect()
}

/// Without frames for this long nobody knows who is still there.
const LONGEST_GAP: Duration = Duration::from_secs(60);

/// A wall clock that goes wrong by more was set: small boards have none before the network is there.
const CLOCK_SET: Duration = Duration::from_secs(2);

/// What is counted of one camera.
#[derive(Debug)]
pub struct Counting {
    lines: Vec<LineCounter>,
    zones: Vec<ZoneCounter>,
    ignored: IgnoredLabels,
    tracks: BTreeMap<u64, Counted>,
    since: Monotonic,
    /// The wall time of `since`. It stays the same unless the clock is set: readers tell by it that counters began anew.
    since_wall: Timestamp,
    last_frame: Option<Monotonic>,
    /// `None` if there are neither lines nor named zones.
    published: Option<Published>,
}

/// What is known of a track.
#[derive(Debug)]
struct Counted {
    /// For each line, where the track is.
    lines: Vec<Side>,
    /// For each zone, whether the track is in it.
    zones: Vec<Visits>,
}

/// The counts as they stand.
#[derive(Debug)]
struct Published {
    counts: Arc<Counts>,
    /// How often anything had been counted by then.
    revision: u64,
}

impl Counting {
    /// Nothing was counted yet. Zones without a name are left out.
    #[must_use]
    pub fn new<'c>(
        lines: impl IntoIterator<Item = &'c Line>,
        zones: impl IntoIterator<Item = &'c Zone>,
        since: Monotonic,
    ) -> Self {
        let zones: Vec<_> = zones.into_iter().collect();
        let ignored = IgnoredLabels::new(zones.iter().copied());
        let lines: Vec<_> = (0..).zip(lines).map(|(key, line)| LineCounter::new(key, line)).collect();
        let zones = (0..).zip(zones).filter_map(|(key, zone)| ZoneCounter::new(key, zone)).collect();
        let mut counting = Self {
            lines,
            zones,
            ignored,
            tracks: BTreeMap::new(),
            since,
            since_wall: since.wall(),
            last_frame: None,
            published: None,
        };
        counting.publish();
        counting
    }

    /// Nothing is counted.
    #[must_use]
    pub fn of_nothing() -> Self {
        Self::new([], [], Monotonic::from_micros(0))
    }

    /// Counts on from where `earlier` is, what has the same name.
    pub fn continue_from(&mut self, earlier: &Self) {
        let mut has_more = false;
        for line in &mut self.lines {
            has_more |= earlier.lines.iter().any(|earlier| line.continue_from(earlier));
        }
        for zone in &mut self.zones {
            has_more |= earlier.zones.iter().any(|earlier| zone.continue_from(earlier));
        }
        if has_more {
            self.since = earlier.since;
            self.since_wall = earlier.since_wall;
            self.published = None;
            self.publish();
        }
    }

    /// Whether there are lines or named zones.
    #[must_use]
    pub fn has_something_to_count(&self) -> bool {
        self.published.is_some()
    }

    /// Takes in where the tracks are in the next frame, a picture of the size `full` captured at `at`.
    pub fn observe(&mut self, tracks: &[Track], full: Size, at: Monotonic) -> Vec<EventChange> {
        if !self.has_something_to_count() {
            return Vec::new();
        }
        let mut changes = self.expire(at);
        self.last_frame = Some(at);
        for track in tracks {
            let of_track = self.tracks.entry(track.id()).or_insert_with(|| Counted {
                lines: vec![Side::default(); self.lines.len()],
                zones: vec![Visits::default(); self.zones.len()],
            });
            let sighting = Sighting { track, full, at };
            let is_seen = track.seen()[1] == at;
            for (line, side) in self.lines.iter_mut().zip(&mut of_track.lines) {
                if is_seen {
                    line.observe(side, &sighting);
                }
                line.count_named(side, &sighting, &self.ignored, &mut changes);
            }
            let judge = || self.ignored.judge(sighting.label(), sighting.foot_point(), sighting.followed_for());
            let counts_there = is_seen && judge() == Verdict::Counts;
            for (zone, visits) in self.zones.iter_mut().zip(&mut of_track.zones) {
                zone.learn_label(visits, &sighting, &mut changes);
                if is_seen {
                    zone.observe(visits, &sighting, counts_there, &mut changes);
                } else if track.is_still() {
                    // Hidden just now: where it is expected says nothing of where it is, unless it stands there.
                    zone.wait(visits, &sighting, &mut changes);
                }
            }
        }
        let zones = &mut self.zones;
        self.tracks.retain(|id, of_track| {
            let is_followed = tracks.iter().any(|track| track.id() == *id);
            if !is_followed {
                let left = zones.iter_mut().zip(&mut of_track.zones);
                left.for_each(|(zone, visits)| zone.leave(visits, &mut changes));
            }
            is_followed
        });
        self.publish();
        changes
    }

    /// When everything is over if no frame comes.
    #[must_use]
    pub fn deadline(&self) -> Option<Monotonic> {
        let is_running = self.tracks.values().flat_map(|of_track| &of_track.zones).any(Visits::is_running);
        self.last_frame.filter(|_| is_running).map(|last| last.later(LONGEST_GAP))
    }

    /// Has everybody leave if no frame came for long.
    pub fn expire(&mut self, now: Monotonic) -> Vec<EventChange> {
        let is_over = self.last_frame.is_some_and(|last| now.since(last) >= LONGEST_GAP);
        if is_over { self.end() } else { Vec::new() }
    }

    /// Has everybody leave.
    pub fn end(&mut self) -> Vec<EventChange> {
        let mut changes = Vec::new();
        for mut of_track in std::mem::take(&mut self.tracks).into_values() {
            let left = self.zones.iter_mut().zip(&mut of_track.zones);
            left.for_each(|(zone, visits)| zone.leave(visits, &mut changes));
        }
        self.last_frame = None;
        self.publish();
        changes
    }

    /// The counts as they stand; the same pointer as long as they do not change. `None` if there are neither lines nor named
    /// zones.
    #[must_use]
    pub fn counts(&self) -> Option<&Arc<Counts>> {
        self.published.as_ref().map(|published| &published.counts)
    }

    /// Brings the published counts up to date.
    fn publish(&mut self) {
        let revision =
            self.lines.iter().map(LineCounter::revision).chain(self.zones.iter().map(ZoneCounter::revision)).sum();
        let is_current = self.published.as_ref().is_some_and(|published| published.revision == revision);
        if is_current || (self.lines.is_empty() && self.zones.is_empty()) {
            return;
        }
        let since = self.since.wall();
        if since.duration_since(self.since_wall).unsigned_abs() > CLOCK_SET {
            self.since_wall = since;
        }
        let counts = Counts {
            since: self.since_wall,
            lines: self.lines.iter().map(LineCounter::counts).collect(),
            zones: self.zones.iter().map(ZoneCounter::counts).collect(),
        };
        self.published = Some(Published { counts: Arc::new(counts), revision });
    }
}

#[cfg(test)]
mod tests;

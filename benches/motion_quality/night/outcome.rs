//! What came of a scene: events, counts and ids beside the truth.

use std::collections::HashSet;

use fovea::{config::line::Line, counting::Counting, message::Detection, tracking::Track};

use super::people::Person;
use crate::{at, picture::SIZE, score::overlap};

/// Seconds after which the next who comes is another event: the hold time.
const HOLD_S: f64 = 3.0;

/// How long after somebody has left an event may still start: those last seen.
const AFTERWARDS_S: f64 = 0.5;

/// Somebody is there, or several without a pause.
#[derive(Clone, Copy, Debug)]
struct Presence {
    enters_s: f64,
    visible_s: f64,
    leaves_s: f64,
    /// When the first event in it was told.
    told_s: Option<f64>,
}

/// What came of one scene, or of several of a kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) seconds: f64,
    pub(crate) presences: u32,
    pub(crate) found: u32,
    pub(crate) events: u32,
    pub(crate) false_events: u32,
    /// Seconds from full visibility to the start, each.
    pub(crate) delays: Vec<f64>,
    pub(crate) people: u32,
    pub(crate) counted: u32,
    /// Frames with a person, those with a box of it, and boxes.
    pub(crate) looks: u32,
    pub(crate) boxed: u32,
    /// Ids that people had.
    pub(crate) ids: u32,
    /// CPU milliseconds in the stage.
    pub(crate) spent_ms: f64,
    pub(crate) frames: u32,
}

impl Outcome {
    pub(crate) fn add(mut self, other: &Self) -> Self {
        for (sum, more) in [
            (&mut self.presences, other.presences),
            (&mut self.found, other.found),
            (&mut self.events, other.events),
            (&mut self.false_events, other.false_events),
            (&mut self.people, other.people),
            (&mut self.counted, other.counted),
            (&mut self.looks, other.looks),
            (&mut self.boxed, other.boxed),
            (&mut self.ids, other.ids),
            (&mut self.frames, other.frames),
        ] {
            *sum += more;
        }
        self.seconds += other.seconds;
        self.spent_ms += other.spent_ms;
        self.delays.extend(&other.delays);
        self
    }
}

/// Follows one scene.
pub(crate) struct Judge {
    people: Vec<Person>,
    presences: Vec<Presence>,
    /// Over a line in the middle.
    counting: Counting,
    ids: Vec<HashSet<u64>>,
    outcome: Outcome,
}

impl Judge {
    pub(crate) fn new(people: &[Person], seconds: f64) -> Self {
        let mut presences: Vec<Presence> = Vec::new();
        for person in people {
            let [enters_s, visible_s, leaves_s] = [person.enters_s, person.visible_s(), person.leaves_s()];
            match presences.last_mut().filter(|last| enters_s < last.leaves_s + HOLD_S) {
                Some(last) => last.leaves_s = last.leaves_s.max(leaves_s),
                None => presences.push(Presence { enters_s, visible_s, leaves_s, told_s: None }),
            }
        }
        let people = people.to_vec();
        Self {
            ids: vec![HashSet::new(); people.len()],
            outcome: Outcome { seconds, people: people.len() as u32, ..Outcome::default() },
            people,
            presences,
            counting: Counting::new([&Line::new("middle", [0.5, 0.0], [0.5, 1.0])], [], at(0.0)),
        }
    }

    /// Takes what the stage said of the frame at `time`: its detections, how many events it started, and its tracks.
    pub(crate) fn observe(
        &mut self,
        time: f64,
        detections: &[Detection],
        starts: u32,
        tracks: &[Track],
        spent_ms: f64,
    ) {
        self.outcome.frames += 1;
        self.outcome.spent_ms += spent_ms;
        let there = |presence: &&mut Presence| (presence.enters_s..presence.leaves_s + AFTERWARDS_S).contains(&time);
        match self.presences.iter_mut().find(there) {
            Some(presence) if starts > 0 => {
                presence.told_s.get_or_insert(time);
                self.outcome.events += starts;
            }
            None => self.outcome.false_events += starts,
            Some(_) => {}
        }
        for (person, ids) in self.people.iter().zip(&mut self.ids) {
            let Some(bounds) = person.bounds(time) else { continue };
            self.outcome.looks += 1;
            let matching = detections.iter().map(|found| (overlap(found.bounds, bounds), found.track));
            if let Some((shared, track)) = matching.max_by(|(one, _), (other, _)| one.total_cmp(other)) {
                self.outcome.boxed += u32::from(shared >= 0.5);
                ids.extend(track.filter(|_| shared >= 0.5));
            }
        }
        self.counting.observe(tracks, SIZE, at(time));
    }

    pub(crate) fn finish(mut self) -> Outcome {
        self.outcome.presences = self.presences.len() as u32;
        for presence in &self.presences {
            if let Some(told_s) = presence.told_s {
                self.outcome.found += 1;
                self.outcome.delays.push((told_s - presence.visible_s).max(0.0));
            }
        }
        let counted =
            self.counting.counts().map(|counts| counts.lines.values().flat_map(|line| line.values()).sum::<u64>());
        self.outcome.counted = counted.unwrap_or_default() as u32;
        self.outcome.ids = self.ids.iter().map(|ids| ids.len() as u32).sum();
        self.outcome
    }
}

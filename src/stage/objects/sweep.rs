//! Sweeps: what is in the whole picture and does not move, such as a parked car, matched from one sweep to the next.
//!
//! What two sweeps show is an event; it ends when two do not. So what stands there for days is one event.

use std::time::Duration;

use crate::{geometry::overlap, message::Rect, system::clock::Monotonic, tracking::shared::Label};

/// How much a thing in two sweeps shares of both boxes.
const SAME: f64 = 0.5;

/// Sweeps that show it, and that do not.
const SEEN: u32 = 2;
const MISSED: u32 = 2;

/// Things that are kept.
const MOST: usize = 64;

/// What does not move in front of a camera.
#[derive(Debug)]
pub(super) struct Sweeps {
    /// `None`: never.
    every: Option<Duration>,
    last: Option<Monotonic>,
    things: Vec<Thing>,
    next: u64,
}

/// Something that does not move.
#[derive(Clone, Debug)]
pub(super) struct Thing {
    /// Unique among those of a camera.
    pub(super) id: u64,
    pub(super) label: Label,
    pub(super) bounds: Rect,
    pub(super) last_seen: Monotonic,
    seen: u32,
    missed: u32,
    is_told: bool,
}

/// What becomes of a thing.
#[derive(Debug)]
pub(super) enum Change {
    /// It is there.
    There(Thing),
    /// It is gone.
    Gone(Thing),
}

impl Sweeps {
    pub(super) fn new(every: Duration) -> Self {
        Self { every: (!every.is_zero()).then_some(every), last: None, things: Vec::new(), next: 0 }
    }

    /// Whether a sweep is due: at first, and then from time to time.
    pub(super) fn are_due(&self, now: Monotonic) -> bool {
        self.every.is_some_and(|every| self.last.is_none_or(|last| now.since(last) >= every))
    }

    /// Takes what a sweep shows: everything that is no track with a name. A look at the whole picture between two sweeps is none.
    pub(super) fn observe(&mut self, found: Vec<(Label, Rect)>, at: Monotonic) -> Vec<Change> {
        self.last = Some(at);
        let mut is_seen = vec![false; self.things.len()];
        for (label, bounds) in found {
            let shares = |thing: &Thing| overlap(thing.bounds, bounds).1;
            let free = self.things.iter().enumerate().filter(|(number, thing)| {
                is_seen.get(*number) == Some(&false) && thing.label.name == label.name && shares(thing) >= SAME
            });
            let best =
                free.max_by(|(_, one), (_, other)| shares(one).total_cmp(&shares(other))).map(|(number, _)| number);
            match best {
                Some(number) => {
                    is_seen[number] = true;
                    let thing = &mut self.things[number];
                    (thing.label, thing.bounds, thing.last_seen) = (label, bounds, at);
                    (thing.seen, thing.missed) = (thing.seen.saturating_add(1), 0);
                }
                None if self.things.len() < MOST => {
                    let (id, is_told) = (self.next, false);
                    self.things.push(Thing { id, label, bounds, last_seen: at, seen: 1, missed: 0, is_told });
                    self.next += 1;
                }
                None => {}
            }
        }
        let mut changes = Vec::new();
        for (thing, _) in self.things.iter_mut().zip(is_seen).filter(|(_, is_seen)| !is_seen) {
            thing.missed += 1;
        }
        for thing in self.things.iter_mut().filter(|thing| thing.seen >= SEEN && !thing.is_told) {
            thing.is_told = true;
            changes.push(Change::There(thing.clone()));
        }
        // What was seen once only is forgotten at once.
        let is_gone = |thing: &Thing| thing.missed >= MISSED || (thing.missed > 0 && !thing.is_told);
        let gone = self.things.extract_if(.., |thing| is_gone(thing)).filter(|thing| thing.is_told);
        changes.extend(gone.map(Change::Gone));
        changes
    }

    /// Forgets everything; gives what was told.
    pub(super) fn end(&mut self) -> Vec<Thing> {
        self.things.drain(..).filter(|thing| thing.is_told).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAR: Rect = Rect { x: 100, y: 100, width: 200, height: 100 };

    fn at(seconds: u64) -> Monotonic {
        Monotonic::from_micros(seconds * 1_000_000)
    }

    fn car(x: u32) -> (Label, Rect) {
        (Label { name: "car".into(), score: 0.8 }, Rect { x, ..CAR })
    }

    fn told(changes: &[Change]) -> Vec<(bool, u64)> {
        let one = |change: &Change| match change {
            Change::There(thing) => (true, thing.id),
            Change::Gone(thing) => (false, thing.id),
        };
        changes.iter().map(one).collect()
    }

    #[test]
    fn sweeps_are_due_at_first_and_then_from_time_to_time() {
        let mut sweeps = Sweeps::new(Duration::from_secs(30));
        assert!(sweeps.are_due(at(1)));
        sweeps.observe(Vec::new(), at(1));
        assert!(!sweeps.are_due(at(30)));
        assert!(sweeps.are_due(at(31)));
        assert!(!Sweeps::new(Duration::ZERO).are_due(at(1)), "never");
    }

    #[test]
    fn a_parked_car_is_told_once_however_long_it_stands_there() {
        let mut sweeps = Sweeps::new(Duration::from_secs(30));
        let shown =
            |sweeps: &mut Sweeps, cars: &[u32], n| told(&sweeps.observe(cars.iter().map(|x| car(*x)).collect(), at(n)));
        assert_eq!(shown(&mut sweeps, &[100], 1), []);
        assert_eq!(shown(&mut sweeps, &[105], 2), [(true, 0)]);
        for n in 3..100 {
            assert_eq!(shown(&mut sweeps, if n % 2 == 0 { &[] } else { &[98] }, n), [], "missed now and then");
        }
        assert_eq!(shown(&mut sweeps, &[600], 100), [], "another one");
        assert_eq!(shown(&mut sweeps, &[600], 101), [(true, 1), (false, 0)]);
        assert_eq!(sweeps.end().len(), 1);
    }

    #[test]
    fn what_one_sweep_shows_is_nothing() {
        let mut sweeps = Sweeps::new(Duration::from_secs(30));
        for n in 0..10 {
            let found = if n % 2 == 0 { vec![car(100)] } else { Vec::new() };
            assert_eq!(told(&sweeps.observe(found, at(n))), []);
        }
        assert_eq!(sweeps.end().len(), 0);
    }
}

//! Whose turn it is to ask a model, and when: it may use a part of a core's time, and those who ask it take turns.

use std::{collections::BTreeMap, time::Duration};

use crate::system::clock::Monotonic;

/// Who did not ask for so long waits no more.
const WAITS_FOR: Duration = Duration::from_secs(1);

/// When was asked last, and who waits. Those who ask are numbers.
#[derive(Debug, Default)]
pub struct Turns {
    last: Option<Last>,
    /// Since when each waits, and when it wanted to ask last.
    waiting: BTreeMap<u64, [Monotonic; 2]>,
}

#[derive(Clone, Copy, Debug)]
struct Last {
    start: Monotonic,
    cost: Duration,
}

impl Turns {
    /// Whether `asker` may ask now, so that questions take no more than the part `share` of the time: after one of the cost c
    /// there is none before c / share has passed since its start. If not, it waits.
    pub fn may_ask(&mut self, asker: u64, share: f32, now: Monotonic) -> bool {
        self.waiting.retain(|_, [_, wanted]| now.since(*wanted) < WAITS_FOR);
        let since = self.waiting.get(&asker).map_or(now, |[since, _]| *since);
        let is_others_turn = self.waiting.iter().any(|(other, [earlier, _])| *other != asker && *earlier < since);
        let may = self.is_free(share, now) && !is_others_turn;
        if may {
            self.waiting.remove(&asker);
        } else {
            self.waiting.insert(asker, [since, now]);
        }
        may
    }

    /// Somebody asked at `start`, which took so long.
    pub fn asked(&mut self, start: Monotonic, cost: Duration) {
        self.last = Some(Last { start, cost });
    }

    fn is_free(&self, share: f32, now: Monotonic) -> bool {
        let used = |last: Last| last.cost.as_secs_f64() - now.since(last.start).as_secs_f64() * f64::from(share);
        self.last.is_none_or(|last| used(last) < 1e-6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Monotonic {
        Monotonic::from_micros(10_000_000 + ms * 1000)
    }

    #[test]
    fn questions_take_no_more_than_their_part_of_the_time() {
        for (share, expected) in [(1.0, 100), (0.5, 50), (0.1, 10)] {
            let (mut turns, mut count) = (Turns::default(), 0);
            let mut now = 0;
            while now < 10_000 {
                if turns.may_ask(1, share, at(now)) {
                    turns.asked(at(now), Duration::from_millis(100));
                    count += 1;
                    now += 100;
                } else {
                    now += 10;
                }
            }
            assert!((expected - 1..=expected).contains(&count), "{share}: {count}");
        }
    }

    #[test]
    fn nobody_waits_for_one_who_asks_more_often() {
        let (mut turns, mut counts) = (Turns::default(), [0; 3]);
        for now in 0..10_000 {
            // The first one wants to ask ten times as often as each of the others.
            let wants = [true, now % 10 == 3, now % 10 == 7];
            for asker in (0..3).filter(|asker| wants[*asker]) {
                if turns.may_ask(asker as u64, 0.5, at(now)) {
                    turns.asked(at(now), Duration::from_millis(20));
                    counts[asker] += 1;
                }
            }
        }
        assert!(counts.iter().all(|count| (70..=90).contains(count)), "{counts:?}");
    }

    #[test]
    fn one_who_wants_nothing_any_more_holds_up_nobody() {
        let mut turns = Turns::default();
        assert!(turns.may_ask(1, 0.5, at(0)));
        turns.asked(at(0), Duration::from_millis(100));
        assert!(!turns.may_ask(2, 0.5, at(10)));
        assert!(!turns.may_ask(1, 0.5, at(300)), "the other one waits");
        assert!(turns.may_ask(1, 0.5, at(1100)));
    }
}

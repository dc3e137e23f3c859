//! The offset between a sender's clock and ours, from the clock exchange. Pure.
//!
//! We send our time `t1`; the sender returns it with its own time `s`; that arrives at our time `t2`. Somewhere between
//! `t1` and `t2` our clock stood where the sender's stood at `s`; in the middle, if both ways took equally long, and
//! never further from the middle than half the round trip (RFC 5905 rests on the same bound). So of the last few
//! exchanges the one with the shortest round trip is believed.

use std::{collections::VecDeque, time::Duration};

use crate::system::clock::Monotonic;

/// Exchanges remembered. At one each ten seconds, crystals 50 ppm apart part by at most 4 ms while one is believed.
const REMEMBERED: usize = 8;

/// Questions asked at once at the start, so that the first frames have a good offset already.
const AT_ONCE: u32 = 4;

/// Time between questions after that.
const PAUSE: Duration = Duration::from_secs(10);

/// What is known of a sender's clock.
#[derive(Debug, Default)]
pub(super) struct ClockOffset {
    exchanges: VecDeque<Exchange>,
    asked: u32,
    open: Option<Monotonic>,
}

#[derive(Clone, Copy, Debug)]
struct Exchange {
    round_trip: Duration,
    ours: Monotonic, // in the middle of the round trip
    theirs_us: u64,  // what the sender's clock stood at then
}

impl ClockOffset {
    /// The question to ask now.
    pub(super) fn ask(&mut self, now: Monotonic) -> Monotonic {
        self.asked = self.asked.saturating_add(1);
        self.open = Some(now);
        now
    }

    /// Takes the answer to the last question; an answer to any other is ignored. Gives how long to wait with the next.
    pub(super) fn answer(&mut self, question_us: u64, theirs_us: u64, now: Monotonic) -> Option<Duration> {
        let asked_at = self.open.take_if(|open| open.as_micros() == question_us)?;
        let round_trip = now.since(asked_at);
        if self.exchanges.len() == REMEMBERED {
            self.exchanges.pop_front();
        }
        self.exchanges.push_back(Exchange { round_trip, ours: asked_at.later(round_trip / 2), theirs_us });
        Some(if self.asked < AT_ONCE { Duration::ZERO } else { PAUSE })
    }

    /// When by our clock the sender's stood at `theirs_us`; `None` before the first exchange.
    ///
    /// Never later than `arrival`: a frame cannot come before it was captured.
    pub(super) fn ours(&self, theirs_us: u64, arrival: Monotonic) -> Option<Monotonic> {
        let best = self.exchanges.iter().min_by_key(|exchange| exchange.round_trip)?;
        let apart = Duration::from_micros(theirs_us.abs_diff(best.theirs_us));
        let ours = if theirs_us >= best.theirs_us { best.ours.later(apart) } else { best.ours.earlier(apart) };
        Some(ours.min(arrival))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Monotonic {
        Monotonic::from_micros(millis * 1000)
    }

    #[test]
    fn the_exchange_with_the_shortest_round_trip_is_believed() {
        let mut clock = ClockOffset::default();
        assert_eq!(clock.ours(1_000, ms(9)), None);
        // The sender's clock is 1000 s ahead; the way to it takes 1 ms, the way back 1 ms, then 21 ms.
        for (back_ms, pause) in [(1, Duration::ZERO), (21, Duration::ZERO)] {
            let asked = clock.ask(ms(100));
            let theirs_us = 1_000_000_000 + 101_000;
            assert_eq!(clock.answer(asked.as_micros(), theirs_us, ms(101 + back_ms)), Some(pause));
        }
        assert_eq!(clock.ours(1_000_000_000 + 150_000, ms(200)), Some(ms(150)));
        assert_eq!(clock.ours(1_000_000_000 + 50_000, ms(200)), Some(ms(50)));
    }

    #[test]
    fn a_frame_is_never_captured_after_it_arrived() {
        let mut clock = ClockOffset::default();
        let asked = clock.ask(ms(100));
        clock.answer(asked.as_micros(), 100_000, ms(100));
        assert_eq!(clock.ours(u64::MAX, ms(300)), Some(ms(300)));
        assert_eq!(clock.ours(0, ms(300)), Some(ms(0)));
    }

    #[test]
    fn only_the_open_question_can_be_answered_and_only_once() {
        let mut clock = ClockOffset::default();
        let asked = clock.ask(ms(100)).as_micros();
        assert_eq!(clock.answer(asked + 1, 5, ms(101)), None);
        assert!(clock.answer(asked, 5, ms(101)).is_some());
        assert_eq!(clock.answer(asked, 5, ms(101)), None);
    }

    #[test]
    fn questions_come_at_once_and_then_now_and_then() {
        let mut clock = ClockOffset::default();
        let pauses: Vec<_> = (0..6)
            .map(|n| {
                let asked = clock.ask(ms(n)).as_micros();
                clock.answer(asked, 1, ms(n)).unwrap()
            })
            .collect();
        assert_eq!(pauses, [0, 0, 0, 10, 10, 10].map(Duration::from_secs));
    }
}

//! What has become of the last frame sent, and when the next one may follow it. Pure.

use std::time::{Duration, Instant};

use crate::commands::Pace;

/// How long a frame waits for the processor before a newer one takes its place. It is longer than a round trip in most
/// networks, so that a frame which the processor takes at once is not replaced; and it bounds what a very fast source sends.
const REPLACE_AFTER: Duration = Duration::from_millis(5);

/// How long to wait for the result of a frame that the processor took. One that does not come is lost: with a reload of the
/// server, say.
const RESULT_TIMEOUT: Duration = Duration::from_secs(5);

/// The last frame, as far as the server's messages say.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LastFrame {
    seq: u64,
    state: State,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    /// Nothing was sent, or all is known of what was.
    #[default]
    Done,
    /// It is on its way.
    Sent(Instant),
    /// The server has it; it waits for the processor.
    Received(Instant),
    /// The processor took it.
    Taken(Instant),
}

impl LastFrame {
    /// Frame `seq` is on its way.
    pub(super) fn record_sent(&mut self, seq: u64, now: Instant) {
        *self = Self { seq, state: State::Sent(now) };
    }

    /// The server has received frame `seq`.
    pub(super) fn record_received(&mut self, seq: u64) {
        if let (State::Sent(at), true) = (self.state, seq >= self.seq) {
            self.state = State::Received(at);
        }
    }

    /// The processor took frame `seq`: neither that nor an earlier one waits any more.
    pub(super) fn record_taken(&mut self, seq: u64, now: Instant) {
        if self.is_untaken() && seq >= self.seq {
            self.state = State::Taken(now);
        }
    }

    /// The result or the refusal of frame `seq` came.
    pub(super) fn record_answered(&mut self, seq: u64) {
        if seq >= self.seq {
            self.state = State::Done;
        }
    }

    /// Messages are lost, and what they said may be any of it.
    pub(super) fn record_lost_messages(&mut self) {
        self.state = State::Done;
    }

    /// Whether it may still be waiting for the processor.
    pub(super) fn is_untaken(&self) -> bool {
        matches!(self.state, State::Sent(_) | State::Received(_))
    }

    /// Whether something is still to be said of it.
    pub(super) fn is_unanswered(&self) -> bool {
        !matches!(self.state, State::Done)
    }

    /// From when on the next frame may follow, as far as is known: `None` if that takes another message.
    pub(super) fn next_from(&self, pace: Pace, now: Instant) -> Option<Instant> {
        match (pace, self.state) {
            (Pace::Rate, _) | (_, State::Done) | (Pace::Taken, State::Taken(_)) => Some(now),
            (Pace::Taken, _) | (Pace::Newest, State::Sent(_)) => None,
            (Pace::Newest, State::Received(sent_at)) => Some(sent_at + REPLACE_AFTER),
            (Pace::Newest, State::Taken(at)) => Some(at + RESULT_TIMEOUT),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_goes_when_the_last_is_answered_and_replaces_one_that_waits() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let next = |last: &LastFrame, now| last.next_from(Pace::Newest, at(now));
        let mut last = LastFrame::default();
        assert_eq!(next(&last, 0), Some(at(0)), "the first at once");
        last.record_sent(1, at(0));
        last.record_received(0);
        assert_eq!(next(&last, 1), None, "on its way");
        last.record_received(1);
        assert_eq!(next(&last, 2), Some(at(5)), "it may be replaced");
        last.record_sent(2, at(5));
        last.record_received(2);
        last.record_taken(1, at(6));
        assert_eq!(next(&last, 7), Some(at(10)), "the first was taken; the second waits");
        last.record_taken(2, at(30));
        assert_eq!(next(&last, 31), Some(at(5_030)), "it is processed, for five seconds at the most");
        last.record_answered(1);
        assert_eq!(next(&last, 32), Some(at(5_030)), "that is the first one's result");
        last.record_answered(2);
        assert_eq!(next(&last, 33), Some(at(33)));
    }

    #[test]
    fn the_other_paces_wait_for_nothing_or_for_the_processor() {
        let now = Instant::now();
        let mut last = LastFrame::default();
        last.record_sent(1, now);
        last.record_received(1);
        let next = |last: &LastFrame| [Pace::Rate, Pace::Taken].map(|pace| last.next_from(pace, now));
        assert_eq!(next(&last), [Some(now), None]);
        last.record_taken(1, now);
        assert_eq!(next(&last), [Some(now), Some(now)]);
        last.record_sent(2, now);
        last.record_lost_messages();
        assert_eq!(next(&last), [Some(now), Some(now)], "the answer may be among what is lost");
    }
}

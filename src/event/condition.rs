//! Conditions: what is so of the whole picture, or is not.

use std::time::Duration;

use super::EventChange;
use crate::{message::EventState, system::clock::Monotonic};

/// One kind of condition of one camera, and its event while it holds.
#[derive(Debug)]
pub struct Condition {
    kind: &'static str,
    hold: Duration,
    raised: Option<Raised>,
}

#[derive(Clone, Copy, Debug)]
struct Raised {
    reason: Option<&'static str>,
    last_seen: Monotonic,
}

impl Condition {
    /// It does not hold yet. Without frames it is over after `hold`.
    #[must_use]
    pub fn new(kind: &'static str, hold: Duration) -> Self {
        Self { kind, hold, raised: None }
    }

    /// It holds in the frame captured at `at`, which shows it since `since`.
    pub fn raise(&mut self, reason: Option<&'static str>, since: Monotonic, at: Monotonic) -> Option<EventChange> {
        let before = self.raised.replace(Raised { reason, last_seen: at });
        match before {
            None => Some(self.change(EventState::Start, reason, since)),
            Some(before) if before.reason != reason => Some(self.change(EventState::Update, reason, at)),
            Some(_) => None,
        }
    }

    /// It holds no more in the frame captured at `at`.
    pub fn clear(&mut self, at: Monotonic) -> Option<EventChange> {
        let Raised { reason, .. } = self.raised.take()?;
        Some(self.change(EventState::End, reason, at))
    }

    /// Whether it holds.
    #[must_use]
    pub fn is_raised(&self) -> bool {
        self.raised.is_some()
    }

    /// When it is over if no frame comes.
    #[must_use]
    pub fn deadline(&self) -> Option<Monotonic> {
        self.raised.map(|raised| raised.last_seen.later(self.hold))
    }

    /// Ends it if it was not seen for the hold time.
    pub fn expire(&mut self, now: Monotonic) -> Option<EventChange> {
        let is_over = self.raised.is_some_and(|raised| now.since(raised.last_seen) >= self.hold);
        if is_over { self.end() } else { None }
    }

    /// Ends it.
    pub fn end(&mut self) -> Option<EventChange> {
        let last_seen = self.raised?.last_seen;
        self.clear(last_seen)
    }

    fn change(&self, state: EventState, reason: Option<&'static str>, at: Monotonic) -> EventChange {
        EventChange { reason, ..EventChange::new(self.kind, 0, state, at) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOLD: Duration = Duration::from_secs(3);

    fn at(seconds: u64) -> Monotonic {
        Monotonic::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn it_is_one_event_from_start_to_end() {
        let mut condition = Condition::new("scene", HOLD);
        let start = condition.raise(None, at(1), at(2)).expect("it starts");
        assert_eq!((start.kind, start.state, start.at), ("scene", EventState::Start, at(1)));
        assert_eq!(condition.raise(None, at(1), at(3)), None);
        let end = condition.clear(at(4)).expect("it ends");
        assert_eq!((end.state, end.at), (EventState::End, at(4)));
        assert_eq!(condition.clear(at(5)), None);
    }

    #[test]
    fn another_reason_is_an_update() {
        let mut condition = Condition::new("tamper", HOLD);
        condition.raise(Some("covered"), at(1), at(1));
        let update = condition.raise(Some("moved"), at(1), at(2)).expect("it changes");
        assert_eq!((update.state, update.reason, update.at), (EventState::Update, Some("moved"), at(2)));
    }

    #[test]
    fn without_frames_it_is_over_after_the_hold() {
        let mut condition = Condition::new("scene", HOLD);
        condition.raise(None, at(1), at(1));
        assert_eq!(condition.deadline(), Some(at(4)));
        assert_eq!(condition.expire(at(3)), None);
        assert_eq!(condition.expire(at(4)).map(|end| (end.state, end.at)), Some((EventState::End, at(1))));
        assert_eq!(condition.deadline(), None);
    }
}

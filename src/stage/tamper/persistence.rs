//! What lasts becomes an event, and the event ends when it is over.

use std::time::Duration;

use super::{
    TAMPER,
    verdict::{Reason, Verdict},
};
use crate::{
    event::{EventChange, condition::Condition},
    system::clock::Monotonic,
};

/// How long the view must be back until the event is over: a hand that takes tape away lets the camera see in between.
const BACK_FOR: Duration = Duration::from_secs(2);

/// The event of one camera.
#[derive(Debug)]
pub(super) struct Persistence {
    after: Duration,
    event: Condition,
    /// Why the event is raised, and since when.
    raised: Option<(Reason, Monotonic)>,
    /// What was seen instead of what is told, and since when.
    pending: Option<(Verdict, Monotonic)>,
}

impl Persistence {
    /// What lasts `after` is an event, which stays `hold` without frames.
    pub(super) fn new(after: Duration, hold: Duration) -> Self {
        Self { after, event: Condition::new(TAMPER, hold), raised: None, pending: None }
    }

    /// Why the event is raised, and since when.
    pub(super) fn raised(&self) -> Option<(Reason, Monotonic)> {
        self.raised
    }

    /// Takes the verdict on a frame.
    pub(super) fn observe(&mut self, verdict: Verdict, at: Monotonic) -> Option<EventChange> {
        let reason = match verdict {
            Verdict::Changed(reason) => Some(reason),
            Verdict::Frozen(_) => Some(Reason::Frozen),
            Verdict::InPlace | Verdict::Unknown | Verdict::Dark => None,
        };
        // A picture that says nothing leaves the event as it is.
        let is_told = match self.raised {
            Some((raised, _)) => {
                reason == Some(raised)
                    || matches!(verdict, Verdict::Unknown | Verdict::Dark) && raised != Reason::Frozen
            }
            None => reason.is_none(),
        };
        if is_told {
            self.pending = None;
            return self.raised.and_then(|(raised, since)| self.event.raise(Some(raised.name()), since, at));
        }
        let since = self.pending_since(verdict, at);
        let enough = match (verdict, self.raised) {
            (Verdict::Frozen(_), _) => Duration::ZERO, // it has lasted long enough already
            (Verdict::Changed(_), _) => self.after,
            _ => BACK_FOR,
        };
        if at.since(since) < enough {
            return self.raised.and_then(|(raised, since)| self.event.raise(Some(raised.name()), since, at));
        }
        self.pending = None;
        self.raised = reason.map(|reason| (reason, since));
        match reason {
            Some(reason) => self.event.raise(Some(reason.name()), since, at),
            None => self.event.clear(since),
        }
    }

    /// When the event is over if no frame comes.
    pub(super) fn deadline(&self) -> Option<Monotonic> {
        self.event.deadline()
    }

    /// Ends the event if no frame came for the hold time.
    pub(super) fn expire(&mut self, now: Monotonic) -> Option<EventChange> {
        let end = self.event.expire(now)?;
        (self.raised, self.pending) = (None, None);
        Some(end)
    }

    /// Ends the event.
    pub(super) fn end(&mut self) -> Option<EventChange> {
        (self.raised, self.pending) = (None, None);
        self.event.end()
    }

    /// Since when something else than what is told is seen. Before an event, all reasons are the same: a hand moves
    /// the view before it covers it.
    fn pending_since(&mut self, verdict: Verdict, at: Monotonic) -> Monotonic {
        let is_same = |before: Verdict| before == verdict || self.raised.is_none();
        let since = match (verdict, self.pending) {
            (Verdict::Frozen(since), _) => since,
            (_, Some((before, since))) if is_same(before) => since.min(at),
            _ => at,
        };
        self.pending = Some((verdict, since));
        since
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::EventState;

    const COVERED: Verdict = Verdict::Changed(Reason::Covered);
    const MOVED: Verdict = Verdict::Changed(Reason::Moved);

    fn at(seconds: u64) -> Monotonic {
        Monotonic::from_micros(seconds * 1_000_000)
    }

    fn persistence() -> Persistence {
        Persistence::new(Duration::from_secs(10), Duration::from_secs(60))
    }

    /// What becomes of a verdict for each second from 0 on.
    fn changes(
        persistence: &mut Persistence,
        verdicts: &[(u64, Verdict)],
    ) -> Vec<(u64, EventState, Monotonic, &'static str)> {
        let mut second = 0;
        let mut changes = Vec::new();
        for &(seconds, verdict) in verdicts {
            for _ in 0..seconds {
                let told = persistence.observe(verdict, at(second));
                changes.extend(told.map(|told| (second, told.state, told.at, told.reason.unwrap_or(""))));
                second += 1;
            }
        }
        changes
    }

    #[test]
    fn what_lasts_is_an_event_from_its_first_frame_on() {
        let told = changes(&mut persistence(), &[(5, Verdict::InPlace), (20, COVERED), (5, Verdict::InPlace)]);
        let start = (15, EventState::Start, at(5), "covered");
        let end = (27, EventState::End, at(25), "covered");
        assert_eq!(told, [start, end]);
    }

    #[test]
    fn what_passes_is_none() {
        let lorry =
            [(5, Verdict::InPlace), (9, COVERED), (1, Verdict::InPlace), (9, MOVED), (1, Verdict::Unknown), (9, MOVED)];
        assert_eq!(changes(&mut persistence(), &lorry), []);
    }

    #[test]
    fn before_an_event_reasons_may_follow_each_other() {
        let told = changes(&mut persistence(), &[(2, MOVED), (10, COVERED)]);
        assert_eq!(told, [(10, EventState::Start, at(0), "covered")]);
    }

    #[test]
    fn during_an_event_another_reason_must_last_too() {
        let told = changes(&mut persistence(), &[(11, COVERED), (5, MOVED), (5, COVERED), (11, MOVED)]);
        assert_eq!(told, [(10, EventState::Start, at(0), "covered"), (31, EventState::Update, at(31), "moved")]);
    }

    #[test]
    fn a_dark_picture_leaves_the_event_as_it_is() {
        let mut persistence = persistence();
        let told = changes(&mut persistence, &[(11, COVERED), (200, Verdict::Dark), (200, Verdict::Unknown)]);
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(persistence.deadline(), Some(at(410 + 60)));
    }

    #[test]
    fn a_frozen_camera_is_told_at_once_and_over_when_it_moves_on() {
        let verdicts = [(3, Verdict::Frozen(at(0))), (5, Verdict::Unknown)];
        let told = changes(&mut persistence(), &verdicts);
        assert_eq!(told, [(0, EventState::Start, at(0), "frozen"), (5, EventState::End, at(3), "frozen")]);
    }

    #[test]
    fn without_frames_it_stays_for_the_hold_time() {
        let mut persistence = persistence();
        changes(&mut persistence, &[(11, COVERED)]);
        assert_eq!(persistence.expire(at(69)), None);
        assert_eq!(persistence.expire(at(70)).map(|end| (end.state, end.at)), Some((EventState::End, at(10))));
        assert_eq!(persistence.observe(COVERED, at(71)), None, "it must last anew");
    }

    #[test]
    fn time_may_go_back() {
        let mut persistence = persistence();
        persistence.observe(COVERED, at(1000));
        assert_eq!(persistence.observe(COVERED, at(5)), None);
        assert!(persistence.observe(COVERED, at(15)).is_some());
    }
}

//! How often to try again, and what to say meanwhile, when a source or a server is away.

use std::time::{Duration, Instant};

/// The first pause.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// What lasted so long was there; an outage after it is a new one.
const STABLE: Duration = Duration::from_secs(10);

/// The same reason is said again after this time.
const REPEAT_AFTER: Duration = Duration::from_secs(300);

/// The outages of one thing that is tried again and again.
#[derive(Debug)]
pub(super) struct Outage {
    pause: Duration,
    /// What was said last, and when.
    told: Option<(String, Instant)>,
    /// When it failed, unless it is there.
    since: Option<Instant>,
    /// When it was there again.
    up_since: Option<Instant>,
    /// Whether its return is to be said.
    is_return_due: bool,
}

impl Outage {
    pub(super) fn new() -> Self {
        Self { pause: FIRST_PAUSE, told: None, since: None, up_since: None, is_return_due: false }
    }

    /// Notes a failure. Returns how long to wait before the next attempt, and whether `why` is to be said: a reason is said
    /// once, and again when it lasts.
    pub(super) fn fail(&mut self, why: &str, now: Instant) -> (Duration, bool) {
        if self.up_since.take().is_some_and(|up_since| now >= up_since + STABLE) {
            (self.pause, self.told) = (FIRST_PAUSE, None);
        }
        self.since.get_or_insert(now);
        let pause = self.pause;
        self.pause = (2 * self.pause).min(LONGEST_PAUSE);
        let is_told = self.told.as_ref().is_some_and(|(told, at)| told == why && now < *at + REPEAT_AFTER);
        if !is_told {
            self.told = Some((why.to_owned(), now));
            self.is_return_due = true;
        }
        (pause, !is_told)
    }

    /// Notes that it is there. Returns how long it was away, if that is to be said.
    pub(super) fn recover(&mut self, now: Instant) -> Option<Duration> {
        self.up_since.get_or_insert(now);
        let since = self.since.take()?;
        std::mem::take(&mut self.is_return_due).then(|| now.duration_since(since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_a_reason_is_said_once() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut outage = Outage::new();
        assert_eq!(outage.recover(at(0)), None, "it was never away");
        let mut fail = |why, ms| {
            let (pause, is_new) = outage.fail(why, at(ms));
            (pause.as_millis(), is_new)
        };
        assert_eq!([fail("a", 100), fail("a", 200), fail("b", 300)], [(250, true), (500, false), (1000, true)]);
        assert_eq!(
            [fail("b", 400), fail("b", 500), fail("b", 600), fail("b", 700)].map(|(ms, _)| ms),
            [2000, 4000, 8000, 10_000]
        );
        assert_eq!(fail("b", 300_400), (10_000, true), "it lasts");
        assert_eq!(outage.recover(at(300_500)), Some(Duration::from_millis(300_400)));
        assert_eq!(outage.recover(at(300_600)), None, "said already");
    }

    #[test]
    fn what_comes_and_goes_is_not_said_each_time_and_what_was_stable_starts_anew() {
        let start = Instant::now();
        let at = |s| start + Duration::from_secs(s);
        let mut outage = Outage::new();
        outage.fail("a", at(0));
        assert!(outage.recover(at(1)).is_some());
        assert_eq!(outage.fail("a", at(2)), (Duration::from_millis(500), false));
        assert_eq!(outage.recover(at(3)), None);
        assert_eq!(outage.fail("a", at(13)), (Duration::from_millis(250), true));
    }
}

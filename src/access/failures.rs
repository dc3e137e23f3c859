//! Slows those who try tokens: a bounded table of the addresses that stated wrong ones.
//!
//! An address may fail [`BURST`] times, and then once in [`PAUSE`]. With the defaults: the eleventh wrong token in a row is
//! answered with 429, the next one after 10 s with 401 again. A secret of 256 bits cannot be found by trying; this keeps the
//! cost and the log of those who try small.

use std::{
    collections::HashMap,
    net::IpAddr,
    time::{Duration, Instant},
};

use crate::system::places::network;

/// Failures in a row before an address has to wait.
const BURST: u32 = 10;

/// How long it takes until one failure is forgotten.
const PAUSE: Duration = Duration::from_secs(10);

/// Addresses that are remembered; then the one that failed longest ago is forgotten.
const MAX_ADDRESSES: usize = 1024;

/// The addresses that failed lately.
#[derive(Debug, Default)]
pub(super) struct Failures(HashMap<IpAddr, Debt>);

/// What an address has failed: it is paid off with time.
#[derive(Clone, Copy, Debug)]
struct Debt {
    /// When it is paid off.
    free_at: Instant,
}

impl Failures {
    /// Records a failure of `address`. Returns how long it has to wait if it failed too often.
    pub(super) fn record(&mut self, address: IpAddr, now: Instant) -> Option<Duration> {
        let network = network(address);
        let free_at = self.0.get(&network).map_or(now, |debt| debt.free_at.max(now));
        let limit = now + PAUSE * (BURST - 1);
        if free_at > limit {
            return Some(free_at - limit); // this one is not added: after the wait it may try again
        }
        if self.0.len() >= MAX_ADDRESSES && !self.0.contains_key(&network) {
            self.forget_one(now);
        }
        self.0.insert(network, Debt { free_at: free_at + PAUSE });
        None
    }

    /// Forgets all that have paid, or at least the one that is next to.
    fn forget_one(&mut self, now: Instant) {
        self.0.retain(|_, debt| debt.free_at > now);
        if self.0.len() >= MAX_ADDRESSES
            && let Some(next) = self.0.iter().min_by_key(|(_, debt)| debt.free_at).map(|(network, _)| *network)
        {
            self.0.remove(&next);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn after_some_failures_an_address_has_to_wait_and_others_do_not() {
        let (mut failures, start) = (Failures::default(), Instant::now());
        let (guesser, other) = (address("192.0.2.7"), address("192.0.2.8"));
        assert!((0..10).all(|_| failures.record(guesser, start).is_none()));
        assert_eq!(failures.record(guesser, start), Some(Duration::from_secs(10)));
        let later = start + Duration::from_secs(4);
        assert_eq!(failures.record(guesser, later), Some(Duration::from_secs(6)), "it does not get longer");
        assert_eq!(failures.record(other, later), None);
        let then = start + Duration::from_secs(10);
        assert_eq!(failures.record(guesser, then), None);
        assert_eq!(failures.record(guesser, then), Some(Duration::from_secs(10)));
        let long_after = then + Duration::from_secs(1000);
        assert!((0..10).all(|_| failures.record(guesser, long_after).is_none()));
        assert!(failures.record(guesser, long_after).is_some());
    }

    #[test]
    fn a_host_has_one_address_however_it_is_written() {
        let (mut failures, now) = (Failures::default(), Instant::now());
        let fail = |failures: &mut Failures, text: &str| failures.record(address(text), now).is_some();
        assert!((0..10).all(|n| !fail(&mut failures, &format!("2001:db8::{n}"))));
        assert!(fail(&mut failures, "2001:db8::ffff:1"), "the same 64 bits");
        assert!(!fail(&mut failures, "2001:db8:0:1::1"));
        assert!((0..10).all(|n| !fail(&mut failures, if n % 2 == 0 { "192.0.2.7" } else { "::ffff:192.0.2.7" })));
        assert!(fail(&mut failures, "192.0.2.7"));
    }

    #[test]
    fn the_table_is_bounded_and_forgets_the_oldest() {
        let (mut failures, start) = (Failures::default(), Instant::now());
        let host = |n: u32| IpAddr::from(Ipv4Addr::from_bits(0x0a00_0000 + n));
        (0..11).for_each(|_| _ = failures.record(host(0), start));
        for n in 1..5000 {
            failures.record(host(n), start + Duration::from_millis(n.into()));
            assert!(failures.0.len() <= MAX_ADDRESSES);
        }
        assert!(failures.0.contains_key(&host(0)), "who failed often is remembered longest");
        assert!(failures.0.contains_key(&host(4999)) && !failures.0.contains_key(&host(1)));
    }
}

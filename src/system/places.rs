//! Places for clients of a port: who gets one when there are few. No place is ever taken away.
//!
//! With a limit of 16, as `server.max_clients` has it:
//!
//! | who | places |
//! | --- | --- |
//! | all together | 16 |
//! | one address of a network | 8 of them at most |
//! | clients on this machine | any of them; if others have them all, 2 more |
//! | clients of a name, such as a camera's senders | any of them; if others have them all, 2 more for each name |

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
};

use crate::sync::Mutex;

/// Places that a holder with a reserve gets although none is free.
const RESERVE: usize = 2;

/// Whose places are counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Holder {
    /// All clients on this machine.
    Local,
    /// An address, as [`network`] gives it.
    Network(IpAddr),
    /// Clients that are known by what they do and not by where they are.
    Named(String),
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoPlace {
    /// All are taken.
    Full,
    /// This address has its share, which is so many.
    Share(usize),
}

/// All places of a port that are taken.
#[derive(Debug, Default)]
pub struct Places(Mutex<HashMap<Holder, usize>>);

/// A place, free again when this is dropped.
#[derive(Debug)]
pub struct Place {
    places: Arc<Places>,
    holder: Holder,
}

impl Holder {
    /// The holder that a client at this address is.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            address if address.is_loopback() => Self::Local,
            address => Self::Network(network(address)),
        }
    }

    /// The most places of `limit` that it may have.
    fn share(&self, limit: usize) -> usize {
        if matches!(self, Self::Network(_)) { limit.div_ceil(2) } else { usize::MAX }
    }

    /// Places that it gets although all of `limit` are taken.
    fn reserve(&self, limit: usize) -> usize {
        match self {
            Self::Network(_) => 0,
            Self::Local => RESERVE.min(limit / 4), // a limit of 1 means 1
            Self::Named(_) => RESERVE,             // one that is here, and one that replaces it
        }
    }
}

/// What counts as one address: of IPv6 the first 64 bits, because a single machine can use all that begin so.
#[must_use]
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        address @ IpAddr::V4(_) => address,
    }
}

impl Places {
    /// A place for one more client of this holder, if there may be `limit` clients in all.
    ///
    /// # Errors
    /// Says why there is none.
    pub fn take(self: &Arc<Self>, holder: Holder, limit: usize) -> Result<Place, NoPlace> {
        let mut taken = self.0.lock();
        let own = taken.get(&holder).copied().unwrap_or_default();
        let share = holder.share(limit);
        if own >= share {
            return Err(NoPlace::Share(share));
        }
        if taken.values().sum::<usize>() >= limit && own >= holder.reserve(limit) {
            return Err(NoPlace::Full);
        }
        taken.insert(holder.clone(), own + 1);
        Ok(Place { places: self.clone(), holder })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.0.lock();
        match taken.get_mut(&self.holder) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(taken.remove(&self.holder)),
        }
    }
}

/// Of clients that wait, the longest-waiting first, the one to drop for another: the first of the holder that has the most.
pub fn first_of_most<'h>(waiting: impl Iterator<Item = &'h Holder>) -> Option<usize> {
    let mut holders: HashMap<_, (usize, usize)> = HashMap::new();
    for (n, holder) in waiting.enumerate() {
        holders.entry(holder).or_insert((n, 0)).1 += 1;
    }
    holders.into_values().max_by_key(|(first, count)| (*count, usize::MAX - first)).map(|(first, _)| first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(address: &str) -> Holder {
        Holder::of(address.parse().unwrap())
    }

    /// Takes places as long as there are; says how many there were, and why no more.
    fn take_all(places: &Arc<Places>, holder: &Holder, limit: usize) -> (Vec<Place>, NoPlace) {
        let mut taken = Vec::new();
        loop {
            match places.take(holder.clone(), limit) {
                Ok(place) => taken.push(place),
                Err(why) => return (taken, why),
            }
        }
    }

    #[test]
    fn an_ipv6_network_is_one_address() {
        assert_eq!(holder("2001:db8:1:2::3"), holder("2001:db8:1:2:ffff::4"));
        assert_ne!(holder("2001:db8:1:2::3"), holder("2001:db8:1:3::3"));
        assert_eq!(holder("::ffff:192.0.2.7"), holder("192.0.2.7"));
        assert_ne!(holder("192.0.2.7"), holder("192.0.2.8"));
        for local in ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(holder(local), Holder::Local);
        }
    }

    #[test]
    fn no_address_takes_more_than_half() {
        let places = Arc::default();
        let (first, why) = take_all(&places, &holder("192.0.2.7"), 16);
        assert_eq!((first.len(), why), (8, NoPlace::Share(8)));
        let (second, why) = take_all(&places, &holder("2001:db8::7"), 16);
        assert_eq!((second.len(), why), (8, NoPlace::Share(8)));
        assert_eq!(take_all(&places, &holder("192.0.2.8"), 16).1, NoPlace::Full);
        drop(first);
        assert_eq!(take_all(&places, &holder("192.0.2.8"), 16).0.len(), 8);
        assert_eq!(take_all(&Arc::default(), &holder("192.0.2.7"), 1).0.len(), 1);
    }

    #[test]
    fn this_machine_and_names_find_places_when_there_are_none() {
        let places = Arc::default();
        let others = ["192.0.2.7", "192.0.2.8"].map(|address| take_all(&places, &holder(address), 16).0);
        assert_eq!(others.iter().map(Vec::len).sum::<usize>(), 16);
        let (local, why) = take_all(&places, &Holder::Local, 16);
        assert_eq!((local.len(), why), (2, NoPlace::Full));
        for camera in ["door", "yard"] {
            let (senders, why) = take_all(&places, &Holder::Named(camera.into()), 16);
            assert_eq!((senders.len(), why), (2, NoPlace::Full), "{camera}");
        }
    }

    #[test]
    fn a_limit_is_all_that_this_machine_gets_if_it_has_all() {
        for limit in [1, 2, 16] {
            assert_eq!(take_all(&Arc::default(), &Holder::Local, limit).0.len(), limit);
        }
    }

    #[test]
    fn a_place_is_free_again() {
        let places = Arc::<Places>::default();
        for _ in 0..3 {
            assert_eq!(take_all(&places, &Holder::Local, 4).0.len(), 4);
        }
        assert!(places.0.lock().is_empty());
    }

    #[test]
    fn the_first_of_those_with_the_most_goes() {
        let [a, b, c] = ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map(holder);
        assert_eq!(first_of_most([&a, &b, &c, &b].into_iter()), Some(1));
        assert_eq!(first_of_most([&a, &b, &c].into_iter()), Some(0));
        assert_eq!(first_of_most([&c, &b, &a, &b, &a].into_iter()), Some(1));
        assert_eq!(first_of_most([].into_iter()), None);
    }
}

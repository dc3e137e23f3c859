//! What is counted of a port's connections.

use std::sync::atomic::{AtomicU64, Ordering};

use strum::VariantNames;

use crate::system::places::NoPlace;

/// Why a client got no place. Counted by the variant's name.
#[derive(Clone, Copy, Debug, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum NotServed {
    /// All places were taken.
    Full,
    /// Its address had its share.
    Share,
    /// It had sent no request yet, and others came.
    Silent,
}

/// The counters of one port.
#[derive(Debug, Default)]
pub struct ConnectionMetrics {
    /// In the order of [`NotServed::VARIANTS`].
    not_served: [AtomicU64; NotServed::VARIANTS.len()],
}

impl ConnectionMetrics {
    /// Counts a client that got no place.
    pub fn count(&self, cause: NotServed) {
        self.not_served[cause as usize].fetch_add(1, Ordering::Relaxed); // read by itself
    }

    /// Clients that got no place since the start, by cause.
    pub fn not_served(&self) -> impl Iterator<Item = (&'static str, u64)> + use<'_> {
        let counts = self.not_served.iter().map(|count| count.load(Ordering::Relaxed)); // each by itself
        NotServed::VARIANTS.iter().copied().zip(counts)
    }
}

impl From<NoPlace> for NotServed {
    fn from(why: NoPlace) -> Self {
        match why {
            NoPlace::Full => Self::Full,
            NoPlace::Share(_) => Self::Share,
        }
    }
}

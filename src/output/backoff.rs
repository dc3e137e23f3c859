//! How long an output waits before it tries again what another machine did not take.

use std::time::Duration;

use crate::system::clock::Monotonic;

/// The first pause; each further one is twice as long.
const FIRST: Duration = Duration::from_secs(1);

/// The longest pause.
const LONGEST: Duration = Duration::from_secs(60);

/// The pause after so many attempts, give or take a quarter: boards that lost the same server do not come back in step.
#[must_use]
pub fn pause(attempts: u32) -> Duration {
    let doubled = FIRST.saturating_mul(1_u32.checked_shl(attempts.saturating_sub(1)).unwrap_or(u32::MAX));
    let random = Monotonic::now().as_micros() % 512; // of no meaning: nobody is to guess anything
    doubled.min(LONGEST).mul_f64(0.75 + random as f64 / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound() {
        for (attempts, least, most) in
            [(1, 750, 1250), (3, 3000, 5000), (7, 45_000, 75_000), (u32::MAX, 45_000, 75_000)]
        {
            let pause = pause(attempts).as_millis();
            assert!((least..=most).contains(&pause), "{attempts}: {pause} ms");
        }
    }
}

//! When a picture was captured, by a time stamp of its server.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::system::clock::Monotonic;

/// The largest believable delay between a picture's capture and the arrival of its first byte.
const MAX_DELAY: Duration = Duration::from_secs(5);

/// When a picture was captured whose first byte was read at `read_at` and whose server stamped it with `stamp`, seconds of
/// wall time. A stamp that is later than the arrival, or much earlier, is of another clock, such as that of an ESP32 which
/// counts from its start: then it is the time of the arrival.
pub(super) fn capture_time(stamp: Option<f64>, read_at: Monotonic) -> Monotonic {
    let (now, wall) = (Monotonic::now(), SystemTime::now());
    let delay = stamp.and_then(|stamp| {
        let read_at_wall = wall.duration_since(UNIX_EPOCH).ok()?.checked_sub(now.since(read_at))?;
        let stamp = Duration::try_from_secs_f64(stamp).ok()?;
        read_at_wall.checked_sub(stamp).filter(|delay| *delay <= MAX_DELAY)
    });
    read_at.earlier(delay.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_counts_if_it_can_be_true() {
        // The wall's clock first: the delay only grows by what a busy machine does before the other is read.
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs_f64();
        let read_at = Monotonic::now();
        let delay_ms = |stamp: f64| read_at.since(capture_time(Some(stamp), read_at)).as_millis();
        assert!((490..=5_000).contains(&delay_ms(wall - 0.5)), "{}", delay_ms(wall - 0.5));
        for stamp in [wall + 60.0, wall - 6.0, 17.25, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(delay_ms(stamp), 0, "{stamp}");
        }
        assert_eq!(capture_time(None, read_at), read_at);
    }
}

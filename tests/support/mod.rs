//! What tests of the running daemon need: the daemon itself, clients good and bad, and pictures to send.
//!
//! Nothing here sleeps to be right. Everything waits for a condition, up to [`LIMIT`], which is generous because test
//! machines are busy. How long something took is never judged.

#[allow(dead_code, reason = "of the tests with this module, those on machines ask")]
pub(crate) mod boards;
pub(crate) mod client;
pub(crate) mod daemon;
pub(crate) mod http;
pub(crate) mod journal;
pub(crate) mod pictures;
pub(crate) mod raw;
pub(crate) mod scene;
#[cfg(not(target_arch = "arm"))]
pub(crate) mod schema;
pub(crate) mod secret;
pub(crate) mod systemd;
pub(crate) mod tls;

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

/// How long anything may take before it counts as not happening.
pub(crate) const LIMIT: Duration = Duration::from_secs(180);

/// A message of fovea. Fails if it is not as published; 32-bit ARM has no validator for that.
pub(crate) fn read_message(text: &str) -> Value {
    let message = serde_json::from_str(text).unwrap_or_else(|error| panic!("not JSON: {error}: {text}"));
    #[cfg(not(target_arch = "arm"))]
    schema::assert_published(&message);
    message
}

/// Waits until `condition` holds, for what nobody tells: what stands in /proc.
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let until = Instant::now() + LIMIT;
    while !condition() {
        assert!(Instant::now() < until, "{what}: not within {LIMIT:?}");
        thread::sleep(Duration::from_millis(5));
    }
}

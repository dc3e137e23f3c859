//! What tests on emulated boards have in common, whatever these are made from.

use std::{
    env,
    io::{self, Write},
    net::SocketAddr,
};

use fovea::recording::Recording;
use serde_json::Value;

use super::client::{Client, JPEG, V1};

/// What the camera `street` sees: people walk there.
const FILM: &str = "tests/data/vtest.avi";

/// From one frame of the film to the next.
const STEP_US: u64 = 100_000;

/// The configuration that scenarios use: open to the network, with a camera `street`.
pub(crate) const CONFIG: &str = "\
[server]
listen = \"0.0.0.0:8999\"
allow_anonymous = true
[[camera]]
name = \"street\"
[camera.motion]
";

/// Whether what takes long by waiting or by being repeated is left out, as `tests/run --boards` has it. Says that it is.
pub(crate) fn brief_leaves_out(what: &str) -> bool {
    let is_brief = env::var_os("FOVEA_BRIEF").is_some();
    if is_brief {
        // Without a place to say it there is nobody to be told.
        let _ = writeln!(io::stderr(), "skipped {what}: FOVEA_BRIEF is set");
    }
    is_brief
}

/// The results of the first `frames` frames of the film, which are sent to the camera `street` one after the other.
///
/// What the motion stage learns follows the capture times, so these are the same steps apart on a fast and on a slow board. They
/// end at the first question for the clock: none is in the future, which would be mended. That question alone is answered, so the
/// offset between the clocks stays what it is.
pub(crate) fn results_of_film(address: SocketAddr, frames: usize) -> impl Iterator<Item = Value> {
    let film = Recording::open(&[FILM.into()]).expect("it is in the repository");
    let pictures: Vec<_> = film.stills().take(frames).map(|still| still.expect("the film is whole").bytes).collect();
    let mut sender = Client::connect_v1_to(address, "/frames/street?results");
    let end = 1000 * STEP_US;
    sender.answer_clock(end);
    let first = end - STEP_US * pictures.len() as u64;
    (1..).zip(pictures).map(move |(seq, picture)| {
        let captured_us = first + STEP_US * seq;
        sender.send(V1 { format: JPEG, seq, captured_us, picture: &picture, ..V1::default() }.message());
        let result = sender.next_of("result");
        assert_eq!((&result["seq"], &result["captured_by"]), (&seq.into(), &"sender".into()), "{result}");
        result
    })
}

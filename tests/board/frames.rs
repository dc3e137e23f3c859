//! What the board sees is what this machine sees.

use std::net::SocketAddr;

use fovea::recording::Recording;
use serde_json::{Value, json};

use super::machine::Board;
use crate::support::{
    boards::CONFIG,
    client::{Client, JPEG, V1},
    daemon::Daemon,
};

const FILM: &str = "tests/data/vtest.avi";

/// One frame of the film to the next.
const STEP_US: u64 = 100_000;

pub(crate) fn boxes_are_those_of_the_host(board: &mut Board) {
    board.with_fovea();
    let there = seen_by(board.address());
    let (_, cameras) = CONFIG.split_once("[[camera]]").expect("it has one");
    let here = seen_by(Daemon::start(&format!("[[camera]]{cameras}")).address());
    let boxes: usize = here.iter().filter_map(|seen| seen["motion"]["boxes"].as_array()).map(Vec::len).sum();
    assert!(boxes > 100, "only {boxes} boxes in all: there is little to compare");
    for (there, here) in there.iter().zip(&here) {
        assert_eq!(there, here, "the board's, and this machine's");
    }
    assert_eq!(there.len(), here.len());
    board.note(&format!("{boxes} boxes in {} frames are the same", here.len()));
}

/// What is said of each frame of the film.
///
/// What the motion stage learns follows the capture times, so these are the same steps apart for everybody. They end at
/// the first question for the clock: none is in the future, which would be mended. That question alone is answered, so the
/// offset between the clocks stays what it is.
fn seen_by(address: SocketAddr) -> Vec<Value> {
    let film = Recording::open(&[FILM.into()]).expect("it is in the repository");
    let pictures: Vec<_> = film.stills().map(|still| still.expect("the film is whole").bytes).collect();
    let mut sender = Client::connect_v1_to(address, "/frames/street?results");
    let end = 1000 * STEP_US;
    sender.answer_clock(end);
    let first = end - STEP_US * pictures.len() as u64;
    let look = |(seq, picture): (u64, &bytes::Bytes)| {
        let captured_us = first + STEP_US * seq;
        sender.send(V1 { format: JPEG, seq, captured_us, picture, ..V1::default() }.message());
        let result = sender.next_of("result");
        assert_eq!(result["captured_by"], "sender", "{result}");
        json!({"seq": result["seq"], "size_px": result["size_px"], "motion": result["motion"]})
    };
    (1..).zip(&pictures).map(look).collect()
}

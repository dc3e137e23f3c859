//! What the board sees is what this machine sees.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::machine::Board;
use crate::support::{
    boards::{CONFIG, results_of_film},
    daemon::Daemon,
};

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
fn seen_by(address: SocketAddr) -> Vec<Value> {
    results_of_film(address, usize::MAX)
        .map(|result| json!({"seq": result["seq"], "size_px": result["size_px"], "motion": result["motion"]}))
        .collect()
}

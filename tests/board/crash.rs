//! fovea is gone from one moment to the next.

use super::machine::{ANSWERS, Board, PROCESS};

pub(crate) fn it_answers_again_after_a_kill(board: &mut Board) {
    board.with_fovea();
    // All of it on the board and by its clock: the way there and back counts for nothing.
    let took = board.ask(&format!(
        "answers() {{ {ANSWERS} }}
         old=$({PROCESS})
         began=${{EPOCHREALTIME/./}}
         kill -KILL $old
         while [[ -e /proc/$old ]]; do sleep 0.01; done
         until answers; do sleep 0.05; done
         echo $((${{EPOCHREALTIME/./}} - began))"
    ));
    let seconds = took.parse::<f64>().expect("a number of microseconds") / 1e6;
    board.note(&format!("after {seconds:.1} s"));
    assert_eq!(board.ask("systemctl is-active fovea"), "active");
    assert_ne!(board.ask("systemctl show --property NRestarts --value fovea"), "0");
}

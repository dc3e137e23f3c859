//! Which core of the board each thread of fovea is on.

use super::machine::{Board, PROCESS};
use crate::support::{
    client::{Client, JPEG, V1},
    daemon::Task,
};
use fovea::recording::Recording;

/// The board has four; unless told otherwise the processor takes the last.
const CORE: usize = 3;

pub(crate) fn the_processor_has_one_to_itself(board: &mut Board) {
    board.with_fovea();
    let mut sender = Client::connect_v1_to(board.address(), "/frames/street?results");
    let film = Recording::open(&["tests/data/vtest.avi".into()]).expect("it is in the repository");
    // All of them at work, looked at after each frame.
    let mut threads = Vec::new();
    for (seq, still) in (1..=10).zip(film.stills()) {
        let picture = &still.expect("the film is whole").bytes;
        sender.send(V1 { format: JPEG, seq, picture, ..V1::default() }.message());
        sender.next_of("result");
        threads = tasks(board);
        let names: Vec<_> = threads.iter().map(|(task, _)| task.name.as_str()).collect();
        assert!(["fovea", "listen", "processor", "ws-street"].iter().all(|name| names.contains(name)), "{names:?}");
        for (task, was_on) in &threads {
            let allowed = if task.name == "processor" { &[CORE][..] } else { &[0, 1, 2] };
            assert_eq!(task.cores, allowed, "{}", task.name);
            assert!(allowed.contains(was_on), "{} was on core {was_on}", task.name);
        }
    }
    board.note(&format!("{} threads", threads.len()));
}

/// The threads of fovea, each with the core that it was on last.
fn tasks(board: &mut Board) -> Vec<(Task, usize)> {
    // Of `stat`, what follows the name, which may contain anything: there the core is field 37 of 50.
    let text = board.ask(&format!(
        "cd /proc/$({PROCESS})/task
         for task in *; do
             stat=$(<$task/stat); fields=(${{stat##*) }}); echo \"core ${{fields[36]}}\"; cat $task/status
         done"
    ));
    let tasks = text.split("core ").filter_map(|task| task.split_once('\n'));
    tasks.map(|(core, status)| (Task::of(status), core.parse().expect("a number"))).collect()
}

//! Which core each thread may run on.

use crate::support::{
    client::Client,
    daemon::{DOOR, Daemon, own_cores},
    eventually,
    pictures::Picture,
};

/// A daemon with a sender, a reader and one that is not decided yet, all at work.
fn check(config: &str, core: usize) {
    let daemon = Daemon::start(&format!("{config}\n{DOOR}"));
    let _reader = Client::connect(&daemon, "/results");
    let mut sender = Client::connect(&daemon, "/?results");
    let _undecided = crate::support::raw::Raw::connect(&daemon);
    sender.send(Picture::scene(64, 48).jpeg());
    sender.next_of("result");

    // Who is not decided has its address for a name, of which Linux keeps the beginning.
    let names = ["fovea", "journal", "listen", "processor", "ws-127.0.0.1", "ws-door", "ws-results"];
    eventually("every thread has its name", || {
        let mut found: Vec<_> = daemon.tasks().into_iter().map(|task| task.name).collect();
        found.sort();
        found.len() == names.len() && found.iter().zip(names).all(|(found, name)| found.starts_with(name))
    });
    let others: Vec<_> = own_cores().into_iter().filter(|&other| other != core).collect();
    for task in daemon.tasks() {
        let expected = if task.name == "processor" { &[core][..] } else { &others };
        assert_eq!(task.cores, expected, "{}", task.name);
    }
    daemon.wait_for_line(&format!("the processor runs on core {core}; the other threads of fovea use other cores"));
}

/// The cores to choose from, if there is a choice.
#[expect(clippy::print_stderr, reason = "the test harness shows it")]
fn cores() -> Option<Vec<usize>> {
    let cores = own_cores();
    if cores.len() < 2 {
        eprintln!("skipped: with core {cores:?} alone there is nothing to share out");
        return None;
    }
    Some(cores)
}

#[test]
fn the_processor_has_the_last_core_and_nobody_else_is_on_it() {
    if let Some(cores) = cores() {
        check("", cores[cores.len() - 1]);
    }
}

#[test]
fn the_processor_has_the_core_that_was_asked_for() {
    if let Some(cores) = cores() {
        check(&format!("processor.core = {}", cores[0]), cores[0]);
    }
}

//! The demo is the real thing: daemon, camera, connection, view.

use std::io::{BufRead, BufReader};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{decode, run, start};

#[test]
fn pedestrians_are_found() {
    let mut child = start(&["demo", "--seconds", "60"]); // at the most
    let (mut shown, mut has_event, mut has_rate) = (Vec::new(), false, false);
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    for line in lines.by_ref().map(|line| line.expect("text")) {
        has_event |= line.contains("street: motion starts");
        has_rate |= line.contains(" fps  age p50 ");
        shown.push(line);
        if has_event && has_rate {
            break;
        }
    }
    assert!(has_event && has_rate, "{shown:#?}");
    assert!(shown[0].starts_with("A camera sends 79 pictures"), "{shown:#?}");
    kill(Pid::from_raw(child.id().try_into().expect("a pid")), Signal::SIGINT).expect("it runs");
    lines.for_each(drop);
    let (code, _, error) = decode(&child.wait_with_output().expect("it ends"));
    assert_eq!((code, error.as_str()), (0, ""));
}

#[test]
fn it_ends_by_itself() {
    let (code, out, error) = run(&["demo", "--seconds", "1"]);
    assert_eq!((code, error.as_str()), (0, ""), "{out}");
}

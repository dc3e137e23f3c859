//! When the system has nothing more to give, clients wait; those who are there are served on.

use crate::support::{
    client::Client,
    daemon::{DOOR, Daemon},
    pictures::Picture,
    raw::{Raw, request},
};

#[test]
fn without_descriptors_a_client_waits_until_another_leaves() {
    let daemon = Daemon::start(DOOR);
    let mut sender = Client::connect(&daemon, "/?results");
    let leaving = Client::connect(&daemon, "/results");
    let mut answered = |seq| {
        sender.send(Picture::scene(32, 32).jpeg());
        assert_eq!(sender.next_of("result")["seq"], seq);
    };
    answered(1);
    daemon.limit_descriptors(daemon.descriptors());
    let mut waiting = Raw::connect(&daemon);
    waiting.send(request("/results", ""));
    daemon.wait_for_line("no room for one more client: Too many open files (os error 24); clients wait");
    answered(2);
    drop(leaving);
    assert!(waiting.head().starts_with("HTTP/1.1 101 "));
    answered(3);
}

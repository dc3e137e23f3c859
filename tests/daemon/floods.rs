//! A peer cannot fill the log: whatever it does, a second has about one line of it.

use std::time::Instant;

use crate::support::{
    client::Client,
    daemon::{DOOR, Daemon},
    raw::{Raw, request},
};

/// Stops the daemon and checks that no kind of line is told more than once for each second that passed.
fn check(mut daemon: Daemon, start: Instant, kinds: &[&str]) {
    let end = daemon.stop();
    // Both the first and the last second may be begun ones.
    let most = usize::try_from(start.elapsed().as_secs()).expect("it was quick") + 2;
    for kind in kinds {
        let lines = end.lines_with(kind);
        assert!((1..=most).contains(&lines), "{lines} lines with {kind:?}, at most {most} expected\n{}", end.log);
    }
}

#[test]
fn of_bad_frames() {
    let start = Instant::now();
    let daemon = Daemon::start(DOOR);
    let mut sender = Client::connect(&daemon, "/");
    for _ in 0..5000 {
        sender.send(&b"GIF89a"[..]);
    }
    sender.before_pong();
    check(daemon, start, &["refused: not a JPEG"]);
}

#[test]
fn of_denied_clients() {
    let start = Instant::now();
    let daemon = Daemon::start(DOOR);
    for _ in 0..1000 {
        let mut client = Raw::connect(&daemon);
        client.send(request("/nowhere", ""));
        assert_eq!(client.denial().0, 404);
    }
    check(daemon, start, &["denied: 404"]);
}

#[test]
fn of_clients_that_come_and_go() {
    let start = Instant::now();
    let daemon = Daemon::start(DOOR);
    for _ in 0..300 {
        for path in ["/results", "/"] {
            let mut client = Client::connect(&daemon, path);
            client.before_pong();
        }
    }
    check(daemon, start, &["reads the results of", "reads no more", "sends bare pictures", "ends after"]);
}

#[test]
fn of_senders_that_replace_each_other() {
    let start = Instant::now();
    let daemon = Daemon::start(DOOR);
    let mut old = Client::connect(&daemon, "/");
    for _ in 0..300 {
        let new = Client::connect(&daemon, "/");
        assert_eq!(old.closed().0, 1008);
        old = new;
    }
    check(daemon, start, &["sends bare pictures", "ends after 0 frames: another client"]);
}

#[test]
fn of_clients_when_there_are_too_many() {
    let start = Instant::now();
    let daemon = Daemon::start(&format!("server.max_clients = 1\n{DOOR}"));
    let _one = Client::connect(&daemon, "/results");
    for _ in 0..300 {
        let mut client = Raw::connect(&daemon);
        client.send(request("/results", ""));
        assert_eq!(client.denial().0, 503);
    }
    check(daemon, start, &["denied: 503"]);
}

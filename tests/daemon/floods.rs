//! A peer cannot fill the log: whatever it does, a second has about one line of it.

use std::{iter, thread, time::Instant};

use crate::support::{
    client::{Client, GREY, V1},
    daemon::{DOOR, Daemon},
    pictures::Picture,
    raw::{Raw, request, status},
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
    check(
        daemon,
        start,
        &["reads the results of", "stops reading results", "sends bare pictures", "disconnects after"],
    );
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
    check(daemon, start, &["sends bare pictures", "disconnects after 0 frames: another client"]);
}

#[test]
fn of_clients_when_there_are_too_many() {
    let start = Instant::now();
    let daemon = Daemon::start(&format!("server.max_clients = 1\n{DOOR}"));
    let _one = Client::connect(&daemon, "/results");
    let mut told = 0;
    for _ in 0..300 {
        let mut client = Raw::connect(&daemon);
        // Only some at a time are told so. On a busy machine those before are not gone yet, and the others are dropped.
        client.try_send(request("/results", ""));
        if let Some(head) = client.head_or_end() {
            assert_eq!(status(&head), 503);
            told += 1;
        }
    }
    assert!(told > 0, "nobody is told why");
    check(daemon, start, &["denied: 503"]);
}

#[test]
fn of_events_at_times_that_are_made_up() {
    let start = Instant::now();
    let daemon = Daemon::start(&format!("{DOOR}hold_ms = 0\n"));
    let mut sender = Client::connect_v1(&daemon, "/");
    let mut reader = Client::connect(&daemon, "/results");
    sender.answer_clock(1_000_000_000);
    let scene = Picture::scene(320, 240);
    for seq in 1..=400 {
        // Somebody walks for three frames, and is not there for five.
        let step = u32::try_from(seq % 8).expect("small");
        let picture = if step < 5 { scene.clone() } else { scene.with([40 * step, 100, 40, 60]) };
        let captured_us = 800_000_000 + seq * 400_000;
        let picture = &picture.pixels;
        sender.send(V1 { format: GREY, size: (320, 240), seq, captured_us, picture, ..V1::default() }.message());
        sender.next_of("taken");
    }
    drop(sender);
    let came = iter::from_fn(|| Some(reader.next()));
    let ends = came.take_while(|message| message["seq"] != 400).filter(|message| message["state"] == "end").count();
    assert!(ends > 30, "{ends} events are no flood");
    check(daemon, start, &["door: motion starts", "door: motion ends"]);
}

/// Everything that a peer can do, by several at once, as fast as it goes: all lines of it together.
#[test]
fn of_everything_at_once() {
    const KINDS: usize = 8;
    let start = Instant::now();
    let mut daemon = Daemon::start(&format!("server.max_clients = 12\n{DOOR}"));
    let long = "x".repeat(16_000);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..200 {
                    Raw::connect(&daemon).send(request(&format!("/frames/{long}"), ""));
                    let mut sender = Raw::connect(&daemon);
                    // It may be one too many, or replaced at once.
                    let _ = sender.try_send(request("/?results", ""));
                    let _ = sender.try_send(b"\x82\x86\0\0\0\0GIF89a".repeat(20));
                    let mut reader = Raw::connect(&daemon);
                    let _ = reader.try_send(request("/results", ""));
                    let _ = reader.try_send(b"\x88\x80\0\0\0\0");
                    drop((sender, reader));
                }
            });
        }
    });
    let end = daemon.stop();
    let lines = end.log.lines().filter(|line| line.contains("127.0.0.1:") || line.contains("door: frame ")).count();
    let seconds = usize::try_from(start.elapsed().as_secs()).expect("it was quick") + 2;
    assert!((10..=KINDS * seconds).contains(&lines), "{lines} lines in {seconds} s\n{}", end.log);
    let longest = end.log.lines().map(str::len).max();
    assert!(longest < Some(500), "a line of {longest:?} bytes");
}

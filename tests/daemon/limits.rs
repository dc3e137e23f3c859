//! Clients that are slow, silent or stuck: each keeps to its limits or goes, and nobody else notices.

use serde_json::{Value, json};

use crate::support::{
    client::{Client, V1},
    daemon::{DOOR, Daemon},
    pictures::Picture,
    raw::{self, BINARY, CONTINUATION, FINAL, PING, PONG, Raw, TEXT, many_pings, stuff},
};

const TOOK_LONGER: &str = "the message took longer than server.message_timeout_ms allows";
const NO_SIGN: &str = "the client was silent for longer than server.idle_timeout_ms allows";
const REPLACED: &str = "another client sends this camera's frames now";

#[test]
fn a_message_that_is_never_finished_ends_the_connection() {
    let daemon = Daemon::start(&format!("server.message_timeout_ms = 300\n{DOOR}"));
    let begun: [(&str, &str, Vec<u8>); 5] = [
        ("half a header", "/", vec![FINAL | BINARY]),
        ("a header and some bytes", "/", [raw::header(FINAL | BINARY, 1000, true), vec![0; 100]].concat()),
        ("a first piece", "/", raw::frame(BINARY, b"\xff\xd8\xff")),
        ("half a ping", "/results", raw::header(FINAL | PING, 4, true)),
        ("a first piece and a ping", "/results", [raw::frame(TEXT, b"a"), raw::frame(FINAL | PING, b"b")].concat()),
    ];
    for (name, path, bytes) in begun {
        let mut client = Raw::open(&daemon, path);
        client.send(bytes);
        assert_eq!(client.closed(), (1008, TOOK_LONGER.to_owned()), "{name}");
    }
    daemon.wait_for_line(&format!("disconnects after 0 frames: {TOOK_LONGER} (1008)"));
}

#[test]
fn a_message_of_nothing_but_pieces_without_end_ends_the_connection() {
    let daemon = Daemon::start(&format!("server.message_timeout_ms = 300\n{DOOR}"));
    let mut client = Raw::open(&daemon, "/");
    client.send(raw::frame(BINARY, b""));
    let nothing = raw::frame(CONTINUATION, b"").repeat(10_000);
    while client.try_send(&nothing) {}
    daemon.wait_for_line(&format!("disconnects after 0 frames: {TOOK_LONGER} (1008)"));
}

#[test]
fn a_ping_in_two_parts_is_not_the_beginning_of_a_message() {
    // Time enough between the two parts on a busy machine.
    let daemon = Daemon::start(&format!("server.message_timeout_ms = 1500\nserver.idle_timeout_ms = 4000\n{DOOR}"));
    let mut reader = Raw::open(&daemon, "/results");
    let ping = raw::frame(FINAL | PING, b"halves");
    reader.send(&ping[..8]);
    // The first part is read by now: somebody who came later is answered.
    assert_eq!(Client::connect(&daemon, "/results").before_pong().len(), 0);
    reader.send(&ping[8..]);
    assert_eq!(reader.frame(), (FINAL | PONG, b"halves".to_vec()));
    // What ends it is its silence, much later.
    assert_eq!(reader.frame(), (FINAL | PING, Vec::new()));
    assert_eq!(reader.closed(), (1008, NO_SIGN.to_owned()));
}

#[test]
fn a_silent_client_is_asked_and_stays_if_it_answers() {
    let daemon = Daemon::start(&format!("server.idle_timeout_ms = 1000\n{DOOR}"));
    let mut dead = ["/", "/results"].map(|path| Raw::open(&daemon, path));
    let mut alive = Raw::open(&daemon, "/results");
    // Half of the time-out lies between two of these, so the fourth comes when the others are gone.
    for _ in 0..4 {
        assert_eq!(alive.frame(), (FINAL | PING, Vec::new()));
        alive.send(raw::frame(FINAL | PONG, b""));
    }
    for client in &mut dead {
        assert_eq!(client.frame(), (FINAL | PING, Vec::new()));
        assert_eq!(client.closed(), (1008, NO_SIGN.to_owned()));
    }
    Client::connect(&daemon, "/").send(Picture::scene(32, 32).jpeg());
    let result = String::from_utf8(alive.frame_of(FINAL | TEXT)).expect("text");
    assert!(result.contains(r#""type":"result""#), "{result}");
}

#[test]
fn a_reader_that_does_not_read_loses_the_oldest_and_is_told_how_many() {
    const FRAMES: u64 = 200;
    let daemon = Daemon::start(&format!("server.outbox_bytes = 4096\n{DOOR}"));
    let mut stuck = Raw::open(&daemon, "/results");
    stuff(&mut stuck);
    let mut reader = Client::connect(&daemon, "/results");
    let mut sender = Client::connect_v1(&daemon, "/");
    for seq in 1..=FRAMES {
        let message = V1 { format: 0, seq, ..V1::default() }.message();
        sender.send(message);
        let refused = reader.next();
        assert_eq!([&refused["type"], &refused["seq"]], [&json!("refused"), &json!(seq)]);
    }

    let (mut seq, mut dropped) = (0, 0);
    while seq < FRAMES {
        let message: Value = serde_json::from_slice(&stuck.frame_of(FINAL | TEXT)).expect("JSON");
        if message["type"] == "dropped" {
            let count = message["count"].as_u64().expect("a number");
            seq += count;
            dropped += count;
        } else {
            seq += 1;
            assert_eq!([&message["type"], &message["seq"]], [&json!("refused"), &json!(seq)]);
        }
    }
    assert!((1..FRAMES).contains(&dropped), "{dropped} were dropped");
}

#[test]
fn answers_that_are_not_fetched_do_not_pile_up() {
    let daemon = Daemon::start(DOOR);
    let before_kb = daemon.status("VmHWM");
    let mut client = Raw::open(&daemon, "/results");
    let pings = many_pings();
    // 40 MB of answers, of which the kernel takes some.
    for _ in 0..300 {
        client.send(&pings);
    }
    let grown_kb = daemon.status("VmHWM") - before_kb;
    assert!(grown_kb < 10_000, "{grown_kb} kB");
}

#[test]
fn a_new_sender_replaces_the_old_one() {
    let daemon = Daemon::start(DOOR);
    let mut reader = Client::connect(&daemon, "/results");
    let jpeg = Picture::scene(32, 32).jpeg();
    let mut old = Client::connect(&daemon, "/frames/door");
    old.send(&jpeg[..]);
    reader.next_of("result");
    let mut new = Client::connect(&daemon, "/");
    assert_eq!(old.closed(), (1008, REPLACED.to_owned()));
    daemon.wait_for_line(&format!("disconnects after 1 frames: {REPLACED} (1008)"));
    new.send(&jpeg[..]);
    reader.next_of("result");
    // Its place is the new one's even after the old one has gone.
    drop(old);
    assert_eq!(new.before_pong().len(), 0);
    let _newest = Client::connect(&daemon, "/");
    assert_eq!(new.closed(), (1008, REPLACED.to_owned()));
}

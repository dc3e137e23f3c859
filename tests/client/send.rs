//! `fovea send` against a server that plays its part.

use std::{
    io::{BufRead, BufReader},
    sync::mpsc::channel,
};

use bytes::Bytes;
use fovea::{frame::PixelFormat, recording::Recording};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::json;
use tungstenite::Message;

use super::{
    data, decode, run,
    server::{Peer, Server},
    start,
};

/// The pictures of `plain.avi`.
pub(crate) fn pictures() -> Vec<Bytes> {
    let recording = Recording::open(&[data("odd/plain.avi").into()]).expect("it opens");
    recording.stills().map(|still| still.expect("whole").bytes).collect()
}

/// Standard error that is nothing but a summary: what it says after the time.
pub(crate) fn summary(error: &str) -> &str {
    let (line, rest) = error.split_once('\n').expect("a line");
    assert_eq!(rest, "", "more than a summary");
    line.split_once("; ").expect("counts after the time").1
}

#[test]
fn pictures_go_out_in_order_numbered_and_stamped() {
    let server = Server::play(|mut peer| {
        assert_eq!(
            (peer.target.as_str(), peer.subprotocol.take()),
            ("/frames/door", Some("fovea.v1".parse().expect("a name")))
        );
        let mut captured = 0;
        for (index, picture) in pictures().into_iter().enumerate() {
            let (header, image) = peer.frame();
            assert_eq!((header.format, header.seq, image), (PixelFormat::Jpeg, index as u64 + 1, picture));
            let captured_us = header.captured_us.expect("it has a clock");
            assert!(captured_us > captured, "time goes on");
            captured = captured_us;
            peer.taken(header.seq);
        }
        assert_eq!(peer.closed(), (1000, 0));
    });
    let (code, out, error) = run(&["send", &format!("{}/frames/door", server.url), &data("odd/plain.avi")]);
    assert_eq!((code, out.as_str(), summary(&error)), (0, "", "3 taken, 0 refused"));
    server.join();
}

#[test]
fn no_frame_goes_before_its_time() {
    let server = Server::play(|mut peer| {
        let first = peer.frame().0.captured_us.expect("stamped");
        let last = (2..=51).map(|_| peer.frame().0.captured_us.expect("stamped")).last().expect("50");
        // 50 intervals of 5 ms; the first frame may have left late, within its own interval.
        assert!(last - first > 49 * 5_000, "{} us", last - first);
        peer.close(1001, "");
    });
    let (code, _, _) = run(&["send", &server.url, &data("odd/plain.avi"), "--loop", "--rate", "200"]);
    assert_eq!(code, 1);
    server.join();
}

/// The client has read all that was said before it answers this.
fn ask_clock(peer: &mut Peer, server_us: u64) -> Message {
    peer.send_json("clock", json!({"server_us": server_us}));
    peer.next()
}

#[test]
fn paced_by_taken_the_next_frame_waits_for_the_last() {
    let server = Server::play(|mut peer| {
        for seq in 1..=3 {
            assert_eq!(peer.frame().0.seq, seq);
            let answer = ask_clock(&mut peer, 40 + seq);
            assert!(matches!(&answer, Message::Text(text) if text.contains("clock")), "a frame before {seq} was taken");
            match seq {
                1 => peer.taken(1),
                2 => peer.send_json("refused", json!({"camera": "door", "seq": 2, "cause": "a test"})),
                _ => peer.taken(3),
            }
        }
        assert_eq!(peer.closed(), (1000, 0));
    });
    let (code, _, error) = run(&["send", &server.url, &data("odd/plain.avi"), "--pace", "taken"]);
    assert_eq!((code, summary(&error)), (0, "2 taken, 1 refused"));
    server.join();
}

#[test]
fn paced_by_taken_an_older_frame_does_not_release_it_but_losses_do() {
    let server = Server::play(|mut peer| {
        peer.frame();
        peer.taken(0);
        assert!(ask_clock(&mut peer, 1).is_text(), "frame 2 waits for frame 1");
        peer.send_json("dropped", json!({"count": 1}));
        assert_eq!(peer.frame().0.seq, 2);
        peer.close(1001, "");
    });
    let (code, _, _) = run(&["send", &server.url, &data("odd/plain.avi"), "--pace", "taken"]);
    assert_eq!(code, 1);
    server.join();
}

#[test]
fn the_clock_is_answered_with_the_clock_of_the_capture_times() {
    let server = Server::play(|mut peer| {
        let captured = peer.frame().0.captured_us.expect("stamped");
        peer.send_json("clock", json!({"server_us": 77}));
        let answer = peer.json();
        assert_eq!((&answer["type"], &answer["server_us"]), (&json!("clock"), &json!(77)));
        let sender_us = answer["sender_us"].as_u64().expect("its clock");
        assert!((captured..captured + 20_000_000).contains(&sender_us), "{captured} and {sender_us}");
        peer.close(1001, "");
    });
    let _ = run(&["send", &server.url, &data("odd/plain.avi"), "--pace", "taken"]);
    server.join();
}

#[test]
fn a_close_by_the_server_is_told_with_code_and_reason() {
    let server = Server::play(|mut peer| {
        peer.frame();
        peer.close(1008, "replaced by 10.0.0.9:4711");
    });
    let (code, _, error) = run(&["send", &server.url, &data("odd/plain.avi"), "--loop"]);
    let (summary, error) = error.split_once('\n').expect("two lines");
    assert!(summary.contains("taken"), "{summary}");
    assert_eq!((code, error), (1, "the server closed the connection: 1008, replaced by 10.0.0.9:4711\n"));
    server.join();
}

#[test]
fn results_are_printed_and_counted() {
    const RESULT: &str = concat!(
        r#"{"v":1,"type":"result","camera":"door","seq":3,"captured_at":"2026-11-22T10:00:00Z","captured_by":"sender","#,
        r#""age_ms":{"start":1.0,"result":2.0},"superseded":2,"size_px":[32,32]}"#
    );
    let server = Server::play(|mut peer| {
        assert_eq!(peer.target, "/?results");
        (0..3).for_each(|_| drop(peer.frame()));
        peer.taken(3);
        peer.text(r#"{"v":1,"type":"of a later version"}"#);
        peer.text(RESULT);
        assert_eq!(peer.closed(), (1000, 0));
    });
    let (code, out, error) = run(&["send", &server.url, &data("odd/plain.avi"), "--results"]);
    assert_eq!((code, out), (0, format!("{RESULT}\n")));
    assert_eq!(summary(&error), "1 taken, 2 superseded, 0 refused");
    server.join();
}

#[test]
fn what_cannot_be_read_is_told_and_left_out() {
    let server = Server::play(|mut peer| {
        assert_eq!((peer.frame().0.seq, peer.frame().0.seq), (1, 2));
        peer.taken(2);
        assert_eq!(peer.closed(), (1000, 0));
    });
    let (code, _, error) = run(&["send", &server.url, &data("odd/damaged-second-picture.mjpeg")]);
    let (warning, rest) = error.split_once('\n').expect("two lines");
    assert!(
        warning.ends_with(".mjpeg: byte 719: the picture that begins here is damaged; fovea skips it"),
        "{warning}"
    );
    assert_eq!((code, summary(rest)), (0, "1 taken, 0 refused, 1 skipped as unreadable"));
    server.join();
}

#[test]
fn an_interrupt_ends_it_cleanly() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let (at_work, is_at_work) = channel();
        let server = Server::play(move |mut peer| {
            (0..5).for_each(|_| drop(peer.frame()));
            at_work.send(()).expect("the test waits");
            assert_eq!(peer.closed().0, 1000);
        });
        let child = start(&["send", &server.url, &data("odd/plain.avi"), "--loop"]);
        is_at_work.recv().expect("the server is there");
        kill(Pid::from_raw(child.id().try_into().expect("a pid")), signal).expect("it runs");
        let (code, out, error) = decode(&child.wait_with_output().expect("it ends"));
        assert_eq!((code, out.as_str()), (0, ""), "{signal}: {error}");
        // A busy machine may be late first, which is a line of its own.
        assert!(error.ends_with("; 0 taken, 0 refused\n"), "{signal}: {error}");
        server.join();
    }
}

#[test]
fn a_rate_that_cannot_be_kept_is_told_and_made_up_for_by_nothing() {
    let (go_on, may_go_on) = channel::<()>();
    let server = Server::play(move |mut peer| {
        may_go_on.recv().expect("the test says when"); // until then nothing is read, and the way fills up
        assert_eq!(peer.frame().0.seq, 1);
        peer.close(1001, "");
    });
    let mut child = start(&["send", &server.url, &data("vtest.avi"), "--loop", "--rate", "1000"]);
    let mut error = BufReader::new(child.stderr.take().expect("piped")).lines();
    let line = error.next().expect("a line").expect("text");
    assert_eq!(line, "cannot keep the rate: frames go out later than they are due");
    go_on.send(()).expect("the server waits");
    assert_eq!(error.count(), 2, "the summary and the end");
    child.wait().expect("it ends");
    server.join();
}

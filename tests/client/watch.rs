//! `fovea watch` against a server that plays its part.

use std::{
    io::{BufRead, BufReader},
    sync::mpsc::channel,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{decode, run, server::Server, start};

const RESULT: &str = concat!(
    r#"{"v":1,"type":"result","camera":"door","seq":7,"captured_at":"2026-11-22T10:00:00Z","captured_by":"arrival","#,
    r#""age_ms":{"start":3.1,"result":9.8},"superseded":0,"size_px":[1280,720],"#,
    r#""motion":{"score":0.031,"boxes":[[412,96,60,148]]}}"#
);

fn event(state: &str, at: &str, boxes: &str) -> String {
    format!(
        r#"{{"v":1,"type":"event","camera":"door","id":"a","kind":"motion","state":"{state}","at":"{at}","boxes":{boxes}}}"#
    )
}

#[test]
fn json_is_passed_through_line_by_line_until_the_server_ends() {
    let server = Server::play(|mut peer| {
        assert_eq!((peer.target.as_str(), peer.subprotocol.take()), ("/results", None));
        peer.text(RESULT);
        peer.text(r#"{"v":1,"type":"of a later version","field":[1,2]}"#);
        peer.text(r#"{"v":1,"type":"dropped","count":3}"#);
        peer.close(1001, "fovea is shutting down");
    });
    let (code, out, error) = run(&["watch", &server.url, "--json"]);
    let expected = format!(
        "{RESULT}\n{}\n{}\n",
        r#"{"v":1,"type":"of a later version","field":[1,2]}"#, r#"{"v":1,"type":"dropped","count":3}"#
    );
    assert_eq!((code, out), (1, expected));
    assert_eq!(error, "the server closed the connection: 1001, fovea is shutting down\n");
    server.join();
}

/// Whoever serves it may not be fovea, and its texts are not to move the cursor, or worse.
#[test]
fn texts_from_the_server_do_not_reach_the_terminal_as_they_are() {
    let server = Server::play(|mut peer| {
        peer.text(&event("start", "2026-11-22T10:00:00Z", "[]").replace("door", r"\u001b[2Jdoor"));
        peer.close(1001, "\u{1b}[2Jgone");
    });
    let (_, out, error) = run(&["watch", &server.url]);
    assert_eq!(error, "the server closed the connection: 1001, \u{fffd}[2Jgone\n");
    assert!(out.ends_with(" \u{fffd}[2Jdoor: motion starts\n"), "{out:?}");
    server.join();
}

#[test]
fn without_a_terminal_there_are_lines_for_events_at_once_and_for_cameras_each_second() {
    let (seen, is_seen) = channel::<()>();
    let server = Server::play(move |mut peer| {
        assert_eq!(peer.target, "/results/door");
        peer.text(&event("start", "2026-11-22T10:00:00Z", "[[412,96,60,148]]"));
        peer.text(&event("update", "2026-11-22T10:00:02Z", "[[412,96,60,148]]"));
        peer.text(&event("end", "2026-11-22T10:00:04.2Z", "[]"));
        peer.text(RESULT);
        is_seen.recv().expect("the test tells");
        peer.close(1001, "");
    });
    let mut child = start(&["watch", &format!("{}/results/door", server.url)]);
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut line = || lines.next().expect("a line").expect("text");
    assert_eq!(line(), "10:00:00 door: motion starts: 60x148 at 412,96");
    assert_eq!(line(), "10:00:04 door: motion ends after 4.2 s");
    assert_eq!(
        line().split_once(' ').expect("the time first").1,
        "door    1.0 fps  age p50 10 p99 10 ms   superseded 0.0/s  refused 0  1 motion: 60x148 at 412,96"
    );
    seen.send(()).expect("the server waits");
    let (code, _, error) = decode(&child.wait_with_output().expect("it ends"));
    assert_eq!((code, error.as_str()), (1, "the server closed the connection: 1001\n"));
    server.join();
}

#[test]
fn a_crossing_is_one_line_and_a_visit_says_how_long_it_was() {
    let server = Server::play(|mut peer| {
        let crossing = r#""track":57,"line":"gate","direction":"in","count":12}"#;
        for (state, boxes) in [("start", "[[1,2,3,4]],"), ("end", "[],")] {
            let event = event(state, "2026-11-22T10:00:00Z", boxes).replace("motion", "crossing");
            peer.text(&event.replace(",}", &format!(",{crossing}")));
        }
        let of_zone = |more: &str| format!(r#",{more}"zone":"yard","track":57}}"#);
        let visit = |state, at, more| event(state, at, "[]").replace("motion", "visit").replace('}', &of_zone(more));
        peer.text(&visit("start", "2026-11-22T10:00:00Z", ""));
        peer.text(&visit("end", "2026-11-22T10:00:09Z", r#""dwell_s":8.6,"#));
        peer.close(1001, "");
    });
    let (_, out, _) = run(&["watch", &server.url]);
    let expected = "10:00:00 door: crossing of gate (in) #57: 3x4 at 1,2\n\
                    10:00:00 door: visit starts in yard #57\n\
                    10:00:09 door: visit ends in yard #57 after 8.6 s in the zone\n";
    assert_eq!(out, expected);
    server.join();
}

#[test]
fn detections_and_events_are_shown_whatever_stage_they_are_of() {
    let detections = concat!(
        r#""detections":[{"label":"tag","box":[5,5,40,40],"text":"17"},{"label":"person","box":[412,96,60,148],"track":7,"#,
        r#""score":0.9},{"label":"person","box":[9,9,8,8]}],"errors":{"codes":"no memory"},"motion":"#
    );
    let (seen, is_seen) = channel::<()>();
    let server = Server::play(move |mut peer| {
        let scene = event("start", "2026-11-22T10:00:00Z", "[]").replace("motion", "scene");
        peer.text(&scene.replace(r#""at""#, r#""zone":"path","reason":"a lamp","at""#));
        peer.text(&RESULT.replace(r#""motion":"#, detections));
        is_seen.recv().expect("the test tells");
        peer.close(1001, "");
    });
    let mut child = start(&["watch", &server.url]);
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut line = || lines.next().expect("a line").expect("text");
    assert_eq!(line(), "10:00:00 door: scene starts in path (a lamp)");
    assert_eq!(
        line().split_once("refused 0  ").expect("the statistics first").1,
        "2 person: 60x148 at 412,96 #7, 8x8 at 9,9; 1 tag: 40x40 at 5,5 \"17\"; codes failed: no memory"
    );
    seen.send(()).expect("the server waits");
    child.wait().expect("it ends");
    server.join();
}

#[test]
fn a_reader_that_has_seen_enough_ends_it_quietly() {
    let server = Server::play(|mut peer| while peer.try_text(RESULT).is_ok() {});
    let mut child = start(&["watch", &server.url, "--json"]);
    let mut first = String::new();
    BufReader::new(child.stdout.take().expect("piped")).read_line(&mut first).expect("text"); // and closed
    assert_eq!(first, format!("{RESULT}\n"));
    let (code, _, error) = decode(&child.wait_with_output().expect("it ends"));
    assert_eq!((code, error.as_str()), (0, ""));
    server.join();
}

#[test]
fn an_interrupt_ends_it_cleanly_even_in_a_flood() {
    let server = Server::play(|mut peer| while peer.try_text(RESULT).is_ok() {});
    let mut child = start(&["watch", &server.url, "--json"]);
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    lines.next().expect("a line").expect("text");
    kill(Pid::from_raw(child.id().try_into().expect("a pid")), Signal::SIGINT).expect("it runs");
    lines.for_each(drop);
    let (code, _, error) = decode(&child.wait_with_output().expect("it ends"));
    assert_eq!((code, error.as_str()), (0, ""));
    server.join();
}

#[test]
fn a_server_that_vanishes_is_told() {
    let server = Server::play(drop);
    let (code, _, error) = run(&["watch", &server.url]);
    assert_eq!(code, 1);
    assert!(error.starts_with("the connection is lost: "), "{error}");
    server.join();
}

//! `fovea send` of a live source against a board that is away, full, or has another sender.

use std::{
    io::{PipeWriter, Write},
    net::TcpListener,
    process::Child,
    sync::mpsc::channel,
};

use serde_json::json;

use super::{
    fovea as command,
    send::pictures,
    sending::{ErrorLines, within_limit},
    server::{Peer, Server},
};

fn send_stdin(url: &str, options: &[&str]) -> (Child, PipeWriter, ErrorLines) {
    let (read, write) = std::io::pipe().expect("descriptors are left");
    let mut child =
        command(&[&["send", url, "-"], options].concat()).stdin(read).spawn().expect("the command was built");
    let error = ErrorLines::of(&mut child);
    (child, write, error)
}

fn next(lines: &mut ErrorLines) -> String {
    lines.next_line()
}

#[test]
fn a_board_that_is_away_is_waited_for() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("free ports");
    let address = listener.local_addr().expect("bound");
    drop(listener);
    let (child, mut input, mut error) = send_stdin(&format!("ws://{address}"), &[]);
    let line = next(&mut error);
    assert!(line.starts_with(&format!("cannot connect to {address}; check that fovea runs there")), "{line}");
    assert!(line.ends_with("Connection refused (os error 111); trying again"), "{line}");
    // Read and overtaken meanwhile: only the newest is of use when the board comes.
    for picture in pictures() {
        input.write_all(&picture).expect("it reads");
    }
    let listener = TcpListener::bind(address).expect("still free");
    let server = Server::listen(listener, 1, |_, stream| {
        let mut peer = Peer::accept(stream);
        assert_eq!(peer.frame().1, pictures()[2]);
        peer.taken_and_processed(1);
        assert_eq!(peer.closed(), (1000, 0));
    });
    let line = next(&mut error);
    assert!(line.starts_with("connected again after "), "{line}");
    drop(input);
    let line = next(&mut error);
    assert!(
        line.ends_with("1 taken, 0 superseded, 0 refused, 2 replaced by newer ones before they were sent"),
        "{line}"
    );
    assert_eq!(child.wait_with_output().expect("it ends").status.code(), Some(0));
    server.join();
}

#[test]
fn after_a_restart_of_the_board_the_next_picture_goes_on() {
    let server = Server::play_each(3, |index, mut peer| {
        assert_eq!(peer.frame().1, pictures()[index]);
        match index {
            0 => peer.close(1001, "the server is shutting down"),
            1 => drop(peer), // the power fails
            _ => {
                peer.taken_and_processed(3);
                assert_eq!(peer.closed(), (1000, 0));
            }
        }
    });
    let (child, mut input, mut error) = send_stdin(&server.url, &[]);
    let pictures = pictures();
    input.write_all(&pictures[0]).expect("it reads");
    assert_eq!(next(&mut error), "the server closed the connection: 1001, the server is shutting down; trying again");
    input.write_all(&pictures[1]).expect("it reads");
    assert!(next(&mut error).starts_with("connected again"));
    let line = next(&mut error);
    assert!(line.starts_with("the connection is lost: ") && line.ends_with("; trying again"), "{line}");
    input.write_all(&pictures[2]).expect("it reads");
    assert!(next(&mut error).starts_with("connected again"));
    drop(input);
    assert_eq!(child.wait_with_output().expect("it ends").status.code(), Some(0));
    server.join();
}

#[test]
fn a_full_board_is_asked_again() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("free ports");
    let server = Server::listen(listener, 2, |index, stream| match index {
        0 => Server::answer(stream, "503 Service Unavailable\r\nRetry-After: 5", "16 clients are connected already.\n"),
        _ => {
            let mut peer = Peer::accept(stream);
            peer.frame();
            peer.taken_and_processed(1);
            peer.closed();
        }
    });
    let (child, mut input, mut error) = send_stdin(&server.url, &[]);
    input.write_all(&pictures()[0]).expect("it reads");
    let why = "answers 503 Service Unavailable: 16 clients are connected already.; trying again";
    assert_eq!(next(&mut error), format!("{}/?results {why}", server.url));
    assert!(next(&mut error).starts_with("connected again"));
    drop(input);
    assert_eq!(child.wait_with_output().expect("it ends").status.code(), Some(0));
    server.join();
}

#[test]
fn another_sender_ends_it_and_so_does_a_camera_that_is_not_there() {
    let server = Server::play(|mut peer| {
        peer.frame();
        peer.close(1008, fovea::wire::REPLACED);
    });
    let (child, mut input, mut error) = send_stdin(&server.url, &[]);
    input.write_all(&pictures()[0]).expect("it reads");
    assert!(next(&mut error).contains("1 frames sent"));
    assert_eq!(
        next(&mut error),
        "the server closed the connection: 1008, another client sends this camera's frames now"
    );
    assert_eq!(child.wait_with_output().expect("it ends").status.code(), Some(1));
    drop(input);
    server.join();

    let server = Server::refuse("404 Not Found", "There is no camera \"dor\" here. Cameras: door.\n");
    let (child, input, mut error) = send_stdin(&format!("{}/frames/dor", server.url), &[]);
    assert!(next(&mut error).starts_with("0 frames sent"));
    assert!(next(&mut error).contains("answers 404 Not Found: There is no camera \"dor\" here."));
    assert_eq!(child.wait_with_output().expect("it ends").status.code(), Some(1));
    drop(input);
    server.join();
}

#[test]
fn what_was_not_sent_at_the_end_of_the_input_is_a_failure() {
    let address = TcpListener::bind("127.0.0.1:0").expect("free ports").local_addr().expect("bound");
    let (child, mut input, _) = send_stdin(&format!("ws://{address}"), &[]);
    input.write_all(&pictures()[0]).expect("it reads");
    drop(input);
    assert_eq!(child.wait_with_output().expect("it ends").status.code(), Some(1));
}

#[test]
fn a_picture_that_the_board_does_not_take_is_left_out() {
    let (told, is_told) = channel();
    let server = Server::play(move |mut peer| {
        let limits = json!({"max_message_bytes": 700, "max_pixels": 1, "message_timeout_ms": 1, "idle_timeout_ms": 1});
        peer.send_json("hello", json!({"server": "fovea test", "clock_us": 1, "limits": limits}));
        peer.send_json("clock", json!({"server_us": 1}));
        assert!(peer.next().is_text(), "it has read the limits");
        told.send(()).expect("the test waits");
        assert_eq!(peer.closed(), (1000, 0));
    });
    let (child, mut input, mut error) = send_stdin(&server.url, &[]);
    within_limit(&is_told);
    input.write_all(&pictures()[0]).expect("it reads");
    let line = next(&mut error);
    let bytes = pictures()[0].len();
    assert_eq!(
        line,
        format!(
            "a picture of {bytes} bytes is too large, so fovea skips it; the server accepts messages of 700 bytes (server.max_message_bytes)"
        )
    );
    drop(input);
    assert!(next(&mut error).ends_with("0 taken, 0 superseded, 0 refused, 1 skipped as unreadable"));
    assert_eq!(child.wait_with_output().expect("it ends").status.code(), Some(1));
    server.join();
}

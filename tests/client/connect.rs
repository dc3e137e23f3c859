//! The errors of a connection that cannot be made.

use std::{io::Write, net::TcpListener, os::fd::AsFd};

use fovea::{
    commands::client::{Client, ClientEvent, ClientOptions},
    system::event_fd::EventFd,
};

use super::{data, run, server::Server};

fn send(url: &str) -> (i32, String, String) {
    run(&["send", url, &data("odd/plain.avi")])
}

#[test]
fn a_refusal_shows_status_and_body() {
    let server = Server::refuse("404 Not Found", "There is no camera \"dor\" here. Cameras: door, yard.\n");
    let url = format!("{}/frames/dor", server.url);
    let expected = format!("{url} answers 404 Not Found: There is no camera \"dor\" here. Cameras: door, yard.\n");
    assert_eq!(send(&url), (1, String::new(), expected));
    server.join();
}

#[test]
fn a_refusal_without_a_body_is_its_status() {
    let server = Server::refuse("503 Service Unavailable\r\nRetry-After: 5", "");
    let (code, _, error) = run(&["watch", &server.url]);
    assert_eq!((code, error), (1, format!("{}/results answers 503 Service Unavailable\n", server.url)));
    server.join();
}

#[test]
fn a_port_where_nobody_listens_asks_the_right_questions() {
    let address = TcpListener::bind("127.0.0.1:0").expect("free ports").local_addr().expect("bound");
    let (code, _, error) = send(&format!("ws://{address}"));
    let expected = format!(
        "cannot connect to {address}; check that fovea runs there and that its server.listen is an address that \
         others can reach: Connection refused (os error 111)\n"
    );
    assert_eq!((code, error), (1, expected));
}

#[test]
fn what_is_not_fovea_is_told_apart() {
    let server = Server::raw(|mut stream| {
        let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n"); // the client may have heard enough by then
    });
    let (code, _, error) = send(&server.url);
    assert_eq!(code, 1);
    assert!(error.starts_with(&format!("the program that answers at {} is not fovea: ", &server.url[5..])), "{error}");
    server.join();
}

#[test]
fn a_wrong_url_says_what_to_write() {
    let (code, _, error) = send("http://eye:8999/frames/door");
    assert_eq!(code, 2);
    assert!(error.contains("write ws://eye:8999/frames/door"), "{error}");
    let (code, _, error) = run(&["watch", "ws://eye/frames/door"]);
    assert_eq!(code, 1);
    let expected =
        "ws://eye:8999/frames/door is a URL for sending frames; to watch, write ws://eye:8999/results/door\n";
    assert_eq!(error, expected);
}

#[test]
fn a_recording_that_is_none_is_told_before_connecting() {
    let (code, _, error) = run(&["send", "ws://127.0.0.1:1", "/no/such.avi"]);
    assert_eq!((code, error.as_str()), (1, "cannot open /no/such.avi: No such file or directory (os error 2)\n"));
}

#[test]
fn a_stop_comes_before_messages_that_wait() {
    let server = Server::play(|mut peer| {
        peer.texts(&["one", "two"]);
        assert!(peer.socket_is_dropped());
    });
    let stop = EventFd::new().expect("descriptors are left");
    let mut client =
        Client::connect(&server.url.parse().expect("a URL"), None, &ClientOptions::default()).expect("it is there");
    assert_eq!(client.next_event(None, stop.as_fd()).expect("connected"), ClientEvent::Text("one".into()));
    stop.set();
    assert_eq!(client.next_event(None, stop.as_fd()).expect("connected"), ClientEvent::Stopped);
    stop.clear();
    assert_eq!(client.next_event(None, stop.as_fd()).expect("connected"), ClientEvent::Text("two".into()));
    drop(client);
    server.join();
}

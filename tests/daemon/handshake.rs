//! Who is let in, and what those are told who are not.

use crate::support::{
    client::Client,
    daemon::{DOOR, Daemon},
    eventually,
    pictures::Picture,
    raw::{self, BINARY, FINAL, Raw, TEXT, request},
};

const TWO: &str = "[[camera]]\nname = \"door\"\n[[camera]]\nname = \"yard\"\n";

/// The answer to a request, told to be the last one.
fn answer(daemon: &Daemon, request: impl AsRef<[u8]>) -> (u16, String, String) {
    let mut client = Raw::connect(daemon);
    client.send(request);
    let answer = client.denial();
    let is_last = |line: &str| line.starts_with("connection: ") && line.ends_with("close");
    assert!(answer.1.lines().any(is_last), "{answer:?}");
    let length = format!("content-length: {}\r\n", answer.2.len());
    assert!(answer.1.contains(&length), "{answer:?}");
    answer
}

#[test]
fn a_wrong_path_is_answered_with_the_right_ones() {
    let daemon = Daemon::start(TWO);
    let body = |path: &str| {
        let (status, _, body) = answer(&daemon, request(path, ""));
        assert_eq!(status, 404, "{path}: {body}");
        body
    };
    assert_eq!(body("/frames/dor"), "There is no camera \"dor\" here. Cameras: door, yard.\n");
    assert_eq!(body("/results/attic"), "There is no camera \"attic\" here. Cameras: door, yard.\n");
    assert_eq!(body("/"), "With more than one camera, send to /frames/CAMERA. Cameras: door, yard.\n");
    assert_eq!(
        body("/admin"),
        "There is nothing at \"/admin\". Send frames to /frames/CAMERA, read results from /results or \
         /results/CAMERA. Cameras: door, yard.\n"
    );
    daemon.wait_for_line("denied: 404 Not Found There is no camera \"dor\" here.");
}

#[test]
fn pages_of_other_sites_are_refused_unless_they_are_allowed() {
    let daemon = Daemon::start(&format!("server.allowed_origins = [\"https://panel.example.org\"]\n{DOOR}"));
    let (status, _, body) = answer(&daemon, request("/", "Origin: https://example.org\r\n"));
    assert_eq!(status, 403);
    assert_eq!(
        body,
        "Pages of https://example.org may not connect. To allow them, add this origin to server.allowed_origins.\n"
    );
    for allowed in ["https://panel.example.org", "http://127.0.0.1:8080"] {
        let mut client = Raw::connect(&daemon);
        client.send(request("/", &format!("Origin: {allowed}\r\n")));
        assert!(client.head().starts_with("HTTP/1.1 101 "), "{allowed}");
    }
}

#[test]
fn what_is_no_websocket_is_told_what_this_is() {
    let daemon = Daemon::start(DOOR);
    let (status, head, body) = answer(&daemon, "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    assert_eq!(status, 426);
    assert!(head.contains("upgrade: websocket\r\n"), "{head}");
    assert!(head.contains("connection: Upgrade, close\r\n"), "{head}");
    assert!(body.starts_with("This port speaks WebSocket: send frames to ws://HOST:PORT/frames/CAMERA"), "{body}");

    let (status, _, body) = answer(&daemon, "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 3\r\n\r\nabc");
    assert_eq!((status, body.as_str()), (405, "A WebSocket request must use GET.\n"));

    let tls_hello = b"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03\r\n\r\n";
    let (status, _, body) = answer(&daemon, tls_hello);
    assert_eq!(status, 400);
    assert!(body.starts_with("This is not an HTTP/1.1 request: "), "{body}");

    Client::connect(&daemon, "/?results").send(Picture::scene(32, 32).jpeg());
}

#[test]
fn an_endless_request_is_refused() {
    let daemon = Daemon::start(DOOR);
    let cookie = format!("Cookie: {}\r\n", "x".repeat(20_000));
    let mut client = Raw::connect(&daemon);
    client.send(&request("/", &cookie)[..18_000]);
    let (status, _, body) = client.denial();
    assert_eq!((status, body.as_str()), (431, "The request is longer than 16384 bytes.\n"));
}

#[test]
fn a_request_that_takes_too_long_is_refused() {
    let daemon = Daemon::start(&format!("server.handshake_timeout_ms = 100\n{DOOR}"));
    for begun in ["", "GET / HTTP/1.1\r\nHost: 127"] {
        let mut client = Raw::connect(&daemon);
        client.send(begun);
        let (status, _, body) = client.denial();
        assert_eq!((status, body.as_str()), (408, "The request did not arrive within server.handshake_timeout_ms.\n"));
    }
}

#[test]
fn one_client_too_many_is_told_to_come_back_and_may() {
    let daemon = Daemon::start(&format!("server.max_clients = 2\n{DOOR}"));
    let first = Client::connect(&daemon, "/results");
    let _second = Client::connect(&daemon, "/results");
    let (status, head, body) = answer(&daemon, request("/results", ""));
    assert_eq!(status, 503);
    assert!(head.contains("retry-after: 5\r\n"), "{head}");
    assert_eq!(body, "2 clients are connected, and server.max_clients allows no more. Try again later.\n");

    drop(first);
    eventually("a place is free", || {
        let mut client = Raw::connect(&daemon);
        client.send(request("/results", ""));
        client.head().starts_with("HTTP/1.1 101 ")
    });
}

#[test]
fn what_follows_the_request_at_once_is_not_lost() {
    let daemon = Daemon::start(DOOR);
    let frame = raw::frame(FINAL | BINARY, &Picture::scene(64, 48).jpeg());
    let whole = [request("/?results", "").into_bytes(), frame].concat();
    // All at once, and with every cut there is around the end of the request.
    let end = request("/?results", "").len();
    for cut in [whole.len(), end - 1, end, end + 1, end + 7, end + 300] {
        let mut client = Raw::connect(&daemon);
        client.send(&whole[..cut]);
        client.send(&whole[cut..]);
        assert!(client.head().starts_with("HTTP/1.1 101 "));
        let result = String::from_utf8(client.frame_of(FINAL | TEXT)).expect("text");
        assert!(result.contains(r#""type":"result","camera":"door","seq":1,"#), "{result}");
    }
}

#[test]
fn the_sub_protocol_is_agreed_on_only_if_it_is_offered() {
    let daemon = Daemon::start(DOOR);
    for (offered, agreed) in [("chat, fovea.v1", true), ("fovea.v2", false), ("", false)] {
        let header = if offered.is_empty() { String::new() } else { format!("Sec-WebSocket-Protocol: {offered}\r\n") };
        let mut client = Raw::connect(&daemon);
        client.send(request("/", &header));
        let head = client.head();
        assert_eq!(head.contains("sec-websocket-protocol: fovea.v1\r\n"), agreed, "{offered}: {head}");
    }
}

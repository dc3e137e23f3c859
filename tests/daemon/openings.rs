//! The opening requests of libraries and browsers, byte for byte, and what a page may not make of them. `tests/data/README.md`
//! says where they are from.

use serde_json::Value;

use crate::support::{
    daemon::{DOOR, Daemon, HTTP},
    http::get,
    pictures::Picture,
    raw::{self, BINARY, FINAL, PING, PONG, Raw, TEXT},
};

const LINKS2004: &str = include_str!("../data/openings/links2004.http");
const GILMAIMON: &str = include_str!("../data/openings/gilmaimon.http");
const ESPRESSIF: &str = include_str!("../data/openings/espressif.http");
const UWEBSOCKETS: &str = include_str!("../data/openings/uwebsockets.http");
const BROWSERS: [&str; 3] = [
    include_str!("../data/openings/chromium.http"),
    include_str!("../data/openings/firefox.http"),
    include_str!("../data/openings/webkit.http"),
];

/// The request with this value in this header.
fn with(request: &str, header: &str, value: &str) -> String {
    let (head, rest) = request.split_once(&format!("\r\n{header}: ")).expect("it has this header");
    let (_, rest) = rest.split_once("\r\n").expect("a line has an end");
    format!("{head}\r\n{header}: {value}\r\n{rest}")
}

/// The status of the answer.
fn status(daemon: &Daemon, request: &str) -> u16 {
    let mut client = Raw::connect(daemon);
    client.send(request);
    raw::status(&client.head())
}

/// The status and the text of an answer that does not let the client in.
fn denial(daemon: &Daemon, request: &str) -> (u16, String) {
    let mut client = Raw::connect(daemon);
    client.send(request);
    let (status, _, text) = client.denial();
    (status, text)
}

#[test]
fn libraries_for_microcontrollers_are_let_in_as_they_are() {
    let daemon = Daemon::start(DOOR);
    for request in [LINKS2004, GILMAIMON, ESPRESSIF, UWEBSOCKETS] {
        let mut client = Raw::connect(&daemon);
        client.send(request.replace("/frames/door", "/frames/door?results"));
        let head = client.head();
        // What these libraries look for, as they look for it.
        assert!(head.starts_with("HTTP/1.1 101 "), "{request}{head}");
        assert!(head.contains("\r\nconnection: Upgrade\r\n"), "{head}");
        assert!(head.contains("\r\nupgrade: websocket\r\n"), "{head}");
        assert!(head.contains("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), "{head}");
        // A sub-protocol that the server does not speak is not agreed on, which they do not mind.
        assert!(!head.to_lowercase().contains("sec-websocket-protocol"), "{head}");

        client.send(raw::frame(FINAL | BINARY, &Picture::scene(64, 48).jpeg()));
        let result = String::from_utf8(client.frame_of(FINAL | TEXT)).expect("text");
        assert!(result.contains(r#""type":"result","camera":"door","seq":1,"#), "{result}");
    }
}

#[test]
fn micropython_is_let_in_by_whatever_name_it_has_for_the_board() {
    let daemon = Daemon::start(DOOR);
    for host in
        ["192.168.1.20:8999", "fovea.local:8999", "fovea:8999", "fovea.example.org:8999", "fovea.example.org:80"]
    {
        let request = with(&with(UWEBSOCKETS, "Host", host), "Origin", &format!("http://{host}"));
        assert_eq!(status(&daemon, &request), 101, "{host}");
    }
    let foreign = with(UWEBSOCKETS, "Origin", "http://fovea.example.org:8999");
    assert_eq!(status(&daemon, &foreign), 403);
}

#[test]
fn pages_of_this_very_board_are_let_in_from_every_browser() {
    let daemon = Daemon::start(DOOR);
    for request in BROWSERS {
        assert_eq!(status(&daemon, request), 101, "{request}");
        for host in ["localhost:8999", "fovea.local:8999", "[2001:db8::7]:8999"] {
            let page = format!("http://{}", host.replace("8999", "8080"));
            let request = with(&with(request, "Host", host), "Origin", &page);
            assert_eq!(status(&daemon, &request), 101, "{request}");
        }
    }
}

#[test]
fn foreign_pages_stay_out_whatever_they_look_like() {
    let daemon = Daemon::start(DOOR);
    let origins = [
        "null",                           // from a file, a sandbox, a data: URL
        "file://",                        // from a file, in a Chromium that lets these read other files
        "http://evil.com",                // of another site
        "http://localhost.evil.com",      // whose name begins well
        "http://127.0.0.1.evil.com:8999", // the same
        "http://192.168.1.2",             // of another board
        "HTTP://EVIL.COM",                // no browser writes this and what follows
        "http://evil.com/",
        "http://127.0.0.1:1@evil.com",
        "http://[127.0.0.1]evil.com",
        "https://github.com/gilmaimon/TinyWebsockets",
        "arduino",
        "",
    ];
    for origin in origins {
        for request in BROWSERS {
            let request = with(request, "Origin", origin);
            let (status, text) = denial(&daemon, &request);
            assert_eq!(status, 403, "{request}");
            assert!(text.contains("add this origin to server.allowed_origins"), "{text}");
        }
    }
    // What looks like an origin is none of a library's.
    let like_origins =
        origins.iter().filter(|origin| *origin == &"null" || origin.to_lowercase().starts_with("http://"));
    for origin in like_origins {
        let request = with(LINKS2004, "Origin", origin);
        assert_eq!(status(&daemon, &request), 403, "{request}");
    }
    let two = LINKS2004.replace("Origin: ", "Origin: http://evil.com\r\nOrigin: ");
    assert_eq!(denial(&daemon, &two), (403, "The request has more than one Origin header.\n".to_owned()));
}

/// The owner of a name can point it at the board. Then a page of that name is of the board's own host, as browsers see it.
#[test]
fn a_page_whose_name_was_pointed_at_the_board_stays_out() {
    let daemon = Daemon::start(DOOR);
    for request in BROWSERS {
        let request = with(&with(request, "Host", "evil.com:8999"), "Origin", "http://evil.com:8999");
        assert_eq!(status(&daemon, &request), 403, "{request}");
    }
}

#[test]
fn a_page_that_its_browser_calls_another_sites_stays_out_unless_it_is_allowed() {
    let daemon = Daemon::start(&format!("server.allowed_origins = [\"https://panel.example.org\", \"null\"]\n{DOOR}"));
    let firefox = BROWSERS[1].replace("Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: cross-site");
    assert_eq!(status(&daemon, &firefox), 403);
    let without_origin = firefox.replace("Origin: http://127.0.0.1:8999\r\n", "");
    let (status_without, text) = denial(&daemon, &without_origin);
    assert_eq!(status_without, 403);
    assert_eq!(
        text,
        "Pages of other sites may not connect. To allow them, add their origin to server.allowed_origins.\n"
    );
    for allowed in ["https://panel.example.org", "null"] {
        assert_eq!(status(&daemon, &with(&firefox, "Origin", allowed)), 101, "{allowed}");
    }
}

#[test]
fn a_request_without_a_proper_host_is_refused() {
    let daemon = Daemon::start(DOOR);
    for host in
        ["", "[127.0.0.1]evil.com", "127.0.0.1:1@evil.com", "127.0.0.1, evil.com", "127.0.0.1:port", "127.0.0.1/"]
    {
        for request in [ESPRESSIF, BROWSERS[0]] {
            let request = with(request, "Host", host);
            let (status, text) = denial(&daemon, &request);
            assert_eq!(status, 400, "{request}");
            assert!(text.starts_with("The request needs one Host header"), "{text}");
        }
    }
    for host_line in ["", "Host: 192.168.1.20:8999\r\nHost: evil.com\r\n"] {
        let request = ESPRESSIF.replace("Host: 192.168.1.20:8999\r\n", host_line);
        assert_eq!(status(&daemon, &request), 400, "{request}");
    }
}

#[test]
fn a_sender_of_bare_pictures_may_chatter() {
    let mut daemon = Daemon::start(&format!("{HTTP}{DOOR}"));
    let mut client = Raw::connect(&daemon);
    client.send(LINKS2004.replace("/frames/door", "/frames/door?results"));
    client.head();
    // As the libraries' examples do: words, and pings.
    for text in ["Connected", "Hello Server", "", r#"{"type":"reboot"}"#, "\u{1b}[2J"] {
        client.send(raw::frame(FINAL | TEXT, text.as_bytes()));
        client.send(raw::frame(FINAL | PING, b""));
        assert_eq!(client.frame_of(FINAL | PONG), b"");
    }
    client.send(raw::frame(FINAL | BINARY, &Picture::scene(64, 48).jpeg()));
    let result = String::from_utf8(client.frame_of(FINAL | TEXT)).expect("text");
    assert!(result.contains(r#""type":"result","camera":"door","seq":1,"#), "{result}");

    let status: Value = get(&daemon, "/api/status").json();
    let door = &status["cameras"][0];
    assert_eq!((&door["ignored_texts"], &door["received"]), (&Value::from(5), &Value::from(1)), "{status}");
    assert!(get(&daemon, "/metrics").text().contains("fovea_ignored_texts_total{camera=\"door\"} 5\n"));

    client.send(raw::frame(FINAL | raw::CLOSE, b""));
    assert_eq!(client.frame_of(FINAL | raw::CLOSE), b"");
    daemon.wait_for_line("disconnects after 1 frames and 5 ignored texts: the client left");
    let end = daemon.stop();
    let line = "sends text that is neither a picture nor a control message; it is ignored: \"Connected\"";
    assert_eq!((end.lines_with(line), end.lines_with("is ignored")), (1, 1), "{}", end.log);
}

#[test]
fn who_chatters_without_end_fills_no_log_and_holds_up_nobody() {
    let mut daemon = Daemon::start(&format!("{DOOR}[[camera]]\nname = \"yard\"\n"));
    let mut noisy = Raw::connect(&daemon);
    noisy.send(LINKS2004);
    noisy.head();
    let words = raw::frame(FINAL | TEXT, "word ".repeat(100).as_bytes()).repeat(200);
    noisy.send(&words);
    let mut camera = Raw::open(&daemon, "/frames/yard?results");
    for seq in 1..=5 {
        noisy.send(&words[..words.len() / 100]);
        camera.send(raw::frame(FINAL | BINARY, &Picture::scene(64, 48).jpeg()));
        let result = String::from_utf8(camera.frame_of(FINAL | TEXT)).expect("text");
        assert!(result.contains(&format!(r#""camera":"yard","seq":{seq},"#)), "{result}");
    }
    let end = daemon.stop();
    assert_eq!(end.lines_with("is ignored"), 1, "{}", end.log);
}

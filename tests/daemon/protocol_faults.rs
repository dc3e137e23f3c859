//! What a client may not do, and the code and reason it is sent away with; and what it may, odd as it looks.

use crate::support::{
    client::Client,
    daemon::{DOOR, Daemon},
    pictures::Picture,
    raw::{self, BINARY, CLOSE, CONTINUATION, FINAL, PING, PONG, Raw, TEXT},
};

const UNSUPPORTED: &str = "a text message must be a data:image/...;base64, URL or an answer to \"clock\"";
const UNKNOWN: &str = "a frame header that WebSocket does not define";
const TO_READERS: &str = "send frames to /frames/CAMERA, not to /results";
const TOP_BIT: &str = "a length whose highest bit is set";
const NOT_MINIMAL: &str = "a length in more bytes than it needs";
const TOO_LARGE: &str =
    "the message is larger than this connection accepts; for frames server.max_message_bytes is the limit";

#[test]
fn each_fault_has_its_code_and_reason() {
    let daemon = Daemon::start(&format!("server.max_message_bytes = 100000\n{DOOR}"));
    let of = |first: u8, payload: &[u8]| raw::frame(first, payload);
    let half = of(TEXT, b"half of it, ");
    let cases: [(&str, Vec<u8>, u16, &str); 19] = [
        ("text that is nothing", of(FINAL | TEXT, b"hello"), 1003, UNSUPPORTED),
        ("JSON that is not ours", of(FINAL | TEXT, br#"{"type":"reboot"}"#), 1003, UNSUPPORTED),
        ("no text at all", of(FINAL | TEXT, b""), 1003, UNSUPPORTED),
        ("text in Latin-1", of(FINAL | TEXT, b"T\xfcr"), 1007, "a text message that is not UTF-8"),
        ("a message too large by one", raw::header(FINAL | BINARY, 100_001, true), 1009, TOO_LARGE),
        ("a message of 2^63 - 1 bytes", raw::header(FINAL | BINARY, i64::MAX as u64, true), 1009, TOO_LARGE),
        ("a message of 2^63 bytes", raw::header(FINAL | BINARY, 1 << 63, true), 1002, TOP_BIT),
        ("three bytes, told in 16 bits", vec![FINAL | BINARY, 0xfe, 0, 3], 1002, NOT_MINIMAL),
        ("three bytes, told in 64 bits", vec![FINAL | BINARY, 0xff, 0, 0, 0, 0, 0, 0, 0, 3], 1002, NOT_MINIMAL),
        ("no mask", raw::header(FINAL | BINARY, 3, false), 1002, "frames from a client must be masked"),
        (
            "a reserved bit",
            of(FINAL | 0x40 | BINARY, b"abc"),
            1002,
            "reserved bits are set, but no extension was negotiated",
        ),
        ("no beginning", of(FINAL | CONTINUATION, b"abc"), 1002, "a continuation frame without a message"),
        ("two beginnings", [half.clone(), half].concat(), 1002, "a new message before the end of another"),
        ("half a ping", of(PING, b"abc"), 1002, "a control frame must be in one piece and have at most 125 bytes"),
        (
            "a long ping",
            of(FINAL | PING, &[0; 126]),
            1002,
            "a control frame must be in one piece and have at most 125 bytes",
        ),
        ("an unknown control frame", of(FINAL | 0xb, b""), 1002, UNKNOWN),
        ("an unknown data frame", of(FINAL | 0x3, b""), 1002, UNKNOWN),
        ("half a close code", of(FINAL | CLOSE, &[3]), 1002, "a close frame with half a close code"),
        (
            "a close code that is never sent",
            of(FINAL | CLOSE, &1006_u16.to_be_bytes()),
            1002,
            "a close code that must not be sent",
        ),
    ];
    for (name, bytes, code, reason) in cases {
        // A sender of bare pictures may send texts that mean nothing.
        let mut client = Raw::open_with(&daemon, "/", "Sec-WebSocket-Protocol: fovea.v1\r\n");
        // Eight bytes more, so that a header's mask is there; nobody reads the rest.
        client.send([bytes, vec![0; 8]].concat());
        client.hang_up();
        assert_eq!(client.closed(), (code, reason.to_owned()), "{name}");
    }
    let mut good = Client::connect(&daemon, "/?results");
    good.send(Picture::scene(32, 32).jpeg());
    assert_eq!(good.next_of("result")["seq"], 1);
}

#[test]
fn many_pieces_too_large_together_are_refused_at_the_one_too_many() {
    let daemon = Daemon::start(&format!("server.max_message_bytes = 2000\n{DOOR}"));
    let mut client = Raw::open(&daemon, "/");
    client.send(raw::frame(BINARY, &[0; 1000]));
    client.send(raw::frame(CONTINUATION, &[0; 1000]));
    client.send(raw::frame(CONTINUATION, &[0; 1]));
    client.hang_up();
    assert_eq!(client.closed(), (1009, TOO_LARGE.to_owned()));
}

#[test]
fn a_reader_has_nothing_to_send() {
    let daemon = Daemon::start(DOOR);
    for message in [raw::frame(FINAL | BINARY, &Picture::scene(16, 16).jpeg()), raw::frame(FINAL | TEXT, b"hello")] {
        let mut reader = Raw::open(&daemon, "/results");
        reader.send(message);
        reader.hang_up();
        assert_eq!(reader.closed(), (1003, TO_READERS.to_owned()));
    }
}

#[test]
fn a_message_in_many_pieces_with_pings_between_is_one_frame() {
    let daemon = Daemon::start(DOOR);
    let mut client = Raw::open(&daemon, "/?results");
    let jpeg = Picture::scene(160, 120).jpeg();
    let pieces = jpeg.chunks(97);
    let last = pieces.len() - 1;
    for (number, piece) in pieces.enumerate() {
        let kind = if number == 0 { BINARY } else { CONTINUATION };
        client.send(raw::frame(if number == last { FINAL | kind } else { kind }, piece));
        let token = [b'#', u8::try_from(number % 256).expect("a byte")];
        client.send(raw::frame(FINAL | PING, &token));
        assert_eq!(client.frame_of(FINAL | PONG), token);
    }
    let mut client = Raw::open(&daemon, "/?results");
    // Empty pieces are pieces too.
    client.send(raw::frame(BINARY, b""));
    client.send(raw::frame(CONTINUATION, &jpeg));
    client.send(raw::frame(FINAL | CONTINUATION, b""));
    let result = String::from_utf8(client.frame_of(FINAL | TEXT)).expect("text");
    assert!(result.contains(r#""size_px":[160,120]"#), "{result}");
}

/// The library arduinoWebSockets by Links2004 writes the length 65535 in 64 bits, where 16 would do.
#[test]
fn a_picture_of_65535_bytes_may_come_as_esp32_send_it() {
    let daemon = Daemon::start(DOOR);
    let mut client = Raw::open(&daemon, "/?results");
    let mut picture = Picture::scene(160, 120).jpeg();
    assert!(picture.len() < 65_535);
    picture.resize(65_535, 0); // behind its end
    let mut frame = vec![FINAL | BINARY, 0xff];
    frame.extend(65_535_u64.to_be_bytes());
    frame.extend([0; 4]);
    frame.extend(picture);
    client.send(frame);
    let result = String::from_utf8(client.frame_of(FINAL | TEXT)).expect("text");
    assert!(result.contains(r#""size_px":[160,120]"#), "{result}");
}

#[test]
fn a_ping_is_answered_with_its_own_bytes() {
    let daemon = Daemon::start(DOOR);
    for path in ["/", "/results"] {
        let mut client = Raw::open(&daemon, path);
        for bytes in [&b""[..], b"x", &[0xa5; 125]] {
            client.send(raw::frame(FINAL | PING, bytes));
            assert_eq!(client.frame(), (FINAL | PONG, bytes.to_vec()));
        }
        client.send(raw::frame(FINAL | PONG, b"an answer to nothing"));
    }
}

#[test]
fn a_goodbye_is_answered_with_its_own_code() {
    let daemon = Daemon::start(DOOR);
    for path in ["/", "/results"] {
        let mut client = Raw::open(&daemon, path);
        client.send(raw::frame(FINAL | CLOSE, b"\x03\xe8thank you"));
        assert_eq!(client.frame(), (FINAL | CLOSE, 1000_u16.to_be_bytes().to_vec()));
        assert!(client.is_dropped());

        // Registered after RFC 6455: Bad Gateway.
        let mut client = Raw::open(&daemon, path);
        client.send(raw::frame(FINAL | CLOSE, &1014_u16.to_be_bytes()));
        assert_eq!(client.frame(), (FINAL | CLOSE, 1014_u16.to_be_bytes().to_vec()));
        assert!(client.is_dropped());

        let mut client = Raw::open(&daemon, path);
        client.send(raw::frame(FINAL | CLOSE, b""));
        assert_eq!(client.frame(), (FINAL | CLOSE, Vec::new()));
        assert!(client.is_dropped());
    }
}

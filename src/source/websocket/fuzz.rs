//! Fuzz targets for what clients send to the port.

use std::{
    io::{self, Read, Write},
    net::SocketAddr,
    sync::Arc,
};

use bytes::Bytes;
use strum::EnumCount;
use tungstenite::{
    Message as WsMessage, WebSocket,
    handshake::server::Request,
    http::header,
    protocol::{Role as WsRole, WebSocketConfig, frame::coding::CloseCode},
};

use super::{
    admit::{self, PictureLimits},
    clock_offset::ClockOffset,
    handshake::{HandshakeError, KnownCamera, Role, accept, parse},
    receive::{Incoming, Receiver, RecvError},
};
use crate::{
    access::{Access, Policy, Port, credentials::Credentials, secret::Secret, tokens::Tokens},
    frame::{Camera, CapturedBy, Frame, Origin},
    message::{Clock, Message},
    source::buffers::Pool,
    system::{authority, clock::Monotonic},
    telemetry::rejections::RejectReason,
    wire::{HEADER_BYTES, Header, MAGIC},
};

/// The longest message of the receiver's clients.
const MAX_MESSAGE_BYTES: usize = 1000;

/// A connection, from the first byte behind the handshake. The first byte of the input is the length of a read.
///
/// What is received does not depend on how the bytes are split, and is what tungstenite receives.
pub fn receiver(input: &[u8]) {
    let Some((&piece_bytes, sent)) = input.split_first() else { return };
    let at_once = receive(sent, usize::MAX);
    assert_eq!(receive(sent, usize::from(piece_bytes).max(1)), at_once, "read in pieces");

    let ours = at_once.0.into_iter().filter(|incoming| *incoming != Incoming::Fragment);
    // Where one of both stops earlier, nothing can be compared: tungstenite checks a text while it is incomplete.
    for (ours, theirs) in ours.zip(tungstenite_receives(sent)) {
        match (ours, theirs) {
            // The code 1014 is registered, but not known to tungstenite.
            (Incoming::Close(_), Incoming::Close(_)) => {}
            (ours, theirs) => assert_eq!(ours, theirs),
        }
    }
}

/// What comes out of `sent` in reads of up to `piece_bytes`, and the code with which the connection is closed. The client
/// leaves at the end of it.
fn receive(sent: &[u8], piece_bytes: usize) -> (Vec<Incoming>, Option<CloseCode>) {
    let (mut socket, mut receiver) = (Pieces::of(sent, piece_bytes), Receiver::new(MAX_MESSAGE_BYTES));
    let mut all = Vec::new();
    loop {
        match receiver.next(&mut socket) {
            Ok(None) => {}
            Ok(Some(incoming)) => {
                match &incoming {
                    Incoming::Fragment => assert!(receiver.is_mid_message()),
                    Incoming::Binary(bytes) => assert!(bytes.len() <= MAX_MESSAGE_BYTES),
                    Incoming::Text(text) => assert!(text.len() <= MAX_MESSAGE_BYTES),
                    Incoming::Ping(bytes) => assert!(bytes.len() <= 125),
                    Incoming::Pong | Incoming::Close(_) => {}
                }
                let is_last = matches!(incoming, Incoming::Close(_));
                all.push(incoming);
                if is_last {
                    return (all, None);
                }
            }
            Err(RecvError::Gone(_)) => return (all, None),
            Err(RecvError::Fault(close)) => {
                assert!(close.reason.len() <= 123, "it must fit into a close frame");
                return (all, Some(close.code));
            }
        }
    }
}

fn tungstenite_receives(sent: &[u8]) -> impl Iterator<Item = Incoming> {
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE_BYTES))
        .max_frame_size(Some(MAX_MESSAGE_BYTES))
        .read_buffer_size(1024)
        .write_buffer_size(0);
    let mut socket = WebSocket::from_raw_socket(Pieces::of(sent, usize::MAX), WsRole::Server, Some(config));
    std::iter::from_fn(move || {
        loop {
            return match socket.read() {
                Ok(WsMessage::Binary(bytes)) => Some(Incoming::Binary(bytes)),
                Ok(WsMessage::Text(text)) => Some(Incoming::Text(text)),
                Ok(WsMessage::Ping(bytes)) => Some(Incoming::Ping(bytes)),
                Ok(WsMessage::Pong(_)) => Some(Incoming::Pong),
                Ok(WsMessage::Close(frame)) => Some(Incoming::Close(frame.map(|frame| frame.code))),
                Err(tungstenite::Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Ok(WsMessage::Frame(_)) | Err(_) => None,
            };
        }
    })
}

/// A socket that gives its bytes in pieces, with nothing to read between them, and takes everything.
struct Pieces<'a> {
    rest: &'a [u8],
    piece_bytes: usize,
    is_ready: bool,
}

impl<'a> Pieces<'a> {
    fn of(bytes: &'a [u8], piece_bytes: usize) -> Self {
        Self { rest: bytes, piece_bytes, is_ready: true }
    }
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.is_ready = !self.is_ready;
        if self.is_ready {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let most = self.piece_bytes.min(buffer.len());
        self.rest.read(&mut buffer[..most])
    }
}

impl Write for Pieces<'_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A request and the bytes behind it, for a port that needs a token and for one that does not.
///
/// It is understood when it is complete, whatever follows. Who is let in named a camera that there is, is no page of a foreign
/// site, and has a token for what it asks for where one is needed. Both answers are HTTP: no byte of the request gets out of its
/// place in them. The token is in neither.
pub fn handshake(input: &[u8]) {
    let request = match parse(input) {
        Ok(None) => return,
        Ok(Some((length, request))) => {
            assert!(parse(&input[..length]).is_ok_and(|found| found.is_some_and(|(same, _)| same == length)));
            assert!(!parse(&input[..length - 1]).is_ok_and(|found| found.is_some()), "it is complete one byte earlier");
            request
        }
        Err(error) => return check_denial(&error),
    };
    let cameras = ["door", "yard", "local"].map(Camera::new);
    let known = cameras.each_ref().map(|camera| KnownCamera { camera, is_local: camera.name() == "local" });
    let allowed = ["https://example.org".to_owned()];
    let hash = Secret::parse(SECRET).expect("it is one").digest();
    let tokens = Tokens::parse(&format!("cam send door sha256:{hash} 2026-11-26T08:12:31Z")).expect("as it is written");
    let peer = SocketAddr::from(([192, 0, 2, 7], 1000));
    for tokens in [None, Some(Arc::new(tokens))] {
        let access = Access::new(Policy { tokens, allow_anonymous: [false; Port::COUNT] });
        for known in [&known[..], &known[..1], &known[2..]] {
            let authorize = |carried: &Credentials, need| access.check(Port::Websocket, peer, carried, need);
            match accept(&request, known, &allowed, authorize) {
                Ok((route, grant, response)) => {
                    let response = String::from_utf8(response).expect("HTTP of this kind is ASCII");
                    assert!(response.starts_with("HTTP/1.1 101 "), "{response}");
                    assert!(response.split_once("\r\n\r\n").is_some_and(|(_, rest)| rest.is_empty()), "{response}");
                    assert!(!is_of_foreign_page(&request, &allowed), "{request:?}");
                    assert!(!response.contains(SECRET), "{response}");
                    let is_door = matches!(&route.role, Role::Sender { camera, .. } if camera.name() == "door");
                    assert!(access.tokens().is_none() || is_door && grant.token() == Some("cam"), "{route:?}");
                }
                Err(error) => {
                    let is_cited = request.uri().path().contains(SECRET);
                    assert!(is_cited || !error.body.contains(SECRET), "{}", error.body);
                    check_denial(&error);
                }
            }
        }
    }
}

/// The secret of the token of that port.
const SECRET: &str = "fovea_secret";

/// Whether a browser sends this request for a page of another host, or of none.
fn is_of_foreign_page(request: &Request, allowed: &[String]) -> bool {
    let text = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let Some(origin) = text(header::ORIGIN) else { return false };
    let asked = text(header::HOST).and_then(authority::host).unwrap_or_default();
    let is_foreign = |site| authority::host(site).is_some_and(|host| !host.eq_ignore_ascii_case(asked));
    !allowed.iter().any(|one| one == origin)
        && (origin == "null" || origin.split_once("://").is_some_and(|(_, site)| is_foreign(site)))
}

fn check_denial(error: &HandshakeError) {
    let answer = String::from_utf8(error.to_bytes()).expect("what is cited of a request is escaped");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head ends with an empty line");
    assert!(head.starts_with(&format!("HTTP/1.1 {} ", error.status.as_u16())), "{head}");
    let length = head.split("\r\n").find_map(|line| line.strip_prefix("content-length: "));
    assert_eq!(length, Some(&*body.len().to_string()), "{head}");
    assert!(!body.trim_end().contains(char::is_control), "{body:?}");
}

/// A binary message of `fovea.v1`: the header and the picture behind it.
pub fn header(input: &[u8]) {
    if let Ok((header, start)) = Header::parse(input) {
        assert!((HEADER_BYTES..=input.len()).contains(&start));
        assert_eq!(Header::parse(&header.encode()), Ok((header, HEADER_BYTES)));
    }
    let limits = PictureLimits { max_pixels: 4096 * 4096, max_side_px: 8192 };
    match headed(input, limits) {
        Ok(frame) => {
            assert!(frame.size().pixels() > 0);
            assert!(frame.bytes().len() <= input.len());
            if let Some(row_bytes) = frame.format().row_bytes(frame.size().width_px) {
                let rows = usize::try_from(frame.size().height_px).expect("at most 8192");
                assert!(row_bytes <= frame.stride_bytes());
                assert!(rows * frame.stride_bytes() <= frame.bytes().len());
            }
        }
        Err(reason) => assert!(reason.to_string().len() < 300, "it is logged and sent: {reason}"),
    }
}

/// The frame in a message, as a sender's connection admits it: text is a data URL, and a header is read if there is one.
///
/// # Errors
/// When it is refused.
pub(crate) fn frame(message: &[u8], max_pixels: u64, max_side_px: u32) -> Result<Frame, RejectReason> {
    let limits = PictureLimits { max_pixels, max_side_px };
    match str::from_utf8(message) {
        _ if message.starts_with(&MAGIC) => headed(message, limits),
        Ok(text) if admit::is_data_url(text) => bare(admit::data_url(text, &Pool::default())?, limits),
        _ => bare(Bytes::copy_from_slice(message), limits),
    }
}

fn headed(message: &[u8], limits: PictureLimits) -> Result<Frame, RejectReason> {
    let (header, start) = Header::parse(message)?;
    admit::headed(&header, Bytes::copy_from_slice(&message[start..]), limits)?.into_frame(origin())
}

fn bare(message: Bytes, limits: PictureLimits) -> Result<Frame, RejectReason> {
    admit::bare(message, limits)?.into_frame(origin())
}

fn origin() -> Origin {
    let (camera, captured_at) = (Camera::new("door"), Monotonic::from_micros(1_000_000));
    Origin { camera, seq: 1, captured_at, captured_by: CapturedBy::Arrival }
}

/// A text message of a `fovea.v1` sender.
///
/// Whatever is understood is written again as the same message. No answer to `clock` puts a frame behind its arrival.
pub fn control(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    let Ok(message) = Message::from_json(text) else { return };
    let written = message.to_json();
    let again = Message::from_json(&written).unwrap_or_else(|error| panic!("{error} in {written}"));
    assert_eq!(again.to_json(), written);

    if let Message::Clock(Clock { server_us, sender_us: Some(sender_us) }) = message {
        let (asked, arrival) =
            (Monotonic::from_micros(server_us), Monotonic::from_micros(server_us.saturating_add(500)));
        let mut clock = ClockOffset::default();
        clock.ask(asked);
        assert!(clock.answer(server_us, sender_us, arrival).is_some());
        for theirs_us in [0, 1, server_us, sender_us, u64::MAX] {
            assert!(clock.ours(theirs_us, arrival).is_some_and(|ours| ours <= arrival));
        }
    }
}

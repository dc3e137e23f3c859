//! A well-behaved client: tungstenite's, which keeps to the protocol and answers pings.

use std::{
    net::{SocketAddr, TcpStream},
    time::Instant,
};

use serde_json::Value;
use tungstenite::{ClientRequestBuilder, HandshakeError, Message, WebSocket, http::Uri};

use super::{LIMIT, daemon::Daemon, read_message};

/// A connected client. Each read fails the test if nothing comes in time.
#[derive(Debug)]
pub(crate) struct Client(WebSocket<TcpStream>);

impl Client {
    /// Connects without a sub-protocol.
    pub(crate) fn connect(daemon: &Daemon, path: &str) -> Self {
        Self::over(connected(daemon.address()), path)
    }

    /// Connects with `fovea.v1`, which the answer must agree to.
    pub(crate) fn connect_v1(daemon: &Daemon, path: &str) -> Self {
        Self::connect_v1_to(daemon.address(), path)
    }

    /// The same, to a daemon that may run elsewhere.
    pub(crate) fn connect_v1_to(address: SocketAddr, path: &str) -> Self {
        Self::over_v1(connected(address), path)
    }

    /// Makes a connection that is there already a client's.
    pub(crate) fn over(stream: TcpStream, path: &str) -> Self {
        Self::let_in(stream, path, None)
    }

    /// The same, with `fovea.v1`.
    pub(crate) fn over_v1(stream: TcpStream, path: &str) -> Self {
        Self::let_in(stream, path, Some("fovea.v1"))
    }

    /// Asks to be let in over a connection that is there already; gives the status with which it is denied.
    pub(crate) fn denied(stream: TcpStream, path: &str) -> u16 {
        match Self::upgrade(stream, path, None) {
            Err(tungstenite::Error::Http(answer)) => answer.status().as_u16(),
            other => panic!("{path}: instead of a denial: {other:?}"),
        }
    }

    fn let_in(stream: TcpStream, path: &str, protocol: Option<&str>) -> Self {
        Self::upgrade(stream, path, protocol).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    fn upgrade(stream: TcpStream, path: &str, protocol: Option<&str>) -> tungstenite::Result<Self> {
        let address = stream.peer_addr().expect("it is connected");
        stream.set_nodelay(true).expect("a TCP socket");
        stream.set_read_timeout(Some(LIMIT)).expect("not zero");
        stream.set_write_timeout(Some(LIMIT)).expect("not zero");
        let uri: Uri = format!("ws://{address}{path}").parse().expect("a path of a URL");
        let request = ClientRequestBuilder::new(uri);
        let request = match protocol {
            Some(protocol) => request.with_sub_protocol(protocol),
            None => request,
        };
        match tungstenite::client(request, stream) {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(HandshakeError::Failure(error)) => Err(error),
            Err(HandshakeError::Interrupted(_)) => panic!("{path}: no answer within {LIMIT:?}"),
        }
    }

    /// Sends a binary message.
    pub(crate) fn send(&mut self, bytes: impl Into<Vec<u8>>) {
        self.0.send(Message::binary(bytes.into())).expect("the daemon reads");
    }

    /// Sends a text message.
    pub(crate) fn send_text(&mut self, text: impl Into<String>) {
        self.0.send(Message::text(text.into())).expect("the daemon reads");
    }

    /// The next WebSocket message of any kind.
    pub(crate) fn next_message(&mut self) -> Message {
        self.0.read().unwrap_or_else(|error| panic!("instead of a message: {error}"))
    }

    /// The next JSON message, which is as published. Pings are answered meanwhile.
    pub(crate) fn next(&mut self) -> Value {
        let until = Instant::now() + LIMIT;
        loop {
            match self.next_message() {
                Message::Text(text) => return read_message(&text),
                Message::Ping(_) => assert!(Instant::now() < until, "nothing but pings in {LIMIT:?}"),
                other => panic!("instead of text: {other:?}"),
            }
        }
    }

    /// The next JSON message of a type; others are passed over.
    pub(crate) fn next_of(&mut self, kind: &str) -> Value {
        loop {
            let message = self.next();
            if message["type"] == kind {
                return message;
            }
        }
    }

    /// Sends a ping and gives all JSON messages that came before its pong.
    pub(crate) fn before_pong(&mut self) -> Vec<Value> {
        self.0.send(Message::Ping("here?".into())).expect("the daemon reads");
        let mut before = Vec::new();
        loop {
            match self.next_message() {
                Message::Text(text) => before.push(read_message(&text)),
                Message::Pong(bytes) if bytes == "here?" => return before,
                other => panic!("instead of the pong: {other:?}"),
            }
        }
    }

    /// Answers the next question for the clock with `sender_us`.
    pub(crate) fn answer_clock(&mut self, sender_us: u64) {
        let question = self.next_of("clock");
        self.send_text(format!(
            r#"{{"v":1,"type":"clock","server_us":{},"sender_us":{sender_us}}}"#,
            question["server_us"]
        ));
    }

    /// The code and reason with which the daemon closes; other messages are passed over.
    pub(crate) fn closed(&mut self) -> (u16, String) {
        loop {
            match self.next_message() {
                Message::Close(Some(close)) => return (close.code.into(), close.reason.to_string()),
                Message::Close(None) => panic!("closed without a code"),
                _ => {}
            }
        }
    }
}

fn connected(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).expect("it listens")
}

/// A `fovea.v1` message, spelled by hand: the header as docs/protocol.md has it, and the picture.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct V1<'a> {
    pub(crate) format: u8,
    pub(crate) size: (u32, u32),
    pub(crate) stride_bytes: u32,
    pub(crate) seq: u64,
    pub(crate) captured_us: u64,
    pub(crate) picture: &'a [u8],
}

pub(crate) const JPEG: u8 = 1;
pub(crate) const PNG: u8 = 2;
pub(crate) const GREY: u8 = 3;
pub(crate) const YUYV: u8 = 4;
pub(crate) const NV12: u8 = 5;
pub(crate) const BGR24: u8 = 6;
pub(crate) const I420: u8 = 8;

impl V1<'_> {
    pub(crate) fn message(&self) -> Vec<u8> {
        let mut message = b"FVEA\x01".to_vec();
        message.push(self.format);
        message.extend(40_u16.to_le_bytes());
        for number in [self.size.0, self.size.1, self.stride_bytes, 0] {
            message.extend(number.to_le_bytes());
        }
        message.extend(self.seq.to_le_bytes());
        message.extend(self.captured_us.to_le_bytes());
        message.extend(self.picture);
        message
    }
}

//! A server that plays one part for one client.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    thread::JoinHandle,
    time::Duration,
};

use bytes::Bytes;
use fovea::wire::Header;
use serde_json::{Value, json};
use tungstenite::{
    Message, WebSocket, accept_hdr,
    handshake::server::{Request, Response},
    http::HeaderValue,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

/// A client that sends nothing for so long has failed the test.
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// A server on a port of its own.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) url: String,
    thread: JoinHandle<()>,
}

impl Server {
    /// Plays `part` for the first client that connects.
    pub(crate) fn raw(part: impl FnOnce(TcpStream) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
        let url = format!("ws://{}", listener.local_addr().expect("it is bound"));
        let thread = std::thread::spawn(move || {
            let (stream, _) = listener.accept().expect("a client comes");
            stream.set_read_timeout(Some(READ_TIMEOUT)).expect("not zero");
            part(stream);
        });
        Self { url, thread }
    }

    /// Plays `part` for so many clients, one after the other.
    pub(crate) fn play_each(count: usize, mut part: impl FnMut(usize, Peer) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
        Self::listen(listener, count, move |index, stream| part(index, Peer::accept(stream)))
    }

    /// The same on a port of the caller's, with clients as they come.
    pub(crate) fn listen(
        listener: TcpListener,
        count: usize,
        mut part: impl FnMut(usize, TcpStream) + Send + 'static,
    ) -> Self {
        let url = format!("ws://{}", listener.local_addr().expect("it is bound"));
        let thread = std::thread::spawn(move || {
            for index in 0..count {
                let (stream, _) = listener.accept().expect("a client comes");
                stream.set_read_timeout(Some(READ_TIMEOUT)).expect("not zero");
                part(index, stream);
            }
        });
        Self { url, thread }
    }

    /// The same as WebSocket server.
    pub(crate) fn play(part: impl FnOnce(Peer) + Send + 'static) -> Self {
        Self::raw(|stream| part(Peer::accept(stream)))
    }

    /// Answers the request with an HTTP response and hangs up.
    pub(crate) fn refuse(head: &'static str, body: &'static str) -> Self {
        Self::raw(move |stream| Self::answer(stream, head, body))
    }

    /// The same for one client.
    pub(crate) fn answer(mut stream: TcpStream, head: &str, body: &str) {
        read_request(&mut stream);
        let response = format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        stream.write_all(response.as_bytes()).expect("the client listens");
    }

    /// The part was played to its end, nothing in it failed.
    pub(crate) fn join(self) {
        self.thread.join().expect("the server's part went well");
    }
}

/// A frame's header and picture.
fn split(message: &Bytes) -> (Header, Bytes) {
    let (header, start) = Header::parse(message).expect("a header");
    (header, message.slice(start..))
}

/// Reads an HTTP request up to its empty line.
pub(crate) fn read_request(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("the request comes");
        request.extend(byte);
    }
    String::from_utf8(request).expect("text")
}

/// A client, from the server's side.
pub(crate) struct Peer {
    socket: WebSocket<TcpStream>,
    /// Path and query of its request.
    pub(crate) target: String,
    /// The sub-protocol it asked for.
    pub(crate) subprotocol: Option<HeaderValue>,
    /// Its `Authorization`.
    pub(crate) authorization: Option<String>,
}

impl Peer {
    #[expect(clippy::result_large_err, reason = "tungstenite's callback is like that")]
    pub(crate) fn accept(stream: TcpStream) -> Self {
        const PROTOCOL: &str = "Sec-WebSocket-Protocol";
        let mut target = String::new();
        let (mut subprotocol, mut authorization) = (None, None);
        let socket = accept_hdr(stream, |request: &Request, mut response: Response| {
            target = request.uri().to_string();
            subprotocol = request.headers().get(PROTOCOL).cloned();
            authorization =
                request.headers().get("Authorization").map(|value| value.to_str().expect("ASCII").to_owned());
            if let Some(name) = &subprotocol {
                response.headers_mut().insert(PROTOCOL, name.clone());
            }
            Ok(response)
        });
        Self { socket: socket.expect("a WebSocket client"), target, subprotocol, authorization }
    }

    /// Sends a JSON message of the given type.
    pub(crate) fn send_json(&mut self, kind: &str, mut fields: Value) {
        fields["v"] = json!(1);
        fields["type"] = json!(kind);
        self.text(&fields.to_string());
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.try_text(text).expect("the client listens");
    }

    /// Several messages that arrive as one.
    pub(crate) fn texts(&mut self, texts: &[&str]) {
        for text in texts {
            self.socket.write(Message::text(*text)).expect("they fit into the buffer");
        }
        self.socket.flush().expect("the client listens");
    }

    pub(crate) fn try_text(&mut self, text: &str) -> tungstenite::Result<()> {
        self.socket.send(Message::text(text))
    }

    /// The processor took frame `seq`.
    pub(crate) fn taken(&mut self, seq: u64) {
        self.send_json("taken", json!({"camera": "door", "seq": seq}));
    }

    /// The processor took frame `seq`, and its result is here.
    pub(crate) fn taken_and_processed(&mut self, seq: u64) {
        self.taken(seq);
        self.processed(seq);
    }

    /// The result of frame `seq` is here.
    pub(crate) fn processed(&mut self, seq: u64) {
        let result = json!({
            "camera": "door", "seq": seq, "captured_at": "2026-11-22T10:00:00Z", "captured_by": "sender",
            "age_ms": {"start": 1.0, "result": 2.0}, "superseded": 0, "size_px": [32, 32],
        });
        self.send_json("result", result);
    }

    /// The next message that is not a ping's business.
    pub(crate) fn next(&mut self) -> Message {
        loop {
            match self.socket.read().expect("the client goes on") {
                Message::Ping(_) | Message::Pong(_) => {}
                message => return message,
            }
        }
    }

    /// The next message, which is a frame.
    pub(crate) fn frame(&mut self) -> (Header, Bytes) {
        self.frame_or_close().expect("a frame")
    }

    /// The next frame, or `None` when the client closes the connection.
    pub(crate) fn frame_or_close(&mut self) -> Option<(Header, Bytes)> {
        match self.next() {
            Message::Binary(bytes) => Some(split(&bytes)),
            Message::Close(_) => {
                while self.socket.read().is_ok() {} // sends the answer
                None
            }
            message => panic!("no frame: {message}"),
        }
    }

    /// The next message, which is JSON.
    pub(crate) fn json(&mut self) -> Value {
        let Message::Text(text) = self.next() else { panic!("no text") };
        serde_json::from_str(&text).expect("JSON")
    }

    /// Waits until the client has read everything so far; returns the frames that it sends meanwhile.
    pub(crate) fn wait_until_read(&mut self) -> Vec<(Header, Bytes)> {
        self.send_json("clock", json!({"server_us": 1}));
        let mut frames = Vec::new();
        loop {
            match self.next() {
                Message::Text(_) => return frames,
                Message::Binary(bytes) => frames.push(split(&bytes)),
                message => panic!("neither frame nor answer: {message}"),
            }
        }
    }

    /// Reads until the client closes the connection; gives its code and how many messages came before.
    pub(crate) fn closed(&mut self) -> (u16, usize) {
        for count in 0.. {
            if let Message::Close(frame) = self.next() {
                let code = frame.expect("a close with a code").code;
                while self.socket.read().is_ok() {} // sends the answer
                return (code.into(), count);
            }
        }
        unreachable!("the loop has no end")
    }

    /// The client went without a word.
    pub(crate) fn socket_is_dropped(&mut self) -> bool {
        !matches!(self.socket.read(), Ok(_) | Err(tungstenite::Error::ConnectionClosed))
    }

    /// Closes the connection and waits for the client's answer.
    pub(crate) fn close(mut self, code: u16, reason: &'static str) {
        self.socket.close(Some(CloseFrame { code: CloseCode::from(code), reason: reason.into() })).expect("it listens");
        while self.socket.read().is_ok() {}
    }
}

//! A client of the HTTP port, by hand: a request, its answer, and bodies that never end.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
};

use serde_json::Value;

use super::{LIMIT, daemon::Daemon};

/// An answer whose body is read as it comes.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in small letters.
    headers: Vec<(String, String)>,
    body: BufReader<TcpStream>,
    /// What has come of a body in chunks and is not read yet.
    come: Vec<u8>,
}

/// A part of a multipart body.
#[derive(Debug)]
pub(crate) struct Part {
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// A server-sent event.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) id: Option<String>,
    pub(crate) kind: String,
    pub(crate) data: Value,
}

/// Asks for a path.
pub(crate) fn get(daemon: &Daemon, path: &str) -> Answer {
    ask(daemon.http_address(), &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
}

/// Asks with headers of the caller's, each ended by a line break.
pub(crate) fn get_with(daemon: &Daemon, path: &str, headers: &str) -> Answer {
    ask(daemon.http_address(), &format!("GET {path} HTTP/1.1\r\nConnection: close\r\n{headers}\r\n"))
}

/// Posts a body, with headers of the caller's, each ended by a line break.
pub(crate) fn post(daemon: &Daemon, path: &str, headers: &str, body: &str) -> Answer {
    let length = body.len();
    let head = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n");
    ask(daemon.http_address(), &format!("{head}{headers}\r\n{body}"))
}

/// Sends a whole request and reads the answer's head.
pub(crate) fn ask(address: SocketAddr, request: &str) -> Answer {
    let mut stream = connect(address);
    stream.write_all(request.as_bytes()).expect("the daemon reads");
    Answer::read(stream)
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(LIMIT)).expect("not zero");
    stream
}

impl Answer {
    /// Reads an answer's head.
    pub(crate) fn read(stream: TcpStream) -> Self {
        let mut body = BufReader::new(stream);
        let status = line(&mut body);
        let status = status.split(' ').nth(1).and_then(|status| status.parse().ok());
        let headers = headers(&mut body);
        Self { status: status.expect("an answer begins with its status"), headers, body, come: Vec::new() }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// The whole body.
    pub(crate) fn bytes(mut self) -> Vec<u8> {
        if self.header("transfer-encoding") == Some("chunked") {
            return std::iter::from_fn(|| self.chunk()).flatten().collect();
        }
        let mut bytes = Vec::new();
        self.body.read_to_end(&mut bytes).expect("the body ends in time");
        bytes
    }

    pub(crate) fn text(self) -> String {
        String::from_utf8(self.bytes()).expect("text is UTF-8")
    }

    pub(crate) fn json(self) -> Value {
        let text = self.text();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// What comes of a body in chunks up to `end` and with it.
    fn until(&mut self, end: &[u8]) -> Vec<u8> {
        loop {
            if let Some(at) = self.come.windows(end.len()).position(|window| window == end) {
                return self.come.drain(..at + end.len()).collect();
            }
            let chunk = self.chunk().expect("the body goes on");
            self.come.extend(chunk);
        }
    }

    /// The next part of a multipart body.
    pub(crate) fn part(&mut self) -> Part {
        let before = self.until(b"--frame\r\n");
        assert!(matches!(&before[..], b"--frame\r\n" | b"\r\n--frame\r\n"), "between parts: {before:?}");
        let head = self.until(b"\r\n\r\n");
        let headers = headers(&mut &head[..]);
        let length = find(&headers, "content-length").and_then(|length| length.parse().ok());
        let length: usize = length.expect("each part says its length");
        while self.come.len() < length {
            let chunk = self.chunk().expect("the part is whole");
            self.come.extend(chunk);
        }
        Part { headers, body: self.come.drain(..length).collect() }
    }

    /// The next server-sent event; comments are passed over.
    pub(crate) fn sent(&mut self) -> Sent {
        let text = String::from_utf8(self.until(b"\n\n")).expect("events are UTF-8");
        let field = |name: &str| {
            text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).map(ToOwned::to_owned)
        };
        match (field("event"), field("data")) {
            (Some(kind), Some(data)) => {
                Sent { id: field("id"), kind, data: serde_json::from_str(&data).expect("fovea says JSON") }
            }
            _ => self.sent(),
        }
    }

    /// The next server-sent event of a kind; others are passed over.
    pub(crate) fn sent_of(&mut self, kind: &str) -> Sent {
        loop {
            let sent = self.sent();
            if sent.kind == kind {
                return sent;
            }
        }
    }

    /// The next chunk of a body that comes in chunks; `None` at its end.
    pub(crate) fn chunk(&mut self) -> Option<Vec<u8>> {
        let size = usize::from_str_radix(line(&mut self.body).trim(), 16).ok().filter(|&size| size > 0)?;
        let mut chunk = vec![0; size + 2];
        self.body.read_exact(&mut chunk).expect("the chunk is whole");
        chunk.truncate(size);
        Some(chunk)
    }
}

impl Part {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }
}

fn line(from: &mut impl BufRead) -> String {
    let mut line = String::new();
    from.read_line(&mut line).expect("a line comes in time");
    line
}

fn headers(from: &mut impl BufRead) -> Vec<(String, String)> {
    let lines = std::iter::from_fn(|| Some(line(from)).filter(|line| !line.trim().is_empty()));
    let pair = |line: String| {
        let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("no header: {line:?}"));
        (name.to_ascii_lowercase(), value.trim().to_owned())
    };
    lines.map(pair).collect()
}

fn find<'h>(headers: &'h [(String, String)], name: &str) -> Option<&'h str> {
    headers.iter().find(|(one, _)| one == name).map(|(_, value)| value.as_str())
}

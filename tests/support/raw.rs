//! A client made by hand, byte by byte: for everything that a good client does not do.

use std::{
    fs,
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
};

use super::{LIMIT, daemon::Daemon, eventually};

pub(crate) const CONTINUATION: u8 = 0x0;
pub(crate) const TEXT: u8 = 0x1;
pub(crate) const BINARY: u8 = 0x2;
pub(crate) const CLOSE: u8 = 0x8;
pub(crate) const PING: u8 = 0x9;
pub(crate) const PONG: u8 = 0xa;

/// Set in a frame's first byte when it is the last of its message.
pub(crate) const FINAL: u8 = 0x80;

/// Bytes that wait in the kernel on each side of a connection: not sent, and not read.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Queues {
    ours: [u64; 2],
    daemons: [u64; 2],
}

/// A TCP connection to the daemon.
#[derive(Debug)]
pub(crate) struct Raw(TcpStream);

impl Raw {
    /// Connects and says nothing.
    pub(crate) fn connect(daemon: &Daemon) -> Self {
        let stream = TcpStream::connect(daemon.address()).expect("it listens");
        stream.set_nodelay(true).expect("a TCP socket");
        stream.set_read_timeout(Some(LIMIT)).expect("not zero");
        stream.set_write_timeout(Some(LIMIT)).expect("not zero");
        Self(stream)
    }

    /// Connects and is let in as a WebSocket client.
    pub(crate) fn open(daemon: &Daemon, path: &str) -> Self {
        Self::open_with(daemon, path, "")
    }

    /// The same, with more headers in its request, each ended by a line break.
    pub(crate) fn open_with(daemon: &Daemon, path: &str, headers: &str) -> Self {
        let mut raw = Self::connect(daemon);
        raw.send(request(path, headers));
        let head = raw.head();
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        raw
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).expect("the daemon reads");
    }

    /// Sends what the daemon may already refuse to read.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.0.write_all(bytes.as_ref()).is_ok()
    }

    /// Says that nothing more will be sent.
    pub(crate) fn hang_up(&mut self) {
        self.0.shutdown(Shutdown::Write).expect("it is open");
    }

    /// The next byte, or `None` at the end.
    fn byte(&mut self) -> Option<u8> {
        let mut byte = [0];
        match self.0.read(&mut byte) {
            Ok(count) => (count == 1).then_some(byte[0]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => None,
            Err(error) => panic!("instead of an answer: {error}"),
        }
    }

    /// An HTTP answer's head, with the empty line that ends it.
    pub(crate) fn head(&mut self) -> String {
        self.head_or_end().expect("an answer")
    }

    /// The same, or `None` if the connection ends without an answer.
    pub(crate) fn head_or_end(&mut self) -> Option<String> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            match self.byte() {
                Some(byte) => head.push(char::from(byte)),
                None if head.is_empty() => return None,
                None => panic!("the answer ends with {head:?}"),
            }
        }
        Some(head)
    }

    /// A whole HTTP answer, read to the end of the connection: status, head, body.
    pub(crate) fn denial(&mut self) -> (u16, String, String) {
        let head = self.head();
        let mut body = String::new();
        while let Some(byte) = self.byte() {
            body.push(char::from(byte));
        }
        (status(&head), head, body)
    }

    /// The next WebSocket frame: its first byte and its payload.
    pub(crate) fn frame(&mut self) -> (u8, Vec<u8>) {
        let mut next = || usize::from(self.byte().expect("a frame, not the end"));
        let first = next();
        let length = match next() {
            126 => next() << 8 | next(),
            127 => (0..8).fold(0, |length, _| length << 8 | next()),
            length => length,
        };
        let mut payload = vec![0; length];
        self.0.read_exact(&mut payload).expect("the frame is whole");
        (u8::try_from(first).expect("a byte"), payload)
    }

    /// The next WebSocket frame with this first byte; others are passed over.
    pub(crate) fn frame_of(&mut self, first: u8) -> Vec<u8> {
        loop {
            let (found, payload) = self.frame();
            if found == first {
                return payload;
            }
        }
    }

    /// The code and reason with which the daemon closes; the connection's end must follow.
    pub(crate) fn closed(&mut self) -> (u16, String) {
        let payload = self.frame_of(FINAL | CLOSE);
        assert!(payload.len() >= 2, "closed without a code");
        assert_eq!(self.byte(), None, "something after the goodbye");
        let code = u16::from_be_bytes([payload[0], payload[1]]);
        (code, String::from_utf8(payload[2..].to_vec()).expect("a reason is UTF-8"))
    }

    /// The bytes that wait in the kernel for this connection.
    fn queues(&self) -> Queues {
        let port = |address: io::Result<SocketAddr>| format!(":{:04X}", address.expect("it is connected").port());
        let ports = [port(self.0.local_addr()), port(self.0.peer_addr())];
        let table = fs::read_to_string("/proc/net/tcp").expect("Linux has it");
        let ours = table.lines().filter(|line| ports.iter().all(|port| line.contains(port)));
        let lines: Vec<Vec<_>> = ours.map(|line| line.split_whitespace().collect()).collect();
        let side = |here: &str, there: &str| {
            // The number of the line, this side's address, the other's, the state, then the queues.
            let line = lines.iter().find(|words| words[1].ends_with(here) && words[2].ends_with(there));
            let (unsent, unread) = line.expect("it is connected")[4].split_once(':').expect("two numbers");
            [unsent, unread].map(|text| u64::from_str_radix(text, 16).expect("a number in hexadecimal"))
        };
        Queues { ours: side(&ports[0], &ports[1]), daemons: side(&ports[1], &ports[0]) }
    }

    /// Whether the daemon ends the connection without a word.
    pub(crate) fn is_dropped(&mut self) -> bool {
        self.byte().is_none()
    }
}

/// The status in an HTTP answer's head.
pub(crate) fn status(head: &str) -> u16 {
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    status.unwrap_or_else(|| panic!("no status in {head:?}"))
}

/// A request to be let in, with `headers` besides the necessary ones, each ended by a line break.
pub(crate) fn request(path: &str, headers: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
    )
}

/// A masked WebSocket frame.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x12, 0x34, 0x56, 0x78];
    let mut frame = header(first, payload.len() as u64, true);
    frame.extend(mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// The beginning of a frame, up to the mask.
pub(crate) fn header(first: u8, length: u64, is_masked: bool) -> Vec<u8> {
    let mask_bit = if is_masked { 0x80 } else { 0 };
    let mut header = vec![first];
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(length @ ..126), _) => header.push(mask_bit | length),
        (_, Ok(length)) => {
            header.push(mask_bit | 126);
            header.extend(length.to_be_bytes());
        }
        _ => {
            header.push(mask_bit | 127);
            header.extend(length.to_be_bytes());
        }
    }
    header
}

/// A thousand pings of the largest size.
pub(crate) fn many_pings() -> Vec<u8> {
    frame(FINAL | PING, &[0; 125]).repeat(1000)
}

/// Asks for answers and reads none, until the kernel takes no more of them from the daemon.
pub(crate) fn stuff(client: &mut Raw) {
    let pings = many_pings();
    // About as much as the kernel takes by default: 4 MB to send. Then more, until it is certain that no more goes in.
    for _ in 0..40 {
        client.send(&pings);
    }
    let mut before = None;
    eventually("the connection is full", || {
        client.send(&pings);
        eventually("the pings are read", || {
            let Queues { ours: [unsent, _], daemons: [_, unread] } = client.queues();
            unsent == 0 && unread == 0
        });
        let now = client.queues();
        before.replace(now) == Some(now)
    });
}

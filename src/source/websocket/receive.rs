//! Receiving: bytes from the socket to whole messages, RFC 6455 from the server's side.
//!
//! tungstenite's own reader allocates each payload anew and zeroes its read buffer before every read. Here a payload
//! is read straight into a buffer that goes round, and unmasked there: nothing of its size is allocated or copied,
//! but for the up to [`READ_BUF_BYTES`] that come along with a header. Headers are still tungstenite's to parse.

use std::io::{self, Cursor, Read};

use bytes::Bytes;
use tungstenite::{
    Error as WsError, Utf8Bytes,
    protocol::frame::{
        FrameHeader,
        coding::{CloseCode, Control, Data, OpCode},
    },
};

use super::close::Close;
use crate::source::buffers::{Buffer, Pool};

/// How far is read when a header is due. The longest header (14) and the longest control frame's payload (125) fit.
const READ_BUF_BYTES: usize = 160;

/// The longest payload of a control frame.
const MAX_CONTROL_BYTES: u64 = 125;

/// The longest payload whose length a header has in 16 bits. Longer ones have theirs in 64.
const MAX_U16_LENGTH: u64 = 0xffff;

/// A close code that is registered since RFC 6455, and not known to tungstenite: Bad Gateway.
const BAD_GATEWAY: u16 = 1014;

/// What a client said.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Incoming {
    /// A fragment of a message that is not its last: nothing to act upon, but a client may send them without end.
    Fragment,
    /// A binary message.
    Binary(Bytes),
    /// A text message.
    Text(Utf8Bytes),
    /// To be answered with a pong of the same bytes.
    Ping(Bytes),
    /// The answer to a ping.
    Pong,
    /// The client is about to go; the code, if it gave one, is to be returned.
    Close(Option<CloseCode>),
}

/// Why nothing more can be received.
#[derive(Debug, thiserror::Error)]
pub(super) enum RecvError {
    /// The client is gone, or the network is.
    #[error("the connection broke")]
    Gone(#[source] io::Error),
    /// The client broke the protocol or a limit.
    #[error("{}", .0.reason)]
    Fault(Close),
}

/// Makes messages out of bytes. Never waits, never takes more memory than `limit_bytes` and a small rest.
#[derive(Debug)]
pub(super) struct Receiver {
    limit_bytes: usize,
    pool: Pool,
    read_buf: ReadBuf,
    state: FrameState,
    message: Option<Message>,
}

/// Between two frames of the WebSocket protocol, or in one.
#[derive(Debug)]
enum FrameState {
    Header,
    Control { kind: Control, mask: [u8; 4], length: usize },
    Data { left: usize, mask: [u8; 4], start: usize, is_final: bool },
}

/// A message of which not all fragments are there.
#[derive(Debug)]
struct Message {
    is_text: bool,
    buffer: Buffer,
}

/// Bytes read but not yet understood.
#[derive(Debug)]
struct ReadBuf {
    bytes: [u8; READ_BUF_BYTES],
    start: usize,
    end: usize,
}

impl Receiver {
    /// A receiver of messages of up to `limit_bytes`.
    pub(super) fn new(limit_bytes: usize) -> Self {
        let read_buf = ReadBuf { bytes: [0; READ_BUF_BYTES], start: 0, end: 0 };
        Self { limit_bytes, pool: Pool::default(), read_buf, state: FrameState::Header, message: None }
    }

    /// The buffers that messages come in.
    pub(super) fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Whether some of a message is there, but not all.
    pub(super) fn is_mid_message(&self) -> bool {
        !matches!(self.state, FrameState::Header) || self.message.is_some() || !self.read_buf.unread().is_empty()
    }

    /// Whether no message is begun, as far as frames have been understood.
    pub(super) fn is_between_messages(&self) -> bool {
        self.message.is_none()
    }

    /// The next fragment or whole message, or `None` when the socket has nothing more for now.
    ///
    /// # Errors
    /// When nothing more can be received; not to be called again then.
    pub(super) fn next(&mut self, socket: &mut impl Read) -> Result<Option<Incoming>, RecvError> {
        loop {
            let step = match self.state {
                FrameState::Header => self.header(socket),
                FrameState::Control { kind, mask, length } => self.control(socket, kind, mask, length),
                FrameState::Data { left, mask, start, is_final } => self.data(socket, left, mask, start, is_final),
            };
            match step {
                Ok(None) => {}
                Ok(Some(incoming)) => return Ok(Some(incoming)),
                Err(RecvError::Gone(error)) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(RecvError::Gone(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(stop) => return Err(stop),
            }
        }
    }

    /// Reads and checks a frame's header.
    fn header(&mut self, socket: &mut impl Read) -> Result<Option<Incoming>, RecvError> {
        let (header, length) = loop {
            let mut cursor = Cursor::new(self.read_buf.unread());
            if let Some((header, length)) = FrameHeader::parse(&mut cursor).map_err(|error| broken(&error))? {
                check_length(length, cursor.position() > header.len(length) as u64)?;
                self.read_buf.start += usize::try_from(cursor.position()).expect("inside the buffer");
                break (header, length);
            }
            self.read_buf.read(socket)?;
        };
        if header.rsv1 || header.rsv2 || header.rsv3 {
            return Err(protocol("reserved bits are set, but no extension was negotiated"));
        }
        let mask = header.mask.ok_or_else(|| protocol("frames from a client must be masked"))?;
        let is_final = header.is_final;
        match header.opcode {
            OpCode::Control(kind) => {
                if !is_final || length > MAX_CONTROL_BYTES {
                    return Err(protocol("a control frame must be in one piece and have at most 125 bytes"));
                }
                let length = usize::try_from(length).expect("at most 125");
                self.state = FrameState::Control { kind, mask, length };
            }
            OpCode::Data(kind) => {
                let buffer = match (kind, &mut self.message) {
                    (Data::Continue, Some(message)) => &mut message.buffer,
                    (Data::Text | Data::Binary, none @ None) => {
                        let is_text = kind == Data::Text;
                        &mut none.insert(Message { is_text, buffer: self.pool.buffer() }).buffer
                    }
                    (Data::Continue, None) => return Err(protocol("a continuation frame without a message")),
                    _ => return Err(protocol("a new message before the end of another")),
                };
                let start = buffer.len();
                let left = usize::try_from(length).unwrap_or(usize::MAX);
                if left > self.limit_bytes - start {
                    let reason = "the message is larger than this connection accepts; for frames server.max_message_bytes is the limit";
                    return Err(RecvError::Fault(Close { code: CloseCode::Size, reason }));
                }
                buffer.reserve(left);
                self.state = FrameState::Data { left, mask, start, is_final };
            }
        }
        Ok(None)
    }

    /// Reads a control frame's payload, which fits into what is read ahead.
    fn control(
        &mut self,
        socket: &mut impl Read,
        kind: Control,
        mask: [u8; 4],
        length: usize,
    ) -> Result<Option<Incoming>, RecvError> {
        while self.read_buf.unread().len() < length {
            self.read_buf.read(socket)?;
        }
        let payload = self.read_buf.take(length);
        unmask(payload, mask);
        let incoming = match kind {
            Control::Ping => Incoming::Ping(Bytes::copy_from_slice(payload)),
            Control::Pong => Incoming::Pong,
            Control::Close => Incoming::Close(close_code(payload)?),
            Control::Reserved(_) => return Err(protocol("an unknown control frame")),
        };
        self.state = FrameState::Header;
        Ok(Some(incoming))
    }

    /// Reads a data frame's payload into the message.
    fn data(
        &mut self,
        socket: &mut impl Read,
        mut left: usize,
        mask: [u8; 4],
        start: usize,
        is_final: bool,
    ) -> Result<Option<Incoming>, RecvError> {
        let buffer = &mut self.message.as_mut().expect("a data frame belongs to a message").buffer;
        while left > 0 {
            let count = if self.read_buf.unread().is_empty() {
                at_least_one(socket.read(buffer.spare_mut(left)))?
            } else {
                let early = self.read_buf.take(left.min(self.read_buf.unread().len()));
                buffer.spare_mut(early.len()).copy_from_slice(early);
                early.len()
            };
            buffer.advance(count);
            left -= count;
            self.state = FrameState::Data { left, mask, start, is_final };
        }
        unmask(buffer.received_from(start), mask);
        self.state = FrameState::Header;
        if !is_final {
            return Ok(Some(Incoming::Fragment));
        }
        let Message { is_text, buffer } = self.message.take().expect("as above");
        let bytes = buffer.freeze();
        Ok(Some(if is_text { Incoming::Text(text(bytes)?) } else { Incoming::Binary(bytes) }))
    }
}

impl ReadBuf {
    fn unread(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    fn take(&mut self, count: usize) -> &mut [u8] {
        self.start += count;
        &mut self.bytes[self.start - count..self.start]
    }

    /// Reads what there is and fits, behind what is there already.
    fn read(&mut self, socket: &mut impl Read) -> Result<(), RecvError> {
        self.bytes.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        self.end += at_least_one(socket.read(&mut self.bytes[self.end..]))?;
        Ok(())
    }
}

/// Checks the length that a header states; `is_long` says that fewer bytes of header would do (RFC 6455, 5.2).
fn check_length(length: u64, is_long: bool) -> Result<(), RecvError> {
    if length >> 63 != 0 {
        return Err(protocol("a length whose highest bit is set"));
    }
    // The library arduinoWebSockets by Links2004, which many ESP32 run, writes 65535 in 64 bits. A camera is not to lose its
    // connection whenever a picture happens to have that many bytes.
    if is_long && length != MAX_U16_LENGTH {
        return Err(protocol("a length in more bytes than it needs"));
    }
    Ok(())
}

/// An end of the stream is an error: a client says goodbye before it goes.
fn at_least_one(read: io::Result<usize>) -> Result<usize, RecvError> {
    match read {
        Ok(0) => Err(RecvError::Gone(io::ErrorKind::UnexpectedEof.into())),
        Ok(count) => Ok(count),
        Err(error) => Err(RecvError::Gone(error)),
    }
}

/// Undoes the client's masking: byte `i` is XORed with mask byte `i % 4` (RFC 6455, 5.3).
fn unmask(bytes: &mut [u8], mask: [u8; 4]) {
    let long = u128::from_ne_bytes(std::array::from_fn(|i| mask[i % 4]));
    let (longs, rest) = bytes.as_chunks_mut::<16>();
    for chunk in longs {
        *chunk = (u128::from_ne_bytes(*chunk) ^ long).to_ne_bytes();
    }
    rest.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
}

fn text(bytes: Bytes) -> Result<Utf8Bytes, RecvError> {
    Utf8Bytes::try_from(bytes)
        .map_err(|_| RecvError::Fault(Close { code: CloseCode::Invalid, reason: "a text message that is not UTF-8" }))
}

/// The code a close frame gives. Its reason is the client's own affair, but must be UTF-8 like any text.
fn close_code(payload: &[u8]) -> Result<Option<CloseCode>, RecvError> {
    let Some((code, reason)) = payload.split_first_chunk() else {
        return if payload.is_empty() { Ok(None) } else { Err(protocol("a close frame with half a close code")) };
    };
    text(Bytes::copy_from_slice(reason))?;
    let number = u16::from_be_bytes(*code);
    let code = CloseCode::from(number);
    let is_allowed = code.is_allowed() || number == BAD_GATEWAY;
    if is_allowed { Ok(Some(code)) } else { Err(protocol("a close code that must not be sent")) }
}

fn protocol(reason: &'static str) -> RecvError {
    RecvError::Fault(Close::protocol(reason))
}

fn broken(_error: &WsError) -> RecvError {
    protocol("a frame header that WebSocket does not define")
}

#[cfg(test)]
mod tests;

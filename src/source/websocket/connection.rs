//! One client's connection: messages in, the queue out, and the client's signs of life. One thread, one `poll`.

use std::{
    io::{self, Chain, Cursor, Read},
    net::TcpStream,
    os::fd::AsFd,
    time::{Duration, Instant},
};

use bytes::Bytes;
use nix::poll::PollFlags;
use tungstenite::{
    Error as WsError, Utf8Bytes,
    protocol::frame::{
        CloseFrame, Frame, FrameSocket,
        coding::{CloseCode, Data, OpCode},
    },
};

use super::{
    close::Close,
    receive::{Incoming, Receiver, RecvError},
};
use crate::{
    hub::queue::{Next, Queue},
    source::buffers::Pool,
    system::event_fd::poll,
    tls::stream::Stream,
};

/// How long a client that was told goodbye may take to go. Until then what it still sends is read and dropped: closing
/// a socket with unread bytes resets the connection, and the goodbye would be lost with it.
const LINGER: Duration = Duration::from_millis(300);

/// How long nothing is read after something refused. Whoever sends nothing but garbage as fast as it can is held to 500
/// messages a second by the network's own back-pressure, and others keep their share of the core.
const THROTTLE: Duration = Duration::from_millis(2);

/// The time limits of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct ConnectionLimits {
    /// Bytes of a message.
    pub(super) message_bytes: usize,
    /// From a message's first byte to its last.
    pub(super) message_timeout: Duration,
    /// Without a sign of life; after half of it the client is pinged.
    pub(super) idle_timeout: Duration,
}

/// An open WebSocket connection.
#[derive(Debug)]
pub(super) struct Connection<'a> {
    socket: &'a Stream<&'a TcpStream>,
    queue: &'a Queue,
    limits: ConnectionLimits,
    input: Chain<Cursor<Vec<u8>>, &'a Stream<&'a TcpStream>>,
    receiver: Receiver,
    output: FrameSocket<&'a Stream<&'a TcpStream>>,
    /// The socket took less than it was given; nothing more is taken from the queue until it took the rest.
    is_backed_up: bool,
    /// The last ping that came meanwhile; RFC 6455, 5.5.3 leaves it free to answer no other.
    unanswered: Option<Bytes>,
    heard_at: Instant,
    is_pinged: bool,
    /// When the message that is being received began.
    began_at: Option<Instant>,
    /// Nothing is read until then.
    throttled_until: Option<Instant>,
}

/// A message with content.
#[derive(Debug)]
pub(super) enum Content {
    /// Bytes.
    Binary(Bytes),
    /// Text.
    Text(Utf8Bytes),
}

impl Content {
    /// Bytes.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Binary(bytes) => bytes.len(),
            Self::Text(text) => text.len(),
        }
    }
}

/// Why a connection is over.
#[derive(Debug, thiserror::Error)]
pub(super) enum Disconnect {
    /// It went, with or without a word.
    #[error("the client left")]
    Left(Option<CloseCode>),
    /// It is closed by this side.
    #[error("{} ({})", .0.reason, .0.code)]
    Closed(Close),
    /// The network failed.
    #[error("{0}")]
    Lost(io::Error),
}

impl<'a> Connection<'a> {
    /// A connection that was just let in; `early` is what it sent right behind its request.
    pub(super) fn new(
        socket: &'a Stream<&'a TcpStream>,
        queue: &'a Queue,
        limits: ConnectionLimits,
        early: Vec<u8>,
    ) -> Self {
        Self {
            socket,
            queue,
            limits,
            input: Cursor::new(early).chain(socket),
            receiver: Receiver::new(limits.message_bytes),
            output: FrameSocket::new(socket),
            is_backed_up: false,
            unanswered: None,
            heard_at: Instant::now(),
            is_pinged: false,
            began_at: None,
            throttled_until: None,
        }
    }

    /// Reads nothing for a moment: what came last was refused.
    pub(super) fn throttle(&mut self) {
        self.throttled_until = Some(Instant::now() + THROTTLE);
    }

    /// Buffers like those that messages come in.
    pub(super) fn pool(&self) -> &Pool {
        self.receiver.pool()
    }

    /// Waits for the next message, or until the time given; sends what the queue holds meanwhile.
    ///
    /// # Errors
    /// When the connection is over.
    pub(super) fn next(&mut self, until: Option<Instant>) -> Result<Option<Content>, Disconnect> {
        loop {
            self.send_waiting()?;
            self.throttled_until.take_if(|throttled_until| *throttled_until <= Instant::now());
            let incoming = if self.throttled_until.is_none() { self.receiver.next(&mut self.input)? } else { None };
            match incoming {
                Some(incoming) => {
                    self.heard_at = Instant::now();
                    self.is_pinged = false;
                    if self.receiver.is_between_messages() {
                        self.began_at = None;
                    }
                    match incoming {
                        Incoming::Binary(bytes) => return Ok(Some(Content::Binary(bytes))),
                        Incoming::Text(text) => return Ok(Some(Content::Text(text))),
                        Incoming::Ping(bytes) => self.answer(bytes)?,
                        Incoming::Fragment | Incoming::Pong => {}
                        Incoming::Close(code) => return Err(Disconnect::Left(code)),
                    }
                    // Here too: a client that sends without a pause is never waited for.
                    self.keep_time(self.heard_at)?;
                }
                None if until.is_some_and(|until| until <= Instant::now()) => return Ok(None),
                None => self.wait(until)?,
            }
        }
    }

    /// Notes when the message that is being received began.
    ///
    /// # Errors
    /// When that is too long ago.
    fn keep_time(&mut self, now: Instant) -> Result<(), Disconnect> {
        if self.receiver.is_mid_message() {
            self.began_at.get_or_insert(now);
        }
        match self.message_due() {
            Some(due) if due <= now => Err(policy("the message took longer than server.message_timeout_ms allows")),
            _ => Ok(()),
        }
    }

    fn message_due(&self) -> Option<Instant> {
        self.began_at.map(|began_at| began_at + self.limits.message_timeout)
    }

    /// Waits for bytes, for room, for the queue, or for the nearest of all deadlines.
    fn wait(&mut self, until: Option<Instant>) -> Result<(), Disconnect> {
        self.keep_time(Instant::now())?;
        let ping_due = self.heard_at + self.limits.idle_timeout / 2;
        let idle_due = self.heard_at + self.limits.idle_timeout;
        let life_due = if self.is_pinged { idle_due } else { ping_due };
        let nearest = [until, self.message_due(), self.throttled_until, Some(life_due)].into_iter().flatten().min();

        let room = if self.is_backed_up { PollFlags::POLLOUT } else { PollFlags::empty() };
        let news = if self.throttled_until.is_none() { PollFlags::POLLIN } else { PollFlags::empty() };
        let socket = (self.socket.as_fd(), news | room);
        let queue = (self.queue.event().as_fd(), PollFlags::POLLIN);
        let [is_socket_ready, is_queue_ready] = poll([socket, queue], nearest).map_err(Disconnect::Lost)?;
        if is_queue_ready {
            self.queue.clear_event();
        }

        let now = Instant::now();
        self.keep_time(now)?;
        if !is_socket_ready && idle_due <= now {
            return Err(policy("the client was silent for longer than server.idle_timeout_ms allows"));
        }
        if !self.is_pinged && ping_due <= now {
            self.is_pinged = true;
            self.send(Frame::ping(Bytes::new()))?;
        }
        Ok(())
    }

    /// Sends what the queue holds, as far as the socket takes it.
    fn send_waiting(&mut self) -> Result<(), Disconnect> {
        if self.is_backed_up {
            self.flush()?;
            // Who does not read cannot be told goodbye either.
            if self.is_backed_up
                && let Some(reason) = self.queue.close_reason()
            {
                return Err(Disconnect::Closed(reason.into()));
            }
        }
        if !self.is_backed_up
            && let Some(bytes) = self.unanswered.take()
        {
            self.send(Frame::pong(bytes))?;
        }
        while !self.is_backed_up {
            match self.queue.next() {
                Some(Next::Message(message)) => {
                    self.send(Frame::message(message.json().clone(), OpCode::Data(Data::Text), true))?;
                }
                Some(Next::Close(reason)) => return Err(Disconnect::Closed(reason.into())),
                None => break,
            }
        }
        Ok(())
    }

    /// Answers a ping; later if the socket takes nothing now. What waits must not grow with what is asked.
    fn answer(&mut self, ping: Bytes) -> Result<(), Disconnect> {
        if self.is_backed_up {
            self.unanswered = Some(ping);
            return Ok(());
        }
        self.send(Frame::pong(ping))
    }

    /// Sends one frame; what the socket does not take now is kept until it does.
    pub(super) fn send(&mut self, frame: Frame) -> Result<(), Disconnect> {
        match self.output.write(frame) {
            Err(WsError::Io(error)) if error.kind() != io::ErrorKind::WouldBlock => Err(Disconnect::Lost(error)),
            _ => self.flush(),
        }
    }

    fn flush(&mut self) -> Result<(), Disconnect> {
        let flushed = self.output.flush();
        self.is_backed_up = matches!(&flushed, Err(WsError::Io(error)) if error.kind() == io::ErrorKind::WouldBlock);
        match flushed {
            Err(WsError::Io(error)) if !self.is_backed_up => Err(Disconnect::Lost(error)),
            _ => Ok(()),
        }
    }

    /// Says goodbye as the reason asks for it, and waits a moment for the client to go.
    pub(super) fn finish(mut self, disconnect: &Disconnect) {
        let close = match disconnect {
            Disconnect::Lost(_) => return,
            Disconnect::Left(code) => code.map(|code| CloseFrame { code, reason: Utf8Bytes::default() }),
            Disconnect::Closed(Close { code, reason }) => {
                Some(CloseFrame { code: *code, reason: Utf8Bytes::from_static(reason) })
            }
        };
        if self.send(Frame::close(close)).is_ok() && !self.is_backed_up {
            linger_close(self.socket);
        }
    }
}

/// Ends a connection after its last words were sent: reads and drops until the other side has closed, or a moment is up.
pub(super) fn linger_close(mut socket: &Stream<&TcpStream>) {
    let until = Instant::now() + LINGER;
    let mut scrap = [0; 4096];
    // Whatever fails here, the connection is over either way.
    let _ = socket.shutdown_write();
    while let Ok([true]) = poll([(socket.as_fd(), PollFlags::POLLIN)], Some(until))
        && until > Instant::now()
    {
        match socket.read(&mut scrap) {
            Ok(0) => return,
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return,
            _ => {}
        }
    }
}

fn policy(reason: &'static str) -> Disconnect {
    Disconnect::Closed(Close::policy(reason))
}

impl From<RecvError> for Disconnect {
    fn from(stop: RecvError) -> Self {
        match stop {
            RecvError::Gone(error) if error.kind() == io::ErrorKind::UnexpectedEof => Self::Left(None),
            RecvError::Gone(error) => Self::Lost(error),
            RecvError::Fault(close) => Self::Closed(close),
        }
    }
}

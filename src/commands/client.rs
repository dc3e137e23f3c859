//! A WebSocket client for one thread. It waits in `poll` for the server, for a stop descriptor and for a deadline.

use std::{
    io,
    net::TcpStream,
    os::fd::{AsFd, BorrowedFd},
    time::{Duration, Instant},
};

use bytes::Bytes;
use nix::poll::PollFlags;
use tungstenite::{
    Error as WsError, Message, Utf8Bytes, WebSocket,
    protocol::{CloseFrame, WebSocketConfig, frame::coding::CloseCode},
};

use crate::{
    system::{event_fd::poll, printable::Printable},
    tls::{stream::Stream, trust::TrustError},
};

mod handshake;
mod options;
mod token_source;
mod url;

pub use options::ClientOptions;
pub use token_source::{TokenSource, TokenSourceError};
pub use url::{HttpUrl, ServerUrl, UrlError};

/// How long the connection and the handshake may take together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the server may take to answer a close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// After this time without a message the client sends a ping. The server pings about as often by itself.
const PING_AFTER: Duration = Duration::from_secs(20);

/// After this time without a message the client gives up. A machine that lost power closes no connection.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(40);

/// The largest message that the client accepts. Results have some hundred bytes.
const MAX_MESSAGE_BYTES: usize = 1 << 20;

/// A connection to a server. Dropping it closes the socket without a close frame.
#[derive(Debug)]
pub struct Client {
    socket: WebSocket<Stream<TcpStream>>,
    /// When the last message of any kind came.
    last_received: Instant,
    /// Whether a ping went out since.
    is_pinged: bool,
    /// Whether part of what was given to [`Client::send`] is not with the kernel yet.
    is_unflushed: bool,
}

/// What ended a wait.
#[derive(Debug, PartialEq, Eq)]
pub enum ClientEvent {
    /// A text message came.
    Text(Utf8Bytes),
    /// The server answered a ping of the caller's: the content of that. Pings without content are the client's own.
    Pong(Bytes),
    /// Everything that was given to [`Client::send`] is with the kernel now.
    Flushed,
    /// The descriptor that was given as `wake` is readable.
    Woken,
    /// The deadline passed, and no message is left to read.
    Timeout,
    /// The stop descriptor is readable.
    Stopped,
}

/// Why a connection failed or ended.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The token to state cannot be had.
    #[error(transparent)]
    Token(#[from] TokenSourceError),
    /// Whom to trust cannot be read.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The server's certificate is not trusted, or its TLS fails otherwise.
    #[error("{0} cannot be trusted; --fingerprint or --ca says whom to trust")]
    Tls(String, #[source] rustls::Error),
    /// The host name does not resolve.
    #[error("cannot resolve the host name {0}")]
    Resolve(String, #[source] io::Error),
    /// No TCP connection.
    #[error(
        "cannot connect to {0}; check that fovea runs there and that its server.listen is an address that others can reach"
    )]
    Connect(String, #[source] io::Error),
    /// No answer to the handshake in time.
    #[error("{0} does not answer the WebSocket request within {limit_s} s", limit_s = CONNECT_TIMEOUT.as_secs())]
    HandshakeTimeout(String),
    /// The server answers the handshake with another status.
    #[error("{url} answers {status}{}{body}", if .body.is_empty() { "" } else { ": " })]
    Refused {
        /// The URL requested.
        url: String,
        /// Number and name.
        status: String,
        /// The beginning of the body.
        body: String,
    },
    /// The answer is not one of a WebSocket server.
    #[error("the program that answers at {0} is not fovea")]
    NotFovea(String, #[source] Box<WsError>),
    /// The server closed the connection.
    #[error("the server closed the connection: {code}{}{reason}", if .reason.is_empty() { "" } else { ", " })]
    Closed {
        /// The close code, such as 1001.
        code: u16,
        /// Its reason.
        reason: String,
    },
    /// The connection broke without a close frame.
    #[error("the connection is lost")]
    Lost(#[source] Box<WsError>),
    /// No message came for too long.
    #[error("the server has sent nothing for {} s", SILENCE_TIMEOUT.as_secs())]
    Silent,
    /// `poll` failed.
    #[error("cannot wait for the server")]
    Wait(#[source] io::Error),
}

impl Client {
    /// Connects and performs the handshake, with `subprotocol` if given, and with a token if there is one. Blocks for 10 s at
    /// most, plus the time that the system takes to resolve the host name.
    ///
    /// # Errors
    /// If there is no connection. The text says why, as far as the client can know.
    pub fn connect(
        url: &ServerUrl,
        subprotocol: Option<&'static str>,
        options: &ClientOptions,
    ) -> Result<Self, ClientError> {
        let token = options.tokens.secret(url.token(), url.host())?;
        let deadline = Instant::now() + CONNECT_TIMEOUT;
        let config = WebSocketConfig::default()
            .max_message_size(Some(MAX_MESSAGE_BYTES))
            .max_frame_size(Some(MAX_MESSAGE_BYTES));
        let socket = handshake::open(url, subprotocol, token.as_ref(), &options.tls, config, deadline)?;
        Ok(Self { socket, last_received: Instant::now(), is_pinged: false, is_unflushed: false })
    }

    /// Sends a message, as far as the kernel takes it at once. [`Client::next_event`] sends the rest; a caller that
    /// sends much waits for [`Client::is_flushed`], or the messages pile up here.
    ///
    /// # Errors
    /// If the connection ended.
    pub fn send(&mut self, message: Message) -> Result<(), ClientError> {
        match self.socket.write(message) {
            Ok(()) => self.flush(),
            Err(error) if would_block(&error) => self.flush(),
            Err(error) => Err(self.connection_error(error)),
        }
    }

    /// Whether everything that was given to [`Client::send`] is with the kernel.
    #[must_use]
    pub fn is_flushed(&self) -> bool {
        !self.is_unflushed
    }

    /// Waits for what comes first: a message, the end of sending, `deadline`, or `stop` becoming readable. With a
    /// deadline that has passed it returns a message that is here already, without waiting.
    ///
    /// # Errors
    /// If the connection ended.
    pub fn next_event(&mut self, deadline: Option<Instant>, stop: BorrowedFd<'_>) -> Result<ClientEvent, ClientError> {
        self.next_event_or_wake(deadline, stop, None)
    }

    /// The same, and `wake` becoming readable ends the wait too, if nothing else does.
    ///
    /// # Errors
    /// If the connection ended.
    pub fn next_event_or_wake(
        &mut self,
        deadline: Option<Instant>,
        stop: BorrowedFd<'_>,
        wake: Option<BorrowedFd<'_>>,
    ) -> Result<ClientEvent, ClientError> {
        let wake = (wake.unwrap_or(stop), PollFlags::POLLIN);
        let stop = (stop, PollFlags::POLLIN);
        // A separate poll: while messages come in a flood, the wait below is never reached.
        if poll([stop], Some(Instant::now())).map_err(ClientError::Wait)? == [true] {
            return Ok(ClientEvent::Stopped);
        }
        loop {
            if let Some(event) = self.read()? {
                return Ok(event);
            }
            let was_unflushed = self.is_unflushed;
            self.flush()?; // answers to pings, too
            if was_unflushed && !self.is_unflushed {
                return Ok(ClientEvent::Flushed);
            }
            let now = Instant::now();
            if deadline.is_some_and(|deadline| deadline <= now) {
                return Ok(ClientEvent::Timeout);
            }
            let keepalive = self.keep_alive(now)?;
            let wake_at = deadline.map_or(keepalive, |deadline| deadline.min(keepalive));
            let socket = (self.socket.get_ref().as_fd(), self.poll_flags());
            match poll([socket, stop, wake], Some(wake_at)).map_err(ClientError::Wait)? {
                [_, true, _] => return Ok(ClientEvent::Stopped),
                [false, _, true] => return Ok(ClientEvent::Woken),
                _ => {}
            }
        }
    }

    /// Sends a close frame and waits a second at most for the answer.
    pub fn close(mut self, code: CloseCode, reason: &'static str) {
        let deadline = Instant::now() + CLOSE_TIMEOUT;
        // An error from here on changes nothing: the connection ends either way.
        let _ = self.socket.close(Some(CloseFrame { code, reason: reason.into() }));
        while self.flush().is_ok() && Instant::now() < deadline {
            match self.read() {
                Ok(Some(_)) => {}
                Ok(None) if poll([(self.socket.get_ref().as_fd(), self.poll_flags())], Some(deadline)).is_ok() => {}
                _ => break,
            }
        }
    }

    /// What to wait for at the socket.
    fn poll_flags(&self) -> PollFlags {
        if self.is_unflushed { PollFlags::POLLIN | PollFlags::POLLOUT } else { PollFlags::POLLIN }
    }

    /// The next text message or answer to a ping that is here already.
    fn read(&mut self) -> Result<Option<ClientEvent>, ClientError> {
        loop {
            let message = match self.socket.read() {
                Err(error) if would_block(&error) => return Ok(None),
                Err(error) => return Err(self.connection_error(error)),
                Ok(message) => message,
            };
            (self.last_received, self.is_pinged) = (Instant::now(), false);
            match message {
                Message::Text(text) => return Ok(Some(ClientEvent::Text(text))),
                Message::Pong(content) if !content.is_empty() => return Ok(Some(ClientEvent::Pong(content))),
                Message::Close(frame) => return Err(self.closed(frame)),
                _ => {} // tungstenite answers pings, pongs need nothing more, and the server sends nothing binary
            }
        }
    }

    fn flush(&mut self) -> Result<(), ClientError> {
        match self.socket.flush() {
            Ok(()) => self.is_unflushed = false,
            Err(error) if would_block(&error) => self.is_unflushed = true,
            Err(error) => return Err(self.connection_error(error)),
        }
        Ok(())
    }

    /// Pings a quiet server and gives up on a silent one. Returns when to call it again.
    fn keep_alive(&mut self, now: Instant) -> Result<Instant, ClientError> {
        if now >= self.last_received + SILENCE_TIMEOUT {
            return Err(ClientError::Silent);
        }
        if now >= self.last_received + PING_AFTER && !self.is_pinged {
            self.is_pinged = true;
            self.send(Message::Ping(Vec::new().into()))?;
        }
        Ok(self.last_received + if self.is_pinged { SILENCE_TIMEOUT } else { PING_AFTER })
    }

    /// The error to report for a connection that failed with `error`. A server that closes it while the client sends
    /// has sent a close frame before, which may still wait to be read.
    fn connection_error(&mut self, error: WsError) -> ClientError {
        if let WsError::Io(_) = error {
            while let Ok(message) = self.socket.read() {
                if let Message::Close(frame) = message {
                    return self.closed(frame);
                }
            }
        }
        ClientError::Lost(error.into())
    }

    fn closed(&mut self, frame: Option<CloseFrame>) -> ClientError {
        let _ = self.socket.flush(); // the answer is a courtesy to a server that closes
        let (code, reason) =
            frame.map_or((CloseCode::Status, String::new()), |f| (f.code, without_controls(&f.reason)));
        ClientError::Closed { code: code.into(), reason }
    }
}

/// A server's text without what could control the terminal.
fn without_controls(text: &str) -> String {
    Printable(text.replace('\r', "")).to_string() // lines may end in any way
}

fn would_block(error: &WsError) -> bool {
    matches!(error, WsError::Io(error) if error.kind() == io::ErrorKind::WouldBlock)
}

//! A WebSocket client for one thread: it waits in `poll` for the server, for the user, and for the time of the
//! next thing to do.

use std::{
    io,
    net::TcpStream,
    os::fd::{AsFd, BorrowedFd},
    time::{Duration, Instant},
};

use nix::poll::PollFlags;
use tungstenite::{
    Error as WsError, Message, Utf8Bytes, WebSocket,
    protocol::{CloseFrame, WebSocketConfig, frame::coding::CloseCode},
};

use crate::system::event_fd::poll;

mod handshake;
mod url;

pub use url::{HttpUrl, ServerUrl, UrlError};

/// Time to connect and to be let in.
const CONNECT_TIME: Duration = Duration::from_secs(10);

/// Time to see a connection off that was closed from here.
const CLOSE_TIME: Duration = Duration::from_secs(1);

/// Nothing heard for so long: the server is asked whether it is there. It asks by itself about as often.
const QUIET: Duration = Duration::from_secs(20);

/// Nothing heard for so long: the server is gone. Its machine lost power, perhaps; nobody closes anything then.
const SILENT: Duration = Duration::from_secs(40);

/// Bytes of the largest message accepted. Results are some hundreds.
const MAX_MESSAGE_BYTES: usize = 1 << 20;

/// A connection to a server. Dropping it ends it without good-bye.
#[derive(Debug)]
pub struct Client {
    socket: WebSocket<TcpStream>,
    /// When the server last gave a sign of life.
    heard: Instant,
    /// It was asked for one since.
    asked: bool,
    /// What was given to [`Client::send`] is not all with the kernel yet.
    unsent: bool,
}

/// What a wait ended with.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// A text message.
    Text(Utf8Bytes),
    /// What was given to [`Client::send`] is out now.
    Sent,
    /// The time has come, and no message is left to read.
    TimeUp,
    /// The stop descriptor is readable.
    Stopped,
}

/// Why there is no connection, or no longer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The name is unknown.
    #[error("cannot find {0}")]
    Resolve(String, #[source] io::Error),
    /// Nobody there, or nobody listens.
    #[error(
        "cannot connect to {0}; is fovea running there, and is `listen` in its [server] an address that others reach?"
    )]
    Connect(String, #[source] io::Error),
    /// No answer.
    #[error("{0} does not answer the request for a WebSocket within {limit_s} s", limit_s = CONNECT_TIME.as_secs())]
    Slow(String),
    /// An answer that lets nobody in.
    #[error("{url} answers {status}{}{body}", if .body.is_empty() { "" } else { ": " })]
    Refused {
        /// What was asked for.
        url: String,
        /// Number and name.
        status: String,
        /// What the server says to it.
        body: String,
    },
    /// Not fovea.
    #[error("what answers at {0} is not fovea")]
    NotFovea(String, #[source] Box<WsError>),
    /// The server closed the connection.
    #[error("the server closed the connection: {code}{}{reason}", if .reason.is_empty() { "" } else { ", " })]
    Closed {
        /// The close code, such as 1001.
        code: u16,
        /// Its reason.
        reason: String,
    },
    /// The connection broke without a word.
    #[error("the connection is lost")]
    Lost(#[source] Box<WsError>),
    /// Nothing was heard for too long.
    #[error("nothing heard from the server for {} s", SILENT.as_secs())]
    Silent,
    /// The system refuses to wait.
    #[error("cannot wait for the server")]
    Wait(#[source] io::Error),
}

impl Client {
    /// Connects and asks for a WebSocket, of `subprotocol` if given. Blocks for 10 s at most, and for as long as the
    /// system takes to look up a name.
    ///
    /// # Errors
    /// When there is none to be had, with what there is to know of why.
    pub fn connect(url: &ServerUrl, subprotocol: Option<&'static str>) -> Result<Self, ClientError> {
        let until = Instant::now() + CONNECT_TIME;
        let config = WebSocketConfig::default()
            .max_message_size(Some(MAX_MESSAGE_BYTES))
            .max_frame_size(Some(MAX_MESSAGE_BYTES));
        let socket = handshake::open(url, subprotocol, config, until)?;
        Ok(Self { socket, heard: Instant::now(), asked: false, unsent: false })
    }

    /// Sends a message, as far as the kernel takes it at once. The rest goes out in [`Client::next`]; whoever sends
    /// much waits for [`Client::is_sent`], or it piles up here.
    ///
    /// # Errors
    /// When the connection is over.
    pub fn send(&mut self, message: Message) -> Result<(), ClientError> {
        match self.socket.write(message) {
            Ok(()) => self.flush(),
            Err(error) if would_block(&error) => self.flush(),
            Err(error) => Err(self.over(error)),
        }
    }

    /// Whether all that was given to [`Client::send`] is with the kernel.
    #[must_use]
    pub fn is_sent(&self) -> bool {
        !self.unsent
    }

    /// Waits for what comes first: a message, the end of sending, `until`, or `stop` becoming readable. A time that
    /// is over means: what is here already, without waiting.
    ///
    /// # Errors
    /// When the connection is over.
    pub fn next(&mut self, until: Option<Instant>, stop: BorrowedFd<'_>) -> Result<Next, ClientError> {
        let stop = (stop, PollFlags::POLLIN);
        // Asked for by itself: with messages coming in a flood the wait below is never reached.
        if poll([stop], Some(Instant::now())).map_err(ClientError::Wait)? == [true] {
            return Ok(Next::Stopped);
        }
        loop {
            if let Some(text) = self.read()? {
                return Ok(Next::Text(text));
            }
            let was_unsent = self.unsent;
            self.flush()?; // answers to pings, too
            if was_unsent && !self.unsent {
                return Ok(Next::Sent);
            }
            let now = Instant::now();
            if until.is_some_and(|until| until <= now) {
                return Ok(Next::TimeUp);
            }
            let silence = self.mind_silence(now)?;
            let until = until.map_or(silence, |until| until.min(silence));
            let socket = (self.socket.get_ref().as_fd(), self.flags());
            if let [_, true] = poll([socket, stop], Some(until)).map_err(ClientError::Wait)? {
                return Ok(Next::Stopped);
            }
        }
    }

    /// Says good-bye and waits a second at most for the answer.
    pub fn close(mut self, code: CloseCode, reason: &'static str) {
        let until = Instant::now() + CLOSE_TIME;
        // Whatever goes wrong from here on: this connection is over, and that is what was wanted.
        let _ = self.socket.close(Some(CloseFrame { code, reason: reason.into() }));
        while self.flush().is_ok() && Instant::now() < until {
            match self.read() {
                Ok(Some(_)) => {}
                Ok(None) if poll([(self.socket.get_ref().as_fd(), self.flags())], Some(until)).is_ok() => {}
                _ => break,
            }
        }
    }

    /// What its socket is waited for.
    fn flags(&self) -> PollFlags {
        if self.unsent { PollFlags::POLLIN | PollFlags::POLLOUT } else { PollFlags::POLLIN }
    }

    /// The next text message that is here already.
    fn read(&mut self) -> Result<Option<Utf8Bytes>, ClientError> {
        loop {
            let message = match self.socket.read() {
                Err(error) if would_block(&error) => return Ok(None),
                Err(error) => return Err(self.over(error)),
                Ok(message) => message,
            };
            (self.heard, self.asked) = (Instant::now(), false);
            match message {
                Message::Text(text) => return Ok(Some(text)),
                Message::Close(frame) => return Err(self.closed(frame)),
                _ => {} // pings are answered by tungstenite, pongs were heard, and servers send nothing binary
            }
        }
    }

    fn flush(&mut self) -> Result<(), ClientError> {
        match self.socket.flush() {
            Ok(()) => self.unsent = false,
            Err(error) if would_block(&error) => self.unsent = true,
            Err(error) => return Err(self.over(error)),
        }
        Ok(())
    }

    /// Asks a quiet server for a sign of life and gives up a silent one; says when to look again.
    fn mind_silence(&mut self, now: Instant) -> Result<Instant, ClientError> {
        if now >= self.heard + SILENT {
            return Err(ClientError::Silent);
        }
        if now >= self.heard + QUIET && !self.asked {
            self.asked = true;
            self.send(Message::Ping(Vec::new().into()))?;
        }
        Ok(self.heard + if self.asked { SILENT } else { QUIET })
    }

    /// What is to be told of a connection that failed with `error`. A server that closes it while we send has
    /// said why before, and that may wait to be read.
    fn over(&mut self, error: WsError) -> ClientError {
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
        let _ = self.socket.flush(); // the answer is a courtesy to a server that leaves
        let (code, reason) = frame.map_or((CloseCode::Status, String::new()), |f| (f.code, f.reason.as_str().into()));
        ClientError::Closed { code: code.into(), reason }
    }
}

fn would_block(error: &WsError) -> bool {
    matches!(error, WsError::Io(error) if error.kind() == io::ErrorKind::WouldBlock)
}

//! Sends a live source's newest picture, over one connection after the other.
//!
//! A thread reads the source all the time and leaves its newest picture in a cell; this one takes it from there. So the source
//! is never held up, and what goes out is new. The next picture goes when the last one is processed: then it waits neither in
//! the network nor at the server. While one waits at the server, for the frames of other cameras, a newer one takes its place.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd},
    sync::{Arc, mpsc::channel},
    time::{Duration, Instant},
};

use nix::poll::PollFlags;

use super::{
    Rate, SendError, SendEvent, SendSummary,
    newest::{Newest, Picture},
    outage::Outage,
    progress::Progress,
    session::Session,
    sink::Sink,
    source::Source,
};
use crate::{
    commands::{
        ErrorChain, Pace,
        client::{Client, ClientError, ClientEvent, ClientOptions, ServerUrl},
    },
    system::event_fd::{EventFd, poll},
    wire::{HEADER_BYTES, Header, REPLACED, SUBPROTOCOL},
};

/// The pause after another sender took the camera: the two are not to take it from each other all the time.
const REPLACED_PAUSE: Duration = Duration::from_secs(30);

/// How to send a live source.
#[derive(Debug)]
pub(super) struct LiveOptions {
    /// Server and camera; asks for results, which say that a frame is processed.
    pub(super) url: ServerUrl,
    pub(super) client: ClientOptions,
    pub(super) pace: Pace,
    /// The most pictures a second, and how often a server is asked for one.
    pub(super) rate: Option<Rate>,
    /// Whether to go on at the end of the source, and where the server says that it is of no use.
    pub(super) retry: bool,
}

/// Sends the pictures of `source` until its end, or until `stop` is readable. The summary is valid in every case.
///
/// # Errors
/// If the system has no room for the thread.
pub(super) fn send(
    source: Source,
    options: LiveOptions,
    progress: &Arc<Progress>,
    stop: BorrowedFd<'_>,
) -> io::Result<(SendSummary, Result<(), SendError>)> {
    let newest = Arc::new(Newest::new()?);
    let source_name = source.name().to_owned();
    // A server that is asked for pictures is asked as often as the rate says.
    let rate = options.rate.filter(|_| !source.is_http());
    let sink = Sink::new(newest.clone(), progress.clone(), source_name.clone(), rate);
    let retry = options.retry;
    // Nobody waits for its end: it may be blocked in a read, and what it has read is sent or not wanted.
    std::thread::Builder::new().name("source".into()).spawn(move || source.feed(sink, retry))?;

    let summary = SendSummary { superseded: Some(0), ..SendSummary::default() };
    let mut sender = LiveSender {
        options,
        newest,
        progress,
        stop,
        summary,
        outage: Outage::new(),
        was_connected: false,
        is_size_told: false,
    };
    let mut sent = sender.run();
    if sent.is_ok() {
        sent = match sender.newest.take_end() {
            Err(error) => Err(SendError::Source(source_name, error)),
            Ok(()) if sender.newest.is_over() && sender.summary.sent == 0 => Err(SendError::NoPicture(source_name)),
            Ok(()) => Ok(()),
        };
    }
    let counts = sender.newest.counts();
    sender.summary.skipped += counts.skipped;
    sender.summary.overtaken = counts.overtaken;
    Ok((sender.summary, sent))
}

struct LiveSender<'a> {
    options: LiveOptions,
    newest: Arc<Newest>,
    progress: &'a Progress,
    stop: BorrowedFd<'a>,
    summary: SendSummary,
    outage: Outage,
    was_connected: bool,
    /// Whether a picture that is too large for the server was reported.
    is_size_told: bool,
}

/// How sending over a connection ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// The source has ended, and its last picture was sent.
    Source,
    /// The user wants it.
    Stopped,
}

impl LiveSender<'_> {
    fn run(&mut self) -> Result<(), SendError> {
        loop {
            let error = match self.connect()? {
                None => return Ok(()),
                Some(Err(error)) => error,
                Some(Ok(client)) => {
                    self.was_connected = true;
                    if let Some(away) = self.outage.recover(Instant::now()) {
                        self.say(&format_args!("connected again after {:.1} s", away.as_secs_f64()))?;
                    }
                    let mut session = Session::new(client, self.options.pace);
                    match self.send_all(&mut session) {
                        Ok(Ended::Source | Ended::Stopped) => {
                            session.close();
                            return Ok(());
                        }
                        Err(SendError::Connection(error)) => error,
                        Err(error) => return Err(error),
                    }
                }
            };
            if self.newest.is_over() {
                return Ok(()); // there is nothing left to send
            }
            if self.newest.has_ended() || !self.options.retry && is_final(&error, self.was_connected) {
                return Err(error.into());
            }
            let why = ErrorChain(&error).to_string();
            let (mut pause, is_new) = self.outage.fail(&why, Instant::now());
            if is_new {
                self.say(&format_args!("{why}; trying again"))?;
            }
            if is_replaced(&error) {
                pause = pause.max(REPLACED_PAUSE);
            }
            if self.is_stopped_until(Instant::now() + pause)? {
                return Ok(());
            }
        }
    }

    /// Connects; `None` if the user wants it to end meanwhile.
    fn connect(&self) -> Result<Option<Result<Client, ClientError>>, SendError> {
        let LiveOptions { url, client, .. } = &self.options;
        let (url, client, ready) = (url.clone(), client.clone(), Arc::new(EventFd::new()?));
        let (send, receive) = channel();
        let is_ready = ready.clone();
        // The system's search for a host's name cannot be interrupted.
        std::thread::Builder::new().name("connect".into()).spawn(move || {
            let _ = send.send(Client::connect(&url, Some(SUBPROTOCOL), &client)); // nobody waits after a stop
            is_ready.set();
        })?;
        loop {
            let ready = (ready.as_fd(), PollFlags::POLLIN);
            match poll([ready, (self.stop, PollFlags::POLLIN)], None)? {
                [_, true] => return Ok(None),
                [true, _] => return Ok(receive.recv().ok()),
                _ => {}
            }
        }
    }

    /// Waits; `true` if the user wants it to end meanwhile.
    fn is_stopped_until(&self, deadline: Instant) -> io::Result<bool> {
        loop {
            let [is_stopped] = poll([(self.stop, PollFlags::POLLIN)], Some(deadline))?;
            if is_stopped || Instant::now() >= deadline {
                return Ok(is_stopped);
            }
        }
    }

    /// Sends pictures over a connection until it ends.
    fn send_all(&mut self, session: &mut Session) -> Result<Ended, SendError> {
        let mut linger_deadline = None;
        loop {
            let now = Instant::now();
            // Even if a picture may go at once: the messages that are here by now are handled before it goes.
            let next_from = session.next_from(now).filter(|_| self.newest.has_picture());
            if self.newest.is_over() {
                if !session.lingers(true) {
                    return Ok(Ended::Source);
                }
                linger_deadline.get_or_insert_with(Session::linger_deadline);
            }
            let deadline = next_from.or(linger_deadline);
            let event = session.client.next_event_or_wake(deadline, self.stop, Some(self.newest.as_fd()))?;
            match event {
                ClientEvent::Stopped => return Ok(Ended::Stopped),
                ClientEvent::Woken => self.newest.clear_event(),
                ClientEvent::Timeout if next_from.is_some() => {
                    if let Some(picture) = self.newest.take() {
                        self.send_one(session, picture)?;
                    }
                }
                ClientEvent::Timeout if linger_deadline.is_some() => return Ok(Ended::Source),
                event => {
                    let message = session.handle(&event, &mut self.summary)?;
                    if let (ClientEvent::Text(text), Some(message)) = (&event, &message) {
                        self.progress.show(&self.summary, &SendEvent::Message(text, message))?;
                    }
                }
            }
        }
    }

    fn send_one(&mut self, session: &mut Session, picture: Picture) -> Result<(), SendError> {
        let Picture { format, size, captured_at, message } = picture;
        if let Some(max) = session.max_message_bytes().filter(|&max| message.len() > max) {
            let bytes = message.len() - HEADER_BYTES;
            self.summary.skipped += 1;
            if !std::mem::replace(&mut self.is_size_told, true) {
                self.say(&format_args!(
                    "a picture of {bytes} bytes is too large, so fovea skips it; the server accepts messages of {max} bytes \
                     (server.max_message_bytes)"
                ))?;
            }
            return Ok(());
        }
        let header = Header {
            format,
            width_px: size.map_or(0, |size| size.width_px),
            height_px: size.map_or(0, |size| size.height_px),
            stride_bytes: 0,
            seq: self.summary.sent + 1,
            captured_us: Some(captured_at.as_micros()),
        };
        session.send(&header, message, &mut self.summary)?;
        Ok(self.progress.show(&self.summary, &SendEvent::Sent)?)
    }

    fn say(&self, text: &dyn std::fmt::Display) -> io::Result<()> {
        self.progress.warn(text)
    }
}

/// Whether the next attempt would end like this one, until somebody changes something.
fn is_final(error: &ClientError, was_connected: bool) -> bool {
    match error {
        ClientError::Refused { status, .. } => {
            let may_pass = ["408", "429"].iter().any(|passing| status.starts_with(passing));
            !was_connected && status.starts_with('4') && !may_pass
        }
        ClientError::NotFovea(..) | ClientError::Token(_) => !was_connected,
        error => is_replaced(error),
    }
}

/// Whether another sender took the camera.
fn is_replaced(error: &ClientError) -> bool {
    matches!(error, ClientError::Closed { code: 1008, reason } if reason == REPLACED)
}

//! The sending loop: sends each frame when it is due, answers the server's clock, counts what comes back.

use std::{
    io,
    ops::ControlFlow,
    os::fd::BorrowedFd,
    time::{Duration, Instant},
};

use tungstenite::{Message as WsMessage, protocol::frame::coding::CloseCode};

use super::{Rate, SendError, SendSummary, schedule::Schedule};
use crate::{
    commands::{
        Pace,
        client::{Client, ClientError, ClientEvent},
    },
    message::{Clock, Message},
    recording::{Recording, RecordingError, Still},
    system::clock::Monotonic,
    wire::Header,
};

/// The rate of a recording that does not state one.
const DEFAULT_RATE_HZ: f64 = 10.0;

/// How long to wait until the last frame is taken and its result has come.
const LINGER_TIMEOUT: Duration = Duration::from_secs(2);

/// How to send a recording.
#[derive(Clone, Copy, Debug)]
pub struct SendOptions {
    /// Frames per second. `None` is the recording's own rate, or else 10; with [`Pace::Taken`] it is no limit.
    pub rate: Option<Rate>,
    /// What the next frame waits for besides its time.
    pub pace: Pace,
    /// Whether to start again at the end.
    pub repeat: bool,
    /// Whether the URL asks for results: then the sender waits for the last frame's before it ends.
    pub results: bool,
}

/// What happens while a recording is sent.
#[derive(Debug)]
pub enum SendEvent<'a> {
    /// A frame went out.
    Sent,
    /// A message of the server came: its text, and what that means.
    Message(&'a str, &'a Message),
    /// A picture is unreadable and was skipped.
    Skipped(&'a RecordingError),
    /// Frames go out later than they are due. Reported once.
    FellBehind,
}

/// Sends a recording over a `fovea.v1` connection until its end or until `stop` is readable, then closes the
/// connection. Calls `report` for everything that happens; an error of `report` ends it.
///
/// Blocks until then; `fovea demo` calls it on a thread of its own.
///
/// # Errors
/// If the connection ends before, if the recording has nothing to send, or if `report` fails. The summary is valid in
/// every case.
pub fn send(
    client: Client,
    recording: &Recording,
    options: &SendOptions,
    stop: BorrowedFd<'_>,
    report: &mut dyn FnMut(&SendSummary, &SendEvent<'_>) -> io::Result<()>,
) -> (SendSummary, Result<(), SendError>) {
    let own_rate = recording.rate_hz().and_then(|hz| Rate::from_hz(hz).ok());
    let rate = match (options.rate, options.pace) {
        (None, Pace::Rate) => own_rate.or(Rate::from_hz(DEFAULT_RATE_HZ).ok()),
        (rate, _) => rate,
    };
    let schedule = rate.map(|rate| Schedule::new(rate, Instant::now()));
    let summary = SendSummary { superseded: options.results.then_some(0), ..SendSummary::default() };
    let mut sender = Sender {
        client,
        options: *options,
        stop,
        report,
        schedule,
        summary,
        untaken: None,
        last_answered: 0,
        is_behind: false,
    };
    let sent = sender.send(recording);
    if sent.is_ok() {
        sender.client.close(CloseCode::Normal, "all sent");
    }
    (sender.summary, sent)
}

struct Sender<'a> {
    client: Client,
    options: SendOptions,
    stop: BorrowedFd<'a>,
    report: &'a mut dyn FnMut(&SendSummary, &SendEvent<'_>) -> io::Result<()>,
    schedule: Option<Schedule>,
    summary: SendSummary,
    /// The newest frame sent, until the server says that it has left the slot.
    untaken: Option<u64>,
    /// The newest frame whose result or refusal came.
    last_answered: u64,
    /// Whether [`SendEvent::FellBehind`] was reported.
    is_behind: bool,
}

impl Sender<'_> {
    fn send(&mut self, recording: &Recording) -> Result<(), SendError> {
        let mut is_first_round = true;
        loop {
            let sent_before = self.summary.sent;
            for still in recording.stills() {
                match still {
                    Ok(still) => {
                        if self.wait_until_due()?.is_break() {
                            return Ok(());
                        }
                        self.send_one(&still)?;
                    }
                    Err(error) if is_first_round => {
                        self.summary.skipped += 1;
                        (self.report)(&self.summary, &SendEvent::Skipped(&error))?;
                    }
                    Err(_) => {} // reported in the first round
                }
            }
            if self.summary.sent == sent_before {
                return Err(SendError::NoPictures);
            }
            if !self.options.repeat {
                return self.linger();
            }
            is_first_round = false;
        }
    }

    /// Waits until the next frame may go: it is due, the previous one is with the kernel, and at [`Pace::Taken`] also
    /// taken. Breaks when `stop` is readable.
    fn wait_until_due(&mut self) -> Result<ControlFlow<()>, SendError> {
        loop {
            let may_go = self.client.is_flushed() && (self.options.pace == Pace::Rate || self.untaken.is_none());
            let deadline = match self.schedule {
                // Even if the frame is due already: the messages that are here by now are handled before it goes.
                _ if may_go => Some(self.schedule.map_or_else(Instant::now, |schedule| schedule.due())),
                Some(schedule) if self.options.pace == Pace::Rate && !self.is_behind => Some(schedule.late_at()),
                _ => None,
            };
            match self.client.next_event(deadline, self.stop)? {
                ClientEvent::Text(text) => self.handle_message(&text)?,
                ClientEvent::Timeout if may_go => return Ok(ControlFlow::Continue(())),
                ClientEvent::Timeout => self.report_behind()?,
                ClientEvent::Stopped => return Ok(ControlFlow::Break(())),
                ClientEvent::Flushed => {}
            }
        }
    }

    fn send_one(&mut self, still: &Still) -> Result<(), SendError> {
        let seq = self.summary.sent + 1;
        let header = Header {
            format: still.format,
            width_px: 0,
            height_px: 0,
            stride_bytes: 0,
            seq,
            captured_us: Some(Monotonic::now().as_micros()), // a recording plays as if seen now
        };
        let message = [&header.encode()[..], &still.bytes].concat();
        let now = Instant::now();
        self.client.send(WsMessage::binary(message))?;
        self.untaken = Some(seq);
        self.summary.record_sent(still.bytes.len(), now);
        let is_late = self.schedule.as_mut().is_some_and(|schedule| schedule.sent(now));
        if is_late && self.options.pace == Pace::Rate && !self.is_behind {
            self.report_behind()?;
        }
        Ok((self.report)(&self.summary, &SendEvent::Sent)?)
    }

    fn report_behind(&mut self) -> Result<(), SendError> {
        self.is_behind = true;
        Ok((self.report)(&self.summary, &SendEvent::FellBehind)?)
    }

    /// Waits for the answers to the last frame, so that the counts are complete.
    fn linger(&mut self) -> Result<(), SendError> {
        let deadline = Instant::now() + LINGER_TIMEOUT;
        while !self.client.is_flushed()
            || self.untaken.is_some()
            || self.options.results && self.last_answered < self.summary.sent
        {
            match self.client.next_event(Some(deadline), self.stop)? {
                ClientEvent::Text(text) => self.handle_message(&text)?,
                ClientEvent::Flushed => {}
                ClientEvent::Timeout | ClientEvent::Stopped => break,
            }
        }
        Ok(())
    }

    fn handle_message(&mut self, text: &str) -> Result<(), SendError> {
        let Ok(message) = Message::from_json(text) else {
            return Ok(()); // a later server may send what this version does not know
        };
        match &message {
            Message::Clock(Clock { server_us, sender_us: None }) => {
                let sender_us = Some(Monotonic::now().as_micros());
                let answer = Message::Clock(Clock { server_us: *server_us, sender_us });
                self.client.send(WsMessage::text(answer.to_json()))?;
            }
            Message::Taken(taken) => {
                self.summary.taken += 1;
                self.record_taken_up_to(taken.seq);
            }
            Message::Refused(refused) => {
                self.summary.refused += 1;
                self.last_answered = self.last_answered.max(refused.seq);
                self.record_taken_up_to(refused.seq);
            }
            Message::Result(result) => {
                self.last_answered = self.last_answered.max(result.seq);
                self.summary.record_superseded(result.superseded);
            }
            // The answer may be among the lost messages.
            Message::Dropped(_) => self.untaken = None,
            _ => {}
        }
        Ok((self.report)(&self.summary, &SendEvent::Message(text, &message))?)
    }

    /// Notes that neither this frame nor an earlier one is in the slot any more.
    fn record_taken_up_to(&mut self, seq: u64) {
        if self.untaken.is_some_and(|untaken| untaken <= seq) {
            self.untaken = None;
        }
    }
}

impl From<ClientError> for SendError {
    fn from(error: ClientError) -> Self {
        Self::Connection(error)
    }
}

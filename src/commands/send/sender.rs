//! The sending loop of recordings: sends each frame when it is due.

use std::{io, ops::ControlFlow, os::fd::BorrowedFd, time::Instant};

use super::{Rate, SendError, SendSummary, schedule::Schedule, session::Session};
use crate::{
    commands::{
        Pace,
        client::{Client, ClientEvent},
    },
    message::Message,
    recording::{Recording, RecordingError, Still},
    system::clock::Monotonic,
    wire::{HEADER_BYTES, Header},
};

/// The rate of a recording that does not state one.
const DEFAULT_RATE_HZ: f64 = 10.0;

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
        session: Session::new(client, options.pace),
        options: *options,
        stop,
        report,
        schedule,
        summary,
        is_behind: false,
    };
    let sent = sender.send(recording);
    if sent.is_ok() {
        sender.session.close();
    }
    (sender.summary, sent)
}

struct Sender<'a> {
    session: Session,
    options: SendOptions,
    stop: BorrowedFd<'a>,
    report: &'a mut dyn FnMut(&SendSummary, &SendEvent<'_>) -> io::Result<()>,
    schedule: Option<Schedule>,
    summary: SendSummary,
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

    /// Waits until the next frame may go: it is due, the previous one is with the kernel, and what the pace waits for has
    /// come. Breaks when `stop` is readable.
    fn wait_until_due(&mut self) -> Result<ControlFlow<()>, SendError> {
        loop {
            let now = Instant::now();
            let due = self.schedule.map_or(now, |schedule| schedule.due());
            // Even if the frame is due already: the messages that are here by now are handled before it goes.
            let next_from = self.session.next_from(now).map(|from| from.max(due));
            let late_at = self.schedule.filter(|_| self.options.pace == Pace::Rate && !self.is_behind);
            let deadline = next_from.or(late_at.map(|schedule| schedule.late_at()));
            match self.session.client.next_event(deadline, self.stop)? {
                ClientEvent::Stopped => return Ok(ControlFlow::Break(())),
                ClientEvent::Timeout if next_from.is_some() => return Ok(ControlFlow::Continue(())),
                ClientEvent::Timeout => self.report_behind()?,
                event => self.handle(&event)?,
            }
        }
    }

    fn send_one(&mut self, still: &Still) -> Result<(), SendError> {
        let header = Header {
            format: still.format,
            width_px: 0,
            height_px: 0,
            stride_bytes: 0,
            seq: self.summary.sent + 1,
            captured_us: Some(Monotonic::now().as_micros()), // a recording plays as if seen now
        };
        let message = [&[0; HEADER_BYTES], &still.bytes[..]].concat();
        self.session.send(&header, message, &mut self.summary)?;
        let is_late = self.schedule.as_mut().is_some_and(|schedule| schedule.sent(Instant::now()));
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
        let deadline = Session::linger_deadline();
        while self.session.lingers(self.options.results) {
            match self.session.client.next_event(Some(deadline), self.stop)? {
                ClientEvent::Timeout | ClientEvent::Stopped => break,
                event => self.handle(&event)?,
            }
        }
        Ok(())
    }

    fn handle(&mut self, event: &ClientEvent) -> Result<(), SendError> {
        let message = self.session.handle(event, &mut self.summary)?;
        if let (ClientEvent::Text(text), Some(message)) = (event, message) {
            (self.report)(&self.summary, &SendEvent::Message(text, &message))?;
        }
        Ok(())
    }
}

//! The sending loop: a frame when it is due, an answer when one is asked for, and a count of what comes back.

use std::{
    io,
    os::fd::BorrowedFd,
    time::{Duration, Instant},
};

use tungstenite::{Message as WsMessage, protocol::frame::coding::CloseCode};

use super::{Rate, SendError, Tally, schedule::Schedule};
use crate::{
    commands::{
        Pace,
        client::{Client, ClientError, Next},
    },
    message::{Clock, Message},
    recording::{Recording, RecordingError, Still},
    system::clock::Monotonic,
    wire::Header,
};

/// The rate of a recording that does not state one.
const DEFAULT_RATE_HZ: f64 = 10.0;

/// Time for the last frame to be taken and its result to come. It does not wait for a newer frame.
const LINGER: Duration = Duration::from_secs(2);

/// How a recording is sent.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Frames a second; the recording's own or else 10 if not given. At [`Pace::Taken`], if not given: as many as are
    /// taken.
    pub rate: Option<Rate>,
    /// What the next frame waits for besides its time.
    pub pace: Pace,
    /// Begin again at the end.
    pub repeat: bool,
    /// Results are asked for in the URL: the last frame's is waited for.
    pub results: bool,
}

/// What is told while sending goes on.
#[derive(Debug)]
pub enum Told<'a> {
    /// A frame was sent.
    Sent,
    /// The server says something: as text, and read.
    Message(&'a str, &'a Message),
    /// A picture cannot be sent.
    LeftOut(&'a RecordingError),
    /// For the first time the rate could not be kept.
    Late,
}

/// Sends a recording over a `fovea.v1` connection until its end or until `stop` is readable, then closes the
/// connection. `tell` is called for everything that happens; when it fails, sending ends.
///
/// Blocks; `fovea demo` calls it on a thread of its own.
///
/// # Errors
/// When the connection ends before, when the recording has nothing to send, or when `tell` fails. The tally is
/// good in every case.
pub fn send(
    client: Client,
    recording: &Recording,
    plan: &Plan,
    stop: BorrowedFd<'_>,
    tell: &mut dyn FnMut(&Tally, &Told<'_>) -> io::Result<()>,
) -> (Tally, Result<(), SendError>) {
    let own_rate = recording.rate_hz().and_then(|hz| Rate::from_hz(hz).ok());
    let rate = match (plan.rate, plan.pace) {
        (None, Pace::Rate) => own_rate.or(Rate::from_hz(DEFAULT_RATE_HZ).ok()),
        (rate, _) => rate,
    };
    let schedule = rate.map(|rate| Schedule::new(rate, Instant::now()));
    let tally = Tally { superseded: plan.results.then_some(0), ..Tally::default() };
    let mut sender =
        Sender { client, plan: *plan, stop, tell, schedule, tally, awaits: None, settled: 0, is_late: false };
    let sent = sender.send(recording);
    if sent.is_ok() {
        sender.client.close(CloseCode::Normal, "all sent");
    }
    (sender.tally, sent)
}

struct Sender<'a> {
    client: Client,
    plan: Plan,
    stop: BorrowedFd<'a>,
    tell: &'a mut dyn FnMut(&Tally, &Told<'_>) -> io::Result<()>,
    schedule: Option<Schedule>,
    tally: Tally,
    /// The frame that still waits in the server's slot, as far as is known here.
    awaits: Option<u64>,
    /// The newest frame whose result or refusal came.
    settled: u64,
    /// That the rate cannot be kept was told.
    is_late: bool,
}

/// Whether to go on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    On,
    Stop,
}

impl Sender<'_> {
    fn send(&mut self, recording: &Recording) -> Result<(), SendError> {
        let mut is_first_round = true;
        loop {
            let sent_before = self.tally.sent;
            for still in recording.stills() {
                match still {
                    Ok(still) => {
                        if self.turn()? == Flow::Stop {
                            return Ok(());
                        }
                        self.send_one(&still)?;
                    }
                    Err(error) if is_first_round => {
                        self.tally.left_out += 1;
                        (self.tell)(&self.tally, &Told::LeftOut(&error))?;
                    }
                    Err(_) => {} // told in the first round
                }
            }
            if self.tally.sent == sent_before {
                return Err(SendError::Nothing);
            }
            if !self.plan.repeat {
                return self.linger();
            }
            is_first_round = false;
        }
    }

    /// Waits until the next frame may go: it is due, the frame before has left, and, if that is the pace, was taken.
    fn turn(&mut self) -> Result<Flow, SendError> {
        loop {
            let is_free = self.client.is_sent() && (self.plan.pace == Pace::Rate || self.awaits.is_none());
            let until = match self.schedule {
                // Also when it is due already: what the server said by now is heard before the frame goes.
                _ if is_free => Some(self.schedule.map_or_else(Instant::now, |schedule| schedule.due())),
                Some(schedule) if self.plan.pace == Pace::Rate && !self.is_late => Some(schedule.late()),
                _ => None,
            };
            match self.client.next(until, self.stop)? {
                Next::Text(text) => self.hear(&text)?,
                Next::TimeUp if is_free => return Ok(Flow::On),
                Next::TimeUp => self.tell_late()?,
                Next::Stopped => return Ok(Flow::Stop),
                Next::Sent => {}
            }
        }
    }

    fn send_one(&mut self, still: &Still) -> Result<(), SendError> {
        let seq = self.tally.sent + 1;
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
        self.awaits = Some(seq);
        self.tally.count(still.bytes.len(), now);
        let is_late = self.schedule.as_mut().is_some_and(|schedule| schedule.sent(now));
        if is_late && self.plan.pace == Pace::Rate && !self.is_late {
            self.tell_late()?;
        }
        Ok((self.tell)(&self.tally, &Told::Sent)?)
    }

    fn tell_late(&mut self) -> Result<(), SendError> {
        self.is_late = true;
        Ok((self.tell)(&self.tally, &Told::Late)?)
    }

    /// After the last frame: hears what becomes of it, so that the counts are whole.
    fn linger(&mut self) -> Result<(), SendError> {
        let until = Instant::now() + LINGER;
        while !self.client.is_sent() || self.awaits.is_some() || self.plan.results && self.settled < self.tally.sent {
            match self.client.next(Some(until), self.stop)? {
                Next::Text(text) => self.hear(&text)?,
                Next::Sent => {}
                Next::TimeUp | Next::Stopped => break,
            }
        }
        Ok(())
    }

    fn hear(&mut self, text: &str) -> Result<(), SendError> {
        let Ok(message) = Message::from_json(text) else {
            return Ok(()); // of a later server, for later senders
        };
        match &message {
            Message::Clock(Clock { server_us, sender_us: None }) => {
                let sender_us = Some(Monotonic::now().as_micros());
                let answer = Message::Clock(Clock { server_us: *server_us, sender_us });
                self.client.send(WsMessage::text(answer.to_json()))?;
            }
            Message::Taken(taken) => {
                self.tally.taken += 1;
                self.waits_no_more(taken.seq);
            }
            Message::Refused(refused) => {
                self.tally.refused += 1;
                self.settled = self.settled.max(refused.seq);
                self.waits_no_more(refused.seq);
            }
            Message::Result(result) => {
                self.settled = self.settled.max(result.seq);
                if let Some(superseded) = &mut self.tally.superseded {
                    *superseded += result.superseded;
                }
            }
            // What was waited for may be among it.
            Message::Dropped(_) => self.awaits = None,
            _ => {}
        }
        Ok((self.tell)(&self.tally, &Told::Message(text, &message))?)
    }

    /// Neither this frame nor an earlier one is in the slot.
    fn waits_no_more(&mut self, seq: u64) {
        if self.awaits.is_some_and(|awaited| awaited <= seq) {
            self.awaits = None;
        }
    }
}

impl From<ClientError> for SendError {
    fn from(error: ClientError) -> Self {
        Self::Connection(error)
    }
}

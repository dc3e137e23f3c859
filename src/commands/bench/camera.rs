//! A camera that is none: it sends frames at their rate over a WebSocket connection, and reads how old their results are.

use std::{
    os::fd::AsFd,
    time::{Duration, Instant},
};

use nix::sys::resource::{UsageWho, getrusage};

use super::frames::Frames;
use crate::{
    commands::{
        Pace,
        client::{Client, ClientError, ClientEvent, ClientOptions, ServerUrl},
        send::{SendSummary, session::Session},
    },
    message::Message,
    system::{clock::Monotonic, event_fd::EventFd},
    wire::{HEADER_BYTES, Header, SUBPROTOCOL},
};

/// When a camera sends which frames.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shooting {
    /// When the first one is due.
    pub(super) start: Instant,
    /// From the first frame due by then on, frames are measured.
    pub(super) measured_from: Instant,
    /// No frame is due from then on.
    pub(super) end: Instant,
    /// From one frame to the next.
    pub(super) interval: Duration,
    /// How long the last frame's result is waited for.
    pub(super) patience: Duration,
    /// The number of the first frame.
    pub(super) first_frame: usize,
}

/// What became of the frames of one camera.
#[derive(Clone, Debug, Default)]
pub(super) struct Footage {
    /// Measured frames that were due.
    pub(super) due: usize,
    /// Those of them that could not be sent when they were due: the connection still had the one before.
    pub(super) unsent: usize,
    /// How old the results of the others were when they left, in milliseconds.
    pub(super) ages_ms: Vec<f64>,
    /// All frames that were sent.
    pub(super) sent: usize,
    /// Why the daemon does not process a frame.
    pub(super) refused: Option<String>,
    /// Processor time of this camera's thread.
    pub(super) thread_time: Duration,
}

/// A connected camera.
pub(super) struct Camera<'f> {
    session: Session,
    frames: &'f Frames,
    summary: SendSummary,
    first_measured: Option<u64>,
    last_answered: u64,
    footage: Footage,
}

impl<'f> Camera<'f> {
    /// Connects a camera.
    ///
    /// # Errors
    /// If there is no connection.
    pub(super) fn connect(url: &ServerUrl, options: &ClientOptions, frames: &'f Frames) -> Result<Self, ClientError> {
        let session = Session::new(Client::connect(url, Some(SUBPROTOCOL), options)?, Pace::Rate);
        let (summary, footage) = (SendSummary::default(), Footage::default());
        Ok(Self { session, frames, summary, first_measured: None, last_answered: 0, footage })
    }

    /// Sends frames and waits for the last result. On a thread of its own: it blocks until then.
    ///
    /// # Errors
    /// If the connection ends before.
    pub(super) fn run(mut self, shooting: &Shooting, never: &EventFd) -> Result<Footage, ClientError> {
        let began = thread_time();
        let mut due = shooting.start;
        while due < shooting.end {
            self.wait_until(due, never)?;
            let is_measured = due >= shooting.measured_from;
            self.footage.due += usize::from(is_measured);
            // A camera that still sends a frame when the next is due leaves that out.
            if self.session.client.is_flushed() && due.elapsed() < shooting.interval {
                self.send(shooting.first_frame, is_measured)?;
            } else {
                self.footage.unsent += usize::from(is_measured);
            }
            due += shooting.interval;
        }
        let last = self.summary.sent;
        let patience = Instant::now() + shooting.patience;
        while self.last_answered < last && Instant::now() < patience {
            let event = self.session.client.next_event(Some(patience), never.as_fd())?;
            self.handle(&event)?;
        }
        self.session.close();
        self.footage.sent = usize::try_from(last).unwrap_or(usize::MAX);
        self.footage.thread_time = thread_time().saturating_sub(began);
        Ok(self.footage)
    }

    fn wait_until(&mut self, due: Instant, never: &EventFd) -> Result<(), ClientError> {
        loop {
            match self.session.client.next_event(Some(due), never.as_fd())? {
                ClientEvent::Timeout => return Ok(()),
                event => self.handle(&event)?,
            }
        }
    }

    fn send(&mut self, first_frame: usize, is_measured: bool) -> Result<(), ClientError> {
        let seq = self.summary.sent + 1;
        if is_measured {
            self.first_measured.get_or_insert(seq);
        }
        let number = first_frame.wrapping_add(usize::try_from(seq).unwrap_or_default());
        let still = self.frames.get(number);
        let message = [&[0; HEADER_BYTES], &still.bytes[..]].concat();
        let captured_us = Some(Monotonic::now().as_micros());
        let header = Header { format: still.format, width_px: 0, height_px: 0, stride_bytes: 0, seq, captured_us };
        self.session.send(&header, message, &mut self.summary)
    }

    fn handle(&mut self, event: &ClientEvent) -> Result<(), ClientError> {
        match self.session.handle(event, &mut self.summary)? {
            Some(Message::Result(result)) if result.processor.is_none() => {
                self.last_answered = self.last_answered.max(result.seq);
                if self.first_measured.is_some_and(|first| result.seq >= first) {
                    self.footage.ages_ms.push(result.age_ms.result);
                }
            }
            Some(Message::Refused(refused)) => {
                self.last_answered = self.last_answered.max(refused.seq);
                self.footage.refused.get_or_insert(refused.cause);
            }
            _ => {}
        }
        Ok(())
    }
}

/// Processor time of the calling thread.
fn thread_time() -> Duration {
    used(UsageWho::RUSAGE_THREAD)
}

/// Processor time of this process or thread.
pub(super) fn used(who: UsageWho) -> Duration {
    let Ok(usage) = getrusage(who) else { return Duration::ZERO };
    let micros = [usage.user_time(), usage.system_time()].map(|time| {
        let seconds = u64::try_from(time.tv_sec()).unwrap_or_default();
        seconds.saturating_mul(1_000_000).saturating_add(u64::try_from(time.tv_usec()).unwrap_or_default())
    });
    Duration::from_micros(micros[0].saturating_add(micros[1]))
}

//! One connection from a sender's side: sends frames, answers the server's clock, counts what comes back.

use std::time::{Duration, Instant};

use tungstenite::{Message as WsMessage, protocol::frame::coding::CloseCode};

use super::{SendSummary, last_frame::LastFrame};
use crate::{
    commands::{
        Pace,
        client::{Client, ClientError, ClientEvent},
    },
    message::{Clock, Limits, Message},
    system::clock::Monotonic,
    wire::{HEADER_BYTES, Header},
};

/// How long to wait until the last frame is taken and its result has come.
const LINGER_TIMEOUT: Duration = Duration::from_secs(2);

/// A connection to a server that takes frames.
pub(in crate::commands) struct Session {
    pub(in crate::commands) client: Client,
    pace: Pace,
    last: LastFrame,
    limits: Option<Limits>,
}

impl Session {
    pub(in crate::commands) fn new(client: Client, pace: Pace) -> Self {
        Self { client, pace, last: LastFrame::default(), limits: None }
    }

    /// The largest message that the server takes, if it has said so.
    pub(in crate::commands) fn max_message_bytes(&self) -> Option<usize> {
        self.limits.map(|limits| limits.max_message_bytes)
    }

    /// From when on the next frame may go: `None` if that takes another event.
    pub(in crate::commands) fn next_from(&self, now: Instant) -> Option<Instant> {
        self.last.next_from(self.pace, now).filter(|_| self.client.is_flushed())
    }

    /// Sends a frame: `message` is room for the header and, behind it, the picture.
    ///
    /// # Errors
    /// If the connection ended.
    pub(in crate::commands) fn send(
        &mut self,
        header: &Header,
        mut message: Vec<u8>,
        summary: &mut SendSummary,
    ) -> Result<(), ClientError> {
        let (room, picture) = message.split_at_mut(HEADER_BYTES);
        room.copy_from_slice(&header.encode());
        let (picture_bytes, now) = (picture.len(), Instant::now());
        self.client.send(WsMessage::binary(message))?;
        if self.pace == Pace::Newest {
            // The server reads one message after the other: its answer says that it has the frame.
            self.client.send(WsMessage::Ping(header.seq.to_be_bytes().to_vec().into()))?;
        }
        self.last.record_sent(header.seq, now);
        summary.record_sent(picture_bytes, now);
        Ok(())
    }

    /// Notes what an event says of frames, and answers the server's clock. Returns the message, if it is one that this
    /// version knows.
    ///
    /// # Errors
    /// If the connection ended.
    pub(in crate::commands) fn handle(
        &mut self,
        event: &ClientEvent,
        summary: &mut SendSummary,
    ) -> Result<Option<Message>, ClientError> {
        let text = match event {
            ClientEvent::Text(text) => text,
            ClientEvent::Pong(content) => {
                if let Ok(seq) = content[..].try_into() {
                    self.last.record_received(u64::from_be_bytes(seq));
                }
                return Ok(None);
            }
            _ => return Ok(None),
        };
        let Ok(message) = Message::from_json(text) else {
            return Ok(None); // a later server may send what this version does not know
        };
        match &message {
            Message::Hello(hello) => self.limits = Some(hello.limits),
            Message::Clock(Clock { server_us, sender_us: None }) => {
                let sender_us = Some(Monotonic::now().as_micros());
                let answer = Message::Clock(Clock { server_us: *server_us, sender_us });
                self.client.send(WsMessage::text(answer.to_json()))?;
            }
            Message::Taken(taken) => {
                summary.taken += 1;
                self.last.record_taken(taken.seq, Instant::now());
            }
            Message::Refused(refused) => {
                summary.refused += 1;
                self.last.record_answered(refused.seq);
            }
            // Those of other processors than the first come beside its own.
            Message::Result(result) if result.processor.is_none() => {
                self.last.record_answered(result.seq);
                summary.record_superseded(result.superseded);
            }
            Message::Dropped(_) => self.last.record_lost_messages(),
            _ => {}
        }
        Ok(Some(message))
    }

    /// Whether something is still to be said of the last frame, which completes the counts. `with_results` says whether
    /// results come.
    pub(in crate::commands) fn lingers(&self, with_results: bool) -> bool {
        !self.client.is_flushed() || if with_results { self.last.is_unanswered() } else { self.last.is_untaken() }
    }

    /// When waiting for the last frame has lasted long enough.
    pub(in crate::commands) fn linger_deadline() -> Instant {
        Instant::now() + LINGER_TIMEOUT
    }

    /// Closes the connection in good order.
    pub(in crate::commands) fn close(self) {
        self.client.close(CloseCode::Normal, "all sent");
    }
}

//! A client that sends frames: its messages are admitted and published.

use std::time::Instant;

use log::info;
use tungstenite::protocol::frame::coding::CloseCode;

use super::{
    admit,
    clock_offset::ClockOffset,
    connection::{Connection, Content, Over},
    listen::Entrance,
    session::{Entry, Session},
};
use crate::{
    frame::{Camera, CapturedBy, Frame, Origin},
    hub::queue::CloseReason,
    message::{Clock, Message},
    source::buffers::Pool,
    system::{clock::Monotonic, thread},
    telemetry::rejections::RejectReason,
    wire::Header,
};

/// Serves a sender of one camera's frames until it leaves or is sent away.
pub(super) fn serve(session: &Session, camera: &Camera, results: bool, is_v1: bool, entry: Entry) {
    let Session { settings, peer, .. } = session;
    let entrance = settings.entrance(camera).expect("it was found by these settings");
    let name = camera.name();
    thread::name(&format!("ws-{name}"));
    if let Some(suppressed) = entrance.came.check() {
        let how = if is_v1 { "fovea.v1" } else { "bare pictures" };
        info!(CAMERA = name, CLIENT:% = peer; "{name}: {peer} sends {how}{suppressed}");
    }
    let _place = entrance.claim(&session.outbox);
    let mut sender =
        Sender { session, camera, entrance, is_v1, frames: 0, clock: ClockOffset::default(), ask_at: None };
    if is_v1 {
        session.greet(Some(name));
    }
    let _subscription = session.subscribe(Some(camera), is_v1, results);
    let mut connection = session.let_in(entry, settings.config.max_message_bytes);
    if is_v1 {
        sender.ask();
    }
    let over = sender.run(&mut connection);
    if let Some(suppressed) = entrance.left.check() {
        info!(CAMERA = name, CLIENT:% = peer; "{name}: {peer} ends after {} frames: {over}{suppressed}", sender.frames);
    }
    if !matches!(over, Over::Left(_)) {
        entrance.statistics.failed(over.to_string());
    }
    connection.finish(&over);
}

#[derive(Debug)]
struct Sender<'a> {
    session: &'a Session,
    camera: &'a Camera,
    entrance: &'a Entrance,
    is_v1: bool,
    frames: u64,
    clock: ClockOffset,
    /// When its clock is to be asked for next.
    ask_at: Option<Instant>,
}

impl Sender<'_> {
    fn run(&mut self, connection: &mut Connection<'_>) -> Over {
        loop {
            let taken = match connection.next(self.ask_at) {
                Ok(Some(content)) => self.take(content, Monotonic::now(), connection),
                Ok(None) => {
                    self.ask();
                    Ok(())
                }
                Err(over) => Err(over),
            };
            if let Err(over) = taken {
                return over;
            }
        }
    }

    /// Takes a message that arrived just now: a frame, or a control message.
    fn take(&mut self, content: Content, arrival: Monotonic, connection: &mut Connection<'_>) -> Result<(), Over> {
        if let Content::Text(text) = &content
            && !admit::is_data_url(text)
        {
            return self.control(text, arrival);
        }
        self.frames += 1;
        let mut seq = self.frames;
        self.entrance.statistics.received(content.len());
        let slot = &self.session.server.slot;
        match self.frame(content, arrival, connection.pool(), &mut seq) {
            Ok(frame) => drop(slot.publish(self.camera.index(), frame)),
            Err(refusal) => {
                self.entrance.statistics.refused(seq, &refusal);
                connection.rest();
            }
        }
        Ok(())
    }

    /// Makes the frame; `seq` becomes its sender's number as soon as that is known.
    fn frame(&self, content: Content, arrival: Monotonic, pool: &Pool, seq: &mut u64) -> Result<Frame, RejectReason> {
        let max_pixels = self.session.settings.config.max_pixels;
        let (mut captured_at, mut captured_by) = (arrival, CapturedBy::Arrival);
        let picture = match content {
            Content::Binary(bytes) if self.is_v1 => {
                let (header, start) = Header::parse(&bytes)?;
                *seq = header.seq;
                if let Some(ours) = header.captured_us.and_then(|theirs_us| self.clock.ours(theirs_us, arrival)) {
                    (captured_at, captured_by) = (ours, CapturedBy::Sender);
                }
                admit::headed(&header, bytes.slice(start..), max_pixels)?
            }
            Content::Binary(bytes) => admit::bare(bytes, max_pixels)?,
            Content::Text(text) => admit::bare(admit::data_url(&text, pool)?, max_pixels)?,
        };
        picture.into_frame(Origin { camera: self.camera.clone(), seq: *seq, captured_at, captured_by })
    }

    /// Takes a control message, of which there is one.
    fn control(&mut self, text: &str, arrival: Monotonic) -> Result<(), Over> {
        match Message::from_json(text) {
            Ok(Message::Clock(Clock { server_us, sender_us: Some(sender_us) })) => {
                if let Some(pause) = self.clock.answer(server_us, sender_us, arrival) {
                    self.ask_at = Some(Instant::now() + pause);
                }
                Ok(())
            }
            _ => Err(unsupported("a text message is a data:image/...;base64, URL or an answer to \"clock\"")),
        }
    }

    /// Asks for the sender's clock.
    fn ask(&mut self) {
        self.ask_at = None;
        let server_us = self.clock.ask(Monotonic::now()).as_micros();
        self.session.post(&Message::Clock(Clock { server_us, sender_us: None }));
    }
}

/// Ends a connection whose client sends what cannot be taken.
pub(super) fn unsupported(reason: &'static str) -> Over {
    Over::Ended(CloseReason { code: CloseCode::Unsupported, reason })
}

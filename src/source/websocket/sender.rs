//! A client that sends frames: its messages are admitted and published.

use std::time::Instant;

use log::info;

use super::{
    admit,
    clock_offset::ClockOffset,
    close::Close,
    connection::{Connection, Content, Disconnect},
    handshake::Protocol,
    server::Ingest,
    session::{Session, Upgrade},
};
use crate::{
    frame::{Camera, CapturedBy, Frame, Origin},
    hub::{Interest, Pacing, Replies},
    message::{Clock, Message},
    source::buffers::Pool,
    system::{clock::Monotonic, thread},
    telemetry::rejections::RejectReason,
    wire::Header,
};

/// Characters of an ignored text that are logged.
const CITED_CHARS: usize = 40;

/// Serves a sender of one camera's frames until it leaves or is sent away.
pub(super) fn serve(session: &Session, camera: &Camera, replies: Replies, protocol: Protocol, upgrade: Upgrade<'_>) {
    let Session { settings, peer, .. } = session;
    let ingest = settings.ingest(camera).expect("it was found by these settings");
    let name = camera.name();
    thread::name(&format!("ws-{name}"));
    if let Some(suppressed) = ingest.connected.check() {
        let how = if protocol == Protocol::V1 { "fovea.v1" } else { "bare pictures" };
        let grant = &upgrade.grant;
        info!(CAMERA = name, CLIENT:% = peer; "{name}: {peer} sends {how}{grant}{suppressed}");
    }
    let _guard = ingest.acquire(&session.queue);
    let (frames, ignored) = (0, 0);
    let mut sender = Sender { session, ingest, protocol, frames, ignored, clock: ClockOffset::default(), ask_at: None };
    let pacing = if protocol == Protocol::V1 { Pacing::Paced } else { Pacing::Free };
    if protocol == Protocol::V1 {
        session.send_hello(Some(name));
    }
    let _subscription = session.subscribe(Some(camera), Interest::sender(camera.clone(), pacing, replies));
    let mut connection = session.upgrade(upgrade, settings.config.max_message_bytes);
    if protocol == Protocol::V1 {
        sender.ask_clock();
    }
    let disconnect = sender.run(&mut connection);
    if let Some(suppressed) = ingest.disconnected.check() {
        let frames = sender.frames;
        let texts = if sender.ignored > 0 { format!(" and {} ignored texts", sender.ignored) } else { String::new() };
        info!(
            CAMERA = name, CLIENT:% = peer;
            "{name}: {peer} disconnects after {frames} frames{texts}: {disconnect}{suppressed}"
        );
    }
    if !matches!(disconnect, Disconnect::Left(_)) {
        ingest.feed.failed(disconnect.to_string());
    }
    connection.finish(&disconnect);
}

#[derive(Debug)]
struct Sender<'a> {
    session: &'a Session,
    ingest: &'a Ingest,
    protocol: Protocol,
    frames: u64,
    /// Texts that are neither.
    ignored: u64,
    clock: ClockOffset,
    /// When its clock is to be asked for next.
    ask_at: Option<Instant>,
}

impl Sender<'_> {
    fn run(&mut self, connection: &mut Connection<'_>) -> Disconnect {
        loop {
            let received = match connection.next(self.ask_at) {
                Ok(Some(content)) => self.receive(content, Monotonic::now(), connection),
                Ok(None) => {
                    self.ask_clock();
                    Ok(())
                }
                Err(disconnect) => Err(disconnect),
            };
            if let Err(disconnect) = received {
                return disconnect;
            }
        }
    }

    /// Takes a message that arrived just now: a frame, or a control message.
    fn receive(
        &mut self,
        content: Content,
        arrival: Monotonic,
        connection: &mut Connection<'_>,
    ) -> Result<(), Disconnect> {
        if let Content::Text(text) = &content
            && !admit::is_data_url(text)
        {
            return self.control(text, arrival, connection);
        }
        self.frames += 1;
        let mut seq = self.frames;
        self.ingest.feed.received(content.len());
        match self.frame(content, arrival, connection.pool(), &mut seq) {
            Ok(frame) => self.ingest.feed.publish(frame),
            Err(reason) => {
                self.ingest.feed.reject(seq, &reason);
                connection.throttle();
            }
        }
        Ok(())
    }

    /// Makes the frame; `seq` becomes its sender's number as soon as that is known.
    fn frame(&self, content: Content, arrival: Monotonic, pool: &Pool, seq: &mut u64) -> Result<Frame, RejectReason> {
        let limits = self.session.settings.picture_limits();
        let (mut captured_at, mut captured_by) = (arrival, CapturedBy::Arrival);
        let picture = match content {
            Content::Binary(bytes) if self.protocol == Protocol::V1 => {
                let (header, start) = Header::parse(&bytes)?;
                *seq = header.seq;
                if let Some(ours) = header.captured_us.and_then(|theirs_us| self.clock.ours(theirs_us, arrival)) {
                    (captured_at, captured_by) = (ours, CapturedBy::Sender);
                }
                admit::headed(&header, bytes.slice(start..), limits)?
            }
            Content::Binary(bytes) => admit::bare(bytes, limits)?,
            Content::Text(text) => admit::bare(admit::data_url(&text, pool)?, limits)?,
        };
        picture.into_frame(Origin { camera: self.ingest.feed.camera().clone(), seq: *seq, captured_at, captured_by })
    }

    /// Takes a control message, of which there is one. A client of `fovea.v1` sends no other text; of others, many say a word
    /// when they are connected, or now and then, as the examples of their libraries do.
    fn control(&mut self, text: &str, arrival: Monotonic, connection: &mut Connection<'_>) -> Result<(), Disconnect> {
        match Message::from_json(text) {
            Ok(Message::Clock(Clock { server_us, sender_us: Some(sender_us) })) => {
                if let Some(pause) = self.clock.answer(server_us, sender_us, arrival) {
                    self.ask_at = Some(Instant::now() + pause);
                }
                Ok(())
            }
            _ if self.protocol == Protocol::Bare => {
                self.ignore(text);
                connection.throttle();
                Ok(())
            }
            _ => {
                let what = "a text message must be a data:image/...;base64, URL or an answer to \"clock\"";
                Err(Disconnect::Closed(Close::unsupported(what)))
            }
        }
    }

    /// Counts a text that means nothing here, and logs the first of this connection.
    fn ignore(&mut self, text: &str) {
        self.ignored += 1;
        self.ingest.feed.ignored();
        if self.ignored == 1
            && let Some(suppressed) = self.ingest.chatter.check()
        {
            let (name, peer) = (self.ingest.feed.name(), self.session.peer);
            let begin: String = text.chars().take(CITED_CHARS).collect();
            info!(
                CAMERA = name, CLIENT:% = peer;
                "{name}: {peer} sends text that is neither a picture nor a control message; it is ignored: {begin:?}{suppressed}"
            );
        }
    }

    /// Asks for the sender's clock.
    fn ask_clock(&mut self) {
        self.ask_at = None;
        let server_us = self.clock.ask(Monotonic::now()).as_micros();
        self.session.send(Message::Clock(Clock { server_us, sender_us: None }));
    }
}

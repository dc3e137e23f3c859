//! One client, from its request to its end. Runs on its own thread.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    os::fd::AsFd,
    sync::Arc,
    time::{Duration, Instant},
};

use log::info;
use nix::poll::PollFlags;

use super::{
    connection::{Connection, Limits, see_off},
    handshake::{self, Denial, MAX_REQUEST_BYTES, Role, Route},
    listen::{REMOVED, Server, Settings},
    reader, sender,
};
use crate::{
    frame::Camera,
    hub::{Interest, Subscription, queue::Queue},
    message::{self, Hello, Message},
    system::{clock::Monotonic, event_fd::poll},
};

/// What stands between a client's request and its connection.
#[derive(Debug)]
pub(super) struct Entry {
    /// The answer that lets it in.
    answer: Vec<u8>,
    /// What it sent right behind its request.
    early: Vec<u8>,
}

/// A client and its place on the server.
#[derive(Debug)]
pub(super) struct Session {
    /// The server it is on.
    pub(super) server: Arc<Server>,
    /// What holds for it: as it was when it came.
    pub(super) settings: Arc<Settings>,
    /// Its socket, which does not block.
    pub(super) socket: TcpStream,
    /// Where it is.
    pub(super) peer: SocketAddr,
    /// What waits for it.
    pub(super) outbox: Arc<Queue>,
    /// All places are taken: it is only told so.
    pub(super) is_one_too_many: bool,
}

impl Session {
    /// Serves the client until it leaves or is sent away.
    pub(super) fn serve(self) {
        match self.handshake() {
            Ok(Some((Route { role: Role::Sender { camera, results }, is_v1 }, entry))) => {
                sender::serve(&self, &camera, results, is_v1, entry);
            }
            Ok(Some((Route { role: Role::Reader { camera }, is_v1 }, entry))) => {
                reader::serve(&self, camera.as_ref(), is_v1, entry);
            }
            Ok(None) => {} // it left, or the server shuts down
            Err(denial) => {
                if let Some(suppressed) = self.server.denied.check() {
                    // Of the body no more than this: it cites what was asked for, 16 KiB of whatever the client likes.
                    info!(CLIENT:% = self.peer; "{} denied: {} {:.200}{suppressed}", self.peer, denial.status, denial.body);
                }
                // A client that does not take these few bytes has left.
                let _ = (&self.socket).write_all(&denial.to_bytes());
                see_off(&self.socket);
            }
        }
    }

    /// Reads the request and decides what the client is for.
    fn handshake(&self) -> Result<Option<(Route, Entry)>, Denial> {
        let config = &self.settings.config;
        let until = Instant::now() + config.handshake_timeout;
        let mut bytes = Vec::new();
        loop {
            if let Some((length, request)) = handshake::parse(&bytes)? {
                if self.is_one_too_many {
                    return Err(Denial::full(config.max_clients));
                }
                let (route, answer) = handshake::accept(&request, &self.settings.known(), &config.allowed_origins)?;
                return Ok(Some((route, Entry { answer, early: bytes.split_off(length) })));
            }
            if bytes.len() >= MAX_REQUEST_BYTES {
                return Err(Denial::long());
            }
            let socket = (self.socket.as_fd(), PollFlags::POLLIN);
            let outbox = (self.outbox.wake().as_fd(), PollFlags::POLLIN);
            match poll([socket, outbox], Some(until)) {
                Ok([false, false]) if Instant::now() >= until => return Err(Denial::slow()),
                Ok([false, false]) => {}
                Ok([true, false]) => {
                    let mut chunk = [0; 1024];
                    match (&self.socket).read(&mut chunk) {
                        Ok(0) => return Ok(None),
                        Ok(count) => bytes.extend_from_slice(&chunk[..count]),
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                        Err(_) => return Ok(None),
                    }
                }
                Ok([_, true]) | Err(_) => return Ok(None),
            }
        }
    }

    /// Lets it in. To be done when everything is ready for it: once it knows that it is in, it misses nothing.
    pub(super) fn let_in(&self, entry: Entry, message_bytes: usize) -> Connection<'_> {
        let Entry { answer, early } = entry;
        // If it has left meanwhile, that is what the connection says first.
        let _ = (&self.socket).write_all(&answer);
        let config = &self.settings.config;
        let (message_timeout, idle_timeout) = (config.message_timeout, config.idle_timeout);
        Connection::new(&self.socket, &self.outbox, Limits { message_bytes, message_timeout, idle_timeout }, early)
    }

    /// Puts what the hub has of its interest into its outbox, until the subscription is dropped.
    pub(super) fn subscribe(&self, camera: Option<&Camera>, taken: bool, results: bool) -> Subscription {
        let interest = Interest { camera: camera.cloned(), taken, results, events: results };
        let subscription = self.server.hub.subscribe(interest, self.outbox.clone());
        // Whoever is subscribed when its camera is removed is sent away then; who comes later sees here that it is gone.
        if camera.is_some_and(|camera| self.server.settings().entrance(camera).is_none()) {
            self.outbox.end(REMOVED);
        }
        subscription
    }

    /// Greets a `fovea.v1` client.
    pub(super) fn greet(&self, camera: Option<&str>) {
        let config = &self.settings.config;
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.post(&Message::Hello(Hello {
            server: concat!("fovea ", env!("CARGO_PKG_VERSION")).into(),
            camera: camera.map(Into::into),
            clock_us: Monotonic::now().as_micros(),
            limits: message::Limits {
                max_message_bytes: config.max_message_bytes,
                max_pixels: config.max_pixels,
                message_timeout_ms: millis(config.message_timeout),
                idle_timeout_ms: millis(config.idle_timeout),
            },
        }));
    }

    /// Puts a message into its outbox.
    pub(super) fn post(&self, message: &Message) {
        self.outbox.push(message.to_json().into());
    }
}

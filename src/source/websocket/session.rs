//! One client and its place on the server: what its sender or reader needs of both.

use std::{
    io::Write,
    net::{Shutdown, SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::{
    connection::{Connection, ConnectionLimits},
    handshake::{HandshakeError, Role},
    server::{Server, ServerSettings},
};
use crate::{
    access::Grant,
    frame::Camera,
    hub::{
        Interest, Subscription,
        published::Published,
        queue::{CloseReason, Queue},
    },
    message::{self, Hello, Message},
    system::{
        clock::Monotonic,
        places::{Holder, Place},
    },
    tls::stream::Stream,
};

/// What stands between a client's request and its connection.
#[derive(Debug)]
pub(super) struct Upgrade<'s> {
    /// Its socket, with TLS if it speaks that.
    pub(super) stream: &'s Stream<&'s TcpStream>,
    /// The response that lets it in.
    pub(super) response: Vec<u8>,
    /// What it sent right behind its request.
    pub(super) early: Vec<u8>,
    /// Why it may.
    pub(super) grant: Grant,
}

/// A client and its place on the server.
#[derive(Debug)]
pub(super) struct Session {
    /// The server it is on.
    pub(super) server: Arc<Server>,
    /// What holds for it: as it was when it came.
    pub(super) settings: Arc<ServerSettings>,
    /// Its socket, which does not block.
    pub(super) socket: TcpStream,
    /// Where it is.
    pub(super) peer: SocketAddr,
    /// What waits for it.
    pub(super) queue: Arc<Queue>,
    /// Set by the first who decides: the client's thread that it is in, or the listener that it is dropped.
    is_decided: AtomicBool,
}

impl Session {
    /// A client that has just connected.
    pub(super) fn new(
        server: Arc<Server>,
        settings: Arc<ServerSettings>,
        socket: TcpStream,
        peer: SocketAddr,
        queue: Arc<Queue>,
    ) -> Self {
        Self { server, settings, socket, peer, queue, is_decided: AtomicBool::new(false) }
    }

    /// Whether it is neither in nor dropped: it is about to send its request, or was denied and is about to leave.
    pub(super) fn is_at_the_door(&self) -> bool {
        !self.is_decided.load(Ordering::Relaxed) // nothing else is read because of it
    }

    /// A place for it among the clients, to be kept as long as it is here. `None` if the listener has dropped it meanwhile.
    ///
    /// # Errors
    /// With the answer for a client for which there is no place.
    pub(super) fn take_place(&self, role: &Role) -> Result<Option<Place>, HandshakeError> {
        let holder = match role {
            Role::Sender { camera, .. } => Holder::Named(camera.name().to_owned()),
            Role::Reader { .. } => Holder::of(self.peer.ip()),
        };
        let max_clients = self.settings.config.max_clients;
        let place = self.server.places.take(holder, max_clients).map_err(|why| {
            self.server.connections.count(why.into());
            HandshakeError::no_place(why, max_clients)
        })?;
        Ok(self.decide().then_some(place))
    }

    /// Drops it, unless it is in by now. Its thread ends as soon as it notices. Returns whether it is dropped.
    pub(super) fn drop_unless_in(&self) -> bool {
        let is_dropped = self.decide();
        if is_dropped {
            let _ = self.socket.shutdown(Shutdown::Both); // it fails if the client has left
        }
        is_dropped
    }

    /// Whether the caller is the first to decide.
    fn decide(&self) -> bool {
        !self.is_decided.swap(true, Ordering::Relaxed) // as above
    }

    /// Lets it in. To be done when everything is ready for it: once it knows that it is in, it misses nothing.
    pub(super) fn upgrade<'s>(&'s self, upgrade: Upgrade<'s>, message_bytes: usize) -> Connection<'s> {
        let Upgrade { mut stream, response, early, .. } = upgrade;
        // If it has left meanwhile, that is what the connection says first.
        let _ = stream.write_all(&response);
        let config = &self.settings.config;
        let (message_timeout, idle_timeout) = (config.message_timeout, config.idle_timeout);
        Connection::new(stream, &self.queue, ConnectionLimits { message_bytes, message_timeout, idle_timeout }, early)
    }

    /// Puts what the hub has of its interest, which is in `camera` if in one alone, into its queue, until the
    /// subscription is dropped.
    pub(super) fn subscribe(&self, camera: Option<&Camera>, interest: Interest) -> Subscription {
        let subscription = self.server.hub.subscribe(interest, self.queue.clone());
        // Whoever is subscribed when its camera is removed is sent away then; who comes later sees here that it is gone.
        if camera.is_some_and(|camera| self.server.settings().ingest(camera).is_none()) {
            self.queue.close(CloseReason::CameraRemoved);
        }
        subscription
    }

    /// Greets a `fovea.v1` client.
    pub(super) fn send_hello(&self, camera: Option<&str>) {
        let config = &self.settings.config;
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.send(Message::Hello(Hello {
            server: concat!("fovea ", env!("CARGO_PKG_VERSION")).into(),
            camera: camera.map(Into::into),
            clock_us: Monotonic::now().as_micros(),
            limits: message::Limits {
                max_message_bytes: config.max_message_bytes,
                max_pixels: config.max_pixels,
                max_side_px: config.max_side_px,
                message_timeout_ms: millis(config.message_timeout),
                idle_timeout_ms: millis(config.idle_timeout),
            },
        }));
    }

    /// Puts a message into its queue.
    pub(super) fn send(&self, message: Message) {
        self.queue.push(Arc::new(Published::new(message)));
    }
}

//! The listening socket, and a thread for each client.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    os::fd::AsFd,
    sync::Arc,
    time::{Duration, Instant},
};

use log::warn;
use nix::poll::PollFlags;
use tungstenite::protocol::frame::coding::CloseCode;

use super::{handshake::Known, session::Session};
use crate::{
    config,
    frame::{Camera, Frame},
    hub::{
        Hub,
        queue::{CloseReason, Queue},
    },
    slot::Slot,
    sync::Mutex,
    system::{
        event_fd::{EventFd, poll},
        thread::Thread,
        watchdog::Heartbeat,
    },
    telemetry::camera_metrics::CameraMetrics,
    telemetry::log_limiter::LogLimiter,
};

/// Clients beyond `server.max_clients` that are still listened to, to be told that they are too many.
const TOLD_FULL: usize = 8;

/// Clients accepted in one round: a flood of them must not keep the loop from looking up.
const AT_ONCE: usize = 64;

/// Why the clients of a camera are sent away that is not in the configuration any more.
pub(super) const REMOVED: CloseReason =
    CloseReason { code: CloseCode::Away, reason: "this camera was removed from the configuration" };

/// Time to wait when the system has no descriptor or thread for one more client.
const EXHAUSTED: Duration = Duration::from_millis(500);

/// How long the clients' threads may take to say goodbye.
const GOODBYES: Duration = Duration::from_millis(1000);

/// What all clients share.
#[derive(Debug)]
pub struct Server {
    pub(super) slot: Arc<Slot<Frame>>,
    pub(super) hub: Arc<Hub>,
    pub(super) denied: LogLimiter,
    pub(super) readers_came: LogLimiter,
    pub(super) readers_left: LogLimiter,
    // Replaced, never changed: who asks holds the lock for one clone of the pointer, and keeps what it got.
    settings: Mutex<Arc<Settings>>,
}

/// What holds for the clients that come now.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) config: config::Server,
    /// One for each camera, in the order of the configuration.
    entrances: Vec<Arc<Entrance>>,
}

/// A camera, as this port is told of it.
#[derive(Clone, Debug)]
pub struct Gate {
    /// Its numbers.
    pub statistics: Arc<CameraMetrics>,
    /// Whether it is plugged into this machine: nobody sends its frames here then, and its results are read as ever.
    pub is_local: bool,
}

/// Where a camera's frames come in.
#[derive(Debug)]
pub(super) struct Entrance {
    pub(super) statistics: Arc<CameraMetrics>,
    pub(super) is_local: bool,
    pub(super) came: LogLimiter,
    pub(super) left: LogLimiter,
    /// The outbox of the one live sender.
    sender: Mutex<Option<Arc<Queue>>>,
}

/// The live sender's place, free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place<'a> {
    entrance: &'a Entrance,
    outbox: &'a Arc<Queue>,
}

/// The listening socket.
#[derive(Debug)]
pub struct Listener(TcpListener);

/// A client's thread and the way to end it.
#[derive(Debug)]
struct Client {
    thread: Thread,
    outbox: Arc<Queue>,
}

impl Server {
    /// A server that publishes into `slot` and sends what `hub` has. `cameras` are in the order of the
    /// configuration.
    #[must_use]
    pub fn new(config: config::Server, cameras: &[Gate], slot: Arc<Slot<Frame>>, hub: Arc<Hub>) -> Self {
        let entrances = cameras.iter().map(|camera| Arc::new(Entrance::new(camera))).collect();
        let settings = Mutex::new(Arc::new(Settings { config, entrances }));
        let (denied, readers_came, readers_left) = Default::default();
        Self { slot, hub, denied, readers_came, readers_left, settings }
    }

    /// Has other limits hold for clients that come from now on, and lets in those of these cameras. The clients of
    /// cameras that are not among them are sent away.
    pub fn renew(&self, config: config::Server, cameras: &[Gate]) {
        let before = self.settings();
        let entrance = |camera: &Gate| match before.entrance(camera.statistics.camera()) {
            Some(entrance) => entrance.clone(),
            None => Arc::new(Entrance::new(camera)),
        };
        let now = Arc::new(Settings { config, entrances: cameras.iter().map(entrance).collect() });
        *self.settings.lock() = now.clone();
        // First let no more in, then send away who is in: see `Session::subscribe`.
        for camera in before.cameras().filter(|camera| now.entrance(camera).is_none()) {
            self.hub.end(camera, &REMOVED);
        }
    }

    /// What holds for a client that comes now.
    pub(super) fn settings(&self) -> Arc<Settings> {
        self.settings.lock().clone()
    }
}

impl Settings {
    pub(super) fn cameras(&self) -> impl Iterator<Item = &Camera> {
        self.entrances.iter().map(|entrance| entrance.statistics.camera())
    }

    /// The cameras as a request may name them.
    pub(super) fn known(&self) -> Vec<Known<'_>> {
        let entrances = self.entrances.iter();
        entrances.map(|entrance| Known { camera: entrance.statistics.camera(), is_local: entrance.is_local }).collect()
    }

    /// Where the frames of `camera` come in.
    pub(super) fn entrance(&self, camera: &Camera) -> Option<&Arc<Entrance>> {
        self.entrances.iter().find(|entrance| entrance.statistics.camera() == camera)
    }
}

impl Entrance {
    fn new(gate: &Gate) -> Self {
        let Gate { statistics, is_local } = gate.clone();
        Self {
            statistics,
            is_local,
            came: LogLimiter::default(),
            left: LogLimiter::default(),
            sender: Mutex::default(),
        }
    }

    /// Makes this client the camera's one live sender. An earlier one is sent away: it is the same camera's ghost after
    /// a restart more often than not, and must not lock it out.
    pub(super) fn claim<'a>(&'a self, outbox: &'a Arc<Queue>) -> Place<'a> {
        self.statistics.came();
        let earlier = self.sender.lock().replace(outbox.clone());
        if let Some(earlier) = earlier {
            earlier
                .end(CloseReason { code: CloseCode::Policy, reason: "another client sends this camera's frames now" });
        }
        Place { entrance: self, outbox }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut sender = self.entrance.sender.lock();
        sender.take_if(|sender| Arc::ptr_eq(sender, self.outbox));
        drop(sender);
        self.entrance.statistics.went();
    }
}

impl Listener {
    /// Opens the port.
    ///
    /// # Errors
    /// When the system does not give it, mostly because another program has it.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        Self::take(TcpListener::bind(address)?)
    }

    /// Takes a port that is open already.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn take(socket: TcpListener) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self(socket))
    }

    /// Where it listens, the port the system chose included.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    /// Accepts clients until `stop` is set; then says goodbye to all of them.
    ///
    /// # Errors
    /// When the system refuses what it must give: descriptors at the start, or waiting.
    pub fn run(self, server: &Arc<Server>, stop: &EventFd, heartbeat: &Heartbeat) -> io::Result<()> {
        let ended = Arc::new(EventFd::new()?); // set when a client's thread is over
        let exhausted = LogLimiter::default();
        let mut clients: Vec<Client> = Vec::new();
        let mut again_at = None;
        loop {
            let readable = PollFlags::POLLIN;
            let socket = if again_at.is_some() { PollFlags::empty() } else { readable };
            let until = [again_at, heartbeat.beat()].into_iter().flatten().min();
            let [_, is_stopped, _] =
                poll([(self.0.as_fd(), socket), (stop.as_fd(), readable), (ended.as_fd(), readable)], until)?;
            if is_stopped {
                break;
            }
            ended.clear();
            clients.retain(|client| !client.thread.is_over());
            again_at = match self.accept(server, &ended, &mut clients) {
                Ok(()) => None,
                Err(error) => {
                    if let Some(suppressed) = exhausted.check() {
                        warn!("no room for one more client: {error}; clients wait{suppressed}");
                    }
                    Some(Instant::now() + EXHAUSTED)
                }
            };
        }
        say_goodbye(clients);
        Ok(())
    }

    /// Accepts those who are waiting.
    fn accept(&self, server: &Arc<Server>, ended: &Arc<EventFd>, clients: &mut Vec<Client>) -> io::Result<()> {
        for _ in 0..AT_ONCE {
            // Before the client: one that is accepted cannot be put back to wait.
            let settings = server.settings();
            let outbox = Arc::new(Queue::new(settings.config.outbox_bytes)?);
            let (socket, peer) = match self.0.accept() {
                Ok(accepted) => accepted,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue, // it changed its mind
                Err(error) => return Err(error),
            };
            let max_clients = settings.config.max_clients;
            if clients.len() < max_clients + TOLD_FULL {
                let is_one_too_many = clients.len() >= max_clients;
                let session = Session { server: server.clone(), settings, socket, peer, outbox, is_one_too_many };
                clients.push(start(session, ended.clone())?);
            }
        }
        Ok(())
    }
}

/// Gives a client its thread.
fn start(session: Session, ended: Arc<EventFd>) -> io::Result<Client> {
    session.socket.set_nonblocking(true)?;
    session.socket.set_nodelay(true)?;
    let outbox = session.outbox.clone();
    let thread = Thread::spawn(&format!("ws-{}", session.peer), ended, move || session.serve())?;
    Ok(Client { thread, outbox })
}

/// Ends all clients at once, and waits for their threads together.
fn say_goodbye(clients: Vec<Client>) {
    for client in &clients {
        client.outbox.end(CloseReason { code: CloseCode::Away, reason: "the server is shutting down" });
    }
    let until = Instant::now() + GOODBYES;
    for client in clients {
        if let Err(late) = client.thread.join_until(until) {
            warn!("{late}");
        }
    }
}

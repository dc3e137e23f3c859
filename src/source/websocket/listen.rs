//! The listening socket, and a thread for each client.

use std::{
    io,
    net::{SocketAddr, TcpListener, TcpStream},
    os::fd::AsFd,
    sync::Arc,
    time::{Duration, Instant},
};

use log::warn;
use nix::poll::PollFlags;
use tungstenite::protocol::frame::coding::CloseCode;

use super::session::Session;
use crate::{
    config,
    frame::{Camera, Frame},
    output::{
        hub::Hub,
        outbox::{Ending, Outbox},
        statistics::Statistics,
    },
    slot::Slot,
    sync::Mutex,
    system::{
        tally::Tally,
        thread::Thread,
        wake::{Wake, wait},
        watchdog::Progress,
    },
};

/// Clients beyond `server.max_clients` that are still listened to, to be told that they are too many.
const TOLD_FULL: usize = 8;

/// Clients accepted in one round: a flood of them must not keep the loop from looking up.
const AT_ONCE: usize = 64;

/// Time to wait when the system has no descriptor or thread for one more client.
const EXHAUSTED: Duration = Duration::from_millis(500);

/// How long the clients' threads may take to say goodbye.
const GOODBYES: Duration = Duration::from_millis(1000);

/// What all clients share.
#[derive(Debug)]
pub struct Server {
    pub(super) config: config::Server,
    pub(super) slot: Arc<Slot<Frame>>,
    pub(super) hub: Arc<Hub>,
    /// One for each camera, in the order of the configuration.
    pub(super) entrances: Vec<Entrance>,
    pub(super) denied: Tally,
    pub(super) readers_came: Tally,
    pub(super) readers_left: Tally,
}

/// Where a camera's frames come in.
#[derive(Debug)]
pub(super) struct Entrance {
    pub(super) statistics: Arc<Statistics>,
    pub(super) came: Tally,
    pub(super) left: Tally,
    /// The outbox of the one live sender.
    sender: Mutex<Option<Arc<Outbox>>>,
}

/// The live sender's place, free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place<'a> {
    entrance: &'a Entrance,
    outbox: &'a Arc<Outbox>,
}

/// The listening socket.
#[derive(Debug)]
pub struct Listener(TcpListener);

/// A client's thread and the way to end it.
#[derive(Debug)]
struct Client {
    thread: Thread,
    outbox: Arc<Outbox>,
}

impl Server {
    /// A server that publishes into `slot` and sends what `hub` has. `cameras` are in the order of the
    /// configuration.
    #[must_use]
    pub fn new(config: config::Server, cameras: &[Arc<Statistics>], slot: Arc<Slot<Frame>>, hub: Arc<Hub>) -> Self {
        let entrances = cameras.iter().map(|statistics| Entrance {
            statistics: statistics.clone(),
            came: Tally::default(),
            left: Tally::default(),
            sender: Mutex::default(),
        });
        let (denied, readers_came, readers_left) = Default::default();
        Self { config, slot, hub, entrances: entrances.collect(), denied, readers_came, readers_left }
    }

    pub(super) fn cameras(&self) -> impl Iterator<Item = &Camera> {
        self.entrances.iter().map(|entrance| entrance.statistics.camera())
    }
}

impl Entrance {
    /// Makes this client the camera's one live sender. An earlier one is sent away: it is the same camera's ghost after
    /// a restart more often than not, and must not lock it out.
    pub(super) fn claim<'a>(&'a self, outbox: &'a Arc<Outbox>) -> Place<'a> {
        self.statistics.came();
        let earlier = self.sender.lock().replace(outbox.clone());
        if let Some(earlier) = earlier {
            earlier.end(Ending { code: CloseCode::Policy, reason: "another client sends this camera's frames now" });
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
    pub fn run(self, server: Server, stop: &Wake, progress: &Progress) -> io::Result<()> {
        let server = Arc::new(server);
        let ended = Arc::new(Wake::new()?); // set when a client's thread is over
        let exhausted = Tally::default();
        let mut clients: Vec<Client> = Vec::new();
        let mut again_at = None;
        loop {
            let readable = PollFlags::POLLIN;
            let socket = if again_at.is_some() { PollFlags::empty() } else { readable };
            let until = [again_at, progress.step()].into_iter().flatten().min();
            let [_, is_stopped, _] =
                wait([(self.0.as_fd(), socket), (stop.as_fd(), readable), (ended.as_fd(), readable)], until)?;
            if is_stopped {
                break;
            }
            ended.clear();
            clients.retain(|client| !client.thread.is_over());
            again_at = match self.accept(&server, &ended, &mut clients) {
                Ok(()) => None,
                Err(error) => {
                    if let Some(untold) = exhausted.count() {
                        warn!("no room for one more client: {error}; clients wait{untold}");
                    }
                    Some(Instant::now() + EXHAUSTED)
                }
            };
        }
        say_goodbye(clients);
        Ok(())
    }

    /// Accepts those who are waiting.
    fn accept(&self, server: &Arc<Server>, ended: &Arc<Wake>, clients: &mut Vec<Client>) -> io::Result<()> {
        for _ in 0..AT_ONCE {
            // Before the client: one that is accepted cannot be put back to wait.
            let outbox = Arc::new(Outbox::new(server.config.outbox_bytes)?);
            let (socket, peer) = match self.0.accept() {
                Ok(accepted) => accepted,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue, // it changed its mind
                Err(error) => return Err(error),
            };
            let max_clients = server.config.max_clients;
            if clients.len() < max_clients + TOLD_FULL {
                let is_one_too_many = clients.len() >= max_clients;
                clients.push(start(server.clone(), socket, peer, outbox, is_one_too_many, ended.clone())?);
            }
        }
        Ok(())
    }
}

/// Gives a client its thread.
fn start(
    server: Arc<Server>,
    socket: TcpStream,
    peer: SocketAddr,
    outbox: Arc<Outbox>,
    is_one_too_many: bool,
    ended: Arc<Wake>,
) -> io::Result<Client> {
    socket.set_nonblocking(true)?;
    socket.set_nodelay(true)?;
    let session = Session { server, socket, peer, outbox: outbox.clone(), is_one_too_many };
    let thread = Thread::spawn(&format!("ws-{peer}"), ended, move || session.serve())?;
    Ok(Client { thread, outbox })
}

/// Ends all clients at once, and waits for their threads together.
fn say_goodbye(clients: Vec<Client>) {
    for client in &clients {
        client.outbox.end(Ending { code: CloseCode::Away, reason: "the server is shutting down" });
    }
    let until = Instant::now() + GOODBYES;
    for client in clients {
        if let Err(late) = client.thread.join_until(until) {
            warn!("{late}");
        }
    }
}

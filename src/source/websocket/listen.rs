//! The listening socket, and a thread for each client.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    os::fd::AsFd,
    sync::Arc,
    time::{Duration, Instant},
};

use log::{info, warn};
use nix::{
    poll::PollFlags,
    sys::socket::{setsockopt, sockopt::SndBuf},
};

use super::{
    client,
    server::{Server, ServerSettings},
    session::Session,
};
use crate::{
    hub::queue::{CloseReason, Queue},
    system::{
        event_fd::{EventFd, poll},
        places::{Holder, first_of_most},
        thread::Thread,
        watchdog::Heartbeat,
    },
    telemetry::{connection_metrics::NotServed, log_limiter::LogLimiter},
};

/// Clients at one time that have not got a place among `server.max_clients` yet. For one more, one of them is dropped: the
/// oldest of the address that has the most of them. So silent ones do not keep others out.
const MAX_HANDSHAKES: usize = 32;

/// Clients that were dropped and whose threads have not noticed yet. As long as there are so many, clients that come wait.
const MAX_DROPPED: usize = 16;

/// Clients accepted in one round: a flood of them must not keep the loop from looking up.
const AT_ONCE: usize = 64;

/// Bytes that the kernel buffers for a client, besides what waits in its queue. It takes as much again for its own
/// bookkeeping. By itself it would buffer 4 MB for each that does not read.
const SEND_BUFFER_BYTES: usize = 128 * 1024;

/// Time to wait when the system has no descriptor or thread for one more client.
const EXHAUSTED: Duration = Duration::from_millis(500);

/// Time to wait for threads of clients that were dropped. The end of one ends it.
const CROWDED: Duration = Duration::from_millis(100);

/// How long the clients' threads may take to say goodbye.
const GOODBYES: Duration = Duration::from_millis(1000);

/// What the queues of all clients are counted under.
const OUTPUT: &str = "websocket";

/// The listening socket.
#[derive(Debug)]
pub struct Listener(TcpListener);

/// The clients that are here, and what the next one will need.
#[derive(Debug, Default)]
struct Clients {
    clients: Vec<Client>,
    /// The next client's queue, made before it is accepted: one that is accepted cannot be put back to wait.
    next: Option<(Arc<ServerSettings>, Arc<Queue>)>,
}

/// A client's thread and the way to end it.
#[derive(Debug)]
struct Client {
    thread: Thread,
    session: Arc<Session>,
    holder: Holder,
    is_dropped: bool,
}

impl Listener {
    /// Opens the port.
    ///
    /// # Errors
    /// When the system does not give it, mostly because another program has it.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        Self::adopt(TcpListener::bind(address)?)
    }

    /// Takes a port that is open already.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn adopt(socket: TcpListener) -> io::Result<Self> {
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
        let mut clients = Clients::default();
        let mut retry_at = None;
        loop {
            let readable = PollFlags::POLLIN;
            let socket = if retry_at.is_some() { PollFlags::empty() } else { readable };
            let deadline = [retry_at, heartbeat.beat()].into_iter().flatten().min();
            let [_, is_stopped, _] =
                poll([(self.0.as_fd(), socket), (stop.as_fd(), readable), (ended.as_fd(), readable)], deadline)?;
            if is_stopped {
                break;
            }
            ended.clear();
            clients.clients.retain(|client| !client.thread.is_over());
            retry_at = match self.accept(server, &ended, &mut clients) {
                Ok(is_crowded) => is_crowded.then(|| Instant::now() + CROWDED),
                Err(error) => {
                    if let Some(suppressed) = exhausted.check() {
                        warn!("cannot accept a client: {error}; clients wait{suppressed}");
                    }
                    Some(Instant::now() + EXHAUSTED)
                }
            };
        }
        close_all(clients.clients);
        Ok(())
    }

    /// Accepts those who are waiting. Returns whether others have to end first.
    fn accept(&self, server: &Arc<Server>, ended: &Arc<EventFd>, clients: &mut Clients) -> io::Result<bool> {
        for _ in 0..AT_ONCE {
            if clients.are_too_many() {
                return Ok(true);
            }
            let (settings, queue) = clients.prepare(server)?;
            let (socket, peer) = match self.0.accept() {
                Ok(accepted) => accepted,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue, // it changed its mind
                Err(error) => return Err(error),
            };
            clients.make_room(server);
            let session = Session::new(server.clone(), settings, socket, peer, queue);
            clients.next = None;
            clients.clients.push(start(session, ended.clone())?);
        }
        Ok(false)
    }
}

impl Clients {
    /// What the next client needs: made once, and kept until one comes or the settings change.
    fn prepare(&mut self, server: &Server) -> io::Result<(Arc<ServerSettings>, Arc<Queue>)> {
        let settings = server.settings();
        if let Some((prepared_for, queue)) = &self.next
            && Arc::ptr_eq(prepared_for, &settings)
        {
            return Ok((settings, queue.clone()));
        }
        let queue = server.hub.queue(OUTPUT, settings.config.outbox_bytes)?;
        self.next = Some((settings.clone(), queue.clone()));
        Ok((settings, queue))
    }

    /// Whether too many were dropped that are still here.
    fn are_too_many(&mut self) -> bool {
        let dropped = |clients: &[Client]| clients.iter().filter(|client| client.is_dropped).count();
        if dropped(&self.clients) >= MAX_DROPPED {
            self.clients.retain(|client| !client.thread.is_over());
        }
        dropped(&self.clients) >= MAX_DROPPED
    }

    /// Drops a client that has no place yet, if there are as many of those as there may be.
    fn make_room(&mut self, server: &Server) {
        let waits = |client: &&mut Client| client.session.is_at_the_door();
        if self.clients.iter_mut().filter(waits).count() < MAX_HANDSHAKES {
            return;
        }
        self.clients.retain(|client| !client.thread.is_over()); // it may have left meanwhile
        let mut waiting: Vec<_> = self.clients.iter_mut().filter(waits).collect();
        if waiting.len() < MAX_HANDSHAKES {
            return;
        }
        let longest = first_of_most(waiting.iter().map(|client| &client.holder)).expect("there are some");
        let client = &mut waiting[longest];
        client.is_dropped = client.session.drop_unless_in();
        if client.is_dropped {
            server.connections.count(NotServed::Silent);
            if let Some(suppressed) = server.dropped.check() {
                let peer = client.session.peer;
                info!(CLIENT:% = peer; "{peer} dropped: it has sent no whole request, and others wait{suppressed}");
            }
        }
    }
}

/// Gives a client its thread.
fn start(session: Session, ended: Arc<EventFd>) -> io::Result<Client> {
    session.socket.set_nonblocking(true)?;
    session.socket.set_nodelay(true)?;
    setsockopt(&session.socket, SndBuf, &SEND_BUFFER_BYTES)?;
    let (holder, session) = (Holder::of(session.peer.ip()), Arc::new(session));
    let served = session.clone();
    let thread = Thread::spawn(&format!("ws-{}", session.peer), ended, move || client::serve(&served))?;
    Ok(Client { thread, session, holder, is_dropped: false })
}

/// Ends all clients at once, and waits for their threads together.
fn close_all(clients: Vec<Client>) {
    for client in &clients {
        client.session.queue.close(CloseReason::ShuttingDown);
    }
    let deadline = Instant::now() + GOODBYES;
    for client in clients {
        if let Err(timeout) = client.thread.join_until(deadline) {
            warn!("{timeout}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{access::Access, config::Config, hub::Hub};

    /// A queue has a descriptor: one for each time that the loop looks up would be opened and closed for nothing.
    #[test]
    fn the_next_clients_queue_is_made_once() {
        let config = Config::parse("test", "[[camera]]\nname = \"door\"\n").unwrap();
        let access = Arc::new(Access::new(config.policy()));
        let config = || config.server.clone();
        let server = Server::new(config(), &[], Arc::new(Hub::default()), access, None);
        let mut clients = Clients::default();
        let mut queue = || clients.prepare(&server).unwrap().1;
        let first = queue();
        assert!((0..3).all(|_| Arc::ptr_eq(&first, &queue())));
        server.reconfigure(config(), &[]);
        assert!(!Arc::ptr_eq(&first, &queue()), "other settings, another bound");
    }
}

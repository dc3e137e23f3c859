//! systemd, as a service talks with it: ready, how it goes, alive, reloading, stopping; and what it gives: a port, a watchdog.
//! Each message is a datagram, as sd_notify(3) has them.
//!
//! Spelled out here because the crates for it wait for as long as systemd does not listen, and a main thread that waits
//! hears no signal. Where there is no systemd (`NOTIFY_SOCKET` is not set) nothing is said.

use std::{
    env,
    ffi::{OsStr, OsString},
    io,
    net::TcpListener,
    os::{
        linux::net::SocketAddrExt,
        unix::{
            ffi::OsStrExt,
            net::{SocketAddr, UnixDatagram},
        },
    },
    process,
    time::Duration,
};

use listenfd::ListenFd;
use log::warn;
use nix::sys::socket::{getsockopt, sockopt::AcceptConn};

use super::clock::Monotonic;
use crate::telemetry::log_limiter::LogLimiter;

/// How long systemd may take to listen. What it missed then is lost.
const PATIENCE: Duration = Duration::from_secs(1);

/// The service manager, if it asked for notifications.
#[derive(Debug)]
pub struct Systemd {
    socket: Option<OsString>,
    /// The status that was sent last.
    status: String,
    unheard: LogLimiter,
}

/// What systemd gives a service at its start. By default nothing: so it is without systemd.
#[derive(Debug, Default)]
pub struct SystemdEnv {
    /// A port to listen at, open (`LISTEN_FDS`).
    pub port: Option<TcpListener>,
    /// After how long without a sign of life the service is restarted (`WATCHDOG_USEC`).
    pub watchdog: Option<Duration>,
}

/// Why the port that systemd opened is not taken.
#[derive(Debug, thiserror::Error)]
pub enum HandoverError {
    /// Which of them would it be?
    #[error("systemd hands over {0} sockets; the socket unit must have one ListenStream= and nothing else")]
    Several(usize),
    /// Of another kind.
    #[error(
        "systemd hands over a socket that is not a listening TCP port; the socket unit must have ListenStream=ADDRESS:PORT"
    )]
    NotAPort(#[source] io::Error),
}

impl Systemd {
    /// The one that started this process.
    #[must_use]
    pub fn of_this_process() -> Self {
        Self { socket: env::var_os("NOTIFY_SOCKET"), status: String::new(), unheard: LogLimiter::default() }
    }

    /// Whether anybody listens.
    #[must_use]
    pub fn listens(&self) -> bool {
        self.socket.is_some()
    }

    /// Every thread runs and the port is open; or a reload is over.
    pub fn ready(&self) {
        self.tell("READY=1");
    }

    /// Every loop moves.
    pub fn alive(&self) {
        self.tell("WATCHDOG=1");
    }

    /// The end has begun.
    pub fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    /// A reload begins; [`ready`](Self::ready) says that it is over.
    pub fn reloading(&self) {
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={}", Monotonic::now().as_micros()));
    }

    /// Sends the status line, unless it is the one that was sent last.
    pub fn status(&mut self, status: String) {
        if status != self.status {
            self.tell(&format!("STATUS={status}"));
            self.status = status;
        }
    }

    fn tell(&self, news: &str) {
        if let Some(Err(error)) = self.socket.as_ref().map(|socket| send(socket.as_bytes(), news))
            && let Some(suppressed) = self.unheard.check()
        {
            warn!("cannot report {news} to systemd: {error}{suppressed}");
        }
    }
}

/// Sends a datagram to a socket that is a file, or a name in no file system, which is written with an @ before it.
fn send(socket: &[u8], news: &str) -> io::Result<()> {
    let address = match socket {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        path => SocketAddr::from_pathname(OsStr::from_bytes(path))?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_write_timeout(Some(PATIENCE))?;
    socket.send_to_addr(news.as_bytes(), &address)?;
    Ok(())
}

impl SystemdEnv {
    /// What this process was given. To be called once, before there are threads.
    ///
    /// # Errors
    /// When the sockets given are not one TCP port.
    pub fn read() -> Result<Self, HandoverError> {
        Ok(Self { port: port()?, watchdog: watchdog() })
    }
}

fn port() -> Result<Option<TcpListener>, HandoverError> {
    let mut sockets = ListenFd::from_env();
    if sockets.len() > 1 {
        return Err(HandoverError::Several(sockets.len()));
    }
    let Some(socket) = sockets.take_tcp_listener(0).map_err(HandoverError::NotAPort)? else { return Ok(None) };
    match getsockopt(&socket, AcceptConn) {
        Ok(true) => Ok(Some(socket)),
        Ok(false) => Err(HandoverError::NotAPort(io::Error::other("a socket that nobody can connect to"))),
        Err(errno) => Err(HandoverError::NotAPort(errno.into())),
    }
}

fn watchdog() -> Option<Duration> {
    let number = |name| env::var(name).ok()?.parse::<u64>().ok();
    // The number of a process tells which of several is meant. Without it, whoever has the interval is.
    let is_ours = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(process::id()));
    number("WATCHDOG_USEC").filter(|&interval_us| is_ours && interval_us > 0).map(Duration::from_micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_a_file_or_a_name_alone() {
        let name = format!("fovea-notify-{}", std::process::id());
        let file = env::temp_dir().join(&name);
        let by_file = UnixDatagram::bind(&file).unwrap();
        let by_name = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        for (address, socket) in [(file.to_str().unwrap(), by_file), (&*format!("@{name}"), by_name)] {
            send(address.as_bytes(), "READY=1").unwrap();
            let mut heard = [0; 100];
            let count = socket.recv(&mut heard).unwrap();
            assert_eq!(&heard[..count], b"READY=1", "{address}");
        }
        std::fs::remove_file(file).unwrap();
    }
}

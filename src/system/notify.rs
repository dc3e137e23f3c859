//! systemd, as a service talks with it: ready, how it goes, stopping. One datagram each, as sd_notify(3) has them.
//!
//! Spelled out here because the crates for it wait for as long as systemd does not listen, and a main thread that waits
//! hears no signal. Where there is no systemd (`NOTIFY_SOCKET` is not set) nothing is said.

use std::{
    env,
    ffi::{OsStr, OsString},
    io,
    os::{
        linux::net::SocketAddrExt,
        unix::{
            ffi::OsStrExt,
            net::{SocketAddr, UnixDatagram},
        },
    },
    time::Duration,
};

use log::warn;

use super::tally::Tally;

/// How long systemd may take to listen. What it missed then is lost.
const PATIENCE: Duration = Duration::from_secs(1);

/// The service manager, if one wants to hear of us.
#[derive(Debug)]
pub struct Systemd {
    socket: Option<OsString>,
    /// The status as last told.
    status: String,
    unheard: Tally,
}

impl Systemd {
    /// The one that started this process.
    #[must_use]
    pub fn of_this_process() -> Self {
        Self { socket: env::var_os("NOTIFY_SOCKET"), status: String::new(), unheard: Tally::default() }
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

    /// The end has begun.
    pub fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    /// How it goes, in words for people. Told if it is news.
    pub fn status(&mut self, status: String) {
        if status != self.status {
            self.tell(&format!("STATUS={status}"));
            self.status = status;
        }
    }

    fn tell(&self, news: &str) {
        if let Some(Err(error)) = self.socket.as_ref().map(|socket| send(socket.as_bytes(), news))
            && let Some(untold) = self.unheard.count()
        {
            warn!("systemd cannot be told {news}: {error}{untold}");
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

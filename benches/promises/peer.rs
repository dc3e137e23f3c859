//! Clients that misbehave.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use fovea::{
    system::cores::set_lowest_priority,
    tls::trust::{ClientTls, Trust},
};
use rustls::{ClientConnection, pki_types::ServerName};

use crate::{Result, daemon::Daemon, feed::upgrade};

/// A client that misbehaves until dropped.
pub(crate) struct Peer {
    stream: TcpStream,
    stop: Arc<AtomicBool>,
}

impl Peer {
    /// Reads nothing.
    pub(crate) fn reader(daemon: &Daemon) -> Result<Self> {
        let mut stream = TcpStream::connect(daemon.address)?;
        upgrade(&mut stream, "/results", "")?;
        Ok(Self { stream, stop: Arc::default() })
    }

    /// Sends the first part once and then the rest over and over, with a pause after each.
    pub(crate) fn sender(daemon: &Daemon, target: &str, parts: Vec<Vec<u8>>, pause: Duration) -> Result<Self> {
        let mut stream = TcpStream::connect(daemon.address)?;
        upgrade(&mut stream, target, "")?;
        let stop = Arc::new(AtomicBool::new(false));
        let (mut writer, stopped) = (stream.try_clone()?, stop.clone());
        spawn(move || {
            let mut next = 0;
            while !stopped.load(Ordering::Relaxed) && writer.write_all(&parts[next]).is_ok() {
                next = parts.len() - 1;
                thread::sleep(pause);
            }
        });
        Ok(Self { stream, stop })
    }
}

/// Runs what a peer does by itself. Real ones are on other machines and take nothing of this one's cores.
fn spawn(work: impl FnOnce() + Send + 'static) {
    thread::spawn(move || {
        if set_lowest_priority().is_ok() {
            work();
        }
    });
}

/// Clients that do the first part of a TLS handshake, one after another, until dropped: what costs the server most for what
/// it costs them.
pub(crate) struct Handshakes {
    stop: Arc<AtomicBool>,
    count: Arc<AtomicU64>,
}

impl Handshakes {
    pub(crate) fn start(address: SocketAddr, clients: usize) -> Result<Self> {
        let hello = client_hello(address)?;
        let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        for _ in 0..clients {
            let (hello, stopped, made) = (hello.clone(), stop.clone(), count.clone());
            spawn(move || {
                while !stopped.load(Ordering::Relaxed) {
                    // One that is sent away for others to come is one, too.
                    let Ok(mut stream) = TcpStream::connect(address) else { continue };
                    if stream.write_all(&hello).is_ok() && stream.read(&mut [0; 4096]).is_ok() {
                        made.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        Ok(Self { stop, count })
    }

    /// How many were answered.
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}

impl Drop for Handshakes {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// What a TLS client sends first. It may be sent by many.
fn client_hello(address: SocketAddr) -> Result<Vec<u8>> {
    let config = ClientTls::new(&Trust::Any)?.config()?;
    let mut hello = Vec::new();
    ClientConnection::new(config, ServerName::from(address.ip()))?.write_tls(&mut hello)?;
    Ok(hello)
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
        let _ = self.stream.read(&mut [0]);
    }
}

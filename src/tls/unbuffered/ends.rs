//! Both ends of a connection for tests: a client of rustls, whose records the test sends, cuts and spoils by hand.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{TcpListener, TcpStream},
    os::fd::AsFd,
    sync::LazyLock,
    thread,
    time::{Duration, Instant},
};

use nix::poll::PollFlags;
use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use rustls::{
    ClientConnection, Error, ServerConfig, SupportedProtocolVersion,
    pki_types::{PrivateKeyDer, ServerName},
    server::UnbufferedServerConnection,
    version::{TLS12, TLS13},
};

use super::{Unbuffered, in_place};
use crate::{
    system::event_fd::poll,
    tls::trust::{Trust, client_config},
};

/// How long to wait for what must come.
pub(super) const LIMIT: Duration = Duration::from_secs(60);

pub(super) const VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

/// The server's end.
pub(super) struct Server {
    pub(super) tls: Unbuffered,
    pub(super) socket: TcpStream,
}

/// The client's end.
pub(super) struct Client {
    pub(super) tls: ClientConnection,
    pub(super) socket: TcpStream,
}

impl Server {
    /// Reads once, if need be when something has come.
    pub(super) fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.tls.read(&self.socket, into) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let ready = poll([(self.socket.as_fd(), PollFlags::POLLIN)], Some(Instant::now() + LIMIT));
                    assert_eq!(ready.unwrap(), [true], "nothing comes");
                }
                read => return read,
            }
        }
    }

    /// Reads `count` bytes by `piece` at once.
    pub(super) fn read_exact(&mut self, count: usize, piece: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        let mut filled = 0;
        while filled < count {
            let until = count.min(filled + piece);
            filled += self.read(&mut bytes[filled..until]).unwrap();
        }
        bytes
    }

    /// Reads all that has come.
    pub(super) fn read_present(&mut self) -> Vec<u8> {
        let (mut bytes, mut chunk) = (Vec::new(), [0; 100]);
        loop {
            match self.tls.read(&self.socket, &mut chunk) {
                Ok(count) => bytes.extend_from_slice(&chunk[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return bytes,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Does all that may be done with what has come. Says whether nothing more can come.
    pub(super) fn exercise(&mut self) -> bool {
        let is_over = loop {
            match self.tls.read(&self.socket, &mut [0; 3]) {
                Ok(1..) => {}
                Ok(0) => break true,
                Err(error) => break error.kind() != ErrorKind::WouldBlock,
            }
        };
        let _ = self.tls.write(&self.socket, b"answer"); // it may fail
        if is_over {
            let _ = self.tls.close(&self.socket); // as above
        }
        is_over
    }

    /// Waits until so many bytes have come that are not read from the socket yet.
    pub(super) fn wait_for(&self, count: usize) {
        let (until, mut bytes) = (Instant::now() + LIMIT, vec![0; count]);
        while self.socket.peek(&mut bytes).unwrap_or(0) < count {
            assert!(Instant::now() < until, "they do not come");
            thread::yield_now();
        }
    }
}

impl Client {
    /// `bytes` in records, only the last of which is short.
    pub(super) fn encrypt(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.tls.set_buffer_limit(None);
        self.tls.writer().write_all(bytes).unwrap();
        self.pending()
    }

    /// What is to be sent, and is by nobody sent but the test.
    pub(super) fn pending(&mut self) -> Vec<u8> {
        let mut records = Vec::new();
        while self.tls.wants_write() {
            self.tls.write_tls(&mut records).unwrap();
        }
        records
    }

    pub(super) fn send(&mut self, records: &[u8]) {
        self.socket.write_all(records).unwrap();
    }

    pub(super) fn receive(&mut self) -> Result<(), Error> {
        self.tls.read_tls(&mut self.socket).unwrap();
        self.tls.process_new_packets().map(drop)
    }

    pub(super) fn read_exact(&mut self, count: usize) -> Vec<u8> {
        let (mut bytes, mut filled) = (vec![0; count], 0);
        while filled < count {
            match self.tls.reader().read(&mut bytes[filled..]) {
                Ok(more) => filled += more,
                Err(_) => self.receive().unwrap(),
            }
        }
        bytes
    }
}

/// Both ends, before the handshake.
pub(super) fn begin(version: &'static SupportedProtocolVersion) -> (Server, Client) {
    static CERTIFICATE: LazyLock<CertifiedKey<KeyPair>> =
        LazyLock::new(|| generate_simple_self_signed(["door".to_owned()]).unwrap());
    let made = &*CERTIFICATE;
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let builder = ServerConfig::builder_with_provider(in_place::provider()).with_protocol_versions(&[version]).unwrap();
    let config = builder.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key).unwrap();
    let tls = Unbuffered::new(UnbufferedServerConnection::new(config.into()).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    client.set_read_timeout(Some(LIMIT)).unwrap();
    let (socket, _) = listener.accept().unwrap();
    socket.set_nonblocking(true).unwrap();
    let config = client_config(&Trust::Any, None).unwrap();
    let connection = ClientConnection::new(config, ServerName::try_from("door").unwrap()).unwrap();
    (Server { tls, socket }, Client { tls: connection, socket: client })
}

/// Both ends after the handshake, which the client sends by `piece` bytes.
pub(super) fn connected_by(version: &'static SupportedProtocolVersion, piece: usize) -> (Server, Client) {
    let (mut server, mut client) = begin(version);
    loop {
        let records = client.pending();
        for part in records.chunks(piece) {
            client.send(part);
            server.wait_for(part.len());
            assert_eq!(server.read_present(), b"");
        }
        if !client.tls.is_handshaking() {
            return (server, client);
        }
        client.receive().unwrap();
    }
}

pub(super) fn connected(version: &'static SupportedProtocolVersion) -> (Server, Client) {
    connected_by(version, usize::MAX)
}

/// Bytes of which no part is like another.
pub(super) fn pattern(count: usize) -> Vec<u8> {
    let next = |state: &u32| Some(state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
    std::iter::successors(Some(1), next).map(|state| state.to_be_bytes()[0]).take(count).collect()
}

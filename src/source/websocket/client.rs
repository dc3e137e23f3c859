//! One client, from its request to its end. Runs on its own thread.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    os::fd::AsFd,
    time::Instant,
};

use log::info;
use nix::poll::PollFlags;
use rustls::server::UnbufferedServerConnection;

use super::{
    connection::linger_close,
    handshake::{self, HandshakeError, MAX_REQUEST_BYTES, Role, Route},
    reader, sender,
    session::{Session, Upgrade},
};
use crate::{
    access::{Port, credentials::Credentials},
    system::{event_fd::poll, places::Place},
    tls::{self, stream::Stream},
};

/// Its socket, or TLS over it.
type ClientStream<'s> = Stream<&'s TcpStream>;

/// Serves the client until it leaves or is sent away.
pub(super) fn serve(session: &Session) {
    let deadline = Instant::now() + session.settings.config.handshake_timeout;
    let stream = match begin(session, deadline) {
        Ok(Some(stream)) => stream,
        Ok(None) => return,
        Err(error) => return deny(session, &Stream::Plain(&session.socket), &error),
    };
    match admit(session, &stream, deadline) {
        Ok(Some((_place, Route { role, protocol }, upgrade))) => {
            let _admission = session.server.admit(&session.queue, &upgrade.grant);
            match role {
                Role::Sender { camera, replies } => sender::serve(session, &camera, replies, protocol, upgrade),
                Role::Reader { camera } => reader::serve(session, camera.as_ref(), protocol, upgrade),
            }
        }
        Ok(None) => {} // it left or was dropped, or the server shuts down
        Err(error) => deny(session, &stream, &error),
    }
}

/// Tells a client why it is not let in.
fn deny(session: &Session, mut stream: &ClientStream<'_>, error: &HandshakeError) {
    let peer = session.peer;
    if let Some(suppressed) = session.server.denied.check() {
        // Of the body no more than this: it cites what was asked for, 16 KiB of whatever the client likes.
        info!(CLIENT:% = peer; "{peer} denied: {} {:.200}{suppressed}", error.status, error.body);
    }
    // A client that does not take these few bytes has left.
    let _ = stream.write_all(&error.to_bytes());
    linger_close(stream);
}

/// Begins TLS if the port has it and the client's first byte asks for it; `None` if the client left. Without TLS, only a client
/// on this machine goes on then.
fn begin(session: &Session, deadline: Instant) -> Result<Option<ClientStream<'_>>, HandshakeError> {
    let socket = &session.socket;
    let Some(tls) = &session.server.tls else { return Ok(Some(Stream::Plain(socket))) };
    match first_byte(session, deadline)? {
        None => Ok(None),
        // It fails without a random number only.
        Some(tls::FIRST_BYTE) => {
            let connection = UnbufferedServerConnection::new(tls.config().clone());
            Ok(connection.ok().map(|connection| Stream::server(socket, connection)))
        }
        Some(_) if socket.local_addr().is_ok_and(|local| tls::may_be_plain(session.peer.ip(), local.ip())) => {
            Ok(Some(Stream::Plain(socket)))
        }
        Some(_) => Err(HandshakeError::plain()),
    }
}

/// The first byte that the client sends, which stays to be read; `None` if it left, or the server shuts down.
fn first_byte(session: &Session, deadline: Instant) -> Result<Option<u8>, HandshakeError> {
    while wait(session, deadline)? {
        let mut byte = [0];
        match session.socket.peek(&mut byte) {
            Ok(1) => return Ok(Some(byte[0])),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Ok(_) | Err(_) => break,
        }
    }
    Ok(None)
}

/// Waits until the client sends something, or leaves. `false` if the server shuts down.
fn wait(session: &Session, deadline: Instant) -> Result<bool, HandshakeError> {
    let Session { socket, queue, .. } = session;
    let readable = PollFlags::POLLIN;
    loop {
        match poll([(socket.as_fd(), readable), (queue.event().as_fd(), readable)], Some(deadline)) {
            Ok([false, false]) if Instant::now() >= deadline => return Err(HandshakeError::slow()),
            Ok([false, false]) => {}
            Ok([true, false]) => return Ok(true),
            Ok([_, true]) | Err(_) => return Ok(false),
        }
    }
}

/// Reads the request, and finds a place for the client.
fn admit<'s>(
    session: &Session,
    stream: &'s ClientStream<'s>,
    deadline: Instant,
) -> Result<Option<(Place, Route, Upgrade<'s>)>, HandshakeError> {
    let Some((route, upgrade)) = handshake(session, stream, deadline)? else { return Ok(None) };
    let place = session.take_place(&route.role)?;
    Ok(place.map(|place| (place, route, upgrade)))
}

/// Reads the request and decides what the client is for.
pub(super) fn handshake<'s>(
    session: &Session,
    stream: &'s ClientStream<'s>,
    deadline: Instant,
) -> Result<Option<(Route, Upgrade<'s>)>, HandshakeError> {
    let Session { server, settings, peer, .. } = session;
    let config = &settings.config;
    let (mut reader, mut bytes) = (stream, Vec::new());
    loop {
        if let Some((length, request)) = handshake::parse(&bytes)? {
            let authorize = |carried: &Credentials, need| server.access.check(Port::Websocket, *peer, carried, need);
            let (route, grant, response) =
                handshake::accept(&request, &settings.known_cameras(), &config.allowed_origins, authorize)?;
            return Ok(Some((route, Upgrade { stream, response, early: bytes.split_off(length), grant })));
        }
        if bytes.len() >= MAX_REQUEST_BYTES {
            return Err(HandshakeError::long());
        }
        let mut chunk = [0; 1024];
        match reader.read(&mut chunk) {
            Ok(0) => return Ok(None),
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
            // Only now: TLS may have more of the request than it gave so far, of which the socket knows nothing.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if !wait(session, deadline)? {
                    return Ok(None);
                }
            }
            Err(_) => return Ok(None),
        }
    }
}

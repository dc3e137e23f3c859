//! One client, from its request to its end. Runs on its own thread.

use std::{
    io::{self, Read, Write},
    os::fd::AsFd,
    time::Instant,
};

use log::info;
use nix::poll::PollFlags;

use super::{
    connection::linger_close,
    handshake::{self, HandshakeError, MAX_REQUEST_BYTES, Role, Route},
    reader, sender,
    session::{Session, Upgrade},
};
use crate::{
    access::{Port, credentials::Credentials},
    system::{event_fd::poll, places::Place},
};

/// Serves the client until it leaves or is sent away.
pub(super) fn serve(session: &Session) {
    match admit(session) {
        Ok(Some((_place, Route { role, protocol }, upgrade))) => {
            let _admission = session.server.admit(&session.queue, &upgrade.grant);
            match role {
                Role::Sender { camera, replies } => sender::serve(session, &camera, replies, protocol, upgrade),
                Role::Reader { camera } => reader::serve(session, camera.as_ref(), protocol, upgrade),
            }
        }
        Ok(None) => {} // it left or was dropped, or the server shuts down
        Err(error) => {
            let peer = session.peer;
            if let Some(suppressed) = session.server.denied.check() {
                // Of the body no more than this: it cites what was asked for, 16 KiB of whatever the client likes.
                info!(CLIENT:% = peer; "{peer} denied: {} {:.200}{suppressed}", error.status, error.body);
            }
            // A client that does not take these few bytes has left.
            let _ = (&session.socket).write_all(&error.to_bytes());
            linger_close(&session.socket);
        }
    }
}

/// Reads the request, and finds a place for the client.
fn admit(session: &Session) -> Result<Option<(Place, Route, Upgrade)>, HandshakeError> {
    let Some((route, upgrade)) = handshake(session)? else { return Ok(None) };
    let place = session.take_place(&route.role)?;
    Ok(place.map(|place| (place, route, upgrade)))
}

/// Reads the request and decides what the client is for.
pub(super) fn handshake(session: &Session) -> Result<Option<(Route, Upgrade)>, HandshakeError> {
    let Session { server, settings, socket, peer, queue, .. } = session;
    let config = &settings.config;
    let deadline = Instant::now() + config.handshake_timeout;
    let mut bytes = Vec::new();
    loop {
        if let Some((length, request)) = handshake::parse(&bytes)? {
            let authorize = |carried: &Credentials, need| server.access.check(Port::Websocket, *peer, carried, need);
            let (route, grant, response) =
                handshake::accept(&request, &settings.known_cameras(), &config.allowed_origins, authorize)?;
            return Ok(Some((route, Upgrade { response, early: bytes.split_off(length), grant })));
        }
        if bytes.len() >= MAX_REQUEST_BYTES {
            return Err(HandshakeError::long());
        }
        let readable = PollFlags::POLLIN;
        match poll([(socket.as_fd(), readable), (queue.event().as_fd(), readable)], Some(deadline)) {
            Ok([false, false]) if Instant::now() >= deadline => return Err(HandshakeError::slow()),
            Ok([false, false]) => {}
            Ok([true, false]) => {
                let (mut socket, mut chunk) = (socket, [0; 1024]);
                match socket.read(&mut chunk) {
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

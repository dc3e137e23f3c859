//! A client that reads results: it gets what the hub puts into its queue.

use log::info;

use super::{
    close::Close,
    connection::{Content, Disconnect},
    handshake::Protocol,
    session::{Session, Upgrade},
};
use crate::{frame::Camera, hub::Interest, system::thread};

/// The longest message taken from a reader, who has nothing to say but "clock".
const MAX_MESSAGE_BYTES: usize = 4096;

/// Serves a reader of one camera's results, or of all, until it leaves or is sent away.
pub(super) fn serve(session: &Session, camera: Option<&Camera>, protocol: Protocol, upgrade: Upgrade<'_>) {
    let Session { server, peer, .. } = session;
    let of = camera.map(Camera::name);
    thread::name("ws-results");
    if let Some(suppressed) = server.readers_connected.check() {
        let (of, grant) = (of.unwrap_or("all cameras"), &upgrade.grant);
        info!(CLIENT:% = peer; "{peer} reads the results of {of}{grant}{suppressed}");
    }
    if protocol == Protocol::V1 {
        session.send_hello(of);
    }
    let _subscription = session.subscribe(camera, Interest::reader(camera.cloned()));
    let mut connection = session.upgrade(upgrade, MAX_MESSAGE_BYTES);
    let disconnect = loop {
        match connection.next(None) {
            Ok(None) => {}
            Ok(Some(Content::Binary(_) | Content::Text(_))) => {
                let close = Close::unsupported("send frames to /frames/CAMERA, not to /results");
                break Disconnect::Closed(close);
            }
            Err(disconnect) => break disconnect,
        }
    };
    if let Some(suppressed) = server.readers_disconnected.check() {
        info!(CLIENT:% = peer; "{peer} stops reading results: {disconnect}{suppressed}");
    }
    connection.finish(&disconnect);
}

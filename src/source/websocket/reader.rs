//! A client that reads results: it gets what the hub puts into its outbox.

use log::info;

use super::{
    connection::Content,
    sender::unsupported,
    session::{Entry, Session},
};
use crate::{frame::Camera, system::thread};

/// The longest message taken from a reader, who has nothing to say but "clock".
const MAX_MESSAGE_BYTES: usize = 4096;

/// Serves a reader of one camera's results, or of all, until it leaves or is sent away.
pub(super) fn serve(session: &Session, camera: Option<&Camera>, is_v1: bool, entry: Entry) {
    let Session { server, peer, .. } = session;
    let of = camera.map(Camera::name);
    thread::name("ws-results");
    if let Some(suppressed) = server.readers_came.check() {
        info!(CLIENT:% = peer; "{peer} reads the results of {}{suppressed}", of.unwrap_or("all cameras"));
    }
    if is_v1 {
        session.greet(of);
    }
    let _subscription = session.subscribe(camera, false, true);
    let mut connection = session.let_in(entry, MAX_MESSAGE_BYTES);
    let over = loop {
        match connection.next(None) {
            Ok(None) => {}
            Ok(Some(Content::Binary(_) | Content::Text(_))) => {
                break unsupported("send frames to /frames/CAMERA, not to /results");
            }
            Err(over) => break over,
        }
    };
    if let Some(suppressed) = server.readers_left.check() {
        info!(CLIENT:% = peer; "{peer} reads no more: {over}{suppressed}");
    }
    connection.finish(&over);
}

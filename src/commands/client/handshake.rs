//! From an address to an open WebSocket, within a limit.

use std::{
    io::{self, Read},
    net::{TcpStream, ToSocketAddrs},
    os::fd::AsFd,
    time::Instant,
};

use nix::poll::PollFlags;
use tungstenite::{
    Error as WsError, HandshakeError, WebSocket,
    client::{IntoClientRequest, client_with_config},
    handshake::client::{Request, Response},
    http::{HeaderValue, header},
    protocol::WebSocketConfig,
};

use super::{ClientError, ServerUrl};
use crate::system::event_fd::poll;

/// Bytes that are shown of a refusal.
const MAX_BODY_BYTES: usize = 4 << 10;

/// Connects and asks for a WebSocket until the time is up. The socket does not block.
pub(super) fn open(
    url: &ServerUrl,
    subprotocol: Option<&'static str>,
    config: WebSocketConfig,
    until: Instant,
) -> Result<WebSocket<TcpStream>, ClientError> {
    let socket = reach(url, until)?;
    let connecting = |e| ClientError::Connect(address(url), e);
    socket.set_nodelay(true).map_err(connecting)?;
    socket.set_nonblocking(true).map_err(connecting)?;
    let same_socket = socket.try_clone().map_err(connecting)?;

    let mut round = client_with_config(request(url, subprotocol), socket, Some(config));
    loop {
        let waiting = match round {
            Ok((socket, _)) => return Ok(socket),
            Err(HandshakeError::Interrupted(waiting)) => waiting,
            Err(HandshakeError::Failure(WsError::Http(response))) => {
                return Err(refusal(url, *response, &same_socket, until));
            }
            Err(HandshakeError::Failure(error)) => return Err(ClientError::NotFovea(address(url), error.into())),
        };
        // It waits for the answer: the request is short enough for every socket to take it at once.
        if !readable(&same_socket, until)? {
            return Err(ClientError::Slow(address(url)));
        }
        round = waiting.handshake();
    }
}

/// Host and port, as people write it.
fn address(url: &ServerUrl) -> String {
    let (host, port) = (url.host(), url.port());
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// Connects to the first of the host's addresses that can be had.
fn reach(url: &ServerUrl, until: Instant) -> Result<TcpStream, ClientError> {
    let resolve = |e| ClientError::Resolve(url.host().into(), e);
    let mut failed = None;
    for socket_address in (url.host(), url.port()).to_socket_addrs().map_err(resolve)? {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        match TcpStream::connect_timeout(&socket_address, left) {
            Ok(socket) => return Ok(socket),
            Err(error) => failed = Some(error),
        }
    }
    Err(ClientError::Connect(address(url), failed.unwrap_or_else(|| io::ErrorKind::TimedOut.into())))
}

fn request(url: &ServerUrl, subprotocol: Option<&'static str>) -> Request {
    let mut request = url.to_string().into_client_request().expect("a server URL has scheme and host");
    if let Some(name) = subprotocol {
        request.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(name));
    }
    request
}

/// What the server says instead of letting us in. Its words may still be on their way.
fn refusal(url: &ServerUrl, mut response: Response, mut socket: &TcpStream, until: Instant) -> ClientError {
    let mut body = response.body_mut().take().unwrap_or_default();
    let length = response.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let length = length.unwrap_or(MAX_BODY_BYTES).min(MAX_BODY_BYTES);
    let mut some = [0; 1024];
    while body.len() < length && readable(socket, until).unwrap_or(false) {
        match socket.read(&mut some) {
            Ok(0) => break,
            Ok(count) => body.extend_from_slice(&some[..count]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => break, // what was read by now is all that is to be known
        }
    }
    body.truncate(length);
    ClientError::Refused {
        url: url.to_string(),
        status: response.status().to_string(),
        body: String::from_utf8_lossy(&body).trim().to_owned(),
    }
}

/// Waits until there is something to read; `false` when the time is up first.
fn readable(socket: &TcpStream, until: Instant) -> Result<bool, ClientError> {
    loop {
        let [readable] = poll([(socket.as_fd(), PollFlags::POLLIN)], Some(until)).map_err(ClientError::Wait)?;
        if readable || Instant::now() >= until {
            return Ok(readable);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Write, net::TcpListener, time::Duration};

    use super::*;

    /// What of a refusal is shown, when `early` of its body came with the head and `later` after it.
    fn shown(length: Option<&str>, early: &str, later: &str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
        let url: ServerUrl = format!("ws://{}", listener.local_addr().expect("bound")).parse().expect("a URL");
        let until = Instant::now() + Duration::from_secs(10);
        let socket = reach(&url, until).expect("it listens");
        socket.set_nonblocking(true).expect("sockets can");
        let (mut server, _) = listener.accept().expect("it was reached");
        server.write_all(later.as_bytes()).expect("there is room");
        drop(server);
        let mut response = Response::new(Some(early.into()));
        if let Some(length) = length {
            response.headers_mut().insert(header::CONTENT_LENGTH, length.parse().expect("a header"));
        }
        let ClientError::Refused { body, .. } = refusal(&url, response, &socket, until) else { unreachable!() };
        body
    }

    #[test]
    fn a_body_is_shown_wherever_it_is_cut_and_no_more_than_it() {
        assert_eq!(shown(Some("12"), "Cam", "eras: a.\nand what not"), "Cameras: a.");
        assert_eq!(shown(Some("12"), "", "Cameras"), "Cameras", "the server went");
        assert_eq!(shown(None, "Came", "ras"), "Cameras", "up to the end without a length");
        assert_eq!(shown(Some("99999999999999"), &"x".repeat(9_000), "").len(), MAX_BODY_BYTES);
    }
}

//! The client's side of the handshake: from a URL to an open WebSocket, before a deadline.

use std::{
    io::{self, Read},
    net::{TcpStream, ToSocketAddrs},
    os::fd::AsFd,
    time::Instant,
};

use nix::poll::PollFlags;
use rustls::{ClientConnection, pki_types::ServerName};
use tungstenite::{
    Error as WsError, HandshakeError, WebSocket,
    client::{IntoClientRequest, client_with_config},
    handshake::client::{Request, Response},
    http::{HeaderValue, header},
    protocol::WebSocketConfig,
};

use super::{ClientError, ServerUrl, without_controls};
use crate::{
    access::secret::Secret,
    system::event_fd::poll,
    tls::{stream::Stream, trust::ClientTls},
};

/// How much of a refusal's body the error shows.
const MAX_BODY_BYTES: usize = 4 << 10;

/// Connects and performs the handshake before `deadline`. The socket that it returns does not block.
pub(super) fn open(
    url: &ServerUrl,
    subprotocol: Option<&'static str>,
    token: Option<&Secret>,
    tls: &ClientTls,
    config: WebSocketConfig,
    deadline: Instant,
) -> Result<WebSocket<Stream<TcpStream>>, ClientError> {
    let socket = connect(url, deadline)?;
    let connect_error = |e| ClientError::Connect(url.authority().into(), e);
    socket.set_nodelay(true).map_err(connect_error)?;
    socket.set_nonblocking(true).map_err(connect_error)?;
    let same_socket = socket.try_clone().map_err(connect_error)?;
    let stream = if url.is_tls() { encrypt(url, socket, tls)? } else { Stream::Plain(socket) };

    let mut handshake = client_with_config(request(url, subprotocol, token), stream, Some(config));
    loop {
        let interrupted = match handshake {
            Ok((socket, _)) => return Ok(socket),
            Err(HandshakeError::Interrupted(interrupted)) => interrupted,
            Err(HandshakeError::Failure(WsError::Http(response))) => {
                // With TLS the rest of the body, if there is one, is lost with the stream.
                let rest = if url.is_tls() { None } else { Some(&same_socket) };
                return Err(refusal(url, *response, rest, deadline));
            }
            Err(HandshakeError::Failure(WsError::Io(error))) if tls_error(&error).is_some() => {
                let error = tls_error(&error).expect("it is one").clone();
                return Err(ClientError::Tls(url.authority().into(), error));
            }
            Err(HandshakeError::Failure(error)) => {
                return Err(ClientError::NotFovea(url.authority().into(), error.into()));
            }
        };
        // It waits for the answer: every socket takes a request of this length at once.
        if !wait_readable(&same_socket, deadline)? {
            return Err(ClientError::HandshakeTimeout(url.authority().into()));
        }
        handshake = interrupted.handshake();
    }
}

/// Begins TLS, as a client. Nothing is sent yet.
fn encrypt(url: &ServerUrl, socket: TcpStream, tls: &ClientTls) -> Result<Stream<TcpStream>, ClientError> {
    let failed = |error| ClientError::Tls(url.authority().into(), error);
    let invalid = |_| failed(rustls::Error::General("the host name is not valid for TLS".into()));
    let name = ServerName::try_from(url.host().to_owned()).map_err(invalid)?;
    let connection = ClientConnection::new(tls.config()?, name).map_err(failed)?;
    Ok(Stream::client(socket, connection))
}

/// What TLS says of a connection that failed, if it was TLS.
fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref().and_then(|error| error.downcast_ref())
}

/// Connects to the first of the host's addresses that accepts.
fn connect(url: &ServerUrl, deadline: Instant) -> Result<TcpStream, ClientError> {
    let resolve_error = |e| ClientError::Resolve(url.host().into(), e);
    let mut last_error = None;
    for socket_address in (url.host(), url.port()).to_socket_addrs().map_err(resolve_error)? {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        match TcpStream::connect_timeout(&socket_address, left) {
            Ok(socket) => return Ok(socket),
            Err(error) => last_error = Some(error),
        }
    }
    Err(ClientError::Connect(url.authority().into(), last_error.unwrap_or_else(|| io::ErrorKind::TimedOut.into())))
}

fn request(url: &ServerUrl, subprotocol: Option<&'static str>, token: Option<&Secret>) -> Request {
    let mut request = url.to_string().into_client_request().expect("a server URL has scheme and host");
    if let Some(name) = subprotocol {
        request.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(name));
    }
    if let Some(token) = token {
        let mut value = HeaderValue::try_from(format!("Bearer {}", token.expose())).expect("a secret is ASCII");
        value.set_sensitive(true);
        request.headers_mut().insert(header::AUTHORIZATION, value);
    }
    request
}

/// The error for a server that answers with another status. Part of the body may still be on its way.
fn refusal(url: &ServerUrl, mut response: Response, socket: Option<&TcpStream>, deadline: Instant) -> ClientError {
    let mut body = response.body_mut().take().unwrap_or_default();
    let length = response.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let length = length.unwrap_or(MAX_BODY_BYTES).min(MAX_BODY_BYTES);
    let mut chunk = [0; 1024];
    while let Some(mut socket) = socket
        && body.len() < length
        && wait_readable(socket, deadline).unwrap_or(false)
    {
        match socket.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => body.extend_from_slice(&chunk[..count]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => break, // show what came by now
        }
    }
    body.truncate(length);
    ClientError::Refused {
        url: url.to_string(),
        status: response.status().to_string(),
        body: without_controls(String::from_utf8_lossy(&body).trim()),
    }
}

/// Waits until there is something to read; returns `false` if `deadline` passes first.
fn wait_readable(socket: &TcpStream, deadline: Instant) -> Result<bool, ClientError> {
    loop {
        let [readable] = poll([(socket.as_fd(), PollFlags::POLLIN)], Some(deadline)).map_err(ClientError::Wait)?;
        if readable || Instant::now() >= deadline {
            return Ok(readable);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Write, net::TcpListener, time::Duration};

    use super::*;

    /// The body in the error, if `early` came with the head and `later` after it.
    fn refusal_body(length: Option<&str>, early: &str, later: &str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
        let url: ServerUrl = format!("ws://{}", listener.local_addr().expect("bound")).parse().expect("a URL");
        let deadline = Instant::now() + Duration::from_secs(10);
        let socket = connect(&url, deadline).expect("it listens");
        socket.set_nonblocking(true).expect("sockets can");
        let (mut server, _) = listener.accept().expect("it was reached");
        server.write_all(later.as_bytes()).expect("there is room");
        drop(server);
        let mut response = Response::new(Some(early.into()));
        if let Some(length) = length {
            response.headers_mut().insert(header::CONTENT_LENGTH, length.parse().expect("a header"));
        }
        let ClientError::Refused { body, .. } = refusal(&url, response, Some(&socket), deadline) else {
            unreachable!()
        };
        body
    }

    #[test]
    fn a_body_is_shown_wherever_it_is_cut_and_no_more_than_it() {
        assert_eq!(refusal_body(Some("12"), "Cam", "eras: a.\nand what not"), "Cameras: a.");
        assert_eq!(refusal_body(Some("12"), "", "Cameras"), "Cameras", "the server went");
        assert_eq!(refusal_body(None, "Came", "ras"), "Cameras", "up to the end without a length");
        assert_eq!(refusal_body(None, "\u{1b}[2JCame", "ras"), "\u{fffd}[2JCameras", "without what moves the cursor");
        assert_eq!(refusal_body(Some("99999999999999"), &"x".repeat(9_000), "").len(), MAX_BODY_BYTES);
    }
}

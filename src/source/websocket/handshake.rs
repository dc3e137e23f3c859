//! What a client is for, from its HTTP request, and the answer to it. Pure.

use std::borrow::Cow;

use tungstenite::{
    Error as WsError,
    error::ProtocolError,
    handshake::{
        machine::TryParse,
        server::{Request, create_response},
    },
    http::{HeaderMap, HeaderValue, Response, StatusCode, header},
};

use super::origin;
use crate::{
    access::{
        Denied, Grant,
        credentials::Credentials,
        role::{Need, Role as AccessRole, Scope},
    },
    frame::Camera,
    hub::Replies,
    system::{authority, places::NoPlace},
    wire::{BARE_SUBPROTOCOL, SUBPROTOCOL},
};

/// The longest request that is read. Browsers send about 600 bytes, with cookies of the same host maybe some thousands.
pub(super) const MAX_REQUEST_BYTES: usize = 16 * 1024;

/// What a client is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Route {
    /// What it does.
    pub(super) role: Role,
    /// What its messages are.
    pub(super) protocol: Protocol,
}

/// What a client's messages are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// Headers before pictures, control messages, pacing.
    V1,
    /// Bare pictures.
    Bare,
}

/// What a client does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It sends frames of a camera, and may want its results here.
    Sender { camera: Camera, replies: Replies },
    /// It reads the results and events of one camera or of all.
    Reader { camera: Option<Camera> },
}

/// A camera that a request may name.
#[derive(Clone, Copy, Debug)]
pub(super) struct KnownCamera<'a> {
    pub(super) camera: &'a Camera,
    /// Whether it is plugged into this machine, and takes frames from nobody.
    pub(super) is_local: bool,
}

/// Why a client is not let in: an HTTP answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct HandshakeError {
    /// The status.
    pub(super) status: StatusCode,
    /// A line or two of text for whoever reads the client's error.
    pub(super) body: String,
    /// Headers that belong to the status.
    headers: Vec<(header::HeaderName, Cow<'static, str>)>,
}

impl HandshakeError {
    fn new(status: StatusCode, body: impl Into<String>) -> Self {
        Self { status, body: body.into(), headers: Vec::new() }
    }

    /// 503 or 429: `server.max_clients` has no place for it.
    pub(super) fn no_place(why: NoPlace, max_clients: usize) -> Self {
        let (status, body) = match why {
            NoPlace::Full => (
                StatusCode::SERVICE_UNAVAILABLE,
                format!("{max_clients} clients are connected, and server.max_clients allows no more. Try again later."),
            ),
            NoPlace::Share(share) => (
                StatusCode::TOO_MANY_REQUESTS,
                format!(
                    "{share} clients of your address are connected, and one address gets no more of the {max_clients} \
                     places in server.max_clients. Close one of them, or raise server.max_clients."
                ),
            ),
        };
        Self { headers: vec![(header::RETRY_AFTER, "5".into())], ..Self::new(status, body) }
    }

    /// 400: no TLS, from another machine.
    pub(super) fn plain() -> Self {
        let body = "This port speaks TLS: connect to wss:// instead of ws://.";
        Self::new(StatusCode::BAD_REQUEST, body)
    }

    /// 408: the request did not come in time.
    pub(super) fn slow() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "The request did not arrive within server.handshake_timeout_ms.")
    }

    /// 431: the request is longer than anybody's.
    pub(super) fn long() -> Self {
        let body = format!("The request is longer than {MAX_REQUEST_BYTES} bytes.");
        Self::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, body)
    }

    /// 401, 403 or 429: its token is not enough.
    fn denied(denied: &Denied) -> Self {
        let mut headers: Vec<(_, Cow<'static, str>)> = Vec::new();
        if denied.status() == StatusCode::UNAUTHORIZED {
            headers.push((header::WWW_AUTHENTICATE, "Bearer realm=\"fovea\"".into()));
        }
        headers.extend(denied.retry_after().map(|seconds| (header::RETRY_AFTER, seconds.to_string().into())));
        Self { headers, ..Self::new(denied.status(), denied.to_string()) }
    }

    /// The answer as bytes.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut response = Response::new(());
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(self.body.len() + 1));
        for (name, value) in &self.headers {
            headers.insert(name, HeaderValue::from_str(value).expect("texts and numbers of ours"));
        }
        let mut bytes = to_bytes(&response);
        bytes.extend_from_slice(self.body.as_bytes());
        bytes.push(b'\n');
        bytes
    }
}

/// Reads the request at the beginning of `bytes`: `None` while it is not whole, else its length and it.
///
/// # Errors
/// When it is no request that leads to a WebSocket.
pub(super) fn parse(bytes: &[u8]) -> Result<Option<(usize, Request)>, HandshakeError> {
    match Request::try_parse(bytes) {
        Ok(found) => Ok(found),
        Err(WsError::Protocol(ProtocolError::WrongHttpMethod)) => {
            Err(HandshakeError::new(StatusCode::METHOD_NOT_ALLOWED, "A WebSocket request must use GET."))
        }
        Err(error) => {
            Err(HandshakeError::new(StatusCode::BAD_REQUEST, format!("This is not an HTTP/1.1 request: {error}.")))
        }
    }
}

/// Decides what the client is for, asks `authorize` whether what it carries is enough for that, and writes the answer that
/// lets it in.
///
/// # Errors
/// With the answer that does not.
pub(super) fn accept(
    request: &Request,
    cameras: &[KnownCamera<'_>],
    allowed_origins: &[String],
    authorize: impl FnOnce(&Credentials, Need) -> Result<Grant, Denied>,
) -> Result<(Route, Grant, Vec<u8>), HandshakeError> {
    let mut response = create_response(request).map_err(|error| {
        let body = format!(
            "This port speaks WebSocket: send frames to ws://HOST:PORT/frames/CAMERA, read results from \
             ws://HOST:PORT/results. ({error})"
        );
        let headers = vec![
            (header::UPGRADE, "websocket".into()),
            (header::CONNECTION, "Upgrade, close".into()),
            (header::SEC_WEBSOCKET_VERSION, "13".into()),
        ];
        HandshakeError { headers, ..HandshakeError::new(StatusCode::UPGRADE_REQUIRED, body) }
    })?;
    let host = host(request.headers())?;
    origin::check(request.headers(), host, allowed_origins)
        .map_err(|body| HandshakeError::new(StatusCode::FORBIDDEN, body))?;
    // Before anything is said of the cameras.
    let grant = authorize(&carried(request, host), need(request.uri().path(), cameras))
        .map_err(|denied| HandshakeError::denied(&denied))?;
    let role = role(request, cameras)?;
    let offered = [SUBPROTOCOL, BARE_SUBPROTOCOL].into_iter().find(|name| offers(request.headers(), name));
    if let Some(name) = offered {
        response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(name));
    }
    let protocol = if offered == Some(SUBPROTOCOL) { Protocol::V1 } else { Protocol::Bare };
    Ok((Route { role, protocol }, grant, to_bytes(&response)))
}

/// What the request carries. A login's cookie comes with the requests of all pages of this host and of those that may connect
/// because they are configured, and counts only for the former.
fn carried(request: &Request, host: &str) -> Credentials {
    let carried = Credentials::of_request(request.headers(), request.uri().query());
    if origin::is_of_host(request.headers(), host) { carried } else { carried.without_session() }
}

/// What a client needs that asks for `path`.
fn need(path: &str, cameras: &[KnownCamera<'_>]) -> Need {
    let of_camera = |role, name: &str| Need::role(role, Scope::Camera(name.to_owned()));
    let mut fed = cameras.iter().filter(|known| !known.is_local);
    match path.trim_matches('/').split('/').collect::<Vec<_>>()[..] {
        [""] => match (fed.next(), fed.next()) {
            (Some(only), None) => of_camera(AccessRole::Send, only.camera.name()),
            _ => Need::role(AccessRole::Send, Scope::Any),
        },
        ["frames", name] => of_camera(AccessRole::Send, name),
        ["results"] => Need::role(AccessRole::View, Scope::Board),
        ["results", name] => of_camera(AccessRole::View, name),
        _ => Need::any(),
    }
}

fn role(request: &Request, cameras: &[KnownCamera<'_>]) -> Result<Role, HandshakeError> {
    let known = |name: &str| {
        cameras.iter().find(|known| known.camera.name() == name).ok_or_else(|| {
            let body = format!("There is no camera {name:?} here. Cameras: {}.", names(cameras));
            HandshakeError::new(StatusCode::NOT_FOUND, body)
        })
    };
    let fed_from_here = |name: &str| {
        let known = known(name)?;
        if known.is_local {
            let body = format!("The camera {name:?} is plugged into this machine, so clients cannot send its frames.");
            return Err(HandshakeError::new(StatusCode::CONFLICT, body));
        }
        Ok(known.camera.clone())
    };
    let fed: Vec<_> = cameras.iter().filter(|known| !known.is_local).collect();
    let wants_results = request.uri().query().is_some_and(|query| query.split('&').any(|word| word == "results"));
    let replies = if wants_results { Replies::Results } else { Replies::None };
    let path = request.uri().path();
    match path.trim_matches('/').split('/').collect::<Vec<_>>()[..] {
        [""] => match fed[..] {
            [known] => Ok(Role::Sender { camera: known.camera.clone(), replies }),
            [] => {
                let body = "All cameras are plugged into this machine, so clients cannot send frames.";
                Err(HandshakeError::new(StatusCode::CONFLICT, body))
            }
            _ => {
                let body = format!("With more than one camera, send to /frames/CAMERA. Cameras: {}.", names(cameras));
                Err(HandshakeError::new(StatusCode::NOT_FOUND, body))
            }
        },
        ["frames", name] => Ok(Role::Sender { camera: fed_from_here(name)?, replies }),
        ["results"] => Ok(Role::Reader { camera: None }),
        ["results", name] => Ok(Role::Reader { camera: Some(known(name)?.camera.clone()) }),
        _ => {
            let body = format!(
                "There is nothing at {path:?}. Send frames to /frames/CAMERA, read results from /results or \
                 /results/CAMERA. Cameras: {}.",
                names(cameras)
            );
            Err(HandshakeError::new(StatusCode::NOT_FOUND, body))
        }
    }
}

/// The host that the request is for (RFC 9112, section 3.2: one, and a valid one).
fn host(headers: &HeaderMap) -> Result<&str, HandshakeError> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let valid = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().ok().and_then(authority::host),
        _ => None,
    };
    valid.ok_or_else(|| {
        let body = "The request needs one Host header, with the board's name or address: HOST or HOST:PORT.";
        HandshakeError::new(StatusCode::BAD_REQUEST, body)
    })
}

fn offers(headers: &HeaderMap, protocol: &str) -> bool {
    headers
        .get_all(header::SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|name| name.trim() == protocol)
}

fn names(cameras: &[KnownCamera<'_>]) -> String {
    cameras.iter().map(|known| known.camera.name()).collect::<Vec<_>>().join(", ")
}

/// An answer's head. One name is spelt as RFC 6455 has it: early versions of Espressif's client find no other spelling.
fn to_bytes(response: &Response<()>) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 {}\r\n", response.status()).into_bytes();
    for (name, value) in response.headers() {
        let name = if name == header::SEC_WEBSOCKET_ACCEPT { "Sec-WebSocket-Accept" } else { name.as_str() };
        bytes.extend([name.as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    bytes.extend(b"\r\n");
    bytes
}

#[cfg(test)]
mod tests {
    use std::{net::SocketAddr, sync::Arc, time::Duration};

    use strum::EnumCount;

    use super::*;
    use crate::access::{Access, Policy, Port, secret::Secret, tokens::Tokens};

    fn answer(target: &str, headers: &str, cameras: &[&str], origins: &[&str]) -> Result<String, (u16, String)> {
        let text = format!(
            "GET {target} HTTP/1.1\r\nHost: 192.0.2.7:8999\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
        );
        let (length, request) = parse(text.as_bytes()).unwrap().unwrap();
        assert_eq!(length, text.len());
        let cameras: Vec<_> = cameras.iter().map(|name| Camera::new(name)).collect();
        let origins: Vec<_> = origins.iter().map(ToString::to_string).collect();
        // Of a name in capitals, the camera is plugged in.
        let known = |camera: &'_ Camera| camera.name().starts_with(|c: char| c.is_ascii_uppercase());
        let known = |camera| KnownCamera { camera, is_local: known(camera) };
        accept(&request, &cameras.iter().map(known).collect::<Vec<_>>(), &origins, authorize)
            .map(|(route, ..)| describe(&route))
            .map_err(|error| (error.status.as_u16(), error.body))
    }

    /// As a board does that has a token for the camera `door`, and clients on itself that need none.
    fn authorize(carried: &Credentials, need: Need) -> Result<Grant, Denied> {
        let policy = |tokens| Policy { tokens, allow_anonymous: [false; Port::COUNT] };
        let peer = SocketAddr::from(([127, 0, 0, 1], 1000));
        let anonymous = Access::new(policy(None)).check(Port::Websocket, peer, &Credentials::default(), need.clone());
        if carried.is_empty() {
            return anonymous;
        }
        let hash = Secret::parse("secret").unwrap().digest();
        let tokens = Tokens::parse(&format!("cam send door sha256:{hash} 2026-11-26T08:12:31Z")).unwrap();
        Access::new(policy(Some(Arc::new(tokens)))).check(Port::Websocket, peer, carried, need)
    }

    fn describe(route: &Route) -> String {
        let role = match &route.role {
            Role::Sender { camera, replies: Replies::Results } => format!("{} with results", camera.name()),
            Role::Sender { camera, replies: Replies::None } => camera.name().to_owned(),
            Role::Reader { camera } => format!("results of {}", camera.as_ref().map_or("all", Camera::name)),
        };
        if route.protocol == Protocol::V1 { format!("{role}, v1") } else { role }
    }

    fn ok(route: &str) -> Result<String, (u16, String)> {
        Ok(route.to_owned())
    }

    #[test]
    fn paths_say_what_a_client_is_for() {
        let two = ["door", "yard"];
        assert_eq!(answer("/frames/yard", "", &two, &[]), ok("yard"));
        assert_eq!(answer("/frames/yard?a=b&results", "", &two, &[]), ok("yard with results"));
        assert_eq!(answer("/", "", &["door"], &[]), ok("door"));
        assert_eq!(answer("/?results", "", &["door"], &[]), ok("door with results"));
        assert_eq!(answer("/results", "", &two, &[]), ok("results of all"));
        assert_eq!(answer("/results/door", "", &two, &[]), ok("results of door"));
    }

    #[test]
    fn unknown_cameras_and_paths_are_answered_with_the_known_ones() {
        let two = ["door", "yard"];
        let not_found = |body: &str| Err((404, body.to_owned()));
        assert_eq!(
            answer("/frames/dor", "", &two, &[]),
            not_found(r#"There is no camera "dor" here. Cameras: door, yard."#)
        );
        assert_eq!(
            answer("/", "", &two, &[]),
            not_found("With more than one camera, send to /frames/CAMERA. Cameras: door, yard.")
        );
        assert!(answer("/admin", "", &two, &[]).is_err_and(|(status, body)| status == 404 && body.contains("/admin")));
    }

    #[test]
    fn a_camera_that_is_plugged_in_takes_no_sender() {
        let conflict = |body: &str| Err((409, body.to_owned()));
        let taken = "The camera \"YARD\" is plugged into this machine, so clients cannot send its frames.";
        assert_eq!(answer("/frames/YARD", "", &["door", "YARD"], &[]), conflict(taken));
        let none = "All cameras are plugged into this machine, so clients cannot send frames.";
        assert_eq!(answer("/", "", &["YARD"], &[]), conflict(none));
        assert_eq!(answer("/", "", &["YARD", "door"], &[]), ok("door"), "the only one that takes any");
        assert_eq!(answer("/results/YARD", "", &["YARD"], &[]), ok("results of YARD"));
    }

    #[test]
    fn the_sub_protocol_is_found_among_others() {
        let offered = |value| answer("/", &format!("Sec-WebSocket-Protocol: {value}\r\n"), &["door"], &[]);
        assert_eq!(offered("chat, fovea.v1"), ok("door, v1"));
        assert_eq!(offered("fovea.v2"), ok("door"));
    }

    #[test]
    fn a_token_is_needed_for_what_is_asked_for_before_anything_is_told() {
        let two = ["door", "yard"];
        for (target, headers) in [
            ("/frames/door", "Authorization: Bearer secret\r\n"),
            ("/frames/door?token=secret", ""),
            ("/frames/door", "Sec-WebSocket-Protocol: fovea.token.secret, fovea.bare\r\n"),
        ] {
            assert_eq!(answer(target, headers, &two, &[]), ok("door"), "{target} {headers}");
        }
        assert_eq!(answer("/?token=secret", "", &["door"], &[]), ok("door"));
        let status = |target: &str| answer(target, "", &two, &[]).map_err(|(status, _)| status);
        for target in ["/frames/yard", "/results", "/results/door", "/frames/no-such-camera"] {
            assert_eq!(status(&format!("{target}?token=secret")), Err(403), "{target}");
            assert_eq!(status(&format!("{target}?token=wrong")), Err(401), "{target}");
        }
        assert_eq!(status("/admin?token=wrong"), Err(401));
        let said = answer("/admin?token=secret", "", &two, &[]).unwrap_err();
        assert!(said.0 == 404 && !said.1.contains("secret"), "{said:?}");
    }

    #[test]
    fn an_answer_has_the_headers_of_its_status_and_never_the_secret() {
        let bytes = |denied| String::from_utf8(HandshakeError::denied(&denied).to_bytes()).unwrap();
        assert!(bytes(Denied::NoToken).contains("www-authenticate: Bearer realm=\"fovea\"\r\n"));
        assert!(bytes(Denied::TooManyFailures(Duration::from_millis(2500))).contains("retry-after: 3\r\n"));
        let text = "GET /frames/door HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                    Sec-WebSocket-Protocol: fovea.token.secret, fovea.bare\r\n\r\n";
        let (_, request) = parse(text.as_bytes()).unwrap().unwrap();
        let door = Camera::new("door");
        let known = [KnownCamera { camera: &door, is_local: false }];
        let (.., response) = accept(&request, &known, &[], authorize).unwrap();
        let response = String::from_utf8(response).unwrap();
        assert!(
            response.contains("sec-websocket-protocol: fovea.bare\r\n") && !response.contains("secret"),
            "{response}"
        );
    }

    #[test]
    fn a_logins_cookie_counts_for_pages_of_this_host_alone() {
        let session = |origin: &str| {
            let cookie = "Cookie: fovea_session=phone.1.x\r\n";
            let text = format!("GET / HTTP/1.1\r\nHost: 192.0.2.7:8999\r\n{origin}{cookie}\r\n");
            let (_, request) = parse(text.as_bytes()).unwrap().unwrap();
            !carried(&request, "192.0.2.7").is_empty()
        };
        assert!(session("Origin: http://192.0.2.7:8080\r\n"));
        for origin in ["", "Origin: http://192.0.2.8:8080\r\n", "Origin: null\r\n", "Origin: file://\r\n"] {
            assert!(!session(origin), "{origin}");
        }
        assert!(!session("Origin: http://192.0.2.7\r\nOrigin: http://192.0.2.7\r\n"));
    }

    #[test]
    fn a_foreign_page_is_refused_unless_configured() {
        let from = |origins: &[&str]| answer("/", "Origin: https://example.org\r\n", &["door"], origins);
        let body =
            "Pages of https://example.org may not connect. To allow them, add this origin to server.allowed_origins.";
        assert_eq!(from(&[]), Err((403, body.to_owned())));
        assert_eq!(from(&["https://example.org"]), ok("door"));
    }

    #[test]
    fn a_request_is_for_one_host() {
        let second = answer("/", "Host: 192.0.2.8\r\n", &["door"], &[]);
        assert!(second.is_err_and(|(status, body)| status == 400 && body.contains("one Host header")));
    }

    #[test]
    fn a_browser_without_websocket_is_told_what_this_is() {
        let (_, request) = parse(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap().unwrap();
        let error = accept(&request, &[], &[], authorize).unwrap_err();
        assert_eq!(error.status, 426);
        assert!(String::from_utf8(error.to_bytes()).unwrap().contains("upgrade: websocket\r\n"));
    }

    #[test]
    fn what_is_no_request_is_told_so() {
        assert!(parse(b"GET / HT").unwrap().is_none());
        assert_eq!(parse(b"POST / HTTP/1.1\r\n\r\n").unwrap_err().status, 405);
        assert_eq!(parse(b"\x16\x03\x01\x02\r\n\r\n").unwrap_err().status, 400);
    }
}

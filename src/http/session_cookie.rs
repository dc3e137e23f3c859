//! The header with the cookie of a login, as the connection of the request allows it.

use std::net::SocketAddr;

use axum::http::HeaderValue;
use jiff::Timestamp;

use super::app::AppState;
use crate::access::{Grant, session};

/// The connection that a request came over.
#[derive(Clone, Copy, Debug)]
pub(super) struct ConnectionInfo {
    /// Where the client is.
    pub(super) peer: SocketAddr,
    /// Whether nobody on the way can read it. The cookie of a login is then never sent in the clear.
    pub(super) is_encrypted: bool,
}

/// The header that gives a browser a cookie, for who has a token.
pub(super) fn cookie(app: &AppState, grant: &Grant, connection: ConnectionInfo) -> Option<HeaderValue> {
    let value = app.access.session(grant, Timestamp::now())?;
    let (name, age) = (session::COOKIE, session::VALID_FOR.as_secs());
    let secure = if connection.is_encrypted { "; Secure" } else { "" };
    let cookie = format!("{name}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict{secure}");
    Some(HeaderValue::try_from(cookie).expect("names of tokens, digits and Base64"))
}

//! `/login`, `/api/login`, `/api/logout`, `/api/session`: a browser states a token once, and has a cookie from then on.

use axum::{
    Extension, Json,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};

use super::{
    access::{deny, is_browser},
    app::App,
    body,
    session_cookie::{ConnectionInfo, cookie},
};
use crate::access::{Grant, Port, secret::Secret, session};

/// The body of a login.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Login {
    /// The token's secret.
    token: String,
}

/// Who the client is, and what it may do.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Session<'a> {
    /// The name of its token; absent if it has none and needs none.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
    /// What it may do: `send`, `view`, `control`, `admin`. Empty if it needs a token and has none.
    roles: Vec<&'static str>,
    /// The cameras for which it does; absent if for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    cameras: Option<&'a [String]>,
}

impl<'a> From<&'a Grant> for Session<'a> {
    fn from(grant: &'a Grant) -> Self {
        let rights = grant.rights();
        let roles = rights.roles().iter().map(|role| role.name()).collect();
        Self { token: grant.token(), roles, cameras: rights.cameras() }
    }
}

/// `/api/login`: takes a token, gives a cookie.
pub(super) async fn login(
    State(app): State<App>,
    Extension(connection): Extension<ConnectionInfo>,
    request: Request,
) -> Response {
    let is_browser = is_browser(request.headers());
    // A proxy may have encrypted it, which the browser then says.
    let is_secure =
        request.headers().get(header::ORIGIN).is_some_and(|origin| origin.as_bytes().starts_with(b"https://"));
    let is_encrypted = connection.is_encrypted || is_secure;
    let body = match body::read(request).await {
        Ok(body) => body,
        Err(answer) => return answer,
    };
    let Ok(Login { token }) = serde_json::from_slice(&body) else {
        return body::bad_request("The body must be JSON: {\"token\": \"fovea_...\"}\n");
    };
    let secret = Secret::parse(token.trim());
    match app.access.login(Port::Http, connection.peer, secret.as_ref()) {
        Ok(grant) => {
            let cookie = cookie(&app, &grant, ConnectionInfo { is_encrypted, ..connection });
            let mut response = Json(Session::from(&grant)).into_response();
            response.headers_mut().extend(cookie.map(|cookie| (header::SET_COOKIE, cookie)));
            response
        }
        Err(denied) => deny(&app, connection.peer, &denied, is_browser),
    }
}

/// `/api/logout`: takes the cookie away. Only revoking the token takes its worth away, too.
pub(super) async fn logout() -> Response {
    let cookie = format!("{}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict", session::COOKIE);
    (StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response()
}

/// `/api/session`: who asks.
pub(super) async fn session(grant: Option<Extension<Grant>>) -> Response {
    let nobody = Session { token: None, roles: Vec::new(), cameras: None };
    Json(grant.as_ref().map_or(nobody, |Extension(grant)| Session::from(grant))).into_response()
}

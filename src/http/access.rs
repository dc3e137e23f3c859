//! Asks for each request whether what it carries is enough, and of each long answer whether it still is after a reload.

use std::net::SocketAddr;

use axum::{
    body::{Body, HttpBody},
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::StreamExt;
use jiff::Timestamp;
use log::info;

use super::{
    app::{App, AppState},
    session_cookie::{self, ConnectionInfo},
};
use crate::access::{
    Denied, Grant, Port,
    credentials::{Credentials, in_query, without_secret},
    role::{Need, Role, Scope},
};

/// The pages that people open. Who may not is sent to the page with the login.
const PAGES: [&str; 2] = ["/", "/camera"];

/// What a request for a path needs; `None` if it may come from anybody.
fn need(path: &str, query: Option<&str>) -> Option<Need> {
    let camera = |name: &str| Scope::Camera(name.to_owned());
    let view = |scope| Some(Need::role(Role::View, scope));
    match path.split('/').skip(1).collect::<Vec<_>>()[..] {
        ["login" | "login.js" | "format.js" | "style.css" | "icon.svg" | "healthz" | "readyz"]
        | ["api", "login" | "logout" | "session"] => None,
        ["camera"] => Some(Need::role(Role::Send, Scope::Any)),
        ["cameras", name, _] => view(camera(name)),
        ["api", "cameras", name, _] => Some(Need::role(Role::Control, camera(name))),
        ["api", "events"] | ["api", "events", "recent"] => {
            view(query.and_then(one_camera).map_or(Scope::Board, camera))
        }
        ["api", "events", id] => view(camera_of(id).map_or(Scope::Board, camera)),
        [""] | ["live" | "metrics"] | ["events", ..] => view(Scope::Board),
        // Files of the pages; lists, which show to each what it may know; and what there is not.
        _ => Some(Need::any()),
    }
}

/// The camera whose events a query asks for. One that is written in another way counts as none, and so as all.
fn one_camera(query: &str) -> Option<&str> {
    query.split('&').find_map(|pair| pair.strip_prefix("camera="))
}

/// The camera in the id of an event, such as `door-20261122T100000Z-7`.
fn camera_of(id: &str) -> Option<&str> {
    id.rsplitn(3, '-').nth(2)
}

/// Lets a request pass if it may.
pub(super) async fn authorize(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let Some(&connection) = request.extensions().get::<ConnectionInfo>() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response(); // cannot happen: the server puts it there
    };
    let (path, query) = (request.uri().path().to_owned(), request.uri().query().map(ToOwned::to_owned));
    let carried = Credentials::of_request(request.headers(), query.as_deref());
    let Some(need) = need(&path, query.as_deref()) else {
        // To whom these answers say more.
        let more = if path == "/readyz" { Need::role(Role::View, Scope::Board) } else { Need::any() };
        if let Some(grant) = app.access.peek(Port::Http, connection.peer, &carried, &more) {
            request.extensions_mut().insert(grant);
        }
        return next.run(request).await;
    };
    let is_page = request.method() == Method::GET && PAGES.contains(&path.as_str()) && accepts_html(request.headers());
    let is_browser = is_browser(request.headers());
    match app.access.check(Port::Http, connection.peer, &carried, need) {
        Ok(grant) => {
            // A link with a token is a login: the address goes on without the token, and so does the browser's history.
            if is_page
                && let Some(query) = query.as_deref().filter(|query| in_query(query).is_some())
                && let Some(cookie) = session_cookie::cookie(&app, &grant, connection)
            {
                let rest = without_secret(query).map_or_else(String::new, |rest| format!("?{rest}"));
                return ([(header::SET_COOKIE, cookie)], see_other(&format!("{path}{rest}"))).into_response();
            }
            let renewed =
                carried.has_old_session(Timestamp::now()).then(|| session_cookie::cookie(&app, &grant, connection));
            request.extensions_mut().insert(grant.clone());
            let mut response = until_revoked(next.run(request).await, app, grant);
            if let Some(cookie) = renewed.flatten() {
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
            response
        }
        Err(denied) if is_page && denied.status() == StatusCode::UNAUTHORIZED => {
            see_other(if path == "/camera" { "/login?next=/camera" } else { "/login" }).into_response()
        }
        Err(denied) => deny(&app, connection.peer, &denied, is_browser),
    }
}

/// The answer to a request that may not.
pub(super) fn deny(app: &AppState, peer: SocketAddr, denied: &Denied, is_browser: bool) -> Response {
    let status = denied.status();
    if let Some(suppressed) = app.denied.check() {
        info!(CLIENT:% = peer; "{peer} denied: {status} {denied:.200}{suppressed}");
    }
    let mut response = (status, format!("{denied}\n")).into_response();
    let headers = response.headers_mut();
    if status == StatusCode::UNAUTHORIZED {
        headers.append(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"fovea\""));
        // Players and recorders ask for a name and a password then, or send those they have. Browsers would show a window
        // of their own over the page, which has a login.
        if !is_browser {
            let basic = "Basic realm=\"fovea: any user, the token as password\", charset=\"UTF-8\"";
            headers.append(header::WWW_AUTHENTICATE, HeaderValue::from_static(basic));
        }
    }
    headers.extend(denied.retry_after().map(|seconds| (header::RETRY_AFTER, HeaderValue::from(seconds))));
    response
}

/// The same answer, which ends when a reload takes away what it was granted for. Short answers are left as they are.
fn until_revoked(response: Response, app: App, grant: Grant) -> Response {
    if response.body().size_hint().exact().is_some() {
        return response;
    }
    let mut changes = app.access_changes.subscribe();
    let revoked = async move {
        // First asked for after the subscription: no change is missed.
        while app.access.holds(&grant) {
            if changes.changed().await.is_err() {
                return; // the server ends
            }
        }
    };
    response.map(|body| Body::from_stream(body.into_data_stream().take_until(Box::pin(revoked))))
}

fn see_other(target: &str) -> Response {
    let location = HeaderValue::try_from(target).expect("it is part of a URI");
    (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
}

fn accepts_html(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).is_some_and(|accept| contains(accept, "text/html"))
}

/// Whether a browser sends the request: all call themselves Mozilla.
pub(super) fn is_browser(headers: &HeaderMap) -> bool {
    headers.get(header::USER_AGENT).is_some_and(|agent| contains(agent, "Mozilla/"))
}

fn contains(value: &HeaderValue, text: &str) -> bool {
    value.to_str().is_ok_and(|value| value.contains(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::role::Rights;

    /// Whether a token with these rights is enough for a path.
    fn reaches(role: Role, camera: Option<&str>, target: &str) -> bool {
        let rights = Rights::new(vec![role], camera.map(|camera| vec![camera.to_owned()]));
        let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        need(path, query).is_none_or(|need| rights.allow(&need))
    }

    #[test]
    fn what_says_nothing_is_open_and_nothing_else() {
        for open in [
            "/login",
            "/login.js",
            "/format.js",
            "/style.css",
            "/icon.svg",
            "/healthz",
            "/readyz",
            "/api/login",
            "/api/logout",
            "/api/session",
        ] {
            assert_eq!(need(open, None), None, "{open}");
        }
        for closed in ["/", "//login", "/login/", "/camera", "/live.js", "/session.js", "/metrics", "/no-such-path", ""]
        {
            assert!(need(closed, None).is_some(), "{closed}");
        }
    }

    #[test]
    fn each_role_reaches_its_paths() {
        let pictures = [
            "/cameras/door/live.mjpg",
            "/cameras/door/snapshot.jpg?overlay",
            "/api/events?camera=door",
            "/api/events/door-20261122T100000Z-7.jpg?overlay",
            "/api/events/door-20261122T100000Z-x7",
        ];
        let board =
            ["/", "/live", "/metrics", "/api/events", "/api/events/recent", "/api/events/1", "/events/1/snapshot.jpg"];
        let lists = ["/api/cameras", "/api/status", "/session.js", "/live.js"];
        for path in pictures {
            assert!(reaches(Role::View, None, path) && reaches(Role::View, Some("door"), path), "{path}");
            assert!(!reaches(Role::View, Some("yard"), path) && !reaches(Role::Send, None, path), "{path}");
        }
        for path in board {
            assert!(reaches(Role::View, None, path), "{path}");
            assert!(!reaches(Role::View, Some("door"), path) && !reaches(Role::Send, None, path), "{path}");
        }
        for path in lists {
            assert!(reaches(Role::View, Some("door"), path) && reaches(Role::Send, Some("door"), path), "{path}");
        }
        assert!(reaches(Role::Send, Some("door"), "/camera") && !reaches(Role::View, None, "/camera"));
        let event = "/api/cameras/door/event";
        assert!(reaches(Role::Control, Some("door"), event) && reaches(Role::Admin, None, event));
        assert!(!reaches(Role::Control, Some("yard"), event));
        assert!(!reaches(Role::View, None, event) && !reaches(Role::Send, Some("door"), event));
        for odd in
            ["/api/events?x=1&camera=yard", "/api/events?c%61mera=door", "/cameras/d%6For/live.mjpg", "/cameras/door"]
        {
            assert_eq!(reaches(Role::View, Some("door"), odd), odd == "/cameras/door", "{odd}");
        }
    }
}

//! The paths and their handlers.

use std::sync::Arc;

use axum::{
    Router,
    http::{HeaderMap, StatusCode, Uri, header, uri::PathAndQuery},
    middleware::{from_fn, from_fn_with_state},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};

use super::{
    access, api,
    app::App,
    control, event_list, event_stream, health, live, login, metrics, page,
    security::{self, AllowedHosts},
};
use crate::{
    config,
    system::{authority, places::NoPlace},
};

/// All paths of the server.
pub(super) fn routes(app: App, settings: &config::Http) -> Router {
    let hosts = Arc::new(AllowedHosts::new(settings));
    page::add(Router::new())
        .route("/cameras/{name}/live.mjpg", get(live::camera))
        .route("/cameras/{name}/snapshot.jpg", get(live::snapshot))
        .route("/live", get(live::all))
        .route("/events/{id}/snapshot.jpg", get(event_list::snapshot))
        .route("/api/status", get(api::status))
        .route("/api/cameras", get(api::cameras))
        .route("/api/openapi.json", get(api::openapi))
        .route("/metrics", get(metrics::metrics))
        .route("/api/events", get(event_stream::events))
        .route("/api/events/{name}", get(event_list::event))
        .route("/api/events/recent", get(event_stream::recent))
        .route("/api/cameras/{name}/event", post(control::trigger))
        .route("/api/cameras/{name}/detection", post(control::switch))
        .route("/api/session", get(login::session))
        .route("/api/login", post(login::login))
        .route("/api/logout", post(login::logout))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .fallback(not_found)
        .with_state(app.clone())
        .layer(from_fn_with_state(app, access::authorize))
        .layer(from_fn_with_state(hosts.clone(), security::check_site))
        .layer(from_fn_with_state(hosts, security::check_host))
        .layer(from_fn(security::add_headers))
}

/// The answer to a request for which `http.max_clients` has no place.
pub(super) fn no_place(why: NoPlace, max_clients: usize) -> Response {
    let (status, text) = match why {
        NoPlace::Full => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("{max_clients} connections are open, and http.max_clients allows no more. Try again later.\n"),
        ),
        NoPlace::Share(share) => (
            StatusCode::TOO_MANY_REQUESTS,
            format!(
                "{share} connections of your address are open, and one address gets no more of the {max_clients} places in \
                 http.max_clients. Close a page, or raise http.max_clients.\n"
            ),
        ),
    };
    let headers = [(header::RETRY_AFTER, "5"), (header::CONNECTION, "close")];
    security::with_headers((status, headers, text).into_response())
}

/// Sends browsers to the same address with TLS.
pub(super) fn to_https() -> Router {
    let redirect = |headers: HeaderMap, uri: Uri| async move {
        match https(&headers, &uri) {
            Some(url) => Redirect::permanent(&url).into_response(),
            None => (StatusCode::BAD_REQUEST, "The request has no readable Host header.\n").into_response(),
        }
    };
    Router::new().fallback(redirect).layer(from_fn(security::add_headers))
}

/// The URL of a request that came without TLS, with it.
fn https(headers: &HeaderMap, uri: &Uri) -> Option<String> {
    let host = headers.get(header::HOST)?.to_str().ok().filter(|host| authority::host(host).is_some())?;
    Some(format!("https://{host}{}", uri.path_and_query().map_or("/", PathAndQuery::as_str)))
}

async fn not_found() -> Response {
    let what = "There is no such path. /api/openapi.json lists all paths.\n";
    (StatusCode::NOT_FOUND, what).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_sent_to_the_same_place_with_tls() {
        let sent_to = |host: &'static str, uri: &'static str| {
            let headers = [(header::HOST, host.parse().unwrap())].into_iter().collect();
            https(&headers, &Uri::from_static(uri))
        };
        assert_eq!(sent_to("fovea.local:8080", "/camera?a=b").as_deref(), Some("https://fovea.local:8080/camera?a=b"));
        assert_eq!(sent_to("[2001:db8::7]:8080", "/").as_deref(), Some("https://[2001:db8::7]:8080/"));
        assert_eq!(sent_to("evil.example/?@fovea", "/"), None);
        assert_eq!(https(&HeaderMap::new(), &Uri::from_static("/")), None);
    }
}

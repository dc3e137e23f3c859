//! Refuses requests for foreign host names, and adds the security headers to every response.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::{
    config,
    system::authority::{self, cannot_be_claimed},
};

/// Headers of every response: nothing of another site runs in our pages, and nothing of ours in another site's. No
/// `Cross-Origin-Opener-Policy`: without HTTPS, as most boards are, browsers ignore it with an error in the console.
const HEADERS: [(HeaderName, &str); 6] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(self), microphone=(), geolocation=()"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

/// What a page may load, unless its response sets a policy of its own.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The policy of a page that also sends frames to `port` of its own host. A policy cannot name an IPv6 address (CSP 3,
/// section 2.3.1), so for such a host it allows that port of any host.
pub(super) fn page_policy(host: &str, port: u16, is_tls: bool) -> String {
    let is_name = !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-');
    let host = if is_name { host } else { "*" };
    let scheme = if is_tls { "wss" } else { "ws" };
    POLICY.replace("connect-src 'self';", &format!("connect-src 'self' {scheme}://{host}:{port};"))
}

/// The host names that requests may be for.
#[derive(Debug)]
pub(super) struct AllowedHosts(Vec<String>);

impl AllowedHosts {
    pub(super) fn new(settings: &config::Http) -> Self {
        Self(settings.allowed_hosts.clone())
    }

    fn contains(&self, host: &str) -> bool {
        cannot_be_claimed(host) || self.0.iter().any(|allowed| allowed == host)
    }

    /// Whether a request comes from a page of this board, or from no page: browsers state an origin with all that may change
    /// something. A proxy may ask for this board by another name than the browser does; then the origin must be configured.
    fn is_origin_of(&self, headers: &HeaderMap) -> bool {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        let (origin, second) = (origins.next(), origins.next());
        let Some(origin) = origin else { return true };
        let site = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, site)| site);
        let is_asked = |site: &str| {
            headers.get(header::HOST).is_some_and(|host| host.as_bytes().eq_ignore_ascii_case(site.as_bytes()))
        };
        let is_allowed = |site: &str| authority::host(site).is_some_and(|host| self.0.iter().any(|one| one == host));
        second.is_none() && site.is_some_and(|site| is_asked(site) || is_allowed(site))
    }
}

/// Refuses requests for a host name that somebody else can own. The owner could point that name at the board; a page of
/// that name, opened by somebody near the board, could then read what the board sees (DNS rebinding).
pub(super) async fn check_host(State(allowed): State<Arc<AllowedHosts>>, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).and_then(authority::host);
    match host {
        Some(host) if allowed.contains(&host.to_ascii_lowercase()) => next.run(request).await,
        Some(host) => {
            let why =
                format!("{host:?} is not a known name of this board. If it is one, add it to http.allowed_hosts.\n");
            (StatusCode::MISDIRECTED_REQUEST, why).into_response()
        }
        None => (StatusCode::BAD_REQUEST, "The request has no readable Host header.\n").into_response(),
    }
}

/// Refuses what a page of another site makes a browser request, and everything that changes something if it is not surely from
/// a page of this board or from no page at all. The cookie of a login does not come with such requests (`SameSite=Strict`);
/// this holds without it, too, and for other logins that a browser adds by itself.
///
/// Links to this board are followed from anywhere. Pictures of this board in pages of other sites are not shown anyway: see
/// `Cross-Origin-Resource-Policy` above. What embeds them, such as a dashboard, fetches them itself.
pub(super) async fn check_site(State(allowed): State<Arc<AllowedHosts>>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    let is_safe = matches!(*request.method(), Method::GET | Method::HEAD);
    let is_navigation = headers.get("sec-fetch-mode").is_some_and(|mode| mode == "navigate");
    let may = match site {
        Some(b"cross-site") => is_safe && is_navigation,
        Some(b"same-site") => is_safe,
        _ => true,
    };
    if may && (is_safe || allowed.is_origin_of(headers)) {
        return next.run(request).await;
    }
    (StatusCode::FORBIDDEN, "Pages of other sites may not do this.\n").into_response()
}

/// Adds [`HEADERS`] to a response, except those that it has already.
pub(super) async fn add_headers(request: Request, next: Next) -> Response {
    with_headers(next.run(request).await)
}

/// The response with [`HEADERS`], except those that it has already.
pub(super) fn with_headers(mut response: Response) -> Response {
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_may_send_frames_to_the_host_that_it_is_from() {
        for (host, sends_to) in [
            ("fovea.local", "ws://fovea.local:8999"),
            ("192.0.2.7", "ws://192.0.2.7:8999"),
            ("2001:db8::7", "ws://*:8999"),
            ("a; script-src b", "ws://*:8999"),
        ] {
            let policy = page_policy(host, 8999, false);
            assert!(policy.contains(&format!(" connect-src 'self' {sends_to}; base-uri")), "{policy}");
            assert!(policy.contains(" script-src 'self'; "), "{policy}");
        }
    }
}

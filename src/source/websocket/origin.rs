//! Which web pages may connect. Pure.
//!
//! A browser lets a page of any site open a WebSocket to any address that it reaches, and states the site in the header
//! `Origin`. The server must refuse, or a page that somebody near the board happens to open could send frames and read results.
//! Programs are not kept out by this header: they write what they like, or leave it out.
//!
//! A page cannot change the headers of its opening request, and browsers state
//!
//! - `scheme://host[:port]` with nothing after it, or `null` for a page without a site: from a file, in a sandbox, a `data:`
//!   URL (RFC 6454, section 7);
//! - who they are and what they can read: [`BROWSER_HEADERS`]. Chromium 156, Firefox 153 and WebKitGTK 2.50 send all of those
//!   but `Sec-Fetch-*`, which Chromium leaves out, whatever page connects. Their `User-Agent` begins with `Mozilla/`.
//!
//! Libraries for microcontrollers invent origins, as some servers want one, and send none of those headers:
//!
//! | library | `Origin` |
//! | --- | --- |
//! | arduinoWebSockets by Links2004 | `file://` |
//! | ArduinoWebsockets by gilmaimon | `https://github.com/gilmaimon/TinyWebsockets` |
//! | uwebsockets for MicroPython, `websocket-client` for Python | `http://` and what they put into `Host` |
//!
//! So a request may connect although its origin is not known to be ours, if a browser's page would not have that origin, or it
//! is the request's own host, **and** it has none of a browser's headers. Neither suffices alone. Chromium sends `file://` for
//! a page from a file when it is started with `--allow-file-access-from-files`. And the owner of `example.org` can point that
//! name at the board (DNS rebinding): its page then has the origin `http://example.org:8999` and that same host.

use tungstenite::http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::system::authority::{cannot_be_claimed, host};

/// Headers that some browser sends with each opening request, and no library above.
const BROWSER_HEADERS: [HeaderName; 8] = [
    header::ACCEPT_ENCODING,
    header::ACCEPT_LANGUAGE,
    header::CACHE_CONTROL,
    header::PRAGMA,
    header::SEC_WEBSOCKET_EXTENSIONS,
    HeaderName::from_static("sec-fetch-dest"),
    HeaderName::from_static("sec-fetch-mode"),
    SEC_FETCH_SITE,
];

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What an `Origin` says of who connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin<'a> {
    /// It is a page of this host.
    Site(&'a str),
    /// It is a page that has no host: from a file, in a sandbox, a `data:` URL. Or it only looks like an origin.
    Opaque,
    /// No browser writes this.
    Invented,
}

/// Checks whether a request that is for `request_host` may connect.
///
/// # Errors
/// With a sentence or two for whoever reads the client's error.
pub(super) fn check(headers: &HeaderMap, request_host: &str, allowed: &[String]) -> Result<(), String> {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let origin = match (origins.next(), origins.next()) {
        (None, _) => None,
        (Some(origin), None) => {
            Some(origin.to_str().map_err(|_| "The Origin header has invalid characters.".to_owned())?)
        }
        (Some(_), Some(_)) => return Err("The request has more than one Origin header.".into()),
    };
    if origin.is_some_and(|origin| allowed.iter().any(|one| one == origin)) {
        return Ok(());
    }
    let is_cross_site = headers.get_all(SEC_FETCH_SITE).iter().any(|site| site == "cross-site");
    let may_connect = match origin.map(Origin::read) {
        None => true,
        Some(Origin::Site(host)) if host.eq_ignore_ascii_case(request_host) => {
            cannot_be_claimed(host) || !is_browser(headers)
        }
        Some(Origin::Invented) => !is_browser(headers),
        Some(Origin::Site(_) | Origin::Opaque) => false,
    };
    match origin {
        _ if may_connect && !is_cross_site => Ok(()),
        Some(origin) => {
            let origin = origin.escape_debug(); // a tab may be in it, and this is logged
            Err(format!("Pages of {origin} may not connect. To allow them, add this origin to server.allowed_origins."))
        }
        None => {
            Err("Pages of other sites may not connect. To allow them, add their origin to server.allowed_origins."
                .into())
        }
    }
}

/// Whether it is surely a page of the request's own host that connects.
pub(super) fn is_of_host(headers: &HeaderMap, request_host: &str) -> bool {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    match (origins.next().and_then(|origin| origin.to_str().ok()).map(Origin::read), origins.next()) {
        (Some(Origin::Site(host)), None) => host.eq_ignore_ascii_case(request_host),
        _ => false,
    }
}

/// Whether a browser may have sent these headers: it has at least one that no page can remove.
fn is_browser(headers: &HeaderMap) -> bool {
    let is_mozilla = |agent: &HeaderValue| agent.as_bytes().starts_with(b"Mozilla/");
    headers.get_all(header::USER_AGENT).iter().any(is_mozilla)
        || BROWSER_HEADERS.iter().any(|name| headers.contains_key(name))
}

impl<'a> Origin<'a> {
    fn read(text: &'a str) -> Self {
        if text.eq_ignore_ascii_case("null") {
            return Self::Opaque;
        }
        if text == "file://" {
            return Self::Invented;
        }
        let Some((_scheme, rest)) = text.split_once("://") else { return Self::Invented };
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len()));
        match host(authority) {
            Some(host) if path.is_empty() => Self::Site(host),
            // A browser cuts the path off, the first slash included.
            Some(_) if path.starts_with('/') && !path.trim_matches('/').is_empty() => Self::Invented,
            _ => Self::Opaque,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Chromium 156 sends, besides what the protocol asks for. Firefox and WebKit send as much.
    const CHROMIUM: [(&str, &str); 6] = [
        ("pragma", "no-cache"),
        ("cache-control", "no-cache"),
        ("user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0"),
        ("accept-encoding", "gzip, deflate"),
        ("accept-language", "en-US,en;q=0.9"),
        ("sec-websocket-extensions", "permessage-deflate; client_max_window_bits"),
    ];

    fn connects(request_host: &str, headers: &[(&'static str, &str)], allowed: &[&str]) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_str(value).expect("it is a value"));
        }
        let allowed: Vec<_> = allowed.iter().map(ToString::to_string).collect();
        check(&map, request_host, &allowed).is_ok()
    }

    /// Whether a program connects that sends this origin and no header that a browser would.
    fn program(request_host: &str, origin: &str) -> bool {
        connects(request_host, &[("user-agent", "arduino-WebSocket-Client"), ("origin", origin)], &[])
    }

    /// Whether a page connects for which a browser sends this origin.
    fn page(request_host: &str, origin: &str) -> bool {
        connects(request_host, &[&CHROMIUM[..], &[("origin", origin)]].concat(), &[])
    }

    #[test]
    fn an_origin_is_a_site_or_opaque_or_no_browser_writes_it() {
        for (text, host) in [
            ("http://192.0.2.7:8080", "192.0.2.7"),
            ("https://example.org", "example.org"),
            ("HTTP://EXAMPLE.ORG", "EXAMPLE.ORG"),
            ("http://[2001:db8::7]:8080", "2001:db8::7"),
            ("http://localhost.evil.com", "localhost.evil.com"),
            ("moz-extension://7d3e", "7d3e"),
        ] {
            assert_eq!(Origin::read(text), Origin::Site(host), "{text}");
        }
        for text in [
            "null",
            "NULL",
            "http://evil.com/",
            "http://evil.com//",
            "http://127.0.0.1:1@evil.com",
            "http://127.0.0.1:1@evil.com/page",
            "http://127.0.0.1\\@evil.com",
            "http://evil.com?127.0.0.1",
            "http://evil.com#/127.0.0.1",
            "http://evil.com http://127.0.0.1/",
            "http://[127.0.0.1]evil.com",
            "http://",
            "file:///",
        ] {
            assert_eq!(Origin::read(text), Origin::Opaque, "{text}");
        }
        for text in ["file://", "https://github.com/gilmaimon/TinyWebsockets", "arduino", "192.0.2.7:8999", ""] {
            assert_eq!(Origin::read(text), Origin::Invented, "{text}");
        }
    }

    #[test]
    fn what_no_browser_writes_may_connect_if_no_browser_sends_it() {
        for origin in ["file://", "https://github.com/gilmaimon/TinyWebsockets", "arduino", ""] {
            assert!(program("192.0.2.7", origin), "{origin}");
            assert!(!page("192.0.2.7", origin), "{origin}");
        }
    }

    #[test]
    fn each_of_a_browsers_headers_is_enough_to_tell_it() {
        let of_others = ["sec-fetch-dest", "sec-fetch-mode", "sec-fetch-site"].map(|name| (name, "same-origin"));
        for header in CHROMIUM.into_iter().chain(of_others) {
            assert!(!connects("192.0.2.7", &[("origin", "file://"), header], &[]), "{header:?}");
        }
    }

    #[test]
    fn a_page_of_this_very_host_may_connect_if_nobody_else_can_own_its_name() {
        for host in ["192.0.2.7", "2001:db8::7", "localhost", "fovea", "fovea.local"] {
            let origin =
                if host.contains(':') { format!("http://[{host}]:8080") } else { format!("http://{host}:8080") };
            assert!(page(host, &origin) && program(host, &origin), "{host}");
            assert!(!page("192.0.2.8", &origin) && !program("192.0.2.8", &origin), "{host}");
        }
        assert!(page("FOVEA.local", "http://fovea.LOCAL"));
        // Its owner can point the name at this board, and then it is a page's own host.
        assert!(!page("evil.com", "http://evil.com:8999"));
        assert!(program("camera.example.org", "http://camera.example.org:8999"));
        assert!(!program("camera.example.org", "http://evil.com:8999"));
    }

    #[test]
    fn foreign_pages_may_connect_only_if_they_are_allowed() {
        for origin in
            ["https://example.org", "null", "http://192.0.2.8", "http://evil.com/", "http://192.0.2.7@evil.com"]
        {
            assert!(!page("192.0.2.7", origin) && !program("192.0.2.7", origin), "{origin}");
            let headers = [("origin", origin), ("sec-fetch-site", "cross-site")];
            assert!(connects("192.0.2.7", &headers, &[origin]), "{origin}");
        }
    }

    #[test]
    fn a_page_that_a_browser_calls_another_sites_is_that() {
        let cross_site = ("sec-fetch-site", "cross-site");
        assert!(connects("192.0.2.7", &[("origin", "http://192.0.2.7"), ("sec-fetch-site", "same-site")], &[]));
        assert!(!connects("192.0.2.7", &[("origin", "http://192.0.2.7"), cross_site], &[]));
        assert!(!connects("192.0.2.7", &[cross_site], &[]));
        assert!(connects("192.0.2.7", &[], &[]));
    }

    #[test]
    fn one_origin_among_others_is_none() {
        let ours = ("origin", "http://192.0.2.7");
        for other in ["https://evil.com", "http://192.0.2.7", "file://"] {
            assert!(!connects("192.0.2.7", &[ours, ("origin", other)], &[other]), "{other}");
            assert!(!connects("192.0.2.7", &[("origin", other), ours], &[other]), "{other}");
        }
    }
}

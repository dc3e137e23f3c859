//! The addresses of a fovea server: where frames and results go, and where people and monitoring look.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

use tungstenite::http::Uri;

/// A scheme, and the port that is meant when none is given: fovea's own, not the web's.
#[derive(Clone, Copy, Debug)]
struct Scheme(&'static str, u16);

const WS: Scheme = Scheme("ws", 8999);
const HTTP: Scheme = Scheme("http", 8080);

/// Where a server is, and what is asked of it: `ws://HOST[:PORT][/PATH][?QUERY]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerUrl {
    host: String,
    port: u16,
    path: String,
    query: Option<String>,
}

/// Where a server shows how it is doing: `http://HOST[:PORT]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpUrl {
    host: String,
    port: u16,
}

/// Why a text is no such address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// No URL, or one with what no server of ours has.
    #[error("not a server's URL; write {0}")]
    Malformed(String),
    /// Another scheme, or none.
    #[error("write {0}")]
    Scheme(String),
    /// TLS.
    #[error("fovea has no TLS of its own; write {0}, or let a tunnel such as `ssh -L` do the encryption")]
    Tls(String),
}

impl ServerUrl {
    /// The host as it is looked up: a name or an address, an IPv6 one without its brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The path; `/` when none was given.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The same server with `path`, if none was given.
    #[must_use]
    pub fn or_path(mut self, path: &str) -> Self {
        if self.path == "/" {
            self.path = path.into();
        }
        self
    }

    /// The same with `word` in its query.
    #[must_use]
    pub fn with_query(mut self, word: &str) -> Self {
        self.query = Some(match self.query {
            None => word.into(),
            Some(query) if query.split('&').any(|has| has == word) => query,
            Some(query) => format!("{query}&{word}"),
        });
        self
    }
}

impl FromStr for ServerUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let (uri, host, port) = read(text, WS, "/PATH")?;
        Ok(Self { host, port, path: uri.path().into(), query: uri.query().map(Into::into) })
    }
}

impl FromStr for HttpUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let (_, host, port) = read(text, HTTP, "")?;
        Ok(Self { host, port })
    }
}

impl From<SocketAddr> for HttpUrl {
    fn from(address: SocketAddr) -> Self {
        let host = match address.ip() {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        };
        Self { host, port: address.port() }
    }
}

/// A URL with its host and port; `rest` is what follows these in one that is right.
fn read(text: &str, Scheme(scheme, default_port): Scheme, rest: &str) -> Result<(Uri, String, u16), UrlError> {
    let malformed = || UrlError::Malformed(format!("{scheme}://HOST:{default_port}{rest}"));
    let (has, after) = text.split_once("://").unwrap_or(("", text));
    let instead = format!("{scheme}://{after}");
    match has {
        _ if has == scheme => {}
        "wss" | "https" => return Err(UrlError::Tls(instead)),
        _ => return Err(UrlError::Scheme(instead)),
    }
    let uri: Uri = text.parse().map_err(|_| malformed())?;
    let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(malformed)?.to_owned();
    let port = uri.port_u16();
    // A port too large, or a user's name: the parser lets both pass.
    let understood = port.map_or_else(|| host.clone(), |port| format!("{host}:{port}"));
    if uri.authority().is_none_or(|authority| authority.as_str() != understood) {
        return Err(malformed());
    }
    Ok((uri, host, port.unwrap_or(default_port)))
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, path, query } = self;
        write!(f, "ws://{host}:{port}{path}")?;
        query.as_ref().map_or(Ok(()), |query| write!(f, "?{query}"))
    }
}

impl fmt::Display for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, String> {
        text.parse::<ServerUrl>().map(|url| url.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_url_is_completed() {
        assert_eq!(read("ws://eye"), Ok("ws://eye:8999/".into()));
        assert_eq!(read("ws://10.0.0.7:80/frames/door?results"), Ok("ws://10.0.0.7:80/frames/door?results".into()));
        let six: ServerUrl = "ws://[fe80::1]:9000".parse().expect("an address");
        assert_eq!((six.host(), six.to_string().as_str()), ("fe80::1", "ws://[fe80::1]:9000/"));
        assert_eq!(six.clone().or_path("/results").path(), "/results");
        assert_eq!(six.or_path("/frames/a").or_path("/results").path(), "/frames/a");
        let asked = |text: &str| text.parse::<ServerUrl>().expect("a URL").with_query("results").to_string();
        assert_eq!(asked("ws://eye/"), "ws://eye:8999/?results");
        assert_eq!(asked("ws://eye/?a"), "ws://eye:8999/?a&results");
        assert_eq!(asked("ws://eye/?results&a"), "ws://eye:8999/?results&a");
    }

    #[test]
    fn the_other_port_has_a_url_too() {
        let read = |text: &str| text.parse::<HttpUrl>().map(|url| url.to_string());
        assert_eq!(read("http://eye").as_deref(), Ok("http://eye:8080"));
        assert_eq!(read("http://[::1]:80/").as_deref(), Ok("http://[::1]:80"));
        assert_eq!(read("http://me@eye"), Err(UrlError::Malformed("http://HOST:8080".into())));
        let of = |address: &str| HttpUrl::from(address.parse::<SocketAddr>().expect("an address")).to_string();
        assert_eq!([of("127.0.0.1:81"), of("[::1]:81")], ["http://127.0.0.1:81", "http://[::1]:81"]);
    }

    #[test]
    fn what_to_write_instead_is_said() {
        assert_eq!(read("eye:8999/results"), Err("write ws://eye:8999/results".into()));
        assert_eq!(read("http://eye:8080"), Err("write ws://eye:8080".into()));
        let tls = "fovea has no TLS of its own; write ws://eye, or let a tunnel such as `ssh -L` do the encryption";
        assert_eq!(read("wss://eye"), Err(tls.into()));
        assert_eq!("ws://eye".parse::<HttpUrl>().expect_err("another port").to_string(), "write http://eye");
        for text in ["ws://", "ws:///results", "ws://a b", "ws://eye:99999", "ws://me@eye"] {
            assert_eq!(read(text), Err("not a server's URL; write ws://HOST:8999/PATH".into()), "{text}");
        }
    }
}

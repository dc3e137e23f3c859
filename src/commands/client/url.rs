//! The address of a fovea server.

use std::{fmt, str::FromStr};

use tungstenite::http::Uri;

/// The port that is meant when none is given: fovea's own, not the web's.
const DEFAULT_PORT: u16 = 8999;

/// Where a server is, and what is asked of it: `ws://HOST[:PORT][/PATH][?QUERY]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerUrl {
    host: String,
    port: u16,
    path: String,
    query: Option<String>,
}

/// Why a text is no such address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// No URL, or one with what no server of ours has.
    #[error("not a server's URL; write ws://HOST:{DEFAULT_PORT}/PATH")]
    Malformed,
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
        let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
        match scheme {
            "ws" => {}
            "wss" | "https" => return Err(UrlError::Tls(format!("ws://{rest}"))),
            _ => return Err(UrlError::Scheme(format!("ws://{rest}"))),
        }
        let uri: Uri = text.parse().map_err(|_| UrlError::Malformed)?;
        let host = uri.host().filter(|host| !host.is_empty()).ok_or(UrlError::Malformed)?;
        let port = uri.port_u16();
        // A port too large, or a user's name: the parser lets both pass.
        let understood = port.map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        if uri.authority().is_none_or(|authority| authority.as_str() != understood) {
            return Err(UrlError::Malformed);
        }
        let port = port.unwrap_or(DEFAULT_PORT);
        Ok(Self { host: host.into(), port, path: uri.path().into(), query: uri.query().map(Into::into) })
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, path, query } = self;
        write!(f, "ws://{host}:{port}{path}")?;
        query.as_ref().map_or(Ok(()), |query| write!(f, "?{query}"))
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
    fn what_to_write_instead_is_said() {
        assert_eq!(read("eye:8999/results"), Err("write ws://eye:8999/results".into()));
        assert_eq!(read("http://eye:8080"), Err("write ws://eye:8080".into()));
        let tls = "fovea has no TLS of its own; write ws://eye, or let a tunnel such as `ssh -L` do the encryption";
        assert_eq!(read("wss://eye"), Err(tls.into()));
        for text in ["ws://", "ws:///results", "ws://a b", "ws://eye:99999", "ws://me@eye"] {
            assert_eq!(read(text), Err("not a server's URL; write ws://HOST:8999/PATH".into()), "{text}");
        }
    }
}

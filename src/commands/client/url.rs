//! The addresses of a fovea server: where frames and results go, and where people and monitoring look.

use std::{
    fmt,
    net::{Ipv6Addr, SocketAddr},
    str::FromStr,
};

use tungstenite::http::uri::{Authority, PathAndQuery, Uri};

/// The longest URL. With a port and a query of ours it is still far from what the parser takes.
const MAX_BYTES: usize = 4096;

/// A port's schemes, without TLS and with it, and the port that is meant when none is given: fovea's own, not the web's.
#[derive(Clone, Copy, Debug)]
struct Scheme {
    names: [&'static str; 2],
    port: u16,
}

const WS: Scheme = Scheme { names: ["ws", "wss"], port: 8999 };
const HTTP: Scheme = Scheme { names: ["http", "https"], port: 8080 };

/// Where a server is, and what is asked of it: `ws://HOST[:PORT][/PATH][?QUERY]`, or `wss://` for TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerUrl {
    is_tls: bool,
    /// With the port, always.
    authority: Authority,
    resource: PathAndQuery,
    /// What stood behind `token=` in the query. It is never printed.
    token: Option<Hidden>,
}

/// A text that is not for logs.
#[derive(Clone, PartialEq, Eq)]
struct Hidden(String);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hidden")
    }
}

/// Where a server shows how it is doing: `http://HOST[:PORT]`, or `https://` for TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpUrl {
    is_tls: bool,
    /// With the port, always.
    authority: Authority,
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
}

impl ServerUrl {
    /// Host and port, as people write them.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.authority.as_str()
    }

    /// The host as it is looked up: a name or an address, an IPv6 one without its brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        self.authority.host().trim_matches(['[', ']'])
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.authority.port_u16().unwrap_or(WS.port)
    }

    /// Whether it is for a connection with TLS.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.is_tls
    }

    /// The token that the URL had.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        self.token.as_ref().map(|Hidden(token)| token.as_str())
    }

    /// The path; `/` when none was given.
    #[must_use]
    pub fn path(&self) -> &str {
        self.resource.path()
    }

    /// The same server with `path`, if none was given.
    #[must_use]
    pub fn or_path(self, path: &str) -> Self {
        if self.path() == "/" { self.with(path, self.resource.query()) } else { self }
    }

    /// The same with `word` in its query.
    #[must_use]
    pub fn with_query(self, word: &str) -> Self {
        match self.resource.query() {
            None => self.with(self.path(), Some(word)),
            Some(query) if query.split('&').any(|has| has == word) => self,
            Some(query) => self.with(self.path(), Some(&format!("{query}&{word}"))),
        }
    }

    /// The same with the token out of its query.
    fn without_token(self) -> Self {
        let Some(query) = self.resource.query() else { return self };
        let (tokens, rest): (Vec<_>, Vec<_>) = query.split('&').partition(|word| word.starts_with("token="));
        let Some(token) = tokens.first().and_then(|word| word.strip_prefix("token=")) else { return self };
        let (token, rest) = (Some(Hidden(token.to_owned())), rest.join("&"));
        Self { token, ..self.with(self.path(), Some(rest.as_str()).filter(|rest| !rest.is_empty())) }
    }

    fn with(&self, path: &str, query: Option<&str>) -> Self {
        let resource = query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
        Self { resource: resource.parse().expect("paths and words of ours need no escaping"), ..self.clone() }
    }
}

impl FromStr for ServerUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let (is_tls, authority, resource) = read(text, WS, "/PATH")?;
        Ok(Self { is_tls, authority, resource, token: None }.without_token())
    }
}

impl HttpUrl {
    /// The host, an IPv6 address without its brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        self.authority.host().trim_matches(['[', ']'])
    }
}

impl FromStr for HttpUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        read(text, HTTP, "").map(|(is_tls, authority, _)| Self { is_tls, authority })
    }
}

impl From<SocketAddr> for HttpUrl {
    fn from(address: SocketAddr) -> Self {
        // Without the scope of an IPv6 address, which no URL has.
        let address = SocketAddr::new(address.ip(), address.port());
        let authority = address.to_string().parse().expect("a socket address is written as in a URL");
        Self { is_tls: false, authority }
    }
}

/// Whether it is for TLS, host and port, and what is asked there; `rest` is what follows these in a URL that is right.
fn read(text: &str, Scheme { names, port }: Scheme, rest: &str) -> Result<(bool, Authority, PathAndQuery), UrlError> {
    let (has, after) = text.split_once("://").unwrap_or(("", text));
    let is_tls = ["wss", "https"].contains(&has);
    let scheme = names[usize::from(is_tls)];
    let malformed = || UrlError::Malformed(format!("{scheme}://HOST:{port}{rest}"));
    if has != scheme {
        return Err(UrlError::Scheme(format!("{scheme}://{after}")));
    }
    if text.len() > MAX_BYTES {
        return Err(malformed());
    }
    let uri: Uri = text.parse().map_err(|_| malformed())?;
    let host = uri.host().unwrap_or_default();
    let complete = format!("{host}:{}", uri.port_u16().unwrap_or(port));
    // A port too large, or a user's name: the parser lets both pass.
    if !is_host(host) || uri.authority().is_none_or(|given| given != host && given != complete.as_str()) {
        return Err(malformed());
    }
    let authority = complete.parse().map_err(|_| malformed())?;
    Ok((is_tls, authority, uri.into_parts().path_and_query.unwrap_or_else(|| PathAndQuery::from_static("/"))))
}

/// Whether it is a name or an address. The parser lets anything stand in brackets.
fn is_host(host: &str) -> bool {
    match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').is_some_and(|address| address.parse::<Ipv6Addr>().is_ok()),
        None => !host.is_empty(),
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", WS.names[usize::from(self.is_tls)], self.authority, self.resource)
    }
}

impl fmt::Display for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", HTTP.names[usize::from(self.is_tls)], self.authority)
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
        assert_eq!(read("wss://eye"), Ok("wss://eye:8999/".into()));
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
    fn a_token_is_taken_out_of_what_is_printed() {
        for (text, printed) in [
            ("ws://eye/?token=secret", "ws://eye:8999/"),
            ("ws://eye/frames/door?token=secret&results", "ws://eye:8999/frames/door?results"),
            ("ws://eye?results&token=secret&token=other", "ws://eye:8999/?results"),
        ] {
            let url: ServerUrl = text.parse().expect("a URL");
            assert_eq!((url.to_string().as_str(), url.token()), (printed, Some("secret")));
            let url = url.or_path("/results").with_query("x");
            assert!(url.token() == Some("secret") && !format!("{url} {url:?}").contains("secret"), "{url:?}");
        }
    }

    #[test]
    fn the_other_port_has_a_url_too() {
        let read = |text: &str| text.parse::<HttpUrl>().map(|url| url.to_string());
        assert_eq!(read("http://eye").as_deref(), Ok("http://eye:8080"));
        assert_eq!(read("http://[::1]:80/").as_deref(), Ok("http://[::1]:80"));
        assert_eq!(read("https://eye").as_deref(), Ok("https://eye:8080"));
        assert_eq!(read("http://me@eye"), Err(UrlError::Malformed("http://HOST:8080".into())));
        let of = |address: &str| HttpUrl::from(address.parse::<SocketAddr>().expect("an address")).to_string();
        assert_eq!([of("127.0.0.1:81"), of("[::1]:81")], ["http://127.0.0.1:81", "http://[::1]:81"]);
        assert_eq!(of("[fe80::1%2]:81"), "http://[fe80::1]:81", "without its scope");
    }

    #[test]
    fn what_to_write_instead_is_said() {
        assert_eq!(read("eye:8999/results"), Err("write ws://eye:8999/results".into()));
        assert_eq!(read("http://eye:8080"), Err("write ws://eye:8080".into()));
        assert_eq!(read("https://eye:8080"), Err("write wss://eye:8080".into()));
        assert_eq!("ws://eye".parse::<HttpUrl>().expect_err("another port").to_string(), "write http://eye");
        let long = format!("ws://eye/{}", "a".repeat(65_525)); // the parser takes it, but nothing more
        for text in
            [&long, "ws://", "ws:///results", "ws://a b", "ws://eye:99999", "ws://me@eye", "ws://[]", "ws://[eye]"]
        {
            assert_eq!(read(text), Err("not a server's URL; write ws://HOST:8999/PATH".into()), "{text}");
        }
    }
}

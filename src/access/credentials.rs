//! What a request carries to show that it may: secrets, and a login's cookie. Nothing of it is ever logged.
//!
//! | where | for |
//! | --- | --- |
//! | `Authorization: Bearer SECRET` | programs |
//! | `Authorization: Basic`, the secret as password of any user | players and recorders |
//! | `Sec-WebSocket-Protocol: fovea.token.SECRET` | web pages, which can set no other header of a WebSocket |
//! | `?token=SECRET` | microcontrollers that can do nothing else |
//! | the cookie of a login | the board's own pages |

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderMap, header};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;

use super::{secret::Secret, session};

/// What a sub-protocol begins with that carries a secret. It is never the one that the server chooses.
const SUBPROTOCOL: &str = "fovea.token.";

/// The parameter of the query.
const PARAMETER: &str = "token=";

/// Secrets of one request that are looked at. More than one is there if a proxy adds its own login.
const MAX_SECRETS: usize = 4;

/// What a request carries.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    pub(super) secrets: Vec<Secret>,
    /// The value of the cookie.
    pub(super) session: Option<String>,
}

impl Credentials {
    /// Those of a request with these headers and this query.
    #[must_use]
    pub fn of_request(headers: &HeaderMap, query: Option<&str>) -> Self {
        let texts = |name| headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        let protocols = texts(header::SEC_WEBSOCKET_PROTOCOL).flat_map(|value| value.split(','));
        let secrets = texts(header::AUTHORIZATION)
            .filter_map(authorization)
            .chain(protocols.filter_map(|name| Secret::parse(name.trim().strip_prefix(SUBPROTOCOL)?)))
            .chain(query.and_then(in_query));
        let mut cookies = texts(header::COOKIE).flat_map(|value| value.split(';'));
        let session = cookies.find_map(|cookie| cookie.trim().strip_prefix(session::COOKIE)?.strip_prefix('='));
        Self { secrets: secrets.take(MAX_SECRETS).collect(), session: session.map(ToOwned::to_owned) }
    }

    /// Whether there is nothing that could be a credential.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty() && self.session.is_none()
    }

    /// Whether there is a login's cookie that is to be renewed.
    #[must_use]
    pub fn has_old_session(&self, now: Timestamp) -> bool {
        self.session.as_deref().is_some_and(|cookie| session::is_old(cookie, now))
    }

    /// One secret.
    #[must_use]
    pub fn of_secret(secret: Secret) -> Self {
        Self { secrets: vec![secret], session: None }
    }

    /// The same without the cookie, for requests that another site's page may have caused.
    #[must_use]
    pub fn without_session(self) -> Self {
        Self { session: None, ..self }
    }
}

/// The secret in a query.
#[must_use]
pub fn in_query(query: &str) -> Option<Secret> {
    let value = query.split('&').find_map(|pair| pair.strip_prefix(PARAMETER))?;
    Secret::parse(&percent_decode_str(value).decode_utf8().ok()?)
}

/// The query without the secret; `None` if nothing is left of it.
#[must_use]
pub fn without_secret(query: &str) -> Option<String> {
    let rest: Vec<_> = query.split('&').filter(|pair| !pair.starts_with(PARAMETER) && !pair.is_empty()).collect();
    (!rest.is_empty()).then(|| rest.join("&"))
}

fn authorization(value: &str) -> Option<Secret> {
    let (scheme, value) = value.split_once(' ')?;
    match scheme {
        _ if scheme.eq_ignore_ascii_case("bearer") => Secret::parse(value.trim()),
        _ if scheme.eq_ignore_ascii_case("basic") => {
            let login = String::from_utf8(BASE64_STANDARD.decode(value.trim()).ok()?).ok()?;
            Secret::parse(login.split_once(':')?.1)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn found(headers: &[(HeaderName, &str)], query: Option<&str>) -> (Vec<String>, Option<String>) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, HeaderValue::from_str(value).unwrap());
        }
        let Credentials { secrets, session } = Credentials::of_request(&map, query);
        (secrets.iter().map(|secret| secret.expose().to_owned()).collect(), session)
    }

    #[test]
    fn each_way_carries_a_secret() {
        let secret = |headers: &[(HeaderName, &str)], query| found(headers, query).0;
        assert_eq!(secret(&[(header::AUTHORIZATION, "Bearer abc")], None), ["abc"]);
        assert_eq!(secret(&[(header::AUTHORIZATION, "bEARER  abc ")], None), ["abc"]);
        assert_eq!(secret(&[(header::AUTHORIZATION, "Basic dXNlcjphYmM=")], None), ["abc"]);
        assert_eq!(secret(&[(header::SEC_WEBSOCKET_PROTOCOL, "fovea.v1, fovea.token.abc")], None), ["abc"]);
        assert_eq!(secret(&[], Some("results&token=abc")), ["abc"]);
        assert_eq!(secret(&[], Some("token=%61bc&x")), ["abc"]);
        for header in ["Bearer", "Bearer ", "Basic !", "Basic YWJj", "Digest abc", "abc", ""] {
            assert!(secret(&[(header::AUTHORIZATION, header)], None).is_empty(), "{header}");
        }
        for query in ["token", "token=", "xtoken=abc", "token=%ff", "token=a%20b"] {
            assert!(secret(&[], Some(query)).is_empty(), "{query}");
        }
    }

    #[test]
    fn several_are_all_found_and_not_too_many() {
        let both = [(header::AUTHORIZATION, "Basic cHJveHk6c2VjcmV0"), (header::AUTHORIZATION, "Bearer abc")];
        assert_eq!(found(&both, Some("token=def")).0, ["secret", "abc", "def"]);
        let many =
            [(header::SEC_WEBSOCKET_PROTOCOL, "fovea.token.a,fovea.token.b,fovea.token.c,fovea.token.d,fovea.token.e")];
        assert_eq!(found(&many, None).0, ["a", "b", "c", "d"]);
    }

    #[test]
    fn the_cookie_is_found_among_others() {
        let cookie = |value| found(&[(header::COOKIE, value)], None).1;
        assert_eq!(cookie("a=b; fovea_session=phone.1.x; c=d"), Some("phone.1.x".into()));
        assert_eq!(cookie("xfovea_session=1; fovea_sessions=2"), None);
    }

    #[test]
    fn a_query_goes_on_without_the_secret() {
        assert_eq!(without_secret("token=abc"), None);
        assert_eq!(without_secret("a&token=abc&b=c&token=def").as_deref(), Some("a&b=c"));
    }
}

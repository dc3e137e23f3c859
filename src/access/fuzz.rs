//! Fuzz targets for the file with tokens and for what a request carries.

use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;

use super::{
    credentials::{Credentials, without_secret},
    secret::Secret,
    session,
    tokens::Tokens,
};

/// The text of a file with tokens.
///
/// What is read is written as the same tokens. Each mistake is in the file, and its text is short and cites little.
pub fn tokens(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    match Tokens::parse(text) {
        Ok(tokens) => {
            assert_eq!(Tokens::parse(&tokens.to_string()).as_ref(), Ok(&tokens));
            for token in tokens.iter() {
                let now = Timestamp::from_second(1_800_000_000).expect("it is in range");
                let cookie = session::cookie(token, now);
                assert_eq!(session::verify(&cookie, now, |name| tokens.named(name)), Some(token));
            }
        }
        Err(mistakes) => {
            assert!(!mistakes.is_empty() && mistakes.len() <= 100);
            for mistake in mistakes {
                assert!((1..=text.lines().count()).contains(&mistake.line), "{mistake:?}");
                assert!(mistake.what.len() < 400 && !mistake.what.contains(char::is_control), "{mistake:?}");
            }
        }
    }
}

/// A request's query in the first line, and its headers in the others.
///
/// Few secrets are found, each as it could be one. A query goes on without them. No cookie is valid that nobody made.
pub fn credentials(input: &[u8]) {
    let mut lines = input.split(|&byte| byte == b'\n');
    let query = lines.next().and_then(|query| str::from_utf8(query).ok());
    let mut headers = HeaderMap::new();
    for line in lines {
        let Some(colon) = line.iter().position(|&byte| byte == b':') else { continue };
        let (name, value) = (HeaderName::from_bytes(&line[..colon]), HeaderValue::from_bytes(&line[colon + 1..]));
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    let carried = Credentials::of_request(&headers, query);
    assert!(carried.secrets.len() <= 4);
    for secret in &carried.secrets {
        assert_eq!(Secret::parse(secret.expose()).as_ref(), Some(secret));
    }
    if let Some(rest) = query.and_then(without_secret) {
        assert!(Credentials::of_request(&HeaderMap::new(), Some(&rest)).is_empty(), "{rest}");
    }
    let hash = Secret::parse("secret").expect("it is one").digest();
    let tokens = Tokens::parse(&format!("phone view * sha256:{hash} 2026-11-26T08:12:31Z")).expect("as it is written");
    if let Some(cookie) = &carried.session {
        assert_eq!(session::verify(cookie, Timestamp::UNIX_EPOCH, |name| tokens.named(name)), None, "{cookie}");
    }
}

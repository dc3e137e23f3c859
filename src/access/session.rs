//! A login's cookie. It is stateless: the name of a token, the end of its validity, and a MAC over both.
//!
//! The MAC's key is the hash of the token's secret. So a revoked token's cookie is worth nothing, and that of another is
//! valid after a restart, too. Whoever can read the tokens' file can make cookies: its mode is 0600.

use data_encoding::BASE64URL_NOPAD;
use jiff::{SignedDuration, Timestamp};
use ring::hmac;

use super::tokens::Token;

/// The cookie's name. Cookies are not bound to ports: both ports of a board get it.
pub const COOKIE: &str = "fovea_session";

/// How long a login is valid.
pub const VALID_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Keeps the MAC apart from any other use of the same key.
const PURPOSE: &str = "fovea session";

/// The cookie's value for a login at `now`.
#[must_use]
pub fn cookie(token: &Token, now: Timestamp) -> String {
    let until = now.as_second().saturating_add(VALID_FOR.as_secs());
    let claim = format!("{}.{until}", token.name);
    let mac = hmac::sign(&key(token), message(&claim).as_bytes());
    format!("{claim}.{}", BASE64URL_NOPAD.encode(mac.as_ref()))
}

/// The token whose valid cookie `value` is; `token` finds one by its name.
#[must_use]
pub fn verify<'t>(value: &str, now: Timestamp, token: impl FnOnce(&str) -> Option<&'t Token>) -> Option<&'t Token> {
    let (claim, mac) = value.rsplit_once('.')?;
    let (name, until) = claim.rsplit_once('.')?;
    let (token, mac) = (token(name)?, BASE64URL_NOPAD.decode(mac.as_bytes()).ok()?);
    hmac::verify(&key(token), message(claim).as_bytes(), &mac).ok()?; // in constant time
    let until = until.parse::<i64>().ok()?;
    (now.as_second() < until).then_some(token)
}

/// Whether half of a cookie's time is over. Nothing is said about its validity.
#[must_use]
pub fn is_old(value: &str, now: Timestamp) -> bool {
    let until = value.split('.').nth(1).and_then(|until| until.parse::<i64>().ok());
    until.is_some_and(|until| until.saturating_sub(now.as_second()) < VALID_FOR.as_secs() / 2)
}

fn key(token: &Token) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, token.digest.as_bytes())
}

fn message(claim: &str) -> String {
    format!("{PURPOSE}\0{claim}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{role::Rights, secret::Secret};

    fn token(name: &str, secret: &str) -> Token {
        let digest = Secret::parse(secret).unwrap().digest();
        Token { name: name.into(), rights: Rights::all(), digest, made_at: Timestamp::UNIX_EPOCH }
    }

    #[test]
    fn a_cookie_is_valid_for_its_token_until_its_end() {
        let (phone, now) = (token("phone", "one"), Timestamp::from_second(1_800_000_000).unwrap());
        let value = cookie(&phone, now);
        let valid = |value: &str, token: &Token, now| {
            verify(value, now, |name| (name == token.name).then_some(token)).is_some()
        };
        assert!(valid(&value, &phone, now));
        assert!(!is_old(&value, now) && is_old(&value, now + VALID_FOR / 2 + SignedDuration::from_secs(1)));
        let end = now + VALID_FOR;
        assert!(valid(&value, &phone, end - SignedDuration::from_secs(1)) && !valid(&value, &phone, end));
        assert!(!valid(&value, &token("phone", "two"), now), "made anew under the same name");
        assert!(!valid(&value, &token("tablet", "one"), now));
    }

    #[test]
    fn no_part_of_a_cookie_can_be_changed() {
        let (phone, now) = (token("phone", "one"), Timestamp::from_second(1_800_000_000).unwrap());
        let value = cookie(&phone, now);
        for at in 0..value.len() {
            let mut changed = value.clone().into_bytes();
            changed[at] = if changed[at] == b'1' { b'2' } else { b'1' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(verify(&changed, now, |_| Some(&phone)).is_none(), "{changed}");
        }
        for wrong in ["", ".", "..", "phone.9999999999.", "phone.9999999999"] {
            assert!(verify(wrong, now, |_| Some(&phone)).is_none(), "{wrong}");
        }
    }
}

//! Secrets, and what the board keeps of them.

use std::fmt;

use data_encoding::{BASE32_NOPAD, HEXLOWER};
use ring::{
    digest::{SHA256, digest},
    rand::{SecureRandom, SystemRandom},
};
use subtle::{Choice, ConstantTimeEq};

/// What each secret begins with, so that people and programs that search for leaked secrets know what it is.
const PREFIX: &str = "fovea_";

/// Random bytes of a secret.
const RANDOM_BYTES: usize = 32;

/// The longest text that can be a secret. What is longer is none, and is not hashed.
const MAX_BYTES: usize = 256;

/// A secret, as it is shown once and as clients state it. It is never logged: `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// The SHA-256 of a secret.
///
/// A slow hash would protect secrets that people choose. These have 256 random bits, which nobody finds by trying.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Digest([u8; 32]);

/// The system has no random bytes.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the system gives no random bytes")]
pub struct NoEntropy;

impl Secret {
    /// A new one: letters and digits, so that a double click selects it whole and it needs no escaping anywhere.
    ///
    /// # Errors
    /// If the system has no random bytes.
    pub fn random() -> Result<Self, NoEntropy> {
        let mut bytes = [0; RANDOM_BYTES];
        SystemRandom::new().fill(&mut bytes).map_err(|_| NoEntropy)?;
        Ok(Self(format!("{PREFIX}{}", BASE32_NOPAD.encode(&bytes).to_ascii_lowercase())))
    }

    /// What somebody states as a secret: printable ASCII without spaces, as every secret is. `None` if it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_possible =
            !text.is_empty() && text.len() <= MAX_BYTES && text.bytes().all(|byte| byte.is_ascii_graphic());
        is_possible.then(|| Self(text.to_owned()))
    }

    /// The secret itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, self.0.as_bytes()).as_ref());
        Digest(bytes)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl Digest {
    /// The digest that is written as `text`, 64 hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok().map(Self)
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl ConstantTimeEq for Digest {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_long_and_has_letters_and_digits_alone() {
        let secrets = [Secret::random().unwrap(), Secret::random().unwrap()];
        assert_ne!(secrets[0], secrets[1]);
        for secret in secrets {
            let text = secret.expose().strip_prefix("fovea_").unwrap();
            assert_eq!(text.len(), 52, "256 bits, 5 in each character");
            assert!(text.chars().all(|c| c.is_ascii_lowercase() || ('2'..='7').contains(&c)), "{text}");
            assert_eq!(Secret::parse(secret.expose()), Some(secret));
        }
    }

    #[test]
    fn a_digest_is_that_of_the_text_and_is_read_as_it_is_written() {
        let digest = Secret::parse("abc").unwrap().digest();
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest.to_string(), expected);
        assert_eq!(Digest::parse(expected), Some(digest));
        for wrong in ["", &expected[1..], &expected.to_ascii_uppercase(), &format!("{expected}00")] {
            assert_eq!(Digest::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_can_be_no_secret_is_none_and_no_secret_is_shown() {
        for text in ["", "a b", "a\n", "ü", &"x".repeat(257)] {
            assert_eq!(Secret::parse(text), None, "{text:?}");
        }
        let secret = Secret::random().unwrap();
        assert_eq!(format!("{secret:?} {:?}", secret.digest()), "Secret Digest");
    }
}

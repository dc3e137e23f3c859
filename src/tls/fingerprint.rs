//! The fingerprint of a certificate: how people and programs tell that a board is the one they mean.

use std::{fmt, str::FromStr};

/// The SHA-256 of a certificate in DER, as `openssl x509 -fingerprint -sha256` shows it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(pub(super) [u8; 32]);

/// The text is no fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the SHA-256 fingerprint of a certificate: write its 32 bytes in hexadecimal, with or without colons")]
pub struct FingerprintError;

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            let colon = if index == 0 { "" } else { ":" };
            write!(f, "{colon}{byte:02X}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        let digits: Vec<u8> = text
            .chars()
            .filter(|c| *c != ':')
            .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()).ok_or(FingerprintError))
            .collect::<Result<_, _>>()?;
        let (pairs, []) = digits.as_chunks::<2>() else { return Err(FingerprintError) };
        let bytes: Vec<u8> = pairs.iter().map(|[high, low]| high << 4 | low).collect();
        Ok(Self(bytes.try_into().map_err(|_| FingerprintError)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABC: &str = "BA:78:16:BF:8F:01:CF:EA:41:41:40:DE:5D:AE:22:23:B0:03:61:A3:96:17:7A:9C:B4:10:FF:61:F2:00:15:AD";

    #[test]
    fn it_is_read_as_it_is_written_and_without_colons() {
        let fingerprint: Fingerprint = ABC.parse().unwrap();
        assert_eq!(fingerprint.to_string(), ABC);
        assert_eq!(ABC.replace(':', "").to_lowercase().parse(), Ok(fingerprint));
        for text in ["", "BA", &ABC[..ABC.len() - 1], &format!("{ABC}:00"), &ABC.replace('A', "G"), "é"] {
            assert_eq!(text.parse::<Fingerprint>(), Err(FingerprintError), "{text}");
        }
    }
}

//! The token that a client states: from a file, the command line, the environment, the URL, or this machine's own.

use std::{env, fs, io, net::IpAddr, path::PathBuf};

use crate::{
    access::{local, secret::Secret},
    commands::TokenArgs,
};

/// The environment variable that has a token. Other users cannot read it, as they can the arguments.
const VARIABLE: &str = "FOVEA_TOKEN";

/// Where a client's token comes from. Files are read for each connection: the token in them may change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TokenSource {
    /// The URL has it, or the environment; for this machine's own daemon, the local token if this user may read it.
    #[default]
    Default,
    /// The command line has it.
    Given(Secret),
    /// This file has it in its first line.
    File(PathBuf),
}

/// Why there is no token to state.
#[derive(Debug, thiserror::Error)]
pub enum TokenSourceError {
    /// The file cannot be read.
    #[error("cannot read the token in {0}")]
    Unreadable(PathBuf, #[source] io::Error),
    /// What the file has in its first line is no token.
    #[error("the first line of {0} is not a token; it must be like fovea_...")]
    NotInFile(PathBuf),
    /// What is given otherwise is no token.
    #[error("{0} is not a token; a token is like fovea_...")]
    NotAToken(&'static str),
}

impl TokenSource {
    /// The one that the command line says.
    ///
    /// # Errors
    /// If it has a token that can be none.
    pub fn from_args(args: &TokenArgs) -> Result<Self, TokenSourceError> {
        match (&args.token_file, &args.token) {
            (Some(file), _) => Ok(Self::File(file.clone())),
            (None, Some(text)) => parse(text, "--token").map(Self::Given),
            (None, None) => Ok(Self::Default),
        }
    }

    /// The token for a server on `host`, in whose URL there is `in_url`.
    ///
    /// # Errors
    /// If there should be one, and cannot be read or is none.
    pub fn secret(&self, in_url: Option<&str>, host: &str) -> Result<Option<Secret>, TokenSourceError> {
        match (self, in_url) {
            (Self::Given(secret), _) => Ok(Some(secret.clone())),
            (Self::File(file), _) => {
                let unreadable = |error| TokenSourceError::Unreadable(file.clone(), error);
                let text = fs::read_to_string(file).map_err(unreadable)?;
                let line = text.lines().next().unwrap_or_default().trim();
                Secret::parse(line).map(Some).ok_or_else(|| TokenSourceError::NotInFile(file.clone()))
            }
            (Self::Default, Some(text)) => parse(text, "token= in the URL").map(Some),
            (Self::Default, None) => match env::var(VARIABLE) {
                Ok(text) if !text.is_empty() => parse(text.trim(), VARIABLE).map(Some),
                // It is worth nothing elsewhere, but is nobody else's business either.
                _ => Ok(is_this_machine(host).then(local::read).flatten()),
            },
        }
    }
}

fn parse(text: &str, place: &'static str) -> Result<Secret, TokenSourceError> {
    Secret::parse(text).ok_or(TokenSourceError::NotAToken(place))
}

fn is_this_machine(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_this_machine() {
        for here in ["localhost", "LOCALHOST", "127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"] {
            assert!(is_this_machine(here), "{here}");
        }
        for elsewhere in ["board", "192.0.2.7", "localhost.example.org", "::", "0.0.0.0", ""] {
            assert!(!is_this_machine(elsewhere), "{elsewhere}");
        }
    }

    #[test]
    fn the_command_line_goes_before_the_url() {
        let args = TokenArgs { token_file: None, token: Some("abc".into()) };
        let given = TokenSource::from_args(&args).unwrap();
        assert_eq!(given.secret(Some("def"), "board").unwrap().unwrap().expose(), "abc");
        let default = TokenSource::default();
        assert_eq!(default.secret(Some("def"), "board").unwrap().unwrap().expose(), "def");
        let error = default.secret(Some("d f"), "board").unwrap_err().to_string();
        assert_eq!(error, "token= in the URL is not a token; a token is like fovea_...");
    }
}

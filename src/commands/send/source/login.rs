//! Who asks an HTTP source: a user's name and password, and the answer to a server that wants them.

use std::{env, fmt, fs, path::Path};

use http_auth::{PasswordClient, PasswordParams};
use percent_encoding::percent_decode_str;
use ureq::http::{HeaderMap, Uri, header::WWW_AUTHENTICATE};

use crate::commands::send::source_error::SourceError;

/// The environment variable that has the login. Other users cannot read it, as they can the arguments.
const VARIABLE: &str = "FOVEA_LOGIN";

/// A user's name and password.
pub(super) struct Login {
    user: String,
    password: String,
}

/// A server's challenge, to be answered with each request.
#[derive(Debug)]
pub(super) struct Challenge(PasswordClient);

impl Login {
    /// The login: of `file`, or else of the part of a URL before its `@`, or else of the environment.
    ///
    /// # Errors
    /// If the file cannot be read or has none.
    pub(super) fn find(file: Option<&Path>, in_url: Option<&str>) -> Result<Option<Self>, SourceError> {
        if let Some(file) = file {
            let text = fs::read_to_string(file).map_err(|e| SourceError::Open(file.to_owned(), e))?;
            let login = text.lines().find_map(Self::parse);
            return login.map(Some).ok_or_else(|| SourceError::LoginFile(file.to_owned()));
        }
        if let Some(text) = in_url {
            let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
            let (user, password) = text.split_once(':').unwrap_or((text, ""));
            return Ok(Some(Self { user: decode(user), password: decode(password) }));
        }
        Ok(env::var(VARIABLE).ok().as_deref().and_then(Self::parse))
    }

    fn parse(line: &str) -> Option<Self> {
        let (user, password) = line.split_once(':')?;
        Some(Self { user: user.to_owned(), password: password.to_owned() })
    }

    pub(super) fn user(&self) -> &str {
        &self.user
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.user)
    }
}

impl Challenge {
    /// The challenge in the header of an answer: of several the safest.
    ///
    /// # Errors
    /// If there is none that can be answered.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, SourceError> {
        let texts: Vec<_> = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok()).collect();
        let challenges = texts.iter().fold(PasswordClient::builder(), |builder, text| builder.challenges(text));
        challenges.build().map(Self).map_err(|_| SourceError::LoginKind(texts.join(", ")))
    }

    /// The value of `Authorization` for a request of `uri`.
    ///
    /// # Errors
    /// If the login cannot be put into an answer.
    pub(super) fn answer(&mut self, login: &Login, uri: &Uri) -> Result<String, SourceError> {
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let Login { user, password } = login;
        let params = PasswordParams { username: user, password, uri: path, method: "GET", body: Some(&[]) };
        self.0.respond(&params).map_err(SourceError::LoginKind)
    }
}

//! The values of a webhook's table.

use std::fmt;

use strum::VariantArray;

use super::Scalar;
use crate::{
    config::{
        template::{Placeholder, Template},
        webhook::Body,
    },
    message::EventState,
};

/// Where a webhook sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct WebUrl(pub(in crate::config) String);

impl Scalar for WebUrl {
    fn expecting(f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a URL like \"https://ntfy.example.org/door\", without a user: put a login into authorization_file")
    }

    fn from_str(text: &str) -> Option<Self> {
        let url: http::Uri = text.parse().ok()?;
        let is_web = matches!(url.scheme_str(), Some("http" | "https"));
        let has_host = url.authority().is_some_and(|at| !at.host().is_empty() && !at.as_str().contains('@'));
        (is_web && has_host && !text.contains('#')).then(|| Self(text.to_owned()))
    }
}

/// What a webhook sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::config) struct BodyKind(pub(in crate::config) Body);

impl Scalar for BodyKind {
    fn expecting(f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"json\", \"multipart\" or \"picture\"")
    }

    fn from_str(text: &str) -> Option<Self> {
        match text {
            "json" => Some(Self(Body::Json)),
            "multipart" => Some(Self(Body::Multipart)),
            "picture" => Some(Self(Body::Picture)),
            _ => None,
        }
    }
}

/// The name of a field in the body of a webhook's request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::config) struct FieldName(pub(in crate::config) String);

impl Scalar for FieldName {
    fn expecting(f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field: 1 to 64 of a-z, A-Z, 0-9, -, _ and .")
    }

    fn from_str(text: &str) -> Option<Self> {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        ((1..=64).contains(&text.len()) && text.chars().all(is_allowed)).then(|| Self(text.to_owned()))
    }
}

/// The name of a header that a webhook's request may have.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::config) struct HeaderName(pub(in crate::config) String);

impl Scalar for HeaderName {
    fn expecting(f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the name of a header, such as \"Title\", but none of those that fovea sets: Authorization (see \
             authorization_file), Connection, Content-Length, Content-Type, Host, Transfer-Encoding, Fovea-...",
        )
    }

    fn from_str(text: &str) -> Option<Self> {
        const OWN: [&str; 6] =
            ["authorization", "connection", "content-length", "content-type", "host", "transfer-encoding"];
        let name = http::HeaderName::try_from(text).ok()?;
        let is_own = OWN.contains(&name.as_str()) || name.as_str().starts_with("fovea-");
        (!is_own).then(|| Self(text.to_owned()))
    }
}

/// Text with placeholders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct Text(pub(in crate::config) Template);

impl Scalar for Text {
    fn expecting(f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one line of text, in which these may stand: ")?;
        let names: Vec<_> = Placeholder::VARIANTS.iter().map(|one| format!("{{{}}}", <&str>::from(one))).collect();
        write!(f, "{}; write {{{{ and }}}} for braces", names.join(", "))
    }

    fn from_str(text: &str) -> Option<Self> {
        Template::parse(text).filter(|_| !text.chars().any(char::is_control)).map(Self)
    }
}

/// The state of an event message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct State(pub(in crate::config) EventState);

impl Scalar for State {
    fn expecting(f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"start\", \"update\" or \"end\"")
    }

    fn from_str(text: &str) -> Option<Self> {
        match text {
            "start" => Some(Self(EventState::Start)),
            "update" => Some(Self(EventState::Update)),
            "end" => Some(Self(EventState::End)),
            _ => None,
        }
    }
}

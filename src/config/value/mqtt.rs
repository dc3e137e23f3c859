//! The values of the table `[mqtt]`.

use std::fmt;

use super::{Scalar, WebUrl};
use crate::config::mqtt::{Broker, Pictures, Results};

/// The ports that brokers have, without and with TLS (registered with IANA as mqtt and secure-mqtt).
const PORTS: [u16; 2] = [1883, 8883];

/// Where the broker is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct BrokerUrl(pub(in crate::config) Broker);

impl Scalar for BrokerUrl {
    fn expecting(f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a URL like \"mqtt://192.168.0.5\" or \"mqtts://broker.example.org:8883\", without user and path, and with TLS not \
             an IPv6 address: put a login into username and password_file",
        )
    }

    fn from_str(text: &str) -> Option<Self> {
        let url: http::Uri = text.parse().ok()?;
        let has_tls = match url.scheme_str()? {
            "mqtt" => false,
            "mqtts" => true,
            _ => return None,
        };
        let authority = url.authority()?;
        let (host, port) = (authority.host(), url.port_u16().unwrap_or(PORTS[usize::from(has_tls)]));
        let has_more = authority.as_str().contains('@') || text.contains('#') || url.query().is_some();
        // In a certificate an IPv6 address has no brackets, in an address it has: the client library has one text for both.
        let is_usable = !host.is_empty() && port != 0 && !(has_tls && host.starts_with('['));
        let is_root = matches!(url.path(), "" | "/");
        (is_usable && is_root && !has_more).then(|| Self(Broker { host: host.to_owned(), port, has_tls }))
    }
}

/// The URL of the board's page, to which paths are added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct PageUrl(pub(in crate::config) String);

impl Scalar for PageUrl {
    fn expecting(f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a URL like \"http://192.168.0.7:8080\" or \"https://example.org/barn\", without user and query")
    }

    fn from_str(text: &str) -> Option<Self> {
        let WebUrl(url) = WebUrl::from_str(text)?;
        (!url.contains('?')).then_some(Self(url))
    }
}

/// The first levels of topics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct TopicPrefix(pub(in crate::config) String);

impl Scalar for TopicPrefix {
    fn expecting(f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a topic like \"fovea\" or \"site/fovea\": up to 64 of a-z, A-Z, 0-9, -, _ and /, no level of it empty",
        )
    }

    fn from_str(text: &str) -> Option<Self> {
        let is_level =
            |level: &str| !level.is_empty() && level.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        (text.len() <= 64 && text.split('/').all(is_level)).then(|| Self(text.to_owned()))
    }
}

/// A user's name for the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct Username(pub(in crate::config) String);

impl Scalar for Username {
    fn expecting(f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a user, 1 to 256 characters")
    }

    fn from_str(text: &str) -> Option<Self> {
        let is_valid = (1..=256).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        is_valid.then(|| Self(text.to_owned()))
    }
}

/// Which results the broker gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::config) struct ResultRate(pub(in crate::config) Results);

impl Scalar for ResultRate {
    fn expecting(f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"off\", \"1/s\" or \"all\"")
    }

    fn from_str(text: &str) -> Option<Self> {
        match text {
            "off" => Some(Self(Results::Off)),
            "1/s" => Some(Self(Results::EverySecond)),
            "all" => Some(Self(Results::All)),
            _ => None,
        }
    }
}

/// How the broker gets pictures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::config) struct PictureKind(pub(in crate::config) Pictures);

impl Scalar for PictureKind {
    fn expecting(f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"jpeg\", \"url\" or \"off\"")
    }

    fn from_str(text: &str) -> Option<Self> {
        match text {
            "jpeg" => Some(Self(Pictures::Jpeg)),
            "url" => Some(Self(Pictures::Url)),
            "off" => Some(Self(Pictures::Off)),
            _ => None,
        }
    }
}

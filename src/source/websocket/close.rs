//! Why a connection is closed, as its close frame says it (RFC 6455, 7.4).

use tungstenite::protocol::frame::coding::CloseCode;

use crate::{
    hub::queue::CloseReason,
    wire::{REPLACED, REVOKED},
};

/// A close frame's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Close {
    /// The code.
    pub(super) code: CloseCode,
    /// A short sentence, at most 123 bytes.
    pub(super) reason: &'static str,
}

impl Close {
    /// The client broke the protocol.
    pub(super) const fn protocol(reason: &'static str) -> Self {
        Self { code: CloseCode::Protocol, reason }
    }

    /// The client broke a rule of this server.
    pub(super) const fn policy(reason: &'static str) -> Self {
        Self { code: CloseCode::Policy, reason }
    }

    /// The client sends what is not taken here.
    pub(super) const fn unsupported(reason: &'static str) -> Self {
        Self { code: CloseCode::Unsupported, reason }
    }
}

impl From<CloseReason> for Close {
    fn from(reason: CloseReason) -> Self {
        let (code, reason) = match reason {
            CloseReason::ShuttingDown => (CloseCode::Away, "the server is shutting down"),
            CloseReason::CameraRemoved => (CloseCode::Away, "this camera was removed from the configuration"),
            CloseReason::Replaced => (CloseCode::Policy, REPLACED),
            CloseReason::Revoked => (CloseCode::Policy, REVOKED),
        };
        Self { code, reason }
    }
}

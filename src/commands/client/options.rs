//! How a client connects: the token that it states, and the servers that it trusts.

use std::sync::Arc;

use super::{ClientError, TokenSource};
use crate::{
    commands::{TokenArgs, TrustArgs},
    tls::trust::{ClientTls, Trust},
};

/// What is the same for all connections of a command.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// Where the token comes from.
    pub tokens: TokenSource,
    /// For servers with TLS.
    pub tls: Arc<ClientTls>,
}

impl ClientOptions {
    /// Those that the command line says.
    ///
    /// # Errors
    /// If it has a token that can be none, or a file without a certificate.
    pub fn from_args(token: &TokenArgs, trust: &TrustArgs) -> Result<Self, ClientError> {
        Ok(Self { tokens: TokenSource::from_args(token)?, tls: Arc::new(ClientTls::new(&trust.trust())?) })
    }
}

impl Default for ClientOptions {
    /// For this machine's own daemon, by its local token; with TLS, for servers that the system's authorities stand for.
    fn default() -> Self {
        Self { tokens: TokenSource::default(), tls: Arc::new(ClientTls::of_system()) }
    }
}

impl TrustArgs {
    /// Whom to trust.
    pub(in crate::commands) fn trust(&self) -> Trust {
        match (&self.ca, self.fingerprint, self.insecure) {
            (_, _, true) => Trust::Any,
            (_, Some(fingerprint), _) => Trust::Fingerprint(fingerprint),
            (Some(file), ..) => Trust::File(file.clone()),
            (None, ..) => Trust::System,
        }
    }
}

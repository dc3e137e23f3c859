//! TLS of both ports: one certificate, which is read again when its files change.
//!
//! The ports accept both: TLS from everybody, and plain connections from this machine alone, as programs beside fovea used
//! to connect before TLS was switched on.

pub mod fingerprint;
pub mod https;
pub mod stream;
pub mod trust;

mod buffered;
mod certificate;
mod in_place;
mod outgoing;
mod own_certificate;
mod unbuffered;

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::ServerConfig;

pub use self::certificate::CertificateError;
use self::{certificate::ReloadingCertificate, fingerprint::Fingerprint};
use crate::system::state;

/// The first byte of a TLS connection: a record with a handshake (RFC 8446, section 5.1). No HTTP request begins with it.
pub const FIRST_BYTE: u8 = 0x16;

/// The folder's files, if fovea makes the certificate itself.
const OWN_FILES: [&str; 2] = ["certificate.pem", "key.pem"];

/// TLS of a server, ready for connections.
#[derive(Clone, Debug)]
pub struct Tls {
    config: Arc<ServerConfig>,
    certificate: Arc<ReloadingCertificate>,
}

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificate or its key cannot be used.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// There is no place for a certificate of its own.
    #[error(
        "fovea has no folder to keep a certificate in: systemd gives it one (StateDirectory=), or set tls.certificate \
         and tls.key"
    )]
    NoFolder,
    /// The library does not take the settings.
    #[error("TLS cannot be set up")]
    Setup(#[from] rustls::Error),
}

impl Tls {
    /// TLS with the certificate in `files`, the chain and the key in PEM; without files, with a certificate of its own that
    /// is made if there is none yet.
    ///
    /// # Errors
    /// If there is no usable certificate.
    pub fn new(files: Option<&[PathBuf; 2]>) -> Result<Self, TlsError> {
        let files = match files {
            Some(files) => files.clone(),
            None => own_files(&state::folder().ok_or(TlsError::NoFolder)?.join("tls"))?,
        };
        let certificate = Arc::new(ReloadingCertificate::load(files)?);
        let builder = ServerConfig::builder_with_provider(in_place::provider());
        let builder = builder.with_safe_default_protocol_versions()?.with_no_client_auth();
        let mut config = builder.with_cert_resolver(certificate.clone());
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { config: Arc::new(config), certificate })
    }

    /// What a connection is begun with.
    #[must_use]
    pub fn config(&self) -> &Arc<ServerConfig> {
        &self.config
    }

    /// The fingerprint of the certificate that is in use now.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.certificate.fingerprint()
    }
}

/// Whether a client at the address `peer` may connect to `local` without TLS: nobody can listen to what stays on this
/// machine.
#[must_use]
pub fn may_be_plain(peer: IpAddr, local: IpAddr) -> bool {
    let peer = peer.to_canonical();
    peer.is_loopback() || peer == local.to_canonical()
}

/// The two files of a certificate that fovea makes itself, made if they are missing.
fn own_files(folder: &Path) -> Result<[PathBuf; 2], CertificateError> {
    let files = OWN_FILES.map(|name| folder.join(name));
    if !files.iter().all(|file| file.exists()) {
        own_certificate::make(&files)?;
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_on_this_machine_needs_no_tls() {
        let may_be_plain = |peer: &str, local: &str| may_be_plain(peer.parse().unwrap(), local.parse().unwrap());
        assert!(may_be_plain("127.0.0.1", "127.0.0.1"));
        assert!(may_be_plain("::ffff:127.0.0.1", "::ffff:127.0.0.1"), "a socket for both families");
        assert!(may_be_plain("::1", "::1"));
        assert!(may_be_plain("192.0.2.7", "192.0.2.7"), "to its own address in the network");
        assert!(!may_be_plain("192.0.2.8", "192.0.2.7"));
        assert!(!may_be_plain("fe80::7", "fe80::8"));
    }
}

//! Which servers a client trusts. Most cameras and boards make their certificate themselves, with any name in it, so besides
//! authorities a server's own certificate can be trusted.

use std::{
    fs, io,
    path::PathBuf,
    sync::{Arc, OnceLock},
};

use rustls::{
    ClientConfig, DigitallySignedStruct, Error as TlsError, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
};

use super::fingerprint::Fingerprint;

/// Which certificates are trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Those of the system's authorities.
    System,
    /// Those in this file, and those of authorities in it.
    File(PathBuf),
    /// The one with this fingerprint, whatever its name and date.
    Fingerprint(Fingerprint),
    /// Any.
    Any,
}

/// Why nobody can be trusted as wanted.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The file cannot be read.
    #[error("cannot open {}", .0.display())]
    Open(PathBuf, #[source] io::Error),
    /// No certificate is in the file.
    #[error("{} has no certificate; it must be a PEM file", .0.display())]
    NoCertificate(PathBuf),
    /// No key is in the file.
    #[error("{} has no private key; it must be a PEM file, without a password", .0.display())]
    NoKey(PathBuf),
    /// The library does not take the settings.
    #[error("cannot use TLS")]
    Setup(#[source] rustls::Error),
}

/// TLS of a client, ready for connections.
///
/// The system's certificates are read with the first connection: that takes a board longer than a whole `http` request.
#[derive(Debug)]
pub struct ClientTls(OnceLock<Arc<ClientConfig>>);

impl ClientTls {
    /// Trusts the system's authorities.
    #[must_use]
    pub fn of_system() -> Self {
        Self(OnceLock::new())
    }

    /// # Errors
    /// If the file cannot be read or has no certificate.
    pub fn new(trust: &Trust) -> Result<Self, TrustError> {
        Ok(Self(match trust {
            Trust::System => return Ok(Self::of_system()),
            trust => OnceLock::from(client_config(trust, None)?),
        }))
    }

    /// What a connection is begun with.
    ///
    /// # Errors
    /// If the library does not take the settings.
    pub fn config(&self) -> Result<Arc<ClientConfig>, TrustError> {
        if let Some(config) = self.0.get() {
            return Ok(config.clone());
        }
        let config = client_config(&Trust::System, None)?;
        Ok(self.0.get_or_init(|| config).clone())
    }
}

/// TLS of a client that has a certificate of its own, if `identity` names the files of one: certificate chain and key.
///
/// # Errors
/// If a file cannot be read, or has not what it should.
pub fn client_config(trust: &Trust, identity: Option<&[PathBuf; 2]>) -> Result<Arc<ClientConfig>, TrustError> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Verifier::new(trust, provider.clone())?;
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = builder.map_err(TrustError::Setup)?.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
    let Some([certificate, key]) = identity else { return Ok(Arc::new(config.with_no_client_auth())) };
    let read = |file: &PathBuf| fs::read(file).map_err(|error| TrustError::Open(file.clone(), error));
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&read(certificate)?).filter_map(Result::ok).collect();
    if chain.is_empty() {
        return Err(TrustError::NoCertificate(certificate.clone()));
    }
    let key = PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|_| TrustError::NoKey(key.clone()))?;
    Ok(Arc::new(config.with_client_auth_cert(chain, key).map_err(TrustError::Setup)?))
}

/// Decides which certificates are trusted.
#[derive(Debug)]
struct Verifier {
    provider: Arc<CryptoProvider>,
    trusts_any: bool,
    /// The certificate with this one is trusted as it is.
    fingerprint: Option<Fingerprint>,
    /// Certificates that are trusted as they are, whatever their name and date.
    own: Vec<CertificateDer<'static>>,
    /// Whether an authority stands for a certificate; `None` if there is no authority.
    authorities: Option<Arc<WebPkiServerVerifier>>,
}

impl Verifier {
    fn new(trust: &Trust, provider: Arc<CryptoProvider>) -> Result<Self, TrustError> {
        let mut roots = RootCertStore::empty();
        let mut own = Vec::new();
        match trust {
            // A system without authorities trusts nobody, and the error says so.
            Trust::System => {
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
            Trust::File(file) => {
                let text = fs::read(file).map_err(|e| TrustError::Open(file.clone(), e))?;
                own = CertificateDer::pem_slice_iter(&text).filter_map(Result::ok).collect();
                if own.is_empty() {
                    return Err(TrustError::NoCertificate(file.clone()));
                }
                roots.add_parsable_certificates(own.iter().cloned());
            }
            Trust::Fingerprint(_) | Trust::Any => {}
        }
        let fingerprint = match trust {
            Trust::Fingerprint(fingerprint) => Some(*fingerprint),
            _ => None,
        };
        let authorities = WebPkiServerVerifier::builder_with_provider(roots.into(), provider.clone()).build().ok();
        Ok(Self { provider, trusts_any: *trust == Trust::Any, fingerprint, own, authorities })
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let is_known = self.own.iter().any(|own| own == end_entity)
            || self.fingerprint.is_some_and(|fingerprint| fingerprint == Fingerprint::from(end_entity));
        if self.trusts_any || is_known {
            return Ok(ServerCertVerified::assertion());
        }
        if let Some(fingerprint) = self.fingerprint {
            let other = Fingerprint::from(end_entity);
            return Err(TlsError::General(format!("its certificate has the fingerprint {other}, not {fingerprint}")));
        }
        match &self.authorities {
            Some(verifier) => verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now),
            None => Err(TlsError::InvalidCertificate(rustls::CertificateError::UnknownIssuer)),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        if self.trusts_any {
            return Ok(HandshakeSignatureValid::assertion()); // of any certificate, even one that cannot be read
        }
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        if self.trusts_any {
            return Ok(HandshakeSignatureValid::assertion());
        }
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

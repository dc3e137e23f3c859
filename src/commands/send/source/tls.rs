//! TLS to an HTTP source. Most cameras make their certificate themselves, with any name in it, so besides authorities a
//! camera's own certificate can be trusted.

use std::{
    fmt, fs,
    path::Path,
    sync::{Arc, OnceLock},
};

use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error as TlsError, RootCertStore, SignatureScheme,
    StreamOwned,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport, TransportAdapter,
};

use crate::commands::send::source_error::SourceError;

/// Which certificates are trusted.
#[derive(Clone, Copy, Debug)]
pub(super) enum Trust<'a> {
    /// Those of the system's authorities.
    System,
    /// Those in this file, and those of authorities in it.
    File(&'a Path),
    /// Any.
    Any,
}

/// Wraps connections in TLS where the URL says `https`.
///
/// The system's certificates are read with the first such connection: that takes a board longer than a whole `http` request.
#[derive(Debug)]
pub(super) struct TlsConnector(OnceLock<Arc<ClientConfig>>);

impl TlsConnector {
    /// # Errors
    /// If the file cannot be read or has no certificate.
    pub(super) fn new(trust: Trust<'_>) -> Result<Self, SourceError> {
        Ok(Self(match trust {
            Trust::System => OnceLock::new(),
            trust => OnceLock::from(client_config(trust)?),
        }))
    }

    fn client_config(&self) -> Result<Arc<ClientConfig>, SourceError> {
        if let Some(config) = self.0.get() {
            return Ok(config.clone());
        }
        let config = client_config(Trust::System)?;
        Ok(self.0.get_or_init(|| config).clone())
    }
}

fn client_config(trust: Trust<'_>) -> Result<Arc<ClientConfig>, SourceError> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Verifier::new(trust, provider.clone())?;
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = builder.map_err(SourceError::Tls)?.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
    Ok(Arc::new(config.with_no_client_auth()))
}

impl<In: Transport> Connector<In> for TlsConnector {
    type Out = Either<In, TlsTransport>;

    fn connect(&self, details: &ConnectionDetails<'_>, chained: Option<In>) -> Result<Option<Self::Out>, ureq::Error> {
        let Some(transport) = chained else { return Ok(None) };
        if !details.needs_tls() || transport.is_tls() {
            return Ok(Some(Either::A(transport)));
        }
        let host = details.uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(host).map_err(|_| ureq::Error::Tls("the host name is not valid for TLS"))?;
        let config = self.client_config().map_err(std::io::Error::other)?;
        let mut connection = ClientConnection::new(config, name).map_err(std::io::Error::other)?;
        let mut socket = TransportAdapter::new(transport.boxed(), details.current_time.clone());
        socket.set_timeout(details.timeout);
        connection.complete_io(&mut socket)?;
        let buffers = LazyBuffers::new(details.config.input_buffer_size(), details.config.output_buffer_size());
        Ok(Some(Either::B(TlsTransport { buffers, stream: StreamOwned { conn: connection, sock: socket } })))
    }
}

/// A connection with TLS.
pub(super) struct TlsTransport {
    buffers: LazyBuffers,
    stream: StreamOwned<ClientConnection, TransportAdapter>,
}

impl Transport for TlsTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        self.stream.sock.set_timeout(timeout);
        Ok(std::io::Write::write_all(&mut self.stream, &self.buffers.output()[..amount])?)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.stream.sock.set_timeout(timeout);
        let count = match std::io::Read::read(&mut self.stream, self.buffers.input_append_buf()) {
            // Many cameras close the connection without saying so in TLS: whether something is missing, HTTP knows.
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => 0,
            read => read?,
        };
        self.buffers.input_appended(count);
        Ok(count > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.sock.get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}

impl fmt::Debug for TlsTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsTransport").finish_non_exhaustive()
    }
}

/// Decides which certificates are trusted.
#[derive(Debug)]
struct Verifier {
    provider: Arc<CryptoProvider>,
    trusts_any: bool,
    /// Certificates that are trusted as they are, whatever their name and date.
    own: Vec<CertificateDer<'static>>,
    /// Whether an authority stands for a certificate; `None` if there is no authority.
    authorities: Option<Arc<WebPkiServerVerifier>>,
}

impl Verifier {
    fn new(trust: Trust<'_>, provider: Arc<CryptoProvider>) -> Result<Self, SourceError> {
        let mut roots = RootCertStore::empty();
        let mut own = Vec::new();
        match trust {
            // A system without authorities trusts nobody, and the error says so.
            Trust::System => {
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
            Trust::File(file) => {
                let text = fs::read(file).map_err(|e| SourceError::Open(file.to_owned(), e))?;
                own = CertificateDer::pem_slice_iter(&text).filter_map(Result::ok).collect();
                if own.is_empty() {
                    return Err(SourceError::NoCertificate(file.to_owned()));
                }
                roots.add_parsable_certificates(own.iter().cloned());
            }
            Trust::Any => {}
        }
        let authorities = WebPkiServerVerifier::builder_with_provider(roots.into(), provider.clone()).build().ok();
        Ok(Self { provider, trusts_any: matches!(trust, Trust::Any), own, authorities })
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
        if self.trusts_any || self.own.iter().any(|own| own == end_entity) {
            return Ok(ServerCertVerified::assertion());
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

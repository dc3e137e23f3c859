//! The certificate and its key, from two files that may be replaced at any time.

use std::{
    fs::{self, Metadata},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use log::{info, warn};
use ring::digest::{SHA256, digest};
use rustls::{
    crypto::ring as provider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

use super::fingerprint::Fingerprint;
use crate::sync::Mutex;

impl From<&CertificateDer<'_>> for Fingerprint {
    fn from(certificate: &CertificateDer<'_>) -> Self {
        let hash = digest(&SHA256, certificate);
        Self(hash.as_ref().try_into().expect("SHA-256 has 32 bytes"))
    }
}

/// How often the files are looked at, at most.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read.
    #[error("cannot read {0}")]
    Read(PathBuf, #[source] io::Error),
    /// A file cannot be written.
    #[error("cannot write {0}")]
    Write(PathBuf, #[source] io::Error),
    /// The key can be read by others.
    #[error("other users can read the key {0}: run `chmod o= {0}`")]
    Exposed(PathBuf),
    /// There is no certificate in the file.
    #[error("there is no certificate in {0}: it must be in PEM, with -----BEGIN CERTIFICATE-----")]
    NoCertificate(PathBuf),
    /// There is no key in the file.
    #[error("there is no private key in {0}: it must be in PEM, without a password")]
    NoKey(PathBuf),
    /// Key and certificate do not belong together, or are of a kind that TLS does not use.
    #[error("the key {1} cannot be used with the certificate {0}")]
    Mismatch(PathBuf, PathBuf, #[source] rustls::Error),
    /// A new one cannot be made.
    #[error("cannot make a certificate: {0}")]
    Make(String),
}

/// The certificate of the server, and where it is from.
#[derive(Debug)]
pub(super) struct ReloadingCertificate {
    files: [PathBuf; 2],
    current: ArcSwap<CertifiedKey>,
    seen: Mutex<Seen>,
}

/// What the files were like when they were looked at.
#[derive(Debug)]
struct Seen {
    at: Instant,
    versions: [Option<Version>; 2],
}

/// What changes when a file is replaced or written.
type Version = (u64, u64, i64, i64);

impl ReloadingCertificate {
    /// That of these files: chain and key.
    pub(super) fn load(files: [PathBuf; 2]) -> Result<Self, CertificateError> {
        let versions = versions(&files);
        let current = ArcSwap::from_pointee(read(&files)?);
        Ok(Self { files, current, seen: Mutex::new(Seen { at: Instant::now(), versions }) })
    }

    pub(super) fn fingerprint(&self) -> Fingerprint {
        Fingerprint::from(&self.current.load().cert[0])
    }

    /// Reads the files again if they changed. If they cannot be used, the certificate before stays.
    fn refresh(&self) {
        let mut seen = self.seen.lock();
        if seen.at.elapsed() < CHECK_INTERVAL {
            return;
        }
        seen.at = Instant::now();
        let versions = versions(&self.files);
        if versions == seen.versions {
            return;
        }
        seen.versions = versions;
        match read(&self.files) {
            Ok(certificate) => {
                self.current.store(Arc::new(certificate));
                info!("the TLS certificate was replaced; SHA-256 fingerprint {}", self.fingerprint());
            }
            Err(error) => warn!("the new TLS certificate cannot be used, so the one before stays: {}", chain(&error)),
        }
    }
}

impl ResolvesServerCert for ReloadingCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.refresh();
        Some(self.current.load_full())
    }
}

/// An error and what is behind it, in a line.
fn chain(error: &CertificateError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

fn read([certificate_file, key_file]: &[PathBuf; 2]) -> Result<CertifiedKey, CertificateError> {
    let read = |file: &Path| fs::read(file).map_err(|error| CertificateError::Read(file.to_owned(), error));
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&read(certificate_file)?).filter_map(Result::ok).collect();
    if chain.is_empty() {
        return Err(CertificateError::NoCertificate(certificate_file.clone()));
    }
    let key = PrivateKeyDer::from_pem_slice(&read(key_file)?).map_err(|_| CertificateError::NoKey(key_file.clone()))?;
    if fs::metadata(key_file).is_ok_and(|metadata| metadata.mode() & 0o007 != 0) {
        return Err(CertificateError::Exposed(key_file.clone()));
    }
    let mismatch = |error| CertificateError::Mismatch(certificate_file.clone(), key_file.clone(), error);
    CertifiedKey::from_der(chain, key, &provider::default_provider()).map_err(mismatch)
}

fn versions(files: &[PathBuf; 2]) -> [Option<Version>; 2] {
    let version = |metadata: Metadata| (metadata.ino(), metadata.size(), metadata.mtime(), metadata.mtime_nsec());
    files.each_ref().map(|file| fs::metadata(file).ok().map(version))
}

//! Tells where in a buffer rustls leaves the plaintext of a record, so that its bytes are copied once and not twice.
//!
//! The unbuffered interface of rustls 0.23 decrypts a record where it is. Then it copies the plaintext into a vector of its
//! own, and lends that. So here the ciphers of the provider are wrapped. Within [`locate`], they remember where in the buffer
//! the plaintext is, and give rustls its first byte alone. All else is still the affair of rustls: keys, handshakes, alerts,
//! limits. Outside of [`locate`] the wrapped ciphers do what the ciphers in them do, as other ports and clients need it.
//!
//! The next rustls, 0.24, lends the plaintext in the buffer itself. With it this file is not needed any more.

use std::{
    cell::Cell,
    ops::Range,
    sync::{Arc, LazyLock},
};

use rustls::{
    CipherSuiteCommon, ConnectionTrafficSecrets, ContentType, Error, SupportedCipherSuite, Tls12CipherSuite,
    Tls13CipherSuite,
    crypto::{
        CryptoProvider,
        cipher::{
            AeadKey, InboundOpaqueMessage, InboundPlainMessage, Iv, KeyBlockShape, MessageDecrypter, MessageEncrypter,
            Tls12AeadAlgorithm, Tls13AeadAlgorithm, UnsupportedOperationError,
        },
        ring,
    },
};

/// The provider that [`locate`] works with. Made once: rustls wants its ciphers to live as long as the process.
static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| {
    let ring = ring::default_provider();
    Arc::new(CryptoProvider { cipher_suites: ring.cipher_suites.iter().map(wrapped).collect(), ..ring })
});

thread_local! {
    /// Set while this thread is in [`locate`].
    static SEARCH: Cell<Option<Search>> = const { Cell::new(None) };
}

/// The addresses of a buffer, and where in it the last plaintext was seen.
#[derive(Clone, Copy)]
struct Search {
    begin: usize,
    end: usize,
    found: Option<(usize, usize)>,
}

/// The provider of ring, with ciphers that tell where they leave the plaintext.
pub(super) fn provider() -> Arc<CryptoProvider> {
    PROVIDER.clone()
}

/// Lets `process` decrypt records in `buffer`, and tells where in it the last application data is. To `process` itself that
/// data has one byte.
pub(super) fn locate<'b, T>(
    buffer: &'b mut [u8],
    process: impl FnOnce(&'b mut [u8]) -> T,
) -> (T, Option<Range<usize>>) {
    let Range { start, end } = buffer.as_ptr_range();
    SEARCH.set(Some(Search { begin: start.addr(), end: end.addr(), found: None }));
    let result = process(buffer);
    let found = SEARCH.take().and_then(|search| search.found);
    (result, found.map(|(from, to)| from..to))
}

/// Remembers where the plaintext is, and shortens it. What is in no buffer that was asked about stays as it is.
fn remember(plaintext: &[u8]) -> &[u8] {
    let Some(search) = SEARCH.get() else { return plaintext };
    let Range { start, end } = plaintext.as_ptr_range();
    let (begin, until) = (start.addr(), end.addr());
    if plaintext.is_empty() || begin < search.begin || until > search.end {
        return plaintext;
    }
    SEARCH.set(Some(Search { found: Some((begin - search.begin, until - search.begin)), ..search }));
    &plaintext[..1]
}

fn wrapped(suite: &SupportedCipherSuite) -> SupportedCipherSuite {
    let common = |common: &CipherSuiteCommon| CipherSuiteCommon {
        suite: common.suite,
        hash_provider: common.hash_provider,
        confidentiality_limit: common.confidentiality_limit,
    };
    match *suite {
        SupportedCipherSuite::Tls12(suite) => SupportedCipherSuite::Tls12(Box::leak(Box::new(Tls12CipherSuite {
            common: common(&suite.common),
            prf_provider: suite.prf_provider,
            kx: suite.kx,
            sign: suite.sign,
            aead_alg: Box::leak(Box::new(Located(suite.aead_alg))),
        }))),
        SupportedCipherSuite::Tls13(suite) => SupportedCipherSuite::Tls13(Box::leak(Box::new(Tls13CipherSuite {
            common: common(&suite.common),
            hkdf_provider: suite.hkdf_provider,
            aead_alg: Box::leak(Box::new(Located(suite.aead_alg))),
            quic: suite.quic,
        }))),
    }
}

/// A cipher, or a decrypter of it, of which [`remember`] sees the plaintext.
struct Located<T>(T);

impl MessageDecrypter for Located<Box<dyn MessageDecrypter>> {
    fn decrypt<'a>(&mut self, msg: InboundOpaqueMessage<'a>, seq: u64) -> Result<InboundPlainMessage<'a>, Error> {
        let mut plain = self.0.decrypt(msg, seq)?;
        if plain.typ == ContentType::ApplicationData {
            plain.payload = remember(plain.payload);
        }
        Ok(plain)
    }
}

impl Tls13AeadAlgorithm for Located<&'static dyn Tls13AeadAlgorithm> {
    fn encrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageEncrypter> {
        self.0.encrypter(key, iv)
    }

    fn decrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageDecrypter> {
        Box::new(Located(self.0.decrypter(key, iv)))
    }

    fn key_len(&self) -> usize {
        self.0.key_len()
    }

    fn extract_keys(&self, key: AeadKey, iv: Iv) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        self.0.extract_keys(key, iv)
    }
}

impl Tls12AeadAlgorithm for Located<&'static dyn Tls12AeadAlgorithm> {
    fn encrypter(&self, key: AeadKey, iv: &[u8], extra: &[u8]) -> Box<dyn MessageEncrypter> {
        self.0.encrypter(key, iv, extra)
    }

    fn decrypter(&self, key: AeadKey, iv: &[u8]) -> Box<dyn MessageDecrypter> {
        Box::new(Located(self.0.decrypter(key, iv)))
    }

    fn key_block_shape(&self) -> KeyBlockShape {
        self.0.key_block_shape()
    }

    fn extract_keys(
        &self,
        key: AeadKey,
        iv: &[u8],
        explicit: &[u8],
    ) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        self.0.extract_keys(key, iv, explicit)
    }
}

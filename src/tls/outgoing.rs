//! What is encrypted and waits for the socket to take it.

use std::{
    io::{self, Write},
    net::TcpStream,
};

use rustls::{
    Error,
    unbuffered::{EncodeError, EncodeTlsData, EncryptError},
};

/// Bytes in the order in which they were encrypted, of which the socket has taken the first ones.
#[derive(Default)]
pub(super) struct Outgoing {
    bytes: Vec<u8>,
    sent: usize,
}

impl Outgoing {
    /// Sends what the socket takes.
    ///
    /// # Errors
    /// If it does not take all.
    pub(super) fn send(&mut self, mut socket: &TcpStream) -> io::Result<()> {
        while self.sent < self.bytes.len() {
            match socket.write(&self.bytes[self.sent..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.bytes.clear();
        self.sent = 0;
        Ok(())
    }

    /// Adds an alert, or part of a handshake.
    pub(super) fn encode<D>(&mut self, data: &mut EncodeTlsData<'_, D>) -> Result<(), Error> {
        let required = |error: &_| match error {
            EncodeError::InsufficientSize(size) => Some(size.required_size),
            EncodeError::AlreadyEncoded => None,
        };
        self.append(required, |space| data.encode(space)).map_err(|error| Error::General(error.to_string()))
    }

    /// Adds what `encrypt` writes.
    pub(super) fn encrypt(
        &mut self,
        encrypt: impl FnMut(&mut [u8]) -> Result<usize, EncryptError>,
    ) -> Result<(), Error> {
        let required = |error: &_| match error {
            EncryptError::InsufficientSize(size) => Some(size.required_size),
            EncryptError::EncryptExhausted => None,
        };
        self.append(required, encrypt).map_err(|error| Error::General(error.to_string()))
    }

    /// Lets `encode` write, with as much space as its error says is `required`.
    fn append<E>(
        &mut self,
        required: impl Fn(&E) -> Option<usize>,
        mut encode: impl FnMut(&mut [u8]) -> Result<usize, E>,
    ) -> Result<(), E> {
        let (length, mut space) = (self.bytes.len(), 0);
        loop {
            self.bytes.resize(length + space, 0);
            let encoded = encode(&mut self.bytes[length..]);
            self.bytes.truncate(length + encoded.as_ref().map_or(0, |count| *count));
            match encoded.as_ref().err().and_then(&required) {
                Some(size) if size > space => space = size,
                _ => return encoded.map(drop),
            }
        }
    }

    /// How many bytes are kept.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }
}

//! TLS of the server over a socket that does not block, in a buffer of its own: what comes is decrypted where it was read,
//! and copied once, to who reads.
//!
//! The client's side is [`super::buffered`]: its large messages are those that it sends, and these rustls copies once with
//! its own buffers, but twice with this interface.

use std::{
    io::{self, Read},
    net::TcpStream,
    ops::Range,
};

use rustls::{
    Error,
    server::{ServerConnectionData, UnbufferedServerConnection},
    unbuffered::{ConnectionState, EncryptError, UnbufferedStatus, WriteTraffic},
};

use super::{in_place, outgoing::Outgoing};

/// The header of a record: its type, a version, and how many bytes follow.
const HEADER_BYTES: usize = 5;

/// The longest record that rustls takes (RFC 5246, 6.2.3). With TLS 1.3 it is at most 16406: 16384 of data, 17 besides.
const MAX_RECORD_BYTES: usize = HEADER_BYTES + 16384 + 2048;

/// What is read and not yet taken. Two records fit, the longest ones, too. So a record that begins where one that was short
/// ended still fits behind it, and is not moved. A read of the socket ends where a record ends if all are as long as the
/// last one, so that of a picture of 223 kB in 14 records two come at once, and none is left in halves to be moved. What is
/// moved is part of a record after another length than the one before: less than one record for each change of length.
///
/// A message of the handshake must fit, too. The longest by far is that of a client which begins, with some 2 kB.
const INPUT_BYTES: usize = 2 * MAX_RECORD_BYTES;

/// How much is encrypted at once: a record.
const MAX_WRITE_BYTES: usize = 16 * 1024;

/// A connection, and the bytes between it and its socket.
pub(super) struct Unbuffered {
    tls: UnbufferedServerConnection,
    /// From the socket. Those from `start` to `end` are not yet taken by `tls`; up to `seen` it knows that they are no whole
    /// message.
    input: Box<[u8]>,
    start: usize,
    seen: usize,
    end: usize,
    /// Where in `input` the plaintext is that nobody has read yet. While there is some, nothing is read from the socket.
    plaintext: Range<usize>,
    /// How long the last record was that had data, its header included.
    record_bytes: usize,
    output: Outgoing,
    receiving: Receiving,
}

/// Whether more can be received.
enum Receiving {
    Open,
    /// The peer said that nothing more comes.
    Ended,
    Failed(Error),
}

/// How far [`Unbuffered::process`] came.
#[derive(PartialEq)]
enum Reached {
    /// Data is there to be read.
    Plaintext,
    /// Nothing goes on without more from the peer. Data may be sent.
    Ready,
    /// Nothing goes on without more from the peer, and no data may be sent yet, or any more.
    Blocked,
}

/// What is sent while data may be.
type Send<'s> = dyn FnMut(&mut WriteTraffic<'_, ServerConnectionData>, &mut [u8]) -> Result<usize, EncryptError> + 's;

impl Unbuffered {
    pub(super) fn new(tls: UnbufferedServerConnection) -> Self {
        Self {
            tls,
            input: vec![0; INPUT_BYTES].into(),
            start: 0,
            seen: 0,
            end: 0,
            plaintext: 0..0,
            record_bytes: MAX_RECORD_BYTES,
            output: Outgoing::default(),
            receiving: Receiving::Open,
        }
    }

    pub(super) fn read(&mut self, mut socket: &TcpStream, into: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.plaintext.is_empty() {
                let count = into.len().min(self.plaintext.len());
                let (from, to) = (self.plaintext.start, self.plaintext.start + count);
                into[..count].copy_from_slice(&self.input[from..to]);
                self.plaintext.start = to;
                return Ok(count);
            }
            match &self.receiving {
                Receiving::Open => {}
                Receiving::Ended => return Ok(0),
                Receiving::Failed(error) => return Err(invalid(error)),
            }
            let processed = self.process(self.end, None);
            // An alert, or the next part of the handshake. What the socket does not take now goes with the next write or read.
            match self.send(socket) {
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
                _ => {}
            }
            if processed? == Reached::Plaintext || !matches!(self.receiving, Receiving::Open) {
                continue;
            }
            let space = self.space()?;
            match socket.read(&mut self.input[space])? {
                // Without a goodbye; who asks for a message knows whether it was whole.
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => self.end += count,
            }
        }
    }

    /// Encrypts `bytes`, once all that was encrypted before is sent: so what waits here is bounded by what is given at once.
    pub(super) fn write(&mut self, socket: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
        self.send(socket)?;
        let bytes = &bytes[..bytes.len().min(MAX_WRITE_BYTES)];
        match self.process(self.seen, Some(&mut |traffic, output| traffic.encrypt(bytes, output)))? {
            Reached::Ready => {}
            _ => return Err(io::ErrorKind::WouldBlock.into()),
        }
        match self.send(socket) {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            _ => Ok(bytes.len()),
        }
    }

    /// Says that nothing more will be sent. In the middle of a handshake the end of the connection says it.
    pub(super) fn close(&mut self, socket: &TcpStream) -> io::Result<()> {
        let processed = self.process(self.seen, Some(&mut |traffic, output| traffic.queue_close_notify(output)));
        self.send(socket)?;
        processed.map(drop)
    }

    /// Sends what is encrypted.
    pub(super) fn send(&mut self, socket: &TcpStream) -> io::Result<()> {
        self.output.send(socket)
    }

    /// Takes records from the input, `until` where it was read or, to take no more of them, where it was seen. What is to be
    /// sent goes to the output.
    fn process(&mut self, until: usize, mut send: Option<&mut Send<'_>>) -> io::Result<Reached> {
        loop {
            if let Receiving::Failed(error) = &self.receiving {
                return Err(invalid(error));
            }
            let Self { tls, input, output, .. } = self;
            let (status, found) =
                in_place::locate(&mut input[self.start..until], |input| tls.process_tls_records(input));
            let UnbufferedStatus { discard, state } = status;
            let next = match state {
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    // The byte that is told of the data is the first of what was found.
                    drop(traffic.next_record());
                    match found {
                        Some(found) => {
                            self.plaintext = self.start + found.start..self.start + found.end;
                            self.record_bytes = discard.max(HEADER_BYTES);
                            Ok(Some(Reached::Plaintext))
                        }
                        None => Err(Error::General("the plaintext of a record is not where it was read".into())),
                    }
                }
                Ok(ConnectionState::EncodeTlsData(mut data)) => output.encode(&mut data).map(|()| None),
                // It is in the output, which goes to the socket in order.
                Ok(ConnectionState::TransmitTlsData(data)) => {
                    data.done();
                    Ok(None)
                }
                Ok(ConnectionState::WriteTraffic(mut traffic)) => {
                    let sent = send.take().map_or(Ok(()), |send| output.encrypt(|space| send(&mut traffic, space)));
                    sent.map(|()| Some(Reached::Ready))
                }
                Ok(ConnectionState::PeerClosed) => {
                    self.receiving = Receiving::Ended;
                    Ok(None)
                }
                Ok(ConnectionState::BlockedHandshake | ConnectionState::Closed) => Ok(Some(Reached::Blocked)),
                // Data before the end of the handshake, which the server does not offer to take.
                Ok(_) => Err(Error::General("TLS is in a state that the server does not know".into())),
                Err(error) => Err(error),
            };
            self.start += discard;
            match next {
                Ok(None) => {}
                Ok(Some(reached)) => {
                    // Data is never amid a message of the handshake: what follows it is not looked at yet.
                    self.seen = if reached == Reached::Plaintext { self.start } else { until };
                    return Ok(reached);
                }
                Err(error) => self.fail(error),
            }
        }
    }

    /// Nothing more is received. What tells the peer why goes to the output.
    fn fail(&mut self, error: Error) {
        self.receiving = Receiving::Failed(error);
        // What is to be sent comes first, without a look at the input.
        while self.tls.wants_write() {
            let Ok(ConnectionState::EncodeTlsData(mut data)) = self.tls.process_tls_records(&mut []).state else {
                return;
            };
            if self.output.encode(&mut data).is_err() {
                return;
            }
        }
    }

    /// Where the next bytes from the socket go. Begun records are moved to the front if they do not fit where they are.
    ///
    /// # Errors
    /// If a message does not fit at all.
    fn space(&mut self) -> io::Result<Range<usize>> {
        if self.start == self.end {
            (self.start, self.seen, self.end) = (0, 0, 0);
        }
        let length = self.input.len();
        let present = self.end - self.start;
        let record = match self.input[self.start..self.end] {
            [_, _, _, high, low, ..] => HEADER_BYTES + usize::from(u16::from_be_bytes([high, low])),
            _ => self.record_bytes,
        };
        // A whole record at the front is part of a message of the handshake, which goes on in the next one.
        let wanted = if record > present { record } else { length };
        if wanted > length - self.start {
            self.input.copy_within(self.start..self.end, 0);
            (self.start, self.seen, self.end) = (0, self.seen - self.start, present);
        }
        let left = length.saturating_sub(self.start + wanted);
        let until = length.min(self.start + wanted + left / self.record_bytes * self.record_bytes);
        if self.end == until {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a message of the TLS handshake is too long"));
        }
        Ok(self.end..until)
    }
}

fn invalid(error: &Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.clone())
}

#[cfg(test)]
mod ends;
#[cfg(test)]
mod tests;

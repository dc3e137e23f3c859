//! TLS of a client over a socket that does not block, through the buffers of rustls. What is large, it sends.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
};

use rustls::ClientConnection;

/// Bytes that are read from the socket at once. rustls asks for 4 KiB each time, which takes a large picture in fifty calls.
const READ_BYTES: usize = 32 * 1024;

/// A connection, and what the socket gave for it.
pub(super) struct Buffered {
    tls: ClientConnection,
    /// Encrypted bytes that were read from the socket: those from `start` to `end` are still to be decrypted.
    input: Box<[u8]>,
    start: usize,
    end: usize,
}

impl Buffered {
    pub(super) fn new(tls: ClientConnection) -> Self {
        Self { tls, input: vec![0; READ_BYTES].into(), start: 0, end: 0 }
    }

    pub(super) fn read(&mut self, socket: &TcpStream, into: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.tls.reader().read(into) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // The end; without a goodbye it is an error, and who asks for a message knows whether it was whole.
                end => return end,
            }
            self.receive(socket)?;
        }
    }

    /// Reads from the socket, and decrypts.
    fn receive(&mut self, mut socket: &TcpStream) -> io::Result<()> {
        if self.start == self.end {
            (self.start, self.end) = (0, socket.read(&mut self.input)?);
        }
        // At the end of the connection it reads nothing, and its reader then says so.
        self.start += self.tls.read_tls(&mut &self.input[self.start..self.end])?;
        let processed = self.tls.process_new_packets();
        // An alert, or the next part of the handshake. What the socket does not take now goes with the next write or read.
        match self.send(socket) {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
            _ => {}
        }
        processed.map(drop).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }

    /// Encrypts `bytes`, once all that was encrypted before is sent: so what waits here is bounded by what is given at once.
    pub(super) fn write(&mut self, socket: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
        self.send(socket)?;
        let count = self.tls.writer().write(bytes)?;
        match self.send(socket) {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            _ => Ok(count),
        }
    }

    /// Sends what is encrypted.
    pub(super) fn send(&mut self, mut socket: &TcpStream) -> io::Result<()> {
        while self.tls.wants_write() {
            self.tls.write_tls(&mut socket)?;
        }
        Ok(())
    }
    /// Says that nothing more will be sent.
    pub(super) fn close(&mut self, socket: &TcpStream) -> io::Result<()> {
        self.tls.send_close_notify();
        self.send(socket)
    }
}

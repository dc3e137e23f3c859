//! A socket with or without TLS, for a thread that waits in `poll`.

use std::{
    borrow::Borrow,
    cell::RefCell,
    fmt,
    io::{self, Read, Write},
    net::{Shutdown, TcpStream},
    os::fd::{AsFd, BorrowedFd},
};

use rustls::Connection;

/// Bytes that are read from the socket at once. rustls asks for 4 KiB each time, which takes a large picture in fifty calls.
const READ_BYTES: usize = 32 * 1024;

/// A socket that does not block, owned or borrowed, or TLS over one.
#[derive(Debug)]
pub enum Stream<S> {
    /// As it is.
    Plain(S),
    /// With TLS.
    Tls(Box<TlsStream<S>>),
}

/// TLS over a socket that does not block.
///
/// A read gives all that the socket has before it would block, so waiting for the socket is enough: nothing decrypted stays
/// behind.
pub struct TlsStream<S> {
    socket: S,
    // Reading may have to answer, and writing to read. All by one thread.
    state: RefCell<State>,
}

struct State {
    tls: Connection,
    /// Encrypted bytes that were read from the socket: those from `start` to `end` are still to be decrypted.
    input: Box<[u8]>,
    start: usize,
    end: usize,
}

impl<S: Borrow<TcpStream>> Stream<S> {
    /// TLS over `socket`, which must not block.
    #[must_use]
    pub fn tls(socket: S, connection: impl Into<Connection>) -> Self {
        let state = State { tls: connection.into(), input: vec![0; READ_BYTES].into(), start: 0, end: 0 };
        Self::Tls(Box::new(TlsStream { socket, state: RefCell::new(state) }))
    }

    /// Whether it is encrypted.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    /// Says that nothing more will be sent.
    ///
    /// # Errors
    /// If the connection is over.
    pub fn shutdown_write(&self) -> io::Result<()> {
        if let Self::Tls(stream) = self {
            let state = &mut *stream.state.borrow_mut();
            state.tls.send_close_notify();
            // A peer that takes nothing any more does not take this either.
            let _ = state.send(self.socket());
        }
        self.socket().shutdown(Shutdown::Write)
    }

    fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(socket) => socket.borrow(),
            Self::Tls(stream) => stream.socket.borrow(),
        }
    }
}

impl<S: Borrow<TcpStream>> AsFd for Stream<S> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket().as_fd()
    }
}

impl<S: Borrow<TcpStream>> Read for &Stream<S> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(_) => self.socket().read(into),
            Stream::Tls(stream) => stream.state.borrow_mut().read(self.socket(), into),
        }
    }
}

impl<S: Borrow<TcpStream>> Write for &Stream<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(_) => self.socket().write(bytes),
            Stream::Tls(stream) => stream.state.borrow_mut().write(self.socket(), bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Stream::Plain(_) => Ok(()),
            Stream::Tls(stream) => stream.state.borrow_mut().send(self.socket()),
        }
    }
}

impl<S: Borrow<TcpStream>> Read for Stream<S> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        (&*self).read(into)
    }
}

impl<S: Borrow<TcpStream>> Write for Stream<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        (&*self).flush()
    }
}

impl State {
    fn read(&mut self, socket: &TcpStream, into: &mut [u8]) -> io::Result<usize> {
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
    fn write(&mut self, socket: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
        self.send(socket)?;
        let count = self.tls.writer().write(bytes)?;
        match self.send(socket) {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            _ => Ok(count),
        }
    }

    /// Sends what is encrypted.
    fn send(&mut self, mut socket: &TcpStream) -> io::Result<()> {
        while self.tls.wants_write() {
            self.tls.write_tls(&mut socket)?;
        }
        Ok(())
    }
}

impl<S: fmt::Debug> fmt::Debug for TlsStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsStream").field("socket", &self.socket).finish_non_exhaustive()
    }
}

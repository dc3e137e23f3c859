//! A socket with or without TLS, for a thread that waits in `poll`.

use std::{
    borrow::Borrow,
    cell::RefCell,
    fmt,
    io::{self, Read, Write},
    net::{Shutdown, TcpStream},
    os::fd::{AsFd, BorrowedFd},
};

use super::buffered::Buffered;

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
    state: RefCell<Buffered>,
}

impl<S: Borrow<TcpStream>> Stream<S> {
    /// TLS over `socket`, which must not block.
    #[must_use]
    pub fn tls(socket: S, connection: impl Into<rustls::Connection>) -> Self {
        Self::Tls(Box::new(TlsStream { socket, state: RefCell::new(Buffered::new(connection.into())) }))
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
            // A peer that takes nothing any more does not take this either.
            let _ = stream.state.borrow_mut().close(self.socket());
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

impl<S: fmt::Debug> fmt::Debug for TlsStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsStream").field("socket", &self.socket).finish_non_exhaustive()
    }
}

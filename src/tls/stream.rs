//! A socket with or without TLS, for a thread that waits in `poll`.

use std::{
    borrow::Borrow,
    cell::RefCell,
    fmt,
    io::{self, Read, Write},
    net::{Shutdown, TcpStream},
    os::fd::{AsFd, BorrowedFd},
};

use rustls::{ClientConnection, server::UnbufferedServerConnection};

use super::{buffered::Buffered, unbuffered::Unbuffered};

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
    connection: RefCell<Connection>,
}

/// What is between a socket and who reads and writes.
enum Connection {
    Client(Buffered),
    Server(Unbuffered),
}

impl<S: Borrow<TcpStream>> Stream<S> {
    /// TLS over `socket`, which must not block, as a client.
    #[must_use]
    pub fn client(socket: S, connection: ClientConnection) -> Self {
        Self::over(socket, Connection::Client(Buffered::new(connection)))
    }

    /// TLS over `socket`, which must not block, as a server with the settings of [`Tls`](super::Tls).
    #[must_use]
    pub fn server(socket: S, connection: UnbufferedServerConnection) -> Self {
        Self::over(socket, Connection::Server(Unbuffered::new(connection)))
    }

    fn over(socket: S, connection: Connection) -> Self {
        Self::Tls(Box::new(TlsStream { socket, connection: RefCell::new(connection) }))
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
            let _ = stream.connection.borrow_mut().close(self.socket());
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
            Stream::Tls(stream) => stream.connection.borrow_mut().read(self.socket(), into),
        }
    }
}

impl<S: Borrow<TcpStream>> Write for &Stream<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(_) => self.socket().write(bytes),
            Stream::Tls(stream) => stream.connection.borrow_mut().write(self.socket(), bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Stream::Plain(_) => Ok(()),
            Stream::Tls(stream) => stream.connection.borrow_mut().send(self.socket()),
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

impl Connection {
    fn read(&mut self, socket: &TcpStream, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Client(connection) => connection.read(socket, into),
            Self::Server(connection) => connection.read(socket, into),
        }
    }

    fn write(&mut self, socket: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Client(connection) => connection.write(socket, bytes),
            Self::Server(connection) => connection.write(socket, bytes),
        }
    }

    fn send(&mut self, socket: &TcpStream) -> io::Result<()> {
        match self {
            Self::Client(connection) => connection.send(socket),
            Self::Server(connection) => connection.send(socket),
        }
    }

    fn close(&mut self, socket: &TcpStream) -> io::Result<()> {
        match self {
            Self::Client(connection) => connection.close(socket),
            Self::Server(connection) => connection.close(socket),
        }
    }
}

impl<S: fmt::Debug> fmt::Debug for TlsStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsStream").field("socket", &self.socket).finish_non_exhaustive()
    }
}

//! A client's end of TLS, for what neither curl nor openssl does.

use std::{
    net::{SocketAddr, TcpStream},
    sync::{Arc, OnceLock},
};

use fovea::tls::trust::{ClientTls, Trust};
use rustls::{ClientConfig, ClientConnection, StreamOwned, client::Resumption, pki_types::ServerName};

use super::LIMIT;

/// A connection whose other end may be anybody.
pub(crate) type Encrypted = StreamOwned<ClientConnection, TcpStream>;

/// A TLS connection to a port whose certificate may be any.
pub(crate) fn encrypted(address: SocketAddr) -> Encrypted {
    let socket = TcpStream::connect(address).expect("it listens");
    socket.set_read_timeout(Some(LIMIT)).expect("not zero");
    socket.set_write_timeout(Some(LIMIT)).expect("not zero");
    encrypted_over(socket, address)
}

/// The same over a connection that is there already.
pub(crate) fn encrypted_over(socket: TcpStream, address: SocketAddr) -> Encrypted {
    StreamOwned::new(connection(address), socket)
}

fn connection(address: SocketAddr) -> ClientConnection {
    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    let config = CONFIG.get_or_init(|| {
        let config = ClientTls::new(&Trust::Any).and_then(|tls| tls.config()).expect("no file is read");
        let mut config = ClientConfig::clone(&config);
        config.resumption = Resumption::disabled(); // each handshake is a whole one
        Arc::new(config)
    });
    ClientConnection::new(config.clone(), ServerName::from(address.ip())).expect("the settings are good")
}

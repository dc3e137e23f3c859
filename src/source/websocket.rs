//! Frames over WebSocket, port 8999.
//!
//! `listen` accepts, and gives each client a thread. There `client` reads the request, `handshake` decides what it is for and
//! `origin` whether a web page may and [`Access`](crate::access::Access) whether its token allows it. It is served as a `sender`
//! or a `reader`, which both have its `session` on the `server`; `admissions` knows who is in. A `connection` moves its bytes, `receive` makes messages of them, `admit` makes frames of messages. What decides
//! is pure, what does I/O is thin.

mod admissions;
mod admit;
#[cfg(test)]
mod autobahn;
mod client;
mod clock_offset;
mod close;
mod connection;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod handshake;
mod listen;
mod origin;
mod reader;
mod receive;
mod sender;
mod server;
mod session;

pub use listen::Listener;
pub use server::{CameraEndpoint, Server};

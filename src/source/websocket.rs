//! Frames over WebSocket, port 8999.
//!
//! `listen` accepts and gives each client a thread, its `session`. There `handshake` decides what the client is for:
//! a `sender` or a `reader`. A `connection` moves its bytes, `receive` makes messages of them, `admit` makes frames of
//! messages. What decides is pure, what does I/O is thin.

mod admit;
mod clock_offset;
mod connection;
mod handshake;
mod listen;
mod reader;
mod receive;
mod sender;
mod session;

pub use listen::{Gate, Listener, Server};

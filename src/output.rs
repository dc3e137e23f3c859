//! Ways out for results and events. Nothing here ever waits for a reader.

pub mod ages;
pub mod hub;
pub mod journal;
pub mod message;
pub mod outbox;
pub mod pane;
pub mod refusals;
pub mod statistics;

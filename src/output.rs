//! Ways out for results and events. Nothing here ever waits for a reader.

pub mod journal;

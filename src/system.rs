//! The machine underneath: time, threads and their cores, waking, and telling without flooding.

pub mod attribute;
pub mod clock;
pub mod cores;
pub mod host;
pub mod logging;
pub mod memory;
pub mod notify;
pub mod reactor;
pub mod tally;
pub mod thread;
pub mod wake;
pub mod watchdog;

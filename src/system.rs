//! The machine underneath: time, threads and their cores, waking, and telling without flooding.

pub mod async_event_fd;
pub mod authority;
pub mod board;
pub mod clock;
pub mod cores;
pub mod entropy;
pub mod event_fd;
pub mod host;
pub mod logging;
pub mod malloc;
pub mod notify;
pub mod places;
pub mod printable;
pub mod state;
pub mod sysfs;
pub mod thread;
pub mod watchdog;

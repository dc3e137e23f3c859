//! The machine underneath: time, threads, stopping.

pub mod clock;

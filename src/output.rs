//! The ways out for results and events.

pub mod message;

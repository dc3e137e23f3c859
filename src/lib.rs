//! fovea: an eye that is never late.

pub mod commands;
pub mod config;
pub mod daemon;
pub mod frame;
pub mod output;
pub mod processor;
pub mod recording;
pub mod slot;
pub mod source;
mod sync;
pub mod system;
pub mod wire;

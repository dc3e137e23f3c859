//! Fuzz targets: each is a function that takes arbitrary bytes and panics if the code under it breaks a promise.
//!
//! They are built for `cargo fuzz`, which sets `cfg(fuzzing)`, and for `cargo test`, which replays the kept inputs through
//! the same functions. A target is in a file `fuzz.rs` beside private code that it drives, or in a file here, and in the list
//! below. `tests/fuzz/README.md` says how to run them and how to add one.

mod config;
mod decode;
mod image_header;
mod url;

pub use self::{config::config, decode::decode, image_header::image_header, url::url};
pub use crate::{
    access::fuzz::{credentials, tokens},
    commands::{send::source::fuzz::stream, watch::fuzz::watch},
    model::fuzz::{manifest, onnx, outputs},
    processor::luma_dc::fuzz::luma_dc,
    recording::fuzz::recording,
    source::websocket::fuzz::{control, handshake, header, receiver},
};

#[cfg(test)]
mod tests;

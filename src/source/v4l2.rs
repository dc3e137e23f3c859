//! Cameras that are plugged into this machine. Nothing outside this folder names V4L2.
//!
//! `camera` is a camera's thread: it opens the device, fetches frames, and waits for it to come back when it is gone. It
//! finds the device with `identify`, decides with `negotiate` and `controls`, which are pure and read the `description`
//! that a camera gives of itself, and fetches with `stream`, whose `buffers` lend the driver's memory. `hotplug` hears of
//! cameras that come, and `trouble` has the words for what goes wrong. `device` alone talks with the driver.

mod buffers;
mod camera;
pub mod controls;
pub mod description;
pub mod device;
mod hotplug;
pub mod identify;
mod mapping;
pub mod negotiate;
mod stream;
mod trouble;

pub use camera::Camera;

/// What a camera said of itself: a file of `tests/data/cameras`.
#[cfg(test)]
fn recorded(camera: &str) -> description::Description {
    let file = format!("{}/tests/data/cameras/{camera}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"))
}

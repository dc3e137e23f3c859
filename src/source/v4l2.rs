//! Cameras that are connected to this machine, over V4L2. Nothing outside this folder names V4L2.
//!
//! `capture` is the thread of a camera. It finds the device with `identify`, chooses a mode with `negotiate`, checks
//! the `layout` that the driver gives, sets controls by a `control_plan`, and captures with a `stream`, whose frames
//! hold `driver_buffers` without a copy. While the device is missing it waits for events of `hotplug`. `negotiate`,
//! `layout` and `control_plan` are pure. `description` is what a camera says about itself. Only `device` calls the
//! driver. `capture_error` has the error texts.

mod capture;
mod capture_error;
pub mod control_plan;
pub mod description;
pub mod device;
mod driver_buffers;
mod hotplug;
pub mod identify;
mod layout;
mod mapping;
pub mod negotiate;
mod stream;

pub use capture::{CaptureThread, PreparedCapture};

/// Reads the recorded description of a camera from `tests/data/cameras`.
#[cfg(test)]
fn recorded(camera: &str) -> description::Description {
    let file = format!("{}/tests/data/cameras/{camera}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"))
}

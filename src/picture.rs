//! Pictures for people and programs: frames as JPEG files, with boxes or text drawn into them.
//!
//! Encoding takes milliseconds. The threads that do it have the lowest priority; none of them is on the way of a frame.

pub mod bitmap;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
pub mod jpeg;
pub mod latest_frame;
mod masked_jpeg;

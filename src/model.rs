//! Networks of the user's own: ONNX files that say what is in a picture.
//!
//! A [`manifest`] says how a picture goes into a network and what its outputs mean. [`mod@file`] reads the file within bounds,
//! [`onnx`] looks at its structure, and [`process`] runs it in a process of its own, by one of the engines in [`engine`]: whatever
//! is in the file, it costs that process and not this one. [`prepare`] and [`decode`] are what happens before and after a run, as
//! pure functions. [`detector`] is all of it together, and [`pool`] what stages have of it.
//!
//! What fovea finds are things and their kinds. Who somebody is, is none of its business.

pub mod candidate;
pub mod decode;
pub mod detector;
pub mod engine;
pub mod file;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
pub mod labels;
pub mod letterbox;
pub mod manifest;
pub mod onnx;
pub mod pool;
pub mod prepare;
pub mod process;
pub mod tensor;
pub mod turns;
pub mod worker;

//! The processor's thread: it owns OpenCV and one core.
//!
//! `worker` is its loop. A frame goes through the `pipeline` of its camera, which decodes it once and gives its `views` to
//! every stage. Only this module and the stages name OpenCV's types.

pub mod bgr;
mod buffers;
mod crop_decoder;
pub mod decoder;
pub(crate) mod jpeg_structure;
pub(crate) mod luma_dc;
pub mod pipeline;
pub mod pixels;
pub mod scale;
mod small_luma;
pub mod views;
pub mod worker;

use crate::config::MAIN;

/// The thread of a processor: `main` has had its name since there was one processor.
#[must_use]
pub fn thread_name(processor: &str) -> String {
    if processor == MAIN { MAIN_THREAD.to_owned() } else { format!("{THREAD_PREFIX}{processor}") }
}

/// Whether a thread of the daemon has the name of a processor's.
#[must_use]
pub fn is_thread_name(name: &str) -> bool {
    name == MAIN_THREAD || name.starts_with(THREAD_PREFIX)
}

const MAIN_THREAD: &str = "processor";
const THREAD_PREFIX: &str = "proc-";

/// Why the processor does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// libjpeg-turbo finds no memory for itself.
    #[error("the JPEG decoder does not start")]
    Decoder(#[from] turbojpeg::Error),
    /// OpenCV refuses its settings.
    #[error("OpenCV does not start")]
    OpenCv(#[from] opencv::Error),
}

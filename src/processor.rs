//! The thread that looks: it owns OpenCV and one core.
//!
//! `run` is its loop. A frame becomes a `picture`, whose views the `stages` of its camera look at; each stage is one
//! file. Only here are OpenCV's types named.

pub mod decoder;
pub mod events;
pub mod motion;
pub mod picture;
pub mod pixels;
pub mod run;
pub mod scale;
pub mod stages;

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

/// Keeps OpenCV to the calling thread: no threads of its own, no GPU. To be called on the processor's thread.
///
/// # Errors
/// When OpenCV does not do it.
pub fn set_up() -> Result<(), StartError> {
    opencv::core::set_num_threads(1)?;
    Ok(opencv::core::set_use_opencl(false)?)
}

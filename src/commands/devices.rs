//! `fovea devices`: every camera that is plugged into this machine, and how to configure it.

#[cfg(feature = "v4l2")]
mod list;
#[cfg(feature = "v4l2")]
mod words;

use super::Failure;

/// Lists them.
///
/// # Errors
/// When the kernel's list cannot be read.
#[cfg(feature = "v4l2")]
pub fn run(as_json: bool) -> Result<(), Failure> {
    let nodes = list::all()?;
    if as_json {
        super::say(serde_json::to_string_pretty(&nodes)?)?;
    } else {
        super::say(words::of(&nodes))?;
    }
    Ok(())
}

/// There are none for this fovea.
///
/// # Errors
/// Always.
#[cfg(not(feature = "v4l2"))]
pub fn run(_: bool) -> Result<(), Failure> {
    #[derive(Debug, thiserror::Error)]
    #[error("this fovea was built without cameras at the board (feature v4l2)")]
    struct LeftOut;
    Err(LeftOut.into())
}

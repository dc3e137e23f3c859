//! `fovea devices`: lists the cameras that are plugged into this machine, and how to configure them.

#[cfg(feature = "v4l2")]
mod format;
#[cfg(feature = "v4l2")]
mod list;

use super::Failure;
#[cfg(feature = "v4l2")]
use crate::system::printable::json;

/// Prints the list.
///
/// # Errors
/// If the kernel's list of devices cannot be read.
#[cfg(feature = "v4l2")]
pub fn run(as_json: bool) -> Result<(), Failure> {
    let nodes = list::all()?;
    if as_json {
        super::print_line(json(&serde_json::to_string_pretty(&nodes)?))?;
    } else {
        super::print_line(format::list(&nodes))?;
    }
    Ok(())
}

/// Fails: this build has no V4L2.
///
/// # Errors
/// Always.
#[cfg(not(feature = "v4l2"))]
pub fn run(_: bool) -> Result<(), Failure> {
    #[derive(Debug, thiserror::Error)]
    #[error("this fovea was built without local cameras: build it with the feature v4l2")]
    struct NotBuiltIn;
    Err(NotBuiltIn.into())
}

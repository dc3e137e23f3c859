//! `fovea check`: the daemon's own loader, and nothing started.

use std::path::Path;

use super::{Failure, say};
use crate::{config::Config, system::cores::Cores};

/// Tells in one line what the configuration in `file` asks for; if it is for `here`, after looking whether the processor can have
/// its core.
///
/// # Errors
/// All that is wrong with it.
pub fn run(file: &Path, here: bool) -> Result<(), Failure> {
    let config = Config::load(file).map_err(Failure::of_config)?;
    if here {
        Cores::plan(config.processor.core).map_err(Failure::of_config)?;
    }
    let names: Vec<_> = config.cameras.iter().map(|camera| camera.name.as_str()).collect();
    let cameras = if names.len() == 1 { "camera" } else { "cameras" };
    let (file, count, names, listen) = (file.display(), names.len(), names.join(", "), config.server.listen);
    say(format_args!("{file}: good: {count} {cameras} ({names}), listening on {listen}"))?;
    Ok(())
}

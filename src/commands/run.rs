//! `fovea run`: the daemon, from its configuration to the signal that ends it.

use std::os::fd::AsFd;

use log::{error, info};
use nix::poll::PollFlags;

use super::{Failure, RunArgs, signals::Signals};
use crate::{
    config::Config,
    daemon::{Daemon, StartError},
    system::{logging, wake::wait},
};

/// A thread ended by itself; the log has the reason.
#[derive(Debug, thiserror::Error)]
#[error("a thread ended that should not have; the log has the reason")]
struct Unexpected;

/// Runs the daemon until SIGTERM or SIGINT. A second signal ends it at once.
///
/// # Errors
/// When the configuration is wrong, something does not start, or a thread ends by itself or not at all.
pub fn run(args: &RunArgs) -> Result<(), Failure> {
    let config = Config::load(&args.config).map_err(Failure::of_config)?;
    logging::start(config.log.level)?;
    let signals = Signals::catch()?;
    let daemon = Daemon::start(&config).map_err(failure)?;

    let is_asked = loop {
        let signals = (signals.as_fd(), PollFlags::POLLIN);
        match wait([signals, (daemon.ended().as_fd(), PollFlags::POLLIN)], None)? {
            [false, false] => {}
            [is_asked, _] => break is_asked,
        }
    };
    if !is_asked {
        error!("a thread ended that should not have");
        daemon.stop()?;
        return Err(Unexpected.into());
    }
    info!("asked to stop");
    signals.release()?;
    Ok(daemon.stop()?)
}

/// What asks for a core that is not to be had is wrong until it is changed.
fn failure(error: StartError) -> Failure {
    match error {
        StartError::Cores(error) => Failure::of_config(error),
        other => other.into(),
    }
}

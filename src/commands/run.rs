//! `fovea run`: the daemon, from its configuration to the signal that ends it.

use std::{
    os::fd::AsFd,
    time::{Duration, Instant},
};

use log::{error, info};
use nix::poll::PollFlags;

use super::{Failure, RunArgs, signals::Signals};
use crate::{
    config::Config,
    daemon::{Daemon, StartError},
    system::{
        logging,
        notify::{Given, Systemd},
        wake::wait,
        watchdog::Moving,
    },
};

/// How often systemd is told how it goes, if that is news, and that all is alive.
const BEAT: Duration = Duration::from_secs(2);

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
    let given = Given::to_this_process().map_err(Failure::of_config)?;
    let beat = given.watchdog.map_or(BEAT, |interval| BEAT.min(interval / 4));
    let mut daemon = Daemon::start(&config, given).map_err(failure)?;
    let mut systemd = Systemd::of_this_process();
    systemd.ready();

    let is_asked = loop {
        let mut until = None;
        if systemd.listens() {
            report(&mut systemd, &mut daemon);
            until = Some(Instant::now() + beat);
        }
        let signals = (signals.as_fd(), PollFlags::POLLIN);
        match wait([signals, (daemon.ended().as_fd(), PollFlags::POLLIN)], until)? {
            [false, false] => {}
            [is_asked, _] => break is_asked,
        }
    };
    systemd.stopping();
    if !is_asked {
        error!("a thread ended that should not have");
        daemon.stop()?;
        return Err(Unexpected.into());
    }
    info!("asked to stop");
    signals.release()?;
    Ok(daemon.stop()?)
}

/// Tells systemd how it goes, and that all is alive if it is.
fn report(systemd: &mut Systemd, daemon: &mut Daemon) {
    let mut words = daemon.status().report().in_words();
    match daemon.watchdog().look() {
        Moving::NotWatched => {}
        Moving::All => systemd.alive(),
        Moving::AllBut(name) => words += &format!("; the thread {name} stands still"),
    }
    systemd.status(words);
}

/// What asks for a core that is not to be had is wrong until it is changed.
fn failure(error: StartError) -> Failure {
    match error {
        error @ (StartError::Cores(_) | StartError::Exposed(_)) => Failure::of_config(error),
        other => other.into(),
    }
}

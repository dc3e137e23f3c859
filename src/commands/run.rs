//! `fovea run`: the daemon, from its configuration to the signal that ends it.

use std::{
    os::fd::AsFd,
    path::Path,
    time::{Duration, Instant},
};

use log::{error, info};
use nix::poll::PollFlags;

use super::{Failure, RunArgs, signals::Signals};
use crate::{
    config::Config,
    daemon::{Daemon, StartError},
    system::{
        event_fd::poll,
        logging,
        notify::{Systemd, SystemdEnv},
        watchdog::Liveness,
    },
};

/// How often systemd is told how it goes, if that is news, and that all is alive.
const BEAT: Duration = Duration::from_secs(2);

/// A thread ended by itself; the log has the reason.
#[derive(Debug, thiserror::Error)]
#[error("a thread ended that should not have; the log has the reason")]
struct Unexpected;

/// Runs the daemon until SIGTERM or SIGINT. A second signal ends it at once; SIGHUP has it read its configuration again.
///
/// # Errors
/// When the configuration is wrong, something does not start, or a thread ends by itself or not at all.
pub fn run(args: &RunArgs) -> Result<(), Failure> {
    let config = Config::load(&args.config).map_err(Failure::of_config)?;
    logging::start(config.log.level)?;
    let (to_end, to_reload) = (Signals::to_end()?, Signals::to_reload()?);
    let given = SystemdEnv::read().map_err(Failure::of_config)?;
    let beat = given.watchdog.map_or(BEAT, |interval| BEAT.min(interval / 4));
    let daemon = Daemon::start(config, given).map_err(failure)?;
    let mut service = Service { daemon, systemd: Systemd::of_this_process(), trouble: None };
    service.systemd.ready();

    let is_asked = loop {
        let until = service.systemd.listens().then(|| Instant::now() + beat);
        service.report();
        let ended = service.daemon.ended().as_fd();
        match poll([to_end.as_fd(), to_reload.as_fd(), ended].map(|fd| (fd, PollFlags::POLLIN)), until)? {
            [false, false, false] => {}
            [false, true, false] => {
                to_reload.take()?;
                service.reload(&args.config);
            }
            [is_asked, ..] => break is_asked,
        }
    };
    let Service { daemon, systemd, .. } = service;
    systemd.stopping();
    if !is_asked {
        error!("a thread ended that should not have");
        daemon.stop()?;
        return Err(Unexpected.into());
    }
    info!("asked to stop");
    to_end.release()?;
    Ok(daemon.stop()?)
}

/// The daemon, and who wants to hear how it goes.
#[derive(Debug)]
struct Service {
    daemon: Daemon,
    systemd: Systemd,
    /// Why the configuration is not the one in the file.
    trouble: Option<String>,
}

impl Service {
    /// Tells systemd how it goes, and that all is alive if it is.
    fn report(&mut self) {
        if !self.systemd.listens() {
            return;
        }
        let mut words = vec![self.daemon.status().report().in_words()];
        match self.daemon.watchdog().check() {
            Liveness::NotWatched => {}
            Liveness::All => self.systemd.alive(),
            Liveness::Stalled(name) => words.push(format!("the thread {name} stands still")),
        }
        words.extend(self.trouble.clone());
        self.systemd.status(words.join("; "));
    }

    /// Reads the configuration again and makes it hold; a bad one changes nothing, and all that is wrong is told.
    fn reload(&mut self, file: &Path) {
        self.systemd.reloading();
        self.trouble = match self.try_reload(file) {
            Ok(()) => {
                info!("the configuration is read again, and holds");
                None
            }
            Err(failure) => {
                let reasons = failure.to_string();
                reasons.lines().for_each(|reason| error!("{reason}"));
                error!("the configuration stays as it was");
                let more = reasons.lines().count() - 1;
                let more = if more == 0 { String::new() } else { format!(" (and {more} more)") };
                Some(format!("not reloaded: {}{more}", reasons.lines().next().unwrap_or_default()))
            }
        };
        self.systemd.ready();
    }

    fn try_reload(&mut self, file: &Path) -> Result<(), Failure> {
        let config = Config::load(file)?;
        self.daemon.reload(&config)?;
        log::set_max_level(config.log.level);
        Ok(())
    }
}

/// What asks for a core that is not to be had is wrong until it is changed.
fn failure(error: StartError) -> Failure {
    match error {
        error @ (StartError::Cores(_) | StartError::Exposed(_)) => Failure::of_config(error),
        other => other.into(),
    }
}

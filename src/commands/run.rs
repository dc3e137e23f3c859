//! `fovea run`: runs the daemon, from loading its configuration to the signal that ends it.

use std::{
    os::fd::AsFd,
    path::Path,
    time::{Duration, Instant},
};

use log::{error, info, warn};
use nix::poll::PollFlags;

use super::{Failure, RunArgs, signals::Signals};
use crate::{
    config::{Config, Diagnostics},
    daemon::{Daemon, StartError},
    output,
    system::{
        event_fd::poll,
        logging,
        notify::{Systemd, SystemdEnv},
        watchdog::Liveness,
    },
};

/// How often systemd gets the status, if that changed, and a watchdog ping, unless a thread stands still.
const SYSTEMD_INTERVAL: Duration = Duration::from_secs(2);

/// A thread of the daemon ended by itself. The thread has logged the reason.
#[derive(Debug, thiserror::Error)]
#[error("a thread of the daemon ended by itself; the log has the reason")]
struct ThreadEnded;

/// Runs the daemon until SIGTERM or SIGINT. A second signal ends the process at once; SIGHUP reloads the configuration.
///
/// # Errors
/// If the configuration is invalid, if something does not start, or if a thread ends by itself or does not end in time.
pub fn run(args: &RunArgs) -> Result<(), Failure> {
    let config = Config::load(&args.config).map_err(Failure::of_config)?;
    logging::start(config.log.level)?;
    log_warnings(&config);
    let (termination, reload) = (Signals::termination()?, Signals::reload()?);
    let systemd_env = SystemdEnv::read().map_err(Failure::of_config)?;
    let interval = systemd_env.watchdog.map_or(SYSTEMD_INTERVAL, |limit| SYSTEMD_INTERVAL.min(limit / 4));
    let daemon = Daemon::start(config, systemd_env).map_err(start_failure)?;
    let mut service = Service { daemon, systemd: Systemd::of_this_process(), reload_error: None };
    service.systemd.ready();

    let is_signalled = loop {
        let deadline = service.systemd.listens().then(|| Instant::now() + interval);
        service.report();
        let (ended, turned) = (service.daemon.ended().as_fd(), service.daemon.switches_turned().as_fd());
        let descriptors = [termination.as_fd(), ended, reload.as_fd(), turned].map(|fd| (fd, PollFlags::POLLIN));
        match poll(descriptors, deadline)? {
            [false, false, is_reload, are_turned] => {
                if are_turned {
                    service.daemon.apply_switches();
                }
                if is_reload {
                    reload.acknowledge()?;
                    service.reload(&args.config);
                }
            }
            [is_signalled, ..] => break is_signalled,
        }
    };
    let Service { daemon, systemd, .. } = service;
    systemd.stopping();
    if !is_signalled {
        error!("a thread of the daemon ended by itself; fovea stops");
        daemon.stop()?;
        return Err(ThreadEnded.into());
    }
    info!("a signal asks fovea to stop");
    termination.release()?;
    Ok(daemon.stop()?)
}

/// The daemon, and systemd as its supervisor.
#[derive(Debug)]
struct Service {
    daemon: Daemon,
    systemd: Systemd,
    /// Why the last reload failed; `None` if the configuration is the one in the file.
    reload_error: Option<String>,
}

impl Service {
    /// Sends systemd the status, and the watchdog ping if every thread is alive.
    fn report(&mut self) {
        if !self.systemd.listens() {
            return;
        }
        let mut status = vec![self.daemon.status().report().summary()];
        match self.daemon.watchdog().check() {
            Liveness::NotWatched => {}
            Liveness::All => self.systemd.alive(),
            Liveness::Stalled(name) => status.push(format!("the thread {name} stands still")),
        }
        status.extend(self.reload_error.clone());
        self.systemd.status(status.join("; "));
    }

    /// Reloads the configuration. An invalid one changes nothing, and the log lists every diagnostic.
    fn reload(&mut self, file: &Path) {
        self.systemd.reloading();
        self.reload_error = match self.try_reload(file) {
            Ok(()) => {
                info!("the new configuration is in use");
                None
            }
            Err(failure) => {
                let reasons = failure.to_string();
                reasons.lines().for_each(|reason| error!("{reason}"));
                error!("the old configuration stays in use");
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
        log_warnings(&config);
        log::set_max_level(config.log.level);
        Ok(())
    }
}

/// Tells what the next version will refuse.
fn log_warnings(config: &Config) {
    config.warnings.iter().flat_map(Diagnostics::lines).for_each(|warning| warn!("{warning}"));
}

/// The failure of a start. A configuration that asks for a missing core, or exposes a port, stays invalid until
/// somebody changes it.
pub(super) fn start_failure(error: StartError) -> Failure {
    match error {
        error @ (StartError::Cores(_)
        | StartError::Exposed(_)
        | StartError::Output(output::StartError::Webhook(_) | output::StartError::Mqtt(_))) => {
            Failure::of_config(error)
        }
        other => other.into(),
    }
}

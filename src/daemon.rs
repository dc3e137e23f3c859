//! What runs: every thread, how they start, and the order in which they end.
//!
//! | thread | owns | waits on | ends when |
//! | --- | --- | --- | --- |
//! | main | everything it built | signals, "a thread ended" | first signal to end, or a thread ended by itself |
//! | listen | the port's socket | poll: socket, stop, "a client ended" | stop |
//! | cam-NAME | one local camera | poll: device, mailbox, device events | stop |
//! | ws-NAME | one client | poll: socket, its queue | its client leaves or is sent away |
//! | journal | events in the log | its queue | its queue is closed |
//! | events | the event log and its pictures | its queue | its queue is closed |
//! | webhook-NAME | one server that gets events | its queue, the server's answer | its queue is closed; nobody waits for it |
//! | mqtt | the connection to a broker | its reactor | its queue is closed; nobody waits for it |
//! | http | the port that people look at | its reactor | stop |
//! | model-NAME | a network in another process | a question of its processor, the network's answer | nobody uses it any more; nobody waits for it |
//! | processor, proc-NAME | OpenCV, one core | [`Slot::take`](crate::slot::Slot::take) | its slot is closed |

mod cameras;
mod local_cameras;
mod processors;

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::{Duration, Instant},
};

use log::{error, info, warn};

use self::{
    cameras::Cameras,
    local_cameras::LocalCameras,
    processors::{Processor, Processors, SpawnError, log_cores},
};
use crate::{
    access::{Access, local::LocalTokenError},
    capacity::Capacity,
    config::{self, Config, mask::Mask},
    event_log::EventLog,
    http,
    output::{self, Outputs},
    processor,
    source::websocket::{Listener, Server},
    status::Status,
    switches::Switches,
    system::{
        cores::{Cores, CoresError},
        entropy,
        event_fd::EventFd,
        malloc,
        notify::SystemdEnv,
        thread::{JoinTimeout, Thread},
        watchdog::Watchdog,
    },
    tls::{Tls, TlsError},
};

/// How long the clients may take to be seen off.
const SOURCES_END: Duration = Duration::from_millis(1200);

/// How long all of it may take, the frame that is just looked at included. Two seconds are promised.
const ALL_ENDS: Duration = Duration::from_millis(1800);

/// The running daemon.
#[derive(Debug)]
pub struct Daemon {
    /// As it was at the start: what cannot change without a restart.
    started_with: Config,
    address: SocketAddr,
    cameras: Cameras,
    local_cameras: LocalCameras,
    access: Arc<Access>,
    switches: Arc<Switches>,
    server: Arc<Server>,
    event_log: Option<Arc<EventLog>>,
    outputs: Outputs,
    stop: Arc<EventFd>,
    ended: Arc<EventFd>,
    listen: Thread,
    processors: Processors,
    http: Option<http::Server>,
    watchdog: Watchdog,
}

/// Why the daemon does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The processor cannot have its core.
    #[error(transparent)]
    Cores(#[from] CoresError),
    /// The port cannot be had.
    #[error("cannot listen on {address}: {}", advice(.source.kind(), key))]
    Listen {
        /// Where that is configured.
        key: &'static str,
        /// As configured.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The port that systemd opened may not be had.
    #[error(
        "systemd hands over {0}, and everybody who can reach that address could send and watch; make a token (fovea token \
         add), set server.allow_anonymous = true to allow that, or set ListenStream=127.0.0.1:8999 in the socket unit"
    )]
    Exposed(SocketAddr),
    /// The local users' token cannot be made.
    #[error(transparent)]
    LocalToken(#[from] LocalTokenError),
    /// There is no certificate.
    #[error("[tls]")]
    Tls(#[from] TlsError),
    /// An output does not start.
    #[error(transparent)]
    Output(#[from] output::StartError),
    /// The processor cannot look.
    #[error(transparent)]
    Processor(#[from] processor::StartError),
    /// The system has no thread or descriptor for it.
    #[error("the system has no thread or descriptor left for the daemon")]
    System(#[from] io::Error),
}

impl From<SpawnError> for StartError {
    fn from(error: SpawnError) -> Self {
        match error {
            SpawnError::Cores(error) => Self::Cores(error),
            SpawnError::Processor(error) => Self::Processor(error),
            SpawnError::System(error) => Self::System(error),
        }
    }
}

fn advice(kind: io::ErrorKind, key: &str) -> String {
    match kind {
        io::ErrorKind::AddrInUse => {
            format!("another program has the port (ss -ltnp shows which); stop it, or choose another port in {key}")
        }
        io::ErrorKind::AddrNotAvailable => "this machine has no such address; `ip address` lists its addresses".into(),
        io::ErrorKind::PermissionDenied => format!("ports below 1024 need a privilege; choose a higher port in {key}"),
        _ => "the system does not allow it".into(),
    }
}

impl Daemon {
    /// Starts everything; ready when it returns. The calling thread is moved off the processors' cores.
    ///
    /// If systemd gave a port it is listened at, whatever `server.listen` says.
    ///
    /// # Errors
    /// When something of it cannot start. Nothing is left running then but what ends with the process.
    pub fn start(config: Config, given: SystemdEnv) -> Result<Self, StartError> {
        malloc::keep();
        let cores = Cores::plan(&config.wanted_cores())?;
        cores.pin_housekeeping()?;

        entropy::warn_if_missing();
        let tls = config.tls.as_ref().map(|tls| Tls::new(tls.files.as_ref())).transpose()?;
        // Before the port is open: clients that connect again read it first.
        let access = Arc::new(Access::start(config.policy())?);
        let cannot_listen = |key, address| move |source| StartError::Listen { key, address, source };
        let listen = config.server.listen;
        let listener = match given.port {
            Some(port) => take_port(&config, port)?,
            None => Listener::bind(listen).map_err(cannot_listen("server.listen", listen))?,
        };
        let address = listener.address()?;
        let bind = |http: &config::Http| http::Listener::bind(http).map_err(cannot_listen("http.listen", http.listen));
        let http_port = config.http.as_ref().map(bind).transpose()?;

        let mut watchdog = Watchdog::new(given.watchdog);
        let (stop, ended) = (Arc::new(EventFd::new()?), Arc::new(EventFd::new()?));
        // Somebody looks at pictures, or gets those of events.
        let needs_pictures = http_port.is_some() || !config.webhooks.is_empty() || config.mqtt.is_some();
        let named = |(index, one): (usize, &config::Processor)| Processor::new(&one.name, cores.processor(index));
        let all: Vec<_> = config.processors.iter().enumerate().map(named).collect();
        let mut cameras = Cameras::new(needs_pictures, &all);
        let next = cameras.prepare(&config.cameras);
        let mut local_cameras = LocalCameras::default();
        let next_local = local_cameras.prepare(&next, &mut watchdog)?;
        cameras.apply(next);
        cameras.status.set_capacity(Capacity::load());

        let Cameras { hub, status, frames, .. } = &cameras;
        let switches = Arc::new(Switches::new(status.clone())?);
        let event_log = needs_pictures.then(|| Arc::new(EventLog::new(config.events)));
        event_log.iter().for_each(|log| log.set_masks(masks(&config)));
        let context = output::Context {
            hub: hub.clone(),
            frames: frames.clone(),
            event_log: event_log.clone(),
            webhooks: config.webhooks.clone(),
            mqtt: config.mqtt.clone(),
            status: status.clone(),
            switches: switches.clone(),
        };
        let outputs = Outputs::start(&context, &ended)?;
        let processors = Processors::start(&config, all, &cores, hub, &ended, &mut watchdog)?;
        let server = Arc::new(Server::new(
            config.server.clone(),
            &cameras.endpoints(),
            hub.clone(),
            access.clone(),
            tls.clone(),
        ));
        let listen = Thread::spawn("listen", ended.clone(), {
            let (server, stop, heartbeat) = (server.clone(), stop.clone(), watchdog.watch("listen"));
            move || {
                if let Err(error) = listener.run(&server, &stop, &heartbeat) {
                    error!("the WebSocket port failed: {error}");
                }
            }
        })?;

        let http = http_port.zip(event_log.clone()).map(|(port, event_log)| {
            let (hub, status, cameras, tls) = (hub.clone(), status.clone(), cameras.views(), tls.clone());
            let (websocket_port, websocket_connections) = (address.port(), server.connections().clone());
            let inputs = http::Inputs {
                cameras,
                status,
                switches: switches.clone(),
                hub,
                event_log,
                websocket_port,
                websocket_connections,
                access: access.clone(),
                tls,
            };
            port.serve(inputs, stop.clone(), ended.clone())
        });
        let http = http.transpose()?;

        local_cameras.apply(next_local);

        info!("fovea {} listening on {address}", env!("CARGO_PKG_VERSION"));
        log_cores(&config, &cores);
        if let Some(tls) = &tls {
            info!("TLS certificate with the SHA-256 fingerprint {}", tls.fingerprint());
        }
        if let Some(http) = &http {
            info!("live pictures, events and metrics at http://{}", http.address());
        }
        for sentence in config.exposure(address, http.as_ref().map(http::Server::address)) {
            info!("{sentence}");
        }
        let started_with = config;
        Ok(Self {
            started_with,
            address,
            cameras,
            local_cameras,
            access,
            switches,
            server,
            event_log,
            outputs,
            stop,
            ended,
            listen,
            processors,
            http,
            watchdog,
        })
    }

    /// Makes another configuration hold. Cameras, connections and frames that it does not concern notice nothing;
    /// limits hold for clients that connect from now on; the log lists what needs a restart.
    ///
    /// # Errors
    /// When something of it cannot start. Nothing has changed then.
    pub fn reload(&mut self, config: &Config) -> Result<(), StartError> {
        // First all that can fail; nothing that runs is touched by it.
        self.processors.add(config, &mut self.watchdog)?;
        self.cameras.set_processors(self.processors.all());
        let next = self.cameras.prepare(&config.cameras);
        let next_local = self.local_cameras.prepare(&next, &mut self.watchdog)?;
        // Before outputs hear of the masks: what they ask for then was made with them.
        if let Some(log) = &self.event_log {
            log.set_limits(config.events);
            log.set_masks(masks(config));
        }
        self.cameras.apply(next);
        self.cameras.status.models().look_for_changes();
        self.cameras.status.set_capacity(Capacity::load());
        // First nobody new is let in by the old tokens, then who came by them is sent away.
        self.access.reconfigure(config.policy());
        self.server.close_revoked();
        self.server.reconfigure(config.server.clone(), &self.cameras.endpoints());
        self.local_cameras.apply(next_local);
        if let Some(http) = &self.http {
            http.set_cameras(self.cameras.views());
            http.close_revoked();
        }
        self.warn_restart_required(config);
        Ok(())
    }

    /// Tells what in a new configuration has to wait for a restart.
    fn warn_restart_required(&self, new: &Config) {
        let old = &self.started_with;
        let (main, old_main) = (&new.processors[0], &old.processors[0]);
        // Who needs a token is no matter of the port: that changes at once.
        let http = |config: &Config| config.http.clone().map(|http| config::Http { allow_anonymous: false, ..http });
        let changes = [
            ("server.listen", new.server.listen != old.server.listen),
            ("server.allow_anonymous", !new.may_listen_at(self.address)),
            ("[http]", http(new) != http(old)),
            ("[tls]", new.tls != old.tls),
            ("[[webhook]]", new.webhooks != old.webhooks),
            ("[mqtt]", new.mqtt != old.mqtt),
            ("processor.core", main.core != old_main.core),
            ("processor.realtime_priority", main.realtime_priority != old_main.realtime_priority),
            ("processor.fast_luma", main.fast_luma != old_main.fast_luma),
            ("[[processor]]", new.processors[1..] != old.processors[1..]),
        ];
        for (key, _) in changes.iter().filter(|(_, has_changed)| *has_changed) {
            warn!("{key} has changed: restart to apply");
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where people and monitoring look, if anywhere.
    #[must_use]
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.http.as_ref().map(http::Server::address)
    }

    /// What is known of the cameras.
    #[must_use]
    pub fn status(&self) -> &Arc<Status> {
        &self.cameras.status
    }

    /// Whether its loops move.
    pub fn watchdog(&mut self) -> &mut Watchdog {
        &mut self.watchdog
    }

    /// Set when a client turned a switch; then [`apply_switches`](Self::apply_switches) is to be called.
    #[must_use]
    pub fn switches_turned(&self) -> &EventFd {
        self.switches.turned()
    }

    /// Makes hold what clients switched.
    pub fn apply_switches(&mut self) {
        self.switches.turned().clear();
        self.cameras.apply_switches();
    }

    /// Set when a thread ended that should not have.
    #[must_use]
    pub fn ended(&self) -> &EventFd {
        &self.ended
    }

    /// Ends everything, in the order in which frames pass: first no more come in, then the last one is finished.
    ///
    /// # Errors
    /// With the thread that did not end in time.
    pub fn stop(self) -> Result<(), JoinTimeout> {
        let now = Instant::now();
        self.stop.set();
        let cameras = self.local_cameras.stop(now + SOURCES_END);
        let sources = self.listen.join_until(now + SOURCES_END).and(cameras);
        self.cameras.status.models().stop();
        let processors = self.processors.stop(now + ALL_ENDS);
        let outputs = self.outputs.stop(now + ALL_ENDS);
        self.cameras.log_counts();
        if let Some(http) = self.http {
            http.join(now + ALL_ENDS);
        }
        sources.and(processors).and(outputs)
    }
}

/// The masks of all cameras.
fn masks(config: &Config) -> impl Iterator<Item = (&str, &[Mask])> {
    config.cameras.iter().map(|camera| (camera.name.as_str(), camera.masks.as_slice()))
}

/// Takes the port that somebody opened for us, under the same rule as one of our own.
fn take_port(config: &Config, port: TcpListener) -> Result<Listener, StartError> {
    let address = port.local_addr()?;
    if !config.may_listen_at(address) {
        return Err(StartError::Exposed(address));
    }
    let listen = config.server.listen;
    if address != listen {
        warn!("fovea listens on {address}, which systemd hands over; server.listen = \"{listen}\" is not used");
    }
    Ok(Listener::adopt(port)?)
}

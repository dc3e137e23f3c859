//! The port: connections, each bounded in everything that it can take, on one thread that gives way to all others.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::{Duration, Instant},
};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use log::{error, warn};
use nix::sys::socket::{
    setsockopt,
    sockopt::{SndBuf, TcpUserTimeout},
};
use tokio::{
    net::{self, TcpStream},
    runtime,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::sleep,
};

use super::{
    Sight, Sights,
    routes::{self, Parts},
    screens::Screens,
};
use crate::{
    config,
    system::{async_event_fd::AsyncEventFd, cores, event_fd::EventFd, thread::Thread},
    telemetry::log_limiter::LogLimiter,
};

/// Connections beyond `http.max_clients` that are still listened to, to be told that they are too many.
const TOLD_FULL: usize = 8;

/// Time for a request to come, the first on a connection or the next. The page asks every two seconds; whoever comes
/// back later connects again, and who only holds the place loses it.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes of a request. Browsers send about 600.
const MAX_REQUEST_BYTES: usize = 16 * 1024;

/// Bytes that may wait to be sent before the next picture is asked for: hardly any, so that one waits and not several.
const WAITING_BYTES: usize = 16 * 1024;

/// Bytes that the kernel keeps for a viewer. As much again is its own bookkeeping. On a network with 10 ms there and back
/// this is 13 MB a second.
const SEND_BUFFER_BYTES: usize = 128 * 1024;

/// How long a viewer may take nothing of what waits for it before it loses its place.
const STUCK: Duration = Duration::from_secs(60);

/// Time to wait when the system has no descriptor for one more connection.
const EXHAUSTED: Duration = Duration::from_millis(500);

/// The open port.
#[derive(Debug)]
pub struct Port {
    socket: TcpListener,
    settings: config::Http,
}

/// The thread that serves it.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    screens: Arc<Screens>,
    thread: Thread,
}

impl Port {
    /// Opens the port.
    ///
    /// # Errors
    /// When the system does not give it, mostly because another program has it.
    pub fn bind(settings: &config::Http) -> io::Result<Self> {
        let socket = TcpListener::bind(settings.listen)?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket, settings: settings.clone() })
    }

    /// Serves what there is to see until `stop` is set, on a thread of its own.
    ///
    /// # Errors
    /// When the system has no thread or descriptors for it.
    pub fn serve(self, sights: Sights, stop: Arc<EventFd>, ended: Arc<EventFd>) -> io::Result<Running> {
        let Self { socket, settings } = self;
        let Sights { cameras, status, hub, websocket_port } = sights;
        let screens = Arc::new(Screens::new(cameras));
        let address = socket.local_addr()?;
        // One thread beside it for what takes long: pictures made for viewers, one after the other.
        let runtime = runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .max_blocking_threads(1)
            .thread_name("http-pictures")
            .on_thread_start(set_lowest_priority)
            .build()?;
        let shown = screens.clone();
        let thread = Thread::spawn("http", ended, move || {
            set_lowest_priority();
            let served = runtime.block_on(async {
                let socket = net::TcpListener::from_std(socket)?;
                let stop = AsyncEventFd::new(stop)?;
                let app = Parts::new(shown, &hub, status, websocket_port)?;
                let (news, screens, routes) = (app.news.clone(), app.screens.clone(), routes::routes(app, &settings));
                tokio::select! {
                    stopped = stop.is_set() => stopped,
                    failed = news.run(&screens) => failed,
                    () = accept(socket, routes, settings.max_clients) => Ok(()),
                }
            });
            // A picture that is just being made is not waited for.
            runtime.shutdown_background();
            if let Err(error) = served {
                error!("the HTTP port is lost: {error}");
            }
        })?;
        Ok(Running { address, screens, thread })
    }
}

impl Running {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Has other cameras shown from now on.
    pub fn show(&self, cameras: Vec<Sight>) {
        self.screens.set(cameras);
    }

    /// Waits for its end until `limit`. Nothing depends on it: whoever looks at pictures keeps nobody from stopping.
    pub fn leave(self, limit: Instant) {
        if let Err(late) = self.thread.join_until(limit) {
            warn!("{late}");
        }
    }
}

/// Lets every other thread go ahead of the calling one.
fn set_lowest_priority() {
    if let Err(error) = cores::set_lowest_priority() {
        warn!("the HTTP threads do not give way to the others: {error}");
    }
}

/// Accepts connections, for ever.
async fn accept(listener: net::TcpListener, app: Router, max_clients: usize) {
    let (places, told_full) = (Arc::new(Semaphore::new(max_clients)), Arc::new(Semaphore::new(TOLD_FULL)));
    let full = routes::full(max_clients);
    let exhausted = LogLimiter::default();
    loop {
        let socket = match listener.accept().await {
            Ok((socket, _)) => socket,
            Err(error) => {
                if let Some(suppressed) = exhausted.check() {
                    warn!("no room for one more HTTP connection: {error}{suppressed}");
                }
                sleep(EXHAUSTED).await;
                continue;
            }
        };
        if let Ok(place) = places.clone().try_acquire_owned() {
            tokio::spawn(serve(socket, app.clone(), place));
        } else if let Ok(place) = told_full.clone().try_acquire_owned() {
            tokio::spawn(serve(socket, full.clone(), place));
        }
    }
}

/// Serves one connection to its end.
async fn serve(socket: TcpStream, app: Router, _place: OwnedSemaphorePermit) {
    let stuck_ms = u32::try_from(STUCK.as_millis()).expect("a minute");
    let bounded = setsockopt(&socket, SndBuf, &SEND_BUFFER_BYTES).and(setsockopt(&socket, TcpUserTimeout, &stuck_ms));
    if bounded.is_err() || socket.set_nodelay(true).is_err() {
        return; // it has left already
    }
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(REQUEST_TIMEOUT);
    http.max_header_size(MAX_REQUEST_BYTES).max_buf_size(WAITING_BYTES);
    // However it ends, there is nobody left to tell.
    let _ = http.serve_connection(TokioIo::new(socket), TowerToHyperService::new(app)).await;
}

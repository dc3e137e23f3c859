//! Accepts connections and bounds each of them, on one thread of the lowest priority.

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

use super::{app::AppState, camera_view::CameraView, jpeg_cache::JpegCache, routes};
use crate::{
    config,
    hub::Hub,
    status::Status,
    system::{async_event_fd::AsyncEventFd, cores, event_fd::EventFd, thread::Thread},
    telemetry::log_limiter::LogLimiter,
};

/// Connections beyond `http.max_clients` that are still accepted, to be answered with 503.
const MAX_REJECTED: usize = 8;

/// Time for a request to come, the first on a connection or the next. The page asks every two seconds; a client that is
/// idle longer has to connect again and cannot hold its permit.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes of a request. Browsers send about 600.
const MAX_REQUEST_BYTES: usize = 16 * 1024;

/// Bytes that may wait to be sent before the next picture is asked for: less than a picture, so that only one waits.
const WRITE_BUFFER_BYTES: usize = 16 * 1024;

/// Bytes that the kernel buffers for a viewer. It takes as much again for its own bookkeeping. On a network with a round
/// trip of 10 ms this allows 13 MB a second.
const SEND_BUFFER_BYTES: usize = 128 * 1024;

/// How long a viewer may acknowledge nothing of what was sent to it before the kernel ends its connection.
const STALL_TIMEOUT: Duration = Duration::from_secs(60);

/// Pause when the system has no descriptor for one more connection.
const RETRY_DELAY: Duration = Duration::from_millis(500);

/// What the server needs from the daemon.
#[derive(Debug)]
pub struct Inputs {
    /// In the order of the configuration.
    pub cameras: Vec<CameraView>,
    /// The numbers of all cameras.
    pub status: Arc<Status>,
    /// The source of results and events.
    pub hub: Arc<Hub>,
    /// The port that frames come in at.
    pub websocket_port: u16,
}

/// The open port.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    settings: config::Http,
}

/// The running server: a handle of its thread.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    cache: Arc<JpegCache>,
    thread: Thread,
}

impl Listener {
    /// Opens the port.
    ///
    /// # Errors
    /// When the system refuses it, mostly because another program has it.
    pub fn bind(settings: &config::Http) -> io::Result<Self> {
        let socket = TcpListener::bind(settings.listen)?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket, settings: settings.clone() })
    }

    /// Serves requests on a thread of its own until `stop` is set.
    ///
    /// # Errors
    /// When the system has no threads or descriptors left.
    pub fn serve(self, inputs: Inputs, stop: Arc<EventFd>, ended: Arc<EventFd>) -> io::Result<Server> {
        let Self { socket, settings } = self;
        let Inputs { cameras, status, hub, websocket_port } = inputs;
        let cache = Arc::new(JpegCache::new(cameras));
        let address = socket.local_addr()?;
        // One more thread for what takes long: it encodes pictures, one after the other.
        let runtime = runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .max_blocking_threads(1)
            .thread_name("http-pictures")
            .on_thread_start(set_lowest_priority)
            .build()?;
        let cache_of_app = cache.clone();
        let thread = Thread::spawn("http", ended, move || {
            set_lowest_priority();
            let served = runtime.block_on(async {
                let socket = net::TcpListener::from_std(socket)?;
                let stop = AsyncEventFd::new(stop)?;
                let app = AppState::new(cache_of_app, &hub, status, websocket_port)?;
                let (bus, cache, routes) = (app.bus.clone(), app.cache.clone(), routes::routes(app, &settings));
                tokio::select! {
                    stopped = stop.is_set() => stopped,
                    failed = bus.run(&cache) => failed,
                    () = accept(socket, routes, settings.max_clients) => Ok(()),
                }
            });
            runtime.shutdown_background(); // does not wait for a picture that is being encoded
            if let Err(error) = served {
                error!("the HTTP port failed: {error}");
            }
        })?;
        Ok(Server { address, cache, thread })
    }
}

impl Server {
    /// The address that it listens at.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Replaces the cameras that it shows.
    pub fn set_cameras(&self, cameras: Vec<CameraView>) {
        self.cache.set_cameras(cameras);
    }

    /// Waits for the end of its thread until `deadline`. A thread that is late is only logged: nothing depends on it.
    pub fn join(self, deadline: Instant) {
        if let Err(late) = self.thread.join_until(deadline) {
            warn!("{late}");
        }
    }
}

/// Lets every other thread run before the calling one.
fn set_lowest_priority() {
    if let Err(error) = cores::set_lowest_priority() {
        warn!("cannot lower the priority of the HTTP threads: {error}");
    }
}

/// Accepts connections. Runs for ever.
async fn accept(listener: net::TcpListener, app: Router, max_clients: usize) {
    let (permits, rejections) = (Arc::new(Semaphore::new(max_clients)), Arc::new(Semaphore::new(MAX_REJECTED)));
    let full = routes::full(max_clients);
    let exhausted = LogLimiter::default();
    loop {
        let socket = match listener.accept().await {
            Ok((socket, _)) => socket,
            Err(error) => {
                if let Some(suppressed) = exhausted.check() {
                    warn!("cannot accept an HTTP connection: {error}{suppressed}");
                }
                sleep(RETRY_DELAY).await;
                continue;
            }
        };
        if let Ok(permit) = permits.clone().try_acquire_owned() {
            tokio::spawn(serve(socket, app.clone(), permit));
        } else if let Ok(permit) = rejections.clone().try_acquire_owned() {
            tokio::spawn(serve(socket, full.clone(), permit));
        }
    }
}

/// Serves one connection to its end.
async fn serve(socket: TcpStream, app: Router, _permit: OwnedSemaphorePermit) {
    let stall_ms = u32::try_from(STALL_TIMEOUT.as_millis()).expect("a minute");
    let bounded = setsockopt(&socket, SndBuf, &SEND_BUFFER_BYTES).and(setsockopt(&socket, TcpUserTimeout, &stall_ms));
    if bounded.is_err() || socket.set_nodelay(true).is_err() {
        return; // the client has disconnected already
    }
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(REQUEST_TIMEOUT);
    http.max_header_size(MAX_REQUEST_BYTES).max_buf_size(WRITE_BUFFER_BYTES);
    // Any error means that the client is gone.
    let _ = http.serve_connection(TokioIo::new(socket), TowerToHyperService::new(app)).await;
}

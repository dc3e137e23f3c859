//! Accepts connections and bounds each of them, on one thread of the lowest priority.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::{Duration, Instant},
};

use axum::Router;
use hyper::{
    Request,
    body::Incoming,
    server::conn::http1,
    service::{Service, service_fn},
};
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
    io::{AsyncRead, AsyncWrite},
    net::{self, TcpStream},
    runtime,
    sync::watch,
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;

use super::{
    app::AppState,
    camera_view::CameraView,
    connections::{ConnectionGuard, Connections},
    event_bus::EventBus,
    jpeg_cache::JpegCache,
    routes,
    session_cookie::ConnectionInfo,
};
use crate::{
    access::Access,
    config,
    event_log::EventLog,
    hub::Hub,
    status::Status,
    switches::Switches,
    system::{async_event_fd::AsyncEventFd, cores, event_fd::EventFd, places::Holder, thread::Thread},
    telemetry::{connection_metrics::ConnectionMetrics, log_limiter::LogLimiter},
    tls::{self, Tls},
};

/// Time for a request to come, the first on a connection or the next. The page asks every two seconds; a client that is
/// idle longer has to connect again.
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
    /// What clients may switch.
    pub switches: Arc<Switches>,
    /// The source of results and events.
    pub hub: Arc<Hub>,
    /// The events of the recent past.
    pub event_log: Arc<EventLog>,
    /// The port that frames come in at.
    pub websocket_port: u16,
    /// What is counted of that port's connections.
    pub websocket_connections: Arc<ConnectionMetrics>,
    /// Who may what.
    pub access: Arc<Access>,
    /// For browsers that speak it; those of other machines must.
    pub tls: Option<Tls>,
}

/// Somebody who is connected.
#[derive(Debug)]
struct Client {
    peer: SocketAddr,
    connections: Arc<Connections>,
    connection: ConnectionGuard,
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
    access_changes: watch::Sender<()>,
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
        let Inputs { cameras, status, switches, hub, event_log, websocket_port, websocket_connections, access, tls } =
            inputs;
        let connections = Arc::new(Connections::new(settings.max_clients, Arc::default()));
        let ports = [("websocket", websocket_connections), ("http", connections.metrics().clone())];
        let access_changes = watch::Sender::new(());
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
        let (cache_of_app, changes_of_app) = (cache.clone(), access_changes.clone());
        let thread = Thread::spawn("http", ended, move || {
            set_lowest_priority();
            let served = runtime.block_on(async {
                let socket = net::TcpListener::from_std(socket)?;
                let stop = AsyncEventFd::new(stop)?;
                let (bus, denied) = (Arc::new(EventBus::new(&hub)?), LogLimiter::default());
                let app = Arc::new(AppState {
                    cache: cache_of_app,
                    bus,
                    event_log,
                    status,
                    switches,
                    websocket_port,
                    ports,
                    access,
                    access_changes: changes_of_app,
                    denied,
                    tls: tls.clone(),
                });
                let (bus, routes) = (app.bus.clone(), routes::routes(app, &settings));
                tokio::select! {
                    stopped = stop.is_set() => stopped,
                    failed = bus.run() => failed,
                    () = accept(socket, routes, connections, tls) => Ok(()),
                }
            });
            runtime.shutdown_background(); // does not wait for a picture that is being encoded
            if let Err(error) = served {
                error!("the HTTP port failed: {error}");
            }
        })?;
        Ok(Server { address, cache, access_changes, thread })
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

    /// Ends the answers that clients may no longer have, after the tokens changed.
    pub fn close_revoked(&self) {
        self.access_changes.send_replace(());
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
async fn accept(listener: net::TcpListener, app: Router, connections: Arc<Connections>, tls: Option<Tls>) {
    let exhausted = LogLimiter::default();
    loop {
        match listener.accept().await {
            Ok((socket, peer)) => {
                let connection = connections.add(Holder::of(peer.ip()));
                let client = Client { peer, connections: connections.clone(), connection };
                tokio::spawn(serve(socket, client, app.clone(), tls.clone()));
            }
            Err(error) => {
                if let Some(suppressed) = exhausted.check() {
                    warn!("cannot accept an HTTP connection: {error}{suppressed}");
                }
                sleep(RETRY_DELAY).await;
            }
        }
    }
}

/// Serves one connection to its end.
async fn serve(socket: TcpStream, client: Client, app: Router, tls: Option<Tls>) {
    let stall_ms = u32::try_from(STALL_TIMEOUT.as_millis()).expect("a minute");
    let bounded = setsockopt(&socket, SndBuf, &SEND_BUFFER_BYTES).and(setsockopt(&socket, TcpUserTimeout, &stall_ms));
    if bounded.is_err() || socket.set_nodelay(true).is_err() {
        return; // the client has disconnected already
    }
    let Some(tls) = tls else { return client.serve(socket, app, false).await };
    let mut byte = [0];
    let Ok(Ok(1)) = timeout(REQUEST_TIMEOUT, socket.peek(&mut byte)).await else { return };
    if byte[0] != tls::FIRST_BYTE {
        let is_here = socket.local_addr().is_ok_and(|local| tls::may_be_plain(client.peer.ip(), local.ip()));
        let app = if is_here { app } else { routes::to_https() };
        return client.serve(socket, app, false).await;
    }
    let handshake = TlsAcceptor::from(tls.config().clone()).accept(socket);
    if let Ok(Ok(stream)) = timeout(REQUEST_TIMEOUT, handshake).await {
        client.serve(stream, app, true).await;
    }
}

impl Client {
    /// Serves the requests of its connection to their end.
    async fn serve(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        app: Router,
        is_encrypted: bool,
    ) {
        let Self { peer, connections, connection } = self;
        let (info, app) = (ConnectionInfo { peer, is_encrypted }, TowerToHyperService::new(app));
        let answer = service_fn(|mut request: Request<Incoming>| {
            request.extensions_mut().insert(info);
            let begun = connection.begin(request.uri().path());
            let (app, max_clients) = (app.clone(), connections.max_clients());
            async move {
                match begun {
                    Ok(begun) => app.call(request).await.map(|answer| begun.keep_until_sent(answer)),
                    Err(why) => Ok(routes::no_place(why, max_clients)),
                }
            }
        });
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(REQUEST_TIMEOUT);
        http.max_header_size(MAX_REQUEST_BYTES).max_buf_size(WRITE_BUFFER_BYTES);
        tokio::select! {
            // Any error means that the client is gone.
            _ = http.serve_connection(TokioIo::new(stream), answer) => {}
            () = connection.is_unwanted() => {}
        }
    }
}

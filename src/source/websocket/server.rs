//! What all clients of the port share: its settings, and each camera's place for its one sender.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::{
    admissions::{Admission, Admissions},
    admit::PictureLimits,
    handshake::KnownCamera,
};
use crate::{
    access::{Access, Grant},
    camera::Feed,
    config,
    frame::Camera,
    hub::{
        Hub,
        queue::{CloseReason, Queue},
    },
    sync::Mutex,
    system::places::Places,
    telemetry::{connection_metrics::ConnectionMetrics, log_limiter::LogLimiter},
    tls::Tls,
};

/// The port, as its clients have it.
#[derive(Debug)]
pub struct Server {
    pub(super) hub: Arc<Hub>,
    pub(super) places: Arc<Places>,
    pub(super) connections: Arc<ConnectionMetrics>,
    pub(super) access: Arc<Access>,
    admissions: Admissions,
    /// For clients that speak it; all from other machines must.
    pub(super) tls: Option<Tls>,
    pub(super) denied: LogLimiter,
    pub(super) dropped: LogLimiter,
    pub(super) readers_connected: LogLimiter,
    pub(super) readers_disconnected: LogLimiter,
    // Replaced, never changed: who asks keeps what it got.
    settings: ArcSwap<ServerSettings>,
}

/// What holds for the clients that come now.
#[derive(Debug)]
pub(super) struct ServerSettings {
    pub(super) config: config::Server,
    /// One for each camera, in the order of the configuration.
    ingests: Vec<Arc<Ingest>>,
}

/// A camera, as this port is told of it.
#[derive(Clone, Debug)]
pub struct CameraEndpoint {
    /// The way in for its frames.
    pub feed: Arc<Feed>,
    /// Whether it is plugged into this machine: nobody sends its frames here then, and its results are read as ever.
    pub is_local: bool,
}

/// Where a camera's frames come in.
#[derive(Debug)]
pub(super) struct Ingest {
    pub(super) feed: Arc<Feed>,
    pub(super) is_local: bool,
    pub(super) connected: LogLimiter,
    pub(super) disconnected: LogLimiter,
    pub(super) chatter: LogLimiter,
    /// The queue of the one live sender.
    sender: Mutex<Option<Arc<Queue>>>,
}

/// The live sender's place, free again when this is dropped.
#[derive(Debug)]
pub(super) struct SenderGuard<'a> {
    ingest: &'a Ingest,
    queue: &'a Arc<Queue>,
}

impl Server {
    /// A server whose clients hear what `hub` has, and do what `access` allows. `cameras` are in the order of the configuration.
    #[must_use]
    pub fn new(
        config: config::Server,
        cameras: &[CameraEndpoint],
        hub: Arc<Hub>,
        access: Arc<Access>,
        tls: Option<Tls>,
    ) -> Self {
        let ingests = cameras.iter().map(|camera| Arc::new(Ingest::new(camera))).collect();
        Self {
            hub,
            places: Arc::default(),
            connections: Arc::default(),
            access,
            admissions: Admissions::default(),
            tls,
            denied: LogLimiter::default(),
            dropped: LogLimiter::default(),
            readers_connected: LogLimiter::default(),
            readers_disconnected: LogLimiter::default(),
            settings: ArcSwap::from_pointee(ServerSettings { config, ingests }),
        }
    }

    /// Has other limits hold for clients that come from now on, and lets in those of these cameras. The clients of
    /// cameras that are not among them are sent away.
    pub fn reconfigure(&self, config: config::Server, cameras: &[CameraEndpoint]) {
        let before = self.settings();
        let ingest = |camera: &CameraEndpoint| match before.ingest(camera.feed.camera()) {
            Some(ingest) => ingest.clone(),
            None => Arc::new(Ingest::new(camera)),
        };
        let now = Arc::new(ServerSettings { config, ingests: cameras.iter().map(ingest).collect() });
        self.settings.store(now.clone());
        // First let no more in, then send away who is in: see `Session::subscribe`.
        for camera in before.cameras().filter(|camera| now.ingest(camera).is_none()) {
            self.hub.close(camera, CloseReason::CameraRemoved);
        }
    }

    /// What is counted of its connections.
    #[must_use]
    pub fn connections(&self) -> &Arc<ConnectionMetrics> {
        &self.connections
    }

    /// Sends away the clients that may no longer be here, after the tokens changed.
    pub fn close_revoked(&self) {
        self.admissions.close_unless(|grant| self.access.holds(grant));
    }

    /// Notes that the client of `queue` is in because of `grant`, until what is returned is dropped.
    pub(super) fn admit<'a>(&'a self, queue: &'a Arc<Queue>, grant: &Grant) -> Admission<'a> {
        let admission = self.admissions.add(queue, grant);
        // Whoever is noted when the tokens change is sent away then; who comes later sees here that they have changed.
        if !self.access.holds(grant) {
            queue.close(CloseReason::Revoked);
        }
        admission
    }

    /// What holds for a client that comes now.
    pub(super) fn settings(&self) -> Arc<ServerSettings> {
        self.settings.load_full()
    }
}

impl ServerSettings {
    fn cameras(&self) -> impl Iterator<Item = &Camera> {
        self.ingests.iter().map(|ingest| ingest.feed.camera())
    }

    /// The cameras as a request may name them.
    pub(super) fn known_cameras(&self) -> Vec<KnownCamera<'_>> {
        let ingests = self.ingests.iter();
        ingests.map(|ingest| KnownCamera { camera: ingest.feed.camera(), is_local: ingest.is_local }).collect()
    }

    /// Where the frames of `camera` come in.
    pub(super) fn ingest(&self, camera: &Camera) -> Option<&Arc<Ingest>> {
        self.ingests.iter().find(|ingest| ingest.feed.camera() == camera)
    }

    /// How large a picture may be.
    pub(super) fn picture_limits(&self) -> PictureLimits {
        let config::Server { max_pixels, max_side_px, .. } = self.config;
        PictureLimits { max_pixels, max_side_px }
    }
}

impl Ingest {
    fn new(camera: &CameraEndpoint) -> Self {
        let CameraEndpoint { feed, is_local } = camera.clone();
        Self {
            feed,
            is_local,
            connected: LogLimiter::default(),
            disconnected: LogLimiter::default(),
            chatter: LogLimiter::default(),
            sender: Mutex::default(),
        }
    }

    /// Makes this client the camera's one live sender. An earlier one is sent away: it is the same camera's ghost after
    /// a restart more often than not, and must not lock it out.
    pub(super) fn acquire<'a>(&'a self, queue: &'a Arc<Queue>) -> SenderGuard<'a> {
        self.feed.connected();
        let earlier = self.sender.lock().replace(queue.clone());
        if let Some(earlier) = earlier {
            earlier.close(CloseReason::Replaced);
        }
        SenderGuard { ingest: self, queue }
    }
}

impl Drop for SenderGuard<'_> {
    fn drop(&mut self) {
        let mut sender = self.ingest.sender.lock();
        sender.take_if(|sender| Arc::ptr_eq(sender, self.queue));
        drop(sender);
        self.ingest.feed.disconnected();
    }
}

//! What fovea was told to do: the checked configuration, which the rest of the program takes by reference.

use std::{net::SocketAddr, time::Duration};

/// A whole configuration. Every value in it is in range; what depends on the board (does that core exist?) is
/// found out at the start.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// `[server]`: the WebSocket port.
    pub server: Server,
    /// `[processor]`: where the processor runs.
    pub processor: Processor,
    /// `[log]`: how much is told.
    pub log: Log,
    /// `[[camera]]`, at least one, names all different.
    pub cameras: Vec<Camera>,
}

/// The WebSocket port and the limits of those who connect to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Server {
    /// Address and port; anything but loopback needs `allow_anonymous`. Default `127.0.0.1:8999`.
    pub listen: SocketAddr,
    /// Whoever reaches the port may send and read. Default no.
    pub allow_anonymous: bool,
    /// Web origins (`https://host:port`, `null`) whose pages may connect besides those of this very host. Default none.
    pub allowed_origins: Vec<String>,
    /// Clients at one time. Default 16.
    pub max_clients: usize,
    /// Bytes of the largest message accepted. Default 8 MiB: a raw 1080p BGR picture fits.
    pub max_message_bytes: usize,
    /// Pixels of the largest picture accepted. Default 4096 x 4096.
    pub max_pixels: u64,
    /// Time from connecting to the end of the request. Default 5 s.
    pub handshake_timeout: Duration,
    /// Time from a message's first byte to its last. Default 10 s.
    pub message_timeout: Duration,
    /// Time without a sign of life; after half of it the client is pinged. Default 60 s.
    pub idle_timeout: Duration,
    /// Bytes that may wait for one reader before its oldest results are dropped. Default 256 KiB.
    pub outbox_bytes: usize,
}

/// Where the processor runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Processor {
    /// Its core; the highest-numbered allowed one if not given and there are at least two.
    pub core: Option<usize>,
    /// SCHED_FIFO priority, 1 to 99; ordinary scheduling if not given.
    pub realtime_priority: Option<u8>,
}

/// How much is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Log {
    /// The least important kind of line that is still told. Default `info`.
    pub level: log::LevelFilter,
}

/// A named stream of frames and what is looked for in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Camera {
    /// 1 to 32 of `a-z 0-9 - _`, beginning with a letter or digit.
    pub name: String,
    /// `[camera.motion]`, if it is there.
    pub motion: Option<Motion>,
}

/// What counts as motion.
#[derive(Clone, Debug, PartialEq)]
pub struct Motion {
    /// About how wide the picture is made to be looked at. The nearest of 1/1, 1/2, 1/4, 1/8 is used.
    pub width_px: u32,
    /// Grey levels, 1 to 254, by which a pixel must differ from the background to have changed.
    pub threshold: u8,
    /// The smallest changed region that counts, as a fraction of the picture.
    pub min_area: f32,
    /// How long after the last motion its event ends.
    pub hold: Duration,
    /// Parts of the picture with a meaning of their own.
    pub zones: Vec<Zone>,
}

/// A part of the picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Zone {
    /// What it is for.
    pub purpose: ZonePurpose,
    /// At least three corners, `[x, y]` in fractions of width and height from the upper left.
    pub polygon: Vec<[f32; 2]>,
}

/// What a zone is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ZonePurpose {
    /// Events in it carry this name.
    Named(String),
    /// Nothing in it counts: a waving tree, a road.
    Ignored,
}

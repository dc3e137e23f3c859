//! An HTTP camera that costs next to nothing: the parts of its stream are made before the clock runs.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use fovea::system::clock::Monotonic;
use parking_lot::Mutex;

use crate::Result;

const BOUNDARY: &str = "frame";

/// How a stamp is written, seconds of wall time: as many characters for each.
const STAMP: &str = "0000000000.000000";

/// How long a client may take to connect, or to read.
const PATIENCE: Duration = Duration::from_secs(10);

/// A frame of the stream.
struct Part {
    bytes: Vec<u8>,
    stamp_at: usize,
}

/// When a frame was sent, in microseconds of both clocks, too.
#[derive(Clone, Copy)]
pub(crate) struct Sent {
    pub(crate) at: Instant,
    pub(crate) wall_us: u64,
    pub(crate) monotonic_us: u64,
}

/// A camera with one viewer, the last that came.
pub(crate) struct HttpCamera {
    pub(crate) address: SocketAddr,
    viewer: Arc<Mutex<Option<TcpStream>>>,
    parts: Vec<Part>,
    pub(crate) sent: Vec<Sent>,
}

impl HttpCamera {
    /// A camera of `frames`, round and round.
    pub(crate) fn new(frames: &[Bytes]) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let viewer = Arc::new(Mutex::new(None));
        let next = viewer.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if let Ok(stream) = answer(stream) {
                    *next.lock() = Some(stream);
                }
            }
        });
        Ok(Self { address, viewer, parts: frames.iter().map(|frame| Part::new(frame)).collect(), sent: Vec::new() })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/stream", self.address)
    }

    /// Waits until somebody looks.
    pub(crate) fn wait_for_viewer(&self) -> Result<()> {
        let start = Instant::now();
        while self.viewer.lock().is_none() {
            if start.elapsed() > PATIENCE {
                return Err("nobody asks for the stream".into());
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Sends the next frame. If nobody looks, or no longer, it is lost.
    pub(crate) fn send(&mut self) -> Result<()> {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH)?;
        self.sent.push(Sent {
            at: Instant::now(),
            wall_us: u64::try_from(wall.as_micros())?,
            monotonic_us: Monotonic::now().as_micros(),
        });
        let next = self.sent.len() % self.parts.len();
        let Part { bytes, stamp_at } = &mut self.parts[next];
        let stamp = format!("{:010}.{:06}", wall.as_secs(), wall.subsec_micros());
        bytes[*stamp_at..][..STAMP.len()].copy_from_slice(stamp.as_bytes());
        let mut viewer = self.viewer.lock();
        if viewer.as_mut().is_some_and(|stream| stream.write_all(bytes).is_err()) {
            *viewer = None;
        }
        Ok(())
    }
}

impl Part {
    fn new(jpeg: &[u8]) -> Self {
        let head = format!(
            "--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\nX-Timestamp: {STAMP}\r\n\r\n",
            jpeg.len()
        );
        Self { bytes: [head.as_bytes(), jpeg, b"\r\n"].concat(), stamp_at: head.len() - STAMP.len() - 4 }
    }
}

/// Reads the request and begins the stream.
fn answer(mut stream: TcpStream) -> Result<TcpStream> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let (mut request, mut byte) = (Vec::new(), [0]);
    while !request.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        request.push(byte[0]);
    }
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nCache-Control: no-cache\r\nContent-Type: multipart/x-mixed-replace; boundary={BOUNDARY}\r\n\r\n"
    )?;
    Ok(stream)
}

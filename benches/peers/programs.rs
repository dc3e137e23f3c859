//! The programs, and what of them is installed.

use std::process::{Command, Stdio};

use bytes::Bytes;
use fovea::{frame::Size, processor::scale::Scale};

use crate::{Result, by_http::ByHttp, by_websocket::ByWebSocket, program::Program};

/// Programs that get frames in one way, fovea first.
pub(crate) struct Group {
    pub(crate) way: &'static str,
    pub(crate) programs: Vec<(&'static str, Box<dyn Program>)>,
}

/// What is not installed.
pub(crate) struct Missing {
    python: bool,
    gstreamer: bool,
}

const PYTHON: &str = "import cv2, websockets";

const GSTREAMER: &str = "
import cv2, gi
gi.require_version('Gst', '1.0')
gi.require_version('GstApp', '1.0')
from gi.repository import Gst, GstApp
Gst.init(None)
names = 'souphttpsrc', 'multipartdemux', 'jpegdec', 'videoconvertscale', 'appsink'
raise SystemExit(not all(map(Gst.ElementFactory.find, names)))
";

impl Missing {
    pub(crate) fn look() -> Result<Self> {
        let fails = |program: &str| -> Result<bool> {
            let mut python = Command::new("/usr/bin/python3");
            Ok(!python.args(["-c", program]).stderr(Stdio::null()).status()?.success())
        };
        Ok(Self { python: fails(PYTHON)?, gstreamer: fails(GSTREAMER)? })
    }

    /// What is left out, and how to install it.
    pub(crate) fn sentences(&self) -> impl Iterator<Item = &'static str> {
        let python = "The Python programs are left out; to install what they need: \
                      apt-get install python3-websockets python3-opencv";
        let gstreamer = "GStreamer is left out; to install what it needs: apt-get install python3-gi \
                         gir1.2-gst-plugins-base-1.0 gstreamer1.0-plugins-base gstreamer1.0-plugins-good python3-opencv";
        [(self.python, python), (self.gstreamer, gstreamer)]
            .into_iter()
            .filter_map(|(is_missing, sentence)| is_missing.then_some(sentence))
    }
}

/// Starts what is there. All look at pictures as small as those that fovea looks at.
pub(crate) fn start(frames: &[Bytes], size: Size, missing: &Missing) -> Result<[Group; 2]> {
    const WIDTH_PX: u32 = 320; // what fovea's default asks for
    let small = Scale::nearest(size, WIDTH_PX).of(size);
    let scale = size.width_px / small.width_px;

    let mut websocket: Vec<(_, Box<dyn Program>)> = vec![("fovea", Box::new(ByWebSocket::fovea(frames)?))];
    if !missing.python {
        websocket.push(("the Python prototype", Box::new(ByWebSocket::prototype(frames, None)?)));
        websocket.push(("the same, written well", Box::new(ByWebSocket::prototype(frames, Some(scale))?)));
    }
    let mut http: Vec<(_, Box<dyn Program>)> = vec![("fovea and `fovea send`", Box::new(ByHttp::fovea(frames)?))];
    if !missing.gstreamer {
        http.push(("GStreamer", Box::new(ByHttp::gstreamer(frames, small, scale)?)));
    }
    Ok([Group { way: "WebSocket", programs: websocket }, Group { way: "HTTP", programs: http }])
}

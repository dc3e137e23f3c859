//! Programs that read an HTTP camera: fovea with `fovea send`, and GStreamer.

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use fovea::frame::Size;
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    Result,
    daemon::{Daemon, on_any_core, program},
    feed::{Feed, Heard, Speaks},
    http_camera::{HttpCamera, Sent},
    measure::pace,
    program::{Processes, Program, Running, Turn},
};

/// A camera and who reads it.
pub(crate) struct ByHttp {
    camera: HttpCamera,
    processes: Processes,
    results: Box<dyn Fn() -> Vec<Heard>>,
    clock: Clock,
}

/// How a result says which frame it is of.
#[derive(Clone, Copy)]
enum Clock {
    /// By the camera's stamp, in wall time.
    Stamp,
    /// By its arrival, on the monotonic clock.
    Arrival,
}

/// What a clock may differ when the same moment goes from one process to another.
const TOLERANCE_US: u64 = 5_000;

impl ByHttp {
    /// A daemon with motion on one camera, and the program that reads the HTTP camera for it.
    pub(crate) fn fovea(frames: &[Bytes]) -> Result<Self> {
        let camera = HttpCamera::new(frames)?;
        let daemon = Daemon::start()?;
        let target = format!("ws://{}/frames/door", daemon.address);
        let mut command = on_any_core(program());
        let bridge = Running(command.args(["send", "--retry", &target, &camera.url()]).stderr(Stdio::null()).spawn()?);
        camera.wait_for_viewer()?;
        let reader = Feed::connect(daemon.address, "/results/door", &[], Speaks::Bare)?;
        Ok(Self {
            camera,
            processes: Processes::new(vec![daemon.pid(), bridge.0.id()], vec![Box::new(bridge), Box::new(daemon)]),
            results: Box::new(move || reader.results()),
            clock: Clock::Stamp,
        })
    }

    /// GStreamer and OpenCV in Python.
    pub(crate) fn gstreamer(frames: &[Bytes], small: Size, scale: u32) -> Result<Self> {
        let camera = HttpCamera::new(frames)?;
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers/gstreamer.py");
        let mut command = on_any_core("/usr/bin/python3");
        command.args([script, &camera.url()]).args([small.width_px, small.height_px, scale].map(|n| n.to_string()));
        let mut python = Running(command.stdout(Stdio::piped()).spawn()?);
        let lines = BufReader::new(python.0.stdout.take().ok_or("no standard output")?).lines();
        let (sends, results) = mpsc::channel();
        thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sends.send((Instant::now(), line))));
        camera.wait_for_viewer()?;
        Ok(Self {
            camera,
            processes: Processes::new(vec![python.0.id()], vec![Box::new(python)]),
            results: Box::new(move || results.try_iter().collect()),
            clock: Clock::Arrival,
        })
    }

    /// The age of each result when it came. Each is of another frame, in the order of their sending.
    fn ages_ms(&self, heard: &[Heard]) -> Vec<f64> {
        let mut ages = Vec::new();
        let mut sent = &self.camera.sent[..];
        for (came, text) in heard.iter().rev() {
            let Some(moment_us) = self.clock.moment_us(text) else { continue };
            let earlier = sent.partition_point(|sent| self.clock.sent_us(sent) <= moment_us + TOLERANCE_US);
            let Some(last) = earlier.checked_sub(1) else { continue };
            ages.push((*came - sent[last].at).as_secs_f64() * 1e3);
            sent = &sent[..last];
        }
        ages
    }
}

impl Clock {
    fn sent_us(self, sent: &Sent) -> u64 {
        match self {
            Self::Stamp => sent.wall_us,
            Self::Arrival => sent.monotonic_us,
        }
    }

    fn moment_us(self, text: &str) -> Option<u64> {
        let result: Value = serde_json::from_str(text).ok()?;
        match self {
            Self::Stamp => {
                let captured: Timestamp = result["captured_at"].as_str()?.parse().ok()?;
                captured.as_microsecond().try_into().ok()
            }
            Self::Arrival => result["came_us"].as_u64(),
        }
    }
}

impl Program for ByHttp {
    fn turn(&mut self, interval: Duration, time: Duration) -> Result<Turn> {
        let (used, before) = (self.processes.cpu_time()?, self.camera.sent.len());
        pace(interval, time, || self.camera.send())?;
        let used = self.processes.cpu_time()? - used;
        let ages_ms = self.ages_ms(&(self.results)());
        let cpu_ms = used.as_secs_f64() * 1e3 / ages_ms.len() as f64;
        Ok(Turn { cpu_ms, ages_ms, sent: self.camera.sent.len() - before })
    }
}

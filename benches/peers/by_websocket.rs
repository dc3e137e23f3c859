//! Programs that are WebSocket servers: fovea, and the Python program that it began as.

use std::{
    io::{BufRead, BufReader},
    net::{Ipv4Addr, SocketAddr},
    process::Stdio,
    time::Duration,
};

use bytes::Bytes;
use serde_json::Value;

use crate::{
    Result,
    daemon::{Daemon, on_any_core},
    feed::{Feed, Heard, Speaks},
    measure::pace,
    program::{Processes, Program, Running, Turn},
};

/// A server and its sender.
pub(crate) struct ByWebSocket {
    processes: Processes,
    feed: Feed,
}

impl ByWebSocket {
    /// A daemon with motion on one camera.
    pub(crate) fn fovea(frames: &[Bytes]) -> Result<Self> {
        let daemon = Daemon::start()?;
        let feed = Feed::connect(daemon.address, "/?results", frames, Speaks::Bare)?;
        Ok(Self { processes: Processes::new(vec![daemon.pid()], vec![Box::new(daemon)]), feed })
    }

    /// The Python program; written well, its decoder makes the picture smaller by `reduced`.
    pub(crate) fn prototype(frames: &[Bytes], reduced: Option<u32>) -> Result<Self> {
        let program = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers/prototype.py");
        let mut command = on_any_core("/usr/bin/python3");
        command.args([program, "--port", "0"]).stdout(Stdio::piped());
        if let Some(reduced) = reduced {
            command.args(["--reduced", &reduced.to_string()]);
        }
        let mut python = Running(command.spawn()?);
        let mut line = String::new();
        BufReader::new(python.0.stdout.take().ok_or("no standard output")?).read_line(&mut line)?;
        let port = line.trim().parse().map_err(|_| "the Python program does not start")?;
        let feed = Feed::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port)), "/", frames, Speaks::Bare)?;
        Ok(Self { processes: Processes::new(vec![python.0.id()], vec![Box::new(python)]), feed })
    }

    fn age_ms(&self, (came, text): &Heard) -> Option<f64> {
        let number = serde_json::from_str::<Value>(text).ok()?["seq"].as_u64()?;
        let sent = self.feed.sent.get(usize::try_from(number.checked_sub(1)?).ok()?)?;
        Some((*came - *sent).as_secs_f64() * 1e3)
    }
}

impl Program for ByWebSocket {
    fn turn(&mut self, interval: Duration, time: Duration) -> Result<Turn> {
        let (used, before) = (self.processes.cpu_time()?, self.feed.sent.len());
        pace(interval, time, || self.feed.send())?;
        let used = self.processes.cpu_time()? - used;
        let ages_ms: Vec<_> = self.feed.results().iter().filter_map(|heard| self.age_ms(heard)).collect();
        let cpu_ms = used.as_secs_f64() * 1e3 / ages_ms.len() as f64;
        Ok(Turn { cpu_ms, ages_ms, sent: self.feed.sent.len() - before })
    }
}

//! Whether viewers delay frames: ages of results with twenty viewers, five of whom have stopped reading, and with none.
//!
//! The difference may be smaller than the noise of the machine. So there are many short rounds, each without viewers, with
//! them, and without again. The quantiles are those of the ages of all rounds together. The same ratio of the two parts
//! without viewers shows how much of it is noise.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use bytes::Bytes;
use fovea::system::cores::set_lowest_priority;

use crate::{
    Result,
    daemon::Daemon,
    feed::{Feed, Speaks},
    footage::{FULL_HD, VGA, frames},
    measure::{RATE, ages, memory_kb, quantile, seconds, spread},
    table::{row, row_of_range},
};

const VIEWERS: usize = 20;
const STUCK: usize = 5;

/// Time in which the daemon clears away what viewers leave.
const SETTLE: Duration = Duration::from_millis(300);

/// Ages of results in milliseconds.
struct Round {
    before: Vec<f64>,
    watched: Vec<f64>,
    after: Vec<f64>,
}

/// Ages and memory, of small pictures and of large ones.
pub(crate) fn viewers(share: f64) -> Result<Vec<String>> {
    let mut rows = Vec::new();
    for size in [VGA, FULL_HD] {
        let frames = frames(size, 40, false)?;
        let daemon = Daemon::start_with(
            "[http]\nlisten = \"127.0.0.1:0\"\n[[camera]]\nname = \"door\"\n[camera.motion]\nhold_ms = 600000\n",
        )?;
        let address = daemon.http_address()?;
        let mut feed = Feed::connect(daemon.address, "/?results", &frames, Speaks::V1)?;
        let mut play = |time| -> Result<Vec<f64>> { Ok(ages(&feed.play(RATE, time)?, |age| age.result)) };
        play(seconds(10.0, share))?;
        let alone_mb = peak_mb(&daemon)?;
        let (mut rounds, mut seen, time) = (Vec::new(), 0, seconds(2.0, share));
        for _ in 0..if share < 1.0 { 8 } else { 40 } {
            let before = play(time)?;
            let viewers = (0..VIEWERS).map(|n| Viewer::start(address, n < STUCK)).collect::<Result<Vec<_>>>()?;
            let watched = play(time)?;
            seen += viewers.iter().map(|viewer| viewer.bytes.load(Ordering::Relaxed)).sum::<u64>();
            drop(viewers);
            thread::sleep(SETTLE);
            rounds.push(Round { before, watched, after: play(time)? });
        }
        let seen_mb = seen as f64 / 1e6 / time.as_secs_f64() / rounds.len() as f64;
        rows.push(not_noticed(&format!("{VIEWERS} viewers of {size}, {STUCK} of them stuck"), &rounds, seen_mb));
        rows.push(bounded(alone_mb, peak_mb(&daemon)?, &frames));
    }
    Ok(rows)
}

fn not_noticed(what: &str, rounds: &[Round], seen_mb: f64) -> String {
    let all: Vec<_> = rounds.iter().collect();
    let p99 = |rounds: &[&Round]| with(rounds, 0.99) / without(rounds, 0.99);
    let p50 = with(&all, 0.5) / without(&all, 0.5);
    let none =
        |rounds: &[&Round]| part(rounds, 0.99, |round| [&round.after]) / part(rounds, 0.99, |round| [&round.before]);
    let range = spread(rounds, p99);
    let text = |ratio: f64, [low, high]: [f64; 2]| format!("{ratio:.2} ({low:.2} to {high:.2})");
    let measured = format!(
        "{} of {:.1} ms; without against without {}; p50 {p50:.2}; {} results; viewers receive {seen_mb:.0} MB/s",
        text(p99(&all), range),
        without(&all, 0.99),
        text(none(&all), spread(rounds, none)),
        rounds.iter().map(|round| round.watched.len()).sum::<usize>(),
    );
    row_of_range(&format!("viewers do not delay frames: p99 age with against without {what}"), &measured, 1.05, range)
}

fn with(rounds: &[&Round], share: f64) -> f64 {
    part(rounds, share, |round| [&round.watched])
}

fn without(rounds: &[&Round], share: f64) -> f64 {
    part(rounds, share, |round| [&round.before, &round.after])
}

/// A quantile of these ages of all rounds together.
fn part<'r, const N: usize>(rounds: &[&'r Round], share: f64, which: impl Fn(&'r Round) -> [&'r Vec<f64>; N]) -> f64 {
    let mut ages: Vec<_> = rounds.iter().flat_map(|round| which(round)).flatten().copied().collect();
    quantile(&mut ages, share)
}

fn bounded(alone_mb: f64, peak_mb: f64, frames: &[Bytes]) -> String {
    let largest_mb = frames.iter().map(Bytes::len).max().unwrap_or_default() as f64 / 1e6;
    // What the configuration says of each viewer: one picture, in a buffer a quarter larger, and one more on its way.
    let bound_mb = alone_mb + VIEWERS as f64 * 2.5 * largest_mb + 8.0;
    row(
        &format!("memory is bounded: peak RSS with these viewers ({alone_mb:.1} MB without)"),
        &format!("{peak_mb:.1} MB"),
        &format!("<= {bound_mb:.0} MB"),
        peak_mb <= bound_mb,
    )
}

fn peak_mb(daemon: &Daemon) -> Result<f64> {
    Ok(memory_kb(daemon.pid(), "VmHWM")? as f64 / 1024.0)
}

/// Somebody who looks at live pictures until dropped, or has stopped reading.
pub(crate) struct Viewer {
    stream: TcpStream,
    bytes: Arc<AtomicU64>,
}

impl Viewer {
    pub(crate) fn start(address: SocketAddr, is_stuck: bool) -> Result<Self> {
        let mut stream = TcpStream::connect(address)?;
        stream.write_all(b"GET /cameras/door/live.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
        let bytes = Arc::new(AtomicU64::new(0));
        if !is_stuck {
            let (mut reader, sum) = (stream.try_clone()?, bytes.clone());
            thread::spawn(move || {
                // Real viewers are on other machines and take nothing of this one's core.
                if set_lowest_priority().is_err() {
                    return;
                }
                let mut scrap = vec![0; 256 * 1024];
                while let Ok(count @ 1..) = reader.read(&mut scrap) {
                    sum.fetch_add(count as u64, Ordering::Relaxed);
                }
            });
        }
        Ok(Self { stream, bytes })
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
    }
}

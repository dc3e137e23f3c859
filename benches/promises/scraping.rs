//! Whether the data plane notices monitoring: ages of results while metrics and status are asked for all the time, on cores
//! that other threads keep busy, and while nobody asks.
//!
//! The daemon's HTTP thread has the lowest priority and hardly runs then. If it held a lock that a frame's thread needs, it
//! would hold it for long. Rounds go one after another as in `viewers`.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use crate::{
    Result,
    daemon::Daemon,
    feed::{Feed, Speaks},
    footage::{VGA, frames},
    measure::{RATE, ages, core, median, place, quantile, seconds},
    table::row,
};

/// Time for the last answers of a round.
const SETTLE: Duration = Duration::from_millis(300);

/// What is asked for by turns.
const PATHS: [&str; 2] = ["/metrics", "/api/status"];

/// 99 % quantiles of ages in milliseconds: at the start of a look, and of the result.
type Ages = [f64; 2];

/// Ages beside scraping against those without, each a median of rounds.
pub(crate) fn scraping(share: f64) -> Result<Vec<String>> {
    let daemon = Daemon::start_with(
        "[http]\nlisten = \"127.0.0.1:0\"\n[[camera]]\nname = \"door\"\n[camera.motion]\nhold_ms = 600000\n",
    )?;
    let address = daemon.http_address()?;
    let mut feed = Feed::connect(daemon.address, "/?results", &frames(VGA, 40, false)?, Speaks::V1)?;
    let mut play = |time| -> Result<Ages> {
        let results = feed.play(RATE, time)?;
        Ok([
            quantile(&mut ages(&results, |age| age.start), 0.99),
            quantile(&mut ages(&results, |age| age.result), 0.99),
        ])
    };
    let time = seconds(4.0, share);
    play(time)?;
    let _busy = Busy::start()?;
    let (mut ratios, mut none, mut alone, mut answers) =
        ([const { Vec::new() }; 2], [const { Vec::new() }; 2], Vec::new(), 0);
    for _ in 0..if share < 1.0 { 5 } else { 31 } {
        let before = play(time)?;
        let scraper = Scraper::start(address);
        let scraped = play(time)?;
        answers += scraper.answers.load(Ordering::Relaxed);
        drop(scraper);
        thread::sleep(SETTLE);
        let after = play(time)?;
        for which in 0..2 {
            ratios[which].push(scraped[which] * 2.0 / (before[which] + after[which]));
            none[which].push(after[which] / before[which]);
        }
        alone.push(before[1]);
    }
    let [start, result] = ratios.map(|mut ratios| median(&mut ratios));
    let [none_start, none_result] = none.map(|mut ratios| median(&mut ratios));
    let measured = format!(
        "{start:.2} and {result:.2} of {:.1} ms; without against without {none_start:.2} and {none_result:.2}; {answers} answers",
        median(&mut alone),
    );
    Ok(vec![row(
        "monitoring does not delay frames: p99 ages at start and of results with scraping against without, busy cores",
        &measured,
        "<= 1.05",
        start <= 1.05 && result <= 1.05,
    )])
}

/// Threads of ordinary priority that keep every core busy but the processor's, until dropped.
struct Busy(Arc<AtomicBool>);

impl Busy {
    fn start() -> Result<Self> {
        let busy = Self(Arc::default());
        for core in 0..core()? {
            let stop = busy.0.clone();
            thread::spawn(move || {
                if place(core).is_ok() {
                    while !stop.load(Ordering::Relaxed) {}
                }
            });
        }
        Ok(busy)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Somebody who asks, and asks again when answered, until dropped.
struct Scraper {
    stop: Arc<AtomicBool>,
    answers: Arc<AtomicU64>,
}

impl Scraper {
    fn start(address: SocketAddr) -> Self {
        let scraper = Self { stop: Arc::default(), answers: Arc::default() };
        let (stop, answers) = (scraper.stop.clone(), scraper.answers.clone());
        thread::spawn(move || {
            for path in PATHS.iter().cycle() {
                if stop.load(Ordering::Relaxed) || ask(address, path).is_err() {
                    return;
                }
                answers.fetch_add(1, Ordering::Relaxed);
            }
        });
        scraper
    }
}

impl Drop for Scraper {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// Asks for a path and reads the answer to its end.
fn ask(address: SocketAddr, path: &str) -> Result<()> {
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    if answer.starts_with(b"HTTP/1.1 200") { Ok(()) } else { Err("not answered".into()) }
}

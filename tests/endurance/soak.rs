//! Frames as fast as the processor takes them, from eight cameras, with everybody around them who comes, goes and misbehaves.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use crate::{
    Random, count, folder, report, rested,
    support::{
        LIMIT,
        client::Client,
        daemon::{Daemon, HTTP},
        eventually,
        http::{ask, get},
        pictures::Picture,
        raw::{self, BINARY, FINAL, Raw, TEXT, frame, header, many_pings, request},
        tls::encrypted,
    },
};

const CAMERAS: usize = 8;

/// Frames a second of a board's eight cameras, 15 of each.
const ORDINARY_RATE: f64 = 120.0;

/// Between two looks at the daemon.
const INTERVAL: Duration = Duration::from_secs(1);

/// What memory may grow by from the middle of the run to its end. An hour at the rate of a small board is about 400,000 frames:
/// 40 bytes a frame that are never given back would be more.
const GROWTH_KB: u64 = 16 << 10;

/// What the kernel says of the daemon at a moment.
#[derive(Clone, Copy, Debug)]
struct Sample {
    seconds: f64,
    frames: f64,
    rss_kb: u64,
    descriptors: usize,
    threads: usize,
}

/// Whoever is around, and when they stop.
#[derive(Debug, Default)]
struct Crowd {
    is_over: AtomicBool,
    frames: AtomicU64,
    reconnects: AtomicU64,
    pictures: AtomicU64,
    messages: AtomicU64,
    reloads: AtomicU64,
    bad: AtomicU64,
}

impl Crowd {
    fn goes_on(&self) -> bool {
        !self.is_over.load(Ordering::Relaxed)
    }

    /// Waits, but not beyond the end.
    fn wait(&self, time: Duration) {
        let until = Instant::now() + time;
        while self.goes_on() && Instant::now() < until {
            thread::sleep(Duration::from_millis(20));
        }
    }
}

fn add(to: &AtomicU64) {
    to.fetch_add(1, Ordering::Relaxed);
}

fn config(is_second: bool) -> String {
    let camera = |name: &str, more: &str| format!("[[camera]]\nname = \"{name}\"\n[camera.motion]\n{more}");
    let cameras: String = (0..CAMERAS).map(|n| camera(&format!("c{n}"), "")).collect();
    let changed = if is_second { camera("junk", "hold_ms = 700\n") + &camera("more", "") } else { camera("junk", "") };
    format!("server.max_clients = 24\n{HTTP}[tls]\n{cameras}{changed}")
}

#[test]
#[ignore = "a minute, or FOVEA_SOAK_SECONDS"]
fn soak() {
    let seconds = count("FOVEA_SOAK_SECONDS", 60);
    let daemon = Daemon::start_as(&config(false), |mut command| {
        command.env("STATE_DIRECTORY", folder("soak"));
        command
    });
    let (frames, http) = (daemon.address(), daemon.http_address());
    let crowd = Crowd::default();
    let have = || (daemon.descriptors(), daemon.tasks().len());
    // The last client that left is kept until the next one comes: an event descriptor.
    drop(Raw::open(&daemon, "/results"));
    assert_eq!(get(&daemon, "/healthz").status, 200);
    let before = rested(&daemon, &[]);
    let samples = thread::scope(|scope| {
        let crowd = &crowd;
        for n in 0..CAMERAS {
            scope.spawn(move || camera(crowd, n, frames));
        }
        for n in 0..2 {
            scope.spawn(move || viewer(crowd, n, http));
        }
        for n in 0..2 {
            scope.spawn(move || reader(crowd, n, frames));
        }
        scope.spawn(move || visitor(crowd, http));
        scope.spawn(|| nuisance(crowd, &daemon));
        scope.spawn(|| reloads(crowd, &daemon));
        let samples = look(crowd, &daemon, Duration::from_secs(seconds));
        crowd.is_over.store(true, Ordering::Relaxed);
        samples
    });
    print(&samples, &crowd);
    eventually(&format!("descriptors and threads are {before:?} again"), || have() == before);
    let mut daemon = daemon;
    let end = daemon.stop();
    assert_eq!(end.code, Some(0), "{}", end.log);
    for n in 0..CAMERAS {
        let summary = end.summary(&format!("c{n}"));
        assert_eq!((summary.refused, summary.superseded), (0, 0), "c{n}: {:?}", summary.causes);
    }
    let [middle, last] = [samples.len() / 2, samples.len() - 1].map(|at| samples[at].rss_kb);
    assert!(last < middle + GROWTH_KB, "resident: {middle} kB in the middle, {last} kB at the end");
}

/// Looks at the daemon now and then, for a time.
fn look(crowd: &Crowd, daemon: &Daemon, time: Duration) -> Vec<Sample> {
    let start = Instant::now();
    let mut samples = Vec::new();
    while start.elapsed() < time {
        crowd.wait(INTERVAL);
        samples.push(Sample {
            seconds: start.elapsed().as_secs_f64(),
            frames: number(crowd.frames.load(Ordering::Relaxed)),
            rss_kb: daemon.status("VmRSS"),
            descriptors: daemon.descriptors(),
            threads: daemon.tasks().len(),
        });
    }
    samples
}

/// A camera whose next frame goes when the last one's result is there: eight of them keep the processor busy.
fn camera(crowd: &Crowd, n: usize, address: SocketAddr) {
    let scene = Picture::scene(320, 240);
    let offset = u32::try_from(n).expect("few");
    let pictures: Vec<_> = (0..8)
        .map(|step| frame(FINAL | BINARY, &scene.with([30 * step + offset, 60 + 8 * offset, 30, 50]).jpeg()))
        .collect();
    let mut random = Random(1 + n as u64);
    while crowd.goes_on() {
        let socket = TcpStream::connect(address).expect("it listens");
        socket.set_nodelay(true).expect("a TCP socket");
        socket.set_read_timeout(Some(LIMIT)).expect("not zero");
        let until = Instant::now() + Duration::from_millis(5_000 + random.below(20_000));
        // One of them by TLS.
        if n == 0 {
            send(crowd, n, encrypted(address), &pictures, until);
        } else {
            send(crowd, n, socket, &pictures, until);
        }
        add(&crowd.reconnects);
    }
}

/// Sends until it is time to leave, in the middle of a frame.
fn send(crowd: &Crowd, n: usize, mut stream: impl Read + Write, pictures: &[Vec<u8>], until: Instant) {
    stream.write_all(request(&format!("/frames/c{n}?results"), "").as_bytes()).expect("it reads");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(bytes::<1>(&mut stream)[0]);
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
    for picture in pictures.iter().cycle() {
        if !crowd.goes_on() || Instant::now() > until {
            let _ = stream.write_all(&picture[..picture.len() / 2]);
            return;
        }
        stream.write_all(picture).expect("it reads");
        loop {
            let (first, payload) = next(&mut stream);
            match first & 0xf {
                TEXT if payload.windows(15).any(|part| part == b"\"type\":\"result\"") => break,
                raw::PING => stream.write_all(&frame(FINAL | raw::PONG, &payload)).expect("it reads"),
                raw::CLOSE => panic!("closed: {}", String::from_utf8_lossy(&payload)),
                _ => {}
            }
        }
        add(&crowd.frames);
    }
}

/// The next frame of the daemon: its first byte and its payload.
fn next(from: &mut impl Read) -> (u8, Vec<u8>) {
    let [first, short] = bytes(from);
    let length = match short {
        126 => u16::from_be_bytes(bytes(from)).into(),
        127 => panic!("too long for a message"),
        short => short.into(),
    };
    let mut payload = vec![0; length];
    from.read_exact(&mut payload).expect("it is whole");
    (first, payload)
}

fn bytes<const N: usize>(from: &mut impl Read) -> [u8; N] {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes).expect("the daemon answers");
    bytes
}

/// Watches all cameras or one, for a while, again and again.
fn viewer(crowd: &Crowd, n: usize, address: SocketAddr) {
    let path = ["/live", "/cameras/c3/live.mjpg"][n];
    while crowd.goes_on() {
        let mut live = ask(address, &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        assert_eq!(live.status, 200);
        let until = Instant::now() + Duration::from_secs(7);
        while crowd.goes_on() && Instant::now() < until {
            live.part();
            add(&crowd.pictures);
        }
    }
}

/// Reads results, of all cameras or of one, for a while, again and again.
fn reader(crowd: &Crowd, n: usize, address: SocketAddr) {
    while crowd.goes_on() {
        let stream = TcpStream::connect(address).expect("it listens");
        let mut client = Client::over(stream, ["/results", "/results/c5"][n]);
        let until = Instant::now() + Duration::from_secs(5);
        while crowd.goes_on() && Instant::now() < until {
            client.next_message();
            add(&crowd.messages);
        }
    }
}

/// Looks at everything that is there for people and monitoring, in turn.
fn visitor(crowd: &Crowd, address: SocketAddr) {
    let paths = [
        "/cameras/c1/snapshot.jpg",
        "/api/status",
        "/metrics",
        "/cameras/c2/snapshot.jpg?boxes",
        "/",
        "/api/events/recent",
    ];
    for path in paths.iter().cycle() {
        if !crowd.goes_on() {
            return;
        }
        let answer = ask(address, &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
        // Of a camera without a frame there is no picture yet.
        let is_early = answer.status == 503 && path.contains("snapshot");
        assert!(answer.status == 200 || is_early, "{path}: {}", answer.status);
        assert!(!answer.bytes().is_empty(), "{path}");
        add(&crowd.pictures);
        crowd.wait(Duration::from_millis(100));
    }
}

/// Does what no good client does, one thing after another.
fn nuisance(crowd: &Crowd, daemon: &Daemon) {
    let random_bytes: Vec<u8> = (0..5_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    let good = Picture::scene(320, 240).jpeg();
    let after: [Vec<u8>; 8] = [
        frame(FINAL | BINARY, b"GIF89a").repeat(30),
        frame(FINAL | BINARY, &good[..good.len() / 2]),
        frame(FINAL | BINARY, &[&good[..600], &random_bytes].concat()),
        header(FINAL | BINARY, 1 << 40, true),
        frame(FINAL | TEXT, b"hello"),
        frame(0x7f, b"no such frame"),
        many_pings(),
        random_bytes.clone(),
    ];
    let instead = [&b"\x16\x03\x01\x02\x00\x01"[..], b"GET /frames/junk HTTP/1.1\r\nHost: ", &random_bytes, b""];
    let mut stuck = Raw::open(daemon, "/results");
    for turn in 0.. {
        if !crowd.goes_on() {
            return;
        }
        let mut client = Raw::connect(daemon);
        if turn % 3 == 0 {
            client.try_send(instead[turn / 3 % instead.len()]);
        } else if client.try_send(request("/frames/junk", "")) && client.head_or_end().is_some() {
            client.try_send(&after[turn % after.len()]);
        }
        if turn % 2 == 0 {
            client.hang_up();
            crowd.wait(Duration::from_millis(50));
        }
        if turn % 50 == 49 {
            stuck = Raw::open(daemon, "/results"); // which reads nothing, as the one before
        }
        add(&crowd.bad);
        crowd.wait(Duration::from_millis(200));
    }
    drop(stuck);
}

fn reloads(crowd: &Crowd, daemon: &Daemon) {
    for is_second in [true, false].into_iter().cycle() {
        crowd.wait(Duration::from_secs(5));
        if !crowd.goes_on() && is_second {
            return;
        }
        daemon.reload(&config(is_second), "the new configuration is in use");
        add(&crowd.reloads);
    }
}

fn print(samples: &[Sample], crowd: &Crowd) {
    // What is made once is there by then.
    let warm = &samples[(samples.len() / 3).min(300)..];
    let (first, last) = (warm[0], warm[warm.len() - 1]);
    let rss_mib = |sample: &Sample| number(sample.rss_kb) / 1024.0;
    let by_hour = slope(warm, |sample| sample.seconds / 3600.0, rss_mib);
    let by_million = slope(warm, |sample| sample.frames / 1e6, rss_mib);
    let most = |of: fn(&Sample) -> usize, samples: &[Sample]| samples.iter().map(of).max().unwrap_or_default();
    let [descriptors, threads] = [|sample: &Sample| sample.descriptors, |sample: &Sample| sample.threads].map(|of| {
        let (early, late) = warm.split_at(warm.len() / 2);
        format!("{} in the first half, {} in the second", most(of, early), most(of, late))
    });
    let [reconnects, pictures, messages, reloads, bad] =
        [&crowd.reconnects, &crowd.pictures, &crowd.messages, &crowd.reloads, &crowd.bad]
            .map(|count| count.load(Ordering::Relaxed));
    report(&format!(
        "soak: {:.0} s, {:.0} frames, {:.0} a second: {:.1} hours of {CAMERAS} cameras with 15 frames a second\n\
         soak: {reconnects} reconnects, {pictures} pictures to viewers, {messages} messages to readers, {reloads} reloads, \
         {bad} bad clients\n\
         soak: resident {:.1} MiB when warm, {:.1} MiB at the end; {by_hour:+.2} MiB an hour, {by_million:+.2} MiB a million \
         frames\n\
         soak: descriptors at most {descriptors}; threads at most {threads}",
        last.seconds,
        last.frames,
        last.frames / last.seconds,
        last.frames / ORDINARY_RATE / 3600.0,
        rss_mib(&first),
        rss_mib(&last),
    ));
}

/// The slope of the line with the least squares.
fn slope(samples: &[Sample], x: impl Fn(&Sample) -> f64, y: impl Fn(&Sample) -> f64) -> f64 {
    let count = number(samples.len() as u64);
    let mean = |of: &dyn Fn(&Sample) -> f64| samples.iter().map(of).sum::<f64>() / count;
    let (mean_x, mean_y) = (mean(&x), mean(&y));
    let sum = |of: &dyn Fn(&Sample) -> f64| samples.iter().map(of).sum::<f64>();
    let both = sum(&|sample| (x(sample) - mean_x) * (y(sample) - mean_y));
    both / sum(&|sample| (x(sample) - mean_x).powi(2))
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn number(count: u64) -> f64 {
    count as f64
}

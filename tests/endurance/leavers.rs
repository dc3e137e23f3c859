//! Ten thousand connections that are opened and left at each stage, on both ports.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Instant,
};

use nix::sys::socket::{setsockopt, sockopt::Linger};

use crate::{
    count, folder, report, rested,
    support::{
        LIMIT,
        client::Client,
        daemon::{DOOR, Daemon},
        eventually,
        pictures::Picture,
        raw::{BINARY, FINAL, header, request},
        tls::{Encrypted, encrypted_over},
    },
};

/// Who connects at the same time.
const THREADS: u64 = 4;

/// What may be resident beyond what it was: 30 bytes for each connection of all stages. Whoever leaks a connection leaks more.
const GROWTH_KB: u64 = 4 << 10;

const GET: &str = "GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// How far a connection comes before it is left.
#[derive(Clone, Copy)]
struct Stage {
    name: &'static str,
    leave: fn(SocketAddr),
}

const BOTH: [Stage; 4] = [
    Stage { name: "TCP", leave: |address| drop(tcp(address)) },
    Stage { name: "a part of a TLS hello", leave: |address| tcp_with(address, b"\x16\x03\x01\x02\x00\x01") },
    Stage { name: "in the middle of the TLS handshake", leave: |address| half_a_handshake(address) },
    Stage { name: "after the TLS handshake", leave: |address| drop(tls(address)) },
];

const FRAMES: [Stage; 6] = [
    Stage { name: "a part of a request", leave: |address| tcp_with(address, b"GET /frames/door HTTP/1.1\r\nHost: 12") },
    Stage { name: "after a request", leave: |address| tcp_with(address, request("/nowhere", "").as_bytes()) },
    Stage { name: "after a WebSocket request", leave: |address| tcp_with(address, request("/results", "").as_bytes()) },
    Stage { name: "after the WebSocket handshake", leave: |address| drop(web_socket(tcp(address))) },
    Stage { name: "in the middle of a frame", leave: |address| half_a_frame(web_socket(tcp(address))) },
    Stage { name: "in the middle of a frame, by TLS", leave: |address| half_a_frame(web_socket(tls(address))) },
];

const HTTP: [Stage; 4] = [
    Stage { name: "a part of a request", leave: |address| tcp_with(address, b"GET /live HTTP/1.1\r\nHost: loc") },
    Stage { name: "after a request", leave: |address| tcp_with(address, GET.as_bytes()) },
    Stage { name: "in the middle of a stream", leave: |address| drop(stream(tcp(address))) },
    Stage { name: "in the middle of a stream, by TLS", leave: |address| drop(stream(tls(address))) },
];

#[test]
#[ignore = "minutes; FOVEA_LEAVERS says how many"]
fn ten_thousand_connections_left_at_each_stage_leave_nothing() {
    let times = count("FOVEA_LEAVERS", 10_000);
    let any = "listen = \"0.0.0.0:0\"\nallow_anonymous = true\n";
    // The sender in between is not missed.
    let config =
        format!("[server]\nidle_timeout_ms = 86400000\n{any}[http]\n{any}[tls]\n{DOOR}[[camera]]\nname = \"yard\"\n");
    let daemon = Daemon::launch_as(&config, |mut command| {
        command.env("STATE_DIRECTORY", folder("leavers"));
        command
    });
    let port = |line: String| line.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    let (frames, http) = (port(daemon.wait_for_line("listening on ")), port(daemon.wait_for_line(" at http://")));
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, frames));
    let mut sender = Client::over(TcpStream::connect(address).expect("it listens"), "/frames/yard?results");
    let jpeg = Picture::scene(64, 48).jpeg();
    let mut is_served = || {
        sender.send(&jpeg[..]);
        sender.next_of("result");
    };
    is_served();
    let all = || {
        let frames = BOTH.iter().chain(&FRAMES).map(move |stage| ("frames", frames, *stage));
        frames.chain(BOTH.iter().chain(&HTTP).map(move |stage| ("people", http, *stage)))
    };
    // What is made once is there by then.
    all().for_each(|(_, port, stage)| leave(stage, port, times.min(200)));
    is_served();
    let have = || (daemon.descriptors(), daemon.tasks().len());
    let (before, before_kb) = (rested(&daemon, &["ws-yard"]), daemon.status("VmRSS"));
    let mut stages = 0;
    let start = Instant::now();
    for (whose, port, Stage { name, leave: way }) in all() {
        leave(Stage { name, leave: way }, port, times);
        is_served();
        eventually(&format!("{name}: descriptors and threads are {before:?} again"), || have() == before);
        report(&format!(
            "leavers: port for {whose}, {name}: {times} left; {} descriptors, {} threads, {} kB resident",
            before.0,
            before.1,
            daemon.status("VmRSS")
        ));
        stages += 1;
    }
    let after_kb = daemon.status("VmRSS");
    report(&format!(
        "leavers: {stages} stages in {:.0} s; {before_kb} kB resident before all of them, {after_kb} kB after",
        start.elapsed().as_secs_f64()
    ));
    assert!(after_kb < before_kb + GROWTH_KB, "{before_kb} kB, then {after_kb} kB");
}

/// Has `times` connections leave, some at the same time.
fn leave(stage: Stage, port: u16, times: u64) {
    let left = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let turn = left.fetch_add(1, Ordering::Relaxed);
                    if turn >= times {
                        return;
                    }
                    // To several addresses of this machine: one has 28,000 ports for those that are over.
                    let host = u8::try_from(turn % 16).expect("below 16") + 1;
                    (stage.leave)(SocketAddr::from((Ipv4Addr::new(127, 0, 0, host), port)));
                }
            });
        }
    });
}

/// Connects. Half of them are reset rather than closed when they are dropped.
fn tcp(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(LIMIT)).expect("not zero");
    stream.set_write_timeout(Some(LIMIT)).expect("not zero");
    if stream.local_addr().is_ok_and(|own| own.port() % 4 < 2) {
        let at_once = nix::libc::linger { l_onoff: 1, l_linger: 0 };
        setsockopt(&stream, Linger, &at_once).expect("a TCP socket");
    }
    stream
}

fn tcp_with(address: SocketAddr, bytes: &[u8]) {
    // Others may have been let in instead: those who send no whole request leave for those who come.
    let _ = tcp(address).write_all(bytes);
}

fn half_a_handshake(address: SocketAddr) {
    let mut stream = encrypted_over(tcp(address), address);
    let _ = stream.conn.write_tls(&mut stream.sock);
}

/// A connection whose handshake is over, unless others came who needed its place.
fn tls(address: SocketAddr) -> Encrypted {
    let mut stream = encrypted_over(tcp(address), address);
    let _ = stream.conn.complete_io(&mut stream.sock);
    stream
}

fn web_socket<S: Read + Write>(mut stream: S) -> S {
    if stream.write_all(request("/frames/door", "").as_bytes()).is_ok() {
        let _ = stream.read(&mut [0; 12]); // the status
    }
    stream
}

fn half_a_frame(mut stream: impl Write) {
    let _ = stream.write_all(&[&header(FINAL | BINARY, 5000, true)[..], &[0; 3000]].concat());
}

fn stream<S: Read + Write>(mut stream: S) -> S {
    if stream.write_all(GET.as_bytes()).is_ok() {
        let _ = stream.read(&mut [0; 500]);
    }
    stream
}

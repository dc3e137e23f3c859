//! `kill -9` again and again, in the middle of everything, at a port that systemd keeps open.

use std::{
    io::ErrorKind,
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::Command,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;

use crate::{
    Random, count, folder, names_in, report,
    support::{
        LIMIT,
        daemon::{Daemon, HTTP, program},
        http::ask,
        pictures::Picture,
        raw::{BINARY, FINAL, Raw, TEXT, frame},
        systemd::{hand_over, open_port},
    },
};

/// What knocks at the port all the time, and how often it was let in or turned away.
#[derive(Debug, Default)]
struct Knocks {
    is_over: AtomicBool,
    let_in: AtomicU64,
    refused: AtomicU64,
}

#[test]
#[ignore = "minutes; FOVEA_KILLS says how many"]
fn a_thousand_kills_refuse_nobody_and_leave_nothing() {
    let rounds = count("FOVEA_KILLS", 1000);
    let folder = folder("kills");
    let (config, sender, viewer) = board(&folder);
    let port = open_port("127.0.0.1");
    let address = port.local_addr().expect("it has one");
    let jpeg = frame(FINAL | BINARY, &Picture::scene(320, 240).jpeg());
    let (knocks, mut random, mut times) = (Knocks::default(), Random::new(), Vec::new());

    let mut daemon = start(&port, &config, &folder);
    let http = daemon.http_address();
    let fixed = config.replace("127.0.0.1:0", &http.to_string());
    thread::scope(|scope| {
        let knocks = &knocks;
        scope.spawn(move || knock(address, knocks));
        let mut camera = first_result(&daemon, &sender, &jpeg);
        for _ in 0..rounds {
            // Those who read, watch, wait or are in the middle of something.
            let readers: Vec<_> = (0..2).map(|_| Raw::open_with(&daemon, "/results", &viewer)).collect();
            let live = ask(http, &format!("GET /live HTTP/1.1\r\nHost: localhost\r\n{viewer}\r\n"));
            let mut half = Raw::connect(&daemon);
            half.send("GET /results HTTP/1.1\r\nHost: 127");
            camera.send(&jpeg[..jpeg.len() / 2]);
            camera.send(&jpeg[jpeg.len() / 2..]);
            thread::sleep(Duration::from_micros(random.below(20_000)));

            let moment = Instant::now();
            assert_eq!(daemon.stop_by(Signal::SIGKILL).signal, Some(9));
            daemon = start(&port, &fixed, &folder);
            camera = first_result(&daemon, &sender, &jpeg);
            times.push(moment.elapsed());
            drop((readers, live, half));
        }
        knocks.is_over.store(true, Ordering::Relaxed);
    });
    times.sort();
    let part = |part: usize| times[(times.len() - 1) * part / 100].as_secs_f64() * 1e3;
    let [let_in, refused] = [&knocks.let_in, &knocks.refused].map(|count| count.load(Ordering::Relaxed));
    report(&format!(
        "kills: {rounds} times killed; from the kill to the result of the next frame p50 {:.0} ms, p99 {:.0} ms, at most {:.0} \
         ms; of {let_in} who connected meanwhile {refused} were refused",
        part(50),
        part(99),
        part(100),
    ));
    assert!(let_in > rounds && refused == 0, "{let_in} let in, {refused} refused");
    assert!(times.iter().all(|time| *time < LIMIT), "it did not answer");
    let expected = ["run/token", "state/tls/certificate.pem", "state/tls/key.pem", "tokens"];
    assert_eq!(names_in(&folder), expected, "files");
    assert_eq!(daemon.stop().code, Some(0));
}

/// A configuration with tokens and TLS, and the headers of one who may send and of one who may view.
fn board(folder: &Path) -> (String, String, String) {
    for name in ["run", "state"] {
        std::fs::create_dir(folder.join(name)).expect("it was just made");
    }
    let tokens = folder.join("tokens");
    let config =
        format!("server.tokens_file = {tokens:?}\n{HTTP}[tls]\n[[camera]]\nname = \"door\"\n[camera.motion]\n");
    let file = folder.with_extension("toml");
    std::fs::write(&file, &config).expect("the target folder can be written");
    let add = |arguments: &[&str]| {
        let mut command = Command::new(program());
        let output = command.args(["token", "add"]).args(arguments).arg("--config").arg(&file).output();
        let output = output.expect("it was built");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        format!("Authorization: Bearer {}\r\n", String::from_utf8_lossy(&output.stdout).trim())
    };
    let [sender, viewer] = [add(&["door", "--role", "send", "--camera", "door"]), add(&["phone", "--role", "view"])];
    (config, sender, viewer)
}

/// Starts the daemon as systemd does, at the port that stays open.
fn start(port: &TcpListener, config: &str, folder: &Path) -> Daemon {
    Daemon::start_as(config, |command| {
        let mut command = hand_over(port.try_clone().expect("there are descriptors"), 1, &command);
        command.env("STATE_DIRECTORY", folder.join("state")).env("RUNTIME_DIRECTORY", folder.join("run"));
        command
    })
}

/// A camera whose first frame has its result.
fn first_result(daemon: &Daemon, headers: &str, jpeg: &[u8]) -> Raw {
    let mut camera = Raw::open_with(daemon, "/frames/door?results", headers);
    camera.send(jpeg);
    while !String::from_utf8_lossy(&camera.frame_of(FINAL | TEXT)).contains("\"type\":\"result\"") {}
    camera
}

/// Connects all the time. Who is let in may still lose the connection when the daemon is killed.
fn knock(address: SocketAddr, knocks: &Knocks) {
    while !knocks.is_over.load(Ordering::Relaxed) {
        match TcpStream::connect(address) {
            Ok(_) => knocks.let_in.fetch_add(1, Ordering::Relaxed),
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                knocks.refused.fetch_add(1, Ordering::Relaxed)
            }
            Err(error) => panic!("neither let in nor refused: {error}"),
        };
        thread::sleep(Duration::from_millis(2));
    }
}

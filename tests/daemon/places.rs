//! Who finds a place when others take all they get: silent ones, readers, one address. On both ports.

use std::{
    io::{Read, Write},
    net::{IpAddr, SocketAddr, TcpStream},
};

use nix::ifaddrs::getifaddrs;

use crate::support::{
    LIMIT,
    client::Client,
    daemon::{DOOR, Daemon, HTTP},
    http::{Answer, ask, get},
    pictures::Picture,
    raw::{Raw, request},
};

/// The count of connections that a port did not serve for this cause.
fn not_served(daemon: &Daemon, port: &str, cause: &str) -> u64 {
    let name = format!("fovea_connections_not_served_total{{port=\"{port}\",cause=\"{cause}\"}} ");
    let metrics = get(daemon, "/metrics").text();
    let line = metrics.lines().find_map(|line| line.strip_prefix(&name)).expect("it is always there");
    line.parse().expect("a number")
}

/// A sender's frame is processed.
fn is_served(sender: &mut Client) {
    sender.send(Picture::scene(32, 32).jpeg());
    assert_eq!(sender.next_of("result")["camera"], "door");
}

#[test]
fn silent_sockets_do_not_lock_out_clients() {
    let daemon = Daemon::start(&format!("server.handshake_timeout_ms = 60000\n{HTTP}{DOOR}"));
    let silent: Vec<_> = (0..100).map(|_| Raw::connect(&daemon)).collect();
    let mut half = Raw::connect(&daemon);
    half.send("GET / HTTP/1.1\r\nHost: 127");
    let mut sender = Client::connect(&daemon, "/?results");
    is_served(&mut sender);
    let mut reader = Client::connect(&daemon, "/results");
    is_served(&mut sender);
    reader.next_of("result");
    assert!(not_served(&daemon, "websocket", "silent") >= 100 - 32);
    daemon.wait_for_line(" dropped: it has sent no whole request, and others wait");
    // The last that came are still waited for.
    half.send(".0.0.1\r\n\r\n");
    assert_eq!(half.denial().0, 426);
    drop(silent);
}

#[test]
fn silent_connections_do_not_lock_out_who_asks() {
    let daemon = Daemon::start(&format!("{HTTP}{DOOR}"));
    let silent: Vec<_> = (0..100).map(|_| TcpStream::connect(daemon.http_address()).expect("it listens")).collect();
    for (path, status) in [("/healthz", 200), ("/readyz", 503), ("/api/status", 200)] {
        assert_eq!(get(&daemon, path).status, status, "{path}");
    }
    assert!(not_served(&daemon, "http", "silent") >= 100 - 32);
    drop(silent);
}

#[test]
fn readers_do_not_lock_out_a_sender() {
    let daemon = Daemon::start(&format!("{HTTP}{DOOR}"));
    let readers: Vec<_> = (0..16).map(|_| Client::connect(&daemon, "/results")).collect();
    let mut sender = Client::connect(&daemon, "/?results");
    is_served(&mut sender);
    // One that takes over after a restart is let in, too.
    let mut next = Client::connect(&daemon, "/?results");
    is_served(&mut next);
    let mut reader = Raw::connect(&daemon);
    reader.send(request("/results", ""));
    assert_eq!(reader.denial().0, 503);
    assert_eq!(not_served(&daemon, "websocket", "full"), 1);
    drop(readers);
}

#[test]
fn viewers_do_not_lock_out_who_watches_over_the_daemon() {
    let daemon = Daemon::start(&format!("{HTTP}max_clients = 3\n{DOOR}"));
    let viewers: Vec<_> = (0..3).map(|_| get(&daemon, "/live")).collect();
    assert_eq!((get(&daemon, "/healthz").status, get(&daemon, "/readyz").status), (200, 503));
    let full = get(&daemon, "/api/status");
    assert_eq!((full.status, full.header("retry-after")), (503, Some("5")));
    assert!(full.header("content-security-policy").is_some());
    assert_eq!(full.text(), "3 connections are open, and http.max_clients allows no more. Try again later.\n");
    drop(viewers);
}

/// An address of this machine in a network: who connects to it comes from it.
fn network_address() -> Option<IpAddr> {
    let addresses = getifaddrs().expect("Linux lists them").filter_map(|interface| interface.address);
    let addresses = addresses.filter_map(|address| Some(IpAddr::V4(address.as_sockaddr_in()?.ip())));
    addresses.into_iter().find(|address| !address.is_loopback())
}

#[test]
#[expect(clippy::print_stderr, reason = "the test harness shows it")]
fn one_address_gets_half_of_the_places() {
    let Some(address) = network_address() else {
        eprintln!("skipped the share of an address: this machine is in no network");
        return;
    };
    let ports = "server.listen = \"0.0.0.0:0\"\nserver.allow_anonymous = true\nserver.max_clients = 4\n\
                 [http]\nlisten = \"0.0.0.0:0\"\nallow_anonymous = true\nmax_clients = 4\n";
    let daemon = Daemon::launch(&format!("{ports}{DOOR}"));
    let http = daemon.http_address().port();
    let line = daemon.wait_for_line("listening on ");
    let frames = line.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    let ask_frames = |address: IpAddr, path: &str| {
        let mut stream = TcpStream::connect((address, frames)).expect("it listens");
        stream.set_read_timeout(Some(LIMIT)).expect("not zero");
        stream.write_all(request(path, "").as_bytes()).expect("it reads");
        let mut status = [0; 12];
        stream.read_exact(&mut status).expect("it answers");
        (stream, String::from_utf8_lossy(&status[9..]).into_owned())
    };
    let readers = [(); 2].map(|()| ask_frames(address, "/results"));
    assert!(readers.iter().all(|(_, status)| status == "101"));
    assert_eq!(ask_frames(address, "/results").1, "429");
    assert_eq!(ask_frames(address, "/").1, "101", "a sender");
    assert_eq!(ask_frames(IpAddr::from([127, 0, 0, 1]), "/results").1, "101", "another address");

    let ask_http = |address: IpAddr, path: &str| -> Answer {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        ask(SocketAddr::new(address, http), &request)
    };
    let viewers = [(); 2].map(|()| ask_http(address, "/live"));
    let third = ask_http(address, "/api/status");
    assert_eq!((third.status, third.header("retry-after")), (429, Some("5")));
    assert!(third.text().starts_with("2 connections of your address are open, and one address gets no more of the 4 "));
    assert_eq!(ask_http(address, "/healthz").status, 200);
    let local = IpAddr::from([127, 0, 0, 1]);
    assert_eq!(ask_http(local, "/api/status").status, 200);
    let metrics = ask_http(local, "/metrics").text();
    for port in ["websocket", "http"] {
        assert!(metrics.contains(&format!("not_served_total{{port=\"{port}\",cause=\"share\"}} 1\n")), "{metrics}");
    }
    drop((readers, viewers));
}

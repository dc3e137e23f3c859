//! The port itself: who may ask, what every answer carries, and its limits.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use crate::support::{
    client::Client,
    daemon::{DOOR, Daemon, HTTP, own_cores},
    eventually,
    http::{Answer, ask, connect, get, get_with},
    pictures::Picture,
};

#[test]
fn without_the_table_there_is_no_port_and_no_thread() {
    let mut daemon = Daemon::start(DOOR);
    assert!(daemon.tasks().iter().all(|task| !task.name.starts_with("http")), "{:?}", daemon.tasks());
    assert_eq!(daemon.stop().lines_with("http://"), 0);
}

#[test]
fn its_threads_are_kept_off_the_processors_core() {
    let cores = own_cores();
    let daemon = Daemon::start(&format!("{HTTP}{DOOR}"));
    let _live = get(&daemon, "/live").part(); // made by the second thread
    let others = if cores.len() > 1 { &cores[..cores.len() - 1] } else { &cores };
    let tasks = daemon.tasks();
    for name in ["http", "http-pictures"] {
        assert_eq!(tasks.iter().find(|task| task.name == name).expect("it runs").cores, others, "{name}");
    }
}

#[test]
fn who_sends_no_request_or_half_of_one_loses_the_place() {
    let daemon = Daemon::start(&format!("{HTTP}max_clients = 3\n{DOOR}"));
    let mut places = [(); 3].map(|()| connect(daemon.http_address()));
    places[0].write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ").expect("it reads");
    places[1].write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("it reads");
    places[1].read_exact(&mut [0; 15]).expect("it is served");
    // Each is closed in the end, with or without a word.
    for place in &mut places {
        let _ = place.read_to_end(&mut Vec::new());
    }
    assert_eq!(get(&daemon, "/healthz").status, 200);
}

#[test]
fn hundreds_that_connect_and_say_nothing_cost_little_and_fill_nothing() {
    let mut daemon = Daemon::start(&format!("{HTTP}{DOOR}"));
    let address = daemon.http_address();
    let mut sender = Client::connect(&daemon, "/?results");
    let mut costs = || {
        // The first picture brings in a decoder and its memory, which is nobody's silence.
        sender.send(Picture::scene(64, 48).jpeg());
        sender.next_of("result");
        (daemon.status("VmRSS"), daemon.descriptors())
    };
    let before = costs();
    // More would leave the other tests of this process without descriptors.
    let silent: Vec<_> = (0..400).filter_map(|_| TcpStream::connect(address).ok()).collect();
    assert!(silent.len() > 300, "{}", silent.len());
    // The thread that closes them has the lowest priority.
    let mut now = (0, 0);
    eventually("those that say nothing are closed", || {
        now = costs();
        now.1 < before.1 + 60
    });
    // 10 KiB each: on a busy machine nearly all of them are there at the same time.
    assert!(now.0 < before.0 + 4096, "{before:?} became {now:?} (kB, descriptors)");
    drop(silent);
    let is_served = || {
        let mut stream = connect(address);
        let asked = stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
        asked.and_then(|()| stream.read_exact(&mut [0; 15])).is_ok()
    };
    eventually("there is a place again", is_served);
    let end = daemon.stop();
    assert!(end.log.lines().count() < 20, "{}", end.log);
}

#[test]
fn a_port_that_another_has_stops_the_start_with_the_key_to_change() {
    let daemon = Daemon::start(&format!("{HTTP}{DOOR}"));
    let taken = daemon.http_address();
    let mut other = Daemon::launch(&format!("server.listen = \"127.0.0.1:0\"\nhttp.listen = \"{taken}\"\n{DOOR}"));
    let end = other.end();
    assert_eq!(end.code, Some(1));
    assert!(end.log.contains(&format!("cannot listen on {taken}: another program has the port")), "{}", end.log);
    assert!(
        end.log.ends_with("choose another port in http.listen: Address already in use (os error 98)"),
        "{}",
        end.log
    );
}

#[test]
fn only_hosts_that_are_surely_this_board_are_answered() {
    let daemon = Daemon::start(&format!("{HTTP}allowed_hosts = [\"camera.example.org\"]\n{DOOR}"));
    let status = |host: &str| get_with(&daemon, "/healthz", &format!("Host: {host}\r\n")).status;
    for ours in ["localhost", "127.0.0.1:8080", "[::1]:8080", "fovea.local", "FOVEA", "camera.example.org:443"] {
        assert_eq!(status(ours), 200, "{ours}");
    }
    let refused = get_with(&daemon, "/healthz", "Host: evil.example.org\r\n");
    assert_eq!(refused.status, 421);
    assert!(refused.text().contains("add it to http.allowed_hosts"));
    assert_eq!(get_with(&daemon, "/healthz", "").status, 400, "no host at all");
    for malformed in ["", "[127.0.0.1]evil.com", "127.0.0.1:1@evil.com", "127.0.0.1:port"] {
        assert_eq!(status(malformed), 400, "{malformed}");
    }
}

#[test]
fn every_answer_keeps_other_sites_out() {
    let daemon = Daemon::start(&format!("{HTTP}{DOOR}"));
    let address = daemon.http_address();
    let answers = [
        get(&daemon, "/healthz"),
        get(&daemon, "/no/such/path"),
        get_with(&daemon, "/healthz", "Host: evil.example.org\r\n"),
        ask(address, "POST /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
    ];
    assert_eq!(answers.each_ref().map(|answer| answer.status), [200, 404, 421, 405]);
    for answer in answers {
        let policy = answer.header("content-security-policy").expect("each answer has one");
        assert!(policy.starts_with("default-src 'none'; script-src 'self'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-origin"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
}

#[test]
fn a_request_longer_than_anybodys_is_refused() {
    let daemon = Daemon::start(&format!("{HTTP}{DOOR}"));
    let long = format!("Host: localhost\r\nCookie: {}\r\n", "a".repeat(17 * 1024));
    assert_eq!(get_with(&daemon, "/healthz", &long).status, 431);
}

#[test]
fn one_connection_too_many_is_told_so_and_the_next_one_after_that_fits() {
    let daemon = Daemon::start(&format!("{HTTP}max_clients = 1\n{DOOR}"));
    let first = get(&daemon, "/live");
    let full = get(&daemon, "/api/status");
    assert_eq!((full.status, full.header("retry-after")), (503, Some("5")));
    assert!(full.text().contains("http.max_clients"));
    drop(first);
    eventually("its place is free", || get(&daemon, "/api/status").status == 200);
}

#[test]
fn what_is_no_request_costs_only_its_own_connection() {
    let daemon = Daemon::start(&format!("{HTTP}{DOOR}"));
    let mut stream = connect(daemon.http_address());
    stream.write_all(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n").expect("it reads");
    assert_eq!(Answer::read(stream).status, 400);
    assert_eq!(get(&daemon, "/healthz").status, 200);
}

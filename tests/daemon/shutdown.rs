//! The end, asked for by a signal: within the limits that the daemon sets itself, and in good manners, whatever is going on.

use nix::sys::signal::Signal;

use crate::support::{
    client::{Client, GREY, JPEG, V1},
    daemon::{DOOR, Daemon, End},
    pictures::Picture,
    raw::{self, BINARY, CONTINUATION, FINAL, PING, Raw, request, stuff},
};

const GOODBYE: &str = "the server is shutting down";

/// Stops the daemon by each signal, with clients in the state that `prepare` brings them to.
fn in_state<T>(config: &str, prepare: impl Fn(&Daemon) -> T, check: impl Fn(T)) {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut daemon = Daemon::start(config);
        let clients = prepare(&daemon);
        let end = daemon.stop_by(signal);
        check(clients);
        assert_eq!((end.code, end.signal), (Some(0), None), "{signal}");
        assert_eq!(end.lines_with("a signal asks fovea to stop"), 1, "{signal}");
        assert_eq!(end.lines_with("did not end in time"), 0, "{signal}: {}", end.log);
        let summary = end.summary("door");
        assert_eq!(summary.published, summary.taken + summary.superseded + summary.waiting, "{summary:?}");
    }
}

#[test]
fn while_nobody_is_there() {
    in_state(DOOR, |_| (), |()| ());
}

#[test]
fn while_clients_are_idle() {
    let idle = |daemon: &Daemon| ["/", "/results", "/results/door"].map(|path| Client::connect(daemon, path));
    in_state(DOOR, idle, |clients| {
        for mut client in clients {
            assert_eq!(client.closed(), (1001, GOODBYE.to_owned()));
        }
    });
}

#[test]
fn while_messages_are_on_their_way() {
    let half_sent = |daemon: &Daemon| {
        let mut begun = Raw::open(daemon, "/");
        begun.send([raw::header(FINAL | BINARY, 100_000, true), vec![0; 5000]].concat());
        let mut in_pieces = Raw::open(daemon, "/results");
        in_pieces.send(raw::frame(BINARY, b"the first piece"));
        // An answer to a ping behind it shows that the piece was read.
        in_pieces.send(raw::frame(FINAL | PING, b""));
        in_pieces.frame();
        [begun, in_pieces]
    };
    in_state(DOOR, half_sent, |clients| {
        for mut client in clients {
            assert_eq!(client.closed(), (1001, GOODBYE.to_owned()));
        }
    });
}

#[test]
fn while_the_processor_is_busy() {
    let scene = Picture::scene(3840, 2160);
    let jpeg = scene.progressive_jpeg();
    let busy = |daemon: &Daemon| {
        let mut sender = Client::connect_v1(daemon, "/");
        for seq in 1..=3 {
            sender.send(V1 { format: JPEG, seq, picture: &jpeg, ..V1::default() }.message());
        }
        // One is being looked at now, and another waits.
        sender.next_of("taken");
        sender
    };
    in_state(DOOR, busy, |mut sender| assert_eq!(sender.closed(), (1001, GOODBYE.to_owned())));
}

#[test]
fn while_a_reader_is_stuck() {
    let stuck = |daemon: &Daemon| {
        let mut reader = Raw::open(daemon, "/results");
        stuff(&mut reader);
        let mut sender = Client::connect_v1(daemon, "/");
        sender.send(V1 { format: GREY, size: (2, 2), seq: 1, picture: b"grey", ..V1::default() }.message());
        sender.next_of("taken");
        reader
    };
    // It does not read, so it cannot be told.
    in_state(DOOR, stuck, drop);
}

#[test]
fn while_a_client_asks_to_be_let_in() {
    let asking = |daemon: &Daemon| {
        let mut client = Raw::connect(daemon);
        client.send(&request("/", "")[..40]);
        client
    };
    in_state(DOOR, asking, |mut client| assert!(client.is_dropped()));
}

#[test]
fn while_a_client_sends_nothing_without_end() {
    let flood = |daemon: &Daemon| {
        let mut client = Raw::open(daemon, "/");
        client.send(raw::frame(BINARY, b""));
        let nothing = raw::frame(CONTINUATION, b"").repeat(10_000);
        std::thread::spawn(move || while client.try_send(&nothing) {})
    };
    in_state(DOOR, flood, |flooder| flooder.join().expect("it ends with the connection"));
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let mut daemon = Daemon::start(DOOR);
    // While it is stopped, both arrive: the first asks, the second does not.
    daemon.signal(Signal::SIGSTOP);
    daemon.signal(Signal::SIGINT);
    daemon.signal(Signal::SIGTERM);
    let End { code, signal, log, .. } = daemon.stop_by(Signal::SIGCONT);
    assert_eq!((code, signal), (None, Some(Signal::SIGTERM as i32)));
    assert!(log.contains("a signal asks fovea to stop"), "{log}");
}

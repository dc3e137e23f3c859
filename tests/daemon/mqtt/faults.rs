//! What is at the broker's port and is none: fovea works as if it were not configured.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use super::{broker::table, outage::deliveries};
use crate::support::{
    client::{Client, GREY, V1},
    daemon::{DOOR, Daemon, HTTP},
    eventually,
};

/// Somebody at a port who says `answer` and waits until the other one goes.
struct Stranger {
    address: SocketAddr,
    /// Those who have come and gone.
    visits: Arc<AtomicUsize>,
}

impl Stranger {
    fn start(answer: &'static [u8], ends: bool) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = port.local_addr().expect("it is bound");
        let visits = Arc::<AtomicUsize>::default();
        thread::spawn({
            let visits = visits.clone();
            move || {
                for mut stream in port.incoming().map_while(Result::ok) {
                    let _ = stream.read(&mut [0; 512]); // the first packet
                    let _ = stream.write_all(answer);
                    if !ends {
                        let _ = stream.read_to_end(&mut Vec::new());
                    }
                    visits.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        Self { address, visits }
    }
}

/// The descriptors and threads, once all clients have left.
fn rested(daemon: &Daemon) -> (usize, usize) {
    let now = || (daemon.descriptors(), daemon.tasks().len());
    let (mut last, mut same) = ((0, 0), 0);
    eventually("they stay the same", || {
        let now = now();
        same = if now == last { same + 1 } else { 0 };
        last = now;
        same == 50
    });
    last
}

fn frames_get_results(daemon: &Daemon) {
    let mut sender = Client::connect_v1(daemon, "/frames/door?results");
    for seq in 1..=3 {
        sender.send(V1 { format: GREY, size: (16, 16), seq, picture: &[100; 256], ..V1::default() }.message());
        assert_eq!(sender.next_of("result")["seq"], seq);
    }
}

/// Where nobody is.
fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|port| port.local_addr()).expect("a port is free")
}

fn config(address: SocketAddr, keys: &str) -> String {
    format!("{HTTP}{}{DOOR}", table(&format!("mqtt://{address}"), keys))
}

/// Has fovea try to connect again and again, while frames get results; it needs no more for that than at first.
fn tries_in_vain(address: SocketAddr) {
    let mut daemon = Daemon::start(&config(address, "results = \"all\""));
    let line = daemon.wait_for_line("; trying again");
    assert!(line.contains(&format!("mqtt: no connection to {address}: ")), "{line}");
    frames_get_results(&daemon);
    eventually("it tries again", || deliveries(&daemon, "failed") >= 2);
    let before = rested(&daemon);
    let more = deliveries(&daemon, "failed") + 1;
    eventually("it tries once more", || deliveries(&daemon, "failed") >= more);
    assert_eq!(rested(&daemon), before, "{address}: descriptors and threads");
    let end = daemon.stop();
    assert_eq!((end.code, end.lines_with("; trying again")), (Some(0), 1), "{}", end.log);
}

#[test]
fn a_port_where_nobody_is_or_somebody_who_is_no_broker_holds_up_nobody() {
    let nobody = free_address();
    let http = Stranger::start(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", true);
    let garbage = Stranger::start(&[0xff; 4000], false);
    let leaver = Stranger::start(b"", true);
    let packet = Stranger::start(b"\x30\xff\xff\xff\x7f", false); // a packet that would have 256 MiB
    thread::scope(|scope| {
        for address in [nobody, http.address, garbage.address, leaver.address, packet.address] {
            scope.spawn(move || tries_in_vain(address));
        }
    });
    assert!(leaver.visits.load(Ordering::Relaxed) >= 3);
}

#[test]
fn a_broker_that_says_nothing_holds_up_nobody() {
    let silent = Stranger::start(b"", false);
    let mut daemon = Daemon::start(&config(silent.address, "results = \"all\""));
    frames_get_results(&daemon);
    let line = daemon.wait_for_line("; trying again");
    assert!(line.contains("no answer within 20 s"), "{line}");
    eventually("it leaves", || silent.visits.load(Ordering::Relaxed) >= 1);
    frames_get_results(&daemon);
    let end = daemon.stop();
    assert_eq!(end.code, Some(0), "{}", end.log);
}

#[test]
fn a_name_that_nobody_has_is_told() {
    let mut daemon = Daemon::start(&format!("{HTTP}{}{DOOR}", table("mqtt://no-such-broker.invalid", "")));
    let line = daemon.wait_for_line("; trying again");
    assert!(line.contains("mqtt: no connection to no-such-broker.invalid:1883: "), "{line}");
    frames_get_results(&daemon);
    let end = daemon.stop();
    assert_eq!(end.code, Some(0), "{}", end.log);
}

#[test]
fn another_broker_needs_a_restart() {
    let nobody = free_address();
    let daemon = Daemon::start(&config(nobody, ""));
    daemon.reload(&config(nobody, "max_events = 9"), "the new configuration is in use");
    daemon.wait_for_line("[mqtt] has changed: restart to apply");
}

//! fovea as a service: what systemd is told.

use std::net::{TcpListener, TcpStream};

use crate::support::{
    client::Client,
    daemon::{DOOR, Daemon},
    eventually,
    pictures::Picture,
    systemd::Notified,
};

#[test]
fn systemd_is_told_when_it_is_ready_how_it_goes_and_when_it_ends() {
    let systemd = Notified::new();
    let mut daemon = Daemon::start_as(DOOR, |command| systemd.hear(command));
    assert_eq!(systemd.next(), "READY=1");
    TcpStream::connect(daemon.address()).expect("the port is open");
    assert_eq!(systemd.next(), "STATUS=0 of 1 camera live");
    let wake_ups = || daemon.status("voluntary_ctxt_switches");
    let before = wake_ups();
    eventually("it has looked whether there is news", || wake_ups() > before + 1);
    assert_eq!(systemd.rest(), [""; 0], "there is none");

    let mut sender = Client::connect(&daemon, "/?results");
    sender.send(Picture::scene(64, 48).jpeg());
    sender.next_of("result");
    let status = systemd.next();
    let (fps, age) = status.split_once(" fps, age p99 ").unwrap_or_else(|| panic!("{status}"));
    assert!(fps.starts_with("STATUS=1 camera, ") && age.ends_with(" ms"), "{status}");
    drop(sender);
    systemd.next_of("STATUS=0 of 1 camera live");
    assert_eq!(daemon.stop().code, Some(0));
    assert_eq!(systemd.rest().last().map(String::as_str), Some("STOPPING=1"));
}

#[test]
fn a_systemd_that_does_not_listen_holds_nothing_up() {
    let systemd = Notified::new();
    systemd.stuff();
    let mut daemon = Daemon::start_as(DOOR, |command| systemd.hear(command));
    daemon.wait_for_line("systemd cannot be told READY=1: Resource temporarily unavailable");
    let mut sender = Client::connect(&daemon, "/?results");
    sender.send(Picture::scene(64, 48).jpeg());
    sender.next_of("result");
    assert_eq!(daemon.stop().code, Some(0));
}

#[test]
fn what_does_not_start_is_never_ready() {
    let systemd = Notified::new();
    let taken = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let address = taken.local_addr().expect("it has one");
    let config = format!("server.listen = \"{address}\"\n{DOOR}");
    assert_eq!(Daemon::launch_as(&config, |command| systemd.hear(command)).end().code, Some(1));
    assert_eq!(systemd.rest(), [""; 0]);
}

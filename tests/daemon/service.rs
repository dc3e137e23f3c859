//! fovea as a service: what systemd is told, and a port that it opened.

use std::{
    net::{TcpListener, TcpStream, UdpSocket},
    os::fd::OwnedFd,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use crate::support::{
    client::Client,
    daemon::{DOOR, Daemon},
    eventually,
    pictures::Picture,
    systemd::{Notified, hand_over, open_port},
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

/// Has the daemon work under a watchdog that waits for no more than four seconds.
fn under_watchdog(systemd: &Notified) -> Daemon {
    let watchdog = |mut command: Command| {
        command.env("WATCHDOG_USEC", "4000000");
        systemd.hear(command)
    };
    Daemon::start_as(DOOR, watchdog)
}

#[test]
fn the_watchdog_is_fed_while_nobody_is_there_and_while_frames_come() {
    let systemd = Notified::new();
    let mut daemon = under_watchdog(&systemd);
    let fed = || (0..4).for_each(|_| drop(systemd.next_of("WATCHDOG=1"))); // for longer than a loop may stand still
    fed();
    let mut sender = Client::connect(&daemon, "/?results");
    let jpeg = Picture::scene(64, 48).jpeg();
    let stop = Arc::new(AtomicBool::new(false));
    let camera = thread::spawn({
        let stop = stop.clone();
        move || {
            while !stop.load(Ordering::Relaxed) {
                sender.send(&jpeg[..]);
                sender.next_of("result");
            }
        }
    });
    fed();
    stop.store(true, Ordering::Relaxed);
    camera.join().expect("it is served");
    assert_eq!(daemon.stop().lines_with("stands still"), 0);
}

#[test]
fn the_watchdog_is_fed_no_more_when_a_loop_stands_still_and_the_log_names_it() {
    for name in ["processor", "listen"] {
        let systemd = Notified::new();
        let daemon = under_watchdog(&systemd);
        let stopped = daemon.stop_thread(name);
        daemon.wait_for_line(&format!("the thread {name} stands still for "));
        assert_eq!(
            systemd.next_of("STATUS=0 of 1 camera live;"),
            format!("STATUS=0 of 1 camera live; the thread {name} stands still")
        );
        let looked = daemon.status("voluntary_ctxt_switches") + 3;
        eventually("it looks again", || daemon.status("voluntary_ctxt_switches") > looked);
        assert_eq!(systemd.rest(), [""; 0], "{name}");
        drop(stopped);
        daemon.wait_for_line(&format!("the thread {name} moves again"));
        systemd.next_of("WATCHDOG=1");
    }
}

#[test]
fn a_systemd_that_does_not_listen_holds_nothing_up() {
    let systemd = Notified::new();
    systemd.stuff();
    let mut daemon = Daemon::start_as(DOOR, |command| systemd.hear(command));
    daemon.wait_for_line("cannot report READY=1 to systemd: Resource temporarily unavailable");
    let mut sender = Client::connect(&daemon, "/?results");
    sender.send(Picture::scene(64, 48).jpeg());
    sender.next_of("result");
    assert_eq!(daemon.stop().code, Some(0));
}

#[test]
fn what_does_not_start_is_never_ready() {
    let systemd = Notified::new();
    let taken = open_port("127.0.0.1");
    let address = taken.local_addr().expect("it has one");
    let config = format!("server.listen = \"{address}\"\n{DOOR}");
    assert_eq!(Daemon::launch_as(&config, |command| systemd.hear(command)).end().code, Some(1));
    assert_eq!(systemd.rest(), [""; 0]);
}

#[test]
fn a_client_that_came_before_the_daemon_is_served_at_the_port_systemd_opened() {
    let port = open_port("127.0.0.1");
    let address = port.local_addr().expect("it has one");
    let early = TcpStream::connect(address).expect("it is open");
    let mut daemon = Daemon::start_as(DOOR, |command| hand_over(port, 1, &command));
    assert_eq!(daemon.address(), address);
    let mut client = Client::over(early, "/?results");
    client.send(Picture::scene(64, 48).jpeg());
    client.next_of("result");
    let end = daemon.stop();
    let warning =
        format!("fovea listens on {address}, which systemd hands over; server.listen = \"127.0.0.1:0\" is not used");
    assert_eq!(end.lines_with(&warning), 1, "{}", end.log);
}

#[test]
fn a_port_as_configured_is_no_reason_for_a_warning() {
    let port = open_port("127.0.0.1");
    let config = format!("server.listen = \"{}\"\n{DOOR}", port.local_addr().expect("it has one"));
    let mut daemon = Daemon::launch_as(&config, |command| hand_over(port, 1, &command));
    daemon.wait_for_line("listening on ");
    assert_eq!(daemon.stop().lines_with("hands over"), 0);
}

/// Starts with a socket that it must not take; what it says.
fn refused(socket: impl Into<OwnedFd>, count: u32) -> String {
    let mut daemon = Daemon::launch_as(DOOR, |command| hand_over(socket, count, &command));
    let end = daemon.end();
    assert_eq!(end.code, Some(78), "{}", end.log);
    end.log
}

#[test]
fn a_port_open_to_the_network_needs_leave_whoever_opened_it() {
    let port: TcpListener = open_port("0.0.0.0");
    let address = port.local_addr().expect("it has one");
    assert_eq!(
        refused(port, 1),
        format!(
            "systemd hands over {address}, and everybody who can reach that address could send and watch; make a token \
             (fovea token add), set server.allow_anonymous = true to allow that, or set ListenStream=127.0.0.1:8999 in the socket unit"
        )
    );
}

#[test]
fn what_is_no_port_to_listen_at_is_refused() {
    let no_port = "systemd hands over a socket that is not a listening TCP port; the socket unit must have \
                   ListenStream=ADDRESS:PORT: ";
    let datagrams = UdpSocket::bind("127.0.0.1:0").expect("there is a free port");
    assert!(refused(datagrams, 1).starts_with(no_port));
    let port = open_port("127.0.0.1");
    let connected = TcpStream::connect(port.local_addr().expect("it has one")).expect("it is open");
    assert_eq!(refused(connected, 1), format!("{no_port}a socket that nobody can connect to"));
    assert_eq!(
        refused(port, 2),
        "systemd hands over 2 sockets; the socket unit must have one ListenStream= and nothing else"
    );
}

//! When the system has nothing more to give, clients wait and the configuration stays; those who are there are served on.

#[cfg(feature = "v4l2")]
use crate::support::eventually;
use crate::support::{
    client::Client,
    daemon::{DOOR, Daemon},
    pictures::Picture,
    raw::{Raw, request},
};

#[cfg(feature = "v4l2")]
#[test]
fn without_descriptors_a_reload_changes_nothing() {
    const LOCAL: [&str; 4] = ["garden", "gate", "roof", "shed"];
    let daemon = Daemon::start(DOOR);
    let mut sender = Client::connect(&daemon, "/frames/door?results");
    let mut answered = || {
        sender.send(Picture::scene(32, 32).jpeg());
        assert_eq!(sender.next_of("result")["camera"], "door");
    };
    answered();
    // A client's camera needs no descriptor, the others two each.
    let local = |name: &str| format!("[[camera]]\nname = \"{name}\"\n[camera.v4l2]\ndevice = \"/dev/{name}\"\n");
    let yard = "[[camera]]\nname = \"yard\"\n[camera.motion]\n";
    let more = [DOOR, yard].map(str::to_owned).into_iter().chain(LOCAL.map(local)).collect::<String>();
    let denied = |path: &str| {
        let mut client = Raw::connect(&daemon);
        client.send(request(path, ""));
        client.denial().0
    };
    // Room for the file, and then for a part of the first camera, for all of it, and for a part of the second.
    let have = || (daemon.descriptors(), daemon.tasks().len());
    let before = have();
    for room in 1..=3 {
        daemon.limit_descriptors(before.0 + room);
        daemon.reload(&more, "the old configuration stays in use");
        answered();
        eventually("what was begun is over", || have() == before);
    }
    daemon.wait_for_line("the system has no thread or descriptor left for the daemon");
    daemon.limit_descriptors(1000);
    for camera in ["yard"].into_iter().chain(LOCAL) {
        assert_eq!(denied(&format!("/frames/{camera}")), 404, "{camera}");
    }
    answered();
    daemon.reload(&more, "the new configuration is in use");
    let mut yard = Client::connect(&daemon, "/frames/yard?results");
    yard.send(Picture::scene(32, 32).jpeg());
    assert_eq!(yard.next_of("result")["camera"], "yard");
    assert_eq!(denied("/frames/garden"), 409, "a camera of this machine");
    answered();
}

#[test]
fn without_descriptors_a_client_waits_until_another_leaves() {
    let daemon = Daemon::start(DOOR);
    let mut sender = Client::connect(&daemon, "/?results");
    let leaving = Client::connect(&daemon, "/results");
    let mut answered = |seq| {
        sender.send(Picture::scene(32, 32).jpeg());
        assert_eq!(sender.next_of("result")["seq"], seq);
    };
    answered(1);
    daemon.limit_descriptors(daemon.descriptors());
    let mut waiting = Raw::connect(&daemon);
    waiting.send(request("/results", ""));
    daemon.wait_for_line("cannot accept a client: Too many open files (os error 24); clients wait");
    answered(2);
    drop(leaving);
    assert!(waiting.head().starts_with("HTTP/1.1 101 "));
    answered(3);
}

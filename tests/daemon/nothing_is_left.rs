//! A client that is gone leaves nothing behind.

use crate::support::{
    client::{Client, V1},
    daemon::{DOOR, Daemon},
    eventually,
    pictures::Picture,
    raw::{self, BINARY, FINAL, Raw, TEXT},
};

#[test]
fn threads_and_descriptors_are_given_back() {
    let daemon = Daemon::start(DOOR);
    let jpeg = Picture::scene(64, 48).jpeg();
    let round = || {
        // Each kind of client, each kind of leaving: a frame and gone, gone in the middle of one, told to go, let in not
        // at all, gone before it asked.
        let mut sender = Client::connect(&daemon, "/?results");
        sender.send(&jpeg[..]);
        sender.next_of("result");
        drop(sender);
        Client::connect_v1(&daemon, "/").send(V1::default().message());
        drop(Client::connect(&daemon, "/results"));
        Raw::open(&daemon, "/").send(raw::header(FINAL | BINARY, 1000, true));
        let mut told = Raw::open(&daemon, "/results");
        told.send(raw::frame(FINAL | TEXT, b"hello"));
        told.hang_up();
        assert_eq!(told.closed().0, 1003);
        let mut lost = Raw::connect(&daemon);
        lost.send(raw::request("/nowhere", ""));
        assert_eq!(lost.denial().0, 404);
        drop(Raw::connect(&daemon));
    };
    // Who is answered has all that it needs, and so has the daemon. It stays, so that nothing of it is gone meanwhile.
    let mut witness = Client::connect(&daemon, "/results");
    assert_eq!(witness.before_pong().len(), 0);
    let (threads, descriptors) = (daemon.tasks().len(), daemon.descriptors());
    let all_gone = || daemon.tasks().len() == threads && daemon.descriptors() == descriptors;
    for _ in 0..8 {
        round();
        eventually("they are gone", all_gone);
    }
}

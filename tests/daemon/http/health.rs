//! Alive, and ready: whether every camera has a fresh frame.

use crate::support::{
    client::Client,
    daemon::{DOOR, Daemon, HTTP},
    eventually,
    http::get,
    pictures::Picture,
};

#[test]
fn it_is_ready_when_every_camera_has_a_fresh_frame() {
    let daemon = Daemon::start(&format!("{HTTP}{DOOR}[[camera]]\nname = \"yard\"\n"));
    assert_eq!(get(&daemon, "/healthz").text(), "alive\n");
    let not_ready = get(&daemon, "/readyz");
    assert_eq!(
        (not_ready.status, not_ready.text()),
        (503, "door: waits for its first frame\nyard: waits for its first frame\n".to_owned())
    );

    let send = |path| {
        let mut sender = Client::connect(&daemon, path);
        sender.send(Picture::scene(64, 48).jpeg());
        sender.next_of("result");
        sender
    };
    let _door = send("/frames/door?results");
    assert_eq!(get(&daemon, "/readyz").text(), "yard: waits for its first frame\n");
    let yard = send("/frames/yard?results");
    let ready = get(&daemon, "/readyz");
    assert_eq!((ready.status, ready.text()), (200, "ready\n".to_owned()));
    drop(yard);
    eventually("the loss is told", || get(&daemon, "/readyz").status == 503);
    assert!(get(&daemon, "/readyz").text().starts_with("yard: lost since 20"));
}

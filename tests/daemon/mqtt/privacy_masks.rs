//! Privacy masks: brokers get no picture of what lies in one.

use turbojpeg::Subsamp;

use super::{broker::Broker, events::trigger};
use crate::support::{
    client::Client,
    daemon::{Daemon, HTTP},
    eventually,
    secret::{Secret, mask, secret_pixels},
};

const TOPIC: &str = "fovea/barn/yard/picture";

fn has_secret(payload: &[u8]) -> bool {
    !payload.is_empty() && secret_pixels(payload) > 100
}

#[test]
fn a_broker_gets_no_picture_of_what_is_masked() {
    let Some(broker) = Broker::start() else { return };
    let watcher = broker.watch();
    // The largest picture is made smaller.
    let table = broker.table("max_picture_bytes = 17000");
    let config = |mask: &str| format!("{HTTP}{table}[[camera]]\nname = \"yard\"\n{mask}");
    let daemon = Daemon::start(&config(""));
    let mut sender = Client::connect(&daemon, "/frames/yard?results");
    let mut send = |jpeg: Vec<u8>| {
        sender.send(jpeg);
        sender.next_of("result");
    };
    send(Secret::new(1).jpeg(Subsamp::None, false));
    trigger(&daemon, "yard", "bell");
    watcher.wait_for(TOPIC, |message| has_secret(&message.payload));

    daemon.reload(&config(&mask()), "the new configuration is in use");
    // What is retained of it goes, too.
    eventually("it is cleared", || watcher.on(TOPIC).last().is_some_and(|message| message.payload.is_empty()));
    let before = watcher.on(TOPIC).len();
    for (count, quality) in [90, 70].into_iter().enumerate() {
        send(Secret::new(2).jpeg_of(Subsamp::None, count == 1, quality));
        trigger(&daemon, "yard", "bell");
        eventually("a picture is there", || watcher.on(TOPIC).len() > before + count);
    }
    let pictures = &watcher.on(TOPIC)[before..];
    let size = |message: &super::broker::Message| turbojpeg::read_header(&message.payload).expect("a JPEG").width;
    assert_eq!([size(&pictures[0]), size(&pictures[1])], [160, 320], "one was made smaller");
    for message in pictures {
        assert!(!message.payload.is_empty());
        assert_eq!(secret_pixels(&message.payload), 0);
    }
}

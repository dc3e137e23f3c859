//! Events and their pictures.

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::broker::{Broker, Message};
use crate::support::{
    client::Client,
    daemon::{DOOR, Daemon, HTTP},
    eventually,
    http::{get, post},
    pictures::Picture,
    scene::Scene,
};

const YARD: &str = "[[camera]]\nname = \"yard\"\n";

/// A daemon whose camera `yard` has sent this picture.
pub(super) fn start(mqtt: &str, jpeg: &[u8]) -> Daemon {
    let daemon = Daemon::start(&format!("{HTTP}{mqtt}{DOOR}hold_ms = 0\n{YARD}"));
    if !jpeg.is_empty() {
        let mut sender = Client::connect(&daemon, "/frames/yard?results");
        sender.send(jpeg);
        sender.next_of("result");
    }
    daemon
}

/// Has a camera raise an event; gives it as it starts.
pub(super) fn trigger(daemon: &Daemon, camera: &str, label: &str) -> Value {
    let body = json!({ "label": label }).to_string();
    let answer = post(daemon, &format!("/api/cameras/{camera}/event"), "", &body);
    assert_eq!(answer.status, 200);
    answer.json()
}

fn is_jpeg(message: &Message) -> bool {
    turbojpeg::decompress(&message.payload, turbojpeg::PixelFormat::GRAY).is_ok()
}

#[test]
fn events_come_as_readers_get_them_with_their_type() {
    let Some(broker) = Broker::start() else { return };
    let watcher = broker.watch();
    let daemon = start(&broker.table(""), &[]);
    let mut scene = Scene::start(&daemon);
    let topic = "fovea/barn/door/event";
    let mut expected = Vec::new();
    for state in ["start", "end"] {
        let mut event = scene.until(state);
        event["event_type"] = json!(format!("motion_{state}"));
        expected.push(event);
    }
    let bell = trigger(&daemon, "door", "bell");
    let got = watcher.wait_for(topic, |message| message.json()["event_type"] == "external_end");
    assert_eq!((&got.json()["id"], &got.json()["reason"]), (&bell["id"], &json!("bell")));
    let got = watcher.on(topic);
    assert!(got.iter().all(|message| message.qos == 1 && !message.is_retained), "{got:?}");
    let got: Vec<_> = got.iter().map(Message::json).collect();
    for expected in &expected {
        assert!(got.contains(expected), "{expected} is not in {got:?}");
    }
    let types: Vec<_> = got.iter().filter_map(|event| event["event_type"].as_str()).collect();
    assert_eq!((types[0], types[types.len() - 2]), ("motion_start", "external_start"));
    assert!(got.iter().all(|event| event.get("late_ms").is_none()), "{got:?}");
    assert!(!broker.watch().retained().contains_key(topic), "who comes later does not take it for new");
}

#[test]
fn with_labels_only_events_about_them_come_but_all_states() {
    let Some(broker) = Broker::start() else { return };
    let watcher = broker.watch();
    let table = broker.table("labels = [\"person\"]");
    let mut daemon = Daemon::start(&format!("{HTTP}{table}{DOOR}hold_ms = 3600000\n{YARD}"));
    let mut scene = Scene::start(&daemon);
    scene.until("start");
    watcher.wait_for_text("fovea/barn/door/motion", "ON");
    trigger(&daemon, "yard", "person");
    // Before it ends, it sends what it has to send.
    daemon.stop();
    watcher.wait_for_text("fovea/barn/state", "offline");
    for what in ["door/event", "yard/event", "door/picture", "yard/picture"] {
        assert_eq!(watcher.on(&format!("fovea/barn/{what}")).len(), 0, "{what}");
    }
}

#[test]
fn the_picture_of_an_event_is_retained_and_bounded() {
    let Some(broker) = Broker::start() else { return };
    let watcher = broker.watch();
    let small = Picture::scene(64, 48).jpeg();
    let daemon = start(&broker.table("max_picture_bytes = 20000"), &small);
    trigger(&daemon, "yard", "bell");
    let topic = "fovea/barn/yard/picture";
    let got = watcher.wait_for(topic, |_| true);
    assert!(got.is_retained && got.qos == 1 && got.payload == small, "as it was sent");
    let large = Picture::scene(1280, 960).jpeg();
    assert!(large.len() > 60_000, "{}", large.len());
    let mut sender = Client::connect(&daemon, "/frames/yard?results");
    sender.send(&large[..]);
    sender.next_of("result");
    trigger(&daemon, "yard", "bell");
    let got = watcher.wait_for(topic, |message| message.payload != small);
    assert!(got.payload.len() <= 20_000 && is_jpeg(&got), "{} bytes", got.payload.len());
    assert_eq!(broker.watch().retained()[topic], got);
    // What moves has a picture, too, though no JPEG came.
    Scene::start(&daemon).until("start");
    assert!(is_jpeg(&watcher.wait_for("fovea/barn/door/picture", |_| true)));
}

#[test]
fn pictures_may_come_as_urls_or_not_at_all() {
    let Some(broker) = Broker::start() else { return };
    let watcher = broker.watch();
    let jpeg = Picture::scene(64, 48).jpeg();
    let with_urls = broker.table("pictures = \"url\"\npage_url = \"http://barn.local/fovea\"");
    let mut daemon = start(&with_urls, &jpeg);
    let id = trigger(&daemon, "yard", "bell")["id"].clone();
    let path = format!("api/events/{}.jpg", id.as_str().expect("a text"));
    let url = format!("http://barn.local/fovea/{path}");
    watcher.wait_for_text("fovea/barn/yard/picture_url", &url);
    let event = watcher.wait_for("fovea/barn/yard/event", |_| true).json();
    assert_eq!((&event["id"], &event["picture"]), (&id, &json!(url)));
    assert_eq!(get(&daemon, &format!("/{path}")).bytes(), jpeg);
    assert!(watcher.on("fovea/barn/yard/picture").is_empty());
    daemon.stop();

    let daemon = start(&broker.table("pictures = \"off\""), &jpeg);
    let id = trigger(&daemon, "yard", "bell")["id"].clone();
    watcher.wait_for("fovea/barn/yard/event", |message| message.json()["id"] == id);
    // The earlier run's is taken away, and none comes.
    watcher.wait_for_text("fovea/barn/yard/picture_url", "");
    assert!(watcher.on("fovea/barn/yard/picture").is_empty());
}

/// Brokers of clouds close the connection on what is too large for them.
#[test]
fn a_picture_that_the_broker_does_not_take_holds_up_no_event() {
    let Some(broker) = Broker::start_with(|_| "allow_anonymous true\nmax_packet_size 50000\n".to_owned()) else {
        return;
    };
    let watcher = broker.watch();
    let large = Picture::scene(1280, 960).jpeg();
    assert!((60_000..2_000_000).contains(&large.len()), "{}", large.len());
    let daemon = start(&broker.table("max_picture_bytes = 2000000"), &large);
    watcher.wait_for_text("fovea/barn/state", "online");
    let id = trigger(&daemon, "yard", "bell")["id"].clone();
    let got = watcher.wait_for("fovea/barn/yard/event", |_| true).json();
    assert_eq!(got["id"], id);
    daemon.wait_for_line("mqtt: fovea/barn/yard/picture is given up: connections break when it is sent");
    assert!(watcher.on("fovea/barn/yard/picture").is_empty());
    watcher.wait_for_text("fovea/barn/state", "online");
}

/// The process waits for no broker for long, so that on a busy machine it may end before that.
#[test]
fn what_happens_just_before_the_end_is_told() {
    let Some(broker) = Broker::start() else { return };
    let watcher = broker.watch();
    let is_told = || {
        let mut daemon = start(&broker.table(""), &[]);
        watcher.wait_for_text("fovea/barn/state", "online");
        let stopped = daemon.stop_thread("mqtt");
        let ids = ["a", "b", "c"].map(|label| trigger(&daemon, "yard", label)["id"].clone());
        daemon.signal(Signal::SIGTERM);
        // It hears of the events and of the end at once.
        eventually("outputs end", || !daemon.tasks().iter().any(|task| task.name == "journal"));
        drop(stopped);
        daemon.end();
        watcher.wait_for_text("fovea/barn/state", "offline");
        let events = watcher.on("fovea/barn/yard/event");
        ids.iter().all(|id| events.iter().any(|message| message.json()["id"] == *id))
    };
    // It has 40 ms for that: on a busy machine not at each end.
    eventually("the broker hears of what happens just before an end", is_told);
}

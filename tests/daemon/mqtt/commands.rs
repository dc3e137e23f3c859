//! What the broker's clients may ask for.

use serde_json::json;

use super::{
    broker::{Broker, Watcher},
    events::start,
};
use crate::support::{daemon::Daemon, eventually, http::get};

fn detection(daemon: &Daemon, camera: usize) -> bool {
    get(daemon, "/api/status").json()["cameras"][camera]["detection"] == true
}

/// Waits until fovea hears commands: from when it is online.
fn listens(watcher: &Watcher) {
    watcher.wait_for_text("fovea/barn/state", "online");
}

fn reasons(watcher: &Watcher) -> Vec<String> {
    let events = watcher.on("fovea/barn/yard/event");
    let starts = events.iter().map(|message| message.json()).filter(|event| event["state"] == "start");
    starts.map(|event| event["reason"].as_str().unwrap_or("none").to_owned()).collect()
}

#[test]
fn detection_is_switched_and_events_are_triggered() {
    let Some(broker) = Broker::start() else { return };
    let watcher = broker.watch();
    let daemon = start(&broker.table("commands = true"), &[]);
    listens(&watcher);
    let set = "fovea/barn/door/enabled/set";
    for (payload, is_on) in [("OFF", false), ("ON", true), ("OFF", false)] {
        broker.publish(set, payload, &[]);
        watcher.wait_for_text("fovea/barn/door/enabled", payload);
        assert_eq!(detection(&daemon, 0), is_on);
    }
    assert!(detection(&daemon, 1), "the other camera's is as it was");

    let event = "fovea/barn/yard/event/set";
    broker.publish(event, "{\"label\":\"bell\"}", &[]);
    let got = watcher.wait_for("fovea/barn/yard/event", |message| message.json()["reason"] == "bell");
    assert_eq!(got.json()["event_type"], "external_start");
    let kept = get(&daemon, "/api/events?limit=9&camera=yard").json();
    assert_eq!(kept["events"][0]["reason"], json!("bell"), "as any other event: {kept}");
    broker.publish(event, "", &[]);
    eventually("both are there", || reasons(&watcher) == ["bell", "none"]);
    broker.publish("fovea/barn/attic/enabled/set", "ON", &[]);
    daemon.wait_for_line(" is ignored: there is no such camera");
}

#[test]
fn wrong_messages_are_told_and_ignored() {
    let Some(broker) = Broker::start() else { return };
    let watcher = broker.watch();
    let daemon = start(&broker.table("commands = true"), &[]);
    listens(&watcher);
    let (set, event) = ("fovea/barn/door/enabled/set", "fovea/barn/yard/event/set");
    broker.publish(set, "off", &[]);
    daemon.wait_for_line(&format!("mqtt: a message on {set} is ignored: it must be ON or OFF"));
    for (topic, payload) in [(set, ""), (set, "{\"on\":false}"), (event, "bell"), (event, "{\"label\":\"A B\"}")] {
        broker.publish(topic, payload, &[]);
    }
    broker.publish(event, &format!("{{\"label\":\"{}\"}}", "a".repeat(2000)), &[]);
    broker.publish(event, "{\"label\":\"last\"}", &[]);
    eventually("the last is there", || !reasons(&watcher).is_empty());
    assert_eq!(reasons(&watcher), ["last"]);
    assert!(detection(&daemon, 0));
}

#[test]
fn a_retained_command_is_ignored() {
    let Some(broker) = Broker::start() else { return };
    let set = "fovea/barn/door/enabled/set";
    broker.publish(set, "OFF", &["--retain"]);
    broker.publish("fovea/barn/yard/event/set", "", &["--retain"]);
    let watcher = broker.watch();
    let daemon = start(&broker.table("commands = true"), &[]);
    listens(&watcher);
    daemon.wait_for_line(&format!(
        "mqtt: a message on {set} is ignored: it is retained: publish commands without the retain"
    ));
    broker.publish("fovea/barn/yard/event/set", "{\"label\":\"last\"}", &[]);
    eventually("the last is there", || !reasons(&watcher).is_empty());
    assert_eq!(reasons(&watcher), ["last"]);
    assert!(detection(&daemon, 0));
    assert_eq!(broker.watch().retained()[set].text(), "OFF", "it is another's");
}

#[test]
fn unless_it_is_configured_nobody_commands() {
    let Some(broker) = Broker::start() else { return };
    let watcher = broker.watch();
    let daemon = start(&broker.table(""), &[]);
    watcher.wait_for_text("fovea/barn/state", "online");
    broker.publish("fovea/barn/door/enabled/set", "OFF", &[]);
    broker.publish("fovea/barn/yard/event/set", "", &[]);
    super::events::trigger(&daemon, "yard", "last");
    eventually("the last is there", || !reasons(&watcher).is_empty());
    assert_eq!(reasons(&watcher), ["last"]);
    assert!(detection(&daemon, 0));
    assert!(!broker.log().contains("barn 1 fovea/barn/+/event/set"), "it does not even listen");
}

//! A broker that goes and comes back.

use std::collections::BTreeSet;

use nix::sys::signal::Signal;
use serde_json::Value;

use super::{
    broker::{Broker, Message, Watcher},
    events::{start, trigger},
};
use crate::support::{
    client::Client,
    daemon::Daemon,
    eventually,
    http::{get, post},
    pictures::Picture,
};

/// The starts of a camera's events as they came, each once.
fn starts(watcher: &Watcher, camera: &str) -> Vec<Value> {
    let mut seen = BTreeSet::new();
    let events = watcher.on(&format!("fovea/barn/{camera}/event"));
    let starts = events.iter().map(|message| message.json()).filter(|event| event["state"] == "start");
    starts.filter(|event| seen.insert(id(event))).collect()
}

fn id(event: &Value) -> String {
    event["id"].as_str().expect("it has one").to_owned()
}

fn ids(events: &[Value]) -> Vec<String> {
    events.iter().map(id).collect()
}

/// Triggers so many events of both cameras.
fn ring(daemon: &Daemon, count: usize) -> [Vec<String>; 2] {
    let mut ids = [Vec::new(), Vec::new()];
    for _ in 0..count {
        for (ids, camera) in ids.iter_mut().zip(["door", "yard"]) {
            ids.push(id(&trigger(daemon, camera, "bell")));
        }
    }
    ids
}

/// Waits until the last event of each camera is there; all must be, in order.
fn all_come(watcher: &Watcher, expected: &[Vec<String>; 2]) -> [Vec<Value>; 2] {
    let cameras = ["door", "yard"];
    eventually("the last events are there", || {
        cameras
            .iter()
            .zip(expected)
            .all(|(camera, expected)| starts(watcher, camera).last().map(id).as_ref() == expected.last())
    });
    let come = cameras.map(|camera| starts(watcher, camera));
    for (come, expected) in come.iter().zip(expected) {
        assert_eq!(&ids(come), expected, "every one of them, in order");
    }
    come
}

fn is_late(event: &Value) -> bool {
    event["late_ms"].as_u64().is_some()
}

/// What became of events, as counted.
pub(super) fn deliveries(daemon: &Daemon, outcome: &str) -> u64 {
    let metrics = get(daemon, "/metrics").text();
    let start = format!("fovea_output_deliveries_total{{output=\"mqtt\",outcome=\"{outcome}\"}} ");
    let line = metrics.lines().find_map(|line| line.strip_prefix(&start)).unwrap_or_else(|| panic!("{metrics}"));
    line.parse().expect("a number")
}

/// While the broker ends and comes back, events come one after the other.
#[test]
fn no_event_is_lost_while_the_broker_is_killed_and_comes_back() {
    let Some(mut broker) = Broker::start() else { return };
    let watcher = broker.watch();
    let daemon = start(&broker.table(""), &[]);
    watcher.wait_for_text("fovea/barn/state", "online");
    let mut expected = ring(&daemon, 5);
    let ring_on = |expected: &mut [Vec<String>; 2], count| {
        let more = ring(&daemon, count);
        expected.iter_mut().zip(more).for_each(|(expected, more)| expected.extend(more));
    };
    all_come(&watcher, &expected);
    // In order: what it has acknowledged and not yet sent on must not die with it.
    broker.signal(Signal::SIGTERM);
    ring_on(&mut expected, 10);
    broker.end(Signal::SIGKILL);
    daemon.wait_for_line("; trying again");
    ring_on(&mut expected, 10);
    let before = deliveries(&daemon, "failed");
    eventually("it tries in vain for some seconds", || deliveries(&daemon, "failed") >= before + 2);
    broker.restart();
    ring_on(&mut expected, 5);
    let come = all_come(&watcher, &expected);
    for come in &come {
        assert!(is_late(&come[15]) && !is_late(&come[0]), "{come:?}");
        assert!(come[15]["late_ms"].as_u64() < Some(60_000), "{come:?}");
    }
    watcher.wait_for_text("fovea/barn/state", "online");

    // Killed, when everybody has all.
    all_come(&watcher, &expected);
    let before = deliveries(&daemon, "failed");
    broker.end(Signal::SIGKILL);
    ring_on(&mut expected, 3);
    eventually("it notices that", || deliveries(&daemon, "failed") > before);
    broker.restart();
    let come = all_come(&watcher, &expected);
    assert!(is_late(come[0].last().expect("many")), "{come:?}");
    trigger(&daemon, "door", "now");
    let now = watcher.wait_for("fovea/barn/door/event", |message| message.json()["reason"] == "now").json();
    assert!(!is_late(&now), "{now}");
    assert!(watcher.on("fovea/barn/dropped").is_empty());
    for outcome in ["late", "delivered"] {
        assert!(deliveries(&daemon, outcome) > 0, "{outcome}");
    }
}

#[test]
fn no_event_is_lost_while_the_broker_hangs() {
    let Some(broker) = Broker::start() else { return };
    let watcher = broker.watch();
    let daemon = start(&broker.table("keep_alive_ms = 5000"), &[]);
    watcher.wait_for_text("fovea/barn/state", "online");
    // It goes on before fovea finds it out.
    broker.signal(Signal::SIGSTOP);
    let mut expected = ring(&daemon, 20);
    broker.signal(Signal::SIGCONT);
    all_come(&watcher, &expected);
    // Fovea finds it out.
    broker.signal(Signal::SIGSTOP);
    let more = ring(&daemon, 20);
    expected.iter_mut().zip(more).for_each(|(expected, more)| expected.extend(more));
    daemon.wait_for_line("; trying again");
    broker.signal(Signal::SIGCONT);
    let come = all_come(&watcher, &expected);
    assert!(is_late(come[0].last().expect("many")), "{come:?}");
    assert!(watcher.on("fovea/barn/dropped").is_empty());
}

#[test]
fn of_too_many_events_the_newest_are_kept_and_the_others_counted() {
    let Some(mut broker) = Broker::start() else { return };
    let watcher = broker.watch();
    let daemon = start(&broker.table("max_events = 10"), &[]);
    watcher.wait_for_text("fovea/barn/state", "online");
    broker.end(Signal::SIGTERM);
    daemon.wait_for_line("; trying again");
    // Each is two: its start and its end.
    let expected: Vec<_> = (0..20).map(|_| id(&trigger(&daemon, "door", "bell"))).collect();
    broker.restart();
    eventually("the last is there", || starts(&watcher, "door").last().map(id).as_ref() == expected.last());
    assert_eq!(ids(&starts(&watcher, "door")), expected[15..]);
    let dropped = watcher.wait_for("fovea/barn/dropped", |_| true);
    assert!(dropped.qos == 1 && !dropped.is_retained, "{dropped:?}");
    assert_eq!(dropped.json(), serde_json::json!({ "v": 1, "type": "dropped", "count": 30 }));
    let is_told = |message: &Message| message.topic.starts_with("fovea/") && !message.is_retained;
    let told: Vec<_> = watcher.got().into_iter().filter(is_told).collect();
    assert_eq!(told[0].topic, "fovea/barn/dropped", "before those that come after the gap");
    assert_eq!(watcher.on("fovea/barn/dropped").len(), 1);
}

/// The connection breaks with events in it that are not acknowledged: these are not kept for newer ones.
#[test]
fn the_newest_are_kept_if_the_broker_hangs() {
    let Some(broker) = Broker::start() else { return };
    let watcher = broker.watch();
    let daemon = start(&broker.table("max_events = 10\nkeep_alive_ms = 5000"), &[]);
    watcher.wait_for_text("fovea/barn/state", "online");
    broker.signal(Signal::SIGSTOP);
    let mut expected: Vec<_> = (0..3).map(|_| id(&trigger(&daemon, "door", "bell"))).collect();
    daemon.wait_for_line("; trying again");
    expected.extend((0..20).map(|_| id(&trigger(&daemon, "door", "bell"))));
    broker.signal(Signal::SIGCONT);
    eventually("the last is there", || starts(&watcher, "door").last().map(id).as_ref() == expected.last());
    let come = ids(&starts(&watcher, "door"));
    // What had gone into the connection before, the broker may read now.
    assert!(come.ends_with(&expected[18..]), "{come:?} {expected:?}");
    assert!(come[..come.len() - 5].iter().all(|id| expected[..3].contains(id)), "{come:?} {expected:?}");
}

#[test]
fn of_states_only_the_newest_comes_after_an_outage() {
    let Some(mut broker) = Broker::start() else { return };
    let watcher = broker.watch();
    let jpeg = |width| Picture::scene(width, 48).jpeg();
    let daemon = start(&broker.table(""), &jpeg(64));
    watcher.wait_for_text("fovea/barn/state", "online");
    watcher.wait_for_text("fovea/barn/yard/state", "lost");
    broker.end(Signal::SIGTERM);
    daemon.wait_for_line("; trying again");
    let before = watcher.got().len();
    for (on, width) in [("false", 80), ("true", 96), ("false", 112)] {
        let body = format!("{{\"on\":{on}}}");
        let path = "/api/cameras/door/detection";
        assert_eq!(post(&daemon, path, "", &body).status, 200);
        let mut sender = Client::connect(&daemon, "/frames/yard?results");
        sender.send(&jpeg(width)[..]);
        sender.next_of("result");
        trigger(&daemon, "yard", "bell");
    }
    eventually("it knows", || {
        let status = get(&daemon, "/api/status").json();
        status["cameras"][1]["state"] == "lost"
    });
    broker.restart();
    watcher.wait_for_text("fovea/barn/door/enabled", "OFF");
    watcher.wait_for("fovea/barn/yard/event", |_| true);
    let after = watcher.got().split_off(before);
    let on = |topic: &str| {
        let mut on: Vec<_> = after.iter().filter(|message| message.topic == topic).map(|m| m.payload.clone()).collect();
        // What the broker had kept for the subscriber comes first, and once more what it sends again.
        on.dedup();
        on
    };
    assert_eq!(on("fovea/barn/yard/picture"), [jpeg(112)]);
    assert_eq!(on("fovea/barn/door/enabled").last().map(Vec::as_slice), Some(&b"OFF"[..]));
    assert!(on("fovea/barn/door/enabled").len() <= 2, "as it was, as it is");
    assert_eq!(on("fovea/barn/yard/state"), [b"lost"]);
}

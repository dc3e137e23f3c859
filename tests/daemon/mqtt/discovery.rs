//! Home Assistant's discovery, and what an earlier run left.

use jsonschema::Validator;
use serde_json::{Value, json};

use super::broker::{Broker, Message, Watcher};
use crate::support::{
    daemon::{DOOR, Daemon, HTTP},
    eventually,
    schema::faults_by,
};

const BOARD: &str = "homeassistant/device/barn/fovea/config";
const OF_DOOR: &str = "homeassistant/device/barn/fovea_door/config";
const OF_YARD: &str = "homeassistant/device/barn/fovea_yard/config";

const YARD: &str = "[[camera]]\nname = \"yard\"\n[camera.tamper]\n";
const GATE: &str = "[[camera.motion.zone]]\nname = \"gate\"\npolygon = [[0, 0], [1, 0], [1, 1], [0, 1]]\n";

fn config(broker: &Broker, cameras: &str) -> String {
    let keys = "discovery = \"homeassistant\"\ncommands = true\npage_url = \"http://barn.local:8080\"";
    format!("{HTTP}{}{cameras}", broker.table(keys))
}

/// The topic of every component that has one must be one that is retained; those of events are not.
fn assert_topics_are_there(watcher: &Watcher, device: &Value) {
    let retained = watcher.retained();
    for (name, component) in device["components"].as_object().expect("it has some") {
        for key in ["state_topic", "image_topic", "url_topic"] {
            let Some(topic) = component[key].as_str() else { continue };
            let comes_later = topic.ends_with("/event") || topic.ends_with("/picture");
            assert!(comes_later || retained.contains_key(topic), "{name}: {topic} is not in {retained:?}");
        }
    }
}

#[test]
fn the_board_and_its_cameras_are_announced_again_when_home_assistant_begins() {
    let Some(broker) = Broker::start() else { return };
    let watcher = broker.watch();
    let _daemon = Daemon::start(&config(&broker, &format!("{DOOR}{GATE}{YARD}")));
    let [board, door, yard] = [BOARD, OF_DOOR, OF_YARD].map(|topic| {
        let message = watcher.wait_for(topic, |_| true);
        assert!(message.is_retained && message.qos == 1, "{message:?}");
        message.json()
    });
    watcher.wait_for("fovea/barn/yard/tamper", |_| true);
    watcher.wait_for("fovea/barn/health", |_| true);
    watcher.wait_for("fovea/barn/door/counts", |_| true);
    for device in [&board, &door, &yard] {
        assert_topics_are_there(&watcher, device);
        assert_eq!(device["origin"]["name"], "fovea");
        assert_eq!(
            device["availability"],
            json!([{ "topic": "fovea/barn/state" }]),
            "online and offline are its defaults"
        );
        assert_eq!(device["device"]["configuration_url"], "http://barn.local:8080/");
    }
    let id = &board["device"]["identifiers"][0];
    assert!(id.is_string() && door["device"]["via_device"] == *id && yard["device"]["via_device"] == *id, "{door}");
    let names = |device: &Value| device["components"].as_object().expect("some").keys().cloned().collect::<Vec<_>>();
    for name in ["motion", "scene", "zone_gate", "event", "picture", "connected", "enabled"] {
        assert!(names(&door).iter().any(|other| other == name), "{name} is not in {door}");
    }
    assert!(yard["components"]["tamper"]["state_topic"].is_string(), "{yard}");
    assert_eq!(yard["components"]["motion"], json!({ "platform": "binary_sensor" }), "an earlier one is taken away");
    assert!(door["components"]["event"]["event_types"].as_array().is_some_and(|types| {
        ["motion_start", "motion_update", "motion_end", "external_start"].iter().all(|t| types.contains(&json!(t)))
    }));
    assert_eq!(door["components"]["enabled"]["command_topic"], "fovea/barn/door/enabled/set");
    let ids = [&board, &door, &yard].into_iter().flat_map(|device| device["components"].as_object().unwrap().values());
    let mut ids: Vec<_> = ids.filter_map(|component| component["unique_id"].as_str()).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "no two have the same");

    eventually("it listens", || broker.log().contains("barn 1 homeassistant/status"));
    let counts = || [BOARD, OF_DOOR, OF_YARD].map(|topic| watcher.on(topic).len());
    assert_eq!(counts(), [1; 3]);
    broker.publish("homeassistant/status", "offline", &[]);
    broker.publish("homeassistant/status", "online", &[]);
    eventually("all come once more", || counts() == [2; 3]);
    assert_eq!(watcher.on("fovea/barn/info").len(), 1, "the others are there");
}

const LINE: &str = "[[camera.line]]\nname = \"drive\"\nfrom = [0.5, 0]\nto = [0.5, 1]\nright_to_left = \"away\"\n";

#[test]
fn counts_are_sensors_until_a_reload_takes_their_line_or_zone_away() {
    let Some(broker) = Broker::start() else { return };
    let watcher = broker.watch();
    let visits = GATE.replace("name", "visits = true\nname");
    let daemon = Daemon::start(&config(&broker, &format!("{DOOR}{LINE}{visits}{YARD}")));
    let counts = watcher.wait_for("fovea/barn/door/counts", |_| true);
    assert!(counts.is_retained, "{counts:?}");
    let door = watcher.wait_for(OF_DOOR, |_| true).json();
    let component = |key: &str| &door["components"][key];
    // What the template of a sensor means, as far as fovea's templates go.
    let value = |key: &str| {
        let template = component(key)["value_template"].as_str().expect("it has one");
        let path = template.trim_matches(['{', '}', ' ']).strip_prefix("value_json").expect("of the payload");
        let path: String = path
            .split(['.', '[', ']', '\''])
            .filter(|part| !part.is_empty())
            .fold(String::new(), |path, part| path + "/" + part);
        counts.json().pointer(&path).cloned().unwrap_or_else(|| panic!("{path} is not in {}", counts.json()))
    };
    for (key, name, class) in [
        ("line_drive.in", "Drive in", "total_increasing"),
        ("line_drive.away", "Drive away", "total_increasing"),
        ("tracks_gate", "Tracks in gate", "measurement"),
    ] {
        assert_eq!((&component(key)["name"], &component(key)["state_class"]), (&json!(name), &json!(class)));
        assert_eq!((&component(key)["state_topic"], value(key)), (&json!("fovea/barn/door/counts"), json!(0)));
    }
    for kind in ["crossing_start", "visit_end"] {
        assert!(component("event")["event_types"].as_array().is_some_and(|types| types.contains(&json!(kind))));
    }
    assert!(component("visit")["state_topic"].is_string());
    assert_eq!(component("crossing"), &json!({ "platform": "binary_sensor" }), "it lasts no time");

    daemon.reload(&config(&broker, &format!("{DOOR}{LINE}{YARD}")), "the new configuration is in use");
    let taken_away = json!({ "platform": "sensor" });
    let is_without = |key: &'static str| {
        let taken_away = taken_away.clone();
        move |message: &Message| {
            let components = &message.json()["components"];
            components[key] == taken_away && (key != "tracks_gate" || components["line_drive.in"]["name"].is_string())
        }
    };
    watcher.wait_for(OF_DOOR, is_without("tracks_gate"));
    watcher.wait_for("fovea/barn/door/counts", |message| message.json()["zones"] == json!({}));
    daemon.reload(&config(&broker, &format!("{DOOR}{YARD}")), "the new configuration is in use");
    watcher.wait_for(OF_DOOR, is_without("line_drive.away"));
    watcher.wait_for_text("fovea/barn/door/counts", "");
}

/// What Home Assistant takes, as far as fovea uses it; the file says from where this is known.
fn home_assistant() -> Validator {
    let schema: Value = serde_json::from_str(include_str!("../../data/home-assistant.schema.json")).expect("JSON");
    jsonschema::draft202012::new(&schema).expect("it is a schema")
}

#[test]
fn home_assistant_takes_what_is_announced() {
    let Some(broker) = Broker::start() else { return };
    let schema = home_assistant();
    let all = format!("{DOOR}{LINE}{GATE}{YARD}[[camera]]\nname = \"den\"\n");
    for keys in ["pictures = \"off\"", "pictures = \"url\"\npage_url = \"https://barn\"\ncommands = true", ""] {
        let discovery = format!("discovery = \"homeassistant\"\n{keys}");
        let watcher = broker.watch();
        let _daemon = Daemon::start(&format!("{HTTP}{}{all}", broker.table(&discovery)));
        let is_new = |message: &Message| !message.payload.is_empty();
        for topic in [BOARD, OF_DOOR, OF_YARD, "homeassistant/device/barn/fovea_den/config"] {
            let message = watcher.wait_for(topic, is_new).json();
            let faults = faults_by(&schema, &message);
            assert!(faults.is_empty(), "{keys}: {message}: {faults:?}");
        }
        let door = watcher.wait_for(OF_DOOR, is_new).json();
        let wrong = [
            ("/device/identifiers", json!([])),
            ("/origin", json!({})),
            ("/components/motion/device_class", json!("movement")),
            ("/components/connected/entity_category", json!("none")),
            ("/components/event/event_types", Value::Null),
            ("/components/motion/colour", json!("red")),
        ];
        for (place, value) in wrong {
            let (mut device, (parent, key)) = (door.clone(), place.rsplit_once('/').expect("a pointer"));
            device.pointer_mut(parent).expect("it is there")[key] = value;
            assert!(!schema.is_valid(&device), "{place} was not noticed");
        }
    }
}

#[test]
fn a_camera_that_a_reload_removes_is_taken_away() {
    let Some(broker) = Broker::start() else { return };
    let watcher = broker.watch();
    let daemon = Daemon::start(&config(&broker, &format!("{DOOR}{GATE}{YARD}")));
    watcher.wait_for(OF_YARD, |_| true);
    watcher.wait_for("fovea/barn/yard/tamper", |_| true);
    watcher.wait_for("fovea/barn/door/zone/gate", |_| true);
    super::events::trigger(&daemon, "yard", "bell");
    daemon.reload(&config(&broker, DOOR), "the new configuration is in use");
    let is_of_yard = |topic: &String| topic.contains("/yard/") || topic == OF_YARD;
    eventually("nothing is left of it", || !watcher.retained().keys().any(is_of_yard));
    watcher.wait_for_text("fovea/barn/door/zone/gate", "");
    let gone = watcher.wait_for(OF_YARD, |message| message.payload.is_empty());
    assert!(gone.is_retained, "{gone:?}");
    let info = watcher.wait_for("fovea/barn/info", |message| message.json()["cameras"] == json!(["door"]));
    assert!(info.is_retained);
    let taken_away = json!({ "platform": "binary_sensor" });
    let door = watcher.wait_for(OF_DOOR, |message| message.json()["components"]["zone_gate"] == taken_away);
    assert!(door.json()["components"]["motion"].is_object());
    let now = broker.watch().retained();
    assert!(!now.keys().any(is_of_yard) && now["fovea/barn/door/state"].text() == "never", "{now:?}");
    // And it comes back.
    daemon.reload(&config(&broker, &format!("{DOOR}{YARD}")), "the new configuration is in use");
    eventually("it is there again", || {
        let retained = watcher.retained();
        ["fovea/barn/yard/tamper", OF_YARD].iter().all(|topic| retained.contains_key(*topic))
    });
}

#[test]
fn what_an_earlier_run_left_is_taken_away_and_nothing_else() {
    let Some(broker) = Broker::start() else { return };
    let foreign = [
        "fovea/barn2/door/state",
        "fovea/barn/door/enabled/set",
        "homeassistant/device/barn2/config",
        "homeassistant/device/other/yard/config",
        "homeassistant/device/barn/other/config",
        "homeassistant/status",
        "fovea2/yard/state",
    ];
    for topic in foreign {
        broker.publish(topic, "another's", &["--retain"]);
    }
    let mut daemon = Daemon::start(&config(&broker, &format!("{DOOR}{YARD}")));
    let watcher = broker.watch();
    watcher.wait_for("fovea/barn/yard/tamper", |_| true);
    watcher.wait_for(OF_YARD, |_| true);
    broker.publish("fovea/barn/door/picture", "the last event's", &["--retain"]);
    broker.publish("fovea/barn/yard/picture", "the last event's", &["--retain"]);
    daemon.stop();
    let _daemon = Daemon::start(&config(&broker, DOOR));
    let is_of_yard = |topic: &String| topic.contains("/barn/yard/") || topic == OF_YARD;
    eventually("nothing is left of it", || !watcher.retained().keys().any(is_of_yard));
    eventually("the sweep is over", || broker.log().contains("Received UNSUBSCRIBE from barn"));
    let now = broker.watch().retained();
    for topic in foreign {
        assert_eq!(now.get(topic).map(|message| message.text()), Some("another's"), "{topic}");
    }
    for topic in
        [BOARD, OF_DOOR, "fovea/barn/door/picture", "fovea/barn/door/motion", "fovea/barn/state", "fovea/barn/info"]
    {
        assert!(now.contains_key(topic), "{topic} is not in {now:?}");
    }
    assert!(!now.keys().any(is_of_yard), "{now:?}");
}

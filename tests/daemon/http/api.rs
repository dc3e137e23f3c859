//! The API's answers, and its description: what it says of them is held against what they are.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{
    client::Client,
    daemon::{DOOR, Daemon, HTTP},
    eventually,
    http::{Answer, get, get_with},
    pictures::Picture,
    scene::Scene,
    schema::{faults, faults_by, strict},
};

const ZONES: &str = "[[camera.line]]\nname = \"ramp\"\nfrom = [0.25, 1]\nto = [0.25, 0]\nleft_to_right = \"up\"\n\
                     [[camera.motion.zone]]\nname = \"gate\"\nvisits = true\nloitering_after_ms = 60000\n\
                     polygon = [[0, 0], [1, 0], [0.5, 1]]\n\
                     [[camera.motion.zone]]\nignore = true\npolygon = [[0, 0], [1, 0], [0, 1]]\n";

/// A camera at the board, which is not there.
const PLUGGED_IN: &str = if cfg!(feature = "v4l2") {
    "[[camera]]\nname = \"roof\"\n[camera.v4l2]\ndevice = \"usb:ffff:ffff\"\n"
} else {
    ""
};

const MASK: &str = "[[camera.mask]]\nname = \"window\"\npolygon = [[0.0, 0.0], [0.25, 0.0], [0.0, 0.25]]\n";

/// A daemon with a camera that saw something and had something refused, and one that never came.
fn start() -> (Daemon, Scene) {
    let daemon = Daemon::start(&format!("{HTTP}{DOOR}{ZONES}{MASK}[[camera]]\nname = \"yard\"\n"));
    let mut scene = Scene::start(&daemon);
    scene.until("start");
    scene.sender.send("no picture");
    scene.sender.next_of("refused");
    (daemon, scene)
}

/// The description, and what it says of answers.
struct Description(Value);

impl Description {
    fn of(daemon: &Daemon) -> Self {
        Self(get(daemon, "/api/openapi.json").json())
    }

    /// What a value says, or what it refers to.
    fn follow<'d>(&'d self, value: &'d Value) -> &'d Value {
        let to = value["$ref"].as_str().and_then(|to| self.0.pointer(to.strip_prefix('#')?));
        to.map_or(value, |to| self.follow(to))
    }

    /// The schema of the event stream's messages.
    fn messages(&self) -> &Value {
        &self.0["paths"]["/api/events"]["get"]["responses"]["200"]["content"]["text/event-stream"]["schema"]
    }

    /// What is wrong with a value, by a schema of this description.
    fn wrong(&self, schema: &Value, value: &Value) -> Vec<String> {
        let mut whole = schema.clone();
        whole["components"] = self.0["components"].clone();
        faults_by(&strict(whole), value)
    }

    /// Holds an answer against what is said of it; gives as which response it is described.
    fn hold(&self, path: &str, answer: Answer) -> String {
        let responses = &self.0["paths"][path]["get"]["responses"];
        let status = answer.status.to_string();
        let key = if responses[&status].is_null() { "default".to_owned() } else { status };
        let described = self.follow(&responses[&key]);
        assert!(key != "default" || [400, 405, 421, 431].contains(&answer.status), "{path} gives {}", answer.status);
        for (name, header) in described["headers"].as_object().into_iter().flatten() {
            let told = answer.header(&name.to_ascii_lowercase()).unwrap_or_else(|| panic!("{path} without {name}"));
            let told = serde_json::from_str(told).unwrap_or_else(|_| json!(told));
            let wrong = self.wrong(&self.follow(header)["schema"], &told);
            assert!(wrong.is_empty(), "{path}, {name}: {wrong:?}");
        }
        let kind = answer.header("content-type").and_then(|kind| kind.split(';').next()).expect("each says what it is");
        let content = &described["content"][kind];
        assert!(content.is_object(), "{path} with {key} is {kind}");
        if kind == "application/json" && content["schema"].is_object() {
            let answer = answer.json();
            let wrong = self.wrong(&content["schema"], &answer);
            assert!(wrong.is_empty(), "{path}: {wrong:?} in {answer}");
        }
        key
    }
}

#[test]
fn every_answer_is_as_described() {
    let (daemon, _scene) = start();
    let fresh = Daemon::start(&format!("{HTTP}{DOOR}{PLUGGED_IN}"));
    let ready = Daemon::start(&format!("{HTTP}{DOOR}"));
    let mut sender = Client::connect(&ready, "/?results");
    eventually("there is an event with its picture", || {
        get(&daemon, "/api/events/recent").json()[0]["snapshot"].is_string()
    });
    let recent = get(&daemon, "/api/events/recent").json();
    let event = recent[0]["id"].as_str().expect("it has an id");
    let description = Description::of(&daemon);
    let paths = description.0["paths"].as_object().expect("there are paths");
    for (path, item) in paths.iter().filter(|(_, item)| item["get"].is_object()) {
        let of = |name: &str, id: &str| path.replace("{name}", name).replace("{id}", id);
        // Just before it is asked, for a camera is live for 2 seconds.
        sender.send(Picture::scene(64, 48).jpeg());
        sender.next_of("result");
        let answers = [
            get(&ready, &of("door", event)),
            get(&daemon, &of("door", event)),
            get(&daemon, &of("nobody", "nothing")),
            get(&daemon, &format!("{}?camera=nobody", of("door", event))),
            get(&daemon, &format!("{}?camera=door&camera=door", of("door", event))),
            get(&fresh, &of("door", event)),
            get_with(&daemon, &of("door", event), "Host: elsewhere.example.org\r\n"),
            get_with(&daemon, &of("door", event), ""),
        ];
        let seen: BTreeSet<_> = answers.into_iter().map(|answer| description.hold(path, answer)).collect();
        let described = item["get"]["responses"].as_object().expect("responses");
        assert!(described.keys().eq(&seen), "{path}: {:?} are described, {seen:?} were seen", described.keys());
    }
}

#[test]
fn every_message_is_as_described() {
    let (daemon, mut scene) = start();
    let description = Description::of(&daemon);
    let schema = description.messages();
    let mut stream = get(&daemon, "/api/events");
    scene.until("end");
    scene.until("start");
    scene.sender.send("no picture");
    let mut kinds = BTreeSet::new();
    while kinds.len() < 3 {
        let sent = stream.sent();
        let wrong = description.wrong(schema, &sent.data);
        assert!(wrong.is_empty(), "{wrong:?} in {}", sent.data);
        kinds.insert(sent.kind);
    }
    let of_another_kind = json!({ "v": 1, "type": "guess", "camera": "door" });
    assert!(!description.wrong(schema, &of_another_kind).is_empty(), "not everything is right");
}

#[test]
fn messages_of_any_stage_are_described_without_its_name() {
    let daemon = Daemon::start(&format!("{HTTP}{DOOR}"));
    let description = Description::of(&daemon);
    let schema = description.messages();
    let result = json!({
        "v": 1, "type": "result", "camera": "door", "seq": 7, "captured_at": "2026-11-22T10:00:00.123456Z",
        "captured_by": "arrival", "age_ms": { "start": 1.0, "result": 2.0 }, "superseded": 0, "size_px": [320, 240],
        "guesses": { "at": [1, 2] },
        "detections": [
            { "label": "something", "box": [1, 2, 3, 4] },
            { "label": "person", "box": [1, 2, 3, 4], "score": 0.87, "track": 4, "text": "FV 1" },
        ],
        "errors": { "plates": "there is no model" },
    });
    let event = json!({
        "v": 1, "type": "event", "camera": "door", "id": "door-1", "kind": "tamper", "state": "start",
        "at": "2026-11-22T10:00:00.123456Z", "zone": "gate", "reason": "covered", "boxes": [],
    });
    for message in [&result, &event] {
        assert_eq!([description.wrong(schema, message), faults(message)].concat(), Vec::<String>::new(), "{message}");
    }
    let wrong = [
        (&result, "guesses", json!(3)),
        (&result, "detections", json!([{ "box": [1, 2, 3, 4] }])),
        (&result, "detections", json!([{ "label": "person", "box": [1, 2, 3] }])),
        (&result, "errors", json!({ "plates": 3 })),
        (&event, "kind", json!(3)),
        (&event, "guesses", json!({})),
    ];
    for (message, key, value) in wrong {
        let mut message = message.clone();
        message[key] = value;
        assert!(!description.wrong(schema, &message).is_empty() && !faults(&message).is_empty(), "{message}");
    }
}

#[test]
fn the_status_has_the_numbers_of_each_camera() {
    let (daemon, scene) = start();
    let _reader = Client::connect(&daemon, "/results");
    let _live = get(&daemon, "/live");
    let status = get(&daemon, "/api/status").json();
    assert_eq!((&status["healthy"], &status["readers"], &status["viewers"]), (&json!(false), &json!(2), &json!(1)));
    assert_eq!(status["websocket_port"], daemon.address().port());
    let [door, yard] = [0, 1].map(|at| status["cameras"][at].clone());
    assert_eq!((&door["camera"], &door["state"], &door["connections"]), (&json!("door"), &json!("live"), &json!(1)));
    assert_eq!(
        (&door["received"], &door["published"], &door["taken"]),
        (&json!(scene.seq + 1), &json!(scene.seq), &json!(scene.seq))
    );
    assert_eq!(door["refused"], json!({ "bad_header": 1 }));
    assert!(door["last_error"]["what"].as_str().is_some_and(|what| what.contains(" refused: ")));
    assert_eq!((&yard["state"], &yard["received"]), (&json!("never"), &json!(0)));
}

#[test]
fn cameras_are_told_as_configured() {
    let (daemon, _scene) = start();
    let cameras = get(&daemon, "/api/cameras").json();
    let expected = json!([
        { "name": "door", "size_px": [320, 240], "plugged_in": false, "motion": true, "stages": ["motion"],
            "zone_stages": ["motion"], "zones": [
            { "stage": "motion", "name": "gate", "ignore": false, "polygon": [[0.0, 0.0], [1.0, 0.0], [0.5, 1.0]],
              "visits": true, "loitering_after_ms": 60000 },
            { "stage": "motion", "ignore": true, "polygon": [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]], "visits": false },
        ], "lines": [
            { "name": "ramp", "from": [0.25, 1.0], "to": [0.25, 0.0], "left_to_right": "up", "right_to_left": "out",
              "dead_band": 0.01 },
        ], "masks": [{ "name": "window", "polygon": [[0.0, 0.0], [0.25, 0.0], [0.0, 0.25]] }],
           "live": "/cameras/door/live.mjpg", "snapshot": "/cameras/door/snapshot.jpg" },
        { "name": "yard", "plugged_in": false, "motion": false, "stages": [], "zone_stages": [], "zones": [], "lines": [],
          "masks": [], "live": "/cameras/yard/live.mjpg", "snapshot": "/cameras/yard/snapshot.jpg" },
    ]);
    assert_eq!(cameras, expected);
    for path in cameras.as_array().into_iter().flatten().map(|camera| camera["snapshot"].as_str().unwrap_or_default()) {
        assert_ne!(get(&daemon, path).status, 404, "{path}");
    }
    assert_ne!(cameras, Value::Null);
}

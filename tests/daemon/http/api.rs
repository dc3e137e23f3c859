//! The API's answers, and its description: what it says of them is held against what they are.

use serde_json::{Value, json};

use crate::support::{
    client::Client,
    daemon::{DOOR, Daemon, HTTP},
    eventually,
    http::get,
    scene::Scene,
};

const ZONES: &str = "[[camera.motion.zone]]\nname = \"gate\"\npolygon = [[0, 0], [1, 0], [0.5, 1]]\n\
                     [[camera.motion.zone]]\nignore = true\npolygon = [[0, 0], [1, 0], [0, 1]]\n";

/// A daemon with a camera that saw something and had something refused, and one that never came.
fn start() -> (Daemon, Scene) {
    let daemon = Daemon::start(&format!("{HTTP}{DOOR}{ZONES}[[camera]]\nname = \"yard\"\n"));
    let mut scene = Scene::start(&daemon);
    scene.until("start");
    scene.sender.send("no picture");
    scene.sender.next_of("refused");
    (daemon, scene)
}

#[test]
fn every_answer_is_as_described() {
    let (daemon, _scene) = start();
    eventually("there is an event with its picture", || {
        get(&daemon, "/api/events/recent").json()[0]["snapshot"].is_string()
    });
    let description = get(&daemon, "/api/openapi.json").json();
    let mut checked = 0;
    for (path, item) in description["paths"].as_object().expect("there are paths") {
        let recent = get(&daemon, "/api/events/recent").json();
        let event = recent[0]["id"].as_str().expect("it has an id");
        let answer = get(&daemon, &path.replace("{name}", "door").replace("{id}", event));
        let described = &item["get"]["responses"][answer.status.to_string()];
        assert!(described.is_object(), "{path} is answered with {}", answer.status);
        let kind = answer.header("content-type").expect("each answer says what it is").to_owned();
        let kind = kind.split(';').next().expect("there is a first part");
        if answer.status != 200 {
            continue;
        }
        assert!(described["content"][kind].is_object(), "{path} is {kind}");
        let mut schema = described["content"][kind]["schema"].clone();
        if schema.is_object() {
            schema["components"] = description["components"].clone();
            let validator = jsonschema::draft202012::new(&schema).expect("the schema is one");
            let answer = answer.json();
            let wrong: Vec<_> = validator.iter_errors(&answer).map(|error| error.to_string()).collect();
            assert!(wrong.is_empty(), "{path}: {wrong:?} in {answer}");
            checked += 1;
        }
    }
    assert_eq!(checked, 3, "status, cameras and recent events have schemas");
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
        { "name": "door", "size_px": [320, 240], "plugged_in": false, "motion": true, "zones": [
            { "name": "gate", "ignore": false, "polygon": [[0.0, 0.0], [1.0, 0.0], [0.5, 1.0]] },
            { "ignore": true, "polygon": [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]] },
        ], "live": "/cameras/door/live.mjpg", "snapshot": "/cameras/door/snapshot.jpg" },
        { "name": "yard", "plugged_in": false, "motion": false, "zones": [],
          "live": "/cameras/yard/live.mjpg", "snapshot": "/cameras/yard/snapshot.jpg" },
    ]);
    assert_eq!(cameras, expected);
    for path in cameras.as_array().into_iter().flatten().map(|camera| camera["snapshot"].as_str().unwrap_or_default()) {
        assert_ne!(get(&daemon, path).status, 404, "{path}");
    }
    assert_ne!(cameras, Value::Null);
}

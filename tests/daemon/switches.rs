//! Detection that clients switch on and off.

use std::{
    fs,
    path::{Path, PathBuf},
    process,
};

use serde_json::{Value, json};

use crate::support::{
    daemon::{DOOR, Daemon, HTTP},
    eventually,
    http::{get, post},
    scene::Scene,
};

fn switch(daemon: &Daemon, camera: &str, body: &str) -> u16 {
    post(daemon, &format!("/api/cameras/{camera}/detection"), "", body).status
}

fn camera(daemon: &Daemon) -> Value {
    get(daemon, "/api/status").json()["cameras"][0].clone()
}

/// Sends frames until the stages look at them, or do not.
fn until_detection_is(scene: &mut Scene, is_on: bool) {
    eventually("the pipeline is another one", || scene.look(None)["motion"].is_object() == is_on);
}

#[test]
fn detection_is_switched_while_frames_come() {
    let daemon = Daemon::start(&format!("{HTTP}{DOOR}hold_ms = 600000\n"));
    let mut scene = Scene::start(&daemon);
    let started = scene.until("start");
    let answer = post(&daemon, "/api/cameras/door/detection", "", "{\"on\":false}");
    assert_eq!((answer.status, answer.json()), (200, json!({ "on": false })));
    daemon.wait_for_line("door: detection is switched off");
    let ended = scene.until("end");
    assert_eq!(ended["id"], started["id"], "what went on is over");
    until_detection_is(&mut scene, false);
    let result = scene.look(Some(1));
    assert_eq!((&result["detections"], &result["motion"]), (&json!([]), &Value::Null));
    let status = camera(&daemon);
    assert_eq!((&status["detection"], &status["state"]), (&json!(false), &json!("live")), "off is not lost");
    assert!(get(&daemon, "/metrics").text().contains("\nfovea_camera_detection{camera=\"door\"} 0\n"));

    // A reload that has nothing to do with it leaves it so.
    daemon.reload(&format!("{HTTP}{DOOR}hold_ms = 0\n"), "the new configuration is in use");
    daemon.wait_for_line("door: stages on its frames: motion; detection is switched off");
    assert!(scene.look(None)["motion"].is_null() && camera(&daemon)["detection"] == false);

    assert_eq!(switch(&daemon, "door", "{\"on\":true}"), 200);
    until_detection_is(&mut scene, true);
    assert_eq!(camera(&daemon)["detection"], true);
    while scene.look(None)["motion"]["relearning"] == true {}
    scene.until("start");

    for body in ["", "off", "{\"on\":0}", "{}"] {
        assert_eq!(switch(&daemon, "door", body), 400, "{body:?}");
    }
    assert_eq!(switch(&daemon, "dor", "{\"on\":true}"), 404);
}

/// A daemon whose state is in `folder`.
fn start_in(folder: &Path, detection: &str) -> Daemon {
    let camera = format!("[[camera]]\nname = \"door\"\ndetection = \"{detection}\"\n[camera.motion]\n");
    Daemon::start_as(&format!("{HTTP}{camera}"), |mut command| {
        command.env("STATE_DIRECTORY", folder);
        command
    })
}

#[test]
fn after_a_restart_it_is_as_the_configuration_says() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("switches-{}", process::id()));
    let detection = |daemon: &Daemon| camera(daemon)["detection"] == true;
    let mut daemon = start_in(&folder, "last");
    assert!(detection(&daemon));
    assert_eq!(switch(&daemon, "door", "{\"on\":false}"), 200);
    daemon.wait_for_line("door: detection is switched off");
    daemon.stop();
    daemon = start_in(&folder, "last");
    assert!(!detection(&daemon), "as it was");
    daemon.stop();
    daemon = start_in(&folder, "on");
    assert!(detection(&daemon));
    assert_eq!(switch(&daemon, "door", "{\"on\":false}"), 200);
    daemon.wait_for_line("door: detection is switched off");
    daemon.stop();
    daemon = start_in(&folder, "off");
    assert!(!detection(&daemon));
    // Half a file, as no power cut leaves it.
    fs::write(folder.join("switches.json"), "{\"detec").expect("it is there");
    daemon.stop();
    daemon = start_in(&folder, "last");
    daemon.wait_for_line("cameras with detection = \"last\" begin with detection on");
    assert!(detection(&daemon));
    daemon.stop();
    fs::remove_dir_all(folder).expect("it is there");
}

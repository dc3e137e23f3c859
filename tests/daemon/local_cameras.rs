//! A local camera whose device is missing, which every machine can test. The scenarios of `tests/board/cameras.rs` test
//! cameras whose device is present, on the emulated board.

use std::process::Command;

use crate::support::{
    client::Client,
    daemon::{DOOR, Daemon, HTTP},
    eventually,
    http::get,
    pictures::Picture,
    raw::{Raw, request},
};

/// A camera whose device no machine has.
const YARD: &str = "[[camera]]\nname = \"yard\"\n[camera.motion]\n[camera.v4l2]\ndevice = \"/dev/video4242\"\n";

const LOST: &str = "yard: lost: /dev/video4242 is not there";

const RELOADED: &str = "the new configuration is in use";

#[test]
fn a_missing_device_is_reported_once_and_other_cameras_go_on() {
    let mut daemon = Daemon::start(&format!("{HTTP}{DOOR}{YARD}"));
    daemon.wait_for_line(LOST);
    let mut sender = Client::connect(&daemon, "/?results"); // the only camera that accepts frames
    sender.send(Picture::scene(64, 48).jpeg());
    assert_eq!(sender.next_of("result")["camera"], "door");
    let status = get(&daemon, "/api/status").json();
    let yard = &status["cameras"][1];
    assert_eq!((&yard["state"], &yard["connections"]), (&"lost".into(), &0.into()), "{yard}");
    assert_eq!(yard["last_error"]["what"], "lost: /dev/video4242 is not there");
    assert_eq!(yard["driver"]["errors"], 1, "the loss counts, the attempts to reopen do not");
    assert!(status["cameras"][0].get("driver").is_none(), "a WebSocket camera has no driver counters");
    let ready = get(&daemon, "/readyz");
    assert_eq!(ready.status, 503);
    let reason = ready.text();
    assert!(reason.starts_with("yard: lost since 20") && reason.lines().count() == 1, "{reason}");
    let metrics = get(&daemon, "/metrics").text();
    assert!(metrics.contains("fovea_driver_errors_total{camera=\"yard\"} 1"), "{metrics}");
    let end = daemon.stop();
    assert_eq!(end.code, Some(0));
    assert_eq!(end.log.matches("yard: lost").count(), 1, "{}", end.log);
}

#[test]
fn a_local_camera_rejects_frames_from_clients() {
    let daemon = Daemon::start(&format!("{DOOR}{YARD}"));
    let mut client = Raw::connect(&daemon);
    client.send(request("/frames/yard", ""));
    let (status, _, body) = client.denial();
    assert_eq!(status, 409);
    assert_eq!(body, "The camera \"yard\" is plugged into this machine, so clients cannot send its frames.\n");
    Client::connect(&daemon, "/results/yard");
}

#[test]
fn a_reload_adds_and_removes_a_local_camera() {
    let daemon = Daemon::start(DOOR);
    // Once a frame has passed every thread, each thread has opened its descriptors.
    let mut sender = Client::connect(&daemon, "/?results");
    sender.send(Picture::scene(64, 48).jpeg());
    sender.next_of("result");
    let before = daemon.descriptors();
    let threads = |daemon: &Daemon| daemon.tasks().into_iter().filter(|task| task.name == "cam-yard").count();
    daemon.reload(&format!("{DOOR}{YARD}"), RELOADED);
    daemon.wait_for_line(LOST);
    assert_eq!(threads(&daemon), 1);
    // A camera that clients feed is another camera, even under the same name.
    daemon.reload(&format!("{DOOR}[[camera]]\nname = \"yard\"\n"), RELOADED);
    eventually("its thread ends", || threads(&daemon) == 0);
    Client::connect(&daemon, "/frames/yard");
    daemon.reload(DOOR, RELOADED);
    eventually("its descriptors are closed", || daemon.descriptors() == before);
}

#[test]
fn switching_motion_off_and_on_keeps_a_local_camera_running() {
    let mut daemon = Daemon::start(YARD);
    daemon.wait_for_line(LOST);
    let capture_thread = |daemon: &Daemon| {
        let thread = daemon.tasks().into_iter().find(|task| task.name == "cam-yard");
        thread.expect("a local camera has a capture thread").id
    };
    let before = capture_thread(&daemon);
    for config in [&YARD.replace("[camera.motion]\n", ""), YARD] {
        daemon.reload(config, RELOADED);
        assert_eq!(capture_thread(&daemon), before);
    }
    let end = daemon.stop();
    assert_eq!(end.log.matches(LOST).count(), 1, "a camera that starts again logs it again: {}", end.log);
}

#[test]
fn devices_and_doctor_report_a_missing_device() {
    let fovea = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_fovea")).args(arguments).output().expect("it was built");
        (output.status.success(), String::from_utf8([output.stdout, output.stderr].concat()).expect("it writes UTF-8"))
    };
    let daemon = Daemon::start(YARD);
    let (is_ok, report) = fovea(&["doctor", "--config", daemon.config_path()]);
    assert!(!is_ok);
    assert!(
        report.contains("bad   yard: /dev/video4242 is not there; `fovea devices` lists what is plugged in"),
        "{report}"
    );
    let (is_ok, list) = fovea(&["devices", "--json"]);
    assert!(is_ok, "{list}");
    assert!(serde_json::from_str::<Vec<serde_json::Value>>(&list).is_ok(), "{list}");
}

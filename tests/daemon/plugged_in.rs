//! A camera that should be plugged into this machine and is not: what the daemon makes of that, on any machine. What it
//! makes of one that is there is seen on the emulated board.

use std::process::Command;

use crate::support::{
    client::Client,
    daemon::{DOOR, Daemon, HTTP},
    eventually,
    http::get,
    pictures::Picture,
    raw::{Raw, request},
};

/// A camera that no machine has.
const YARD: &str = "[[camera]]\nname = \"yard\"\n[camera.motion]\n[camera.v4l2]\ndevice = \"/dev/video4242\"\n";

const LOST: &str = "yard: lost: /dev/video4242 is not there";

const HOLDS: &str = "the configuration is read again, and holds";

#[test]
fn it_is_lost_and_told_once_while_others_go_on() {
    let mut daemon = Daemon::start(&format!("{HTTP}{DOOR}{YARD}"));
    daemon.wait_for_line(LOST);
    let mut sender = Client::connect(&daemon, "/?results"); // the only camera that takes any
    sender.send(Picture::scene(64, 48).jpeg());
    assert_eq!(sender.next_of("result")["camera"], "door");
    let status = get(&daemon, "/api/status").json();
    let yard = &status["cameras"][1];
    assert_eq!((&yard["state"], &yard["connections"]), (&"lost".into(), &0.into()), "{yard}");
    assert_eq!(yard["last_error"]["what"], "lost: /dev/video4242 is not there");
    assert_eq!(yard["driver"]["errors"], 1, "the loss, and not every look for it");
    assert!(status["cameras"][0].get("driver").is_none(), "the other has none");
    let ready = get(&daemon, "/readyz");
    assert_eq!(ready.status, 503);
    let lacking = ready.text();
    assert!(lacking.starts_with("yard: lost since 20") && lacking.lines().count() == 1, "{lacking}");
    let metrics = get(&daemon, "/metrics").text();
    assert!(metrics.contains("fovea_driver_errors_total{camera=\"yard\"} 1"), "{metrics}");
    let end = daemon.stop();
    assert_eq!(end.code, Some(0));
    assert_eq!(end.log.matches("yard: lost").count(), 1, "{}", end.log);
}

#[test]
fn it_takes_no_frames_from_elsewhere() {
    let daemon = Daemon::start(&format!("{DOOR}{YARD}"));
    let mut client = Raw::connect(&daemon);
    client.send(request("/frames/yard", ""));
    let (status, _, body) = client.denial();
    assert_eq!(status, 409);
    assert_eq!(body, "The camera \"yard\" is plugged into this machine, and takes frames from nobody else.\n");
    Client::connect(&daemon, "/results/yard");
}

#[test]
fn a_reload_has_it_come_and_go() {
    let daemon = Daemon::start(DOOR);
    // Every thread has opened what it needs when a frame has gone all the way.
    let mut sender = Client::connect(&daemon, "/?results");
    sender.send(Picture::scene(64, 48).jpeg());
    sender.next_of("result");
    let before = daemon.descriptors();
    let threads = |daemon: &Daemon| daemon.tasks().into_iter().filter(|task| task.name == "cam-yard").count();
    daemon.reload(&format!("{DOOR}{YARD}"), HOLDS);
    daemon.wait_for_line(LOST);
    assert_eq!(threads(&daemon), 1);
    // As one whose frames come from elsewhere it is another camera.
    daemon.reload(&format!("{DOOR}[[camera]]\nname = \"yard\"\n"), HOLDS);
    eventually("its thread ends", || threads(&daemon) == 0);
    Client::connect(&daemon, "/frames/yard");
    daemon.reload(DOOR, HOLDS);
    eventually("nothing of it is left", || daemon.descriptors() == before);
}

#[test]
fn devices_and_doctor_say_what_is_not_there() {
    let fovea = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_fovea")).args(arguments).output().expect("it was built");
        (output.status.success(), String::from_utf8([output.stdout, output.stderr].concat()).expect("it writes UTF-8"))
    };
    let daemon = Daemon::start(YARD);
    let (is_well, told) = fovea(&["doctor", "--config", daemon.config_path()]);
    assert!(!is_well);
    assert!(
        told.contains("bad   yard: /dev/video4242 is not there; `fovea devices` lists what is plugged in"),
        "{told}"
    );
    let (is_well, told) = fovea(&["devices", "--json"]);
    assert!(is_well, "{told}");
    assert!(serde_json::from_str::<Vec<serde_json::Value>>(&told).is_ok(), "{told}");
}

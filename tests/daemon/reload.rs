//! SIGHUP: the configuration is read again. What it does not concern notices nothing; what it does changes at once.

use std::{iter, thread, time::Instant};

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::support::{
    LIMIT,
    client::{Client, GREY, V1},
    daemon::{DOOR, Daemon, HTTP},
    eventually,
    http::get,
    pictures::Picture,
    raw::{self, BINARY, FINAL, Raw, request},
    systemd::Notified,
};

const YARD: &str = "[[camera]]\nname = \"yard\"\n[camera.motion]\n";

const REMOVED: &str = "this camera was removed from the configuration";

/// What tells that a reload is over.
const HOLDS: &str = "the new configuration is in use";
const STAYS: &str = "the old configuration stays in use";

/// A frame of 64 x 48 grey pixels.
fn grey(picture: &Picture, seq: u64, captured_us: u64) -> Vec<u8> {
    let size = (picture.width, picture.height);
    V1 { format: GREY, size, seq, captured_us, picture: &picture.pixels, ..V1::default() }.message()
}

/// The status and the body with which a client is turned away.
fn denied(daemon: &Daemon, path: &str) -> (u16, String) {
    let mut client = Raw::connect(daemon);
    client.send(request(path, ""));
    let (status, _, body) = client.denial();
    (status, body)
}

#[test]
fn a_camera_that_did_not_change_loses_no_frame_and_no_connection() {
    const FRAMES: u64 = 120;
    let mut daemon = Daemon::start(DOOR);
    let mut reader = Client::connect(&daemon, "/results/door");
    let mut sender = Client::connect_v1(&daemon, "/?results");
    let scene = Picture::scene(64, 48);
    let other =
        format!("server.max_pixels = 5000\nserver.max_clients = 3\nserver.idle_timeout_ms = 5000\n{YARD}{DOOR}");
    for seq in 1..=FRAMES {
        sender.send(grey(&scene, seq, 0));
        if seq % 10 == 0 {
            daemon.rewrite(if seq % 20 == 0 { DOOR } else { &other });
            daemon.signal(Signal::SIGHUP);
        }
        for client in [&mut sender, &mut reader] {
            let result = client.next_of("result");
            assert_eq!([&result["seq"], &result["superseded"]], [seq, 0], "{result}");
        }
    }
    daemon.reload(DOOR, HOLDS);
    // Even the camera's one sender is still known.
    Client::connect(&daemon, "/").before_pong();
    assert_eq!(sender.closed().0, 1008);
    let end = daemon.stop();
    let door = end.summary("door");
    assert_eq!((door.published, door.taken, door.superseded, door.refused), (FRAMES, FRAMES, 0, 0));
    assert!(end.lines_with("yard: removed") > 0, "{}", end.log);
    assert_eq!(end.lines_with("door: stages on its frames: "), 1, "it was not begun anew");
}

#[test]
fn a_camera_can_be_added_and_removed_and_added_again() {
    let mut daemon = Daemon::start(DOOR);
    let mut all = Client::connect(&daemon, "/results");
    let jpeg = Picture::scene(64, 48).jpeg();
    for _ in 0..2 {
        let (status, body) = denied(&daemon, "/frames/yard");
        assert_eq!((status, &*body), (404, "There is no camera \"yard\" here. Cameras: door.\n"));
        daemon.reload(&format!("{YARD}{DOOR}"), HOLDS);
        let mut sender = Client::connect(&daemon, "/frames/yard?results");
        let mut reader = Client::connect(&daemon, "/results/yard");
        sender.send(&jpeg[..]);
        for client in [&mut sender, &mut reader, &mut all] {
            assert_eq!(client.next_of("result")["camera"], "yard");
        }
        daemon.reload(DOOR, HOLDS);
        for client in [&mut sender, &mut reader] {
            assert_eq!(client.closed(), (1001, REMOVED.to_owned()));
        }
    }
    Client::connect(&daemon, "/").send(&jpeg[..]);
    assert_eq!(all.next_of("result")["camera"], "door", "the only camera there is, again");
    let end = daemon.stop();
    assert_eq!(end.lines_with("yard: 1 frames published, 1 taken, 0 superseded, 0 waiting; 0 refused"), 2);
}

#[test]
fn a_camera_that_floods_is_sent_away_and_its_counts_add_up() {
    let mut daemon = Daemon::start(&format!("{YARD}{DOOR}"));
    let mut reader = Client::connect(&daemon, "/results");
    let mut flooding = Raw::open(&daemon, "/frames/yard");
    let message = raw::frame(FINAL | BINARY, &Picture::scene(640, 480).jpeg());
    let until = Instant::now() + LIMIT;
    let flood =
        thread::spawn(move || (0_u64..).take_while(|_| flooding.try_send(&message) && Instant::now() < until).count());
    while reader.next_of("result")["seq"].as_u64() < Some(20) {}
    daemon.reload(DOOR, HOLDS);
    let sent = flood.join().expect("it ends with the connection") as u64;
    assert!(Instant::now() < until, "it was not sent away");
    let yard = daemon.stop().summary("yard");
    assert_eq!(yard.published, yard.taken + yard.superseded + yard.waiting, "{yard:?}");
    assert!(20 <= yard.published && yard.published <= sent, "{yard:?} of {sent}");
}

/// Plays a walk to the camera door, and gives the events until its motion has started.
fn walk(sender: &mut Client, reader: &mut Client, first_seq: u64) -> Value {
    let scene = Picture::scene(320, 240);
    for step in 0..8 {
        let x = u32::try_from(20 + 30 * step).expect("small");
        let picture = if step < 4 { scene.clone() } else { scene.with([x, 100, 40, 60]) };
        let seq = first_seq + step;
        sender.send(grey(&picture, seq, 20_000_000 + seq * 400_000));
        sender.next_of("taken");
    }
    reader.next_of("event")
}

#[test]
fn what_is_looked_for_can_change_while_a_camera_is_connected() {
    let hold = "hold_ms = 3600000\n";
    let daemon = Daemon::start(&format!("{DOOR}{hold}"));
    let mut reader = Client::connect(&daemon, "/results");
    let mut sender = Client::connect_v1(&daemon, "/?results");
    sender.answer_clock(100_000_000);
    let first = walk(&mut sender, &mut reader, 1);
    assert_eq!([&first["state"], &first.get("zone").cloned().unwrap_or_default()], [&"start".into(), &Value::Null]);

    let zone = "[[camera.motion.zone]]\nname = \"all\"\npolygon = [[0, 0], [1, 0], [1, 1], [0, 1]]\n";
    daemon.reload(&format!("{DOOR}{hold}{zone}"), HOLDS);
    let second = loop {
        let event = walk(&mut sender, &mut reader, 101);
        match event["state"].as_str() {
            Some("update") => {}
            Some("end") => {
                assert_eq!(event["id"], first["id"], "what ran is ended before it is looked at anew");
                break reader.next_of("event");
            }
            _ => panic!("{event}"),
        }
    };
    assert_eq!([&second["state"], &second["zone"]], ["start", "all"]);
    assert_ne!(second["id"], first["id"]);

    daemon.reload("[[camera]]\nname = \"door\"\n", HOLDS);
    sender.send(grey(&Picture::scene(64, 48), 201, 0));
    while sender.next_of("result")["seq"] != 201 {}
    let end = reader.next_of("event");
    assert_eq!([&end["state"], &end["id"]], [&Value::from("end"), &second["id"]]);
    daemon.wait_for_line("door: no stage is configured");
}

#[test]
fn the_events_of_a_removed_camera_end_while_no_frame_comes() {
    let daemon = Daemon::start(&format!("{DOOR}hold_ms = 3600000\n{YARD}"));
    let mut reader = Client::connect(&daemon, "/results");
    let mut sender = Client::connect_v1(&daemon, "/frames/door?results");
    sender.answer_clock(100_000_000);
    let start = walk(&mut sender, &mut reader, 1);
    daemon.reload(YARD, HOLDS);
    let end = loop {
        let event = reader.next_of("event");
        if event["state"] != "update" {
            break event;
        }
    };
    assert_eq!([&end["state"], &end["id"]], [&Value::from("end"), &start["id"]]);
}

#[test]
fn viewers_see_cameras_come_and_go() {
    let daemon = Daemon::start(&format!("{HTTP}{DOOR}"));
    let [mut all, mut door] = ["/live", "/cameras/door/live.mjpg"].map(|path| get(&daemon, path));
    assert_eq!([all.part(), door.part()].map(|part| part.header("fovea-camera") == Some("door")), [true; 2]);

    daemon.reload(&format!("{HTTP}{YARD}{DOOR}"), HOLDS);
    let mut yard = get(&daemon, "/cameras/yard/live.mjpg");
    assert_eq!(yard.status, 200);
    let jpeg = Picture::scene(64, 48).jpeg();
    let mut sender = Client::connect(&daemon, "/frames/yard?results");
    sender.send(&jpeg[..]);
    for viewer in [&mut all, &mut yard] {
        let mut shown = iter::from_fn(|| Some(viewer.part()));
        shown.find(|part| part.header("fovea-camera") == Some("yard") && part.body == jpeg).expect("it is shown");
    }
    sender.next_of("result");
    let listed = || {
        let names = |cameras: &Value, key| -> Vec<_> {
            let cameras = cameras.as_array().expect("a list");
            cameras.iter().map(|camera| camera[key].as_str().expect("a name").to_owned()).collect()
        };
        let status = get(&daemon, "/api/status").json();
        [names(&get(&daemon, "/api/cameras").json(), "name"), names(&status["cameras"], "camera")]
    };
    let told = |camera: &str| get(&daemon, "/metrics").text().contains(&format!("camera=\"{camera}\""));
    assert_eq!(listed(), [["yard", "door"]; 2], "in the file's order");
    assert!(told("yard"));

    daemon.reload(&format!("{HTTP}{DOOR}"), HOLDS);
    while yard.chunk().is_some() {} // it ends with its camera
    for gone in ["/cameras/yard/snapshot.jpg", "/cameras/yard/live.mjpg"] {
        assert_eq!(get(&daemon, gone).status, 404, "{gone}");
    }
    assert_eq!(listed(), [["door"]; 2]);
    assert!(!told("yard"));
    let mut sender = Client::connect(&daemon, "/");
    sender.send(&jpeg[..]);
    for viewer in [&mut all, &mut door] {
        let mut shown = iter::from_fn(|| Some(viewer.part()));
        shown.find(|part| part.header("fovea-camera") == Some("door") && part.body == jpeg).expect("it is shown");
    }
    daemon.reload(DOOR, HOLDS);
    daemon.wait_for_line("[http] has changed: restart to apply");
}

#[test]
fn limits_hold_for_clients_that_come_from_then_on() {
    let daemon = Daemon::start(&format!("server.max_clients = 1\n{DOOR}"));
    let mut first = Client::connect_v1(&daemon, "/?results");
    assert_eq!(denied(&daemon, "/results").0, 503);
    // Until its connection is closed on both sides it counts as a client.
    let is_undecided = |name: &str| name.starts_with("ws-127");
    eventually("the denied one is gone", || !daemon.tasks().iter().any(|task| is_undecided(&task.name)));
    daemon.reload(&format!("server.max_clients = 2\nserver.max_pixels = 100\n{DOOR}"), HOLDS);
    let mut second = Client::connect_v1(&daemon, "/results");
    assert_eq!(second.next_of("hello")["limits"]["max_pixels"], 100);
    first.send(grey(&Picture::scene(64, 48), 1, 0));
    assert_eq!(first.next_of("result")["seq"], 1, "it was told other limits, and they hold for it");
}

#[test]
fn a_bad_file_changes_nothing_and_says_all_that_is_wrong() {
    let systemd = Notified::new();
    let mut daemon = Daemon::start_as(DOOR, |command| systemd.hear(command));
    systemd.next_of("STATUS=");
    let mut sender = Client::connect(&daemon, "/frames/door?results");
    daemon.reload("[[camera]]\nname = \"Yard\"\n[camera.motion]\nthreshold = 0\n", STAYS);
    let file = daemon.config_path().to_owned();
    let wrong = [
        format!(
            "{file}:3:8: camera.name = \"Yard\": must be 1 to 32 of a-z, 0-9, - and _, beginning with a letter or digit"
        ),
        format!("{file}:5:13: camera.motion.threshold = 0: must be a whole number from 1 to 254"),
    ];
    wrong.iter().for_each(|line| drop(daemon.wait_for_line(line)));
    let status = format!("STATUS=0 of 1 camera live; not reloaded: {} (and 1 more)", wrong[0]);
    assert_eq!(systemd.next_of("STATUS="), status);
    sender.send(Picture::scene(64, 48).jpeg());
    assert_eq!(sender.next_of("result")["camera"], "door");

    daemon.remove_config();
    daemon.signal(Signal::SIGHUP);
    daemon.wait_for_line(&format!("there is no file {file}"));

    daemon.reload(DOOR, HOLDS);
    eventually("the status is good", || !systemd.next_of("STATUS=").contains("not reloaded"));
    assert_eq!(daemon.stop().code, Some(0));
}

#[test]
fn systemd_is_told_when_a_reload_begins_and_when_it_is_over() {
    let systemd = Notified::new();
    let daemon = Daemon::start_as(DOOR, |command| systemd.hear(command));
    assert_eq!(systemd.next(), "READY=1");
    for (config, end) in [(YARD, HOLDS), ("nonsense", STAYS)] {
        daemon.reload(config, end);
        let reloading = systemd.next_of("RELOADING=1\nMONOTONIC_USEC=");
        let (_, micros) = reloading.rsplit_once('=').expect("it was found by it");
        assert!(micros.parse::<u64>().is_ok_and(|micros| micros > 0), "{reloading}");
        assert_eq!(systemd.next(), "READY=1");
    }
}

#[test]
fn what_needs_a_restart_is_told() {
    let daemon = Daemon::start(DOOR);
    daemon.wait_for_line("listening on 127.0.0.1:");
    let processor = "processor.core = 0\nprocessor.realtime_priority = 5\nprocessor.fast_luma = false\n";
    daemon.reload(&format!("{processor}{DOOR}"), HOLDS);
    daemon.wait_for_line("processor.core has changed: restart to apply");
    daemon.wait_for_line("processor.realtime_priority has changed: restart to apply");
    daemon.wait_for_line("processor.fast_luma has changed: restart to apply");
    daemon.reload_whole(&format!("server.listen = \"127.0.0.1:9\"\n{DOOR}"), HOLDS);
    daemon.wait_for_line("server.listen has changed: restart to apply");
    let mut sender = Client::connect(&daemon, "/?results");
    sender.send(Picture::scene(64, 48).jpeg());
    sender.next_of("result");
}

#[test]
fn how_much_is_told_can_change() {
    let systemd = Notified::new();
    let mut daemon = Daemon::start_as(DOOR, |command| systemd.hear(command));
    daemon.rewrite(&format!("log.level = \"error\"\n{DOOR}"));
    daemon.signal(Signal::SIGHUP);
    systemd.next_of("RELOADING=1");
    systemd.next_of("READY=1");
    Client::connect(&daemon, "/results").before_pong();
    daemon.reload(DOOR, HOLDS);
    Client::connect(&daemon, "/").before_pong();
    let end = daemon.stop();
    assert_eq!((end.lines_with("reads the results"), end.lines_with("sends bare pictures")), (0, 1), "{}", end.log);
}

//! What the broker retains: how the board and its cameras do.

use nix::sys::signal::Signal;
use serde_json::json;

use super::broker::Broker;
use crate::support::{
    client::{Client, GREY, V1},
    daemon::{DOOR, Daemon, HTTP},
    eventually,
    http::post,
    pictures::Picture,
    scene::Scene,
};

/// A zone that is the whole picture.
const GATE: &str = "[[camera.motion.zone]]\nname = \"gate\"\npolygon = [[0, 0], [1, 0], [1, 1], [0, 1]]\n";

#[test]
fn how_the_board_and_its_cameras_do_is_retained() {
    let Some(broker) = Broker::start() else { return };
    let watcher = broker.watch();
    let yard = "[[camera]]\nname = \"yard\"\n[camera.tamper]\n";
    let page = "page_url = \"http://barn.local:8080\"";
    let daemon = Daemon::start(&format!("{HTTP}{}{DOOR}hold_ms = 1000\n{GATE}{yard}", broker.table(page)));
    daemon.wait_for_line(&format!("mqtt: connected to 127.0.0.1:{} as barn", broker.port));
    watcher.wait_for_text("fovea/barn/state", "online");
    let info = watcher.wait_for("fovea/barn/info", |_| true).json();
    assert_eq!((&info["v"], &info["cameras"]), (&json!(1), &json!(["door", "yard"])), "{info}");
    assert_eq!(
        (&info["version"], &info["url"]),
        (&json!(env!("CARGO_PKG_VERSION")), &json!("http://barn.local:8080/"))
    );
    assert!(info["started_at"].as_str().is_some_and(|at| at.parse::<jiff::Timestamp>().is_ok()), "{info}");
    for (topic, text) in [
        ("door/state", "never"),
        ("door/enabled", "ON"),
        ("door/motion", "OFF"),
        ("door/zone/gate", "OFF"),
        ("door/scene", "OFF"),
        ("yard/state", "never"),
        ("yard/tamper", "OFF"),
    ] {
        let message = watcher.wait_for_text(&format!("fovea/barn/{topic}"), text);
        assert!(message.is_retained && message.qos == 1, "{message:?}");
    }

    let mut scene = Scene::start(&daemon);
    watcher.wait_for_text("fovea/barn/door/state", "live");
    let health = watcher.wait_for("fovea/barn/health", |message| message.json()["live"] == 1).json();
    assert!(health["cameras"] == 2 && health["rss_bytes"].as_u64() > Some(1_000_000), "{health}");
    scene.until("start");
    for topic in ["fovea/barn/door/motion", "fovea/barn/door/zone/gate"] {
        watcher.wait_for_text(topic, "ON");
    }
    let late = broker.watch().retained();
    let text = |topic: &str| late[&format!("fovea/barn/{topic}")].text().to_owned();
    assert_eq!(["state", "door/state", "door/motion", "yard/state"].map(text), ["online", "live", "ON", "never"]);
    assert!(late.values().all(|message| message.qos == 1), "{late:?}");
    scene.until("end");
    for topic in ["fovea/barn/door/motion", "fovea/barn/door/zone/gate"] {
        watcher.wait_for_text(topic, "OFF");
    }
    // The light goes on: a change of the whole scene.
    let bright = Picture::scene(320, 240).pixels.iter().map(|level| level + 100).collect::<Vec<_>>();
    let frame = V1 { format: GREY, size: (320, 240), seq: scene.seq + 1, picture: &bright, ..V1::default() };
    scene.sender.send(frame.message());
    watcher.wait_for("fovea/barn/door/scene", |message| message.payload == b"ON");
    drop(scene);
    watcher.wait_for_text("fovea/barn/door/state", "lost");
    assert_eq!(watcher.texts_on("fovea/barn/door/state"), ["never", "live", "lost"]);
    assert_eq!(post(&daemon, "/api/cameras/yard/detection", "", "{\"on\":false}").status, 200);
    watcher.wait_for_text("fovea/barn/yard/enabled", "OFF");
    assert_eq!(watcher.texts_on("fovea/barn/door/enabled"), ["ON"], "the other camera's is as it was");
    assert!(watcher.got().iter().all(|message| message.qos == 1), "states, and events");
}

/// A covered lens, as its camera's clock says: no test waits for that.
#[test]
fn a_covered_lens_is_a_state() {
    let Some(broker) = Broker::start() else { return };
    let watcher = broker.watch();
    let camera = "[[camera]]\nname = \"door\"\n[camera.tamper]\nhold_ms = 86400000\nafter_ms = 3000\n";
    let daemon = Daemon::start(&format!("{}{camera}", broker.table("")));
    let mut sender = Client::connect_v1(&daemon, "/frames/door?results");
    sender.answer_clock(60_000_000);
    let view = Picture::scene(320, 240);
    let hand = Picture { pixels: vec![30; view.pixels.len()], ..view.clone() };
    let mut second = 0;
    let mut sees = |picture: &Picture, seconds: u32| {
        for speck in 0..seconds {
            second += 1;
            let rows = picture.with([10 * (speck % 30), 100 + speck % 7, 1, 1]).pixels;
            let (seq, captured_us) = (second, 1_000_000 * second);
            let frame = V1 { format: GREY, size: (320, 240), seq, captured_us, picture: &rows, ..V1::default() };
            sender.send(frame.message());
            sender.next_of("result");
        }
    };
    sees(&view, 24);
    watcher.wait_for_text("fovea/barn/door/tamper", "OFF");
    sees(&hand, 6);
    watcher.wait_for_text("fovea/barn/door/tamper", "ON");
    sees(&view, 5);
    watcher.wait_for_text("fovea/barn/door/tamper", "OFF");
}

#[test]
fn a_board_that_ends_is_offline_however_it_ends() {
    let Some(broker) = Broker::start() else { return };
    let watcher = broker.watch();
    let config = format!("{}{DOOR}", broker.table(""));
    let state = "fovea/barn/state";
    for (signal, ends) in [(Signal::SIGKILL, 1), (Signal::SIGTERM, 2)] {
        let mut daemon = Daemon::start(&config);
        watcher.wait_for_text(state, "online");
        let end = daemon.stop_by(signal);
        watcher.wait_for_text(state, "offline");
        let expected = if signal == Signal::SIGKILL { (None, Some(9)) } else { (Some(0), None) };
        assert_eq!((end.code, end.signal), expected, "{}", end.log);
        assert!(!end.log.contains("are not delivered"), "{}", end.log);
        let said = watcher.texts_on(state);
        assert_eq!(said, ["online", "offline"].repeat(ends));
        assert!(watcher.on(state).iter().all(|message| message.is_retained), "{said:?}");
    }
    // The broker publishes the will of nobody who said goodbye.
    eventually("it saw it go", || broker.log().contains("Received DISCONNECT from barn"));
}

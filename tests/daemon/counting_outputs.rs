//! Lines and zones: somebody walks over a line and through a zone, and every output says so.

use serde_json::{Value, json};

use crate::support::{
    daemon::{DOOR, Daemon, HTTP},
    eventually,
    http::get,
    scene::Scene,
};

/// A line from top to bottom, and a zone behind it, for somebody who walks from the left to the right.
const COUNTED: &str = "[[camera.line]]\nname = \"gate\"\nfrom = [0.45, 0.0]\nto = [0.45, 1.0]\n\
                       [[camera.motion.zone]]\nname = \"yard\"\npolygon = [[0.5, 0], [1, 0], [1, 1], [0.5, 1]]\n\
                       visits = true\nloitering_after_ms = 3600000\n";

fn config() -> String {
    format!("{HTTP}{DOOR}hold_ms = 500\n{COUNTED}[[camera]]\nname = \"yard\"\n")
}

/// Somebody walks through the picture until that was counted and is over.
fn walk(daemon: &Daemon) -> Vec<Value> {
    let mut scene = Scene::start(daemon);
    for step in 0..40 {
        scene.look(Some(step));
    }
    let is_over = |event: &Value| event["kind"] == "visit" && event["state"] == "end";
    let mut events = Vec::new();
    while !events.iter().any(is_over) {
        scene.look(None);
        events.extend(scene.events());
    }
    events
}

fn samples(daemon: &Daemon) -> Vec<String> {
    let text = get(daemon, "/metrics").text();
    let of_counts = |line: &&str| line.starts_with("fovea_line_") || line.starts_with("fovea_zone_");
    text.lines().filter(of_counts).map(str::to_owned).collect()
}

#[test]
fn every_output_says_who_went_where() {
    let mut daemon = Daemon::start(&config());
    let expected = |out, now, entered| {
        vec![
            "fovea_line_crossings_total{camera=\"door\",line=\"gate\",direction=\"in\"} 0".to_owned(),
            format!("fovea_line_crossings_total{{camera=\"door\",line=\"gate\",direction=\"out\"}} {out}"),
            format!("fovea_zone_tracks{{camera=\"door\",zone=\"yard\"}} {now}"),
            format!("fovea_zone_entries_total{{camera=\"door\",zone=\"yard\"}} {entered}"),
        ]
    };
    eventually("the counters begin at 0", || samples(&daemon) == expected(0, 0, 0));
    let events = walk(&daemon);
    assert_eq!(samples(&daemon), expected(1, 0, 1));

    let of = |kind: &str, state: &str| {
        let mut found = events.iter().filter(|event| event["kind"] == kind && event["state"] == state);
        let first = found.next().unwrap_or_else(|| panic!("no {kind} {state} in {events:?}"));
        assert!(found.next().is_none(), "{kind} {state} twice in {events:?}");
        first
    };
    let (crossing, visit) = (of("crossing", "start"), of("visit", "end"));
    let members = |event: &Value| ["track", "line", "direction", "count"].map(|key| event[key].clone());
    let track = crossing["track"].clone();
    assert_eq!(members(crossing), [track.clone(), json!("gate"), json!("out"), json!(1)]);
    assert_eq!((&visit["track"], &visit["zone"]), (&track, &json!("yard")));
    assert!(visit["dwell_s"].as_f64().is_some_and(|dwell_s| dwell_s >= 0.0), "{visit}");

    let kept = |kind: &str| get(&daemon, &format!("/api/events?limit=9&kind={kind}")).json()["events"][0].clone();
    eventually("the end is kept", || kept("visit")["state"] == "end" && kept("crossing")["state"] == "end");
    assert_eq!(members(&kept("crossing")), members(crossing));
    assert_eq!([&kept("visit")["track"], &kept("visit")["dwell_s"]], [&track, &visit["dwell_s"]]);
    assert_eq!(kept("motion")["track"], Value::Null);

    daemon.wait_for_line("door: crossing of gate (out)");
    daemon.wait_for_line("door: visit in yard starts");
    daemon.wait_for_line(" s in the zone");
    let log = daemon.stop().log;
    assert_eq!(log.lines().filter(|line| line.contains("crossing")).count(), 1, "it lasts no time: {log}");
}

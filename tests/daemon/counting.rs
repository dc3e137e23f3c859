//! Lines and zones: who crossed them, and who is in them.

use serde_json::{Value, json};

use crate::support::{
    client::{Client, GREY, V1},
    daemon::{DOOR, Daemon, HTTP},
    eventually,
    http::get,
    pictures::Picture,
};

/// Two lines from top to bottom, at a third and at two thirds of the picture, and the ground between them.
const LINES: &str = "\
    [[camera.line]]\nname = \"left\"\nfrom = [0.3, 0]\nto = [0.3, 1]\n\
    [[camera.line]]\nname = \"right\"\nfrom = [0.7, 0]\nto = [0.7, 1]\nleft_to_right = \"west\"\nright_to_left = \"east\"\n\
    [[camera.motion.zone]]\nname = \"middle\"\npolygon = [[0.3, 0], [0.7, 0], [0.7, 1], [0.3, 1]]\nvisits = true\n\
    loitering_after_ms = 4000\n";

/// A camera that sends ten frames a second, and what came of them.
struct Street {
    sender: Client,
    empty: Picture,
    seq: u64,
    counts: Value,
    events: Vec<Value>,
}

impl Street {
    fn start(daemon: &Daemon) -> Self {
        let mut sender = Client::connect_v1(daemon, "/frames/door?results");
        sender.answer_clock(130_000_000); // captures lie in the past by half a minute at most
        let empty = Picture::scene(640, 480);
        let mut street = Self { sender, empty, seq: 0, counts: Value::Null, events: Vec::new() };
        while street.sees(&[])["motion"]["relearning"] == true {}
        street
    }

    /// The next frame, with people of 40 x 100 pixels whose feet are at these points.
    fn sees(&mut self, feet: &[[u32; 2]]) -> Value {
        let picture = feet.iter().fold(self.empty.clone(), |picture, [x, y]| picture.with([x - 20, y - 100, 40, 100]));
        self.seq += 1;
        let captured_us = 100_000_000 + self.seq * 100_000;
        let frame = V1 {
            format: GREY,
            size: (640, 480),
            seq: self.seq,
            captured_us,
            picture: &picture.pixels,
            ..V1::default()
        };
        self.sender.send(frame.message());
        loop {
            let message = self.sender.next();
            match message["type"].as_str() {
                Some("result") => {
                    self.counts = message["counts"].clone();
                    return message;
                }
                Some("event") => self.events.push(message),
                _ => {}
            }
        }
    }

    /// People who walk from the first point of each to the second, 12 pixels a frame.
    fn walk(&mut self, ways: &[[[u32; 2]; 2]]) {
        let steps = ways.iter().map(|[from, to]| from[0].abs_diff(to[0]) / 12).max().expect("somebody walks");
        let between = |from: u32, to: u32, step: u32| (from * (steps - step) + to * step) / steps;
        for step in 0..=steps {
            let feet: Vec<_> =
                ways.iter().map(|[from, to]| [0, 1].map(|axis| between(from[axis], to[axis], step))).collect();
            self.sees(&feet);
        }
    }

    fn nobody_for(&mut self, frames: u32) {
        (0..frames).for_each(|_| drop(self.sees(&[])));
    }

    /// The events of a kind that nobody asked for yet, without those of motion.
    fn told(&mut self, kind: &str) -> Vec<Value> {
        self.events.extend(self.sender.before_pong().into_iter().filter(|message| message["type"] == "event"));
        self.events.iter().filter(|event| event["kind"] == kind).cloned().collect()
    }
}

#[test]
fn who_crosses_two_lines_is_counted_at_both() {
    let daemon = Daemon::start(&format!("{HTTP}{DOOR}hold_ms = 1000\n{LINES}"));
    let mut street = Street::start(&daemon);
    let nothing = json!({ "left": { "in": 0, "out": 0 }, "right": { "west": 0, "east": 0 } });
    assert_eq!(street.counts["lines"], nothing);
    assert_eq!(street.counts["zones"], json!({ "middle": { "now": 0, "entered": 0 } }));

    // One goes through from left to right; two meet between the lines, at different distances.
    street.walk(&[[[30, 300], [610, 300]]]);
    street.nobody_for(15);
    street.walk(&[[[30, 260], [610, 260]], [[610, 440], [30, 440]]]);
    street.nobody_for(15);
    // Right to the middle, and back.
    street.walk(&[[[610, 300], [330, 300]]]);
    street.walk(&[[[330, 300], [610, 300]]]);
    street.nobody_for(15);
    // To the right for who looks at the picture is to the left for who looks down the line.
    let lines = json!({ "left": { "in": 1, "out": 2 }, "right": { "west": 2, "east": 3 } });
    assert_eq!(street.counts["lines"], lines, "{:#?}", street.events);
    assert_eq!(street.counts["zones"], json!({ "middle": { "now": 0, "entered": 4 } }));

    let crossings = street.told("crossing");
    assert_eq!(crossings.len(), 16, "eight, each with its start and its end");
    let first: Vec<_> = ["state", "line", "direction", "count"].map(|key| crossings[0][key].clone()).into();
    assert_eq!(first, [json!("start"), json!("left"), json!("out"), json!(1)]);
    assert!(crossings.chunks(2).all(|pair| pair[0]["id"] == pair[1]["id"] && pair[1]["state"] == "end"));
    assert_eq!(crossings[0]["track"], crossings[2]["track"], "the same person at the other line");
    assert_eq!(crossings[0]["boxes"].as_array().map(Vec::len), Some(1));

    let visits = street.told("visit");
    let ends: Vec<_> = visits.iter().filter(|event| event["state"] == "end").collect();
    assert_eq!((visits.len(), ends.len()), (8, 4));
    assert!(visits.iter().all(|event| event["zone"] == "middle" && event["track"].is_u64()));
    let through = ends[0]["dwell_s"].as_f64().expect("seconds");
    assert!((1.9..2.4).contains(&through), "256 pixels at 120 a second: {through}");
    let loitering = street.told("loitering");
    assert!(loitering.is_empty(), "{loitering:?}: who turns back there stays for less than four seconds");

    let status = get(&daemon, "/api/status").json()["cameras"][0]["counts"].clone();
    assert_eq!(status, street.counts);
    eventually("every crossing is kept", || {
        let listed = get(&daemon, "/api/events?limit=100&kind=crossing").json();
        listed["events"].as_array().map(Vec::len) == Some(8)
    });
}

#[test]
fn who_stays_in_a_zone_loiters() {
    let daemon = Daemon::start(&format!("{DOOR}hold_ms = 1000\n{LINES}"));
    let mut street = Street::start(&daemon);
    street.walk(&[[[30, 300], [270, 300]]]);
    assert_eq!(street.counts["zones"]["middle"]["now"], 1);
    for step in 0..60 {
        street.sees(&[[270 + 3 * (step % 2), 300]]);
    }
    let loitering = street.told("loitering");
    assert_eq!(loitering.len(), 1, "{loitering:?}");
    assert_eq!([&loitering[0]["state"], &loitering[0]["zone"]], ["start", "middle"]);
    assert!(loitering[0]["dwell_s"].as_f64() >= Some(4.0), "{loitering:?}");
    street.walk(&[[[270, 300], [610, 300]]]);
    street.nobody_for(15);
    let loitering = street.told("loitering");
    assert_eq!((loitering.len(), &loitering[1]["state"]), (2, &json!("end")));
    assert_eq!(loitering[1]["id"], loitering[0]["id"]);
    assert!(loitering[1]["dwell_s"].as_f64() > Some(6.0), "{loitering:?}");
    // Motion saw less and less of who stood there; who walks on is the same.
    assert_eq!(street.counts["zones"]["middle"], json!({ "now": 0, "entered": 1 }));
}

#[test]
fn counts_go_on_over_a_reload_and_while_detection_is_off() {
    let config = format!("{HTTP}{DOOR}hold_ms = 1000\n{LINES}");
    let daemon = Daemon::start(&config);
    let mut street = Street::start(&daemon);
    street.walk(&[[[30, 300], [610, 300]]]);
    street.nobody_for(15);
    let (lines, since) = (street.counts["lines"].clone(), street.counts["since"].clone());
    assert_eq!(lines["left"]["out"], 1);
    let counts = || get(&daemon, "/api/status").json()["cameras"][0]["counts"].clone();
    daemon.reload(&config.replace("hold_ms = 1000", "hold_ms = 2000"), "the new configuration is in use");
    while street.sees(&[])["motion"]["relearning"] != true {} // the stage begins anew
    assert_eq!((&street.counts["lines"], &street.counts["since"]), (&lines, &since));
    daemon.reload(&config.replace("\"left\"", "\"other\""), "the new configuration is in use");
    while street.sees(&[])["counts"]["lines"]["other"].is_null() {}
    assert_eq!(street.counts["lines"]["right"], lines["right"]);
    assert_eq!(street.counts["lines"]["other"], json!({ "in": 0, "out": 0 }));
    assert_eq!(counts(), street.counts);
    // Without lines and zones there is nothing to count.
    daemon.reload(DOOR, "the new configuration is in use");
    while !street.sees(&[])["counts"].is_null() {}
}

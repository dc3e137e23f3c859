//! A camera that cannot see its view is told as an event, with the reason.

use serde_json::Value;

use crate::support::{
    client::{Client, GREY, V1},
    daemon::Daemon,
    pictures::Picture,
};

const SIZE: (u32, u32) = (320, 240);

/// What is sent captures a frame a second, as its clock says: no test waits for that.
struct Eye {
    sender: Client,
    seconds: u64,
    results: Vec<Value>,
    events: Vec<Value>,
}

impl Eye {
    fn start(daemon: &Daemon) -> Self {
        let mut sender = Client::connect_v1(daemon, "/frames/door?results");
        sender.answer_clock(60_000_000);
        Self { sender, seconds: 0, results: Vec::new(), events: Vec::new() }
    }

    /// Sends frames for so many seconds, each with another speck in it, as noise would do.
    fn sees(&mut self, picture: &Picture, seconds: u32) {
        for speck in 0..seconds {
            self.sends(&picture.with([10 * (speck % 30), 100 + speck % 7, 1, 1]));
        }
    }

    fn sends(&mut self, picture: &Picture) {
        self.seconds += 1;
        let (seq, captured_us) = (self.seconds, 1_000_000 * self.seconds);
        let rows = &picture.pixels;
        self.sender.send(V1 { format: GREY, size: SIZE, seq, captured_us, picture: rows, ..V1::default() }.message());
        // The next frame would take the place of one that waits.
        while self.results.len() < usize::try_from(seq).expect("few") {
            let message = self.sender.next();
            self.take(message);
        }
    }

    fn take(&mut self, message: Value) {
        match message["type"].as_str() {
            Some("result") => self.results.push(message),
            Some("event") => self.events.push(message),
            _ => {}
        }
    }

    /// Kind, state and reason of all events.
    fn events(&mut self) -> Vec<[String; 3]> {
        self.sender.before_pong().into_iter().for_each(|message| self.take(message));
        let word = |event: &Value, key| event[key].as_str().unwrap_or("none").to_owned();
        self.events.iter().map(|event| ["kind", "state", "reason"].map(|key| word(event, key))).collect()
    }
}

/// A camera with the stage. Frames are captured a while ago, and the event must not be over because of that.
fn daemon(keys: &str) -> Daemon {
    Daemon::start(&format!("[[camera]]\nname = \"door\"\n[camera.tamper]\nhold_ms = 86400000\n{keys}"))
}

fn event(state: &str, reason: &str) -> [String; 3] {
    ["tamper", state, reason].map(str::to_owned)
}

#[test]
fn a_covered_lens_is_told_and_that_it_is_free_again() {
    let daemon = daemon("after_ms = 3000\n");
    let mut eye = Eye::start(&daemon);
    let view = Picture::scene(SIZE.0, SIZE.1);
    let hand = Picture { pixels: vec![30; view.pixels.len()], ..view.clone() };
    eye.sees(&view, 24);
    let likeness = &eye.results[23]["tamper"];
    assert!(likeness["similarity"].as_f64() > Some(0.9) && likeness["sharpness"].as_f64() > Some(0.9), "{likeness}");
    assert_eq!(eye.events(), [] as [[String; 3]; 0]);

    eye.sees(&hand, 6);
    assert_eq!(eye.events(), [event("start", "covered")]);
    // The event begins with the first frame that shows it, not when it was sure.
    let captured_at: Vec<_> = eye.results.iter().map(|result| result["captured_at"].clone()).collect();
    let near = |a: &Value, b: &Value| {
        let time = |value: &Value| value.as_str().expect("text").parse::<jiff::Timestamp>().expect("RFC 3339");
        time(a).duration_since(time(b)).abs() < jiff::SignedDuration::from_millis(500)
    };
    assert!(near(&eye.events[0]["at"], &captured_at[24]), "{} {captured_at:?}", eye.events[0]);

    eye.sees(&view, 5);
    assert_eq!(eye.events()[1..], [event("end", "covered")]);
    assert_eq!(eye.events[0]["id"], eye.events[1]["id"]);
    assert_eq!(eye.results[0]["detections"], Value::Array(Vec::new()));
}

#[test]
fn a_camera_that_sends_one_frame_again_and_again_is_frozen() {
    let daemon = daemon("frozen_after_ms = 5000\n");
    let mut eye = Eye::start(&daemon);
    let view = Picture::scene(SIZE.0, SIZE.1);
    eye.sees(&view, 3);
    for _ in 0..9 {
        eye.sends(&view);
    }
    assert_eq!(eye.events(), [event("start", "frozen")]);
    eye.sees(&view, 5);
    assert_eq!(eye.events()[1..], [event("end", "frozen")]);
}

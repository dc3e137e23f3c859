//! Privacy masks: what lies in one leaves by no way, and no stage sees it.

use serde_json::json;
use turbojpeg::Subsamp;

use crate::support::{
    client::{BGR24, Client, I420, JPEG, NV12, PNG, V1, YUYV},
    daemon::{DOOR, Daemon, HTTP},
    eventually,
    http::{get, post},
    secret::{HEIGHT, Secret, WIDTH, assert_same_outside, mask, secret_pixels},
};

/// What tells that a reload is over.
const HOLDS: &str = "the new configuration is in use";

/// A kind of frame.
struct Kind {
    name: &'static str,
    format: u8,
    picture: fn(&Secret) -> Vec<u8>,
}

const KINDS: [Kind; 9] = [
    Kind { name: "baseline 4:2:0", format: JPEG, picture: |secret| secret.jpeg(Subsamp::Sub2x2, false) },
    Kind { name: "baseline 4:4:4", format: JPEG, picture: |secret| secret.jpeg(Subsamp::None, false) },
    Kind { name: "progressive", format: JPEG, picture: |secret| secret.jpeg(Subsamp::Sub2x2, true) },
    Kind { name: "EXIF", format: JPEG, picture: Secret::jpeg_with_thumbnail },
    Kind { name: "PNG", format: PNG, picture: Secret::png },
    Kind { name: "BGR24", format: BGR24, picture: Secret::bgr },
    Kind { name: "YUYV", format: YUYV, picture: Secret::yuyv },
    Kind { name: "NV12", format: NV12, picture: Secret::nv12 },
    Kind { name: "I420", format: I420, picture: Secret::i420 },
];

/// A camera that sends frames of a kind.
struct Sender<'k> {
    client: Client,
    kind: &'k Kind,
    seq: u64,
}

impl<'k> Sender<'k> {
    fn connect(daemon: &Daemon, kind: &'k Kind) -> Self {
        Self { client: Client::connect_v1(daemon, "/frames/door?results"), kind, seq: 0 }
    }

    /// Sends a frame and waits for its result.
    fn send(&mut self, picture: &[u8]) -> serde_json::Value {
        self.seq += 1;
        let size = (WIDTH, HEIGHT);
        let message = V1 { format: self.kind.format, size, seq: self.seq, picture, ..V1::default() };
        self.client.send(message.message());
        self.client.next_of("result")
    }

    /// Sends a frame and gives what motion says of it, on whatever processor.
    fn motion(&mut self, picture: &[u8]) -> serde_json::Value {
        let mut result = self.send(picture);
        while result.get("motion").is_none() {
            result = self.client.next_of("result");
        }
        result["motion"].take()
    }
}

/// An event of the door, with a picture. Gives its id once it is kept.
pub(super) fn trigger(daemon: &Daemon) -> String {
    let answer = post(daemon, "/api/cameras/door/event", "", &json!({ "label": "bell" }).to_string());
    assert_eq!(answer.status, 200);
    let id = answer.json()["id"].as_str().expect("it has an id").to_owned();
    eventually("it is kept", || get(daemon, &format!("/api/events/{id}")).text().contains("\"state\":\"end\""));
    id
}

/// The newest frame by every way that it leaves by.
pub(super) fn ways_of_frame(daemon: &Daemon) -> Vec<(&'static str, Vec<u8>)> {
    let snapshot = |path| {
        let answer = get(daemon, path);
        assert_eq!(answer.status, 200, "{path}");
        answer.bytes()
    };
    vec![
        ("snapshot", snapshot("/cameras/door/snapshot.jpg")),
        ("overlay", snapshot("/cameras/door/snapshot.jpg?overlay")),
        ("MJPEG", get(daemon, "/cameras/door/live.mjpg").part().body),
        ("live", get(daemon, "/live").part().body),
    ]
}

pub(super) fn ways_of_event(daemon: &Daemon, id: &str) -> Vec<(&'static str, Vec<u8>)> {
    let paths = [
        ("event", format!("/api/events/{id}.jpg")),
        ("event's overlay", format!("/api/events/{id}.jpg?overlay")),
        ("event's snapshot", format!("/events/{id}/snapshot.jpg")),
    ];
    let picture = |(way, path): (&'static str, String)| {
        let answer = get(daemon, &path);
        assert_eq!(answer.status, 200, "{path}");
        (way, answer.bytes())
    };
    paths.into_iter().map(picture).collect()
}

#[test]
fn what_is_masked_leaves_by_no_way() {
    for kind in &KINDS {
        // Without the mask it does, so the search finds it.
        for mask in [String::new(), mask()] {
            let daemon = Daemon::start(&format!("{HTTP}{DOOR}[camera.tamper]\n{mask}"));
            let sent = (kind.picture)(&Secret::new(1));
            let mut sender = Sender::connect(&daemon, kind);
            sender.send(&sent);
            let id = trigger(&daemon);
            for (way, picture) in ways_of_frame(&daemon).into_iter().chain(ways_of_event(&daemon, &id)) {
                let what = format!("{}: {way}", kind.name);
                let found = secret_pixels(&picture);
                if mask.is_empty() {
                    assert!(found > 1000, "{what}: the search does not find it: {found}");
                    continue;
                }
                assert_eq!(found, 0, "{what}");
                if kind.format == JPEG && !way.contains("overlay") {
                    assert_same_outside(&what, &sent, &picture);
                }
            }
        }
    }
}

#[test]
fn what_changes_in_a_mask_is_seen_by_no_stage() {
    for kind in &KINDS {
        for (mask, is_seen) in [(String::new(), true), (mask(), false)] {
            let daemon = Daemon::start(&format!("{DOOR}threshold = 4\n{mask}"));
            let mut sender = Sender::connect(&daemon, kind);
            let still = (kind.picture)(&Secret::new(0));
            while sender.send(&still)["motion"]["relearning"] == true {}
            let mut has_moved = false;
            for number in 1..6 {
                let result = sender.send(&(kind.picture)(&Secret::new(number)));
                has_moved |= result["motion"]["score"] != 0.0 || result["motion"]["relearning"] == true;
            }
            assert_eq!(has_moved, is_seen, "{} {mask}", kind.name);
        }
    }
}

/// Nor by one on another processor: one that is there from the start, has a mask by a reload, and is moved by reloads.
#[test]
fn what_changes_in_a_mask_is_seen_on_no_processor() {
    let config = |processor: &str, mask: &str| {
        let motion = format!("[camera.motion]\nprocessor = \"{processor}\"\nthreshold = 4\n");
        format!("[[processor]]\nname = \"slow\"\n[[camera]]\nname = \"door\"\n[camera.tamper]\n{motion}{mask}")
    };
    let mask = mask();
    let steps = [("slow", "", true), ("slow", &mask, false), ("main", &mask, false), ("slow", &mask, false)];
    for kind in &KINDS {
        let daemon = Daemon::start(&config(steps[0].0, steps[0].1));
        let mut sender = Sender::connect(&daemon, kind);
        let still = (kind.picture)(&Secret::new(0));
        for (processor, mask, is_seen) in steps {
            daemon.reload(&config(processor, mask), HOLDS);
            while sender.motion(&still)["relearning"] == true {}
            let seen = (1..6).map(|number| sender.motion(&(kind.picture)(&Secret::new(number))));
            let has_moved = seen.filter(|motion| motion["score"] != 0.0 || motion["relearning"] == true).count() > 0;
            assert_eq!(has_moved, is_seen, "{} on {processor} {mask}", kind.name);
        }
    }
}

/// A reload masks the frame that is there, those that were encoded, and the streams that are open; earlier pictures of events
/// are dropped.
#[test]
fn a_mask_that_a_reload_adds_holds_at_once() {
    for kind in [&KINDS[0], &KINDS[4], &KINDS[5]] {
        let daemon = Daemon::start(&format!("{HTTP}{DOOR}"));
        let sent = (kind.picture)(&Secret::new(1));
        let mut sender = Sender::connect(&daemon, kind);
        sender.send(&sent);
        let before = trigger(&daemon);
        let mut stream = get(&daemon, "/cameras/door/live.mjpg");
        assert!(secret_pixels(&stream.part().body) > 1000);
        for (way, picture) in ways_of_frame(&daemon).into_iter().chain(ways_of_event(&daemon, &before)) {
            assert!(secret_pixels(&picture) > 1000, "{}: {way}: the search does not find it", kind.name);
        }

        daemon.reload(&format!("{HTTP}{DOOR}{}", mask()), HOLDS);
        for (way, picture) in ways_of_frame(&daemon) {
            assert_eq!(secret_pixels(&picture), 0, "{}: {way}", kind.name);
        }
        for path in [format!("/api/events/{before}.jpg"), format!("/events/{before}/snapshot.jpg")] {
            assert_eq!(get(&daemon, &path).status, 404, "{path}");
        }
        assert!(get(&daemon, &format!("/api/events/{before}")).json()["picture"].is_null());
        sender.send(&sent);
        assert_eq!(secret_pixels(&stream.part().body), 0, "{}: the open stream", kind.name);
        let after = trigger(&daemon);
        for (way, picture) in ways_of_event(&daemon, &after) {
            assert_eq!(secret_pixels(&picture), 0, "{}: {way}", kind.name);
        }
        daemon.wait_for_line("door: 1 privacy mask");
    }
}

/// A frame that cannot be masked is not shown, although it could be passed on: a stage that decodes it at an eighth does not
/// see that its end is missing, and a camera without stages does not look at all.
#[test]
fn a_frame_that_cannot_be_masked_is_not_shown() {
    let daemon = Daemon::start(&format!("{HTTP}[[camera]]\nname = \"door\"\n{}", mask()));
    let jpeg = Secret::new(1).jpeg(Subsamp::Sub2x2, false);
    let mut sender = Sender::connect(&daemon, &KINDS[0]);
    sender.send(&jpeg[..jpeg.len() / 2]);
    let snapshot = get(&daemon, "/cameras/door/snapshot.jpg");
    assert_eq!(snapshot.status, 503);
    assert_eq!(snapshot.text(), "The newest frame of door cannot be shown: it is damaged.\n");
    let id = trigger(&daemon);
    assert_eq!(get(&daemon, &format!("/api/events/{id}.jpg")).status, 404);
    sender.send(&jpeg);
    assert_eq!(secret_pixels(&get(&daemon, "/cameras/door/snapshot.jpg").bytes()), 0);
}

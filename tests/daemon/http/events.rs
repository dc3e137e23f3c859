//! The stream of results and events, the list of recent events, and their pictures.

use serde_json::Value;

use crate::support::{
    client::{Client, GREY, V1},
    daemon::{DOOR, Daemon, HTTP},
    eventually,
    http::{Sent, get, get_with},
    pictures::Picture,
    read_message,
    scene::Scene,
};

/// Event messages that are kept.
const KEPT: u32 = 200;

fn start() -> Daemon {
    let motion = "hold_ms = 0\n";
    Daemon::start(&format!("{HTTP}{DOOR}{motion}[[camera]]\nname = \"yard\"\n"))
}

#[test]
fn results_and_events_come_as_readers_get_them() {
    let daemon = start();
    let mut reader = Client::connect(&daemon, "/results");
    let mut stream = get(&daemon, "/api/events");
    assert_eq!(stream.header("content-type"), Some("text/event-stream"));
    let mut scene = Scene::start(&daemon);
    let started = scene.until("start");
    loop {
        let Sent { kind, data, id } = stream.sent();
        assert_eq!(data, reader.next(), "both hear the same");
        assert_eq!(data["type"], kind);
        assert_eq!(id.is_some(), kind == "event");
        if data == started {
            break;
        }
    }
}

#[test]
fn one_camera_alone_can_be_listened_to() {
    let daemon = start();
    let unknown = get(&daemon, "/api/events?camera=dor");
    assert_eq!(unknown.status, 404);
    assert!(unknown.text().contains("Cameras: door, yard."));
    let mut of_yard = get(&daemon, "/api/events?camera=yard");
    for camera in ["door", "yard", "door"] {
        let mut sender = Client::connect(&daemon, &format!("/frames/{camera}?results"));
        sender.send(Picture::scene(64, 48).jpeg());
        sender.next_of("result");
        sender.send("no picture");
        sender.next_of("refused");
    }
    assert_eq!(["result", "refused"].map(|kind| of_yard.sent_of(kind).data["camera"].clone()), ["yard", "yard"]);
    let mut sender = Client::connect(&daemon, "/frames/yard?results");
    sender.send(Picture::scene(64, 48).jpeg());
    assert_eq!(of_yard.sent().data["camera"], "yard");
}

#[test]
fn who_comes_back_gets_the_events_that_it_missed() {
    let daemon = start();
    let mut stream = get(&daemon, "/api/events");
    let mut scene = Scene::start(&daemon);
    let first = scene.until("start");
    let heard = stream.sent_of("event");
    assert_eq!(heard.data, first);
    drop(stream);
    scene.until("end");
    let again = scene.until("start");

    let missed = stream_of(&daemon, &heard.id.expect("events have one"));
    let missed: Vec<_> = missed.take_while(|event| *event != again).collect();
    assert!(missed.iter().all(|event| event["id"] == first["id"] && event["state"] != "start"), "{missed:?}");
    assert_eq!(missed.last().map(|event| event["state"].clone()), Some("end".into()));

    assert_eq!(stream_of(&daemon, "1-1000").next(), Some(first), "of another life");
}

#[test]
fn recent_events_have_the_picture_that_they_began_with() {
    let daemon = start();
    assert_eq!(get(&daemon, "/api/events/recent").json(), serde_json::json!([]));
    let mut scene = Scene::start(&daemon);
    let started = scene.until("start");
    eventually("the picture is made", || get(&daemon, "/api/events/recent").json()[0]["snapshot"].is_string());
    let recent = get(&daemon, "/api/events/recent?camera=door").json();
    assert_eq!((&recent[0]["id"], &recent[0]["state"]), (&started["id"], &"start".into()));
    assert_eq!(get(&daemon, "/api/events/recent?camera=yard").json(), serde_json::json!([]));

    let snapshot = get(&daemon, recent[0]["snapshot"].as_str().expect("it is text"));
    assert_eq!(snapshot.header("content-type"), Some("image/jpeg"));
    let picture = turbojpeg::decompress(&snapshot.bytes(), turbojpeg::PixelFormat::GRAY).expect("a good JPEG");
    let [x, y, width, height]: [usize; 4] = serde_json::from_value(started["boxes"][0].clone()).expect("a box");
    let (x, y) = (x + width / 2, y + height / 2);
    assert!(picture.pixels[y * picture.pitch + x] > 200, "what moved is in it");
    assert_eq!(get(&daemon, "/events/door-0/snapshot.jpg").status, 404);
}

#[test]
fn an_event_that_goes_on_for_long_leaves_others_their_place() {
    let daemon = Daemon::start(&format!("{HTTP}{DOOR}hold_ms = 600000\n"));
    let mut stream = get(&daemon, "/api/events");
    let mut sender = Client::connect_v1(&daemon, "/frames/door");
    sender.answer_clock(1_000_000_000);
    let scene = Picture::scene(320, 240);
    // Somebody walks to and fro, by the sender's clock for more than four minutes: more updates than messages are kept.
    for seq in 1..=250 {
        let x = if seq < 5 { None } else { u32::try_from(20 * (seq % 10)).ok() };
        let picture = &x.map_or(scene.clone(), |x| scene.with([x, 80, 48, 64])).pixels;
        let captured_us = 600_000_000 + seq * 1_100_000;
        sender.send(V1 { format: GREY, size: (320, 240), seq, captured_us, picture, ..V1::default() }.message());
        while stream.sent().data["seq"] != seq {}
    }
    let newest = stream_of(&daemon, "1-0").take(2).map(|event| event["state"].clone()).collect::<Vec<_>>();
    assert_eq!(newest, ["start", "update"], "who comes back hears how it began and how it stands");
    let recent = get(&daemon, "/api/events/recent").json();
    let recent = recent.as_array().expect("a list");
    assert_eq!(recent.iter().map(|event| &event["state"]).collect::<Vec<_>>(), ["start", "update"]);
    assert!(recent[1]["boxes"][0].is_array() && recent[0]["id"] == recent[1]["id"], "{recent:?}");
}

#[test]
fn many_short_events_leave_a_long_one_its_start_and_who_missed_too_many_is_told() {
    let long = "hold_ms = 600000\n";
    let daemon =
        Daemon::start(&format!("{HTTP}{DOOR}{long}[[camera]]\nname = \"yard\"\n[camera.motion]\nhold_ms = 0\n"));
    let mut stream = get(&daemon, "/api/events");
    let started = Scene::start(&daemon).until("start");
    let first = stream.sent_of("event");
    assert_eq!(first.data, started);
    let mut sender = Client::connect_v1(&daemon, "/frames/yard");
    sender.answer_clock(1_000_000_000);
    let scene = Picture::scene(320, 240);
    // By the sender's clock a second lies between frames: something in every other one is an event each time.
    let mut ends = 0;
    for seq in (1..).take_while(|&seq| seq < 500) {
        let x = u32::try_from(20 * (seq % 10)).expect("it is small");
        let picture = if seq > 5 && seq % 2 == 0 { &scene.with([x, 80, 48, 64]).pixels } else { &scene.pixels };
        let captured_us = 600_000_000 + seq * 1_100_000;
        sender.send(V1 { format: GREY, size: (320, 240), seq, captured_us, picture, ..V1::default() }.message());
        loop {
            let Sent { data, .. } = stream.sent();
            ends += u32::from(data["camera"] == "yard" && data["state"] == "end");
            if data["camera"] == "yard" && data["seq"] == seq {
                break;
            }
        }
        if ends > KEPT / 2 {
            break;
        }
    }
    let recent = get(&daemon, "/api/events/recent").json();
    assert_eq!(recent.as_array().map(Vec::len), Some(KEPT as usize));
    assert_eq!((&recent[0]["id"], &recent[0]["state"]), (&started["id"], &"start".into()));
    let last = format!("Host: localhost\r\nLast-Event-ID: {}\r\n", first.id.expect("events have one"));
    let missed = get_with(&daemon, "/api/events", &last).sent();
    assert_eq!(missed.kind, "dropped", "{missed:?}");
}

/// What is told to who comes back with this as the last event's id.
fn stream_of(daemon: &Daemon, last: &str) -> impl Iterator<Item = Value> + use<> {
    let mut stream = get_with(daemon, "/api/events", &format!("Host: localhost\r\nLast-Event-ID: {last}\r\n"));
    std::iter::from_fn(move || Some(stream.sent_of("event").data))
}

#[test]
fn a_reader_that_stops_reading_is_told_what_it_lost() {
    let daemon = start();
    let mut stream = get(&daemon, "/api/events");
    let mut sender = Client::connect(&daemon, "/frames/yard?results");
    // Small pictures, many results: more than the kernel keeps for the stream and than this plane does.
    let jpeg = Picture::scene(16, 16).jpeg();
    let mut flood = || {
        for _ in 0..5_000 {
            sender.send(&jpeg[..]);
            sender.next_of("result");
        }
    };
    flood();
    let dropped = stream.sent_of("dropped").data;
    assert!(dropped["count"].as_u64().is_some_and(|count| count > 0), "{dropped}");
    read_message(&dropped.to_string());
}

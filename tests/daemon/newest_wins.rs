//! The processor looks at the newest frame of each camera; what it never saw is counted, not hidden.

use std::thread;

use serde_json::json;

use crate::support::{
    client::{Client, GREY, JPEG, V1},
    daemon::{DOOR, Daemon},
    pictures::Picture,
    raw::{self, BINARY, FINAL, Raw},
};

#[test]
fn of_many_frames_at_once_the_last_is_seen_and_the_others_are_counted() {
    const FRAMES: u64 = 400;
    let mut daemon = Daemon::start(DOOR);
    let mut reader = Client::connect(&daemon, "/results");
    let mut sender = Client::connect_v1(&daemon, "/");
    // The first keeps the processor busy while the others come.
    let slow = Picture::scene(1920, 1080).progressive_jpeg();
    sender.send(V1 { format: JPEG, seq: 1, picture: &slow, ..V1::default() }.message());
    sender.next_of("taken");
    let quick = Picture::scene(64, 48);
    for seq in 2..=FRAMES {
        sender.send(V1 { format: GREY, size: (64, 48), seq, picture: &quick.pixels, ..V1::default() }.message());
    }

    let (mut newest, mut results, mut superseded) = (0, 0, 0);
    while newest < FRAMES {
        let result = reader.next_of("result");
        let seq = result["seq"].as_u64().expect("a number");
        assert!(seq > newest, "{seq} after {newest}");
        let lost = result["superseded"].as_u64().expect("a number");
        assert_eq!(seq - newest, lost + 1, "what is missing before {seq} was superseded");
        newest = seq;
        results += 1;
        superseded += lost;
    }
    let summary = daemon.stop().summary("door");
    assert!(superseded > 0, "{FRAMES} frames, and the processor saw them all");
    assert_eq!((summary.published, summary.taken, summary.superseded), (FRAMES, results, superseded));
    assert_eq!((summary.waiting, summary.refused), (0, 0));
}

#[test]
fn what_waits_at_the_end_is_counted_too() {
    let mut daemon = Daemon::start(DOOR);
    let mut sender = Client::connect_v1(&daemon, "/?results");
    let slow = Picture::scene(3840, 2160).progressive_jpeg();
    let frame = |seq| V1 { format: JPEG, seq, picture: &slow, ..V1::default() }.message();
    sender.send(frame(1));
    assert_eq!(sender.next_of("taken")["seq"], 1);
    sender.send(frame(2));
    sender.send(frame(3));
    // They are received: what is behind them is answered.
    sender.before_pong();
    let summary = daemon.stop().summary("door");
    assert_eq!(summary.published, 3);
    assert_eq!(summary.published, summary.taken + summary.superseded + summary.waiting, "{summary:?}");
}

#[test]
fn a_camera_that_floods_does_not_keep_the_other_from_being_seen() {
    const FRAMES: u64 = 30;
    let cameras = "[[camera]]\nname = \"fast\"\n[camera.motion]\n[[camera]]\nname = \"slow\"\n[camera.motion]\n";
    let mut daemon = Daemon::start(cameras);
    let quick = Picture::scene(64, 48).jpeg();
    // It takes longer to look at than to send: whenever the processor is free, another one waits.
    let large = Picture::scene(1280, 720).progressive_jpeg();
    let mut fast = Raw::open(&daemon, "/frames/fast");
    let message = raw::frame(FINAL | BINARY, &large);
    let flood = thread::spawn(move || while fast.try_send(&message) {});
    let mut slow = Client::connect_v1(&daemon, "/frames/slow?results");
    for seq in 1..=FRAMES {
        slow.send(V1 { format: JPEG, seq, picture: &quick, ..V1::default() }.message());
        let result = slow.next_of("result");
        assert_eq!([&result["seq"], &result["superseded"]], [&json!(seq), &json!(0)]);
    }
    let end = daemon.stop();
    flood.join().expect("it ends with the connection");
    let (fast, slow) = (end.summary("fast"), end.summary("slow"));
    assert_eq!((slow.published, slow.taken, slow.superseded), (FRAMES, FRAMES, 0));
    assert!(fast.taken > 0, "{fast:?}");
    assert_eq!(fast.published, fast.taken + fast.superseded + fast.waiting, "{fast:?}");
}

/// What costs most for its bytes: the other camera's pictures take far longer to look at than they take to send.
#[test]
fn beside_a_camera_of_costly_pictures_every_frame_is_seen() {
    const FRAMES: u64 = 50;
    let large = Picture { width: 800, height: 600, pixels: vec![90; 800 * 600] };
    let costly = [
        ("a PNG", large.png_of(png::ColorType::Rgba, png::BitDepth::Eight, &large.repeated(4))),
        ("a progressive JPEG", large.progressive_jpeg()),
    ];
    for (name, picture) in costly {
        let mut daemon = Daemon::start(
            "[[camera]]\nname = \"costly\"\n[camera.motion]\n[[camera]]\nname = \"good\"\n[camera.motion]\n",
        );
        let mut results = Client::connect(&daemon, "/results/costly");
        let mut costly = Raw::open(&daemon, "/frames/costly");
        let message = raw::frame(FINAL | BINARY, &picture);
        let flood = thread::spawn(move || while costly.try_send(&message) {});
        let mut good = Client::connect_v1(&daemon, "/frames/good");
        let frame = Picture::scene(64, 48);
        for seq in 1..=FRAMES {
            good.send(V1 { format: GREY, size: (64, 48), seq, picture: &frame.pixels, ..V1::default() }.message());
            good.before_pong(); // it is received
            results.before_pong();
            // Between these two looks at the other's frames is the turn of the one that waits.
            results.next_of("result");
            results.next_of("result");
        }
        let end = daemon.stop();
        flood.join().expect("it ends with the connection");
        let (costly, good) = (end.summary("costly"), end.summary("good"));
        assert!(costly.superseded > 0, "it did not send more than was looked at: {costly:?}");
        assert!(20 * good.taken >= 19 * FRAMES, "beside {name}: {good:?}");
        assert_eq!((good.published, good.refused, costly.refused), (FRAMES, 0, 0), "beside {name}");
    }
}

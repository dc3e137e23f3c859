//! Frames go in at every door and in every format; results come out at every other.

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::support::{
    client::{BGR24, Client, GREY, I420, JPEG, NV12, PNG, V1, YUYV},
    daemon::{DOOR, Daemon},
    pictures::{Box, Picture, overlap},
};

#[test]
fn a_bare_jpeg_gives_a_result_to_its_sender_and_to_every_reader() {
    let daemon = Daemon::start(DOOR);
    let mut clients = ["/results", "/results/door", "/?results"].map(|path| Client::connect(&daemon, path));
    let before = Timestamp::now();
    clients[2].send(Picture::scene(320, 200).jpeg());
    let results = clients.each_mut().map(Client::next);
    let after = Timestamp::now();

    let [result, ..] = &results;
    assert!(results.iter().all(|other| other == result), "{results:?}");
    for (key, value) in [
        ("v", json!(1)),
        ("type", json!("result")),
        ("camera", json!("door")),
        ("seq", json!(1)),
        ("captured_by", json!("arrival")),
        ("superseded", json!(0)),
        ("size_px", json!([320, 200])),
        ("motion", json!({"score": 0.0, "boxes": [], "relearning": true})),
    ] {
        assert_eq!(result[key], value, "{key} in {result}");
    }
    let captured_at: Timestamp = result["captured_at"].as_str().expect("text").parse().expect("RFC 3339");
    // To the microsecond, by a clock that may be a little off another one.
    assert!(before.as_millisecond() - 1 <= captured_at.as_millisecond(), "{before} {captured_at}");
    assert!(captured_at.as_millisecond() <= after.as_millisecond() + 1, "{captured_at} {after}");
    let age = |when: &str| result["age_ms"][when].as_f64().expect("a number");
    assert!(0.0 < age("start") && age("start") <= age("result"), "{result}");
}

#[test]
fn a_sender_gets_results_only_if_it_asks_for_them() {
    let daemon = Daemon::start(DOOR);
    for (path, gets) in [("/frames/door", 0), ("/frames/door?results", 1), ("/", 0)] {
        let mut sender = Client::connect(&daemon, path);
        // Who came first hears first: what the reader has, the sender was told before.
        let mut reader = Client::connect(&daemon, "/results");
        sender.send(Picture::scene(64, 48).jpeg());
        reader.next_of("result");
        assert_eq!(sender.before_pong().len(), gets, "{path}");
    }
}

#[test]
fn png_and_data_urls_are_frames_too() {
    let daemon = Daemon::start(DOOR);
    let mut sender = Client::connect(&daemon, "/?results");
    let picture = Picture::scene(48, 64);
    sender.send(picture.png());
    sender.send_text(format!("data:image/jpeg;base64,{}", STANDARD.encode(picture.jpeg())));
    let first = sender.next_of("result");
    let last = if first["seq"] == 2 { first } else { sender.next_of("result") };
    sender.send_text(format!("data:image/png;base64,{}", STANDARD.encode(picture.png())));
    let png = sender.next_of("result");
    assert_eq!([&last["seq"], &png["seq"]], [2, 3]);
    assert_eq!([&last["size_px"], &png["size_px"]], [&json!([48, 64]), &json!([48, 64])]);
}

#[test]
fn a_reader_of_one_camera_hears_nothing_of_another() {
    let daemon = Daemon::start("[[camera]]\nname = \"door\"\n[[camera]]\nname = \"yard\"\n");
    let mut readers = ["/results", "/results/yard"].map(|path| Client::connect(&daemon, path));
    for camera in ["door", "yard"] {
        Client::connect(&daemon, &format!("/frames/{camera}")).send(Picture::scene(32, 32).jpeg());
        let result = readers[0].next_of("result");
        assert_eq!(result["camera"], camera);
        assert_eq!(result.get("motion"), None, "it was not asked for");
    }
    assert_eq!(readers[1].next()["camera"], "yard");
}

#[test]
fn fovea_v1_greets_asks_for_the_clock_and_tells_what_is_taken() {
    let daemon = Daemon::start(&format!("server.max_pixels = 12345\nserver.max_message_bytes = 54321\n{DOOR}"));
    let mut sender = Client::connect_v1(&daemon, "/frames/door?results");
    let hello = sender.next();
    assert_eq!([&hello["v"], &hello["type"], &hello["camera"]], [&json!(1), &json!("hello"), &json!("door")]);
    assert_eq!(hello["server"], concat!("fovea ", env!("CARGO_PKG_VERSION")));
    assert!(hello["clock_us"].as_u64().is_some_and(|us| us > 0), "{hello}");
    let limits = json!({
        "max_message_bytes": 54321, "max_pixels": 12345, "max_side_px": 8192, "message_timeout_ms": 10_000,
        "idle_timeout_ms": 60_000
    });
    assert_eq!(hello["limits"], limits);

    let jpeg = Picture::scene(64, 48).jpeg();
    let mut frame = V1 { format: JPEG, seq: 41, captured_us: 7, picture: &jpeg, ..V1::default() };
    sender.send(frame.message());
    let taken = sender.next_of("taken");
    assert_eq!(taken, json!({"v": 1, "type": "taken", "camera": "door", "seq": 41}));
    let result = sender.next_of("result");
    assert_eq!([&result["seq"], &result["captured_by"]], [&json!(41), &json!("arrival")], "its clock is not known yet");

    // The question was asked at the start. A sender whose clock began a second ago captured a frame half a second ago.
    let mut sender = Client::connect_v1(&daemon, "/frames/door?results");
    sender.answer_clock(1_000_000);
    (frame.seq, frame.captured_us) = (1 << 40, 500_000);
    sender.send(frame.message());
    let result = sender.next_of("result");
    assert_eq!([&result["seq"], &result["captured_by"]], [&json!(1_u64 << 40), &json!("sender")]);
    assert!(result["age_ms"]["start"].as_f64().is_some_and(|age| age > 500.0), "{result}");
}

#[test]
fn a_reader_may_speak_fovea_v1_too() {
    let daemon = Daemon::start(DOOR);
    let mut reader = Client::connect_v1(&daemon, "/results");
    let hello = reader.next();
    assert_eq!([&hello["type"], &hello["camera"]], [&json!("hello"), &Value::Null]);
    Client::connect(&daemon, "/").send(Picture::scene(32, 32).jpeg());
    assert_eq!(reader.next()["type"], "result", "what is taken is for senders");
}

#[test]
fn who_is_let_in_misses_nothing_and_is_greeted_first() {
    let daemon = Daemon::start(DOOR);
    let mut sender = Client::connect(&daemon, "/");
    let jpeg = Picture::scene(16, 16).jpeg();
    for seq in 1..=100 {
        let mut reader = Client::connect_v1(&daemon, "/results");
        sender.send(&jpeg[..]);
        assert_eq!(reader.next()["type"], "hello");
        assert_eq!(reader.next()["seq"], seq);
    }
}

#[test]
fn a_longer_header_is_skipped_over() {
    let daemon = Daemon::start(DOOR);
    let mut sender = Client::connect_v1(&daemon, "/?results");
    let mut message = V1 { format: JPEG, seq: 5, ..V1::default() }.message();
    message[6] = 48;
    message.extend([0xaa; 8]);
    message.extend(Picture::scene(32, 32).jpeg());
    sender.send(message);
    assert_eq!(sender.next_of("result")["seq"], 5);
}

/// Writes a picture in one format.
type Spell = fn(&Picture) -> Vec<u8>;

#[test]
fn what_moves_is_found_where_it_is_in_every_format() {
    let daemon = Daemon::start(DOOR);
    let mut sender = Client::connect_v1(&daemon, "/?results");
    sender.answer_clock(100_000_000);
    let scene = Picture::scene(640, 480);
    let size = (scene.width, scene.height);

    // The sender's clock passes as fast as the test likes: half a second from frame to frame, all in the past.
    let mut seq = 0;
    let mut look = |format: u8, stride_bytes: usize, picture: &[u8]| {
        seq += 1;
        let is_raw = ![JPEG, PNG].contains(&format);
        let frame = V1 {
            format,
            size: if is_raw { size } else { (0, 0) },
            stride_bytes: u32::try_from(stride_bytes).expect("small"),
            seq,
            captured_us: 50_000_000 + seq * 500_000,
            picture,
        };
        sender.send(frame.message());
        let result = sender.next_of("result");
        assert_eq!(result["seq"], seq);
        assert_eq!(result["size_px"], json!([640, 480]));
        result["motion"].clone()
    };
    for _ in 0..2 {
        assert_eq!(look(GREY, 0, &scene.grey(0))["relearning"], true, "the scene is not known yet");
    }

    let cases: [(&str, u8, usize, Spell); 13] = [
        ("JPEG", JPEG, 0, Picture::jpeg),
        ("progressive JPEG", JPEG, 0, Picture::progressive_jpeg),
        ("PNG", PNG, 0, Picture::png),
        ("GREY", GREY, 0, |picture| picture.grey(0)),
        ("GREY with padding", GREY, 640 + 13, |picture| picture.grey(13)),
        ("YUYV", YUYV, 0, |picture| picture.yuyv(0)),
        ("YUYV with padding", YUYV, 2 * 640 + 32, |picture| picture.yuyv(32)),
        ("NV12", NV12, 0, |picture| picture.nv12(0)),
        ("NV12 with padding", NV12, 640 + 64, |picture| picture.nv12(64)),
        ("BGR24", BGR24, 0, |picture| picture.bgr(0)),
        ("I420", I420, 0, |picture| picture.i420(0)),
        ("I420 with padding", I420, 640 + 64, |picture| picture.i420(64)),
        ("BGR24 with padding", BGR24, 3 * 640 + 1, |picture| picture.bgr(1)),
    ];
    for (place, (name, format, stride_bytes, spell)) in (0..).zip(cases) {
        let square: Box = [40 + 40 * place, 300 - 18 * place, 60, 80];
        assert_eq!(look(format, stride_bytes, &spell(&scene))["boxes"], json!([]), "{name}, nothing in it");
        let motion = look(format, stride_bytes, &spell(&scene.with(square)));
        let boxes: Vec<Box> = serde_json::from_value(motion["boxes"].clone()).expect("boxes");
        assert_eq!(boxes.len(), 1, "{name}: {motion}");
        assert!(overlap(boxes[0], square) > 0.75, "{name}: {boxes:?} for {square:?}");
    }
}

/// The camera's motion is looked for at 1/8, as it is in 1920x1080.
#[test]
fn what_moves_is_the_same_without_fast_luma() {
    let scene = Picture::scene(640, 480);
    let places = (0..12).map(|step| [30 + 40 * step, 60 + 20 * step, 90, 120]);
    let mut files: Vec<_> = places.map(|square| scene.with(square).jpeg()).collect();
    let (truncated, restart) = (files[4][..files[4].len() / 2].to_vec(), [0xff, 0xd5]);
    let at = files[5].len() / 2;
    files[5].splice(at..at, restart);
    files[4] = truncated;
    let seen = ["", "processor.fast_luma = false\n"].map(|processor| {
        let daemon = Daemon::start(&format!("{processor}{DOOR}width_px = 80\n"));
        let mut sender = Client::connect_v1(&daemon, "/?results");
        sender.answer_clock(100_000_000);
        let mut seen = Vec::new();
        for (seq, picture) in (1..).zip(files.iter().map(|file| &file[..])) {
            let captured_us = 50_000_000 + seq * 500_000;
            sender.send(V1 { format: JPEG, size: (0, 0), stride_bytes: 0, seq, captured_us, picture }.message());
            let mut answers = std::iter::repeat_with(|| sender.next());
            let answer =
                answers.find(|answer| answer["type"] == "result" || answer["type"] == "refused").expect("one comes");
            seen.push((answer["type"].clone(), answer["motion"].clone(), answer["cause"].clone()));
        }
        seen
    });
    assert_eq!(seen[0], seen[1]);
    let refused = seen[0].iter().filter(|(kind, ..)| kind == "refused").count();
    let with_boxes = seen[0].iter().filter(|(_, motion, _)| motion["boxes"] != json!([])).count();
    assert!(refused == 2 && with_boxes > 4, "{seen:?}");
}

#[test]
fn an_event_runs_from_the_first_sight_to_the_last() {
    let daemon = Daemon::start(&format!("{DOOR}hold_ms = 1000\n"));
    let mut reader = Client::connect(&daemon, "/results");
    let mut sender = Client::connect_v1(&daemon, "/");
    sender.answer_clock(100_000_000);
    let scene = Picture::scene(320, 240);
    let mut seq = 0;
    let mut look = |picture: &Picture| {
        seq += 1;
        let frame = V1 {
            format: GREY,
            size: (320, 240),
            stride_bytes: 0,
            seq,
            captured_us: 50_000_000 + seq * 400_000,
            picture: &picture.pixels,
        };
        sender.send(frame.message());
        sender.next_of("taken");
    };
    for _ in 0..4 {
        look(&scene);
    }
    for step in 0..4 {
        look(&scene.with([20 + 40 * step, 100, 40, 60]));
    }
    let start = reader.next_of("event");
    assert_eq!([&start["camera"], &start["kind"], &start["state"]], ["door", "motion", "start"]);
    // No frame comes any more, and it ends all the same.
    let end = loop {
        let event = reader.next_of("event");
        if event["state"] != "update" {
            break event;
        }
    };
    assert_eq!([&end["state"], &end["id"]], [&json!("end"), &start["id"]]);
    assert_eq!(end["boxes"], json!([]));
    daemon.wait_for_line("door: motion starts");
    daemon.wait_for_line("door: motion ends");
}

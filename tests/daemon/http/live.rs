//! Live pictures and snapshots: what was sent, in every format, for fast viewers and slow ones.

use std::{io::Write, net::Shutdown};

use nix::sys::signal::Signal;

use crate::support::{
    client::{BGR24, Client, GREY, I420, NV12, V1, YUYV},
    daemon::{DOOR, Daemon, HTTP},
    eventually,
    http::{Answer, Part, connect, get},
    pictures::Picture,
};

fn start() -> Daemon {
    Daemon::start(&format!("{HTTP}{DOOR}[[camera]]\nname = \"yard\"\n"))
}

/// The grey level of a JPEG's pixel.
fn level(jpeg: &[u8], x: usize, y: usize) -> u8 {
    let image = turbojpeg::decompress(jpeg, turbojpeg::PixelFormat::GRAY).expect("what is shown is a good JPEG");
    image.pixels[y * image.pitch + x]
}

/// The next part that shows a frame.
fn live_part(live: &mut Answer) -> Part {
    loop {
        let part = live.part();
        if part.header("fovea-state") == Some("live") {
            return part;
        }
    }
}

#[test]
fn a_viewer_gets_the_very_bytes_that_were_sent() {
    let daemon = start();
    let mut live = get(&daemon, "/cameras/door/live.mjpg");
    assert_eq!(live.header("content-type"), Some("multipart/x-mixed-replace; boundary=frame"));
    let first = live.part();
    assert_eq!(first.header("fovea-state"), Some("never"), "there is something to see before the first frame");
    assert!(level(&first.body, 2, 2) < 60, "dark, with words in the middle");

    let mut sender = Client::connect(&daemon, "/frames/door?results");
    for seq in 1..=3 {
        let jpeg = Picture::scene(64, 48 + 8 * seq).jpeg();
        sender.send(&jpeg[..]);
        let part = live.part();
        assert_eq!(part.body, jpeg);
        assert_eq!(part.header("content-type"), Some("image/jpeg"));
        assert_eq!(part.header("fovea-camera"), Some("door"));
        assert_eq!(part.header("fovea-seq"), Some(seq.to_string().as_str()));
        let result = sender.next_of("result");
        // To the microsecond it depends on when the wall clock was read.
        let (shown, told) = (part.header("fovea-captured-at"), result["captured_at"].as_str());
        assert_eq!(shown.map(|at| &at[..16]), told.map(|at| &at[..16]));
        assert!(part.header("fovea-age-ms").and_then(|age| age.parse::<f64>().ok()).is_some_and(|age| age >= 0.0));
    }
}

#[test]
fn raw_frames_and_png_are_shown_as_jpeg() {
    let daemon = start();
    let picture = Picture::scene(64, 48).with([8, 8, 16, 16]);
    let mut live = get(&daemon, "/cameras/door/live.mjpg");
    let mut sender = Client::connect_v1(&daemon, "/frames/door?results");
    let formats = [
        (GREY, 64 + 4, picture.grey(4)),
        (YUYV, 128 + 8, picture.yuyv(8)),
        (NV12, 64 + 4, picture.nv12(4)),
        (I420, 64 + 4, picture.i420(4)),
        (BGR24, 192 + 12, picture.bgr(12)),
    ];
    for (seq, (format, stride_bytes, rows)) in (1..).zip(formats) {
        let v1 = V1 { format, size: (64, 48), stride_bytes, seq, picture: &rows, ..V1::default() };
        sender.send(v1.message());
        let part = live_part(&mut live);
        assert!(level(&part.body, 16, 16).abs_diff(235) < 8, "format {format}: {}", level(&part.body, 16, 16));
        assert!(level(&part.body, 48, 32) < 150, "format {format}");
    }
    let mut sender = Client::connect(&daemon, "/frames/door?results");
    sender.send(picture.png());
    assert!(level(&live_part(&mut live).body, 16, 16).abs_diff(235) < 8);
}

/// Sends a raw frame of this number from the yard, and waits for its result.
fn raw_sender(daemon: &Daemon, size: (u32, u32)) -> impl FnMut(u64) + use<> {
    let mut sender = Client::connect_v1(daemon, "/frames/yard?results");
    let rows = Picture::scene(size.0, size.1).yuyv(0);
    move |seq| {
        sender.send(V1 { format: YUYV, size, seq, picture: &rows, ..V1::default() }.message());
        sender.next_of("result");
    }
}

/// How many pictures were made into JPEG.
fn encoded(daemon: &Daemon) -> u64 {
    let metrics = get(daemon, "/metrics").text();
    let count = metrics.lines().find_map(|line| line.strip_prefix("fovea_http_encoded_pictures_total "));
    count.and_then(|count| count.parse().ok()).expect("it is counted")
}

#[test]
fn a_raw_frame_is_encoded_once_for_all_viewers_and_never_without() {
    let daemon = start();
    let mut send = raw_sender(&daemon, (64, 48));
    (1..=20).for_each(&mut send);
    assert_eq!(encoded(&daemon), 0, "nobody looks");
    let mut viewers = ["/cameras/yard/live.mjpg", "/live", "/cameras/yard/live.mjpg"].map(|path| get(&daemon, path));
    for seq in 20..=40 {
        if seq > 20 {
            send(seq);
        }
        for viewer in &mut viewers {
            assert_eq!(live_part(viewer).header("fovea-seq"), Some(seq.to_string().as_str()));
        }
    }
    assert_eq!(encoded(&daemon), 21, "three look at each of 21 frames");
    drop(viewers);
    eventually("they are gone", || get(&daemon, "/api/status").json()["viewers"] == 0);
    (41..=60).for_each(&mut send);
    assert_eq!(encoded(&daemon), 21, "nobody looks any more");
}

#[test]
fn a_camera_that_is_lost_shows_since_when() {
    let daemon = start();
    let mut live = get(&daemon, "/cameras/door/live.mjpg");
    let mut sender = Client::connect(&daemon, "/frames/door?results");
    let bright = Picture { width: 64, height: 48, pixels: vec![200; 64 * 48] };
    sender.send(bright.jpeg());
    assert!(level(&live_part(&mut live).body, 2, 2) > 150);
    drop(sender);
    let lost = live.part();
    assert_eq!((lost.header("fovea-state"), lost.header("fovea-seq")), (Some("lost"), None));
    let status = get(&daemon, "/api/status").json();
    // To the microsecond it depends on when the wall clock was read.
    let [shown, told] = [lost.header("fovea-since"), status["cameras"][0]["since"].as_str()];
    assert_eq!(shown.map(|at| &at[..16]), told.map(|at| &at[..16]));
    let image = turbojpeg::decompress(&lost.body, turbojpeg::PixelFormat::GRAY).expect("a good JPEG");
    assert_eq!((image.width, image.height), (640, 480), "in the shape that it had");
    let brightest =
        |rows: std::ops::Range<usize>| image.pixels[rows.start * image.pitch..rows.end * image.pitch].iter().max();
    let [dark, words] = [0..180, 180..300].map(|rows| *brightest(rows).expect("some rows"));
    assert!(dark < 60 && words > 150, "words in the middle of a dark picture: {dark}, {words}");
}

#[test]
fn one_stream_has_all_cameras() {
    let daemon = start();
    let mut live = get(&daemon, "/live");
    assert_eq!(live.header("content-type"), Some("multipart/mixed; boundary=frame"));
    let mut names = [live.part(), live.part()].map(|part| part.header("fovea-camera").map(ToOwned::to_owned));
    names.sort();
    assert_eq!(names, [Some("door".to_owned()), Some("yard".to_owned())]);
    for name in ["yard", "door", "yard"] {
        let mut sender = Client::connect(&daemon, &format!("/frames/{name}?results"));
        sender.send(Picture::scene(64, 48).jpeg());
        assert_eq!(live_part(&mut live).header("fovea-camera"), Some(name));
    }
}

#[test]
fn a_viewer_that_stops_reading_skips_frames_and_holds_nobody_up() {
    let daemon = start();
    let mut live = connect(daemon.http_address());
    live.write_all(b"GET /cameras/door/live.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("it reads");
    let noise: Vec<u8> = (0_u32..640 * 480).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let jpeg = Picture { width: 640, height: 480, pixels: noise }.jpeg();
    let mut sender = Client::connect(&daemon, "/frames/door?results");
    // Far more than the kernel keeps for a connection.
    let count = 60_000_000 / jpeg.len() as u64;
    for seq in 1..=count {
        sender.send(&jpeg[..]);
        assert_eq!(sender.next_of("result")["seq"], seq, "each frame is looked at");
    }
    // Now it reads on: first what the kernel kept, then the newest.
    let mut live = Answer::read(live);
    let mut seqs = Vec::new();
    while seqs.last() != Some(&count) {
        let part = live.part();
        seqs.extend(part.header("fovea-seq").and_then(|seq| seq.parse::<u64>().ok()));
    }
    assert!(seqs.is_sorted());
    assert!((seqs.len() as u64) < count, "it was sent every frame");
}

#[test]
fn a_snapshot_is_the_newest_frame_with_boxes_if_asked_for() {
    let daemon = start();
    let none = get(&daemon, "/cameras/door/snapshot.jpg");
    assert_eq!((none.status, none.header("retry-after")), (503, Some("1")));
    let unknown = get(&daemon, "/cameras/dor/snapshot.jpg");
    assert_eq!(unknown.status, 404);
    assert_eq!(unknown.text(), "There is no camera \"dor\" here. Cameras: door, yard.\n");

    let empty = Picture::scene(320, 240);
    let mut sender = Client::connect_v1(&daemon, "/frames/door?results");
    let mut look = |seq, picture: &Picture| {
        let rows = picture.grey(0);
        sender.send(V1 { format: GREY, size: (320, 240), seq, picture: &rows, ..V1::default() }.message());
        sender.next_of("result")
    };
    let mut seq = 0;
    while look(
        {
            seq += 1;
            seq
        },
        &empty,
    )["motion"]["relearning"]
        == true
    {}
    let moving = (0_u32..).map(|step| [40 + 4 * (step % 40), 80, 48, 64]).find_map(|square| {
        seq += 1;
        let boxes = look(seq, &empty.with(square))["motion"]["boxes"].clone();
        boxes.get(0).is_some().then_some(boxes)
    });
    let around: Vec<usize> = serde_json::from_value(moving.expect("it moves")[0].clone()).expect("four numbers");

    let plain = get(&daemon, "/cameras/door/snapshot.jpg");
    assert_eq!(plain.header("fovea-seq"), Some(seq.to_string().as_str()));
    assert_eq!(plain.header("fovea-state"), Some("live"));
    let (plain, boxed) = (plain.bytes(), get(&daemon, "/cameras/door/snapshot.jpg?overlay").bytes());
    let (x, y) = (around[0] + 1, around[1] + around[3] / 2);
    let change = |x, y| level(&plain, x, y).abs_diff(level(&boxed, x, y));
    assert!(change(x, y) > 25, "the box's left side is drawn: {}", change(x, y));
    assert!(change(300, 220) < 10, "what is not in a box is as it was: {}", change(300, 220));
}

#[test]
fn frames_that_cannot_be_shown_are_told_of_and_cost_nobody_the_stream() {
    let daemon = start();
    let mut live = get(&daemon, "/cameras/yard/live.mjpg");
    live.part(); // it never had a frame
    let mut sender = Client::connect(&daemon, "/frames/yard?results");
    // As nothing looks at this camera's frames, nobody has found out.
    let png = Picture::scene(64, 48).png();
    let mut send = |picture: &[u8]| {
        sender.send(picture);
        sender.next_of("result");
    };
    send(&png[..png.len() / 2]);
    let snapshot = get(&daemon, "/cameras/yard/snapshot.jpg");
    assert_eq!(snapshot.status, 503);
    assert_eq!(snapshot.text(), "The newest frame of yard cannot be shown: it is damaged.\n");
    // Before its first result it is silent, which may be told, too.
    let told = std::iter::from_fn(|| Some(live.part())).find(|part| part.header("fovea-state") == Some("live"));
    assert_eq!(told.expect("it goes on").header("fovea-seq"), None);
    send(&png[..png.len() / 2]);
    send(&png);
    assert_eq!(live_part(&mut live).header("fovea-seq"), Some("3"));
}

#[test]
fn who_asks_for_pictures_and_leaves_leaves_no_work_behind() {
    // A busy machine may see all of them before the first is known to have left.
    let daemon = Daemon::start(&format!("{HTTP}max_clients = 200\n[[camera]]\nname = \"yard\"\n"));
    let mut send = raw_sender(&daemon, (1280, 720));
    send(1);
    let before_kb = daemon.status("VmHWM");
    for seq in 2..=100 {
        send(seq);
        let mut asking = connect(daemon.http_address());
        asking
            .write_all(b"GET /cameras/yard/snapshot.jpg?overlay HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .expect("it reads");
        asking.shutdown(Shutdown::Both).expect("it is open");
    }
    assert_eq!(get(&daemon, "/cameras/yard/snapshot.jpg?overlay").header("fovea-seq"), Some("100"));
    let grown_kb = daemon.status("VmHWM") - before_kb;
    assert!(grown_kb < 60_000, "{grown_kb} kB, of 180 000 in the frames");
}

#[test]
fn watching_ends_with_the_daemon_at_once() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut daemon = start();
        let mut live = get(&daemon, "/cameras/door/live.mjpg");
        live.part();
        let mut stuck = connect(daemon.http_address());
        stuck.write_all(b"GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("it reads");
        let end = daemon.stop_by(signal);
        assert_eq!((end.code, end.lines_with("did not end in time")), (Some(0), 0), "{}", end.log);
    }
}

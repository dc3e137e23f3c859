//! Memory that a large frame takes is used for every camera's, and given back when frames are small again.

use std::io::Write;

use crate::support::{
    client::{Client, GREY, PNG, V1, YUYV},
    daemon::{DOOR, Daemon, HTTP},
    eventually,
    http::{connect, get},
    pictures::Picture,
    raw::{BINARY, FINAL, Raw, frame, many_pings, request, stuff},
};

/// Two large frames: the largest of raw pixels that the default limits let in, and one that is decoded.
struct Large {
    yuyv: Vec<u8>,
    png: Vec<u8>,
}

impl Large {
    fn new(decoded_side_px: u32) -> Self {
        let grey = |width, height| Picture { width, height, pixels: vec![90; (width * height) as usize] };
        let (raw, decoded) = (grey(2048, 2040), grey(decoded_side_px, decoded_side_px));
        let size = (raw.width, raw.height);
        Self {
            yuyv: V1 { format: YUYV, size, seq: 1, picture: &raw.yuyv(0), ..V1::default() }.message(),
            png: V1 { format: PNG, seq: 2, picture: &decoded.png(), ..V1::default() }.message(),
        }
    }

    fn send(&self, sender: &mut Client) {
        for message in [&self.yuyv, &self.png] {
            sender.send(&message[..]);
            sender.next_of("result");
        }
    }
}

#[test]
fn many_cameras_do_not_need_the_memory_of_each() {
    const CAMERAS: usize = 64;
    let large = Large::new(2048);
    let [one_kb, many_kb] = [1, CAMERAS].map(|count| {
        let camera = |n: usize| format!("[[camera]]\nname = \"c{n}\"\n[camera.motion]\n");
        let cameras: String = (0..count).map(camera).collect();
        let daemon = Daemon::start(&format!("server.max_clients = {CAMERAS}\n{cameras}"));
        let mut senders: Vec<_> =
            (0..count).map(|n| Client::connect_v1(&daemon, &format!("/frames/c{n}?results"))).collect();
        senders.iter_mut().for_each(|sender| large.send(sender));
        // All of them are still there.
        daemon.status("VmHWM")
    });
    assert!(many_kb <= 3 * one_kb, "{many_kb} kB for {CAMERAS} cameras, {one_kb} kB for one");
}

#[test]
fn what_a_large_frame_took_is_given_back() {
    const ORDINARY: u64 = 130; // twice as many as are waited for
    let daemon = Daemon::start(DOOR);
    let mut sender = Client::connect_v1(&daemon, "/?results");
    let frame = Picture::scene(64, 48);
    let ordinary = |sender: &mut Client| {
        for seq in 0..ORDINARY {
            let of_frame = V1 { format: GREY, size: (64, 48), seq, picture: &frame.pixels, ..V1::default() };
            sender.send(of_frame.message());
            sender.next_of("result");
        }
        daemon.status("VmRSS")
    };
    let before_kb = ordinary(&mut sender);
    Large::new(4096).send(&mut sender);
    let peak_kb = daemon.status("VmHWM");
    let after_kb = ordinary(&mut sender);
    assert!(peak_kb > before_kb + 10_000, "{before_kb} kB, then {peak_kb} kB: they were not large");
    assert!(after_kb < before_kb + 4_000, "{before_kb} kB before, {peak_kb} kB at the most, {after_kb} kB after");
}

/// A picture with so much detail that its JPEG is as long as those of cameras.
fn textured(width: u32, height: u32) -> Picture {
    let pixels = (0..width * height).map(|n| 100 + u8::try_from(n.wrapping_mul(2_654_435_761) >> 27).expect("5 bits"));
    Picture { width, height, pixels: pixels.collect() }
}

/// As many as a board with 512 MB is to bear: `docs/SECURITY.md` has what this prints.
#[test]
#[expect(clippy::print_stdout, reason = "the measurement, for --nocapture")]
fn an_attack_on_both_ports_takes_a_bounded_amount() {
    const CAMERAS: usize = 8;
    const FRAMES: usize = 3;
    let cameras: String = (0..CAMERAS).map(|n| format!("[[camera]]\nname = \"c{n}\"\n[camera.motion]\n")).collect();
    // Nobody is sent away for being slow: this machine may be.
    let patient = "server.handshake_timeout_ms = 60000\nserver.message_timeout_ms = 600000\n\
                   server.idle_timeout_ms = 86400000\n";
    let daemon = Daemon::start(&format!("{patient}{HTTP}{cameras}"));
    let jpeg = textured(1920, 1080).jpeg();
    let mut senders: Vec<_> =
        (0..CAMERAS).map(|n| Client::connect(&daemon, &format!("/frames/c{n}?results"))).collect();
    let mut send = |count| {
        for _ in 0..count {
            senders.iter_mut().for_each(|sender| sender.send(&jpeg[..]));
            for sender in &mut senders {
                sender.next_of("result");
            }
        }
        [daemon.status("VmRSS"), daemon.status("VmHWM")]
    };
    let before_kb = send(FRAMES);

    // Idle ones, of which some have sent almost all of the longest request.
    let mut idle: Vec<_> = (0..64).map(|_| Raw::connect(&daemon)).collect();
    let long = format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(16_000));
    idle.iter_mut().for_each(|client| _ = client.try_send(&long));
    let mut idle_http: Vec<_> = (0..64).map(|_| connect(daemon.http_address())).collect();
    idle_http.iter_mut().for_each(|stream| _ = stream.write_all(long.as_bytes()));
    let idle_kb = send(FRAMES);
    // Stuck ones: readers and viewers that never read.
    let mut stuck: Vec<_> = (0..8).map(|_| Raw::open(&daemon, "/results")).collect();
    stuck.iter_mut().for_each(stuff);
    let viewers: Vec<_> = (0..31).map(|_| get(&daemon, "/live")).collect();
    let stuck_kb = send(FRAMES);
    // Ones that flood: pings that are answered to nobody, requests without end.
    let pings = many_pings();
    for _ in 0..10 {
        stuck.iter_mut().for_each(|client| _ = client.try_send(&pings));
        let denied: Vec<_> = (0..8)
            .map(|_| {
                let mut client = Raw::connect(&daemon);
                client.try_send(request("/nowhere", ""));
                client
            })
            .collect();
        drop(denied);
    }
    let flood_kb = send(FRAMES);
    // What 64 handshakes, 8 readers and 31 viewers may take besides.
    assert!(flood_kb[1] < before_kb[1] + 64 * 1024, "{before_kb:?}, then {flood_kb:?} kB");

    // Somebody else sends as all cameras: the largest messages that the limits let in, and most of one more.
    let largest = frame(FINAL | BINARY, &Large::new(16).yuyv);
    let mut hostile: Vec<_> = (0..CAMERAS)
        .map(|n| Raw::open_with(&daemon, &format!("/frames/c{n}"), "Sec-WebSocket-Protocol: fovea.v1\r\n"))
        .collect();
    for client in &mut hostile {
        (0..3).for_each(|_| client.send(&largest));
        client.send(&largest[..largest.len() - 1]);
    }
    let received = format!("fovea_frames_received_total{{camera=\"c7\"}} {}", 4 * FRAMES + 3);
    eventually("they have come", || get(&daemon, "/metrics").text().contains(&received));
    let large_kb = [daemon.status("VmRSS"), daemon.status("VmHWM")];
    println!(
        "{CAMERAS} cameras with 1080p JPEG of {} kB, resident and peak in kB: alone {before_kb:?}, \
         with idle clients {idle_kb:?}, with stuck ones too {stuck_kb:?}, with floods too {flood_kb:?}, \
         with the largest messages of all cameras {large_kb:?}",
        jpeg.len() / 1000
    );
    // Of each camera one message that comes, one that waits, one that is shown; and one of all that is processed.
    let bound_kb = flood_kb[1] + (3 * CAMERAS as u64 + 1) * (9 << 10);
    assert!(large_kb[1] < bound_kb, "{flood_kb:?}, then {large_kb:?} kB");
    drop((idle, idle_http, stuck, viewers));
}

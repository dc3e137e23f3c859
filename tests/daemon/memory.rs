//! Memory that a large frame takes is used for every camera's, and given back when frames are small again.

use crate::support::{
    client::{Client, GREY, PNG, V1, YUYV},
    daemon::{DOOR, Daemon},
    pictures::Picture,
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

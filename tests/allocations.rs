//! After the first frames no memory of a payload's size is asked for any more: neither while the processor keeps up
//! nor while frames are superseded all the time.

#![expect(unsafe_code, reason = "an allocator that counts")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use fovea::{config::Config, daemon::Daemon, system::notify::SystemdEnv};

/// Frames of this test are larger, and nothing else in the daemon is.
const PAYLOAD_BYTES: usize = 16 * 1024;

/// Requests for that much memory or more, by any thread of this process.
static LARGE: AtomicUsize = AtomicUsize::new(0);

struct Counting;

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller keeps to the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        // SAFETY: as above.
        unsafe { System.realloc(place, layout, size) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(place, layout) }
    }
}

fn count(bytes: usize) {
    LARGE.fetch_add(usize::from(bytes >= PAYLOAD_BYTES), Ordering::Relaxed);
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A JPEG with enough in it to be large.
fn jpeg(shift: usize) -> Vec<u8> {
    let (width, height) = (640, 480);
    let pixels: Vec<u8> =
        (0..width * height).map(|at| ((at / width * 7) ^ ((at % width + shift) * 13)).to_le_bytes()[0]).collect();
    let format = turbojpeg::PixelFormat::GRAY;
    let image = turbojpeg::Image { pixels: &pixels[..], width, pitch: width, height, format };
    turbojpeg::compress(image, 90, turbojpeg::Subsamp::Gray).unwrap().to_vec()
}

/// A binary message as a client sends it, its mask being zero.
fn message(payload: &[u8]) -> Vec<u8> {
    let length = u64::try_from(payload.len()).unwrap().to_be_bytes();
    [&[0x82, 0xff], &length[..], &[0; 4], payload].concat()
}

/// Connects as a sender that reads results.
fn connect(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let request = "GET /?results HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::with_capacity(1024);
    while !answer.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        answer.push(byte[0]);
    }
    stream
}

/// Reads messages, all of them short, until the result of frame `seq` or a later one.
fn await_result(stream: &mut TcpStream, seq: u64) {
    let mut text = [0; 65_536];
    loop {
        let mut head = [0; 2];
        stream.read_exact(&mut head).unwrap();
        let length = match head[1] {
            126 => {
                let mut length = [0; 2];
                stream.read_exact(&mut length).unwrap();
                usize::from(u16::from_be_bytes(length))
            }
            length => usize::from(length),
        };
        stream.read_exact(&mut text[..length]).unwrap();
        let text = std::str::from_utf8(&text[..length]).unwrap();
        let number = |text: &str| text.split_once(r#""seq":"#)?.1.split_once(',')?.0.parse::<u64>().ok();
        if text.contains(r#""type":"result""#) && number(text).is_some_and(|number| number >= seq) {
            return;
        }
    }
}

#[test]
fn nothing_of_a_payloads_size_is_allocated_once_warm() {
    check("[[camera]]\nname = \"door\"\n[camera.motion]\n");
    // At 1/8, which is decoded in another way.
    check("[[camera]]\nname = \"door\"\n[camera.motion]\nwidth_px = 80\n");
    // The cells of a mask are kept.
    check(
        "[[camera]]\nname = \"door\"\n[[camera.mask]]\npolygon = [[0.1, 0.1], [0.4, 0.1], [0.4, 0.6]]\n[camera.motion]\n",
    );
    // With the HTTP port, where nobody watches: it holds one buffer more. Without motion, as the picture that an event
    // begins with is copied.
    check("[http]\nlisten = \"127.0.0.1:0\"\n[[camera]]\nname = \"door\"\n");
}

fn check(config: &str) {
    let text = format!("[server]\nlisten = \"127.0.0.1:0\"\n{config}");
    let daemon = Daemon::start(Config::parse("test", &text).unwrap(), SystemdEnv::default()).unwrap();
    let messages: Vec<_> = (0..8).map(|shift| message(&jpeg(shift))).collect();
    assert!(messages.iter().all(|message| message.len() > PAYLOAD_BYTES));
    let mut stream = connect(daemon.address());
    let mut sent = 0;
    let mut play = |frames: usize, in_flight: usize| {
        for message in messages.iter().cycle().take(frames) {
            stream.write_all(message).unwrap();
            sent += 1;
            if sent % in_flight as u64 == 0 {
                await_result(&mut stream, sent);
            }
        }
    };
    // Warm-up, at both paces: all buffers that ever are in flight at once come into being.
    play(100, 1);
    play(1000, 20);
    for (pace, in_flight) in [("the processor keeps up", 1), ("frames are superseded", 20)] {
        let before = LARGE.load(Ordering::Relaxed);
        play(400, in_flight);
        assert_eq!(LARGE.load(Ordering::Relaxed) - before, 0, "large allocations while {pace}");
    }
    daemon.stop().unwrap();
}

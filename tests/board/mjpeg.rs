//! Scenarios with a webcam that sends MJPEG, by way of the kernel's own driver for webcams.

use fovea::recording::Recording;
use turbojpeg::{Compressor, Image, PixelFormat, Subsamp};

use super::{
    cameras::{bytes_of, configure, count, holds, is_live, status, wait_for},
    machine::Board,
    webcam::Webcam,
    webcam_descriptors::{DEVICE, MAX_FRAME_BYTES, SIZE},
};
use crate::support::client::Client;

/// Walking people, in the webcam's size.
const FILM: &str = "tests/data/vtest.avi";

/// How long the webcam may send nothing until it counts as lost: soon, or never in a scenario.
const SOON_MS: u32 = 2_000;
const NEVER_MS: u32 = 600_000;

/// The pictures of the film.
pub(super) fn film() -> Vec<Vec<u8>> {
    let film = Recording::open(&[FILM.into()]).expect("it is in the repository");
    film.stills().map(|still| still.expect("the film is whole").bytes.to_vec()).collect()
}

/// Has fovea look at the webcam as the camera `people`.
fn configure_webcam(board: &mut Board, stall_timeout_ms: u32) {
    let (width, height) = SIZE;
    let v4l2 = format!(
        "device = \"{DEVICE}\"\nwidth_px = {width}\nheight_px = {height}\nrate_hz = 10\n\
         stall_timeout_ms = {stall_timeout_ms}\n"
    );
    configure(board, &format!("[[camera]]\nname = \"people\"\n[camera.motion]\n[camera.v4l2]\n{v4l2}"));
    wait_for(board, "people", "it is live", is_live);
}

/// What fovea has said since it was started.
fn log(board: &mut Board) -> String {
    board.ask("journalctl --output cat _SYSTEMD_INVOCATION_ID=$(systemctl show --property InvocationID --value fovea)")
}

/// Fails unless the camera's picture is one of the film, to the byte.
fn assert_shows_the_film(board: &mut Board, film: &[Vec<u8>]) {
    let picture = bytes_of(board, "/cameras/people/snapshot.jpg");
    assert!(film.contains(&picture), "{} bytes that are not one of the film's pictures", picture.len());
}

pub(crate) fn frames_of_a_webcam_are_lent_and_looked_at(board: &mut Board) {
    let film = film();
    let webcam = Webcam::plug_in(board, film.clone());
    configure_webcam(board, NEVER_MS);
    let log = log(board);
    let line = " is a Test Webcam: Test Webcam (uvcvideo): MJPG 640x480 at 10 Hz, time stamps at the start of exposure";
    assert!(log.contains(line), "there is no line {line:?} in\n{log}");
    let mut reader = Client::connect_v1_to(board.address(), "/results/people");
    let mut boxes = 0;
    while boxes < 20 {
        let result = reader.next_of("result");
        assert_eq!(result["captured_by"], "driver");
        assert_eq!(result["size_px"], serde_json::json!([640, 480]));
        boxes += result["motion"]["boxes"].as_array().map_or(0, Vec::len);
    }
    assert_shows_the_film(board, &film);

    // Many webcams leave out the Huffman tables that everybody knows.
    webcam.freeze(true);
    let bare = without_huffman_tables(&jpeg(SIZE.0, SIZE.1));
    let taken = count(&status(board, "people"), "/taken");
    webcam.send(&bare);
    wait_for(board, "people", "it is taken", |status| count(status, "/taken") > taken);
    assert!(bytes_of(board, "/cameras/people/snapshot.jpg") == bare, "it is shown as it came");

    // The driver keeps broken frames for itself, unless it is asked for them.
    let before = status(board, "people");
    webcam.send_broken(&film[0]);
    webcam.send(&film[1]);
    let status = wait_for(board, "people", "the next one", |status| count(status, "/taken") > count(&before, "/taken"));
    assert_eq!(count(&status, "/driver/dropped"), count(&before, "/driver/dropped") + 1);
    assert_eq!(status["refused"], serde_json::json!({}));
    let (received, copied) = (count(&status, "/received"), count(&status, "/driver/copied"));
    assert!(2 * copied < received, "most frames are lent: {status}");
    board.note(&format!("{received} frames, of which {copied} copied"));
}

/// A JPEG of one colour, with the Huffman tables of the standard.
fn jpeg(width: u16, height: u16) -> Vec<u8> {
    let (width, height) = (usize::from(width), usize::from(height));
    let pixels = vec![90; 3 * width * height];
    let mut compressor = Compressor::new().expect("there is memory");
    compressor.set_subsamp(Subsamp::Sub2x2).expect("every encoder can do that");
    let image = Image { pixels: &pixels[..], width, pitch: 3 * width, height, format: PixelFormat::RGB };
    compressor.compress_to_vec(image).expect("it is a picture")
}

fn without_huffman_tables(jpeg: &[u8]) -> Vec<u8> {
    const START_OF_IMAGE: usize = 2;
    let (start, mut rest) = jpeg.split_at(START_OF_IMAGE);
    let mut bare = start.to_vec();
    while let [0xff, code, high, low, ..] = *rest {
        let (segment, after) = rest.split_at(2 + usize::from(u16::from_be_bytes([high, low])));
        match code {
            0xc4 => {}
            0xda => return [&bare, rest].concat(), // the rest is the picture's
            _ => bare.extend(segment),
        }
        rest = after;
    }
    panic!("a JPEG has a scan");
}

pub(crate) fn broken_and_short_frames_cost_only_themselves(board: &mut Board) {
    // The driver hands over broken frames, too. It is asked when a webcam is plugged in.
    let nodrop = "/sys/module/uvcvideo/parameters/nodrop";
    board.ask(&format!("modprobe uvcvideo && echo 1 >{nodrop}"));
    let film = film();
    let webcam = Webcam::plug_in(board, film.clone());
    configure_webcam(board, NEVER_MS);
    webcam.freeze(true); // no good frame is to overtake a bad one
    let whole = &film[0];
    let half = &whole[..whole.len() / 2];
    let png = [&b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..], &640_u32.to_be_bytes(), &480_u32.to_be_bytes(), &[8, 2, 0, 0, 0]];
    let odd: &[(&str, &str, &[u8])] = &[
        ("garbage", "not_a_picture", &[0xa5; 5000]),
        ("one byte", "not_a_picture", &whole[..1]),
        ("a header that ends early", "damaged", &whole[..100]),
        ("half a picture", "damaged", half),
        ("half a picture that fills whole transfers", "damaged", &whole[..(16384 - 2)]),
        ("another size", "damaged", &jpeg(320, 240)),
        ("PNG", "damaged", &png.concat()),
    ];
    let connected = status(board, "people")["connections"].clone();
    let refuse = |board: &mut Board, what: &str, reason: &str, send: &dyn Fn()| {
        let path = format!("/refused/{reason}");
        let before = status(board, "people");
        send();
        let wanted = count(&before, &path) + 1;
        let after = wait_for(board, "people", what, |status| count(status, &path) == wanted);
        // The next one is as good as ever.
        webcam.send(whole);
        wait_for(board, "people", what, |status| count(status, "/taken") > count(&after, "/taken"));
    };
    for (what, reason, bytes) in odd {
        refuse(board, what, reason, &|| webcam.send(bytes));
    }
    refuse(board, "a frame that the webcam says to be broken", "broken", &|| webcam.send_broken(half));
    let huge = vec![0xa5; MAX_FRAME_BYTES as usize + 1000];
    refuse(board, "more than the webcam said to be the most", "broken", &|| webcam.send(&huge));
    // The driver keeps frames without a byte for itself. They are a gap in its numbers.
    let before = status(board, "people");
    webcam.send(&[]);
    webcam.send(whole);
    let after = wait_for(board, "people", "nothing", |status| count(status, "/taken") > count(&before, "/taken"));
    let dropped = |status| count(status, "/driver/dropped");
    assert_eq!(dropped(&after), dropped(&before) + 1);
    assert_shows_the_film(board, &film);
    let log = log(board);
    assert!(log.contains("people: frame ") && log.contains(" refused: "), "{log}");
    webcam.freeze(false);
    let after = status(board, "people");
    wait_for(board, "people", "frames go on", |status| count(status, "/taken") > count(&after, "/taken") + 5);
    assert_eq!(status(board, "people")["connections"], connected, "it was never lost");
    board.ask(&format!("echo 0 >{nodrop}"));
}

pub(crate) fn a_webcam_is_unplugged_and_plugged_in_again(board: &mut Board) {
    let film = film();
    let mut webcam = Webcam::plug_in(board, film.clone());
    configure_webcam(board, SOON_MS);
    let mut before = holds(board);
    for connections in 2..=3 {
        drop(webcam);
        wait_for(board, "people", "it is lost", |status| status["state"] == "lost");
        // A viewer still sees the last frame, and that does not keep the device.
        assert_shows_the_film(board, &film);
        board.wait_until("! test -e /dev/v4l/by-id");
        webcam = Webcam::plug_in(board, film.clone());
        wait_for(board, "people", "it is back", |status| {
            count(status, "/connections") == connections && is_live(status)
        });
        if connections == 2 {
            before = holds(board); // what is kept for good is there from the first time on
        }
    }
    assert_eq!(holds(board).0, before.0, "descriptors");
    webcam.freeze(true);
    wait_for(board, "people", "it stalls", |status| {
        status["last_error"]["what"].as_str().is_some_and(|what| what.contains("has sent no frame for"))
    });
    webcam.freeze(false);
    wait_for(board, "people", "it is back", |status| count(status, "/connections") == 4 && is_live(status));
    let log = log(board);
    for (line, times) in [("is gone: it was unplugged", 2), ("has sent no frame for", 1)] {
        assert_eq!(log.matches(line).count(), times, "each loss is told once:\n{log}");
    }
}

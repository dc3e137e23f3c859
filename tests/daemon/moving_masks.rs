//! Masks that move: a network finds the faces of those who walk by, and these leave by no way.

use std::{
    env, fs,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use nix::sys::signal::{Signal, kill};
use turbojpeg::PixelFormat;

use super::{
    objects::workers,
    privacy_masks::{trigger, ways_of_event, ways_of_frame},
};
use crate::onnx::{Graph, node, numbers, port, raw, tensor};
use crate::support::{
    client::{Client, GREY, JPEG, PNG, V1},
    daemon::{Daemon, HTTP},
    eventually,
    http::{get, post},
    pictures::Picture,
};

const SIZE: (u32, u32) = (640, 240);

/// The mask over faces.
const FACES: &str = "[[camera.mask]]\nname = \"faces\"\nlabels = [\"face\"]\n";

/// What tells that a reload is over.
const HOLDS: &str = "the new configuration is in use";

/// A folder of a test's own, with a network in `faces.onnx`.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("moving-masks").join(name);
    let _ = fs::remove_dir_all(&folder); // of an earlier run
    fs::create_dir_all(&folder).expect("the target folder can be written");
    fs::write(folder.join("faces.onnx"), white().file()).expect("the folder is there");
    folder
}

/// A network as FastestDet with 8 x 8 cells: in each cell in which something is white, a face as large as the cell. What is not
/// as bright as that does not count.
fn white() -> Graph {
    const TO_THE_MIDDLE: f32 = 0.549_306; // its tanh is 0.5
    const AN_EIGHTH: f32 = -1.945_91; // its sigmoid is 1/8
    const FROM: f32 = 0.85;
    let grey = raw(&[1.0 / 3.0; 3]);
    let weights: Vec<f32> = (0..7)
        .flat_map(|channel| {
            let weight = if [0, 5].contains(&channel) { 1.0 / 64.0 / (1.0 - FROM) } else { 0.0 };
            [weight; 64]
        })
        .collect();
    let biases = [0.0, TO_THE_MIDDLE, TO_THE_MIDDLE, AN_EIGHTH, AN_EIGHTH, 0.0, 0.0];
    let pixels = [numbers("strides", &[1, 1]), numbers("kernel_shape", &[1, 1])];
    let cells = [numbers("strides", &[8, 8]), numbers("kernel_shape", &[8, 8])];
    Graph {
        nodes: vec![
            node("Conv", &["picture", "grey", "from"], &["above"], &pixels),
            node("Relu", &["above"], &["white"], &[]),
            node("Conv", &["white", "weights", "biases"], &["map"], &cells),
        ],
        tensors: vec![
            tensor("grey", 1, &[1, 3, 1, 1], &grey),
            tensor("from", 1, &[1], &raw(&[-FROM])),
            tensor("weights", 1, &[7, 1, 8, 8], &raw(&weights)),
            tensor("biases", 1, &[7], &raw(&biases)),
        ],
        inputs: vec![port("picture", 1, &[1, 3, 64, 64])],
        outputs: vec![port("map", 1, &[1, 7, 8, 8])],
    }
}

/// A configuration with that network, and what else the camera has. A track lasts on a busy machine, too, where frames are seconds
/// apart.
fn config(folder: &Path, motion: &str, others: &str) -> String {
    let file = folder.join("faces.onnx");
    let model = format!("[model.faces]\nfile = {file:?}\ndecoder = \"fastestdet\"\nlabels = [\"face\", \"plate\"]\n");
    let limits = "threshold = 0.1\ntimeout_ms = 600000\n";
    format!(
        "{HTTP}{model}{limits}[[camera]]\nname = \"door\"\n[camera.motion]\n{motion}hold_ms = 10000\n[camera.objects]\n\
         ask_again_ms = 2000\n{others}"
    )
}

/// A camera past which somebody walks to and fro whose face is white.
struct Walker {
    sender: Client,
    format: u8,
    empty: Picture,
    seq: u64,
    steps: u32,
    /// Whether motion looks at the frames.
    is_on: bool,
}

impl Walker {
    /// Waits until the scene is learnt.
    fn start(daemon: &Daemon, format: u8) -> Self {
        let sender = Client::connect_v1(daemon, "/frames/door?results");
        let mut walker = Self { sender, format, empty: Picture::scene(SIZE.0, SIZE.1), seq: 0, steps: 0, is_on: true };
        walker.learn();
        walker
    }

    fn learn(&mut self) {
        let empty = self.empty.clone();
        while self.send(&empty)["motion"]["relearning"] == true {}
    }

    /// Sends a picture; gives the result of motion, or of the main processor if motion is off.
    fn send(&mut self, picture: &Picture) -> serde_json::Value {
        self.seq += 1;
        let (size, bytes) = match self.format {
            GREY => (SIZE, picture.grey(0)),
            JPEG => ((0, 0), picture.jpeg()),
            _ => ((0, 0), picture.png()),
        };
        self.sender.send(V1 { format: self.format, size, seq: self.seq, picture: &bytes, ..V1::default() }.message());
        let result = loop {
            let result = self.sender.next_of("result");
            if result["seq"] == self.seq && (result.get("motion").is_some() || !self.is_on) {
                break result;
            }
        };
        thread::sleep(Duration::from_millis(30)); // about as a camera sends
        result
    }

    /// The scene without anybody.
    fn pause(&mut self) {
        let empty = self.empty.clone();
        self.send(&empty);
    }

    /// He walks so fast that no pixel shows him for a second: a young camera would take him for background.
    fn step(&mut self) {
        let along = self.steps % 22;
        self.steps += 1;
        let x = 60 + 40 * if along < 11 { along } else { 22 - along };
        let mut picture = self.empty.clone();
        for row in 60..180_u32 {
            let start = (row * SIZE.0 + x) as usize;
            for (column, pixel) in picture.pixels[start..start + 80].iter_mut().enumerate() {
                let is_face = (108..132).contains(&row) && (28..52).contains(&column);
                *pixel = if is_face { 255 } else { 170 };
            }
        }
        self.send(&picture);
    }
}

/// What a JPEG file shows, in pixels: of the face, of the rest of the body, and of anything at all.
#[derive(Debug)]
struct Shown {
    face: usize,
    body: usize,
    anything: usize,
}

impl Shown {
    fn of(jpeg: &[u8]) -> Self {
        let picture = turbojpeg::decompress(jpeg, PixelFormat::RGB).expect("a good JPEG");
        let pixels: &[[u8; 3]] = picture.pixels.as_chunks().0;
        // The boxes that fovea draws are orange: their green is not that of a face, but may be that of a body.
        let count = |is_it: fn(u8) -> bool| pixels.iter().filter(|[_, green, _]| is_it(*green)).count();
        Self {
            face: count(|green| green > 225),
            body: count(|green| (140..210).contains(&green)),
            anything: count(|green| green != 128),
        }
    }
}

fn shown(ways: Vec<(&'static str, Vec<u8>)>) -> impl Iterator<Item = (&'static str, Shown)> {
    ways.into_iter().map(|(way, jpeg)| (way, Shown::of(&jpeg)))
}

fn snapshot(daemon: &Daemon) -> Shown {
    Shown::of(&get(daemon, "/cameras/door/snapshot.jpg").bytes())
}

/// Checks that no way shows anything of a face, each way at its turn.
fn assert_no_face(what: &str, daemon: &Daemon, turn: usize) {
    let (way, jpeg) = match turn % 4 {
        0 => ("overlay", get(daemon, "/cameras/door/snapshot.jpg?overlay").bytes()),
        1 => ("MJPEG", get(daemon, "/cameras/door/live.mjpg").part().body),
        2 => ("live", get(daemon, "/live").part().body),
        _ => ("snapshot", get(daemon, "/cameras/door/snapshot.jpg").bytes()),
    };
    let shown = Shown::of(&jpeg);
    assert_eq!(shown.face, 0, "{what}: {way}: {shown:?}");
}

#[test]
fn a_face_is_covered_wherever_it_goes_in_raw_frames() {
    assert_a_face_is_covered("raw", GREY);
}

#[test]
fn a_face_is_covered_wherever_it_goes_in_jpegs() {
    assert_a_face_is_covered("jpeg", JPEG);
}

#[test]
fn a_face_is_covered_wherever_it_goes_in_pngs() {
    assert_a_face_is_covered("png", PNG);
}

fn assert_a_face_is_covered(name: &str, format: u8) {
    let folder = folder(name);
    // On the processor of motion, the network looks at the very frame that motion has seen.
    let faces = format!("processor = \"main\"\n{FACES}");
    // Without the mask it is to be seen, so the search finds it.
    let daemon = Daemon::start(&config(&folder, "", ""));
    let mut walker = Walker::start(&daemon, format);
    walker.step();
    let event = trigger(&daemon);
    for (way, shown) in shown([ways_of_frame(&daemon), ways_of_event(&daemon, &event)].concat()) {
        assert!(shown.face > 300 && shown.body > 5000, "{way}: {shown:?}");
    }

    let daemon = Daemon::start(&config(&folder, "", &faces));
    daemon.wait_for_line("door: of privacy masks with labels, whatever moves");
    let mut walker = Walker::start(&daemon, format);
    eventually("the face is found, and so it alone is covered", || {
        walker.step();
        assert_no_face("before", &daemon, 3);
        snapshot(&daemon).body > 2000
    });
    for n in 0..24 {
        walker.step();
        assert_no_face(&n.to_string(), &daemon, n);
    }
    eventually("it is so again", || {
        walker.step();
        snapshot(&daemon).body > 2000
    });
    let event = trigger(&daemon);
    for (way, shown) in shown(ways_of_event(&daemon, &event)) {
        assert!(shown.face == 0 && shown.anything > 10_000, "{way}: {shown:?}");
    }
}

/// Frames are shown as motion has seen them, whatever processor it is on.
#[test]
fn it_is_covered_if_motion_looks_on_another_processor() {
    let folder = folder("processors");
    let slow = config(&folder, "processor = \"slow\"\n", &format!("processor = \"slow\"\n[camera.tamper]\n{FACES}"));
    let daemon = Daemon::start(&format!("[[processor]]\nname = \"slow\"\n{slow}"));
    let mut walker = Walker::start(&daemon, GREY);
    let knows_what_to_cover = || snapshot(&daemon).anything > 40_000;
    eventually("all is seen", || {
        walker.step();
        assert_no_face("before", &daemon, 3);
        knows_what_to_cover()
    });
    for n in 0..8 {
        walker.step();
        assert_no_face(&n.to_string(), &daemon, n);
        assert!(knows_what_to_cover(), "{n}");
    }
}

/// The scene is open by then: only what moves is covered.
#[test]
fn what_the_network_did_not_judge_is_covered_whole() {
    let folder = folder("hangs");
    let daemon = Daemon::start(&config(&folder, "", FACES));
    let mut walker = Walker::start(&daemon, GREY);
    eventually("all is seen", || {
        walker.pause();
        snapshot(&daemon).anything > 140_000
    });
    let workers = workers(&daemon);
    kill(workers[0], Signal::SIGSTOP).expect("it runs");
    for n in 0..30 {
        walker.step();
        for (way, Shown { face, body, anything }) in shown(ways_of_frame(&daemon)) {
            let is_body = body > 100 && way != "overlay";
            assert!(face == 0 && !is_body && anything > 40_000, "{n}: {way}: {face} {body} {anything}");
        }
    }
    kill(workers[0], Signal::SIGCONT).expect("it is there");
    eventually("a part of it alone is covered", || {
        walker.step();
        snapshot(&daemon).body > 2000
    });
}

/// For the frame that is there, for open streams, and for pictures of earlier events. Where nobody looks, all is covered.
#[test]
fn a_mask_that_a_reload_adds_holds_at_once_and_without_a_network_covers_all() {
    let folder = folder("reload");
    let model = folder.join("faces.onnx");
    fs::rename(&model, folder.join("away")).expect("it is there");
    let daemon = Daemon::start(&config(&folder, "", ""));
    let mut walker = Walker::start(&daemon, JPEG);
    walker.step();
    let before = trigger(&daemon);
    let mut stream = get(&daemon, "/cameras/door/live.mjpg");
    assert!(Shown::of(&stream.part().body).face > 300);
    daemon.reload(&config(&folder, "", FACES), HOLDS);
    let assert_nothing = |what: &str| {
        for (way, shown) in shown(ways_of_frame(&daemon)) {
            assert_eq!(shown.face, 0, "{what}: {way}: {shown:?}");
            assert!(way == "overlay" || shown.anything == 0, "{what}: {way}: {shown:?}");
        }
    };
    assert_nothing("the frame that was there");
    for path in [format!("/api/events/{before}.jpg"), format!("/events/{before}/snapshot.jpg")] {
        assert_eq!(get(&daemon, &path).status, 404, "{path}");
    }
    walker.learn();
    for _ in 0..5 {
        walker.step();
        assert_nothing("nobody looks");
    }
    assert_eq!(Shown::of(&stream.part().body).anything, 0, "the open stream");
    let event = trigger(&daemon);
    for (way, shown) in shown(ways_of_event(&daemon, &event)) {
        assert_eq!(shown.face, 0, "{way}: {shown:?}");
        assert!(way.contains("overlay") || shown.anything == 0, "{way}: {shown:?}");
    }
    fs::rename(folder.join("away"), &model).expect("it is there");
    eventually("the network has looked", || {
        walker.step();
        assert_no_face("then", &daemon, 3);
        snapshot(&daemon).anything > 10_000
    });

    walker.is_on = false;
    assert_eq!(post(&daemon, "/api/cameras/door/detection", "", "{\"on\":false}").status, 200);
    eventually("detection is off, and all is covered", || {
        walker.step();
        assert_no_face("off", &daemon, 3);
        snapshot(&daemon).anything == 0
    });
}

#[test]
fn a_mask_with_labels_is_told_with_them() {
    let folder = folder("api");
    let polygon = "polygon = [[0, 0], [1, 0], [1, 1]]\n";
    let daemon = Daemon::start(&config(&folder, "", &format!("{FACES}[[camera.mask]]\n{polygon}")));
    let cameras = get(&daemon, "/api/cameras").json();
    let masks = serde_json::json!([
        { "name": "faces", "labels": ["face"] },
        { "polygon": [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]] },
    ]);
    assert_eq!(cameras[0]["masks"], masks);
}

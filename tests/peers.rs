//! The examples, with WebSocket libraries that others wrote: each program sends a scene to the daemon as it is shipped, and
//! prints the answers. Here these are judged.
//!
//! A peer whose program is not installed is skipped, with the package that would bring it. With `FOVEA_ALL` set
//! (`tests/run` does that) it fails. The browser is started only then, or with `FOVEA_SLOW` set.

#[expect(dead_code, reason = "it is made for tests/daemon.rs; some of it is of use here")]
mod support;

#[path = "peers/esp32.rs"]
mod esp32;

use std::{
    env, fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

use fovea::{
    frame::CapturedBy,
    message::{EventState, FrameResult, Message, Rect},
};
use support::{
    client::Client,
    daemon::{DOOR, Daemon, End},
    eventually,
};

const PYTHON: &str = "/usr/bin/python3"; // Debian's own, which has Debian's libraries
const NODE: &str = "/usr/bin/node";

const PICTURES: usize = 70;
const EMPTY: usize = 20; // of them, before the square comes: time to learn the scene
const SIZE_PX: [u32; 2] = [320, 240];

#[test]
fn python_websockets() {
    let needs = [PYTHON, "-c", "import websockets"];
    if let Some(heard) = talk("examples/websockets_client.py", PYTHON, &needs, "python3-websockets", &jpegs()) {
        the_square_is_followed(&heard);
    }
}

#[test]
fn python_websocket_client() {
    let needs = [PYTHON, "-c", "import websocket"];
    if let Some(heard) = talk("examples/websocket_client.py", PYTHON, &needs, "python3-websocket", &jpegs()) {
        the_square_is_followed(&heard);
        assert_eq!(results(&heard).count(), PICTURES, "it waits for each result, so there is one for each picture");
    }
}

#[test]
fn node_ws() {
    let needs = [NODE, "-e", "require('ws')"];
    if let Some(heard) = talk("examples/node_ws.js", NODE, &needs, "nodejs node-ws", &jpegs()) {
        the_square_is_followed(&heard);
    }
}

#[test]
fn websocat() {
    // It has to be compiled, which takes longer than all the other peers.
    if env::var_os("FOVEA_BRIEF").is_some() {
        skip("examples/websocat.sh", "FOVEA_BRIEF is set");
        return;
    }
    let needs = ["websocat", "--version"];
    if let Some(heard) = talk("examples/websocat.sh", "sh", &needs, "websocat (cargo install websocat)", &jpegs()) {
        the_square_is_followed(&heard);
    }
}

/// It reads nothing: a reader hears what is found.
#[test]
fn micropython() {
    if !can_run("examples/micropython_client.py", &[PYTHON, "--version"], "python3") {
        return;
    }
    let daemon = Daemon::start(DOOR);
    let mut reader = Client::connect(&daemon, "/results/door");
    let port = daemon.address().port().to_string();
    let script = ["600", PYTHON, "tests/peers/micropython.py", &port];
    let output = command("timeout").args(script).args(jpegs()).output().expect("every Linux has `timeout`");
    assert!(output.status.success(), "{}: {}{}", output.status, text(&output.stdout), text(&output.stderr));
    the_square_is_followed(&hear(&mut reader, PICTURES));
}

#[test]
fn chromium() {
    if env::var_os("FOVEA_SLOW").is_none() && !must_run() {
        return skip("browser.py", "it takes a while; set FOVEA_SLOW to run it");
    }
    let needs = ["chromedriver", "--version"];
    if let Some(heard) = talk("tests/peers/browser.py", PYTHON, &needs, "chromium-driver", &[]) {
        the_square_is_followed(&heard);
    }
}

#[test]
fn v1_with_jpeg_and_grey_in_turn() {
    let needs = [PYTHON, "-c", "import websockets"];
    let in_turn = |(n, (jpeg, grey))| if n % 2 == 0 { jpeg } else { grey };
    let pictures: Vec<_> = jpegs().into_iter().zip(pgms()).enumerate().map(in_turn).collect();
    let Some(heard) = talk("examples/v1_client.py", PYTHON, &needs, "python3-websockets", &pictures) else { return };
    the_square_is_followed(&heard);
    assert!(matches!(&heard[0], Message::Hello(hello) if hello.camera.as_deref() == Some("door")), "{:?}", heard[0]);
    assert_eq!(heard.iter().filter(|message| matches!(message, Message::Taken(_))).count(), PICTURES);
    assert!(heard.iter().any(|message| matches!(message, Message::Clock(_))));
    assert_eq!(results(&heard).map(|result| result.superseded).sum::<u64>(), 0, "it paces itself on \"taken\"");
    let stamped = results(&heard).filter(|result| result.captured_by == CapturedBy::Sender).count();
    assert!(stamped > PICTURES / 2, "only {stamped} results rest on the sender's clock");
}

/// Lets a peer send `pictures` to a daemon of its own; gives what it heard, or `None` if it is not there to do so.
#[expect(clippy::print_stdout, reason = "the test harness shows it if the test fails")]
fn talk(peer: &str, interpreter: &str, needs: &[&str], package: &str, pictures: &[PathBuf]) -> Option<Vec<Message>> {
    if !can_run(peer, needs, package) {
        return None;
    }
    let mut daemon = Daemon::start(DOOR);
    let url = format!("ws://{}/frames/door?results", daemon.address());
    let script = Path::new(peer);
    // `timeout` ends the peer's children too.
    let output = command("timeout").args(["600", interpreter]).arg(script).arg(url).args(pictures).output();
    let output = output.expect("every Linux has `timeout`");
    let End { code, log, .. } = daemon.stop();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    let told = format!("{peer}: {}\n--- it printed\n{stdout}{stderr}--- the daemon's log\n{log}", output.status);
    println!("{told}");
    assert_eq!(code, Some(0), "the daemon failed");
    assert!(output.status.success(), "{peer} failed: {}", output.status);
    Some(stdout.lines().map(|line| Message::from_json(line).expect("every line is a message")).collect())
}

/// What a reader hears until so many pictures are results or superseded.
fn hear(reader: &mut Client, pictures: usize) -> Vec<Message> {
    let mut heard = Vec::new();
    eventually("every picture is a result or superseded", || {
        let messages = reader.before_pong().into_iter();
        heard.extend(messages.map(|message| Message::from_json(&message.to_string()).expect("as published")));
        results(&heard).map(|result| 1 + result.superseded).sum::<u64>() == pictures as u64
    });
    heard
}

/// Whether a peer has what it needs; if it must run and has not, this fails.
fn can_run(peer: &str, needs: &[&str], package: &str) -> bool {
    let is_there = command(needs[0]).args(&needs[1..]).output().is_ok_and(|output| output.status.success());
    if !is_there {
        assert!(!must_run(), "{peer} cannot run: install {package}");
        skip(peer, &format!("install {package}"));
    }
    is_there
}

/// Every picture was looked at or superseded, none refused; in those that have the square it was seen, in those that
/// do not nothing was.
fn the_square_is_followed(heard: &[Message]) {
    let refused = heard.iter().find(|message| matches!(message, Message::Refused(_)));
    assert_eq!(refused, None);

    let results: Vec<_> = results(heard).collect();
    assert!(results.iter().all(|result| result.camera == "door" && result.size_px == SIZE_PX));
    let counted = results.len() as u64 + results.iter().map(|result| result.superseded).sum::<u64>();
    assert_eq!(counted, PICTURES as u64, "every picture is a result or superseded");
    // How many are looked at is a matter of the machine; that a walk is seen needs a few.
    assert!(results.len() > PICTURES / 10, "only {} of {PICTURES} pictures were looked at", results.len());

    let (mut seen, mut unseen) = (0, 0);
    for result in results {
        let boxes: Vec<_> = result.detections.iter().map(|detection| detection.bounds).collect();
        match square(usize::try_from(result.seq).expect("small") - 1) {
            None => assert_eq!(boxes, [], "nothing moves in picture {}", result.seq),
            Some(square) if boxes.iter().any(|around| is_around(*around, square)) => seen += 1,
            Some(_) => unseen += 1,
        }
    }
    assert!(seen > 10 * unseen, "the square was seen in {seen} pictures and in {unseen} not");

    let is_start = |message: &&Message| matches!(message, Message::Event(event) if event.kind == "motion" && event.state == EventState::Start);
    assert_eq!(heard.iter().filter(is_start).count(), 1, "one walk is one event");
}

/// Whether a box lies over the square, be it larger by the coarse steps that motion is looked for in.
fn is_around(box_px: Rect, square: Rect) -> bool {
    let near = |at: u32, wanted: u32| at.abs_diff(wanted) <= 8;
    near(box_px.x, square.x)
        && near(box_px.y, square.y)
        && near(box_px.width, square.width)
        && near(box_px.height, square.height)
}

fn results(heard: &[Message]) -> impl Iterator<Item = &FrameResult> {
    heard.iter().filter_map(|message| if let Message::Result(result) = message { Some(result) } else { None })
}

/// Where the square is in picture `n`, counted from 0, if it is there. `browser.html` draws the same scene.
fn square(n: usize) -> Option<Rect> {
    let steps = u32::try_from(n.checked_sub(EMPTY)?).expect("small");
    Some(Rect { x: 4 * steps, y: 100, width: 40, height: 40 })
}

/// Picture `n` of the scene, grey, row after row: noise, and then a bright square that comes in from the left.
fn scene(n: usize) -> Vec<u8> {
    let mut state = u32::try_from(n).expect("small").wrapping_mul(0x9e37_79b9) | 1;
    let pixel = |(row, column)| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        let is_square = square(n).is_some_and(|Rect { x, y, width, height }| {
            (y..y + height).contains(&row) && (x..x + width).contains(&column)
        });
        if is_square { 210 } else { 76 + (state >> 29) as u8 }
    };
    let [columns, rows] = SIZE_PX;
    (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))).map(pixel).collect()
}

fn jpegs() -> Vec<PathBuf> {
    let [width, height] = SIZE_PX.map(|side| side as usize);
    files("jpg", |pixels| {
        let pixels = &pixels[..];
        let image = turbojpeg::Image { pixels, width, pitch: width, height, format: turbojpeg::PixelFormat::GRAY };
        turbojpeg::compress(image, 85, turbojpeg::Subsamp::Gray).expect("it can be compressed").to_vec()
    })
}

fn pgms() -> Vec<PathBuf> {
    let [width, height] = SIZE_PX;
    files("pgm", |pixels| [format!("P5\n{width} {height}\n255\n").as_bytes(), &pixels].concat())
}

/// Writes the scene as one file a picture. Tests that run at the same time write the same, each file in one step.
fn files(kind: &str, encode: impl Fn(Vec<u8>) -> Vec<u8>) -> Vec<PathBuf> {
    let folder = temporary("scene");
    fs::create_dir_all(&folder).expect("the target folder can be written");
    let write = |n| {
        let file = folder.join(format!("{n:02}.{kind}"));
        let unfinished = folder.join(format!("{n:02}.{kind}.{:?}", thread::current().id()));
        fs::write(&unfinished, encode(scene(n))).expect("there is room on the disk");
        fs::rename(unfinished, &file).expect("the target folder can be written");
        file
    };
    (0..PICTURES).map(write).collect()
}

/// A program with what the peers need around it: what `tests/run` installed, and Debian's place of Node's libraries,
/// where a Node from elsewhere does not look by itself.
fn command(program: &str) -> Command {
    let path = env::var("PATH").unwrap_or_default();
    let mut command = Command::new(program);
    command.env("PATH", format!("{path}:{}/target/peers/bin", env!("CARGO_MANIFEST_DIR")));
    command.env("NODE_PATH", "/usr/share/nodejs").stdin(Stdio::null());
    command
}

fn must_run() -> bool {
    env::var_os("FOVEA_ALL").is_some()
}

/// Tells it past the test harness, which keeps what passing tests print to itself.
fn skip(peer: &str, why: &str) {
    let _ = writeln!(std::io::stderr(), "skipped {peer}: {why}");
}

fn temporary(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("peers-{name}"))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

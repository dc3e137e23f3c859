//! The programs for the ESP32, compiled for this machine: `tests/peers/esp32` has what they use of a board, and
//! stand-ins for their WebSocket libraries. A reader hears what is found in their pictures.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
};

use fovea::frame::CapturedBy;

use super::{
    PICTURES, SIZE_PX, command, hear, jpegs, results, scene,
    support::{
        client::Client,
        daemon::{DOOR, Daemon, HTTP},
        eventually,
        http::get,
    },
    temporary, text, the_square_is_followed,
};

const BOARD: &str = "tests/peers/esp32";

/// A camera without stages: how fast pictures come is a matter of the machine, and what is seen to move in them, too.
const CAMERA: &str = "[[camera]]\nname = \"door\"\n";

const HEIGHT: u32 = SIZE_PX[1];

/// A message of one byte more is too large.
const MAX_MESSAGE_BYTES: usize = 65_536;

#[test]
fn arduino_links2004() {
    any_picture_is_sent(&sketch("esp32cam_links2004", "links2004"));
}

#[test]
fn arduino_gilmaimon() {
    any_picture_is_sent(&sketch("esp32cam_gilmaimon", "gilmaimon"));
}

#[test]
fn arduino_links2004_v1() {
    let program = sketch("esp32cam_links2004_v1", "links2004");
    each_picture_waits_for_the_last(&program);
    its_numbers_go_on_after_another_sender(&program);
}

#[test]
fn arduino_gilmaimon_v1() {
    let program = sketch("esp32cam_gilmaimon_v1", "gilmaimon");
    each_picture_waits_for_the_last(&program);
    its_numbers_go_on_after_another_sender(&program);
}

#[test]
fn esp_idf() {
    let program = esp_idf_camera("esp_idf_camera", &[]);
    each_picture_waits_for_the_last(&program);
    its_numbers_go_on_after_another_sender(&program);
}

#[test]
fn arduino_links2004_v1_by_tls() {
    let name = "esp32cam_links2004_v1";
    by_tls(|certificate, token| {
        let mut source = fs::read_to_string(sketch_source(name)).expect("it is an example");
        let constants = [
            ("HOST = \"192.168.1.20\"", "HOST", "localhost"),
            ("TOKEN = \"\"", "TOKEN", token),
            ("CERTIFICATE = \"\"", "CERTIFICATE", certificate),
        ];
        for (empty, constant, value) in constants {
            assert!(source.contains(empty), "there is no {empty}");
            source = source.replace(empty, &format!("{constant} = {value:?}"));
        }
        let copy = temporary("esp32cam_links2004_v1_by_tls.ino");
        fs::write(&copy, source).expect("there is room on the disk");
        sketch_of(&copy, "links2004")
    });
}

#[test]
fn esp_idf_by_tls() {
    by_tls(|certificate, token| {
        let embedded = temporary("board_pem.cpp"); // as ESP-IDF does with EMBED_TXTFILES
        let symbol = "extern \"C\" const char board_pem[] asm(\"_binary_board_pem_start\")";
        fs::write(&embedded, format!("{symbol};\n{symbol} = {certificate:?};\n")).expect("there is room on the disk");
        let uri = "-DCONFIG_CAMERA_FOVEA_URI=\"wss://localhost:8999/frames/door\"";
        let token = format!("-DCONFIG_CAMERA_FOVEA_TOKEN={token:?}");
        esp_idf_camera(
            "esp_idf_camera_by_tls",
            &["-DCONFIG_CAMERA_FOVEA_TLS", uri, &token, &text(embedded.as_os_str().as_encoded_bytes())],
        )
    });
}

/// Compiles the program for ESP-IDF, with more options or files.
fn esp_idf_camera(name: &str, more: &[&str]) -> PathBuf {
    let idf = format!("{BOARD}/esp_idf");
    let idf = idf.as_str();
    let parts = ["esp_idf.cpp", "esp_websocket_client.cpp"].map(|file| format!("{idf}/{file}"));
    // ESP-IDF does not warn of parameters that are not used.
    let options = ["-Wno-unused-parameter", "-I", idf, "-x", "c", "examples/esp_idf_camera/main/main.c", "-x", "c++"];
    compile(name, &[&options[..], &parts.each_ref().map(String::as_str), more].concat())
}

/// Compiles a sketch.
fn sketch(name: &str, library: &str) -> PathBuf {
    sketch_of(&sketch_source(name), library)
}

fn sketch_source(name: &str) -> PathBuf {
    format!("examples/{name}/{name}.ino").into()
}

/// Compiles a sketch, in the C++ of the oldest Arduino core in use.
fn sketch_of(source: &Path, library: &str) -> PathBuf {
    let name = source.file_stem().and_then(OsStr::to_str).expect("it has a name");
    let source = source.to_str().expect("it is readable");
    let [arduino, library] = ["arduino", library].map(|folder| format!("{BOARD}/{folder}"));
    let core = format!("{arduino}/arduino.cpp");
    let options = ["-std=gnu++11", "-I", &arduino, "-I", &library, "-include", "Arduino.h", "-x", "c++"];
    compile(name, &[&options[..], &[source, &core]].concat())
}

/// Compiles a program with the board, by the compiler that builds OpenCV's binding.
fn compile(name: &str, options: &[&str]) -> PathBuf {
    let program = temporary(name);
    let board = ["board.cpp", "esp_camera.cpp"].map(|file| format!("{BOARD}/{file}"));
    let mut compiler = Command::new("c++");
    compiler.args(["-pthread", "-Wall", "-Wextra", "-Werror", "-I", BOARD, "-o"]).arg(&program);
    compiler.args(options).args(board).args(["-lssl", "-lcrypto"]);
    let output = compiler.output().expect("without a C++ compiler this was not built");
    assert!(output.status.success(), "{compiler:?}: {}", text(&output.stderr));
    program
}

/// A program that has the board's own certificate and a token: encrypted, it sends as without them.
fn by_tls(program: impl FnOnce(&str, &str) -> PathBuf) {
    let [folder, other] = ["board", "other-board"].map(|name| {
        let folder = temporary(&format!("{}-{name}", thread::current().name().unwrap_or_default().replace(':', "-")));
        let _ = fs::remove_dir_all(&folder); // it may not be there
        fs::create_dir_all(&folder).expect("the target folder can be written");
        folder
    });
    let config = folder.join("fovea.toml");
    fs::write(&config, CAMERA).expect("there is room on the disk");
    let mut add = command(env!("CARGO_BIN_EXE_fovea"));
    let add = add
        .args(["token", "add", "door-cam", "--role", "send", "--role", "view", "--camera", "door", "--config"])
        .arg(&config);
    let added = add.output().expect("it was built");
    let token = text(&added.stdout).trim().to_owned();
    let tokens = folder.join("tokens");
    let config = format!("server.tokens_file = {tokens:?}\n[tls]\n{CAMERA}");
    let start = |state: &Path| {
        Daemon::start_as(&config, |mut command| {
            command.env("STATE_DIRECTORY", state);
            command
        })
    };
    let daemon = start(&folder);
    let certificate = fs::read_to_string(folder.join("tls/certificate.pem")).expect("the daemon has made it");
    let program = program(&certificate, &token);

    let mut reader = Client::connect(&daemon, &format!("/results/door?token={token}"));
    let pictures = narrowing(&program);
    run(sending(&program, &daemon, "0.25", &pictures));
    let heard = hear(&mut reader, PICTURES);
    assert_eq!(results(&heard).count(), PICTURES);
    daemon.wait_for_line("sends fovea.v1 with the token door-cam");

    // To a server with another certificate it sends nothing.
    let mut other = start(&other);
    let mut tries = command(program.to_str().expect("it is readable"));
    let tries = tries.arg(other.address().port().to_string()).arg("1").args(&pictures).spawn();
    let tries = KilledAtTheEnd(tries.expect("it was just compiled"));
    other.wait_for_line("TLS");
    drop(tries);
    let log = other.stop().log;
    assert!(!log.contains("sends"), "{log}");
}

/// A program that would not end by itself.
struct KilledAtTheEnd(Child);

impl Drop for KilledAtTheEnd {
    fn drop(&mut self) {
        self.0.kill().expect("it is our child");
        self.0.wait().expect("it is our child");
    }
}

/// A simple sketch sends pictures by the clock.
fn any_picture_is_sent(program: &Path) {
    let daemon = Daemon::start(DOOR);
    let mut reader = Client::connect(&daemon, "/results/door");
    run(sending(program, &daemon, "2", &jpegs()));
    the_square_is_followed(&hear(&mut reader, PICTURES));
}

/// Each picture is sent when the one before is taken, but for one that is too large: it is not sent.
fn each_picture_waits_for_the_last(program: &Path) {
    let daemon = Daemon::start(&format!("server.max_message_bytes = {MAX_MESSAGE_BYTES}\n{CAMERA}"));
    let mut reader = Client::connect(&daemon, "/results/door");
    let mut pictures = narrowing(program);
    let large = program.with_extension("jpg");
    let mut bytes = fs::read(&pictures[0]).expect("just written");
    bytes.resize(MAX_MESSAGE_BYTES - 40 + 1, 0);
    fs::write(&large, bytes).expect("there is room on the disk");
    pictures.insert(PICTURES / 2, large);
    run(sending(program, &daemon, "0.25", &pictures));

    let heard = hear(&mut reader, PICTURES);
    let results: Vec<_> = results(&heard).collect();
    assert_eq!(results.len(), PICTURES, "it paces itself on \"taken\", so none is superseded");
    assert!(results.iter().all(|result| result.size_px == [width(result.seq), HEIGHT]), "{results:?}");
    let stamped = results.iter().filter(|result| result.captured_by == CapturedBy::Sender).count();
    assert!(stamped > PICTURES / 2, "only {stamped} results rest on the sender's clock");
    daemon.wait_for_line(&format!("disconnects after {PICTURES} frames"));
}

/// It comes again when another sender took the camera, and its numbers are its own.
fn its_numbers_go_on_after_another_sender(program: &Path) {
    let daemon = Daemon::start(&[CAMERA, HTTP].concat());
    let mut reader = Client::connect(&daemon, "/results/door");
    let processor = daemon.stop_thread("processor");
    let child = sending(program, &daemon, "1", &narrowing(program)).stderr(Stdio::piped()).spawn();
    let child = child.expect("every Linux has `timeout`");
    eventually("its first frame waits", || get(&daemon, "/api/status").json()["cameras"][0]["waiting"] == 1);
    drop(Client::connect(&daemon, "/frames/door"));
    drop(processor);
    let output = child.wait_with_output().expect("it is our child");
    assert!(output.status.success(), "{}: {}", output.status, text(&output.stderr));

    let mut numbers = Vec::new();
    eventually("the result of the last picture comes", || {
        for message in reader.before_pong().into_iter().filter(|message| message["type"] == "result") {
            let seq = message["seq"].as_u64().expect("a number");
            assert_eq!(message["size_px"][0], width(seq), "{message}");
            numbers.push(seq);
        }
        numbers.last() == Some(&(PICTURES as u64))
    });
    assert!(numbers.is_sorted_by(|before, after| before < after), "{numbers:?}");
}

/// Pictures of which each is narrower than the one before: the size in a result says which it is of.
fn narrowing(program: &Path) -> Vec<PathBuf> {
    let folder = program.with_extension("pictures");
    fs::create_dir_all(&folder).expect("the target folder can be written");
    let write = |seq| {
        let (pixels, width, height) = (&scene(0)[..], width(seq) as usize, HEIGHT as usize);
        let pitch = SIZE_PX[0] as usize;
        let image = turbojpeg::Image { pixels, width, pitch, height, format: turbojpeg::PixelFormat::GRAY };
        let jpeg = turbojpeg::compress(image, 85, turbojpeg::Subsamp::Gray).expect("it can be compressed");
        let file = folder.join(format!("{seq:02}.jpg"));
        fs::write(&file, &jpeg).expect("there is room on the disk");
        file
    };
    (1..=PICTURES as u64).map(write).collect()
}

fn width(seq: u64) -> u32 {
    SIZE_PX[0] - u32::try_from(seq).expect("small")
}

/// The program that sends `pictures`, each once. `speed` is that of the clock by which it waits.
fn sending(program: &Path, daemon: &Daemon, speed: &str, pictures: &[PathBuf]) -> Command {
    let mut command = command("timeout");
    command.arg("600").arg(program).arg(daemon.address().port().to_string()).arg(speed).args(pictures);
    command
}

fn run(mut command: Command) {
    let output = command.output().expect("every Linux has `timeout`");
    assert!(output.status.success(), "{command:?}: {}: {}", output.status, text(&output.stderr));
}

//! The recipes of `docs/cameras.md`, as they stand there, with the real programs and a daemon that looks at the frames.
//!
//! A recipe whose program is not installed is skipped, with the package that would bring it. With `FOVEA_ALL` set
//! (`tests/run` does that) it fails.

#[expect(dead_code, reason = "it is made for tests/daemon.rs; some of it is of use here")]
mod support;

use std::{
    env, fs,
    io::Write,
    net::TcpListener,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use support::{
    client::Client,
    daemon::{DOOR, Daemon},
    eventually,
};

/// How many results show that frames come one after the other.
const RESULTS: usize = 15;

/// Words of the recipes' commands. Each recipe has all the words of one entry, and its test.
const RECIPES: [(&str, &[&str]); 7] = [
    ("a stream", &["door http://CAMERA"]),
    ("curl", &["curl"]),
    ("RTSP", &["ffmpeg", "rtsp://CAMERA"]),
    ("a film at its own speed", &["ffmpeg", "-re "]),
    ("a film at twice its speed", &["ffmpeg", "-readrate 2"]),
    ("GStreamer with JPEG", &["gst-launch-1.0", "jpegenc"]),
    ("GStreamer without JPEG", &["gst-launch-1.0", "--format i420"]),
];

#[test]
fn every_recipe_has_a_test() {
    let recipes = recipes();
    let of = |words: &[&str]| recipes.iter().filter(|recipe| words.iter().all(|word| recipe.contains(word))).count();
    assert_eq!(recipes.len(), RECIPES.len(), "{recipes:#?}");
    for (name, words) in RECIPES {
        assert_eq!(of(words), 1, "{name}");
    }
}

#[test]
fn a_stream() {
    if has(&["ffmpeg", "-version"], "ffmpeg") {
        let camera = HttpCamera::start();
        follow("a stream", &[("CAMERA", &camera.address)], [640, 480]);
    }
}

#[test]
fn a_stream_of_motion() {
    if has(&["sh", "-c", "command -v motion"], "motion") {
        let port = free_port();
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("motion");
        fs::create_dir_all(&folder).expect("it can be made");
        let config = format!(
            "netcam_url file://{}\nwidth 640\nheight 480\npicture_output off\nmovie_output off\nwebcontrol_port 0\n\
             stream_port {port}\nstream_maxrate 10\ntarget_dir {}\nlog_file {}\n",
            film().display(),
            folder.display(),
            folder.join("log").display(),
        );
        let file = folder.join("motion.conf");
        fs::write(&file, config).expect("it can be written");
        let _motion = Running::start(Command::new("motion").args(["-n", "-c"]).arg(&file));
        wait_for_port(port);
        follow("a stream", &[("CAMERA/stream", &format!("127.0.0.1:{port}/"))], [640, 480]);
    }
}

#[test]
fn curl() {
    if has(&["ffmpeg", "-version"], "ffmpeg") && has(&["curl", "--version"], "curl") {
        let camera = HttpCamera::start();
        follow("curl", &[("CAMERA", &camera.address)], [640, 480]);
    }
}

#[test]
fn rtsp() {
    const NEEDS: [&str; 3] = [
        "/usr/bin/python3",
        "-c",
        "import gi; gi.require_version('GstRtspServer', '1.0'); gi.require_version('Gst', '1.0')",
    ];
    let packages = "gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-ugly gstreamer1.0-plugins-good";
    if has(&["ffmpeg", "-version"], "ffmpeg") && has(&NEEDS, packages) && has_element("x264enc", packages) {
        let port = free_port();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recipes/rtsp_camera.py");
        let _camera = Running::start(Command::new("/usr/bin/python3").arg(script).arg(port.to_string()));
        wait_for_port(port);
        follow("RTSP", &[("CAMERA", &format!("127.0.0.1:{port}"))], [640, 480]);
    }
}

#[test]
fn films() {
    if has(&["ffmpeg", "-version"], "ffmpeg") {
        // Again and again: a slow machine looks at few frames before the end.
        let film = format!("-stream_loop -1 -i {}", film().display());
        let film = [("-i walk.avi", &*film)];
        follow("a film at its own speed", &film, [640, 480]);
        follow("a film at twice its speed", &film, [640, 480]);
    }
}

#[test]
fn gstreamer() {
    let packages = "gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good";
    if has_element("jpegenc", packages) && has_element("videotestsrc", packages) {
        follow("GStreamer with JPEG", &[], [640, 480]);
        follow("GStreamer without JPEG", &[], [640, 480]);
    }
}

/// Runs a recipe until enough results are there, each of a newer frame.
fn follow(name: &str, replace: &[(&str, &str)], size_px: [u32; 2]) {
    let (_, words) = RECIPES.iter().find(|(has, _)| *has == name).expect("it is in the list");
    let recipe = recipes().into_iter().find(|recipe| words.iter().all(|word| recipe.contains(word)));
    let mut recipe = recipe.unwrap_or_else(|| panic!("{name} is not in docs/cameras.md"));
    let daemon = Daemon::start(DOOR);
    let mut reader = Client::connect(&daemon, "/results");
    recipe = recipe.replace("BOARD", &daemon.address().to_string());
    for (word, by) in replace {
        recipe = recipe.replace(word, by);
    }
    let program = Path::new(env!("CARGO_BIN_EXE_fovea"));
    let path = format!("{}:{}", program.parent().expect("a folder").display(), env::var("PATH").unwrap_or_default());
    let _running = Running::start(Command::new("sh").args(["-c", &recipe]).env("PATH", path));
    // The first frames may come before the sender was asked for its clock.
    while reader.next_of("result")["captured_by"] != "sender" {}
    let mut last = String::new();
    for _ in 0..RESULTS {
        let result = reader.next_of("result");
        assert_eq!((&result["size_px"], &result["captured_by"]), (&size_px[..].into(), &"sender".into()), "{recipe}");
        let captured_at = result["captured_at"].as_str().expect("a time").to_owned();
        assert!(captured_at > last, "{recipe}: {captured_at} after {last}");
        last = captured_at;
    }
}

/// The commands in the section of the recipes that can run here.
fn recipes() -> Vec<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cameras.md");
    let text = fs::read_to_string(file).expect("it is there");
    let section = text.split("\n## ").find(|section| section.starts_with("Recipes\n")).expect("it has the section");
    section.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next()).map(str::to_owned).collect()
}

/// A program, or several, that end with the test.
struct Running(Child);

impl Running {
    fn start(command: &mut Command) -> Self {
        let child = command.process_group(0).stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        Self(child.expect("it was found before"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let group = Pid::from_raw(self.0.id().try_into().expect("a pid"));
        let _ = killpg(group, Signal::SIGKILL); // it may have ended
        let _ = self.0.wait();
    }
}

/// A camera with HTTP: ffmpeg, which serves one client.
struct HttpCamera {
    address: String,
    _running: Running,
}

impl HttpCamera {
    fn start() -> Self {
        let port = free_port();
        let address = format!("127.0.0.1:{port}");
        let mut command = Command::new("ffmpeg");
        command.args(["-v", "error", "-re", "-stream_loop", "-1", "-i"]).arg(film());
        command.args(["-f", "mpjpeg", "-q:v", "3", "-listen", "1", &format!("http://{address}/stream")]);
        let running = Running::start(&mut command);
        wait_for_port(port);
        Self { address, _running: running }
    }
}

/// What the cameras see.
fn film() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/vtest.avi")
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("free ports").port()
}

/// Waits until somebody listens, without connecting: there may be place for one client only.
fn wait_for_port(port: u16) {
    let listens = format!(":{port:04X} 00000000:0000 0A");
    eventually("a camera listens", || fs::read_to_string("/proc/net/tcp").expect("Linux").contains(&listens));
}

/// Whether a program runs. If it does not, the recipe is skipped, unless all must run.
fn has(command: &[&str], package: &str) -> bool {
    let ran = Command::new(command[0]).args(&command[1..]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let has = ran.is_ok_and(|status| status.success());
    if !has {
        let name = thread::current().name().unwrap_or_default().to_owned();
        let why = format!("`{}` fails; install {package}", command.join(" "));
        assert!(env::var_os("FOVEA_ALL").is_none(), "{name}: {why}");
        // Past the test harness, which keeps what passing tests print to itself.
        let _ = writeln!(std::io::stderr(), "skipped {name}: {why}");
    }
    has
}

fn has_element(name: &str, packages: &str) -> bool {
    has(&["gst-inspect-1.0", name], packages)
}

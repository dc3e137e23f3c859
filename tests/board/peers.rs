//! What fovea costs beside programs that do the same, on the same camera: measurements, with `--full` only.
//!
//! Each pair is measured by turns. A turn is the processor time of the whole process, by a frame, while nobody looks or one
//! does. The least, the median and the most of the turns are printed.

use std::{fs, path::Path, process::Command, time::Duration};

use serde_json::Value;

use super::{
    cameras::{configure, count, get_from, is_live, plug_in, status, wait_for},
    machine::Board,
    mjpeg::film,
    webcam::Webcam,
    webcam_descriptors::{DEVICE, SIZE},
};
use crate::support::boards::brief_leaves_out;

/// How often each program has its turn, and for how long.
const TURNS: usize = 3;
const TURN_S: u64 = 10;

/// A program has settled after this time: it has learned the background, and opened the camera.
const SETTLING_S: u64 = 3;

/// How long a turn may take on a slow machine.
const TURN_LIMIT: Duration = Duration::from_secs(240);

/// All send so many frames a second.
const RATE_HZ: u32 = 10;

/// The camera.
enum Camera {
    /// The kernel's virtual one, 640x360, YUYV: its bars, and what it writes and moves on them.
    Bars,
    /// A webcam of 640x480, MJPEG: a film of walking people.
    People(Webcam),
}

/// A program with one camera.
#[derive(Clone, Copy, Debug)]
enum Program {
    /// It fetches frames, and stages look at them if there are any.
    Fovea { stages: &'static str },
    /// It fetches frames, and encodes those that are no JPEG.
    Ustreamer,
    /// It fetches frames, decodes them, and looks for motion. It writes nothing.
    Motion,
}

impl Camera {
    fn plug_in(board: &mut Board, is_webcam: bool) -> Self {
        if !is_webcam {
            plug_in(board, "");
            return Self::Bars;
        }
        board.run("systemctl stop fovea; modprobe --remove vivid");
        let webcam = Webcam::plug_in(board, film());
        board.wait_until("test -e /dev/video0");
        Self::People(webcam)
    }

    fn size(&self) -> (u16, u16) {
        match self {
            Self::Bars => (640, 360),
            Self::People(_) => SIZE,
        }
    }
}

impl Program {
    /// Starts it, and returns the name of its service.
    fn start(self, board: &mut Board, camera: &Camera) -> &'static str {
        let (width, height) = camera.size();
        match self {
            Self::Fovea { stages } => {
                let (device, format) = match camera {
                    Camera::Bars => ("/dev/video0", "yuyv"),
                    Camera::People(_) => (DEVICE, "mjpeg"),
                };
                let v4l2 = format!(
                    "device = \"{device}\"\nformat = \"{format}\"\nwidth_px = {width}\nheight_px = {height}\nrate_hz = {RATE_HZ}\n"
                );
                configure(board, &format!("[[camera]]\nname = \"peer\"\n{stages}[camera.v4l2]\n{v4l2}"));
                wait_for(board, "peer", "it is live", is_live);
                "fovea"
            }
            Self::Ustreamer => {
                let format = match camera {
                    Camera::Bars => "--format YUYV --encoder CPU",
                    Camera::People(_) => "--format MJPEG --encoder HW", // HW: as the camera has encoded them
                };
                self.run(
                    board,
                    &format!(
                        "ustreamer --device /dev/video0 {format} --resolution {width}x{height} --desired-fps {RATE_HZ} \
                         --port 8081 --host 127.0.0.1 --log-level 1"
                    ),
                );
                board.wait_until("(exec 4<>/dev/tcp/127.0.0.1/8081) 2>/dev/null");
                "peer"
            }
            Self::Motion => {
                board.write(
                    "/run/motion.conf",
                    &format!(
                        "daemon off\nvideo_device /dev/video0\nwidth {width}\nheight {height}\nframerate {RATE_HZ}\n\
                         picture_output off\nmovie_output off\nstream_port 0\nwebcontrol_port 0\nlog_level 5\n"
                    ),
                );
                self.run(board, "env LD_LIBRARY_PATH=/packages/motion /packages/motion/motion -c /run/motion.conf");
                board.wait_until(
                    "ls -l /proc/$(systemctl show --property MainPID --value peer)/fd | grep --quiet /dev/video0",
                );
                "peer"
            }
        }
    }

    fn run(self, board: &mut Board, command: &str) {
        board.ask(&format!("systemctl stop fovea; systemd-run --quiet --unit peer --collect {command}"));
    }

    /// Where a viewer finds its stream.
    fn stream(self) -> (u16, &'static str) {
        match self {
            Self::Fovea { .. } => (8080, "/cameras/peer/live.mjpg"),
            Self::Ustreamer => (8081, "/stream"),
            Self::Motion => unreachable!("its stream is off"),
        }
    }

    /// How many frames it has seen since it was started, or in this much time.
    fn frames(self, board: &mut Board, camera: &Camera) -> Option<u64> {
        match (camera, self) {
            (Camera::People(webcam), _) => Some(webcam.sent()),
            (Camera::Bars, Self::Fovea { .. }) => Some(count(&status(board, "peer"), "/received")),
            (Camera::Bars, _) => None, // it was seen to keep up
        }
    }

    /// One turn: milliseconds of processor time by a frame.
    fn turn(self, board: &mut Board, camera: &Camera, has_viewer: bool) -> f64 {
        let service = self.start(board, camera);
        if has_viewer {
            let (port, path) = self.stream();
            board.ask(&format!(
                "systemd-run --quiet --unit viewer --collect bash -c \
                 'exec 4<>/dev/tcp/127.0.0.1/{port}; printf \"GET {path} HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n\" >&4; \
                  exec cat <&4 >/dev/null'"
            ));
        }
        // By the board's clock, which may be slower than this machine's.
        board.ask(&format!("sleep {SETTLING_S}"));
        let before = (used_us(board, service), self.frames(board, camera));
        board.ask(&format!("sleep {TURN_S}"));
        let after = (used_us(board, service), self.frames(board, camera));
        if has_viewer {
            board.ask("systemctl is-active viewer && systemctl stop viewer");
        }
        let frames = match (before.1, after.1) {
            (Some(before), Some(after)) => after - before,
            _ => self.rate(board) * TURN_S,
        };
        board.ask("systemctl stop fovea; systemctl stop peer 2>/dev/null; true");
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let cost = 1e-3 * (after.0 - before.0) as f64 / frames as f64;
        cost
    }

    /// Frames a second, as it says itself.
    fn rate(self, board: &mut Board) -> u64 {
        if let Self::Ustreamer = self {
            let state: Value = serde_json::from_slice(&get_from(board, 8081, "/state")).expect("it is JSON");
            return count(&state, "/result/source/captured_fps");
        }
        RATE_HZ.into()
    }
}

/// The processor time that a service has used, in microseconds.
fn used_us(board: &mut Board, service: &str) -> u64 {
    let text = board.ask(&format!(
        "group=$(systemctl show --property ControlGroup --value {service})
         sed -n 's/^usage_usec //p' /sys/fs/cgroup$group/cpu.stat"
    ));
    text.parse().expect("a number")
}

/// Measures both by turns, and says what came of it.
fn compare(board: &mut Board, camera: &Camera, what: &str, [ours, theirs]: [Program; 2], has_viewer: bool) {
    board.allow(2 * u32::try_from(TURNS).expect("few") * TURN_LIMIT);
    let turns: Vec<_> = (0..TURNS)
        .map(|_| [ours, theirs].map(|program| program.turn(board, camera, has_viewer)))
        .map(|[ours, theirs]| [ours, theirs, ours / theirs])
        .collect();
    let of = |column: usize| {
        let mut values: Vec<f64> = turns.iter().map(|turn| turn[column]).collect();
        values.sort_by(f64::total_cmp);
        format!("{:.3} ({:.3} to {:.3})", values[TURNS / 2], values[0], values[TURNS - 1])
    };
    board.note(&format!("\n{what}: {} ms a frame, beside {} ms, ratio {}", of(0), of(1), of(2)));
}

const CAPTURE: Program = Program::Fovea { stages: "" };
const DETECTION: Program = Program::Fovea { stages: "[camera.motion]\n" };

pub(crate) fn capture_costs_no_more_than_ustreamer(board: &mut Board) {
    if brief_leaves_out("what capture costs beside ustreamer, which is a measurement") {
        return;
    }
    let camera = Camera::plug_in(board, false);
    compare(board, &camera, "YUYV, nobody looks", [CAPTURE, Program::Ustreamer], false);
    let camera = Camera::plug_in(board, true);
    compare(board, &camera, "MJPEG, nobody looks", [CAPTURE, Program::Ustreamer], false);
    compare(board, &camera, "MJPEG, one viewer", [CAPTURE, Program::Ustreamer], true);
}

pub(crate) fn detection_costs_a_part_of_what_motion_takes(board: &mut Board) {
    if brief_leaves_out("what detection costs beside motion, which is a measurement") {
        return;
    }
    let made = Command::new("tests/board/motion").output().expect("it can be run");
    assert!(made.status.success(), "tests/board/motion\n{}", String::from_utf8_lossy(&made.stderr));
    let from = String::from_utf8(made.stdout).expect("a path");
    let to = board.packages().join("motion");
    fs::create_dir_all(&to).expect("the target folder can be written");
    for file in fs::read_dir(Path::new(from.trim())).expect("it was made").flatten() {
        fs::copy(file.path(), to.join(file.file_name())).expect("there is room");
    }
    for (what, is_webcam) in [("YUYV with detection", false), ("MJPEG with detection", true)] {
        let camera = Camera::plug_in(board, is_webcam);
        compare(board, &camera, what, [DETECTION, Program::Motion], false);
    }
    fs::remove_dir_all(&to).expect("it was just made");
}

//! Cameras that are plugged into the board: the kernel's virtual ones, `vivid`, which show colour bars.

use std::{
    env, thread,
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;
use turbojpeg::{Decompressor, Image, PixelFormat};

use super::machine::{ANSWERS, Board, CONFIG_FILE, PROCESS};
use crate::support::{boards::brief_leaves_out, client::Client};

/// The bars of vivid's first test pattern, from left to right: red, green, blue at three quarters, as it reckons them.
const BARS: [[i32; 3]; 8] =
    [[191, 191, 191], [191, 191, 0], [0, 191, 191], [0, 191, 0], [191, 0, 191], [191, 0, 0], [0, 0, 191], [0, 0, 0]];

/// How far a channel may be off: colours are shared between pixels, reckoned in limited range, and made a JPEG of.
const TOLERANCE: i32 = 24;

/// How often it is unplugged in each of two ways, unless the environment says so, and how often if that will do.
const TIMES: u32 = 20;
const BRIEF_TIMES: u32 = 3;

/// How long one time may take on a slow machine.
const UNPLUG_LIMIT: Duration = Duration::from_secs(30);

/// Loads the virtual cameras anew: `parameters` are the module's.
pub(super) fn plug_in(board: &mut Board, parameters: &str) {
    board.run("systemctl stop fovea");
    board.run("modprobe --remove vivid");
    let parameters =
        if parameters.contains("node_types") { parameters.to_owned() } else { format!("node_types=1 {parameters}") };
    board.ask(&format!("modprobe vivid {parameters} && udevadm settle"));
}

/// The nodes of the virtual cameras.
pub(super) fn nodes(board: &mut Board) -> Vec<String> {
    let names = board.ask("grep --files-with-matches vivid- /sys/class/video4linux/video*/name | cut -d / -f 5");
    names.lines().map(|name| format!("/dev/{name}")).collect()
}

/// A camera's part of the configuration.
fn camera(name: &str, device: &str, more: &str) -> String {
    format!("[[camera]]\nname = \"{name}\"\n[camera.motion]\n[camera.v4l2]\ndevice = \"{device}\"\n{more}\n")
}

const BY_PATH: &str = "/dev/v4l/by-path/platform-vivid.0-video-index0";

const SMALL: &str = "width_px = 640\nheight_px = 360\nrate_hz = 10\n";

/// Has fovea run with these cameras.
pub(super) fn configure(board: &mut Board, cameras: &str) {
    if !board.holds("test -x /usr/bin/fovea") {
        board.install();
    }
    let head = "[server]\nlisten = \"0.0.0.0:8999\"\nallow_anonymous = true\n[http]\n";
    board.write(CONFIG_FILE, &format!("{head}{cameras}"));
    board.ask("systemctl restart fovea");
    board.wait_until(ANSWERS);
}

/// What fovea answers at its HTTP port.
pub(super) fn bytes_of(board: &mut Board, path: &str) -> Vec<u8> {
    get_from(board, 8080, path)
}

pub(super) fn get_from(board: &mut Board, port: u16, path: &str) -> Vec<u8> {
    let text = board.ask(&format!(
        "exec 4<>/dev/tcp/127.0.0.1/{port}
         printf '%s\\r\\n' 'GET {path} HTTP/1.1' 'Host: localhost' 'Connection: close' '' >&4
         base64 --wrap=0 <&4"
    ));
    let answer = STANDARD.decode(text).expect("base64 says it");
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("an answer has a head");
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    assert!(head.starts_with("HTTP/1.") && head[8..].starts_with(" 200 "), "{path}: {head}");
    answer[end + 4..].to_vec()
}

/// A camera's numbers.
pub(super) fn status(board: &mut Board, name: &str) -> Value {
    let status: Value = serde_json::from_slice(&bytes_of(board, "/api/status")).expect("it is JSON");
    let cameras = status["cameras"].as_array().expect("a list");
    cameras.iter().find(|camera| camera["camera"] == name).expect("it is configured").clone()
}

pub(super) fn count(status: &Value, path: &str) -> u64 {
    status.pointer(path).and_then(Value::as_u64).unwrap_or(0)
}

/// Waits until a camera's numbers are as wanted.
pub(super) fn wait_for(board: &mut Board, name: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let until = Instant::now() + Duration::from_secs(180);
    loop {
        let status = status(board, name);
        if is_so(&status) {
            return status;
        }
        assert!(Instant::now() < until, "{name}: {what}: not so in {status}");
        thread::sleep(Duration::from_millis(300));
    }
}

pub(super) fn is_live(status: &Value) -> bool {
    status["state"] == "live"
}

/// The mean colours of the eight bars in a camera's picture, as red, green, blue.
fn bars(board: &mut Board, name: &str) -> Vec<[i32; 3]> {
    let jpeg = bytes_of(board, &format!("/cameras/{name}/snapshot.jpg"));
    let mut decoder = Decompressor::new().expect("there is memory");
    let head = decoder.read_header(&jpeg).expect("a JPEG");
    let (width, height) = (head.width, head.height);
    let mut pixels = vec![0; 3 * width * height];
    let image = Image { pixels: &mut pixels[..], width, pitch: 3 * width, height, format: PixelFormat::RGB };
    decoder.decompress(&jpeg, image).expect("a whole JPEG");
    // Between vivid's text above and its moving things below, in the middle of each bar.
    let (top, bottom) = (height * 55 / 100, height * 70 / 100);
    let mean = |bar: usize| {
        let (left, right) = ((4 * bar + 1) * width / 32, (4 * bar + 3) * width / 32);
        std::array::from_fn(|channel| {
            let rows = (top..bottom).flat_map(|y| (left..right).map(move |x| 3 * (y * width + x)));
            let values: Vec<i32> = rows.map(|at| i32::from(pixels[at + channel])).collect();
            values.iter().sum::<i32>() / i32::try_from(values.len()).expect("few")
        })
    };
    (0..8).map(mean).collect()
}

/// Fails unless a camera shows the bars; of GREY, their luma.
fn assert_bars(board: &mut Board, name: &str, is_grey: bool) {
    for (bar, found) in bars(board, name).into_iter().enumerate() {
        let [red, green, blue] = BARS[bar];
        let luma = (299 * red + 587 * green + 114 * blue) / 1000;
        let expected = if is_grey { [luma; 3] } else { BARS[bar] };
        for channel in 0..3 {
            let off = (found[channel] - expected[channel]).abs();
            assert!(off <= TOLERANCE, "{name}: bar {bar} is {found:?} where {expected:?} is shown");
        }
    }
}

pub(crate) fn every_format_shows_the_bars(board: &mut Board) {
    let is_brief = brief_leaves_out("formats of a camera that others share the code with");
    let [packed, by_planes]: [&[&str]; 2] = if is_brief {
        [&["auto", "nv12", "rgb24"], &["nv12m", "grey"]]
    } else {
        [&["auto", "yuyv", "nv12", "grey", "bgr24", "rgb24"], &["yuyv", "nv12", "nv12m", "grey"]]
    };
    for (parameters, formats) in [("", packed), ("multiplanar=2", by_planes)] {
        plug_in(board, parameters);
        for format in formats {
            configure(board, &camera("bars", BY_PATH, &format!("{SMALL}format = \"{format}\"\n")));
            let status = wait_for(board, "bars", "it is live", is_live);
            assert_bars(board, "bars", *format == "grey");
            assert_eq!(status["refused"], serde_json::json!({}), "{format}");
            let (received, copied) = (count(&status, "/received"), count(&status, "/driver/copied"));
            if *format == "nv12m" {
                assert!(copied + 1 >= received, "{format}: its planes are put together: {status}");
            } else {
                assert!(2 * copied < received, "{format}: most frames are lent: {status}");
            }
        }
        board.note(&format!("{} formats{}", formats.len(), if parameters.is_empty() { "" } else { " by planes" }));
    }
}

pub(crate) fn two_at_once_and_one_is_unplugged(board: &mut Board) {
    plug_in(board, "n_devs=2 node_types=1,1");
    let nodes = nodes(board);
    let small = SMALL.replace("rate_hz = 10", "rate_hz = 5");
    let cameras: Vec<_> = ["left", "right"].iter().zip(&nodes).map(|(name, node)| camera(name, node, &small)).collect();
    configure(board, &cameras.concat());
    for name in ["left", "right"] {
        wait_for(board, name, "it is live", is_live);
        assert_bars(board, name, false);
    }
    let before = status(board, "right");
    board.ask(&format!("v4l2-ctl --device {} --set-ctrl disconnect=1", nodes[0]));
    wait_for(board, "left", "it is back", |status| count(status, "/connections") == 2 && is_live(status));
    let after = status(board, "right");
    assert_eq!(after["connections"], 1, "the other was not touched");
    assert!(count(&after, "/taken") > count(&before, "/taken"), "and went on");
}

pub(crate) fn controls_are_set_read_back_and_set_anew(board: &mut Board) {
    plug_in(board, "");
    let controls = |brightness: u32| {
        let text = format!(
            "[camera.v4l2.controls]\nbrightness = {brightness}\nvertical_flip = true\ntest_pattern = \"75% Colorbar\"\n"
        );
        camera("bars", BY_PATH, &format!("{SMALL}{text}contrsat = 3\nhue = 500\n"))
    };
    configure(board, &controls(99));
    wait_for(board, "bars", "it is live", is_live);
    let set = "v4l2-ctl --device /dev/video0 --get-ctrl brightness,vertical_flip";
    assert_eq!(board.ask(set), "brightness: 99\nvertical_flip: 1");
    let log = board.ask("journalctl --unit fovea --boot --output cat");
    for line in [
        "bars: it has no control contrsat; did you mean contrast?",
        "bars: hue = 500 cannot be set; it accepts -128 to 128, default 0",
    ] {
        assert!(log.contains(line), "there is no line {line:?} in\n{log}");
    }
    // While frames go on.
    let file = board.ask(&format!("cat {CONFIG_FILE}"));
    board.write(CONFIG_FILE, &format!("{}\n", file.replace("brightness = 99", "brightness = 42")));
    board.ask("systemctl kill --signal HUP --kill-whom main fovea");
    board.wait_until(&format!("[[ $({set}) == 'brightness: 42'* ]]"));
    // Switching motion off and on does not concern the device. The new brightness shows that the reload has been applied.
    for (motion, brightness) in [(false, 41), (true, 40)] {
        let file = file.replace("brightness = 99", &format!("brightness = {brightness}"));
        let file = if motion { file } else { file.replace("[camera.motion]\n", "") };
        let frames = count(&status(board, "bars"), "/taken");
        board.write(CONFIG_FILE, &format!("{file}\n"));
        board.ask("systemctl kill --signal HUP --kill-whom main fovea");
        board.wait_until(&format!("[[ $({set}) == 'brightness: {brightness}'* ]]"));
        wait_for(board, "bars", "frames go on", |status| count(status, "/taken") > frames + 10);
    }
    let status = status(board, "bars");
    assert_eq!((&status["connections"], &status["driver"]["errors"]), (&1.into(), &0.into()), "it was not closed");
    let opened = board.ask(
        "run=$(systemctl show --property InvocationID --value fovea)
         journalctl --output cat _SYSTEMD_INVOCATION_ID=$run | grep --count 'bars: /dev/.* is a vivid'",
    );
    assert_eq!(opened, "1", "it was opened once");
}

/// What the process has: descriptors, kilobytes of memory.
pub(super) fn holds(board: &mut Board) -> (u64, u64) {
    let text = board.ask(&format!(
        "pid=$({PROCESS})
         ls /proc/$pid/fd | wc --lines
         sed -n 's/^VmRSS:[^0-9]*\\([0-9]*\\) kB$/\\1/p' /proc/$pid/status"
    ));
    let numbers: Vec<u64> = text.lines().map(|line| line.parse().expect("a number")).collect();
    (numbers[0], numbers[1])
}

/// Microseconds since 1970 by the board's clock, as a command prints them.
fn micros(board: &mut Board, command: &str) -> i64 {
    let text = board.ask(command);
    text.lines().last().and_then(|line| line.replace('.', "").parse().ok()).unwrap_or_else(|| panic!("{text}"))
}

/// Waits for the first frame captured after a moment of the board's clock; says how long after it its result left.
fn first_result_after(reader: &mut Client, moment: i64) -> Duration {
    loop {
        let result = reader.next_of("result");
        assert_eq!(result["captured_by"], "driver");
        let captured: jiff::Timestamp = result["captured_at"].as_str().and_then(|at| at.parse().ok()).expect("a time");
        let after = captured.as_microsecond() - moment;
        if after > 0 {
            let age = Duration::from_secs_f64(result["age_ms"]["result"].as_f64().expect("a number") / 1e3);
            return Duration::from_micros(after.unsigned_abs()) + age;
        }
    }
}

pub(crate) fn unplugged_again_and_again_it_is_back_each_time(board: &mut Board) {
    const NOW: &str = "echo $EPOCHREALTIME";
    plug_in(board, "");
    configure(board, &camera("bars", BY_PATH, SMALL));
    wait_for(board, "bars", "it is live", is_live);
    let mut reader = Client::connect_v1_to(board.address(), "/results/bars");
    reader.next_of("result");
    let (mut disconnected, mut reloaded) = (Vec::new(), Vec::new());
    let mut before = holds(board);
    let times = match env::var("FOVEA_UNPLUGS") {
        Ok(text) => text.parse().unwrap_or_else(|error| panic!("FOVEA_UNPLUGS={text}: {error}")),
        Err(_) if brief_leaves_out("17 of 20 times that a camera is unplugged") => BRIEF_TIMES,
        Err(_) => TIMES,
    };
    board.allow(2 * times * UNPLUG_LIMIT);
    for round in 0..2 * times {
        let (command, times) = if round % 2 == 0 {
            // Vivid's own likeness of it: the node stays, and works again once everybody has closed it.
            (format!("v4l2-ctl --device {BY_PATH} --set-ctrl disconnect=1; {NOW}"), &mut disconnected)
        } else {
            // The driver lets go of a device that is in use, is unloaded, which waits until nobody holds anything of it, and
            // comes again: the node's own time is that of its return.
            let unplug = "echo vivid.0 >/sys/bus/platform/drivers/vivid/unbind
                          until modprobe --remove vivid; do sleep 0.1; done
                          modprobe vivid node_types=1; stat --format=%.6Y /dev/video0";
            (unplug.to_owned(), &mut reloaded)
        };
        let moment = micros(board, &command);
        times.push(first_result_after(&mut reader, moment));
        if round == 1 {
            before = holds(board); // what is kept for good is there from the first time on
        }
    }
    wait_for(board, "bars", "it is live", is_live);
    let after = holds(board);
    assert_eq!(after.0, before.0, "descriptors");
    assert!(after.1 < before.1 + 4096, "memory grew from {} to {} kB", before.1, after.1);
    let longest = |times: &[Duration]| times.iter().max().map_or(0.0, Duration::as_secs_f64);
    for (how, times) in [("disconnected", disconnected), ("reloaded", reloaded)] {
        let quick = times.iter().filter(|took| **took < Duration::from_secs(2)).count();
        let text =
            format!("{how}: {quick} of {} back within 2 s, the slowest after {:.2} s", times.len(), longest(&times));
        board.note(&text);
    }
    board.note(&format!("{} descriptors, {} kB before and {} kB after", after.0, before.1, after.1));
}

pub(crate) fn it_waits_for_a_camera_and_finds_it_under_another_number(board: &mut Board) {
    board.run("systemctl stop fovea; modprobe --remove vivid");
    configure(board, &camera("bars", BY_PATH, SMALL));
    let status = wait_for(board, "bars", "it is missed", |status| status["state"] == "lost");
    assert_eq!(status["connections"], 0);
    board.ask("modprobe vivid node_types=1 vid_cap_nr=7");
    wait_for(board, "bars", "it is live", is_live);
    board.ask("echo vivid.0 >/sys/bus/platform/drivers/vivid/unbind && sleep 1 && modprobe --remove vivid");
    wait_for(board, "bars", "it is lost", |status| status["state"] == "lost");
    board.ask("modprobe vivid node_types=1 vid_cap_nr=9");
    wait_for(board, "bars", "it is live", |status| is_live(status) && status["connections"] == 2);
    let told = board.ask(
        "run=$(systemctl show --property InvocationID --value fovea)
         journalctl --output cat _SYSTEMD_INVOCATION_ID=$run | grep --count 'bars: lost:'",
    );
    assert_eq!(told, "2", "each loss is told once");
}

pub(crate) fn injected_faults_are_counted_and_survived(board: &mut Board) {
    plug_in(board, "");
    configure(board, &camera("bars", BY_PATH, SMALL));
    wait_for(board, "bars", "it is live", is_live);
    let inject = |board: &mut Board, control: &str| {
        board.ask(&format!("v4l2-ctl --device /dev/video0 --set-ctrl {control}"));
    };
    inject(board, "inject_v4l2_buf_flag_error=1");
    wait_for(board, "bars", "a broken frame is refused", |status| count(status, "/refused/broken") == 1);

    let errors = count(&status(board, "bars"), "/driver/errors");
    inject(board, "inject_vidioc_qbuf_error=1");
    wait_for(board, "bars", "a buffer was not taken", |status| count(status, "/driver/errors") == errors + 1);
    assert_eq!(status(board, "bars")["connections"], 1, "that is no loss");

    inject(board, "percentage_of_dropped_buffers=50");
    let dropped = count(&status(board, "bars"), "/driver/dropped");
    wait_for(board, "bars", "frames are dropped", |status| count(status, "/driver/dropped") > dropped + 5);
    inject(board, "percentage_of_dropped_buffers=0");

    for (fault, connections) in [("inject_vidioc_reqbufs_error=1", 2), ("inject_vidioc_streamon_error=1", 3)] {
        inject(board, fault);
        inject(board, "disconnect=1");
        wait_for(board, "bars", fault, |status| count(status, "/connections") == connections && is_live(status));
    }
    inject(board, "inject_fatal_streaming_error=1");
    wait_for(board, "bars", "it is back", |status| count(status, "/connections") == 4 && is_live(status));
    inject(board, "percentage_of_dropped_buffers=100"); // a camera that sends nothing more
    wait_for(board, "bars", "it stalls", |status| {
        status["last_error"]["what"].as_str().is_some_and(|what| what.contains("has sent no frame for"))
    });
    inject(board, "percentage_of_dropped_buffers=0");
    wait_for(board, "bars", "it is back", |status| count(status, "/connections") >= 5 && is_live(status));
    assert_bars(board, "bars", false);
    let driver = status(board, "bars")["driver"].to_string();
    board.note(&driver);
}

/// How long ustreamer is followed between two restarts of it.
const FOLLOWED: Duration = Duration::from_secs(150);

/// Restarts of ustreamer meanwhile.
const RESTARTS: usize = 3;

/// The camera's node belongs to ustreamer here, and its frames come over HTTP.
pub(crate) fn ustreamer_is_followed_through_its_restarts(board: &mut Board) {
    // One restart of it is in the scenario of sources.
    if brief_leaves_out("ten minutes of ustreamer with three restarts of it") {
        return;
    }
    plug_in(board, "");
    configure(board, "[[camera]]\nname = \"bridge\"\n[camera.motion]\n");
    board.ask(
        "systemd-run --quiet --unit ustreamer --collect ustreamer --device /dev/video0 --resolution 640x360 --format YUYV \
         --desired-fps 10 --port 8081 --host 127.0.0.1 --log-level 1",
    );
    board.ask(
        "systemd-run --quiet --unit bridge --collect fovea send ws://127.0.0.1:8999/frames/bridge \
         http://127.0.0.1:8081/stream",
    );
    for restarts in 0..=RESTARTS {
        if restarts > 0 {
            board.ask("systemctl restart ustreamer");
        }
        let before = count(&status(board, "bridge"), "/received");
        wait_for(board, "bridge", "frames come", |status| count(status, "/received") > before + 5 && is_live(status));
        thread::sleep(FOLLOWED);
    }
    let [white, .., black] = bars(board, "bridge")[..] else { panic!("eight bars") };
    assert!(white[1] > black[1] + 100, "{white:?} and {black:?}");
    let ages = status(board, "bridge")["age_ms"].to_string();
    let said = board.ask("journalctl --unit bridge --output cat --no-pager");
    assert!(said.matches("pictures arrive again after ").count() >= RESTARTS, "{said}");
    board.note(&format!("ages of results {ages}; {}", said.replace('\n', "; ")));
    board.ask("systemctl stop bridge ustreamer");
}

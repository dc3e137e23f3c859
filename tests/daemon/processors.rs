//! Several processors: each has its thread, its core, its slot, and results of its own.

use std::{fs, process::Command};

use serde_json::Value;

use crate::support::{
    client::{Client, GREY, V1},
    daemon::{Daemon, HTTP, Stopped, own_cores},
    eventually,
    http::get,
    pictures::Picture,
    scene::Scene,
    systemd::Notified,
};

/// The end of a reload.
const HOLDS: &str = "the new configuration is in use";

/// A second processor, without a core of its own on a machine with two.
const SLOW: &str = "[[processor]]\nname = \"slow\"\n";

/// Motion on `main`, tamper on the second processor.
const SPLIT: &str =
    "[[camera]]\nname = \"door\"\n[camera.motion]\nhold_ms = 0\n[camera.tamper]\nprocessor = \"slow\"\n";

/// A frame with a speck that is somewhere else in each.
fn frame(seq: u64) -> Vec<u8> {
    let picture = Picture::scene(64, 48).with([u32::try_from(seq % 50).expect("small"), 3, 1, 1]);
    V1 { format: GREY, size: (64, 48), seq, picture: &picture.pixels, ..V1::default() }.message()
}

/// The next result of this processor; the first one's results name none.
fn result_of(reader: &mut Client, processor: Option<&str>) -> Value {
    loop {
        let result = reader.next_of("result");
        if result.get("processor").and_then(Value::as_str) == processor {
            return result;
        }
    }
}

/// Stops a processor's thread while it waits for a frame: elsewhere it may hold a lock that others need.
fn stop_idle(daemon: &Daemon, thread: &str) -> Stopped {
    eventually("it waits for a frame", || {
        let task = daemon.tasks().into_iter().find(|task| task.name == thread);
        let status = task.and_then(|task| fs::read_to_string(format!("/proc/{}/status", task.id)).ok());
        status.is_some_and(|status| status.contains("State:\tS"))
    });
    daemon.stop_thread(thread)
}

#[test]
fn each_processor_has_its_core() {
    let cores = own_cores();
    let [first, .., last] = cores[..] else { return }; // with one core alone there is nothing to share out
    let daemon = Daemon::start(&format!("[[processor]]\ncore = {first}\n{SLOW}core = {last}\n{SPLIT}"));
    let mut reader = Client::connect(&daemon, "/results");
    let mut sender = Client::connect_v1(&daemon, "/");
    sender.send(frame(1));
    result_of(&mut reader, Some("slow"));
    let own = |name: &str| daemon.tasks().into_iter().find(|task| task.name == name).map(|task| task.cores);
    assert_eq!([own("processor"), own("proc-slow")], [Some(vec![first]), Some(vec![last])]);
    // With two cores none is left for the other threads: they share the second one's.
    let left: Vec<_> =
        cores.iter().copied().filter(|&core| core != first && (core != last || cores.len() == 2)).collect();
    for task in daemon.tasks().into_iter().filter(|task| !task.name.starts_with("proc")) {
        assert_eq!(task.cores, left, "{}", task.name);
    }
    daemon.wait_for_line(&format!("the processor main runs on core {first}"));
}

#[test]
fn where_no_core_is_left_for_it_a_processor_has_the_lowest_priority() {
    let core = own_cores()[0].to_string();
    let daemon = Daemon::start_as(&format!("{SLOW}realtime_priority = 5\n{SPLIT}"), |command| {
        let mut confined = Command::new("taskset");
        confined.args(["-c", &core]).arg(command.get_program()).args(command.get_args());
        confined.env_remove("JOURNAL_STREAM");
        confined
    });
    daemon.wait_for_line(&format!(
        "the processor slow shares core {core} with the other threads of fovea, at the lowest"
    ));
    daemon.wait_for_line("the processor slow has no core of its own: its realtime_priority is not used");
    let task = daemon.tasks().into_iter().find(|task| task.name == "proc-slow").expect("it runs");
    let stat = fs::read_to_string(format!("/proc/{}/stat", task.id)).expect("it runs");
    let (_, fields) = stat.rsplit_once(") ").expect("the name is in brackets");
    // Field 19 of all is the nice value; field 3 is the first here.
    assert_eq!(fields.split(' ').nth(16), Some("19"), "{stat}");
}

#[test]
fn each_processor_gives_results_of_its_own_stages() {
    let line = "[[camera.line]]\nname = \"gate\"\nfrom = [0.5, 0]\nto = [0.5, 1]\n";
    let daemon = Daemon::start(&format!("{HTTP}{SLOW}{SPLIT}{line}"));
    let mut reader = Client::connect(&daemon, "/results");
    let mut sender = Client::connect_v1(&daemon, "/");
    for seq in 1..=3 {
        sender.send(frame(seq));
        let mut results = [(); 2].map(|()| reader.next_of("result"));
        results.sort_by_key(|result| result.get("processor").is_some());
        for (processor, result) in [None, Some("slow")].into_iter().zip(&results) {
            assert_eq!((result.get("processor").and_then(Value::as_str), &result["seq"]), (processor, &seq.into()));
            assert_eq!(result.get("motion").is_some(), processor.is_none(), "{result}");
            assert_eq!(result.get("counts").is_some(), processor.is_none(), "where the tracks are: {result}");
        }
    }
    let taken: Vec<_> = sender.before_pong().into_iter().filter(|message| message["type"] == "taken").collect();
    assert_eq!(taken.iter().map(|taken| taken["seq"].as_u64()).collect::<Vec<_>>(), [1, 2, 3].map(Some));

    let all_have = |status: &Value, frames: u64| {
        status["processors"].as_array().is_some_and(|all| all.iter().all(|one| one["frames"] == frames))
    };
    // A processor counts a frame when all of it is done, its result included.
    eventually("every frame is counted", || all_have(&get(&daemon, "/api/status").json(), 3));
    let status = get(&daemon, "/api/status").json();
    let names = |list: &Value, key: &str| {
        let names = list.as_array().expect("a list").iter().map(|one| one[key].as_str().expect("a name").to_owned());
        names.collect::<Vec<_>>()
    };
    assert_eq!(names(&status["processors"], "name"), ["main", "slow"]);
    // Three small frames may be less than half of a thousandth.
    for processor in status["processors"].as_array().expect("seen above") {
        assert!(processor["load"].as_f64().is_some_and(|load| (0.0..=1.0).contains(&load)), "{processor}");
    }
    let camera = &status["cameras"][0];
    assert_eq!([&camera["taken"], &camera["published"]], [3, 3]);
    assert!(camera["counts"]["lines"]["gate"].is_object(), "{camera}");
    assert_eq!(names(&camera["processors"], "processor"), ["slow"]);
    assert_eq!([&camera["processors"][0]["taken"], &camera["processors"][0]["refused"]], [3, 0]);

    let metrics = get(&daemon, "/metrics").text();
    for line in [
        "fovea_frames_processed_total{camera=\"door\"} 3",
        "fovea_further_frames_processed_total{camera=\"door\",processor=\"slow\"} 3",
        "fovea_further_result_age_seconds_count{camera=\"door\",processor=\"slow\"} 3",
        "fovea_stage_duration_seconds_count{camera=\"door\",stage=\"motion\"} 3",
        "fovea_stage_duration_seconds_count{camera=\"door\",stage=\"tamper\"} 3",
        "fovea_processor_frames_total{processor=\"main\"} 3",
        "fovea_processor_frames_total{processor=\"slow\"} 3",
    ] {
        assert!(metrics.lines().any(|other| other == line), "{line} is not in\n{metrics}");
    }
    for name in ["main", "slow"] {
        let start = format!("fovea_processor_busy_seconds_total{{processor=\"{name}\"}} ");
        let busy = metrics.lines().find_map(|line| line.strip_prefix(&start)?.parse::<f64>().ok());
        assert!(busy.is_some_and(|busy| busy > 0.0), "{name} worked for {busy:?}");
    }
}

#[test]
fn an_only_processor_is_named_nowhere() {
    let daemon = Daemon::start(&format!("{HTTP}[processor]\n[[camera]]\nname = \"door\"\n[camera.motion]\n"));
    let mut sender = Client::connect_v1(&daemon, "/?results");
    sender.send(frame(1));
    assert_eq!(sender.next_of("result").get("processor"), None);
    assert!(!get(&daemon, "/metrics").text().contains("processor=\""));
    let camera = &get(&daemon, "/api/status").json()["cameras"][0];
    assert_eq!(camera.get("processors"), None);
    let names: Vec<_> = daemon.tasks().into_iter().map(|task| task.name).collect();
    assert!(names.iter().any(|name| name == "processor") && !names.iter().any(|name| name.starts_with("proc-")));
}

#[test]
fn no_processor_waits_for_another() {
    const FRAMES: u64 = 40;
    for (stopped, running) in [("proc-slow", None), ("processor", Some("slow"))] {
        let mut daemon = Daemon::start(&format!("{SLOW}{SPLIT}"));
        let mut reader = Client::connect(&daemon, "/results");
        let mut sender = Client::connect_v1(&daemon, "/");
        let thread = stop_idle(&daemon, stopped);
        for seq in 1..=FRAMES {
            sender.send(frame(seq));
            let result = result_of(&mut reader, running);
            assert_eq!([&result["seq"], &result["superseded"]], [&Value::from(seq), &Value::from(0)]);
        }
        // Only the first one tells the sender.
        let taken = sender.before_pong().into_iter().filter(|message| message["type"] == "taken").count() as u64;
        assert_eq!(taken, if running.is_none() { FRAMES } else { 0 });
        drop(thread);
        let other = if running.is_none() { Some("slow") } else { None };
        let result = result_of(&mut reader, other);
        assert_eq!([&result["seq"], &result["superseded"]], [&Value::from(FRAMES), &Value::from(FRAMES - 1)]);
        let end = daemon.stop();
        let slow = if running.is_none() { (1, FRAMES - 1) } else { (FRAMES, 0) };
        let line = format!("door: {} of its frames taken by the processor slow, {} superseded", slow.0, slow.1);
        assert_eq!(end.lines_with(&line), 1, "{}", end.log);
    }
}

#[test]
fn a_processor_that_stands_still_is_named() {
    let systemd = Notified::new();
    let daemon = Daemon::start_as(&format!("{SLOW}{SPLIT}"), |mut command| {
        command.env("WATCHDOG_USEC", "4000000");
        systemd.hear(command)
    });
    let stopped = stop_idle(&daemon, "proc-slow");
    daemon.wait_for_line("the thread proc-slow stands still for ");
    let status = "STATUS=0 of 1 camera live; the thread proc-slow stands still";
    assert_eq!(systemd.next_of("STATUS=0 of 1 camera live;"), status);
    drop(stopped);
    daemon.wait_for_line("the thread proc-slow moves again");
}

/// `[camera.motion]` on this processor.
fn motion_on(processor: &str) -> String {
    format!("{SLOW}[[camera]]\nname = \"door\"\n[camera.motion]\nprocessor = \"{processor}\"\nhold_ms = 3600000\n")
}

#[test]
fn a_stage_moves_to_another_processor_while_its_camera_stays_connected() {
    let daemon = Daemon::start(&motion_on("main"));
    let mut scene = Scene::start(&daemon);
    let mut numbers = Vec::new();
    for (processor, next) in [("main", "slow"), ("slow", "main"), ("main", "slow")] {
        let start = scene.until("start");
        // The time in it is no matter: two may start within a second.
        let id = start["id"].as_str().expect("a text");
        numbers.push(id.rsplit('-').next().expect("it ends in a number").to_owned());
        let frames = scene.look(None);
        assert_eq!(frames.get("processor"), None, "the only one of the camera is its first one: {processor}");
        daemon.reload(&motion_on(next), HOLDS);
        // No frame is needed for it.
        let end = loop {
            let event = scene.sender.next_of("event");
            if event["state"] == "end" {
                break event;
            }
        };
        assert_eq!(end["id"], start["id"]);
        while scene.look(None)["motion"]["relearning"] == true {}
    }
    numbers.sort();
    numbers.dedup();
    assert_eq!(numbers.len(), 3, "{numbers:?}");
}

/// A sender that waits for its frame to be taken hears of it, wherever its camera's stages move to.
#[test]
fn a_frame_that_waits_when_its_stage_moves_is_taken_all_the_same() {
    let both = |motion: &str, tamper: &str| {
        let camera = "[[camera]]\nname = \"door\"\n";
        format!("{SLOW}{camera}[camera.motion]\nprocessor = \"{motion}\"\n[camera.tamper]\nprocessor = \"{tamper}\"\n")
    };
    for (before, thread, after) in [
        (motion_on("main"), "processor", motion_on("slow")),
        (both("slow", "slow"), "proc-slow", both("main", "slow")),
        (both("main", "slow"), "processor", both("slow", "slow")),
    ] {
        let daemon = Daemon::start(&before);
        let mut sender = Client::connect_v1(&daemon, "/");
        let stopped = stop_idle(&daemon, thread);
        sender.send(frame(1));
        sender.before_pong();
        daemon.reload(&after, HOLDS);
        drop(stopped);
        assert_eq!(sender.next_of("taken")["seq"], 1, "{before}{after}");
        sender.send(frame(2));
        while sender.next_of("taken")["seq"] != 2 {}
    }
}

#[test]
fn a_processor_that_a_reload_adds_works_and_waits_for_a_restart_to_get_its_core() {
    let daemon = Daemon::start(&SPLIT.replace("slow", "main"));
    let mut reader = Client::connect(&daemon, "/results");
    let mut sender = Client::connect_v1(&daemon, "/");
    daemon.reload(&format!("{SLOW}{SPLIT}"), HOLDS);
    daemon.wait_for_line("[[processor]] has changed: restart to apply");
    sender.send(frame(1));
    assert_eq!(result_of(&mut reader, Some("slow"))["seq"], 1);
    daemon.reload(&SPLIT.replace("slow", "main"), HOLDS);
    sender.send(frame(2));
    let result = loop {
        let result = reader.next_of("result");
        if result["seq"] == 2 {
            break result;
        }
    };
    assert_eq!(result.get("processor"), None);
    sender.send(frame(3));
    assert_eq!(reader.next_of("result")["seq"], 3, "one result of each frame again");
}

#[test]
fn each_processors_keys_need_a_restart() {
    let daemon = Daemon::start(&format!("{SLOW}{SPLIT}"));
    daemon.reload(&format!("[[processor]]\nfast_luma = false\n{SLOW}{SPLIT}"), HOLDS);
    assert!(!daemon.wait_for_line("processor.fast_luma has changed: restart to apply").contains("[["));
    daemon.reload(&format!("{SLOW}fast_luma = false\n{SPLIT}"), HOLDS);
    daemon.wait_for_line("[[processor]] has changed: restart to apply");
}

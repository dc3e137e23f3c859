//! What a frame costs the system when frames come one at a time: wake-ups, system calls, processor time.
//!
//!     FOVEA=target/release/fovea cargo test --test endurance -- --nocapture frame_costs     prints a table
//!
//! Each count is that of one frame of a sender who wants no results, from quiet to quiet. The least of them is asserted: on a
//! busy machine a frame comes in more pieces, and what every frame costs more is in the least, too.

use std::{
    collections::BTreeMap,
    fs,
    process::Command,
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::{
    folder, report, skip,
    support::{
        client::Client,
        daemon::{DOOR, Daemon},
        eventually,
        pictures::Picture,
    },
};

const FRAMES: usize = 60;

/// Frames before those that are counted: all memory is there then, and the socket's buffers are as large as they become.
const WARM_UP: usize = 20;

/// Nothing happens for so long when a frame is done.
const QUIET: Duration = Duration::from_millis(25);

const MOST_WAKE_UPS: u64 = 2;
const MOST_CALLS: u64 = 7;

/// What the threads of a daemon used so far.
#[derive(Clone, Copy, PartialEq)]
struct Used {
    /// How often they began to wait, and so how often they were woken.
    waits: u64,
    run_ns: u64,
}

impl Used {
    fn by(daemon: &Daemon) -> Self {
        let mut used = Self { waits: 0, run_ns: 0 };
        for task in daemon.tasks() {
            let read = |file: &str| fs::read_to_string(format!("/proc/{}/{file}", task.id)).unwrap_or_default();
            let (status, times) = (read("status"), read("schedstat"));
            let waits = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
            used.waits += waits.map_or(0, |text| text.trim().parse().expect("a number"));
            used.run_ns += times.split(' ').next().map_or(0, |text| text.parse().unwrap_or(0));
        }
        used
    }

    /// Waits until nothing runs any more.
    fn at_rest(daemon: &Daemon) -> Self {
        let mut used = Self::by(daemon);
        eventually("the frame is done", || {
            thread::sleep(QUIET);
            let before = used;
            used = Self::by(daemon);
            used == before
        });
        used
    }
}

#[test]
fn frame_costs() {
    // As large as a camera's at this size.
    let jpeg = Picture::scene(1920, 1080).jpeg_by(|jpeg| jpeg.set_quality(72).expect("1 to 100"));
    let used = frames_of(&Daemon::start(DOOR), &jpeg);
    let waits = quantiles(used.iter().map(|[before, after]| after.waits - before.waits));
    let run_ns = quantiles(used.iter().map(|[before, after]| after.run_ns - before.run_ns));
    report(&format!("a frame of 1920x1080, {} kB, with motion, {FRAMES} times\n", jpeg.len() / 1000));
    report("| a frame | least | median |\n| --- | --: | --: |");
    report(&format!("| wake-ups | {} | {} |", waits[0], waits[1]));
    report(&format!("| processor time of all threads, us | {} | {} |", run_ns[0] / 1000, run_ns[1] / 1000));
    assert!((1..=MOST_WAKE_UPS).contains(&waits[0]), "wake-ups: {waits:?}");

    let Some(calls) = calls_of_frames(&jpeg) else { return };
    let all = quantiles(calls.iter().map(|calls| calls.values().sum()));
    report(&format!("| system calls | {} | {} |", all[0], all[1]));
    for name in calls.iter().flat_map(BTreeMap::keys).collect::<std::collections::BTreeSet<_>>() {
        let [least, median] = quantiles(calls.iter().map(|calls| calls.get(name).copied().unwrap_or(0)));
        if median > 0 {
            report(&format!("| {name} | {least} | {median} |"));
        }
    }
    assert!((1..=MOST_CALLS).contains(&all[0]), "system calls: {all:?} in {calls:?}");
}

/// Sends frames one at a time. Gives what was used before and after each.
fn frames_of(daemon: &Daemon, jpeg: &[u8]) -> Vec<[Used; 2]> {
    let mut sender = Client::connect(daemon, "/");
    let mut before = Used::at_rest(daemon);
    let mut frame = |_| {
        sender.send(jpeg);
        eventually("the frame is received", || Used::by(daemon).waits > before.waits);
        let after = Used::at_rest(daemon);
        [std::mem::replace(&mut before, after), after]
    };
    (0..WARM_UP).map(&mut frame).for_each(|_| {});
    (0..FRAMES).map(frame).collect()
}

/// The system calls of each frame by their names; `None` if nothing here counts them.
fn calls_of_frames(jpeg: &[u8]) -> Option<Vec<BTreeMap<String, u64>>> {
    if Command::new("strace").arg("--version").output().is_err() {
        skip("system calls of a frame: the Debian package strace is not installed");
        return None;
    }
    let file = folder("frame-costs").join("calls");
    let mut daemon = Daemon::start_as(DOOR, |command| {
        let mut traced = Command::new("strace");
        traced.args(["--quiet=all", "-D", "-f", "-ttt", "-o"]).arg(&file);
        traced.arg(command.get_program()).args(command.get_args());
        traced
    });
    let mut sender = Client::connect(&daemon, "/");
    let mut starts = Vec::new();
    for _ in 0..WARM_UP + FRAMES {
        let before = Used::at_rest(&daemon);
        starts.push(SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970").as_secs_f64());
        sender.send(jpeg);
        eventually("the frame is received", || Used::by(&daemon).waits > before.waits);
    }
    Used::at_rest(&daemon);
    starts.push(SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970").as_secs_f64());
    assert_eq!(daemon.stop().code, Some(0));

    let mut frames = vec![BTreeMap::new(); starts.len() - 1];
    for line in fs::read_to_string(&file).expect("strace writes it").lines() {
        // Such as: 1234  1795672416.123456 recvfrom(7, ...
        let mut words = line.split_whitespace().skip(1);
        let (Some(time), Some(call)) = (words.next(), words.next()) else { continue };
        let (Ok(time), Some((name, _))) = (time.parse::<f64>(), call.split_once('(')) else { continue };
        let frame = starts.partition_point(|start| *start <= time);
        if let Some(calls) = frame.checked_sub(1).and_then(|frame| frames.get_mut(frame)) {
            *calls.entry(name.to_owned()).or_default() += 1;
        }
    }
    Some(frames.split_off(WARM_UP))
}

/// The least and the median.
fn quantiles(values: impl Iterator<Item = u64>) -> [u64; 2] {
    let mut values: Vec<_> = values.collect();
    values.sort_unstable();
    [values[0], values[values.len() / 2]]
}

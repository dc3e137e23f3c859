//! What two processors do beside one: frames for each second of processor time that their threads use.
//!
//! Processor time and not time, so that a machine with two cores can say it, on which the second processor shares its core with
//! the senders: whoever has a core for each gets so many frames. What is not in it is waiting: for a frame, for a lock, for a
//! core.

use std::{fs, thread, time::Duration};

use crate::{
    Result,
    daemon::Daemon,
    feed::{Feed, Speaks},
    footage::{VGA, frames},
    measure::{core, median, seconds},
    table::row,
};

/// What two do of what one does.
const LEAST: f64 = 1.9;

/// Two cameras, each on a processor of its own.
fn two() -> Result<String> {
    let processors = format!("[[processor]]\ncore = {}\n[[processor]]\nname = \"second\"\ncore = 0\n", core()?);
    Ok(format!("{processors}{ONE}[[camera]]\nname = \"yard\"\n[camera.motion]\nprocessor = \"second\"\n"))
}

/// One camera on the only processor, which is configured nowhere.
const ONE: &str = "[[camera]]\nname = \"door\"\n[camera.motion]\n";

/// Two rows: both processors busy, and the second one idle.
pub(crate) fn processors(share: f64) -> Result<Vec<String>> {
    let frames = frames(VGA, 40, false)?;
    let (single, double) = (Daemon::start_with(ONE)?, Daemon::start_with(&two()?)?);
    let feed = |daemon: &Daemon, target| Feed::connect(daemon.address, target, &frames, Speaks::V1);
    let (mut only, mut door, mut yard) =
        (feed(&single, "/frames/door")?, feed(&double, "/frames/door")?, feed(&double, "/frames/yard")?);
    let (pid, time) = (double.pid(), seconds(2.0, share));
    let both = |door: &mut Feed, yard: &mut Feed| -> Result<f64> {
        let [one, other] = thread::scope(|scope| {
            let other =
                scope.spawn(move || per_second(yard, pid, "proc-second", time).map_err(|error| error.to_string()));
            let one = per_second(door, pid, "processor", time).map_err(|error| error.to_string());
            [one, other.join().expect("it does not panic")]
        });
        Ok(one? + other?)
    };
    both(&mut door, &mut yard)?;
    per_second(&mut only, single.pid(), "processor", time)?;
    let (mut to_one, mut to_single, mut rates) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..if share < 1.0 { 3 } else { 15 } {
        let alone = per_second(&mut only, single.pid(), "processor", time)?;
        let beside_idle = per_second(&mut door, pid, "processor", time)?;
        let together = both(&mut door, &mut yard)?;
        to_one.push(together / beside_idle);
        to_single.push(beside_idle / alone);
        rates.push(together);
    }
    let (to_one, to_single) = (median(&mut to_one), median(&mut to_single));
    Ok(vec![
        row(
            "two processors: frames a second of processor time, both busy, against one of them alone",
            &format!("{to_one:.2} ({:.0} frames/s)", median(&mut rates)),
            &format!(">= {LEAST}"),
            to_one >= LEAST,
        ),
        row(
            "two processors: frames a second of processor time beside an idle one, against the only one of a daemon",
            &format!("{to_single:.2}"),
            ">= 0.98",
            to_single >= 0.98,
        ),
    ])
}

/// Frames that were taken for each second that the processor's thread ran.
fn per_second(feed: &mut Feed, pid: u32, thread: &str, time: Duration) -> Result<f64> {
    let before = thread_time(pid, thread)?;
    let taken = feed.saturate_counted(time)?;
    Ok(f64::from(taken) / (thread_time(pid, thread)? - before).as_secs_f64())
}

/// How long the thread of this name has run.
fn thread_time(pid: u32, name: &str) -> Result<Duration> {
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let folder = task?.path();
        if fs::read_to_string(folder.join("comm"))?.trim_end() == name {
            let times = fs::read_to_string(folder.join("schedstat"))?;
            return Ok(Duration::from_nanos(times.split_whitespace().next().ok_or("schedstat is empty")?.parse()?));
        }
    }
    Err(format!("there is no thread {name}").into())
}

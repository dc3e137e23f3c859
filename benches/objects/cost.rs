//! What a track that gets a name costs, and an hour in which nothing moves: the processor time of the stage's thread, and of the
//! network's process.

use std::{fs, path::Path, time::Duration};

use fovea::{
    frame::{Frame, Size},
    processor::views::{Needs, Scratch, Views},
};
use nix::{
    time::{ClockId, clock_gettime},
    unistd::Pid,
};

use crate::{Failure, configuration, footage, frame, played};

/// Sweeps in an hour, as they are by default.
const SWEEPS: f64 = 120.0;

/// Frames of a picture in which nothing moves: enough for 20 sweeps, one a second.
const QUIET_FRAMES: usize = 200;

/// Frames of an hour, at the rate of the clip.
const FRAMES: f64 = 36_000.0;

/// Prints a table with a row for each size of picture.
pub(crate) fn print(file: &Path) -> Result<(), Failure> {
    println!(
        "| picture | luma at 1/8 | a look | a named track | looks for it | a sweep | an hour in which nothing moves |"
    );
    println!("| --- | --: | --: | --: | --: | --: | --: |");
    for (name, size, kind, place) in [
        ("768x576", Size { width_px: 768, height_px: 576 }, "", [0, 0]),
        ("1920x1080", Size { width_px: 1920, height_px: 1080 }, "wide", [576, 252]),
    ] {
        let frames = footage(kind)?;
        let luma = luma_time(&frames, size)?;
        let busy = played(&configuration(file, 0.65, "", "")?, &frames, size, place)?;
        let still: Vec<_> = frames.iter().take(1).cycle().take(QUIET_FRAMES).cloned().collect();
        let quiet = played(&configuration(file, 0.65, "", "sweep_ms = 1000\n")?, &still, size, place)?;
        if quiet.crops > 0 || quiet.whole_pictures == 0 || busy.named_tracks == 0 {
            return Err("tracks without a name, or looks at a picture in which nothing moves".into());
        }
        let unit = |seconds: f64| format!("{:.1} ms, {:.0} D", seconds * 1e3, seconds / luma.as_secs_f64());
        let looks = (busy.crops + busy.whole_pictures) as f64;
        let named = busy.named_tracks as f64;
        let sweep = quiet.spent.as_secs_f64() / quiet.whole_pictures as f64;
        // The time in which the stage finds that there is nothing to ask is in it, as part of a sweep's: there are more frames
        // between two sweeps otherwise.
        let hour = SWEEPS * sweep / luma.as_secs_f64();
        println!(
            "| {name} | {:.2} ms = 1 D | {} | {} | {:.1} | {} | {hour:.0} D, {:.1} % of the lumas |",
            luma.as_secs_f64() * 1e3,
            unit(busy.spent.as_secs_f64() / looks),
            unit(busy.spent.as_secs_f64() / named),
            looks / named,
            unit(sweep),
            100.0 * hour / FRAMES,
        );
    }
    Ok(())
}

/// The median of what it takes to decode a picture to luma at 1/8, by libjpeg-turbo.
fn luma_time(frames: &[Vec<u8>], size: Size) -> Result<Duration, Failure> {
    let some: Vec<Frame> = frames.iter().enumerate().step_by(10).map(|(n, jpeg)| frame(n, jpeg, size)).collect();
    let mut scratch = Scratch::new()?.with_fast_luma(false);
    let mut times = Vec::new();
    for frame in &some {
        let began = own_time()?;
        Views::decode(frame, Needs::luma(size.width_px / 8), &mut scratch)?;
        times.push(own_time()? - began);
    }
    times.sort();
    Ok(times[times.len() / 2])
}

/// The processor time that the calling thread has used.
pub(crate) fn own_time() -> Result<Duration, Failure> {
    Ok(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?.into())
}

/// The processor time that the processes of networks have used that this program started and that still run.
pub(crate) fn networks_time() -> Result<Duration, Failure> {
    let mut sum = Duration::ZERO;
    for task in fs::read_dir("/proc/self/task")? {
        let children = fs::read_to_string(task?.path().join("children"))?;
        for id in children.split_whitespace() {
            let clock = ClockId::pid_cpu_clock_id(Pid::from_raw(id.parse()?))?;
            sum += Duration::from(clock_gettime(clock)?);
        }
    }
    Ok(sum)
}

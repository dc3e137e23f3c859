//! The real clip, beside full-size MOG2 as the reference.
//!
//! A box is confirmed when at least half of it is covered by all boxes of the other side together: two walkers side by
//! side may be one box here and two there. The first five seconds are left out: both are learning.

use fovea::{
    message::Rect,
    stage::motion::{Settings, detector::Detector},
};
use serde::Deserialize;
use turbojpeg::ScalingFactor;

use crate::{
    at, cpu_ms,
    footage::{Codec, Footage, run_script},
    percent,
    picture::{RATE_HZ, SIZE},
    score::{covered, ratio},
};

/// What `mog2.py` prints: a line a frame, and a last one.
#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Frame { boxes: Vec<Rect> },
    Last { cpu_ms: f64 },
}

const LEARNING: usize = 50;

pub(crate) fn print(footage: &Footage) -> Result<(), String> {
    let settings = Settings::default();
    let printed = run_script("mog2.py", &[&footage.path, &settings.min_area.f32().to_string()])?;
    let mut codec = Codec::new(SIZE, ScalingFactor::ONE_HALF);
    let mut detector = Detector::new(&settings);
    let mut spent_ms = 0.0;
    let (mut theirs, mut found, mut ours, mut confirmed) = (0, 0, 0, 0);
    let mut mog2_ms = f64::NAN;
    for (number, line) in printed.lines().enumerate() {
        let reference = match serde_json::from_str(line).map_err(|e| format!("mog2.py: {e}"))? {
            Line::Frame { boxes } => boxes,
            Line::Last { cpu_ms } => {
                mog2_ms = cpu_ms;
                break;
            }
        };
        let luma = codec.decode(&footage.frames[number]);
        let began = cpu_ms();
        let seen = detector.detect(luma, SIZE, at(number as f64 / f64::from(RATE_HZ))).expect("a picture of bytes");
        spent_ms += cpu_ms() - began;
        if number >= LEARNING {
            theirs += reference.len() as u32;
            found += covered(&reference, &seen.boxes);
            ours += seen.boxes.len() as u32;
            confirmed += covered(&seen.boxes, &reference);
        }
    }
    let ours_ms = spent_ms / footage.frames.len() as f64;
    println!("| vtest.avi | boxes | confirmed by the other | CPU a frame |");
    println!("| --- | --: | --: | --: |");
    println!("| MOG2, 768x576 | {theirs} | {} | {mog2_ms:.2} ms |", percent(ratio(found, theirs)));
    println!(
        "| fovea, 384x288 | {ours} | {} | {ours_ms:.2} ms, {:.3} of it |",
        percent(ratio(confirmed, ours)),
        ours_ms / mog2_ms
    );
    println!();
    Ok(())
}

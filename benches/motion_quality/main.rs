//! What the motion stage finds, misses and invents, and what it costs: the tables of docs/motion.md.
//!
//!     cargo bench --bench motion_quality              a few minutes
//!     cargo bench --bench motion_quality -- quick     shorter scenes
//!
//! It needs Debian's opencv-doc and python3-opencv: the real clip, and MOG2 to compare with.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "its output is its purpose")]
#![expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "pictures drawn with small numbers")]

mod clip;
mod composed;
mod footage;
mod parallel;
mod picture;
mod random;
mod scene;
mod score;
mod times;
mod walker;

use std::{process::ExitCode, time::Duration};

use fovea::system::clock::Monotonic;
use nix::time::{ClockId, clock_gettime};

use self::footage::Footage;

fn main() -> ExitCode {
    opencv::core::set_num_threads(1).expect("OpenCV takes any number");
    let quick = std::env::args().any(|argument| argument == "quick");
    match tables(if quick { 120.0 } else { 600.0 }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("{sentence}");
            ExitCode::FAILURE
        }
    }
}

fn tables(seconds: f64) -> Result<(), String> {
    let footage = Footage::load()?;
    composed::print(&footage, seconds);
    clip::print(&footage)?;
    times::print(&footage);
    Ok(())
}

/// A capture time, `time` seconds after the first frame.
fn at(time: f64) -> Monotonic {
    Monotonic::from_micros(1_000_000).later(Duration::from_secs_f64(time))
}

/// The CPU time that this thread has spent, in milliseconds: what else the machine does has no part in it.
fn cpu_ms() -> f64 {
    let spent = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("Linux has it");
    Duration::from(spent).as_secs_f64() * 1e3
}

fn percent(ratio: Option<f64>) -> String {
    ratio.map_or("-".into(), |ratio| format!("{:.1} %", 100.0 * ratio))
}

//! What the motion stage finds, misses and invents, and what it costs: the tables of docs/motion.md.
//!
//!     cargo bench --bench motion_quality              a few minutes
//!     cargo bench --bench motion_quality -- quick     shorter scenes
//!     cargo bench --bench motion_quality -- scenes    nights and weather alone
//!     cargo bench --bench motion_quality -- rain      those of them with this in their names
//!     cargo bench --bench motion_quality -- held-back with the seeds that no rule was tuned with
//!     cargo bench --bench motion_quality -- only-people    false events if a network must call it a person
//!
//! `FOVEA_MODELS` is the folder with that network, FastestDet.onnx; `only-people` takes names of scenes, too.
//! It needs Debian's opencv-doc and python3-opencv: the real clip, and MOG2 to compare with.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "its output is its purpose")]
#![expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "pictures drawn with small numbers")]

mod clip;
mod composed;
mod footage;
mod night;
mod parallel;
mod picture;
mod random;
mod scene;
mod score;
mod times;
mod walker;

use std::{env, path::Path, process::ExitCode, time::Duration};

use fovea::system::clock::Monotonic;
use nix::time::{ClockId, clock_gettime};

use self::{footage::Footage, night::Selection};

fn main() -> ExitCode {
    opencv::core::set_num_threads(1).expect("OpenCV takes any number");
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if arguments == ["model", "worker"] {
        // The process of the network is this program, too.
        return if fovea::model::worker::run().is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let has = |word: &str| arguments.iter().any(|argument| argument == word);
    let is_word = |argument: &&String| !["quick", "held-back", "scenes", "only-people"].contains(&argument.as_str());
    let name = arguments.iter().find(is_word).cloned().unwrap_or_default();
    let selection = Selection { is_quick: has("quick"), is_held_back: has("held-back"), name };
    let tables = if has("only-people") {
        only_people(&selection)
    } else {
        tables(&selection, has("scenes") || !selection.name.is_empty())
    };
    match tables {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("{sentence}");
            ExitCode::FAILURE
        }
    }
}

fn tables(selection: &Selection, has_scenes_alone: bool) -> Result<(), String> {
    let footage = Footage::load()?;
    night::print(&footage, selection);
    if has_scenes_alone {
        return Ok(());
    }
    composed::print(&footage, if selection.is_quick { 120.0 } else { 600.0 });
    clip::print(&footage)?;
    times::print(&footage);
    Ok(())
}

fn only_people(selection: &Selection) -> Result<(), String> {
    let folder = env::var_os("FOVEA_MODELS").ok_or("FOVEA_MODELS is not set: it is the folder with FastestDet.onnx")?;
    night::only_people::print(&Footage::load()?, selection, &Path::new(&folder).join("FastestDet.onnx"))
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

//! What the tamper stage notices, misses and invents, and what it costs: the tables of `docs/tamper.md`.
//!
//!     cargo bench --bench tamper_quality              some minutes: scenes of ten
//!     cargo bench --bench tamper_quality -- quick     scenes of two
//!
//! It composes its scenes as the bench `motion_quality` does, and needs the same of Debian: the real clip.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "its output is its purpose")]
#![expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "pictures drawn with small numbers")]

mod backdrop;
mod played;
mod scenes;
mod times;

#[expect(dead_code, reason = "the motion bench uses more of it")]
#[path = "../motion_quality/footage.rs"]
mod footage;
#[path = "../motion_quality/parallel.rs"]
mod parallel;
#[path = "../motion_quality/picture.rs"]
mod picture;
#[expect(dead_code, reason = "the motion bench uses more of it")]
#[path = "../motion_quality/random.rs"]
mod random;
#[expect(dead_code, reason = "the motion bench uses more of it")]
#[path = "../motion_quality/scene.rs"]
mod scene;
#[expect(dead_code, reason = "the motion bench uses more of it")]
#[path = "../motion_quality/walker.rs"]
mod walker;

use std::{process::ExitCode, time::Duration};

use fovea::{
    frame::{Camera, CapturedBy, Frame, Origin, PixelFormat},
    system::clock::Monotonic,
};

use self::{footage::Footage, picture::SIZE};

fn main() -> ExitCode {
    opencv::core::set_num_threads(1).expect("OpenCV takes any number");
    let quick = std::env::args().any(|argument| argument == "quick");
    let footage = match Footage::load() {
        Ok(footage) => footage,
        Err(sentence) => {
            eprintln!("{sentence}");
            return ExitCode::FAILURE;
        }
    };
    played::print(&footage, if quick { 120.0 } else { 600.0 });
    times::print(&footage);
    ExitCode::SUCCESS
}

/// A frame of a JPEG file, captured `time` seconds after the first one.
fn frame(seq: u64, jpeg: Vec<u8>, time: f64) -> Frame {
    let captured_at = Monotonic::from_micros(1_000_000).later(Duration::from_secs_f64(time));
    let origin = Origin { camera: Camera::new("bench"), seq, captured_at, captured_by: CapturedBy::Sender };
    Frame::compressed(origin, PixelFormat::Jpeg, SIZE, jpeg.into())
}

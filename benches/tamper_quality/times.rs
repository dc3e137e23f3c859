//! The CPU time that tamper and motion take a frame, on the real clip.

use fovea::{
    config::Config,
    processor::views::{Scratch, Views},
    stage::StageContext,
};
use nix::time::{ClockId, clock_gettime};

use crate::{footage::Footage, frame};

const FRAMES: usize = 3000;

pub(crate) fn print(footage: &Footage) {
    println!("| luma 384x288, frames a second | motion | tamper | tamper / motion |");
    println!("| --: | --: | --: | --: |");
    for rate_hz in [30.0, 10.0, 5.0] {
        let [motion, tamper] = ["motion", "tamper"].map(|stage| mean_us(stage, footage, rate_hz));
        println!("| {rate_hz} | {motion:.0} us | {tamper:.1} us | {:.1} % |", 100.0 * tamper / motion);
    }
}

/// The mean time of a stage, less that of reading the clock.
fn mean_us(stage: &str, footage: &Footage, rate_hz: f64) -> f64 {
    let table = format!("[[camera]]\nname = \"bench\"\n[camera.{stage}]");
    let stages = Config::parse("bench", &table).expect("a good configuration").cameras.remove(0).stages;
    let (mut stage, mut scratch) =
        (stages.build(&StageContext::default()).remove(0).1, Scratch::new().expect("memory"));
    let (mut spent_us, mut reading_us) = (0.0, 0.0);
    for (number, jpeg) in footage.frames.iter().cycle().take(FRAMES).enumerate() {
        let frame = frame(number as u64 + 1, jpeg.clone(), number as f64 / rate_hz);
        let views = Views::decode(&frame, stage.needs(), &mut scratch).expect("a JPEG file").expect("it needs luma");
        let began = cpu_us();
        let read = cpu_us();
        let seen = stage.look(&views, &frame).expect("a picture of bytes");
        spent_us += cpu_us() - read;
        reading_us += read - began;
        drop(seen);
    }
    (spent_us - reading_us) / FRAMES as f64
}

fn cpu_us() -> f64 {
    let spent = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("Linux has it");
    std::time::Duration::from(spent).as_secs_f64() * 1e6
}

//! Nights and weather: false events where nobody is, and who is found all the same.
//!
//! Each scene is composed with each seed, over one of three backdrops, at 768x576 and 10 frames a second, and goes
//! through JPEG and the stage as the daemon runs it. The held-back seeds were never looked at when rules were tuned.

mod backdrop;
mod canvas;
mod effect;
mod insects;
mod lights;
pub(crate) mod only_people;
mod outcome;
mod people;
mod plans;
mod scene;
mod swaying;
mod weather;

use fovea::{
    message::EventState,
    stage::{
        Stage,
        motion::{MotionStage, Settings},
    },
};
use turbojpeg::ScalingFactor;

use self::{
    outcome::{Judge, Outcome},
    scene::{Plan, Scene},
};
use crate::{
    at, cpu_ms,
    footage::{Codec, Footage},
    parallel, percent,
    picture::{RATE_HZ, SIZE},
    score::ratio,
};

const TUNING_SEEDS: [u64; 3] = [1, 2, 3];
const HELD_BACK_SEEDS: [u64; 3] = [1001, 1002, 1003];

/// What is asked for.
pub(crate) struct Selection {
    pub(crate) is_quick: bool,
    pub(crate) is_held_back: bool,
    /// A part of the names of the scenes.
    pub(crate) name: String,
}

pub(crate) fn print(footage: &Footage, selection: &Selection) {
    let backdrops = backdrop::all(&footage.median(SIZE), crate::composed::blurred);
    let (seconds, crossings) = if selection.is_quick { (60.0, 4) } else { (300.0, 10) };
    let seeds = if selection.is_held_back { HELD_BACK_SEEDS } else { TUNING_SEEDS };
    let plans: Vec<Plan> = plans::all(seconds, crossings);
    let plans: Vec<Plan> = plans.into_iter().filter(|plan| plan.name.contains(&selection.name)).collect();
    let runs: Vec<(&Plan, u64)> = plans.iter().flat_map(|plan| seeds.map(|seed| (plan, seed))).collect();
    let outcomes = parallel::map(&runs, |(plan, seed)| play(plan, *seed, &backdrops[*seed as usize % backdrops.len()]));
    println!("Seeds {seeds:?}.");
    println!();
    println!(
        "| scene | minutes | false events an hour | crossings found | events a crossing | start told after, 95 of 100 | counted of crossings | boxed | ids a person | CPU a frame |"
    );
    println!("| --- | --: | --: | --: | --: | --: | --: | --: | --: | --: |");
    for (plan, outcomes) in plans.iter().zip(outcomes.chunks(seeds.len())) {
        let all = outcomes.iter().fold(Outcome::default(), Outcome::add);
        println!("{}", line(&plan.name, all));
    }
    println!();
}

fn line(name: &str, mut all: Outcome) -> String {
    all.delays.sort_by(f64::total_cmp);
    let number = |part, of| ratio(part, of).map_or("-".into(), |ratio| format!("{ratio:.2}"));
    let found = |part, of| if of > 0 { format!("{part} of {of}") } else { "-".into() };
    let delay = all.delays.get(all.delays.len() * 19 / 20).map_or("-".into(), |delay| format!("{delay:.1} s"));
    format!(
        "| {name} | {:.0} | {:.1} | {} | {} | {delay} | {} | {} | {} | {:.3} ms |",
        all.seconds / 60.0,
        f64::from(all.false_events) * 3600.0 / all.seconds,
        found(all.found, all.presences),
        number(all.events, all.presences),
        found(all.counted, all.people),
        percent(ratio(all.boxed, all.looks)),
        number(all.ids, all.people),
        all.spent_ms / f64::from(all.frames),
    )
}

fn play(plan: &Plan, seed: u64, backdrop: &backdrop::Backdrop) -> Outcome {
    let mut scene = Scene::new(plan, seed, backdrop);
    let mut codec = Codec::of_quality(plan.quality, SIZE, ScalingFactor::ONE_HALF);
    let mut stage = MotionStage::new(&Settings::default());
    let mut judge = Judge::new(&scene.people, scene.seconds);
    for number in 0..(scene.seconds * f64::from(RATE_HZ)) as u32 {
        let time = f64::from(number) / f64::from(RATE_HZ);
        let jpeg = codec.encode(scene.compose(time));
        let luma = codec.decode(&jpeg);
        let began = cpu_ms();
        let (_, detections, events) = stage.observe(luma, SIZE, at(time)).expect("a picture of bytes");
        let spent_ms = cpu_ms() - began;
        let starts = events.iter().filter(|event| event.kind == "motion" && event.state == EventState::Start).count();
        judge.observe(time, &detections, starts as u32, &stage.tracks(), spent_ms);
    }
    judge.finish()
}

//! False alarms with "only people" on: events of the motion stage in scenes with nobody in them, beside those that are left if a
//! network must call what moves a person.
//!
//! The scenes go through both stages as fast as the machine can. Frames have the capture times of the scene, so that the network
//! is asked of every frame of which there is something to ask: no board asks more often.

use std::{
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use fovea::{
    config::Config,
    event::STATIONARY,
    frame::{Camera, CapturedBy, Frame, Origin, PixelFormat},
    message::EventState,
    processor::views::{Needs, Scratch, Views},
    stage::{Models, StageContext},
    system::clock::Monotonic,
};
use turbojpeg::ScalingFactor;

use super::{
    Plan, Scene, Selection, TUNING_SEEDS,
    backdrop::{self, Backdrop},
    plans,
};
use crate::{
    footage::{Codec, Footage},
    parallel,
    picture::{RATE_HZ, SIZE},
};

/// Both zones are the whole picture.
const WHOLE: &str = "polygon = [[0, 0], [1, 0], [1, 1], [0, 1]]\n";
const ANYTHING: &str = "anything";
const PEOPLE: &str = "people";

/// Ahead of this machine's clock, so that frames are new however long they take.
const AHEAD: Duration = Duration::from_secs(86_400);

/// What came of a scene.
#[derive(Clone, Debug, Default)]
struct Alarms {
    /// Events `motion`, whatever moves, and what a person moves.
    motion: [u32; 2],
    /// Events `object` of tracks, and of what stands there.
    objects: [u32; 2],
    looks: u64,
}

/// Prints a table with a row for each scene. `model` is FastestDet.
pub(crate) fn print(footage: &Footage, selection: &Selection, model: &Path) -> Result<(), String> {
    let backdrops = backdrop::all(&footage.median(SIZE), crate::composed::blurred);
    let seconds = if selection.is_quick { 20.0 } else { 60.0 };
    let plans = plans::all(seconds, 0);
    let wanted = |plan: &Plan| plan.people.is_none() && plan.name.contains(&selection.name);
    let runs: Vec<(Plan, u64)> = plans.into_iter().filter(wanted).zip(TUNING_SEEDS.into_iter().cycle()).collect();
    let config = configuration(model)?;
    let outcomes = parallel::map(&runs, |(plan, seed)| {
        let backdrop = &backdrops[*seed as usize % backdrops.len()];
        Some(play(plan, *seed, backdrop, &config).map_err(|error| error.to_string()))
    });
    println!(
        "| scene | seconds | events `motion` | with `labels = [\"person\"]` | events `object` | that stand there | looks |"
    );
    println!("| --- | --: | --: | --: | --: | --: | --: |");
    let mut sum = Alarms::default();
    for ((plan, _), outcome) in runs.iter().zip(outcomes) {
        let alarms = outcome.unwrap_or_else(|| Err("it was not played".to_owned()))?;
        println!("| {} | {seconds} | {} |", plan.name, alarms.cells());
        sum.add(&alarms);
    }
    println!("| all | {} | {} |", seconds * runs.len() as f64, sum.cells());
    println!();
    Ok(())
}

impl Alarms {
    fn cells(&self) -> String {
        let Self { motion: [any, people], objects: [tracks, still], looks } = self;
        format!("{any} | {people} | {tracks} | {still} | {looks}")
    }

    fn add(&mut self, other: &Self) {
        for which in 0..2 {
            self.motion[which] += other.motion[which];
            self.objects[which] += other.objects[which];
        }
        self.looks += other.looks;
    }
}

fn configuration(model: &Path) -> Result<Config, String> {
    let zone = |name: &str, labels: &str| format!("[[camera.motion.zone]]\nname = \"{name}\"\n{labels}{WHOLE}");
    let text = format!(
        "[model.people]\nfile = {model:?}\ndecoder = \"fastestdet\"\nthreshold = 0.65\nlabels = \"coco\"\n\
         [[camera]]\nname = \"bench\"\n[camera.motion]\n{}{}\
         [camera.objects]\nlabels = [\"person\"]\nmax_core_share = 1\nsweep_ms = 1000\n",
        zone(ANYTHING, ""),
        zone(PEOPLE, "labels = [\"person\"]\n"),
    );
    Config::parse("bench", &text).map_err(|error| error.to_string())
}

/// Plays a scene through both stages.
fn play(plan: &Plan, seed: u64, backdrop: &Backdrop, config: &Config) -> Result<Alarms, Box<dyn std::error::Error>> {
    let mut scene = Scene::new(plan, seed, backdrop);
    let mut codec = Codec::of_quality(plan.quality, SIZE, ScalingFactor::ONE_HALF);
    let models = Models { pool: Arc::default(), processor: "bench".to_owned(), manifests: config.models.clone() };
    let stages = &config.cameras[0].stages;
    let context = StageContext {
        tracks: Some(Arc::default()),
        zones: stages.zones().into_iter().map(|(_, zone)| zone.clone()).collect(),
        models: Some(models),
        ..StageContext::default()
    };
    let mut stages = stages.build(&context);
    let wait = Instant::now();
    while stages.iter().all(|(_, stage)| stage.needs() != Needs::crops()) {
        if wait.elapsed() > Duration::from_secs(60) {
            return Err("the network is not ready after a minute".into());
        }
        thread::sleep(Duration::from_millis(50));
    }
    let (mut scratch, mut alarms) = (Scratch::new()?, Alarms::default());
    let start = Monotonic::now().later(AHEAD);
    for number in 0..(scene.seconds * f64::from(RATE_HZ)) as u32 {
        let time = f64::from(number) / f64::from(RATE_HZ);
        let origin = Origin {
            camera: Camera::new("bench"),
            seq: u64::from(number),
            captured_at: start.later(Duration::from_secs_f64(time)),
            captured_by: CapturedBy::Arrival,
        };
        let frame = Frame::compressed(origin, PixelFormat::Jpeg, SIZE, codec.encode(scene.compose(time)).into());
        for (_, stage) in &mut stages {
            let Some(views) = Views::decode(&frame, stage.needs(), &mut scratch)? else { continue };
            for event in stage.look(&views, &frame)?.events {
                if event.state != EventState::Start {
                    continue;
                }
                let is_people = event.zone.as_deref() == Some(PEOPLE);
                match event.kind {
                    "motion" => alarms.motion[usize::from(is_people)] += 1,
                    "object" if is_people => alarms.objects[usize::from(event.reason == Some(STATIONARY))] += 1,
                    _ => {}
                }
            }
        }
    }
    let counts = context.questions.counts().unwrap_or_default();
    alarms.looks = counts.crops + counts.whole_pictures;
    Ok(alarms)
}

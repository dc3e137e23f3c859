//! The scenes played to the stage, and what it says of each.

use fovea::{
    config::Config,
    message::EventState,
    processor::views::{Scratch, Views},
    stage::{Stage, StageContext},
};
use turbojpeg::ScalingFactor;

use crate::{
    backdrop::{blurred, darkened, fogged},
    footage::{Codec, Footage},
    frame, parallel,
    picture::SIZE,
    scene::{Composer, Plan},
    scenes::{self, Scene, View},
};

/// What was said of a scene, times in seconds from when it should have been.
#[derive(Clone, Default)]
struct Said {
    reason: Option<&'static str>,
    raised_after: Option<f64>,
    over_after: Option<f64>,
    false_events: u32,
}

/// Prints a table with a line for each scene.
pub(crate) fn print(footage: &Footage, seconds: f64) {
    let view = footage.median(SIZE);
    let covered = blurred(&view, 9.0);
    let scenes = scenes::all(&view, seconds);
    let said = parallel::map(&scenes, |scene| play(scene, footage, &view, &covered));
    println!("| scene | minutes | raised | start after | end after | false events an hour |");
    println!("| --- | --: | --- | --: | --: | --: |");
    for (scene, said) in scenes.iter().zip(said) {
        let seconds = |time: Option<f64>| time.map_or("-".into(), |time| format!("{time:.1} s"));
        println!(
            "| {} | {:.0} | {} | {} | {} | {:.0} |",
            scene.plan.name,
            scene.plan.seconds / 60.0,
            said.reason.or(scene.reason.map(|_| "NOTHING")).unwrap_or("-"),
            seconds(said.raised_after),
            seconds(said.over_after),
            f64::from(said.false_events) * 3600.0 / scene.plan.seconds,
        );
    }
    println!();
}

fn stage(scene: &Scene) -> Box<dyn Stage> {
    let table = format!("[[camera]]\nname = \"bench\"\n[camera.tamper]\nblack_is_covered = {}", scene.black_is_covered);
    let stages = Config::parse("bench", &table).expect("a good configuration").cameras.remove(0).stages;
    stages.build(&StageContext::default()).remove(0).1
}

/// Runs a scene through JPEG, views and stage.
fn play(scene: &Scene, footage: &Footage, view: &[u8], covered: &[u8]) -> Said {
    // As gain makes up for the light, noise rises: in a few steps.
    let rising = [scene.plan.noise, 6.0, 9.0, 12.0].map(|noise| Plan { noise, ..scene.plan.clone() });
    let levels = if matches!(scene.view, View::Nightfall) { rising.len() } else { 1 };
    let mut composers: Vec<_> = rising[..levels].iter().map(|plan| Composer::new(plan, view, covered)).collect();
    let mut codec = Codec::new(SIZE, ScalingFactor::ONE);
    let (mut stage, mut scratch) = (stage(scene), Scratch::new().expect("memory"));
    let seconds = scene.plan.seconds;
    let (from, to) = scenes::tampered(seconds);
    let (mut jpeg, mut said) = (Vec::new(), Said::default());
    for (seq, time) in (1..).zip(scene.plan.times()) {
        let is_tampered = (from..to).contains(&time);
        let level = (time / seconds * levels as f64) as usize;
        let composer = &mut composers[level.min(levels - 1)];
        if matches!(scene.view, View::Clip) {
            jpeg = footage.frames[seq as usize % footage.frames.len()].clone();
        } else if !(is_tampered && matches!(scene.view, View::Frozen)) {
            let pixels = match backdrop(&scene.view, view, time, seconds) {
                Backdrop::View => composer.compose(time).0,
                Backdrop::Other(other) => composer.compose_over(other, time).0,
                Backdrop::Made(made) => composer.compose_over(&made, time).0,
            };
            jpeg = codec.encode(pixels);
        }
        let frame = frame(seq, jpeg.clone(), time);
        let views = Views::decode(&frame, stage.needs(), &mut scratch).expect("a JPEG file").expect("it needs luma");
        for change in stage.look(&views, &frame).expect("a picture of bytes").events {
            match change.state {
                EventState::Start if is_tampered && scene.reason.is_some() && said.reason.is_none() => {
                    (said.reason, said.raised_after) = (change.reason, Some(time - from));
                    said.false_events += u32::from(change.reason != scene.reason);
                }
                EventState::Start => said.false_events += 1,
                EventState::Update => said.false_events += u32::from(change.reason != scene.reason),
                EventState::End if time >= to && said.over_after.is_none() => said.over_after = Some(time - to),
                EventState::End => said.false_events += u32::from(scene.reason.is_some()),
            }
        }
    }
    said
}

enum Backdrop<'a> {
    View,
    Other(&'a [u8]),
    Made(Vec<u8>),
}

fn backdrop<'a>(what: &'a View, view: &[u8], time: f64, seconds: f64) -> Backdrop<'a> {
    let (from, to) = scenes::tampered(seconds);
    match what {
        View::Tampered(pictures) if (from..to).contains(&time) => {
            let step = ((time - from) / 0.5) as usize;
            Backdrop::Other(&pictures[step.min(pictures.len() - 1)])
        }
        View::Passing(picture, until) if time >= 60.0 && time % 60.0 < *until => Backdrop::Other(picture),
        View::Nightfall => Backdrop::Made(darkened(view, 0.02_f64.powf(time / seconds))),
        View::Fog => {
            let thickness = 1.0 - (2.0 * time / seconds - 1.0).abs();
            Backdrop::Made(fogged(view, 0.1_f64.powf(thickness)))
        }
        _ => Backdrop::View,
    }
}

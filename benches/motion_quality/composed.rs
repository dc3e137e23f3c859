//! Scenes with known truth: a walker of known size and contrast over the real background, or nobody.
//!
//! Composed at 768x576 and 10 frames a second, with Gaussian noise on each pixel, packed to JPEG of quality 80, and
//! looked at as the daemon would: half the size, 384x288. A box matches when it shares at least half of the area that
//! it and the walker's box cover together. A false event is one that starts with nobody in the picture.

use fovea::{
    event::zone_tracker::ZoneTracker,
    message::{Detection, EventState, Rect},
    stage::{
        StageSettings,
        motion::{Settings, detector::Detector},
    },
};
use opencv::{core, imgproc, prelude::*};
use turbojpeg::ScalingFactor;

use crate::{
    at,
    footage::{Codec, Footage},
    parallel, percent,
    picture::{RATE_HZ, SIZE},
    scene::{Composer, Light, Plan, tree_zone},
    score::{Score, overlap, ratio},
    walker::{Truth, Walker},
};

/// Crossings of each kind of walker.
const CROSSINGS: f64 = 8.0;

/// Prints a table with a line for each scene; those without a walker last `seconds`.
pub(crate) fn print(footage: &Footage, seconds: f64) {
    let background = footage.median(SIZE);
    let covered = blurred(&background);
    let plans = plans(seconds);
    let scores = parallel::map(&plans, |plan| play(plan, &background, &covered));
    println!(
        "| scene | minutes | recall | precision | events a crossing | false events an hour | scene changes told |"
    );
    println!("| --- | --: | --: | --: | --: | --: | --: |");
    for (plan, score) in plans.iter().zip(scores) {
        let events = ratio(score.events, score.crossings).map_or("-".into(), |events| format!("{events:.2}"));
        println!(
            "| {} | {:.0} | {} | {} | {events} | {:.0} | {} of {} |",
            plan.name,
            score.seconds / 60.0,
            percent(score.recall()),
            percent(score.precision()),
            score.false_events_an_hour(),
            score.scene_events,
            plan.scene_changes(),
        );
    }
    println!();
    stop(&background, &covered);
}

fn plans(seconds: f64) -> Vec<Plan> {
    let empty = |name: &str| Plan { name: format!("nobody, {name}"), seconds, ..Plan::nobody() };
    let mut plans = vec![
        Plan { noise: 2.0, ..empty("noise 2") },
        Plan { noise: 6.0, ..empty("noise 6") },
        Plan { noise: 12.0, ..empty("noise 12") },
        Plan { light: Light::Drift, ..empty("light drifts by 25 % in 30 s") },
        Plan { light: Light::Clouds, ..empty("clouds take 33 % in 4 s") },
        Plan { light: Light::Switch, ..empty("lamp switched every minute") },
        Plan { shake: true, ..empty("camera shakes by a pixel") },
        Plan { tree: true, ..empty("tree waves") },
        Plan { tree: true, zones: vec![tree_zone()], ..empty("tree waves in an ignored zone") },
    ];
    let crossing = |parts: u32, contrast: f64, and: &str| {
        let walker = Walker { height_px: f64::from(SIZE.height_px) / f64::from(parts), contrast, stops_s: 0.0 };
        let name = format!("walker of 1/{parts} height, contrast {contrast}{and}");
        Plan { name, walker: Some(walker), seconds: CROSSINGS * walker.crossing_s(), ..Plan::nobody() }
    };
    for parts in [12, 8, 4] {
        plans.extend([15.0, 30.0, 60.0].map(|contrast| crossing(parts, contrast, "")));
    }
    plans.extend([
        Plan { noise: 6.0, ..crossing(8, 30.0, ", noise 6") },
        Plan { light: Light::Drift, ..crossing(8, 30.0, ", light drifts") },
        Plan { shake: true, ..crossing(8, 30.0, ", camera shakes") },
        Plan { tree: true, ..crossing(8, 30.0, ", tree waves") },
        Plan { scale: ScalingFactor::ONE_QUARTER, ..crossing(8, 30.0, ", seen at 192x144") },
    ]);
    plans
}

/// Runs a scene through JPEG, stage and events.
fn play(plan: &Plan, background: &[u8], covered: &[u8]) -> Score {
    let settings = Settings::default().with_zones(plan.zones.clone());
    let mut composer = Composer::new(plan, background, covered);
    let mut codec = Codec::new(SIZE, plan.scale);
    let mut detector = Detector::new(&settings);
    let mut zones = ZoneTracker::new("motion", settings.hold_ms.ms(), settings.zones());
    let mut was_relearning = true;
    let mut score = Score { seconds: plan.seconds, ..Score::default() };
    let mut last_truth = Truth::Nobody;
    let mut somebody_until = 0.0;
    for time in plan.times() {
        let (frame, truth) = composer.compose(time);
        let jpeg = codec.encode(frame);
        let seen = detector.detect(codec.decode(&jpeg), SIZE, at(time)).expect("a picture of bytes");
        score.frame(truth, &seen.boxes);
        score.crossings += u32::from(last_truth == Truth::Nobody && truth != Truth::Nobody);
        last_truth = truth;
        if truth != Truth::Nobody {
            somebody_until = time + 0.5;
        }
        score.scene_events += u32::from(seen.relearning && !was_relearning);
        was_relearning = seen.relearning;
        let detections: Vec<_> = seen.boxes.iter().copied().map(detection).collect();
        let changes = zones.observe(&detections, SIZE, at(time));
        let starts = changes.iter().filter(|change| change.state == EventState::Start).count() as u32;
        if time <= somebody_until {
            score.events += starts;
        } else {
            score.false_events += starts;
        }
    }
    score
}

fn detection(bounds: Rect) -> Detection {
    Detection { label: "motion".into(), bounds, score: None, track: None, text: None }
}

/// Prints how long a walker who stops is boxed, and how long the place where it stood.
///
/// It is the second walker of its scene: a background of that age resists as long as the settings say.
fn stop(background: &[u8], covered: &[u8]) {
    println!("| a walker stops for a minute | still boxed for | ghost boxed for |");
    println!("| --- | --: | --: |");
    for contrast in [15.0, 30.0, 60.0] {
        let walker = Walker { height_px: 72.0, contrast, stops_s: 60.0 };
        let plan = Plan { walker: Some(walker), seconds: 2.0 * walker.crossing_s(), ..Plan::nobody() };
        let stops_at = walker.crossing_s() + walker.stops_at_s();
        let (goes_at, gone_at) = (stops_at + walker.stops_s, stops_at + walker.stops_s + 1.5);
        let place = walker.truth(stops_at + 1.0).bounds().expect("it stops within the picture");
        let mut composer = Composer::new(&plan, background, covered);
        let mut codec = Codec::new(SIZE, plan.scale);
        let mut detector = Detector::new(&Settings::default());
        let (mut still, mut ghost) = (0, 0);
        for time in plan.times() {
            let (frame, _) = composer.compose(time);
            let jpeg = codec.encode(frame);
            let seen = detector.detect(codec.decode(&jpeg), SIZE, at(time)).expect("a picture of bytes");
            let boxed = u32::from(seen.boxes.iter().any(|&found| overlap(found, place) > 0.1));
            if (stops_at..goes_at).contains(&time) {
                still += boxed;
            } else if time >= gone_at {
                ghost += boxed;
            }
        }
        let seconds = |frames: u32| f64::from(frames) / f64::from(RATE_HZ);
        println!("| contrast {contrast} | {:.1} s | {:.1} s |", seconds(still), seconds(ghost));
    }
    println!();
}

/// The mean of the 31x31 pixels around each.
pub(crate) fn blurred(background: &[u8]) -> Vec<u8> {
    let rows = SIZE.height_px.cast_signed();
    let flat = core::Mat::from_slice(background).expect("memory");
    let picture = flat.reshape(1, rows).expect("whole rows");
    let mut blurred = core::Mat::default();
    imgproc::blur_def(&picture, &mut blurred, core::Size::new(31, 31)).expect("a picture of bytes");
    blurred.data_bytes().expect("it has no gaps").to_vec()
}

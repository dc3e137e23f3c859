//! How much the results of motion notice of a network that is asked on a processor of its own: their age with `[camera.objects]`
//! against a daemon without.
//!
//! The camera shows people who walk, so there is always somebody to ask about. Both daemons run all the time; rounds go by turns.

use std::{env, path::Path};

use fovea::message::Message;

use crate::{
    Result,
    daemon::Daemon,
    feed::{Feed, Speaks},
    footage::{VGA, frames},
    measure::{Pairs, RATE, seconds},
    table::row,
};

/// The age with objects, in ages without, that is promised.
const MOST: f64 = 1.05;

const CAMERA: &str = "[[camera]]\nname = \"door\"\n[camera.motion]\n";

/// Results of motion, and how often the network was asked meanwhile.
struct Played {
    ages: Vec<f64>,
    looks: usize,
}

/// One row; none without a network.
pub(crate) fn objects(share: f64) -> Result<Vec<String>> {
    let file = env::var_os("FOVEA_MODELS").map(|folder| Path::new(&folder).join("FastestDet.onnx"));
    let Some(file) = file else {
        return Ok(vec![
            "| objects: not measured without FOVEA_MODELS, the folder with FastestDet.onnx | | | |".into(),
        ]);
    };
    let good = frames(VGA, 40, false)?;
    let model = format!("[model.people]\nfile = {file:?}\ndecoder = \"fastestdet\"\nthreshold = 0.65\n");
    let with = Daemon::start_with(&format!("{model}{CAMERA}[camera.objects]\n"))?;
    let without = Daemon::start_with(CAMERA)?;
    let feed = |daemon: &Daemon| Feed::connect(daemon.address, "/frames/door?results", &good, Speaks::V1);
    let (mut plain, mut asking) = (feed(&without)?, feed(&with)?);
    let time = seconds(3.0, share);
    play(&mut plain, time)?;
    for _ in 0..20 {
        if play(&mut asking, time)?.looks > 0 {
            break; // the network is opened, and somebody has a track
        }
    }
    let (mut rounds, mut looks) = (Vec::new(), 0);
    for _ in 0..if share < 1.0 { 4 } else { 20 } {
        let (alone, beside) = (play(&mut plain, time)?, play(&mut asking, time)?);
        looks += beside.looks;
        rounds.push([alone.ages, beside.ages]);
    }
    if looks == 0 {
        return Err("the network was never asked".into());
    }
    let pairs = Pairs(rounds);
    let ([alone, beside], [low, high]) = (pairs.p99(), pairs.ratio_range());
    Ok(vec![row(
        "objects: p99 age of motion's results with a network on a processor of its own, against none",
        &format!(
            "{:.2} ({low:.2} to {high:.2}): {beside:.1} of {alone:.1} ms ({} results, {looks} looks)",
            beside / alone,
            pairs.count()
        ),
        &format!("<= {MOST}"),
        beside <= MOST * alone,
    )])
}

/// Plays for a time. Results of the network's processor are looks.
fn play(feed: &mut Feed, time: std::time::Duration) -> Result<Played> {
    let (mut ages, mut looks) = (Vec::new(), 0);
    for text in feed.play(RATE, time)? {
        let Ok(Message::Result(result)) = Message::from_json(&text) else { continue };
        match result.processor {
            None => ages.push(result.age_ms.result),
            Some(_) => looks += 1,
        }
    }
    Ok(Played { ages, looks })
}

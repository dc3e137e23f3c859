//! How much a camera notices of others that misbehave, one kind after another: the age of its results beside them against
//! alone.
//!
//! Rounds alone and beside go by turns, so that both see the same machine. The quantiles are those of the ages of all rounds
//! together.

use std::{thread, time::Duration};

use fovea::frame::Size;
use tungstenite::protocol::frame::coding::Data;

use crate::{
    Result,
    daemon::Daemon,
    feed::{Feed, Speaks, masked},
    footage::{VGA, frames},
    measure::{Pairs, RATE, ages, quantile, seconds},
    peer::{Handshakes, Peer},
    pngs::{self, Fill, Kind},
    scans::{self, Scan},
    table::row,
};

/// Time in which the daemon clears away what they leave.
const SETTLE: Duration = Duration::from_millis(300);

/// The age beside them, in ages alone, that is promised but for one picture of theirs.
const MOST: f64 = 1.1;

/// Who misbehaves, while this is not dropped.
#[expect(dead_code, reason = "they are only dropped")]
enum Hostile {
    Peer(Peer),
    Handshakes(Handshakes),
}

type Start<'s> = Box<dyn Fn(&Daemon) -> Result<Hostile> + 's>;

/// The costliest pictures for their bytes that are accepted, as large as possible: name, size, file.
pub(crate) fn costly_pictures() -> Result<[(&'static str, Size, Vec<u8>); 2]> {
    const PNG: Size = Size { width_px: 3680, height_px: 3680 };
    const JPEG: Size = Size { width_px: 4096, height_px: 4096 };
    let kind =
        Kind { colour: png::ColorType::Rgb, depth: png::BitDepth::Eight, is_interlaced: false, fill: Fill::Filtered };
    let refined = (0..13).rev().map(|low| Scan::FlatRefined { component: 1, low });
    let in_scans: Vec<_> =
        [Scan::Dc, Scan::Flat { component: 1, low: 13 }].into_iter().chain(refined).take(12).collect();
    Ok([("PNGs", PNG, pngs::file(PNG, kind)?), ("progressive JPEGs", JPEG, scans::progressive(JPEG, 3, &in_scans))])
}

/// One row for each kind.
pub(crate) fn neighbours(share: f64) -> Result<Vec<String>> {
    let good = frames(VGA, 40, false)?;
    let sender = |parts: Vec<Vec<u8>>, pause: Duration| -> Start<'static> {
        Box::new(move |daemon| Ok(Hostile::Peer(Peer::sender(daemon, "/frames/other", parts.clone(), pause)?)))
    };
    let trickle = vec![masked(vec![0xff; 1000], Data::Binary)[..14].to_vec(), vec![0xff]];
    let mut kinds: Vec<(String, Start<'_>, Option<Vec<u8>>)> = vec![
        ("a stuck reader".into(), Box::new(|daemon| Ok(Hostile::Peer(Peer::reader(daemon)?))), None),
        ("a sender of a byte each 100 ms".into(), sender(trickle, Duration::from_millis(100)), None),
        ("a flood of garbage".into(), sender(vec![masked(vec![0x55; 40_000], Data::Binary)], Duration::ZERO), None),
    ];
    for (name, size, picture) in costly_pictures()? {
        let flood = sender(vec![masked(picture.clone(), Data::Binary)], Duration::ZERO);
        kinds.push((format!("a flood of {size} {name}"), flood, Some(picture)));
    }
    let handshakes = |daemon: &Daemon| Ok(Hostile::Handshakes(Handshakes::start(daemon.address, 4)?));
    kinds.push(("a flood of TLS handshakes".into(), Box::new(handshakes), None));

    let cameras = ["good", "other"].map(|name| format!("[[camera]]\nname = \"{name}\"\n[camera.motion]\n"));
    let (mut rows, time) = (Vec::new(), seconds(3.0, share));
    for (name, start, picture) in kinds {
        let daemon = Daemon::start_with(&format!("[tls]\n{}", cameras.concat()))?;
        let mut feed = Feed::connect(daemon.address, "/frames/good?results", &good, Speaks::V1)?;
        let mut play = |time| -> Result<Vec<f64>> { Ok(ages(&feed.play(RATE, time)?, |age| age.result)) };
        play(time)?;
        let mut rounds = Vec::new();
        let mut answered = 0;
        for _ in 0..if share < 1.0 { 4 } else { 12 } {
            let alone = play(time)?;
            let hostile = start(&daemon)?;
            let beside = play(time)?;
            if let Hostile::Handshakes(handshakes) = &hostile {
                answered += handshakes.count();
            }
            drop(hostile);
            thread::sleep(SETTLE);
            rounds.push([alone, beside]);
        }
        let one_ms = picture.map_or(Ok(0.0), |picture| processing_ms(&daemon, picture, share))?;
        let rate = answered as f64 / (time.as_secs_f64() * rounds.len() as f64);
        let name = if answered > 0 { format!("{name} ({rate:.0} a second)") } else { name };
        rows.push(told(&name, &Pairs(rounds), one_ms));
    }
    Ok(rows)
}

/// How long the processor takes for one of these pictures, at most but for one of a hundred.
fn processing_ms(daemon: &Daemon, picture: Vec<u8>, share: f64) -> Result<f64> {
    let mut feed = Feed::connect(daemon.address, "/frames/other?results", &[picture.into()], Speaks::Bare)?;
    let results = feed.play(Duration::from_millis(300), seconds(5.0, share))?;
    let starts = ages(&results, |age| age.start);
    let mut times: Vec<_> =
        ages(&results, |age| age.result).iter().zip(starts).map(|(result, start)| result - start).collect();
    if times.is_empty() {
        return Err("none of the costly pictures is accepted".into());
    }
    Ok(quantile(&mut times, 0.99))
}

fn told(name: &str, pairs: &Pairs, one_ms: f64) -> String {
    let ([alone, beside], [low, high]) = (pairs.p99(), pairs.ratio_range());
    let bound = MOST * alone + one_ms;
    let one = if one_ms > 0.0 { format!("; one picture takes {one_ms:.1} ms") } else { String::new() };
    row(
        &format!("good neighbours: p99 age beside {name}, against alone"),
        &format!(
            "{:.2} ({low:.2} to {high:.2}): {beside:.1} of {alone:.1} ms ({} results{one})",
            beside / alone,
            pairs.count()
        ),
        &format!("<= {bound:.1} ms"),
        beside <= bound,
    )
}

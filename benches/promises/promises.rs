//! The promises, each measured by a function that gives rows of the table.

use std::{
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use fovea::frame::Size;
use tungstenite::protocol::frame::coding::Data;

use crate::{
    Result,
    bare::{self, BareCamera},
    daemon::Daemon,
    feed::{Feed, Speaks, masked},
    first_picture,
    footage::{FULL_HD, VGA, frames},
    measure::{Pairs, RATE, ages, core, cpu_time, median, memory_kb, minor_faults, quantile, seconds, wake_ups},
    neighbours::{self, costly_pictures},
    objects, outputs,
    peer::Peer,
    processors, scraping,
    showing::Showing,
    table::{is_at_most, row, row_of_range},
    tls, viewers,
};

type Promise = fn(f64) -> Result<Vec<String>>;

/// Those of the README, by the name that runs one alone.
pub(crate) const OF_README: [(&str, Promise); 9] = [
    ("saturated", saturated),
    ("overload", overload),
    ("cpu", cpu),
    ("churn", churn),
    ("start", start),
    ("idle", idle),
    ("sturdy", sturdy),
    ("first", first_picture::first_picture),
    ("size", size),
];

/// The others.
pub(crate) const OTHERS: [(&str, Promise); 8] = [
    ("fair", fair),
    ("neighbours", neighbours::neighbours),
    ("outputs", outputs::outputs),
    ("viewers", viewers::viewers),
    ("scraping", scraping::scraping),
    ("tls", tls::tls),
    ("processors", processors::processors),
    ("objects", objects::objects),
];

/// Frames a second of the whole daemon against the bare loop on the same core.
fn saturated(share: f64) -> Result<Vec<String>> {
    let mut rows = Vec::new();
    for (size, target) in [(VGA, 0.95), (FULL_HD, 0.98)] {
        let frames = frames(size, usize::MAX, false)?;
        let daemon = Daemon::start()?;
        let mut feed = Feed::connect(daemon.address, "/", &frames, Speaks::V1)?;
        let mut bare = BareCamera::new();
        let mut played = Duration::ZERO;
        // Both see the same.
        let mut pair = |time: Duration| -> Result<[f64; 2]> {
            let showing = || Showing::after(played, frames.len());
            let alone = bare.motion(&frames, showing(), size, core()?, time)?;
            let showing = showing();
            let whole = feed.saturate_by(time, || showing.picture())?;
            played += time;
            Ok([alone, whole])
        };
        pair(seconds(1.0, share))?;
        let (mut ratios, mut rates) = (Vec::new(), Vec::new());
        for _ in 0..9 {
            let [alone, whole] = pair(seconds(2.0, share))?;
            ratios.push(whole / alone);
            rates.push(whole);
        }
        let ratio = median(&mut ratios);
        let measured = format!("{ratio:.3} ({:.0} frames/s)", median(&mut rates));
        rows.push(row(
            &format!("low overhead: frames/s of the daemon against reading and processing alone, saturated, {size}"),
            &measured,
            &format!(">= {target}"),
            ratio >= target,
        ));
    }
    Ok(rows)
}

/// How old frames are when looked at, when five times as many come as can be looked at.
fn overload(share: f64) -> Result<Vec<String>> {
    // Slow to decode, so that five times what can be looked at is still a rate that cameras have.
    let frames = frames(Size { width_px: 3840, height_px: 2160 }, 8, true)?;
    let daemon = Daemon::start()?;
    let capacity = Feed::connect(daemon.address, "/", &frames, Speaks::V1)?.saturate(seconds(2.0, share))?;
    // Bare pictures: ages from arrival on, without the way of these large frames through the network.
    let mut feed = Feed::connect(daemon.address, "/?results", &frames, Speaks::Bare)?;
    let interval = Duration::from_secs_f64(1.0 / (5.0 * capacity));
    let results = feed.play(interval, seconds(20.0, share))?;
    let mut ages: Vec<_> = ages(&results, |age| age.start / 1e3 / interval.as_secs_f64());
    let count = ages.len();
    let (p50, p99) = (quantile(&mut ages, 0.5), quantile(&mut ages, 0.99));
    let measured = format!("p50 {p50:.2}, p99 {p99:.2} of {:.1} ms ({count} results)", interval.as_secs_f64() * 1e3);
    Ok(vec![row(
        "never late: age at start, in intervals of a source that sends 5 times what the processor takes",
        &measured,
        "p50 <= 0.55, p99 <= 1.1",
        p50 <= 0.55 && p99 <= 1.1,
    )])
}

/// Processor time of a 1080p frame: the daemon, and receiving and decoding alone, by turns at 30 a second.
fn cpu(share: f64) -> Result<Vec<String>> {
    let frames = frames(FULL_HD, 40, false)?;
    let daemon = Daemon::start()?;
    let mut feed = Feed::connect(daemon.address, "/?results", &frames, Speaks::Bare)?;
    let time = seconds(4.0, share);
    let mut cost = || -> Result<f64> {
        let used = cpu_time(daemon.pid())?;
        let count = feed.play(RATE, time)?.len();
        Ok((cpu_time(daemon.pid())? - used).as_secs_f64() * 1e3 / count as f64)
    };
    cost()?;
    let (mut costs, mut to_floor, mut to_own) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..9 {
        let floor = |fast| bare::floor_ms(&frames, FULL_HD, core()?, [RATE, time], fast);
        let (turbo, own, whole) = (floor(false)?, floor(true)?, cost()?);
        to_floor.push(whole / turbo);
        to_own.push(whole / own);
        costs.push(whole);
    }
    let [cost, to_floor, to_own] = [costs, to_floor, to_own].map(|mut values| median(&mut values));
    Ok(vec![
        row(
            "near the minimum: CPU time of a 1080p JPEG against reading it from a socket and decoding it in grey at 1/8 by libjpeg-turbo",
            &format!("{to_floor:.2} ({cost:.2} ms)"),
            "<= 1.15",
            to_floor <= 1.15,
        ),
        format!("| also measured: the same, by fovea's own decoder | {to_own:.2} | | |"),
    ])
}

/// Page faults a frame and memory, once warm.
fn churn(share: f64) -> Result<Vec<String>> {
    let frames = frames(FULL_HD, 40, false)?;
    let daemon = Daemon::start()?;
    let mut feed = Feed::connect(daemon.address, "/?results", &frames, Speaks::V1)?;
    feed.play(RATE, seconds(5.0, share))?;
    let faults = minor_faults(daemon.pid())?;
    let results = feed.play(RATE, seconds(20.0, share))?;
    let faults = (minor_faults(daemon.pid())? - faults) as f64 / results.len() as f64;
    let mut ages = ages(&results, |age| age.result);
    let (p50, p99) = (quantile(&mut ages, 0.5), quantile(&mut ages, 0.99));
    let rss = memory_kb(daemon.pid(), "VmHWM")? as f64 / 1024.0;
    Ok(vec![
        row("steady memory: minor page faults per frame", &format!("{faults:.4}"), "< 0.01", faults < 0.01),
        row("small: peak RSS with one 1080p camera", &format!("{rss:.1} MB"), "<= 40 MB", rss <= 40.0),
        format!("| also measured: age of 1080p results, 30 a second | p50 {p50:.1}, p99 {p99:.1} ms | | |"),
    ])
}

/// From exec to listening.
fn start(share: f64) -> Result<Vec<String>> {
    let mut times = Vec::new();
    for _ in 0..if share < 1.0 { 5 } else { 21 } {
        let start = Instant::now();
        let _daemon = Daemon::start()?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    let time = median(&mut times);
    Ok(vec![row("quick start: exec to listening", &format!("{time:.0} ms"), "<= 50 ms", time <= 50.0)])
}

/// Wake-ups with a client connected and no frames.
fn idle(share: f64) -> Result<Vec<String>> {
    let daemon = Daemon::start()?;
    let frames = frames(VGA, 2, false)?;
    let mut feed = Feed::connect(daemon.address, "/", &frames, Speaks::V1)?;
    feed.play(RATE, Duration::from_millis(500))?;
    thread::sleep(Duration::from_secs(5)); // the last event ends
    let (before, time) = (wake_ups(daemon.pid())?, seconds(20.0, share));
    thread::sleep(time);
    let after = wake_ups(daemon.pid())?;
    let rate = |name: Option<&str>| {
        let sum = |counts: &std::collections::BTreeMap<String, u64>| -> u64 {
            counts.iter().filter(|(thread, _)| name.is_none_or(|name| name == *thread)).map(|(_, count)| count).sum()
        };
        (sum(&after) - sum(&before)) as f64 / time.as_secs_f64()
    };
    let (all, processor) = (rate(None), rate(Some("processor")));
    Ok(vec![row(
        "quiet when idle: wake-ups a second with one client",
        &format!("{all:.2}, {processor:.2} on the processor's core"),
        "<= 2, 0",
        all <= 2.0 && processor == 0.0,
    )])
}

/// Ages of a good camera's results while others misbehave, against none misbehaving, by turns, until the range of the ratio says
/// whether it is kept. The camera is a fast one: its ages are about those of a usual one's, and there are four times as many.
fn sturdy(share: f64) -> Result<Vec<String>> {
    const MOST: f64 = 1.05;
    const INTERVAL: Duration = Duration::from_nanos(1_000_000_000 / 120);
    const PAIRS: usize = 40;
    const MOST_PAIRS: usize = 4 * PAIRS;
    let frames = frames(VGA, 40, false)?;
    let cameras = ["good", "slow", "junk"].map(|name| format!("[[camera]]\nname = \"{name}\"\n[camera.motion]\n"));
    let daemon = Daemon::start_with(&cameras.concat())?;
    let mut feed = Feed::connect(daemon.address, "/frames/good?results", &frames, Speaks::V1)?;
    let time = seconds(1.0, share);
    let mut play = || -> Result<Vec<f64>> { Ok(ages(&feed.play(INTERVAL, time)?, |age| age.result)) };
    play()?;
    let mut pairs = Pairs(Vec::new());
    let is_done = |pairs: &Pairs| {
        let count = pairs.0.len();
        count == if share < 1.0 { 4 } else { MOST_PAIRS }
            || count > 0 && count.is_multiple_of(PAIRS) && is_at_most(MOST, pairs.ratio_range()).is_some()
    };
    while !is_done(&pairs) {
        let alone = play()?;
        let _stuck = Peer::reader(&daemon)?;
        let _slow = Peer::sender(
            &daemon,
            "/frames/slow",
            vec![masked(vec![0xff; 1000], Data::Binary)[..14].to_vec(), vec![0xff]],
            Duration::from_secs(1),
        )?;
        let _junk =
            Peer::sender(&daemon, "/frames/junk", vec![masked(vec![0x55; 40_000], Data::Binary)], Duration::ZERO)?;
        pairs.0.push([alone, play()?]);
    }
    let ([alone, beside], [low, high]) = (pairs.p99(), pairs.ratio_range());
    Ok(vec![row_of_range(
        "sturdy: p99 age beside a stuck reader, a slow sender and one that sends garbage, against none",
        &format!("{:.2} ({low:.2} to {high:.2}) of {alone:.1} ms ({} results)", beside / alone, pairs.count()),
        MOST,
        [low, high],
    )])
}

/// Results and ages of a camera of 10 Hz, alone and beside one that sends the costliest pictures for their bytes as fast as
/// they are taken.
fn fair(share: f64) -> Result<Vec<String>> {
    const INTERVAL: Duration = Duration::from_millis(100);
    let cameras = ["good", "costly"].map(|name| format!("[[camera]]\nname = \"{name}\"\n[camera.motion]\n"));
    let mut rows = Vec::new();
    for (name, size, picture) in costly_pictures()? {
        let daemon = Daemon::start_with(&cameras.concat())?;
        let kilobytes = picture.len() / 1000;
        let mut feed = Feed::connect(daemon.address, "/frames/good?results", &frames(VGA, 40, false)?, Speaks::V1)?;
        let mut play = || -> Result<(f64, f64)> {
            let time = seconds(20.0, share);
            let results = feed.play(INTERVAL, time)?;
            let sent = (time.as_secs_f64() / INTERVAL.as_secs_f64()).ceil();
            Ok((results.len() as f64 / sent, quantile(&mut ages(&results, |age| age.start), 0.99)))
        };
        play()?;
        let (_, alone) = play()?;
        let message = masked(picture.clone(), Data::Binary);
        let flood = Peer::sender(&daemon, "/frames/costly", vec![message], Duration::ZERO)?;
        let (kept, beside) = play()?;
        drop(flood);
        let mut one = Feed::connect(daemon.address, "/frames/costly?results", &[picture.into()], Speaks::Bare)?;
        let looks = one.play(INTERVAL * 3, seconds(5.0, share))?;
        let starts = ages(&looks, |age| age.start);
        let mut looks: Vec<_> =
            ages(&looks, |age| age.result).iter().zip(starts).map(|(result, start)| result - start).collect();
        let look = if looks.is_empty() { 0.0 } else { quantile(&mut looks, 0.99) };
        let bound = look + 1.1 * alone;
        rows.push(row(
            &format!("fair: 10 Hz beside a flood of {size} {name} of {kilobytes} kB: results, p99 age at start"),
            &format!(
                "{:.0} %, {beside:.1} ms ({alone:.1} ms alone; one picture of the flood takes {look:.1} ms)",
                kept * 100.0
            ),
            &format!(">= 95 %, <= {bound:.1} ms"),
            kept >= 0.95 && beside <= bound,
        ));
    }
    Ok(rows)
}

/// What was sent, for the record.
fn size(_: f64) -> Result<Vec<String>> {
    let mean_kb = |size| -> Result<usize> {
        let frames = frames(size, 40, false)?;
        Ok(frames.iter().map(Bytes::len).sum::<usize>() / frames.len() / 1000)
    };
    let sizes = format!("640x480 {} kB, 1920x1080 {} kB", mean_kb(VGA)?, mean_kb(FULL_HD)?);
    Ok(vec![format!("| also measured: mean size of the JPEGs | {sizes} | | |")])
}

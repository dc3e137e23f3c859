//! What luma at 1/8 costs, by DC coefficients alone and by libjpeg-turbo: `cargo bench --bench decode`, about a minute.
//!
//! Both decode the same frames by turns, through the same decoder that the processor has, and to the same pixels. Times are
//! processor time of this thread, the ratios medians of those of each turn.
//!
//!     cargo bench --bench decode -- 4:2:0     only kinds whose names contain that

#[path = "../shared/footage.rs"]
#[expect(dead_code, reason = "the usual frames are other benchmarks'")]
mod footage;
mod restarts;

use std::{
    env,
    error::Error,
    io::{Write, stdout},
    time::Duration,
};

use bytes::Bytes;
use footage::{FULL_HD, VGA};
use fovea::{
    frame::{Camera, CapturedBy, Frame, Origin, PixelFormat, Size},
    processor::{decoder::Decoder, scale::Scale},
    system::clock::Monotonic,
};
use nix::time::{ClockId, clock_gettime};
use turbojpeg::Subsamp;

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

/// Turns of each kind, and frames in each turn: more of them than there are tables that are kept.
const TURNS: usize = 40;
const FRAMES: usize = 12;

/// The sensor's noise of frames that are enlarged.
const NOISE: f64 = 2.0;

const HEAD: &str = "\
| frames | size | kB | libjpeg-turbo, ms | by DC alone, ms | ratio | its range (5 to 95 %) |
| --- | --- | --: | --: | --: | --: | --- |";

/// How frames are compressed.
#[derive(Clone, Copy)]
struct Kind {
    name: &'static str,
    size: Size,
    quality: i32,
    sampling: Subsamp,
    /// Tables of its own for each frame, as browsers' canvases send them.
    is_optimized: bool,
    /// A restart marker behind each row of MCUs.
    has_restarts: bool,
}

const USUAL: Kind = Kind {
    name: "4:2:0, quality 85",
    size: FULL_HD,
    quality: 85,
    sampling: Subsamp::Sub2x2,
    is_optimized: false,
    has_restarts: false,
};

const KINDS: [Kind; 11] = [
    USUAL,
    Kind { name: "4:2:0, quality 50", quality: 50, ..USUAL },
    Kind { name: "4:2:0, quality 75", quality: 75, ..USUAL },
    Kind { name: "4:2:0, quality 95", quality: 95, ..USUAL },
    Kind { name: "4:2:2, quality 85", sampling: Subsamp::Sub2x1, ..USUAL },
    Kind { name: "4:4:4, quality 85", sampling: Subsamp::None, ..USUAL },
    Kind { name: "gray, quality 85", sampling: Subsamp::Gray, ..USUAL },
    Kind { name: "4:2:0, quality 85, restarts", has_restarts: true, ..USUAL },
    Kind { name: "4:2:0, quality 85, new optimised tables in each frame", is_optimized: true, ..USUAL },
    Kind { name: "4:2:0, quality 85, new optimised tables in each frame", size: VGA, is_optimized: true, ..USUAL },
    Kind { name: "4:2:0, quality 85", size: VGA, ..USUAL },
];

fn main() -> Result<()> {
    let only: Vec<_> = env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let mut out = stdout();
    writeln!(out, "{HEAD}")?;
    for kind in KINDS {
        if only.is_empty() || only.iter().any(|part| kind.name.contains(&**part)) {
            measure(kind, &mut out)?;
        }
    }
    Ok(())
}

fn measure(kind: Kind, out: &mut impl Write) -> Result<()> {
    let Kind { name, size, .. } = kind;
    let frames: Vec<_> = files(kind)?.into_iter().map(|file| frame(file, size)).collect();
    let mut decoders = [Decoder::new()?.with_fast_luma(false), Decoder::new()?];
    for frame in &frames {
        let [slow, fast] = &mut decoders;
        slow.jpeg(frame, Scale::Eighth, false)?;
        fast.jpeg(frame, Scale::Eighth, false)?;
        let pixels = (size.width_px.div_ceil(8) * size.height_px.div_ceil(8)) as usize;
        if slow.pixels()[..pixels] != fast.pixels()[..pixels] {
            return Err(format!("{name}: other pixels").into());
        }
    }
    let (mut times, mut ratios) = ([vec![], vec![]], vec![]);
    for turn in 0..TURNS {
        let mut both = [0.0; 2];
        for at in [turn % 2, 1 - turn % 2] {
            let before = now()?;
            for frame in &frames {
                decoders[at].jpeg(frame, Scale::Eighth, false)?;
            }
            both[at] = (now()? - before).as_secs_f64() * 1e3 / frames.len() as f64;
            times[at].push(both[at]);
        }
        ratios.push(both[1] / both[0]);
    }
    let [slow, fast] = times.map(|mut times| quantile(&mut times, 50));
    let [low, ratio, high] = [5, 50, 95].map(|percent| quantile(&mut ratios, percent));
    let kilobytes = frames.iter().map(|frame| frame.bytes().len()).sum::<usize>() / frames.len() / 1000;
    writeln!(out, "| {name} | {size} | {kilobytes} | {slow:.2} | {fast:.2} | {ratio:.2} | {low:.2} to {high:.2} |")?;
    Ok(out.flush()?)
}

fn files(kind: Kind) -> Result<Vec<Bytes>> {
    let files = footage::frames_by(kind.size, FRAMES, NOISE, |compressor| {
        compressor.set_quality(kind.quality)?;
        compressor.set_subsamp(kind.sampling)?;
        compressor.set_optimize(kind.is_optimized)
    })?;
    if !kind.has_restarts {
        return Ok(files);
    }
    let [across, down] = [kind.size.width_px, kind.size.height_px].map(|side| side.div_ceil(16));
    let interval = u16::try_from(across)?;
    Ok(files.iter().map(|file| restarts::with_restarts(file, interval, (across * down) as usize).into()).collect())
}

fn frame(file: Bytes, size: Size) -> Frame {
    let (camera, captured_at) = (Camera::new("door"), Monotonic::now());
    let origin = Origin { camera, seq: 1, captured_at, captured_by: CapturedBy::Arrival };
    Frame::compressed(origin, PixelFormat::Jpeg, size, file)
}

fn now() -> Result<Duration> {
    Ok(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?.into())
}

fn quantile(values: &mut [f64], percent: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    values[(values.len() - 1) * percent / 100]
}

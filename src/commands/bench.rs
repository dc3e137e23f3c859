//! `fovea bench`: how many cameras this machine keeps. It runs the daemon itself, and cameras that send to it over WebSocket
//! connections of this machine.
//!
//! It searches the border between a load that is kept and one that is not, and then measures on both sides of it by turns
//! until its time is up. The time bounds everything, so that slow machines have an answer as soon as fast ones.

mod camera;
mod conclusion;
mod error;
mod frames;
mod neighbours;
mod progress;
mod random;
mod report;
mod rig;
mod scene;
mod search;
mod trial;

use std::{
    io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use log::LevelFilter;

use self::{
    conclusion::Measured,
    frames::Frames,
    progress::Progress,
    report::Report,
    rig::{Pace, Rig},
    search::{Level, Search},
    trial::Trial,
};
use super::{BenchArgs, Failure, print_line};
use crate::{
    capacity,
    config::{Config, LoadError},
    frame::Size,
    stage,
    system::{
        cores::{self, Cores, CoresError},
        logging,
    },
};

pub use error::BenchError;
pub use frames::FramesError;

/// The configuration if none is named.
const CONFIG_FILE: &str = "/etc/fovea/fovea.toml";

/// Which part of the time may be spent on making frames.
const FOR_FRAMES: f64 = 0.1;

/// Which part of the time one run measures.
const FOR_A_RUN: f64 = 0.05;

/// A camera sends so many frames in a run, if a sixth of the time is enough for them.
const FRAMES_IN_A_RUN: f64 = 15.0;

/// Measures, and prints the answer.
///
/// # Errors
/// If something of it cannot start, or the frames cannot be used.
pub fn run(args: &BenchArgs) -> Result<(), Failure> {
    let began = Instant::now();
    let time = Duration::from_secs(args.seconds.into());
    let (config, source) = configuration(args)?;
    // Before the daemon starts: it moves this thread.
    let cores = Cores::plan(&config.wanted_cores()).map_err(no_core)?;
    let save_to = args.save.then(file_for_answer).transpose()?;
    logging::start(LevelFilter::Error)?;
    let beside = neighbours::daemons();
    neighbours::warn(&beside)?;
    warn_of_reserved_core(&config, &cores)?;
    let progress = Progress::new(time);
    progress.say("makes frames");
    let frames = frames(args, &config, began + time.mul_f64(FOR_FRAMES))?;

    let mut rig = Rig::start(&config, &frames)?;
    let processor = rig.processor();
    let pace = pace(args, time);
    let trials = measure(&mut rig, &pace, began, time, &progress)?;
    rig.stop();
    progress.finish();

    let measured = Measured {
        args,
        source,
        config: &config,
        frames: &frames,
        processor: &config.processors[processor].name,
        core: cores.processor(processor),
        core_is_shared: !cores.is_dedicated(processor),
        other_cores: cores.housekeeping(),
        beside: &beside,
        trials: &trials,
        took: began.elapsed(),
    };
    let report = Report::of(&measured);
    if args.json {
        print_line(report.json())?
    } else {
        print_line(report.text(&measured))?
    }
    if let Some(file) = save_to {
        report.capacity().save(&file).map_err(BenchError::NotSaved)?;
        if !args.json {
            print_line(format_args!("Saved in {}. `systemctl reload fovea` makes the page show it.", file.display()))?;
        }
    }
    Ok(())
}

/// Why the processor cannot have its core; if another shell could, how.
fn no_core(error: CoresError) -> Failure {
    match &error {
        CoresError::NotAllowed { core, .. } if cores::online().is_ok_and(|online| online.contains(core)) => {
            Failure::of_config(BenchError::ReservedCore(error))
        }
        _ => Failure::of_config(error),
    }
}

/// What the cameras' stages and the processors are, and what says so.
fn configuration(args: &BenchArgs) -> Result<(Config, Option<PathBuf>), Failure> {
    let file = args.config.as_deref().unwrap_or(Path::new(CONFIG_FILE));
    let loaded = match Config::load_without_tokens(file) {
        Err(LoadError::Missing(_)) if args.config.is_none() => None,
        loaded => Some(loaded.map_err(Failure::of_config)?),
    };
    let source = loaded.is_some().then(|| file.to_owned());
    if let Some(unknown) = args.stages.iter().find(|name| !stage::NAMES.contains(&name.as_str())) {
        return Err(BenchError::NoStage(unknown.clone()).into());
    }
    let stages = match (&loaded, args.stages.as_slice()) {
        (Some(config), []) => return Ok((config.clone(), source)),
        (None, []) => vec!["motion".to_owned()],
        (_, stages) => stages.to_vec(),
    };
    let tables: String = stages.iter().map(|stage| format!("[camera.{stage}]\n")).collect();
    let text = format!("[[camera]]\nname = \"bench\"\n{tables}");
    let of_stages = Config::parse("--stages", &text).map_err(Failure::of_config)?;
    Ok((Config { cameras: of_stages.cameras.clone(), ..loaded.unwrap_or(of_stages) }, source))
}

fn file_for_answer() -> Result<PathBuf, BenchError> {
    capacity::writable_file().map_err(BenchError::NotSaved)?.ok_or(BenchError::NoFolder)
}

fn frames(args: &BenchArgs, config: &Config, deadline: Instant) -> Result<Frames, Failure> {
    if !args.frames.is_empty() {
        return Ok(Frames::open(&args.frames, deadline)?);
    }
    let size = Size { width_px: args.size.width_px, height_px: args.size.height_px };
    let (max_pixels, max_side_px) = (config.server.max_pixels, config.server.max_side_px);
    if size.pixels() > max_pixels || size.width_px.max(size.height_px) > max_side_px {
        return Err(BenchError::TooLarge { size, max_pixels, max_side_px }.into());
    }
    Ok(Frames::built_in(size, deadline)?)
}

/// Says so if the processor's core is not open to this shell: what is measured on another core is another answer.
fn warn_of_reserved_core(config: &Config, cores: &Cores) -> io::Result<()> {
    let Ok(online) = cores::online() else { return Ok(()) };
    let usual = Cores::share(&online, &config.wanted_cores()).ok().and_then(|cores| cores.processor(0));
    match (usual, cores.processor(0)) {
        (Some(usual), Some(core)) if usual != core => super::send::write_line(&format_args!(
            "This shell may not use core {usual}, where the daemon's processor runs: measuring on core {core}. To measure \
             there: sudo systemd-run --slice=fovea.slice --pty fovea bench"
        )),
        _ => Ok(()),
    }
}

fn pace(args: &BenchArgs, time: Duration) -> Pace {
    let fps = args.fps.hz();
    let enough = (FRAMES_IN_A_RUN / fps).min(time.as_secs_f64() / 6.0);
    let duration = Duration::from_secs_f64(enough.max(time.as_secs_f64() * FOR_A_RUN));
    Pace { fps, limit: Duration::from_millis(args.limit_ms.into()), duration }
}

/// Runs one load after the other, until the time is up.
fn measure(
    rig: &mut Rig<'_>,
    pace: &Pace,
    began: Instant,
    time: Duration,
    progress: &Progress,
) -> Result<Vec<Trial>, Failure> {
    let has_time = || began.elapsed() + pace.longest() <= time;
    let mut trials = Vec::new();
    let mut run = |level: Level, trials: &mut Vec<Trial>| -> Result<(), Failure> {
        progress.measures(level, pace.fps * level.rate_share());
        trials.push(rig.run(level, pace)?);
        Ok(())
    };
    // What a frame costs is not known before.
    run(Level::ONE_CAMERA, &mut trials)?;
    let mut search = Search::default();
    while let Some(last) = trials.last() {
        search.record(last.level, last.is_kept());
        let share = last.frame_time().map_or(1.0, |time| time.as_secs_f64() * pace.fps);
        match search.next(share) {
            Some(level) if has_time() => run(level, &mut trials)?,
            _ => break,
        }
    }
    while has_time() {
        run(trial::next(&trials), &mut trials)?;
    }
    Ok(trials)
}

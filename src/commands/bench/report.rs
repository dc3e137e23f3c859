//! The answer: in words and as JSON.

use std::fmt::Write;

use serde::Serialize;

use super::{
    conclusion::{Measured, capacity},
    neighbours,
    search::MAX_CAMERAS,
    trial::{Trial, TrialReport, pool},
};
use crate::{
    capacity::{Capacity, Interval, LimitedBy, OneMore},
    config::{Config, MAIN},
    system::{cores::List, printable::json},
};

/// The answer as `--json` has it.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    #[serde(flatten)]
    capacity: Capacity,
    /// Built-in frames, or the user's.
    frames_are_built_in: bool,
    /// Frames that were sent over and over.
    frames_distinct: usize,
    /// All runs, in their order.
    runs: Vec<TrialReport>,
}

impl Report {
    pub(super) fn of(measured: &Measured<'_>) -> Self {
        Self {
            capacity: capacity(measured),
            frames_are_built_in: measured.args.frames.is_empty(),
            frames_distinct: measured.frames.count(),
            runs: measured.trials.iter().map(Trial::report).collect(),
        }
    }

    pub(super) fn capacity(&self) -> &Capacity {
        &self.capacity
    }

    pub(super) fn json(&self) -> String {
        json(&serde_json::to_string(self).expect("names and numbers"))
    }

    /// Sentences, a table, and what it rests on.
    pub(super) fn text(&self, measured: &Measured<'_>) -> String {
        let mut text = format!("{}\n{}\n", self.answer(measured), self.next(measured));
        text.extend(neighbours::describe(measured.beside).map(|beside| format!("{beside}\n")));
        text.push('\n');
        text.push_str(&table(measured.trials));
        text.push('\n');
        let Capacity { processor_ms, receive_ms, frame_bytes, .. } = &self.capacity;
        let where_received = match measured.core_is_shared {
            true => "the same core".to_owned(),
            false => format!("core {}", List(measured.other_cores)),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "A frame takes {processor_ms:.1} ms of the processor; to receive it takes {receive_ms:.1} ms of {where_received}."
        );
        let kind = if self.frames_are_built_in { "built-in" } else { "given" };
        let _ = writeln!(
            text,
            "{} {kind} frames of {} kB, sent over WebSocket connections of this machine; {} runs in {:.0} s.",
            self.frames_distinct,
            frame_bytes / 1000,
            self.runs.len(),
            measured.took.as_secs_f64(),
        );
        let source = match (&measured.source, measured.args.stages.is_empty()) {
            (Some(file), true) => format!("Stages and core are those of {}.", file.display()),
            (Some(file), false) => format!("The core is that of {}.", file.display()),
            (None, true) => "There is no /etc/fovea/fovea.toml, so the cameras have motion.".to_owned(),
            (None, false) => String::new(),
        };
        text.push_str(&source);
        text.truncate(text.trim_end().len());
        text
    }

    fn stages(&self) -> String {
        match self.capacity.stages.as_slice() {
            [] => "none".into(),
            [one] => one.clone(),
            [others @ .., last] => format!("{} and {last}", others.join(", ")),
        }
    }

    /// `Core 3 keeps 5 cameras of 1280x720 at 15 fps with motion and tamper ...`
    fn answer(&self, measured: &Measured<'_>) -> String {
        let Capacity { cameras, size_px: [width, height], fps, limit_ms, .. } = self.capacity;
        let processor = processor_name(measured.config, measured.processor);
        let place = match (measured.core, processor) {
            (Some(core), None) => format!("Core {core}"),
            (Some(core), Some(name)) => format!("Core {core} (processor {name})"),
            (None, name) => format!("The processor {} (no core of its own)", name.unwrap_or(measured.processor)),
        };
        let (stages, fps) = (self.stages(), number(fps));
        let kind = format!("{width}x{height} at {fps} fps with {stages}");
        let promise = format!("99 of 100 frames have a result within {limit_ms} ms");
        match (cameras, self.capacity.kept_fps) {
            (0, Some(kept)) if kept > 0.0 => {
                format!("{place} does not keep one camera of {kind}. It keeps one at {kept:.1} fps: {promise}.")
            }
            (0, _) => format!(
                "{place} keeps no camera of {width}x{height} with {stages} at any rate, if results must be there within {limit_ms} \
                 ms: one frame takes {:.1} ms.",
                self.capacity.processor_ms
            ),
            (cameras, _) => {
                let s = if cameras == 1 { "" } else { "s" };
                let more = if cameras == MAX_CAMERAS { " or more" } else { "" };
                let (low, high) = (self.capacity.cameras_low, self.capacity.cameras_high);
                let range = if low == high { String::new() } else { format!(" ({low} to {high} in single runs)") };
                format!("{place} keeps {cameras}{more} camera{s} of {kind}{range}: {promise}.")
            }
        }
    }

    /// What one more does.
    fn next(&self, measured: &Measured<'_>) -> String {
        let Capacity { cameras, one_more, limited_by, .. } = &self.capacity;
        let Some(OneMore { cameras: more, fps, results_fps, in_time, p99_ratio, .. }) = one_more else {
            return "A higher load was not measured.".into();
        };
        let who = match (cameras, more) {
            (0, _) => format!("At {} fps", number(*fps)),
            (_, more) => format!("With {} cameras", more),
        };
        let ratio = p99_ratio.map_or_else(String::new, |Interval { value, low, high }| {
            format!("the age p99 is {value:.1} times as high ({low:.1} to {high:.1}), and ")
        });
        let why = match limited_by {
            LimitedBy::Processor => String::new(),
            LimitedBy::OtherCores => format!(
                " The processor is not the limit: frames wait for core {}, which receives them and here also sends them, or for \
                 other programs.",
                List(measured.other_cores)
            ),
            LimitedBy::Unknown => " What limits it was not found.".to_owned(),
        };
        format!(
            "{who}, {ratio}{:.1} % of the frames have a result in time ({} of {} fps have one at all).{why}",
            in_time * 100.0,
            number(*results_fps),
            number(*fps)
        )
    }
}

/// A line for each load, the lowest first.
fn table(trials: &[Trial]) -> String {
    let mut levels: Vec<_> = trials.iter().map(|trial| trial.level).collect();
    levels.sort_unstable();
    levels.dedup();
    let mut table = "cameras    fps  in time  age p50    age p99 (single runs)     processor  runs\n".to_owned();
    for level in levels {
        let pool = pool(trials, level);
        let fps = number(pool.0[0].fps);
        let [p50, p99, range] = pool.ages().map_or(["-".to_owned(), "-".to_owned(), String::new()], |ages| {
            let range = format!("({} to {})", millis(ages.p99_low), millis(ages.p99_high));
            let range = if pool.0.len() > 1 { range } else { String::new() };
            [format!("{} ms", millis(ages.p50)), format!("{} ms", millis(ages.p99)), range]
        });
        // Writing to a String cannot fail.
        let _ = writeln!(
            table,
            "{:>7}  {fps:>5}  {:>5.1} %  {p50:>7}  {p99:>9} {range:<16}  {:>6.0} %  {:>4}",
            level.senders(),
            pool.in_time() * 100.0,
            pool.load() * 100.0,
            pool.0.len()
        );
    }
    table
}

/// The name of a processor, unless the machine has only one.
fn processor_name<'c>(config: &Config, name: &'c str) -> Option<&'c str> {
    (config.processors.len() > 1 || name != MAIN).then_some(name)
}

/// `8.4`, `31`
fn millis(age_ms: f64) -> String {
    let digits = usize::from(age_ms < 10.0);
    format!("{age_ms:.digits$}")
}

/// `15`, `7.5`
fn number(value: f64) -> String {
    let tenths = format!("{value:.1}");
    tenths.strip_suffix(".0").map_or(tenths.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::Parser;

    use super::*;
    use crate::{
        commands::{
            Cli, Command,
            bench::{frames::Frames, search::Level},
        },
        frame::Size,
    };

    /// A run in which so many of 100 frames had a result in time.
    fn trial(level: Level, in_time: usize) -> Trial {
        Trial {
            level,
            fps: 15.0 * level.rate_share(),
            duration: Duration::from_secs(2),
            due: 100,
            unsent: 0,
            ages_ms: [vec![20.0; in_time], vec![60.0; 100 - in_time]].concat(),
            limit_ms: 50.0,
            processed: (100, Duration::from_millis(1900)),
            span: Duration::from_secs(2),
            received: (100, Duration::from_millis(100)),
        }
    }

    /// The first two lines that are printed after these runs.
    fn words(trials: &[Trial]) -> String {
        let Command::Bench(args) = Cli::parse_from(["fovea", "bench"]).command else { panic!("it is bench") };
        let config = Config::parse("test", "[[camera]]\nname = \"door\"\n[camera.motion]\n[camera.tamper]\n").unwrap();
        let size = Size { width_px: 64, height_px: 48 };
        let frames = Frames::built_in(size, std::time::Instant::now()).unwrap();
        let measured = Measured {
            args: &args,
            source: None,
            config: &config,
            frames: &frames,
            processor: "main",
            core: Some(3),
            core_is_shared: false,
            other_cores: &[0, 1, 2],
            beside: &[],
            trials,
            took: Duration::from_secs(50),
        };
        Report::of(&measured).text(&measured).lines().take(2).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_answer_is_a_sentence() {
        let (one, two) = (Level::ONE_CAMERA, Level::ONE_CAMERA.next());
        assert_eq!(
            words(&[trial(one, 100), trial(two, 60), trial(two, 99)]),
            "Core 3 keeps 1 camera of 64x48 at 15 fps with motion and tamper (1 to 2 in single runs): 99 of 100 frames have \
             a result within 50 ms.\n\
             With 2 cameras, the age p99 is 3.0 times as high (3.0 to 3.0), and 79.5 % of the frames have a result in time \
             (15 of 15 fps have one at all)."
        );
    }

    #[test]
    fn less_than_a_camera_is_a_rate() {
        let one = Level::ONE_CAMERA;
        let lower = one.previous().unwrap();
        assert_eq!(
            words(&[trial(one, 10), trial(lower, 100)]),
            "Core 3 does not keep one camera of 64x48 at 15 fps with motion and tamper. It keeps one at 14.1 fps: 99 of 100 \
             frames have a result within 50 ms.\n\
             At 15 fps, the age p99 is 3.0 times as high (3.0 to 3.0), and 10.0 % of the frames have a result in time (15 of 15 \
             fps have one at all)."
        );
        let none = words(&[trial(one, 0)]);
        assert!(none.starts_with("Core 3 keeps no camera of 64x48 with motion and tamper at any rate, if "), "{none}");
    }
}

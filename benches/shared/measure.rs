//! How measurements are taken: for how long and at which rate, what the kernel says of a process, and quantiles.

use std::{
    collections::BTreeMap,
    fs, thread,
    time::{Duration, Instant},
};

use fovea::message::{Age, Message};
use nix::{
    sched::{CpuSet, sched_setaffinity},
    time::{ClockId, clock_gettime},
    unistd::Pid,
};

use crate::Result;

/// The rate at which costs are measured: a usual camera's.
pub(crate) const RATE: Duration = Duration::from_nanos(1_000_000_000 / 30);

/// The processor's core on a machine of two, and what else is pinned there by turns.
pub(crate) fn core() -> Result<usize> {
    Ok(thread::available_parallelism()?.get().max(2) - 1)
}

/// A time, but not so short that it measures nothing.
pub(crate) fn seconds(seconds: f64, share: f64) -> Duration {
    Duration::from_secs_f64((seconds * share).max(0.5))
}

/// Sends at a steady rate for a time, and waits for the last result.
pub(crate) fn pace(interval: Duration, time: Duration, mut send: impl FnMut() -> Result<()>) -> Result<()> {
    let start = Instant::now();
    let mut due = start;
    while start.elapsed() < time {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        send()?;
        due += interval;
    }
    thread::sleep(Duration::from_millis(100));
    Ok(())
}

/// An age of each result.
pub(crate) fn ages(results: &[String], which: impl Fn(Age) -> f64) -> Vec<f64> {
    let ages = results.iter().filter_map(|text| match Message::from_json(text) {
        Ok(Message::Result(result)) => Some(which(result.age_ms)),
        _ => None,
    });
    ages.collect()
}

/// Processor time that all threads of a process have used.
pub(crate) fn cpu_time(pid: u32) -> Result<Duration> {
    let clock = ClockId::pid_cpu_clock_id(Pid::from_raw(pid.cast_signed()))?;
    Ok(clock_gettime(clock)?.into())
}

/// Processor time that the calling thread has used.
pub(crate) fn own_cpu_time() -> Result<Duration> {
    Ok(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?.into())
}

/// Places the calling thread on one core.
pub(crate) fn place(core: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(core)?;
    Ok(sched_setaffinity(Pid::from_raw(0), &set)?)
}

/// Minor page faults of a process so far: field 10 of `/proc/PID/stat`, counted from behind the name in brackets.
pub(crate) fn minor_faults(pid: u32) -> Result<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let behind_name = stat.rsplit_once(')').ok_or("no name in stat")?.1;
    Ok(behind_name.split_whitespace().nth(7).ok_or("stat is short")?.parse()?)
}

/// Resident memory of a process in kB: `VmRSS` or `VmHWM`.
pub(crate) fn memory_kb(pid: u32, which: &str) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|line| line.starts_with(which)).ok_or("no such line in status")?;
    Ok(line.split_whitespace().nth(1).ok_or("no number")?.parse()?)
}

/// How often each thread went to sleep by itself, and so was woken, by name.
pub(crate) fn wake_ups(pid: u32) -> Result<BTreeMap<String, u64>> {
    let mut counts = BTreeMap::new();
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let status = fs::read_to_string(task?.path().join("status"))?;
        let value = |key: &str| status.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
        let name = value("Name:").ok_or("no name")?.to_owned();
        let count: u64 = value("voluntary_ctxt_switches:").ok_or("no count")?.parse()?;
        *counts.entry(name).or_default() += count;
    }
    Ok(counts)
}

/// The value that `part` (0 to 1) of the values lie below.
pub(crate) fn quantile(values: &mut [f64], part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index"
    )]
    let index = (part * (values.len() - 1) as f64).round() as usize;
    values[index]
}

pub(crate) fn median(values: &mut [f64]) -> f64 {
    quantile(values, 0.5)
}

/// How far a number made of many rounds would be elsewhere in other ones: that number's 5 % and 95 % quantiles over a
/// thousand draws of as many rounds, with replacement (the bootstrap: Efron 1979).
pub(crate) fn spread<T>(rounds: &[T], number: impl Fn(&[&T]) -> f64) -> [f64; 2] {
    let mut state = 1_u64; // the same draws each time
    let mut any = || {
        // Knuth's MMIX generator; its upper bits are the good ones.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        &rounds[usize::try_from(state >> 33).expect("31 bits") % rounds.len()]
    };
    let mut numbers: Vec<_> = (0..1000).map(|_| number(&rounds.iter().map(|_| any()).collect::<Vec<_>>())).collect();
    [0.05, 0.95].map(|part| quantile(&mut numbers, part))
}

/// Values of one thing and of another, by turns.
pub(crate) struct Pairs(pub(crate) Vec<[Vec<f64>; 2]>);

impl Pairs {
    /// The 99th percentile of each of the two, of all rounds together.
    pub(crate) fn p99(&self) -> [f64; 2] {
        let all: Vec<_> = self.0.iter().collect();
        p99(&all)
    }

    /// The ratio of the second's to the first's: the range from 5 to 95 % of what chance could have made of it.
    pub(crate) fn ratio_range(&self) -> [f64; 2] {
        spread(&self.0, |rounds| {
            let [first, second] = p99(rounds);
            second / first
        })
    }

    /// How many values the second has.
    pub(crate) fn count(&self) -> usize {
        self.0.iter().map(|[_, second]| second.len()).sum()
    }
}

fn p99(rounds: &[&[Vec<f64>; 2]]) -> [f64; 2] {
    [0, 1].map(|which| {
        let mut values: Vec<_> = rounds.iter().flat_map(|round| &round[which]).copied().collect();
        quantile(&mut values, 0.99)
    })
}

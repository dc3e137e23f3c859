//! Cores: one for the processor, the rest for housekeeping.

use std::{fmt, fs, io};

use nix::{
    errno::Errno,
    sched::{CpuSet, sched_getaffinity, sched_setaffinity},
    unistd::Pid,
};
use thread_priority::{
    NormalThreadSchedulePolicy, RealtimeThreadSchedulePolicy, ThreadPriority, ThreadPriorityValue,
    ThreadSchedulePolicy, set_thread_priority_and_policy, thread_native_id,
};

/// The calling thread, to the scheduler.
const SELF: Pid = Pid::from_raw(0);

/// Which core is the processor's and which are everybody else's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cores {
    processor: usize,
    housekeeping: Vec<usize>, // without the processor's core, if there is more than one
}

/// Why the cores cannot be had as configured.
#[derive(Debug, thiserror::Error)]
pub enum CoresError {
    /// The core is not there or this process may not use it.
    #[error(
        "processor.core = {core}: this process may use only core{} {}; choose one of these, or widen the cpuset \
         (AllowedCPUs= in systemd)",
        if allowed.len() == 1 { "" } else { "s" },
        List(allowed)
    )]
    NotAllowed {
        /// As configured.
        core: usize,
        /// What the process may use.
        allowed: Vec<usize>,
    },
    /// The system refused.
    #[error("cannot place this thread on core(s) {}; the sandbox must allow sched_setaffinity", List(cores))]
    Refused {
        /// Where it was to go.
        cores: Vec<usize>,
        /// Why not.
        source: io::Error,
    },
    /// The system agreed and did something else.
    #[error(
        "the kernel runs this thread on core(s) {} and not on {}; another program may have changed its affinity",
        List(got),
        List(asked)
    )]
    Elsewhere {
        /// Where it was to go.
        asked: Vec<usize>,
        /// Where it is.
        got: Vec<usize>,
    },
    /// The processor may not go ahead of others.
    #[error(
        "processor.realtime_priority = {priority}: the system does not allow it; raise the limit (in systemd as \
         /usr/share/fovea/realtime.conf does, in a shell with `ulimit -r`), or leave the key out"
    )]
    Priority {
        /// As configured.
        priority: u8,
    },
    /// Not even the present placement can be read.
    #[error("cannot read which cores this process may use")]
    Unreadable(#[source] io::Error),
}

impl Cores {
    /// Gives the processor the `wanted` core, or else the highest-numbered one, of those this process may use.
    ///
    /// # Errors
    /// When it may not use the wanted core.
    pub fn plan(wanted: Option<usize>) -> Result<Self, CoresError> {
        Self::share(&current()?, wanted)
    }

    fn share(allowed: &[usize], wanted: Option<usize>) -> Result<Self, CoresError> {
        let highest = *allowed.last().expect("this very thread runs somewhere");
        let processor = wanted.unwrap_or(highest);
        if !allowed.contains(&processor) {
            return Err(CoresError::NotAllowed { core: processor, allowed: allowed.into() });
        }
        let mut housekeeping = allowed.to_vec();
        if housekeeping.len() > 1 {
            housekeeping.retain(|&core| core != processor);
        }
        Ok(Self { processor, housekeeping })
    }

    /// The processor's core.
    #[must_use]
    pub fn processor(&self) -> usize {
        self.processor
    }

    /// Whether the processor's core is kept free of this process's other threads: whether there are two cores.
    #[must_use]
    pub fn is_dedicated(&self) -> bool {
        self.housekeeping != [self.processor]
    }

    /// Moves the calling thread, and so every thread it starts from now on, off the processor's core.
    ///
    /// # Errors
    /// When the system does not do it.
    pub fn pin_housekeeping(&self) -> Result<(), CoresError> {
        place(&self.housekeeping)
    }

    /// Moves the calling thread to the processor's core, and ahead of ordinary threads there if given a priority:
    /// SCHED_FIFO, 1 to 99.
    ///
    /// # Errors
    /// When the system does not do it.
    pub fn pin_processor(&self, priority: Option<u8>) -> Result<(), CoresError> {
        place(&[self.processor])?;
        let Some(priority) = priority else { return Ok(()) };
        let value = ThreadPriorityValue::try_from(priority).map_err(|_| CoresError::Priority { priority })?;
        let fifo = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo);
        set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Crossplatform(value), fifo)
            .map_err(|_| CoresError::Priority { priority })
    }
}

/// Lets every other thread on its cores go ahead of the calling one: the lowest of ordinary priorities.
///
/// # Errors
/// When the system does not do it.
pub fn set_lowest_priority() -> io::Result<()> {
    let ordinary = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Other);
    set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, ordinary).map_err(io::Error::other)
}

/// Places the calling thread and reads back where it is.
fn place(cores: &[usize]) -> Result<(), CoresError> {
    let refused = |errno: Errno| CoresError::Refused { cores: cores.into(), source: errno.into() };
    let mut set = CpuSet::new();
    for &core in cores {
        set.set(core).map_err(refused)?;
    }
    sched_setaffinity(SELF, &set).map_err(refused)?;
    let got = current()?;
    if got == cores { Ok(()) } else { Err(CoresError::Elsewhere { asked: cores.into(), got }) }
}

/// The cores the calling thread may run on, ascending.
fn current() -> Result<Vec<usize>, CoresError> {
    let set = sched_getaffinity(SELF).map_err(|errno| CoresError::Unreadable(errno.into()))?;
    Ok((0..CpuSet::count()).filter(|&core| set.is_set(core).unwrap_or(false)).collect())
}

/// The cores that are switched on, ascending, whatever this process may use of them.
///
/// # Errors
/// When the kernel does not say.
pub fn online() -> io::Result<Vec<usize>> {
    let text = fs::read_to_string("/sys/devices/system/cpu/online")?;
    parse_list(&text).ok_or_else(|| io::Error::other(format!("{text:?} is not a list of cores")))
}

/// Core numbers as the kernel writes them, `0-2,5`, ascending.
#[must_use]
pub fn parse_list(text: &str) -> Option<Vec<usize>> {
    let mut cores = Vec::new();
    for part in text.trim().split(',').filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        cores.extend(first.parse::<usize>().ok()?..=last.parse().ok()?);
    }
    Some(cores)
}

/// Core numbers as people write them.
struct List<'a>(&'a [usize]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, core) in self.0.iter().enumerate() {
            write!(f, "{}{core}", if place == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_core_is_the_processors_by_default() {
        let cores = Cores::share(&[0, 1, 2, 5], None).unwrap();
        assert_eq!(cores, Cores { processor: 5, housekeeping: vec![0, 1, 2] });
        assert!(cores.is_dedicated());
    }

    #[test]
    fn the_kernels_lists_are_understood() {
        assert_eq!(parse_list("0-2,5\n"), Some(vec![0, 1, 2, 5]));
        assert_eq!(parse_list("\n"), Some(vec![]));
        assert_eq!(parse_list("all"), None);
        assert!(!online().unwrap().is_empty());
    }

    #[test]
    fn a_single_core_is_shared() {
        let cores = Cores::share(&[0], None).unwrap();
        assert_eq!(cores, Cores { processor: 0, housekeeping: vec![0] });
        assert!(!cores.is_dedicated());
    }

    #[test]
    fn a_core_outside_the_cpuset_is_refused_with_the_ones_inside() {
        let error = Cores::share(&[0, 2], Some(1)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "processor.core = 1: this process may use only cores 0, 2; choose one of these, or widen the cpuset \
             (AllowedCPUs= in systemd)"
        );
    }
}

//! Cores: one for each processor as long as there are enough, the rest for housekeeping.

use std::{fmt, fs, io};

use nix::{
    errno::Errno,
    sched::{CpuSet, sched_getaffinity, sched_setaffinity},
    unistd::Pid,
};
use thread_priority::{
    NormalThreadSchedulePolicy, RealtimeThreadSchedulePolicy, ThreadPriority, ThreadPriorityOsValue,
    ThreadPriorityValue, ThreadSchedulePolicy, set_thread_priority_and_policy, thread_native_id,
    thread_schedule_policy,
};

/// The calling thread, to the scheduler.
const SELF: Pid = Pid::from_raw(0);

/// Which cores are the processors' and which are everybody else's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cores {
    /// The first one's, and those of the others; `None` if it has to do with the housekeeping cores.
    processors: Vec<Option<usize>>,
    housekeeping: Vec<usize>, // without the processors' cores, if there are more than these
}

/// What a processor is to have.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'n> {
    /// Its name, for errors; `None` for the only one that most configurations have.
    pub name: Option<&'n str>,
    /// Its core, if a certain one.
    pub core: Option<usize>,
}

/// A processor as an error cites it: nothing, or ` (slow)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whose(Option<String>);

impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_ref().map_or(Ok(()), |name| write!(f, " ({name})"))
    }
}

impl Wanted<'_> {
    /// Whose it is.
    #[must_use]
    pub fn whose(&self) -> Whose {
        Whose(self.name.map(str::to_owned))
    }
}

/// Why the cores cannot be had as configured.
#[derive(Debug, thiserror::Error)]
pub enum CoresError {
    /// The core is not there or this process may not use it.
    #[error(
        "processor.core = {core}{whose}: this process may use only core{} {}; choose one of these, or widen the cpuset \
         (AllowedCPUs= in systemd)",
        if allowed.len() == 1 { "" } else { "s" },
        List(allowed)
    )]
    NotAllowed {
        /// As configured.
        core: usize,
        /// Which processor's.
        whose: Whose,
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
        "processor.realtime_priority = {priority}{whose}: the system does not allow it; raise the limit (in systemd as \
         /usr/share/fovea/realtime.conf does, in a shell with `ulimit -r`), or leave the key out"
    )]
    Priority {
        /// As configured.
        priority: u8,
        /// Which processor's.
        whose: Whose,
    },
    /// Not even the present placement can be read.
    #[error("cannot read which cores this process may use")]
    Unreadable(#[source] io::Error),
}

impl Cores {
    /// Gives each processor the core that it wants, or else the highest-numbered free one, of those this process may use.
    /// The first one gets a core in any case. Another that wants no certain one only does if one is left for housekeeping.
    ///
    /// # Errors
    /// When it may not use a wanted core.
    pub fn plan(wanted: &[Wanted<'_>]) -> Result<Self, CoresError> {
        Self::share(&current()?, wanted)
    }

    /// The same with the cores `allowed`, ascending and at least one.
    ///
    /// # Errors
    /// When a wanted core is not among them.
    pub fn share(allowed: &[usize], wanted: &[Wanted<'_>]) -> Result<Self, CoresError> {
        if let Some((core, wanted)) =
            wanted.iter().find_map(|one| one.core.filter(|core| !allowed.contains(core)).map(|core| (core, one)))
        {
            return Err(CoresError::NotAllowed { core, whose: wanted.whose(), allowed: allowed.into() });
        }
        let is_wanted = |core: &usize| wanted.iter().any(|one| one.core == Some(*core));
        let mut free: Vec<_> = allowed.iter().copied().filter(|core| !is_wanted(core)).collect();
        let mut processors = Vec::new();
        for (index, one) in wanted.iter().enumerate() {
            let may_take = index == 0 || free.len() > 1;
            let core = one.core.or_else(|| free.pop_if(|_| may_take));
            processors.push(core.or_else(|| allowed.last().copied().filter(|_| index == 0)));
        }
        // Too few cores: what is not the first processor's has to do, or all.
        if free.is_empty() {
            let first = processors.first().copied().flatten();
            free = allowed.iter().copied().filter(|core| Some(*core) != first).collect();
        }
        if free.is_empty() {
            free = allowed.to_vec();
        }
        Ok(Self { processors, housekeeping: free })
    }

    /// The core of the processor of this number, unless it runs on the housekeeping cores.
    #[must_use]
    pub fn processor(&self, index: usize) -> Option<usize> {
        self.processors.get(index).copied().flatten()
    }

    /// Whether this process's other threads are kept off that core.
    #[must_use]
    pub fn is_dedicated(&self, index: usize) -> bool {
        self.processor(index).is_some_and(|core| !self.housekeeping.contains(&core))
    }

    /// The cores that are kept free of this process's other threads, ascending.
    #[must_use]
    pub fn dedicated(&self) -> Vec<usize> {
        let mut cores: Vec<_> =
            self.processors.iter().flatten().copied().filter(|core| !self.housekeeping.contains(core)).collect();
        cores.sort_unstable();
        cores.dedup();
        cores
    }

    /// The cores of all other threads.
    #[must_use]
    pub fn housekeeping(&self) -> &[usize] {
        &self.housekeeping
    }

    /// Moves the calling thread, and so every thread it starts from now on, off the processors' cores.
    ///
    /// # Errors
    /// When the system does not do it.
    pub fn pin_housekeeping(&self) -> Result<(), CoresError> {
        place(&self.housekeeping)
    }

    /// Moves the calling thread to the core of the processor of this number, and ahead of ordinary threads there if given a
    /// priority: SCHED_FIFO, 1 to 99. One beyond the first that shares its core with housekeeping has the lowest priority
    /// instead: it must not hold up those who receive frames.
    ///
    /// # Errors
    /// When the system does not do it.
    pub fn pin_processor(&self, index: usize, priority: Option<u8>, whose: &Whose) -> Result<(), CoresError> {
        match self.processor(index) {
            Some(core) => place(&[core])?,
            None => place(&self.housekeeping)?,
        }
        if index > 0 && !self.is_dedicated(index) {
            // It still runs, and no less often than the others let it.
            let _ = set_lowest_priority();
            return Ok(());
        }
        let Some(priority) = priority else { return Ok(()) };
        let not_allowed = || CoresError::Priority { priority, whose: whose.clone() };
        let value = ThreadPriorityValue::try_from(priority).map_err(|_| not_allowed())?;
        let fifo = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo);
        set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Crossplatform(value), fifo)
            .map_err(|_| not_allowed())
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

/// Makes the calling thread an ordinary one if it goes ahead of others (SCHED_FIFO, SCHED_RR, SCHED_DEADLINE).
///
/// # Errors
/// When the system does not do it.
pub fn leave_realtime() -> io::Result<()> {
    match thread_schedule_policy() {
        Ok(ThreadSchedulePolicy::Normal(_)) => return Ok(()),
        Ok(ThreadSchedulePolicy::Realtime(_)) => {}
        Err(error) => return Err(io::Error::other(error)),
    }
    let ordinary = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Other);
    let nice = ThreadPriority::Os(ThreadPriorityOsValue::default()); // 0, as it was before it went ahead
    set_thread_priority_and_policy(thread_native_id(), nice, ordinary).map_err(io::Error::other)
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

/// Core numbers as people write them: `0, 1`.
#[derive(Debug)]
pub struct List<'a>(pub &'a [usize]);

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

    /// How these cores are shared by processors that want these.
    fn share(allowed: &[usize], wanted: &[Option<usize>]) -> (Vec<Option<usize>>, Vec<usize>) {
        let wanted: Vec<_> = wanted.iter().map(|&core| Wanted { name: None, core }).collect();
        let Cores { processors, housekeeping } = Cores::share(allowed, &wanted).unwrap();
        (processors, housekeeping)
    }

    #[test]
    fn the_highest_core_is_the_processors_by_default() {
        assert_eq!(share(&[0, 1, 2, 5], &[None]), (vec![Some(5)], vec![0, 1, 2]));
        assert_eq!(share(&[0, 1, 2, 5], &[Some(1)]), (vec![Some(1)], vec![0, 2, 5]));
    }

    #[test]
    fn each_processor_has_a_core_as_long_as_one_is_left_for_the_others() {
        assert_eq!(share(&[0, 1, 2, 3], &[None, None]), (vec![Some(3), Some(2)], vec![0, 1]));
        assert_eq!(share(&[0, 1, 2, 3], &[None, None, None]), (vec![Some(3), Some(2), Some(1)], vec![0]));
        assert_eq!(share(&[0, 1], &[None, None]), (vec![Some(1), None], vec![0]), "too few");
        assert_eq!(share(&[0], &[None, None]), (vec![Some(0), None], vec![0]));
    }

    #[test]
    fn a_core_that_is_asked_for_is_nobody_elses() {
        assert_eq!(share(&[0, 1, 2, 3], &[None, Some(3)]), (vec![Some(2), Some(3)], vec![0, 1]));
        assert_eq!(share(&[0, 1, 2], &[None, None, Some(2)]), (vec![Some(1), None, Some(2)], vec![0]));
        // What is asked for is given: the other threads then share the second one's.
        assert_eq!(share(&[0, 1], &[Some(1), Some(0)]), (vec![Some(1), Some(0)], vec![0]));
        assert_eq!(share(&[0], &[None, Some(0)]), (vec![Some(0), Some(0)], vec![0]));
    }

    #[test]
    fn a_core_is_dedicated_if_no_other_thread_is_on_it() {
        let cores = |processors: &[Option<usize>], housekeeping: &[usize]| Cores {
            processors: processors.to_vec(),
            housekeeping: housekeeping.to_vec(),
        };
        assert_eq!(cores(&[Some(3), Some(2)], &[0, 1]).dedicated(), [2, 3]);
        assert_eq!(cores(&[Some(1), Some(0)], &[0]).dedicated(), [1]);
        assert!(!cores(&[Some(1), Some(0)], &[0]).is_dedicated(1));
        assert!(!cores(&[Some(1), None], &[0]).is_dedicated(1));
        assert!(!cores(&[Some(0)], &[0]).is_dedicated(0));
    }

    #[test]
    fn the_kernels_lists_are_understood() {
        assert_eq!(parse_list("0-2,5\n"), Some(vec![0, 1, 2, 5]));
        assert_eq!(parse_list("\n"), Some(vec![]));
        assert_eq!(parse_list("all"), None);
        assert!(!online().unwrap().is_empty());
    }

    #[test]
    fn a_core_outside_the_cpuset_is_refused_with_the_ones_inside() {
        let wanted = |name, core| Wanted { name, core };
        let error = |wanted: &[_]| Cores::share(&[0, 2], wanted).unwrap_err().to_string();
        assert_eq!(
            error(&[wanted(None, Some(1))]),
            "processor.core = 1: this process may use only cores 0, 2; choose one of these, or widen the cpuset \
             (AllowedCPUs= in systemd)"
        );
        let second = error(&[wanted(Some("main"), None), wanted(Some("slow"), Some(3))]);
        assert!(second.starts_with("processor.core = 3 (slow): this process may use only cores 0, 2"), "{second}");
    }
}

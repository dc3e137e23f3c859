//! Checks the processors' cores: whether they exist, and what else may run there.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use super::{Diagnostic, Machine, output};
use crate::{
    config::Config,
    model::worker,
    processor::is_thread_name,
    system::{
        cores::{self, Cores, CoresError, List},
        sysfs,
    },
};

/// How many programs a diagnostic lists; it counts the rest.
const MAX_LISTED: usize = 5;

pub(super) fn check(machine: &Machine) -> Vec<Diagnostic> {
    let Some(config) = &machine.config else { return Vec::new() };
    let online = match cores::online() {
        Ok(online) => online,
        Err(error) => return vec![Diagnostic::hint(format!("cannot list the cores: {error}"))],
    };
    let tasks = tasks(Path::new("/proc"));
    // The configured core, or else the one where the processor runs, or else the one that it would choose.
    if config.processors.len() > 1 {
        return several(config, &online, &tasks);
    }
    let running = tasks.iter().find(|task| task.is_processor()).and_then(|task| task.cores.first());
    match config.processors[0].core.as_ref().or(running).or(online.last()) {
        Some(core) if !online.contains(core) => {
            vec![Diagnostic::bad(format!("processor.core = {core}: there is no such core"))]
        }
        Some(&core) if online.len() > 1 => {
            let dedicated = Dedicated::query();
            vec![programs(core, &tasks, dedicated), interrupts(core, Path::new("/proc/irq"), dedicated)]
        }
        _ => vec![Diagnostic::hint("there is only one core: the processor shares it with all other programs")],
    }
}

/// Checks the cores of several processors, as they are planned on this machine.
fn several(config: &Config, online: &[usize], tasks: &[Task]) -> Vec<Diagnostic> {
    let plan = match Cores::share(online, &config.wanted_cores()) {
        Err(CoresError::NotAllowed { core, whose, .. }) => {
            return vec![Diagnostic::bad(format!("processor.core = {core}{whose}: there is no such core"))];
        }
        Err(error) => return vec![Diagnostic::hint(error.to_string())],
        Ok(plan) => plan,
    };
    let (dedicated, mut diagnostics) = (Dedicated::query(), Vec::new());
    for (index, processor) in config.processors.iter().enumerate() {
        let name = &processor.name;
        diagnostics.push(match plan.processor(index) {
            Some(core) if plan.is_dedicated(index) => Diagnostic::good(format!("the processor {name} has core {core}")),
            // The other threads of fovea have to run somewhere.
            _ => Diagnostic::hint(format!(
                "the processor {name} has no core of its own: it shares core {} with the other threads of fovea and with \
                 other programs; a board with more cores would give it one",
                List(&plan.processor(index).map_or_else(|| plan.housekeeping().to_vec(), |core| vec![core]))
            )),
        });
        if let Some(core) = plan.processor(index).filter(|_| plan.is_dedicated(index)) {
            diagnostics.push(programs(core, tasks, dedicated));
            diagnostics.push(interrupts(core, Path::new("/proc/irq"), dedicated));
        }
    }
    diagnostics
}

/// Whether fovea-core.service keeps other programs off the core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dedicated {
    Active,
    /// It could.
    Inactive,
    /// It was started, and a condition in the unit did not hold, such as the number of cores that the image asks for.
    Unsuitable,
}

impl Dedicated {
    fn query() -> Self {
        let properties = "--property=ActiveState,ConditionResult,ConditionTimestampMonotonic";
        let text = output("systemctl", &["show", properties, "fovea-core.service"]).unwrap_or_default();
        let has = |line: &str| text.lines().any(|other| other == line);
        if has("ActiveState=active") {
            Self::Active
        } else if has("ConditionResult=no") && !has("ConditionTimestampMonotonic=0") {
            Self::Unsuitable
        } else {
            Self::Inactive
        }
    }
}

/// A thread of a program or of the kernel.
#[derive(Debug)]
struct Task {
    name: String,
    /// The name of its process.
    program: String,
    cores: Vec<usize>,
    is_kernel_thread: bool,
    /// Whether the kernel runs one on each core, which cannot move.
    is_per_cpu: bool,
}

impl Task {
    /// In the kernel's `include/linux/sched.h`: PF_KTHREAD, PF_NO_SETAFFINITY.
    const KTHREAD: u64 = 0x0020_0000;
    const NO_SETAFFINITY: u64 = 0x0400_0000;

    fn read(folder: &Path, program: &str) -> Option<Self> {
        let status = fs::read_to_string(folder.join("status")).ok()?;
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let stat = fs::read_to_string(folder.join("stat")).ok()?;
        // Behind the name, which may contain anything: the flags are field 9 of all, and the name is the second.
        let flags: u64 = stat.rsplit_once(')')?.1.split_whitespace().nth(6)?.parse().ok()?;
        Some(Self {
            name: field("Name:")?.to_owned(),
            program: program.to_owned(),
            cores: cores::parse_list(field("Cpus_allowed_list:")?)?,
            is_kernel_thread: flags & Self::KTHREAD != 0,
            is_per_cpu: flags & Self::NO_SETAFFINITY != 0,
        })
    }

    fn is_processor(&self) -> bool {
        self.program == "fovea" && is_thread_name(&self.name)
    }

    /// Whether it runs a network, for which its processor waits meanwhile.
    fn is_network(&self) -> bool {
        self.program == worker::PROCESS_NAME
    }
}

/// All threads of this machine.
fn tasks(proc: &Path) -> Vec<Task> {
    let mut tasks = Vec::new();
    for process in fs::read_dir(proc).into_iter().flatten().flatten() {
        let program = sysfs::read(&process.path(), "comm").unwrap_or_default();
        for task in fs::read_dir(process.path().join("task")).into_iter().flatten().flatten() {
            tasks.extend(Task::read(&task.path(), &program));
        }
    }
    tasks
}

/// Checks which programs may run on the processor's core.
fn programs(core: usize, tasks: &[Task], dedicated: Dedicated) -> Diagnostic {
    let here = tasks.iter().filter(|task| task.cores.contains(&core) && !task.is_processor() && !task.is_network());
    let (kernel_threads, programs): (Vec<_>, Vec<_>) = here.partition(|task| task.is_kernel_thread);
    let names: BTreeSet<_> = programs.iter().map(|task| &*task.program).collect();
    let kernel_threads = kernel_threads.iter().filter(|task| !task.is_per_cpu).count();
    if names.is_empty() {
        return Diagnostic::good(format!(
            "only the processor runs on core {core}; {kernel_threads} kernel threads may run there for a moment"
        ));
    }
    let listed: Vec<_> = names.iter().take(MAX_LISTED).copied().collect();
    let more = names.len().saturating_sub(MAX_LISTED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let finding = format!("other programs may run on core {core}, the processor's: {}{more}", listed.join(", "));
    match dedicated {
        Dedicated::Active => Diagnostic::bad(format!(
            "{finding}, although fovea-core.service is active; run `systemctl restart fovea-core`"
        )),
        Dedicated::Inactive => Diagnostic::hint(format!(
            "{finding}; `systemctl enable --now fovea-core` keeps them off; do this if ages must not vary"
        )),
        // There is nothing to do.
        Dedicated::Unsuitable => Diagnostic::good(format!(
            "{finding}; fovea-core.service does not keep them off, because a condition in it does not hold: too few cores"
        )),
    }
}

/// Checks which devices' interrupts the core handles.
fn interrupts(core: usize, folder: &Path, dedicated: Dedicated) -> Diagnostic {
    let mut here = BTreeMap::new();
    for interrupt in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = interrupt.path();
        let read = |file| sysfs::read(&path, file).and_then(|text| cores::parse_list(&text));
        // Some controllers only say which cores may handle an interrupt.
        let handled = read("effective_affinity_list").filter(|cores| !cores.is_empty());
        let handled = handled.or_else(|| read("smp_affinity_list")).unwrap_or_default();
        // Each device that uses the interrupt has a folder here.
        let inside = fs::read_dir(&path).into_iter().flatten().flatten();
        let device = inside.filter(|file| file.path().is_dir()).find_map(|file| file.file_name().into_string().ok());
        if let Some(device) = device.filter(|_| handled == [core]) {
            let number: Option<u32> = interrupt.file_name().to_str().and_then(|name| name.parse().ok());
            here.extend(number.map(|number| (number, format!("{number} ({device})"))));
        }
    }
    let listed = here.into_values().collect::<Vec<_>>().join(", ");
    if listed.is_empty() {
        return Diagnostic::good(format!("core {core} handles no device's interrupts"));
    }
    match dedicated {
        // The rest cannot move: they belong to queues that a device has for each core.
        Dedicated::Active => {
            Diagnostic::good(format!("core {core} handles only devices' interrupts that cannot move: {listed}"))
        }
        Dedicated::Inactive => Diagnostic::hint(format!(
            "core {core}, the processor's, handles interrupts: {listed}; `systemctl enable --now fovea-core` moves those that can move"
        )),
        Dedicated::Unsuitable => Diagnostic::good(format!(
            "core {core}, the processor's, handles interrupts: {listed}; this board has no core to spare"
        )),
    }
}

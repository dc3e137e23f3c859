//! The processor's core: whether there is one to have, and what else may run there.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use super::{Diagnostic, Machine, output};
use crate::system::{cores, sysfs};

/// How many programs are named; the rest is counted.
const NAMED: usize = 5;

pub(super) fn check(machine: &Machine) -> Vec<Diagnostic> {
    let Some(config) = &machine.config else { return Vec::new() };
    let online = match cores::online() {
        Ok(online) => online,
        Err(error) => return vec![Diagnostic::hint(format!("which cores there are cannot be seen: {error}"))],
    };
    let tasks = tasks(Path::new("/proc"));
    // Where it is to be, else where it is, else where it will be.
    let running = tasks.iter().find(|task| task.is_processor()).and_then(|task| task.cores.first());
    match config.processor.core.as_ref().or(running).or(online.last()) {
        Some(core) if !online.contains(core) => {
            vec![Diagnostic::bad(format!("processor.core = {core}: there is no such core"))]
        }
        Some(&core) if online.len() > 1 => {
            let is_kept = output("systemctl", &["is-active", "fovea-core.service"]).is_some();
            vec![programs(core, &tasks, is_kept), interrupts(core, Path::new("/proc/irq"), is_kept)]
        }
        _ => vec![Diagnostic::hint("there is only one core, which the processor shares with everything else")],
    }
}

/// A thread of a program or of the kernel.
#[derive(Debug)]
struct Task {
    name: String,
    /// Of its first thread.
    program: String,
    cores: Vec<usize>,
    is_kernels: bool,
    /// The kernel's own for each core.
    is_bound: bool,
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
            is_kernels: flags & Self::KTHREAD != 0,
            is_bound: flags & Self::NO_SETAFFINITY != 0,
        })
    }

    fn is_processor(&self) -> bool {
        self.program == "fovea" && self.name == "processor"
    }
}

/// All there are now.
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

/// What may run beside the processor. `is_kept`: fovea-core.service is there to keep it off.
fn programs(core: usize, tasks: &[Task], is_kept: bool) -> Diagnostic {
    let here = tasks.iter().filter(|task| task.cores.contains(&core) && !task.is_processor());
    let (kernels, programs): (Vec<_>, Vec<_>) = here.partition(|task| task.is_kernels);
    let names: BTreeSet<_> = programs.iter().map(|task| &*task.program).collect();
    let kernels = kernels.iter().filter(|task| !task.is_bound).count();
    if names.is_empty() {
        return Diagnostic::good(format!(
            "core {core} is the processor's alone; {kernels} threads of the kernel may come there for a moment"
        ));
    }
    let told: Vec<_> = names.iter().take(NAMED).copied().collect();
    let more = names.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let told = format!("on core {core}, the processor's, other programs may run too: {}{more}", told.join(", "));
    if is_kept {
        Diagnostic::bad(format!(
            "{told}, although fovea-core.service is there to keep them off; `systemctl restart fovea-core`"
        ))
    } else {
        Diagnostic::hint(format!("{told}; `systemctl enable --now fovea-core` keeps them off, if ages must not vary"))
    }
}

/// The interrupts of devices that are handled there.
fn interrupts(core: usize, folder: &Path, is_kept: bool) -> Diagnostic {
    let mut here = BTreeMap::new();
    for interrupt in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = interrupt.path();
        let read = |file| sysfs::read(&path, file).and_then(|text| cores::parse_list(&text));
        // Where the kernel can say only where they may be handled, they may.
        let handled = read("effective_affinity_list").filter(|cores| !cores.is_empty());
        let handled = handled.or_else(|| read("smp_affinity_list")).unwrap_or_default();
        // A device that uses it has a folder in it.
        let inside = fs::read_dir(&path).into_iter().flatten().flatten();
        let device = inside.filter(|file| file.path().is_dir()).find_map(|file| file.file_name().into_string().ok());
        if let Some(device) = device.filter(|_| handled == [core]) {
            let number: Option<u32> = interrupt.file_name().to_str().and_then(|name| name.parse().ok());
            here.extend(number.map(|number| (number, format!("{number} ({device})"))));
        }
    }
    let told = here.into_values().collect::<Vec<_>>().join(", ");
    if told.is_empty() {
        Diagnostic::good(format!("no device's interrupts are handled on core {core}"))
    } else if is_kept {
        // What is left could not be moved: queues of which a device has one for each core, for what is asked there.
        Diagnostic::good(format!("of devices' interrupts core {core} has only those that are its own: {told}"))
    } else {
        Diagnostic::hint(format!(
            "on core {core}, the processor's, interrupts are handled: {told}; `systemctl enable --now fovea-core` moves those that can be moved"
        ))
    }
}

//! `fovea dedicate`: the processor's core for the processor alone. Programs are kept off it by systemd, slice by slice;
//! interrupts and the kernel's own work by the kernel, as far as it lets itself be told.
//!
//! Nothing of it outlasts a boot, so whatever goes wrong, a boot without it is as if it had never been.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use super::{Failure, say};
use crate::{config::Config, system::cores};

/// Where fovea itself is: see its unit.
const OWN_SLICE: &str = "fovea.slice";

/// All that systemd runs is in these. Some are made only when they are needed, which must find it told already.
const SLICES: [&str; 4] = ["init.scope", "machine.slice", "system.slice", "user.slice"];

const CGROUPS: &str = "/sys/fs/cgroup";
const INTERRUPTS: &str = "/proc/irq";
const WORK_QUEUES: &str = "/sys/devices/virtual/workqueue/cpumask";

/// Why the core stays everybody's.
#[derive(Debug, thiserror::Error)]
pub enum DedicateError {
    /// It is not known which cores there are.
    #[error("the kernel does not say which cores there are")]
    Unknown(#[source] io::Error),
    /// Where would the rest go?
    #[error("there is only one core: the processor shares it with everything else")]
    OnlyOne,
    /// Of a board with fewer.
    #[error("processor.core = {0}: there is no such core")]
    NoSuchCore(usize),
    /// Systemd does not do it.
    #[error("systemd does not keep {slice} to cores {cores}: {why}")]
    Refused {
        /// Which of them.
        slice: String,
        /// Where it was to stay.
        cores: String,
        /// What systemctl says.
        why: String,
    },
    /// The kernel does not let us.
    #[error("{0} cannot be written; this takes root")]
    NotAllowed(PathBuf, #[source] io::Error),
}

/// What became of the interrupts.
#[derive(Debug, Default, PartialEq, Eq)]
struct Moved {
    moved: usize,
    /// Timers and the like, of which each core has its own.
    stay: usize,
}

/// Does it, or undoes it, and tells what was done.
///
/// # Errors
/// When the configuration is wrong, or the system refuses.
pub fn run(undo: bool, config: &Path) -> Result<(), Failure> {
    let online = cores::online().map_err(DedicateError::Unknown)?;
    if undo {
        keep_slices_to(&[])?;
        move_interrupts(Path::new(INTERRUPTS), &online)?;
        move_work_queues(&online)?;
        say(format_args!("every core is everybody's"))?;
        return Ok(());
    }
    let wanted = Config::load(config).map_err(Failure::of_config)?.processor.core;
    let (core, rest) = share(&online, wanted)?;
    keep_slices_to(&rest)?;
    let Moved { moved, stay } = move_interrupts(Path::new(INTERRUPTS), &rest)?;
    move_work_queues(&rest)?;
    say(format_args!(
        "core {core} is fovea's; programs and {moved} interrupts are on core {}, {stay} interrupts are of each core itself",
        list(&rest)
    ))?;
    Ok(())
}

/// The processor's core, and the rest.
fn share(online: &[usize], wanted: Option<usize>) -> Result<(usize, Vec<usize>), DedicateError> {
    let core = wanted.or(online.last().copied()).ok_or(DedicateError::OnlyOne)?;
    if !online.contains(&core) {
        return Err(DedicateError::NoSuchCore(core));
    }
    let rest: Vec<_> = online.iter().copied().filter(|&other| other != core).collect();
    if rest.is_empty() { Err(DedicateError::OnlyOne) } else { Ok((core, rest)) }
}

/// Keeps every slice but ours to these cores; none means: to no cores in particular.
fn keep_slices_to(cores: &[usize]) -> Result<(), DedicateError> {
    // Those of the administrator's own are there, or are not in use.
    let found = fs::read_dir(CGROUPS).into_iter().flatten().flatten();
    let found = found.filter_map(|entry| entry.file_name().into_string().ok());
    let found = found.filter(|name| name.ends_with(".slice") || name.ends_with(".scope"));
    let slices: BTreeSet<String> = SLICES.map(str::to_owned).into_iter().chain(found).collect();
    for slice in slices.into_iter().filter(|slice| slice != OWN_SLICE) {
        let cores = list(cores);
        let mut command = Command::new("systemctl");
        command.args(["set-property", "--runtime", &slice, &format!("AllowedCPUs={cores}")]);
        let why = match command.output() {
            Ok(output) if output.status.success() => continue,
            Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            Err(error) => error.to_string(),
        };
        return Err(DedicateError::Refused { slice, cores, why });
    }
    Ok(())
}

/// Has interrupts handled on these cores, those to come too.
fn move_interrupts(folder: &Path, cores: &[usize]) -> Result<Moved, DedicateError> {
    write(&folder.join("default_smp_affinity"), &mask(cores))?;
    let mut all = Moved::default();
    for interrupt in fs::read_dir(folder).into_iter().flatten().flatten() {
        let file = interrupt.path().join("smp_affinity_list");
        if file.exists() {
            // The kernel refuses those that belong to a core.
            match fs::write(&file, list(cores)) {
                Ok(()) => all.moved += 1,
                Err(_) => all.stay += 1,
            }
        }
    }
    Ok(all)
}

/// Has the kernel do on these cores what it may do anywhere.
fn move_work_queues(cores: &[usize]) -> Result<(), DedicateError> {
    write(Path::new(WORK_QUEUES), &mask(cores))
}

fn write(file: &Path, text: &str) -> Result<(), DedicateError> {
    fs::write(file, text).map_err(|error| DedicateError::NotAllowed(file.to_owned(), error))
}

/// As the kernel and systemd read it: `0,1,2`.
fn list(cores: &[usize]) -> String {
    cores.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// A bit for each core in hexadecimal, in groups of 32 with the highest first: cores 0 and 33 are `00000002,00000001`.
fn mask(cores: &[usize]) -> String {
    let mut words = vec![0_u32; cores.iter().max().map_or(1, |highest| highest / 32 + 1)];
    for core in cores {
        words[core / 32] |= 1 << (core % 32);
    }
    words.iter().rev().map(|word| format!("{word:08x}")).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use std::env::temp_dir;

    use super::*;

    #[test]
    fn the_processors_core_is_the_last_unless_told() {
        assert_eq!(share(&[0, 1, 2, 3], None).unwrap(), (3, vec![0, 1, 2]));
        assert_eq!(share(&[0, 1, 2, 3], Some(1)).unwrap(), (1, vec![0, 2, 3]));
        assert_eq!(share(&[0, 2], Some(1)).unwrap_err().to_string(), "processor.core = 1: there is no such core");
        assert!(matches!(share(&[0], None), Err(DedicateError::OnlyOne)));
    }

    #[test]
    fn cores_are_written_as_the_kernel_reads_them() {
        assert_eq!([mask(&[0, 1, 2]), mask(&[0, 33])], ["00000007", "00000002,00000001"]);
        assert_eq!([list(&[0, 2]), list(&[])], ["0,2", ""]);
    }

    #[test]
    fn interrupts_that_cannot_move_stay() {
        let folder = temp_dir().join(format!("fovea-irq-{}", std::process::id()));
        fs::create_dir_all(folder.join("7")).unwrap();
        fs::create_dir_all(folder.join("8/smp_affinity_list")).unwrap(); // nobody can write to a folder
        fs::write(folder.join("7/smp_affinity_list"), "0-3").unwrap();
        fs::write(folder.join("default_smp_affinity"), "f").unwrap();
        assert_eq!(move_interrupts(&folder, &[0, 1, 2]).unwrap(), Moved { moved: 1, stay: 1 });
        assert_eq!(fs::read_to_string(folder.join("7/smp_affinity_list")).unwrap(), "0,1,2");
        assert_eq!(fs::read_to_string(folder.join("default_smp_affinity")).unwrap(), "00000007");
        fs::remove_dir_all(&folder).unwrap();
        let gone = move_interrupts(&folder, &[0]).unwrap_err().to_string();
        assert!(gone.ends_with("default_smp_affinity cannot be written; this takes root"), "{gone}");
    }
}

//! `fovea dedicate`: keeps everything but the processors off their cores. systemd confines programs, slice by
//! slice; the kernel moves interrupts and work queues, as far as it can.
//!
//! Nothing of it outlasts a boot: if something goes wrong, a reboot undoes it.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use super::{Failure, print_line};
use crate::{
    config::Config,
    system::cores::{self, Cores, CoresError, Wanted, Whose},
};

/// The slice of fovea's own unit.
const OWN_SLICE: &str = "fovea.slice";

/// The slices of everything that systemd runs. To those that do not exist yet systemd applies the property when it
/// creates them.
const SLICES: [&str; 4] = ["init.scope", "machine.slice", "system.slice", "user.slice"];

const CGROUPS: &str = "/sys/fs/cgroup";
const INTERRUPTS: &str = "/proc/irq";
const WORK_QUEUES: &str = "/sys/devices/virtual/workqueue/cpumask";

/// Why the core stays shared.
#[derive(Debug, thiserror::Error)]
pub enum DedicateError {
    /// The kernel does not list the cores.
    #[error("cannot read which cores there are")]
    UnknownCores(#[source] io::Error),
    /// No other core is left for the rest.
    #[error("there is only one core, so other programs cannot be kept off it")]
    OnlyOne,
    /// The configured core does not exist.
    #[error("processor.core = {0}{1}: there is no such core")]
    NoSuchCore(usize, Whose),
    /// systemd refuses.
    #[error("systemd does not limit {slice} to cores {cores}: {why}")]
    Refused {
        /// The slice.
        slice: String,
        /// The cores that it was to stay on.
        cores: String,
        /// What systemctl says.
        why: String,
    },
    /// The kernel's file is not writable.
    #[error("cannot write {0}; run this as root")]
    NotAllowed(PathBuf, #[source] io::Error),
}

/// How many interrupts moved.
#[derive(Debug, Default, PartialEq, Eq)]
struct MoveCounts {
    moved: usize,
    /// Interrupts of a core itself, such as its timer's.
    fixed: usize,
}

/// Dedicates the core, or with `undo` shares it again, and prints what it did.
///
/// # Errors
/// If the configuration is invalid, or the system refuses.
pub fn run(undo: bool, config: &Path) -> Result<(), Failure> {
    let online = cores::online().map_err(DedicateError::UnknownCores)?;
    if undo {
        confine_slices(&[])?;
        move_interrupts(Path::new(INTERRUPTS), &online)?;
        move_work_queues(&online)?;
        print_line(format_args!("programs and interrupts may use every core again"))?;
        return Ok(());
    }
    let config = Config::load_without_tokens(config).map_err(Failure::of_config)?;
    let (reserved, rest) = split_off(&online, &config.wanted_cores())?;
    confine_slices(&rest)?;
    let MoveCounts { moved, fixed } = move_interrupts(Path::new(INTERRUPTS), &rest)?;
    move_work_queues(&rest)?;
    let reserved = match &reserved[..] {
        [core] => format!("core {core} is"),
        several => format!("cores {} are", list(several)),
    };
    print_line(format_args!(
        "{reserved} reserved for fovea; programs and {moved} interrupts use core {}; {fixed} interrupts cannot move",
        list(&rest)
    ))?;
    Ok(())
}

/// The cores that processors have for themselves, and the others.
fn split_off(online: &[usize], wanted: &[Wanted<'_>]) -> Result<(Vec<usize>, Vec<usize>), DedicateError> {
    let cores = match Cores::share(online, wanted) {
        Err(CoresError::NotAllowed { core, whose, .. }) => return Err(DedicateError::NoSuchCore(core, whose)),
        cores => cores.map_err(|_| DedicateError::OnlyOne)?,
    };
    let reserved = cores.dedicated();
    if reserved.is_empty() { Err(DedicateError::OnlyOne) } else { Ok((reserved, cores.housekeeping().to_vec())) }
}

/// Confines every slice but fovea's to `cores`; an empty list lifts the limit.
fn confine_slices(cores: &[usize]) -> Result<(), DedicateError> {
    // The administrator's own slices: one that does not exist is not in use.
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

/// Moves interrupts to `cores`, future ones too.
fn move_interrupts(folder: &Path, cores: &[usize]) -> Result<MoveCounts, DedicateError> {
    write(&folder.join("default_smp_affinity"), &mask(cores))?;
    let mut counts = MoveCounts::default();
    for interrupt in fs::read_dir(folder).into_iter().flatten().flatten() {
        let file = interrupt.path().join("smp_affinity_list");
        if file.exists() {
            // The kernel refuses those that belong to a core.
            match fs::write(&file, list(cores)) {
                Ok(()) => counts.moved += 1,
                Err(_) => counts.fixed += 1,
            }
        }
    }
    Ok(counts)
}

/// Moves the kernel's unbound work queues to `cores`.
fn move_work_queues(cores: &[usize]) -> Result<(), DedicateError> {
    write(Path::new(WORK_QUEUES), &mask(cores))
}

fn write(file: &Path, text: &str) -> Result<(), DedicateError> {
    fs::write(file, text).map_err(|error| DedicateError::NotAllowed(file.to_owned(), error))
}

/// The cores as the kernel and systemd read them: `0,1,2`.
fn list(cores: &[usize]) -> String {
    cores.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// The cores as a hexadecimal bit mask, in words of 32 bits, the highest first: cores 0 and 33 are `00000002,00000001`.
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
        let split = |online: &[usize], wanted: &[Option<usize>]| {
            let wanted: Vec<_> = wanted.iter().map(|&core| Wanted { name: None, core }).collect();
            split_off(online, &wanted)
        };
        assert_eq!(split(&[0, 1, 2, 3], &[None]).unwrap(), (vec![3], vec![0, 1, 2]));
        assert_eq!(split(&[0, 1, 2, 3], &[Some(1)]).unwrap(), (vec![1], vec![0, 2, 3]));
        assert_eq!(split(&[0, 1, 2, 3], &[None, None]).unwrap(), (vec![2, 3], vec![0, 1]));
        assert_eq!(split(&[0, 1], &[None, None]).unwrap(), (vec![1], vec![0]));
        let missing = split(&[0, 2], &[Some(1)]).unwrap_err();
        assert_eq!(missing.to_string(), "processor.core = 1: there is no such core");
        assert!(matches!(split(&[0], &[None]), Err(DedicateError::OnlyOne)));
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
        assert_eq!(move_interrupts(&folder, &[0, 1, 2]).unwrap(), MoveCounts { moved: 1, fixed: 1 });
        assert_eq!(fs::read_to_string(folder.join("7/smp_affinity_list")).unwrap(), "0,1,2");
        assert_eq!(fs::read_to_string(folder.join("default_smp_affinity")).unwrap(), "00000007");
        fs::remove_dir_all(&folder).unwrap();
        let gone = move_interrupts(&folder, &[0]).unwrap_err().to_string();
        assert!(gone.ends_with("default_smp_affinity; run this as root"), "{gone}");
    }
}

//! `fovea doctor`, on machines that are made up: programs that answer as systemd's do.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    thread,
};

/// A machine that answers as told; gone when dropped.
struct Machine(PathBuf);

impl Machine {
    /// `systemctl` prints this of the service, `timedatectl` this.
    fn new(name: &str, service: &str, synchronised: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("doctor-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("the target folder can be written");
        let machine = Self(folder);
        machine.file("service", service);
        // It knows of no other unit.
        let answers = format!(
            "case \"$*\" in *fovea.service*) exec /usr/bin/cat {}/service ;; is-active*) exit 3 ;; esac",
            machine.0.display()
        );
        machine.program("systemctl", &answers);
        machine.program("timedatectl", &format!("echo {synchronised}"));
        machine.file("fovea.toml", "[[camera]]\nname = \"door\"\n");
        machine
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let file = self.0.join(name);
        fs::write(&file, text).expect("the folder was made a moment ago");
        file
    }

    fn program(&self, name: &str, script: &str) {
        let file = self.file(name, &format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(file, Permissions::from_mode(0o755)).expect("it was written a moment ago");
    }

    /// Exit code and what is told, the error at the end.
    fn doctor(&self) -> (Option<i32>, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fovea"));
        command.args(["doctor", "--config"]).arg(self.0.join("fovea.toml")).env("PATH", &self.0);
        let output = command.output().expect("it was built");
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(text).expect("it writes UTF-8"))
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0); // a folder of the target folder
    }
}

const WELL: &str = "LoadState=loaded\nActiveState=active\nStatusText=1 camera, 10.0 fps\nResult=success\n\
                    UnitFileState=enabled\nNRestarts=0\nWatchdogUSec=20s\n";

#[test]
fn a_machine_that_is_well_is_told_so() {
    let machine = Machine::new("well", WELL, "yes");
    let (code, told) = machine.doctor();
    assert_eq!(code, Some(0), "{told}");
    for line in [
        "good  the configuration ",
        "good  fovea.service runs: 1 camera, 10.0 fps\n",
        "good  systemd restarts fovea if it stands still: fovea must report every 20s\n",
        "good  the clock is synchronised\n",
    ] {
        assert!(told.contains(line), "{told}");
    }
    assert!(!told.contains("bad  "), "{told}");
}

#[test]
fn what_is_bad_is_told_and_is_the_exit_code() {
    let failed = WELL.replace("ActiveState=active", "ActiveState=failed").replace("success", "watchdog");
    let failed = failed.replace("NRestarts=0", "NRestarts=7").replace("=enabled", "=disabled").replace("20s", "0");
    let machine = Machine::new("failed", &failed, "no");
    machine.file("fovea.toml", "[[camera]]\nname = \"Door\"\n");
    let (code, told) = machine.doctor();
    assert_eq!(code, Some(1), "{told}");
    for line in [
        ":2:8: camera.name = \"Door\": must be 1 to 32 of a-z",
        "bad   fovea.service is failed (result: watchdog); `journalctl -u fovea` says why",
        "hint  fovea does not start at boot",
        "hint  systemd has restarted fovea 7 times",
        "hint  systemd does not restart fovea if it stands still",
        "hint  the clock is not synchronised",
    ] {
        assert!(told.contains(line), "no {line:?} in\n{told}");
    }
    assert!(told.starts_with("bad   ") && told.contains("\n2 of "), "{told}");
}

#[test]
fn what_cannot_be_seen_is_a_hint() {
    let machine = Machine::new("blind", WELL, "yes");
    for name in ["systemctl", "timedatectl"] {
        fs::remove_file(machine.0.join(name)).expect("it was written a moment ago");
    }
    let (code, told) = machine.doctor();
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("hint  cannot check the service"), "{told}");
    assert!(told.contains("hint  cannot check the clock"), "{told}");
}

#[test]
fn who_is_on_the_processors_core_is_told() {
    let machine = Machine::new("core", WELL, "yes");
    machine.file("fovea.toml", "processor.core = 1000\n[[camera]]\nname = \"door\"\n");
    let (code, told) = machine.doctor();
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("bad   processor.core = 1000: there is no such core\n"), "{told}");

    if thread::available_parallelism().is_ok_and(|cores| cores.get() == 1) {
        return; // nothing to share out
    }
    machine.file("fovea.toml", "processor.core = 0\n[[camera]]\nname = \"door\"\n");
    let others = "other programs may run on core 0, the processor's: ";
    let (code, told) = machine.doctor();
    assert_eq!(code, Some(0), "{told}");
    assert!(
        told.contains(&format!("hint  {others}")) && told.contains("; `systemctl enable --now fovea-core`"),
        "{told}"
    );
    // The unit was started, and the image's condition did not hold.
    core_unit(&machine, "ActiveState=inactive\\nConditionResult=no\\nConditionTimestampMonotonic=5000000");
    let (code, told) = machine.doctor();
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains(&format!("good  {others}")) && !told.contains("systemctl enable"), "{told}");
    core_unit(&machine, "ActiveState=active\\nConditionResult=yes\\nConditionTimestampMonotonic=5000000");
    let (code, told) = machine.doctor();
    assert_eq!(code, Some(1), "{told}");
    assert!(
        told.contains(&format!("bad   {others}")) && told.contains("although fovea-core.service is active"),
        "{told}"
    );
}

/// Has `systemctl` know nothing but this of fovea-core.service.
fn core_unit(machine: &Machine, properties: &str) {
    let answers = format!("case \"$*\" in *fovea-core*) printf '{properties}\\n' ;; *) exit 1 ;; esac");
    machine.program("systemctl", &answers);
}

#[test]
fn a_data_partition_that_is_full_or_cannot_be_used_is_told() {
    let machine = Machine::new("data", WELL, "yes");
    let (_, told) = machine.doctor();
    assert!(!told.contains("data partition"), "only the image has one: {told}");
    for (state, used, code, line) in [
        ("active", 40, 0, "good  the data partition has room: 40 % are used\n"),
        ("active", 99, 1, "bad   the data partition is full (99 %): "),
        ("failed", 1, 1, "bad   the data partition cannot be used: "),
    ] {
        let unit = format!("Description=The data partition is in use\\nActiveState={state}\\n");
        machine.program("systemctl", &format!("case \"$*\" in *data.service*) printf '{unit}' ;; *) exit 1 ;; esac"));
        machine.program("df", &format!("printf 'Use%%\\n {used}%%\\n'"));
        let (found, told) = machine.doctor();
        assert_eq!(found, Some(code), "{told}");
        assert!(told.contains(line), "no {line:?} in\n{told}");
    }
}

//! `fovea check`: what it says of good and bad files, and its exit code.
//!
//! Every file in `tests/data/config` has beside it what is to be said of it, letter by letter: of those in `bad` on
//! standard error, of those in `good` on standard output.

use std::{
    ffi::OsStr,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Output},
};

#[test]
fn every_mistake_is_told_with_its_place() {
    for case in cases("bad") {
        let output = check(&case);
        assert_eq!(text(&output.stderr), expected(&case), "{output:?}");
        assert_eq!(text(&output.stdout), "");
        assert_eq!(output.status.code(), Some(78));
    }
}

#[test]
fn a_good_file_is_told_with_who_may_use_the_ports() {
    for case in cases("good") {
        let output = check(&case);
        assert_eq!(text(&output.stdout), expected(&case), "{output:?}");
        assert_eq!(text(&output.stderr), "");
        assert_eq!(output.status.code(), Some(0));
    }
}

#[test]
fn a_file_that_cannot_be_read_is_told_with_the_reason() {
    let large = Path::new(env!("CARGO_TARGET_TMPDIR")).join("large.toml");
    File::create(&large).and_then(|file| file.set_len(100 << 20)).expect("the target folder can be written");
    let cases = [
        (Path::new("missing.toml"), "there is no file missing.toml; to begin, copy deploy/fovea.toml"),
        (Path::new("tests"), "cannot read the configuration tests: Is a directory"),
        (&large, "large.toml is larger than 1 MiB"),
        (Path::new("/dev/zero"), "/dev/zero is larger than 1 MiB"),
    ];
    for (file, expected) in cases {
        let output = check(file);
        assert!(text(&output.stderr).contains(expected), "{output:?}");
        assert_eq!(text(&output.stderr).lines().count(), 1, "{output:?}");
        assert_eq!(output.status.code(), Some(78), "{output:?}");
    }
    fs::remove_file(large).expect("it was there");
}

/// They may be on another machine: only `--here` looks for them.
#[test]
fn files_that_outputs_need_are_looked_for_here() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("secrets");
    fs::create_dir_all(&folder).expect("the target folder can be written");
    let webhook = "[[webhook]]\nname = \"phone\"\nurl = \"https://127.0.0.1\"\nsecret_file = \"phone.secret\"\n";
    let mqtt = "[mqtt]\nurl = \"mqtts://127.0.0.1\"\nboard = \"barn\"\nca = \"ca.pem\"\n";
    let camera = "[[camera]]\nname = \"door\"\n[camera.motion]\n";
    for (table, missing) in [(webhook, "phone.secret"), (mqtt, "ca.pem")] {
        let file = folder.join("fovea.toml");
        fs::write(&file, format!("{table}{camera}")).expect("the folder was just made");
        let check = |arguments: &[&str]| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_fovea"));
            command.arg("check").args(arguments).arg(&file).output().expect("it was built")
        };
        assert_eq!(check(&[]).status.code(), Some(0), "{table}");
        let here = check(&["--here"]);
        assert!(text(&here.stderr).contains(missing), "{here:?}");
        assert_eq!(here.status.code(), Some(78), "{here:?}");
    }
    fs::write(folder.join("phone.secret"), "a secret\n").expect("the folder is there");
    fs::write(folder.join("fovea.toml"), format!("{webhook}{camera}")).expect("the folder is there");
    let mut command = Command::new(env!("CARGO_BIN_EXE_fovea"));
    let here = command.args(["check", "--here"]).arg(folder.join("fovea.toml")).output().expect("it was built");
    assert_eq!(here.status.code(), Some(0), "{here:?}");
    fs::remove_dir_all(folder).expect("it was there");
}

/// As much memory as it has bytes, not as many bytes as its keys have for each of its values.
#[test]
fn a_file_of_long_keys_and_long_arrays_takes_little_memory() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("long-key.toml");
    let long = format!("{} = [{}]\n", "k".repeat(100_000), "1, ".repeat(100_000));
    fs::write(&file, long).expect("the target folder can be written");
    let script = "ulimit -v 2000000 && exec \"$0\" check \"$1\"";
    let output = Command::new("sh").args(["-c", script, env!("CARGO_BIN_EXE_fovea")]).arg(&file).output();
    let output = output.expect("there is a shell");
    assert_eq!(output.status.code(), Some(78), "{:.1000}", text(&output.stderr));
    let said = text(&output.stderr).replace(&*file.to_string_lossy(), "long-key.toml");
    let key = format!("long-key.toml:1:1: {}... = [1, 1, ", "k".repeat(40));
    assert!(said.starts_with(&key) && said.len() < 1000, "{said:.1000}");
    fs::remove_file(file).expect("it was there");
}

#[test]
fn a_core_that_is_not_there_is_told_if_the_file_is_for_this_machine() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("core-1023.toml");
    fs::write(&file, "processor.core = 1023\n[[camera]]\nname = \"door\"\n").expect("the target folder can be written");
    assert_eq!(check(&file).status.code(), Some(0));
    let here = |file: &Path| fovea().args(["check", "--here"]).arg(file).output().expect("fovea starts");
    let output = here(&file);
    let said = text(&output.stderr);
    assert!(said.starts_with("processor.core = 1023: this process may use only core"), "{output:?}");
    assert_eq!((output.status.code(), said.lines().count()), (Some(78), 1), "{output:?}");
    fs::remove_file(file).expect("it was there");

    let sample = Path::new("deploy/fovea.toml");
    assert_eq!(here(sample), check(sample));
}

#[test]
fn a_full_disk_is_a_failure_and_a_reader_that_left_is_not() {
    let to = |stdout: File| {
        let output = fovea().args(["check", "deploy/fovea.toml"]).stdout(stdout).output().expect("fovea starts");
        (output.status.code(), text(&output.stderr).to_owned())
    };
    let full = File::options().write(true).open("/dev/full").expect("Linux has it");
    assert_eq!(
        to(full),
        (Some(1), "cannot write to standard output: No space left on device (os error 28)\n".to_owned())
    );

    let (reader, writer) = std::io::pipe().expect("there are descriptors left");
    drop(reader);
    let output = fovea().args(["check", "deploy/fovea.toml"]).stdout(writer).output().expect("fovea starts");
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
}

#[test]
fn the_help_tells_the_exit_codes_and_a_wrong_command_line_has_its_own() {
    let output = fovea().arg("--help").output().expect("fovea starts");
    for code in ["   0  all is well", "   1  it failed", "   2  the command line", "  78  the configuration"] {
        assert!(text(&output.stdout).contains(code), "{output:?}");
    }
    assert_eq!(output.status.code(), Some(0));
    let output = fovea().arg("chekc").output().expect("fovea starts");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}

/// The files of a folder, as they are called from where the tests run.
fn cases(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new("tests/data/config").join(folder);
    let files = fs::read_dir(&folder).expect("it is there").map(|file| file.expect("it can be listed").path());
    let cases: Vec<_> = files.filter(|file| file.extension() == Some(OsStr::new("toml"))).collect();
    assert!(!cases.is_empty(), "{folder:?}");
    cases
}

fn expected(case: &Path) -> String {
    let file = case.with_extension("expected");
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file:?}: {error}"))
}

fn check(file: &Path) -> Output {
    fovea().arg("check").arg(file).output().expect("fovea starts")
}

fn fovea() -> Command {
    Command::new(env!("CARGO_BIN_EXE_fovea"))
}

fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).expect("fovea writes UTF-8")
}

//! `deploy/setup`, which installs Debian's packages, on a machine that is made up: its programs say that nothing is installed, and
//! another program has apt's lock at first.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Command,
};

/// As apt says it.
const LOCKED: &str = "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 4711 (apt-get)";

#[test]
fn packages_of_several_uses_are_installed_at_once_and_a_lock_is_waited_for() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("setup-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("the target folder can be written");
    let calls = folder.join("calls");
    let program = |name: &str, script: &str| {
        let file = folder.join(name);
        fs::write(&file, format!("#!/bin/sh\n{script}\n")).expect("the folder was made a moment ago");
        fs::set_permissions(file, Permissions::from_mode(0o755)).expect("it was written a moment ago");
    };
    program("dpkg-query", "exit 1");
    program("sudo", "exec \"$@\"");
    program("sleep", "");
    let count = format!("echo \"$*\" >>{0}; test $(wc -l <{0}) -gt 2", calls.display());
    program("apt-get", &format!("{count} || {{ echo '{LOCKED}' >&2; exit 100; }}"));
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").expect("there is one"));
    let run =
        |kinds: &[&str]| Command::new("deploy/setup").args(kinds).env("PATH", &path).output().expect("it is there");

    let output = run(&["image", "cross"]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    assert_eq!(error.matches("waiting for it").count(), 2, "{error}");
    let calls = fs::read_to_string(&calls).expect("apt-get was called");
    let [first, second, third, install] = calls.lines().collect::<Vec<_>>()[..] else { panic!("{calls}") };
    assert!([first, second, third].iter().all(|call| call.ends_with(" update")), "{calls}");
    let packages: Vec<_> = install.split(' ').skip_while(|word| *word != "--no-install-recommends").skip(1).collect();
    for package in ["squashfs-tools", "debhelper", "jq"] {
        assert_eq!(packages.iter().filter(|other| **other == package).count(), 1, "{install}");
    }

    // Any other error is not waited for.
    program("apt-get", "echo 'E: Unable to locate package squashfs-tools' >&2; exit 100");
    let output = run(&["image"]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && error.contains("Unable to locate") && !error.contains("waiting"), "{error}");
    let _ = fs::remove_dir_all(&folder); // a folder of the target folder
}

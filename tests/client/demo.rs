//! The demo is the real thing: daemon, camera, connection, view.

use std::process::Command;

#[test]
fn pedestrians_are_found() {
    let output = Command::new(env!("CARGO_BIN_EXE_fovea")).args(["demo", "--seconds", "4"]).output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{stdout}{stderr}", output.status);
    assert!(stdout.starts_with("A camera sends 79 pictures"), "{stdout}");
    assert!(stdout.contains("street: motion starts"), "{stdout}");
    assert!(stdout.contains(" fps  age p50 "), "{stdout}");
    assert!(!stderr.contains("ERROR"), "{stderr}");
}

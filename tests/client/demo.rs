//! The demo is the real thing: daemon, camera, connection, view.

use std::process::Command;

#[test]
fn pedestrians_are_found() {
    let output = Command::new(env!("CARGO_BIN_EXE_fovea")).args(["demo", "--seconds", "4"]).output().unwrap();
    let (shown, told) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{shown}{told}", output.status);
    assert!(shown.starts_with("A camera sends 79 pictures"), "{shown}");
    assert!(shown.contains("street: motion starts"), "{shown}");
    assert!(shown.contains(" fps  age p50 "), "{shown}");
    assert!(!told.contains("ERROR"), "{told}");
}

//! `fovea bench`: what it says of this machine, and where that appears. How fast the machine is does not matter here.
//! It keeps all cores busy, so it is not among the tests of the daemon, which run at the same time.

#[expect(dead_code, reason = "it is made for tests/daemon.rs; some of it is of use here")]
mod support;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{self, Command, Output},
};

use serde_json::Value;

use support::{
    daemon::{Daemon, HTTP},
    http::get,
    pictures::Picture,
};

/// A measurement that is short, and light enough for a slow machine.
const LIGHT: [&str; 6] = ["--seconds", "10", "--fps", "4", "--limit-ms", "1000"];

/// A camera with both stages of the measurements below.
const CAMERA: &str = "[[camera]]\nname = \"yard\"\n[camera.motion]\n[camera.tamper]\n";

/// A folder of a test's own.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-{name}-{}", process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("the target folder can be written");
    folder
}

/// Runs `fovea bench` with its files in `folder`.
fn bench(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fovea"));
    command.arg("bench").args(arguments).current_dir(folder).env("STATE_DIRECTORY", folder);
    command.output().expect("it was built")
}

/// The same with `--json`: what it prints.
fn measured(folder: &Path, arguments: &[&str]) -> Value {
    let output = bench(folder, &[arguments, &["--json"]].concat());
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).expect("one JSON object")
}

/// Why it failed, and with which exit code.
fn refused(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let output = bench(folder, arguments);
    assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
    (output.status.code().expect("it is not killed"), String::from_utf8(output.stderr).expect("UTF-8"))
}

#[test]
fn the_answer_is_in_the_api_until_the_stages_are_others() {
    let folder = folder("saved");
    fs::write(folder.join("fovea.toml"), format!("{HTTP}{CAMERA}")).expect("the folder is there");
    let arguments = [&LIGHT[..], &["--config", "fovea.toml", "--size", "160x120", "--save"]].concat();
    let answer = measured(&folder, &arguments);
    assert_eq!(answer["stages"], serde_json::json!(["motion", "tamper"]));
    assert_eq!((&answer["size_px"], &answer["fps"]), (&serde_json::json!([160, 120]), &4.0.into()));
    let count = |key: &str| answer[key].as_u64().unwrap_or_else(|| panic!("{key} in {answer}"));
    assert!(count("cameras_low") <= count("cameras") && count("cameras") <= count("cameras_high"), "{answer}");
    let runs = answer["runs"].as_array().expect("there are runs");
    assert_eq!((runs[0]["cameras"].as_u64(), &runs[0]["fps"]), (Some(1), &4.0.into()), "it begins with one camera");
    assert!(runs.iter().all(|run| run["frames"].as_u64() >= Some(1)), "{answer}");
    assert!(answer["processor_ms"].as_f64() > Some(0.0), "{answer}");
    if let Some(ages) = answer["age_ms"].as_object() {
        let age = |key: &str| ages[key].as_f64().expect("a number");
        assert!(age("p50") <= age("p99") && age("p99_low") <= age("p99") && age("p99") <= age("p99_high"), "{ages:?}");
    }

    let daemon = Daemon::start_as(&format!("{HTTP}{CAMERA}"), |mut command| {
        command.env("STATE_DIRECTORY", &folder);
        command
    });
    let capacity = || get(&daemon, "/api/status").json()["capacity"].clone();
    let shown = capacity();
    assert_eq!(shown["is_current"], true);
    for key in ["cameras", "cameras_low", "cameras_high", "size_px", "measured_at", "limited_by"] {
        assert_eq!(shown[key], answer[key], "{key}");
    }
    daemon.reload(&format!("{HTTP}[[camera]]\nname = \"yard\"\n[camera.motion]\n"), "the new configuration is in use");
    assert_eq!(capacity()["is_current"], false, "it was measured with tamper");

    // Whatever is in the file, the daemon runs.
    for spoiled in ["", "{}", "[1", &"x".repeat(100_000), &answer.to_string().replace("160", "-1")] {
        fs::write(folder.join("capacity.json"), spoiled).expect("the folder is there");
        daemon.reload(&format!("{HTTP}{CAMERA}"), "the new configuration is in use");
        assert_eq!(capacity(), Value::Null, "{spoiled:.50}");
    }
    daemon.wait_for_line("cannot use ");
    fs::remove_dir_all(folder).expect("it is there");
}

#[test]
fn own_frames_are_measured_and_told_in_words() {
    let folder = folder("own");
    for number in 0..3 {
        fs::write(folder.join(format!("{number}.jpg")), Picture::scene(96, 64).jpeg()).expect("the folder is there");
    }
    let output = bench(&folder, &[&LIGHT[..], &["--stages", "motion", "--frames", "."]].concat());
    let text = String::from_utf8(output.stdout.clone()).expect("UTF-8");
    assert!(output.status.success(), "{output:?}");
    let first = text.lines().next().expect("there are lines");
    assert!(first.contains(" of 96x64") && first.contains(" with motion"), "{first}");
    assert!(text.contains("\n3 given frames of "), "{text}");
    assert!(text.contains("\ncameras    fps  in time"), "{text}");
    assert!(!folder.join("capacity.json").exists(), "nothing is saved that nobody asked for");
    fs::remove_dir_all(folder).expect("it is there");
}

#[test]
fn a_daemon_beside_it_is_told() {
    let folder = folder("beside");
    let daemon = Daemon::start(CAMERA);
    let output = bench(&folder, &[&LIGHT[..], &["--stages", "motion", "--size", "64x48"]].concat());
    let texts = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
    for text in texts {
        // Other tests have daemons, too.
        assert!(text.contains(" on this machine (process") && text.contains(&daemon.pid().to_string()), "{text}");
    }
    fs::remove_dir_all(folder).expect("it is there");
}

#[test]
fn what_cannot_be_measured_is_refused() {
    let folder = folder("refused");
    let refused = |arguments: &[&str]| refused(&folder, arguments);
    for (arguments, code, reason) in [
        (&["--size", "1280"][..], 2, "not a size; write WIDTHxHEIGHT, such as 1280x720"),
        (&["--size", "90000x10"], 1, "frames of 90000x10 are larger than this daemon accepts: server.max_pixels = "),
        (&["--fps", "0"], 2, "a rate is from one in an hour"),
        (&["--limit-ms", "0"], 2, "0 is not in 1..=5000"),
        (&["--seconds", "1"], 2, "1 is not in 10..=3600"),
        (&["--stages", "motion,smell"], 1, "there is no stage \"smell\"; stages are motion, tamper"),
        (&["--frames", "."], 1, "no file in this folder ends in .jpg, .jpeg, .png, .mjpg, .mjpeg or .avi"),
        (&["--frames", "missing.jpg"], 1, "cannot open missing.jpg"),
        (&["--config", "missing.toml"], 78, "there is no file missing.toml"),
    ] {
        let (got, said) = refused(arguments);
        assert!(got == code && said.contains(reason), "{arguments:?}: {got}, {said}");
    }
    fs::write(folder.join("cores.toml"), format!("processor.core = 999\n{CAMERA}")).expect("the folder is there");
    let (code, said) = refused(&["--config", "cores.toml", "--size", "64x48"]);
    assert!(code == 78 && said.contains("processor.core = 999: this process may use only core"), "{code}, {said}");

    fs::write(folder.join("1.jpg"), Picture::scene(96, 64).jpeg()).expect("the folder is there");
    fs::write(folder.join("2.jpg"), Picture::scene(64, 64).jpeg()).expect("the folder is there");
    let (code, said) = refused(&["--frames", "."]);
    assert!(code == 1 && said.contains("the first is 96x64, and frame 2 is 64x64"), "{code}, {said}");
    fs::remove_dir_all(&folder).expect("it is there");
}

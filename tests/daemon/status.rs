//! `fovea status`: how a running daemon is doing, in words and as an exit code.

use std::{fs, net::TcpListener, path::Path, process::Command};

use serde_json::{Value, json};

use crate::support::{
    client::Client,
    daemon::{DOOR, Daemon, HTTP},
    eventually,
    pictures::Picture,
};

const YARD: &str = "[[camera]]\nname = \"yard\"\n";

/// Exit code, standard output, standard error.
fn status(arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fovea"));
    // Programs that ask for pages are often told of a proxy, which knows nothing of this machine.
    command.arg("status").args(arguments).env("TZ", "UTC").env("http_proxy", "http://127.0.0.1:1");
    let output = command.output().expect("it was built");
    let text = |bytes| String::from_utf8(bytes).expect("it writes UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn it_is_a_line_for_each_camera_and_an_exit_code() {
    let daemon = Daemon::start(&format!("{HTTP}{DOOR}{YARD}"));
    let url = format!("http://{}", daemon.http_address());
    let mut door = Client::connect(&daemon, "/frames/door?results");
    door.send(Picture::scene(64, 48).jpeg());
    door.next_of("result");
    door.send(&b"GIF89a"[..]);
    door.next_of("refused");

    let (code, told, error) = status(&[&url]);
    assert_eq!((code, &*error), (Some(1), "not every camera is live: yard waits for its first frame\n"), "{told}");
    let lines: Vec<_> = told.lines().collect();
    assert!(lines[0].starts_with(concat!("fovea ", env!("CARGO_PKG_VERSION"), ", 1 of 2 cameras live, ")), "{told}");
    // One result in one second, or in a few on a busy machine.
    assert!(lines[1].starts_with("door    ") && lines[1].contains(" fps  age p50 "), "{told}");
    assert!(lines[1].contains(" ms  superseded 0  refused 1  live since 20"), "{told}");
    assert!(
        lines[2].starts_with("      last error: 20") && lines[2].contains(", frame 2 refused: not a JPEG"),
        "{told}"
    );
    assert_eq!(lines[3], "yard    0.0 fps  age -  superseded 0  refused 0  waits for its first frame");
    assert_eq!(lines.len(), 4, "{told}");

    let (code, told, _) = status(&["--json", &url]);
    let told: Value = serde_json::from_str(&told).expect("one JSON object");
    assert_eq!((code, &told["healthy"], &told["cameras"][1]["state"]), (Some(1), &false.into(), &"never".into()));

    let mut yard = Client::connect(&daemon, "/frames/yard?results");
    yard.send(Picture::scene(64, 48).jpeg());
    yard.next_of("result");
    let (code, told, error) = status(&[&url]);
    assert_eq!((code, &*error), (Some(0), ""), "{told}");

    drop(yard);
    eventually("it is missed", || status(&[&url]).2.starts_with("not every camera is live: yard lost since 20"));
}

#[test]
fn it_says_what_the_board_was_measured_to_carry() {
    let state = Path::new(env!("CARGO_TARGET_TMPDIR")).join("status-capacity");
    fs::create_dir_all(&state).expect("the target folder can be written");
    let config = |stage: &str| format!("{HTTP}[[camera]]\nname = \"door\"\n[camera.{stage}]\n");
    let start = |measured: &Value| {
        fs::write(state.join("capacity.json"), measured.to_string()).expect("the folder is there");
        Daemon::start_as(&config("tamper"), |mut command| {
            command.env("STATE_DIRECTORY", &state);
            command
        })
    };
    let measured = json!({
        "version": env!("CARGO_PKG_VERSION"), "measured_at": "2026-11-22T10:00:00Z", "measured_for_s": 50, "processor": "main",
        "core": 1, "core_is_shared": false, "daemons_beside": 0, "stages": ["tamper"], "size_px": [1280, 720],
        "frame_bytes": 120_000, "fps": 15, "limit_ms": 50, "cameras": 5, "cameras_low": 5, "cameras_high": 6,
        "limited_by": "processor", "processor_ms": 9.5, "receive_ms": 0.5
    });
    let mut slow = measured.clone();
    (slow["cameras"], slow["cameras_low"], slow["kept_fps"]) = (0.into(), 0.into(), 7.25.into());
    for (measured, expected) in [
        (measured, "capacity  5 cameras of 1280x720 at 15 fps"),
        (slow, "capacity  one camera of 1280x720 at no more than 7.3 fps"),
    ] {
        let daemon = start(&measured);
        let url = format!("http://{}", daemon.http_address());
        let last_line = || status(&[&url]).1.lines().last().expect("a camera's, at least").to_owned();
        assert_eq!(last_line(), expected);
        daemon.reload(&config("motion"), "the new configuration is in use");
        let again = "capacity  measured with other stages or another version: run fovea bench --save again";
        assert_eq!(last_line(), again);
    }
}

#[test]
fn the_configuration_says_where_to_ask() {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|port| port.local_addr()).expect("loopback has free ports");
    let daemon = Daemon::start(&format!("[http]\nlisten = \"{port}\"\n{DOOR}"));
    daemon.wait_for_line("live pictures");
    let (code, told, error) = status(&["--config", daemon.config_path()]);
    assert_eq!((code, &*error), (Some(1), "not every camera is live: door waits for its first frame\n"), "{told}");

    for (config, expected) in [
        (DOOR.to_owned(), " has no [http], so there is no port to ask; add this table and restart fovea\n"),
        (
            format!("{HTTP}{DOOR}"),
            " has port 0 in http.listen, so only fovea's log has the port; run fovea status http://HOST:PORT\n",
        ),
    ] {
        daemon.rewrite(&config);
        let (code, told, error) = status(&["--config", daemon.config_path()]);
        assert_eq!((code, &*told, error), (Some(1), "", format!("{}{expected}", daemon.config_path())));
    }
    daemon.rewrite("nonsense");
    assert_eq!(status(&["--config", daemon.config_path()]).0, Some(78));
}

#[test]
fn it_says_when_nobody_answers_or_somebody_else() {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|port| port.local_addr()).expect("loopback has free ports");
    let (code, told, error) = status(&[&format!("http://{port}")]);
    assert_eq!((code, &*told), (Some(1), ""));
    let expected = format!(
        "no answer from http://{port}; check that fovea runs there (systemctl status fovea) with this address in"
    );
    assert!(error.starts_with(&expected) && error.contains("refused"), "{error}");

    let daemon = Daemon::start(DOOR);
    let frames = format!("http://{}", daemon.address());
    let (code, _, error) = status(&[&frames]);
    assert_eq!(code, Some(1));
    assert!(error.starts_with(&format!("{frames} answers 426 Upgrade Required This port speaks WebSocket")), "{error}");
}

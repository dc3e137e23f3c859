//! `fovea status`: how a running daemon is doing, in words and as an exit code.

use std::{net::TcpListener, process::Command};

use serde_json::Value;

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

//! Servers whose texts would control the terminal: no command prints them as they are.

use fovea::{frame::Camera, slot::Counts, status::Report, telemetry::camera_metrics::CameraMetrics};
use serde_json::{Value, json};

use super::{data, run, server::Server};

/// What `/api/status` answers, with a camera of this name and this last error.
fn report(name: &str, error: &str) -> Value {
    let camera = CameraMetrics::new(Camera::new("door")).snapshot(Counts::default());
    let at = "2026-11-22T10:00:00Z".parse().expect("a time");
    let report = Report {
        version: "1".into(),
        started_at: at,
        healthy: false,
        cameras: vec![camera],
        processors: vec![],
        models: vec![],
    };
    let mut report = serde_json::to_value(report).expect("it is made for JSON");
    report["cameras"][0]["camera"] = json!(name);
    report["cameras"][0]["last_error"] = json!({"at": "2026-11-22T10:00:00Z", "what": error});
    report
}

/// Output and error of `fovea status` with these options, at a server that answers so.
fn status(head: &'static str, body: String, options: &[&str]) -> (String, String) {
    let server = Server::raw(move |stream| Server::answer(stream, head, &body));
    let url = server.url.replace("ws://", "http://");
    let (code, out, error) = run(&[&["status", &url], options].concat());
    assert_eq!(code, 1, "{out}{error}");
    server.join();
    (out, error)
}

#[test]
fn status_shows_each_camera_in_one_line() {
    let body = report("\u{1b}[2Jdoor\nyard", "\u{9b}31mred").to_string();
    let (out, error) = status("200 OK", body, &[]);
    let lines: Vec<_> = out.lines().collect();
    assert!(lines[1].starts_with("\u{fffd}[2Jdoor\u{fffd}yard  "), "{out:?}");
    assert!(lines[2].ends_with("last error: 2026-11-22 10:00:00, \u{fffd}31mred"), "{out:?}");
    assert_eq!(lines.len(), 3, "{out:?}");
    assert_eq!(error, "not every camera is live: \u{fffd}[2Jdoor\u{fffd}yard waits for its first frame\n");
}

#[test]
fn status_in_json_keeps_its_values() {
    let report = report("door", "\u{9b}31mred\u{7f}");
    let body = report.to_string();
    assert!(body.contains('\u{9b}'), "JSON does not ask for an escape there: {body:?}");
    let (out, _) = status("200 OK", body, &["--json"]);
    assert!(!out.trim_end().contains(char::is_control), "{out:?}");
    assert_eq!(serde_json::from_str::<Value>(&out).expect("JSON"), report);
}

#[test]
fn status_that_is_refused() {
    let (_, error) = status("500 Oh", "\u{1b}]0;owned\u{7}".into(), &[]);
    assert!(error.ends_with(" answers 500 Internal Server Error \u{fffd}]0;owned\u{fffd}\n"), "{error:?}");
}

#[test]
fn results_that_send_prints() {
    let server = Server::play(|mut peer| {
        peer.frame();
        let result = r#"{"type":"refused","camera":"door","seq":1,"cause":"no","text":"X2J"}"#;
        peer.text(&result.replace('X', "\u{9b}"));
        while peer.frame_or_close().is_some() {}
    });
    let (_, out, _) = run(&["send", &server.url, &data("odd/plain.avi"), "--results"]);
    assert!(out.contains(r#""text":"\u009b2J""#), "{out:?}");
    server.join();
}

#[test]
fn messages_that_watch_passes_through() {
    let server = Server::play(|mut peer| {
        peer.text("{\"type\":\"new\",\n\"text\":\"\u{9b}2J\u{7f}\"}");
        peer.text("\u{1b}]0;no JSON\u{7}");
        peer.close(1001, "");
    });
    let (_, out, _) = run(&["watch", &server.url, "--json"]);
    assert_eq!(out, "{\"type\":\"new\", \"text\":\"\\u009b2J\\u007f\"}\n\\u001b]0;no JSON\\u0007\n");
    server.join();
}

//! The numbers for Prometheus, read by its own parser.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use crate::support::{
    client::{Client, GREY, JPEG, V1},
    daemon::{DOOR, Daemon, HTTP},
    http::get,
    pictures::Picture,
};

/// A camera that should be plugged in, where fovea knows of such.
const GATE: &str = if cfg!(feature = "v4l2") {
    "[[camera]]\nname = \"gate\"\n[camera.v4l2]\ndevice = \"/dev/video4242\"\n"
} else {
    ""
};

/// A server that gets events: nobody is there.
const WEBHOOK: &str = "[[webhook]]\nname = \"phone\"\nurl = \"http://127.0.0.1:9/\"\n";

/// A line and a zone of the door, which nobody crosses or enters.
const COUNTED: &str = "[[camera.line]]\nname = \"step\"\nfrom = [0, 0.5]\nto = [1, 0.5]\n\
                       [[camera.motion.zone]]\nname = \"mat\"\npolygon = [[0, 0], [1, 0], [1, 1]]\n";

/// A daemon that took five frames, lost one connection and refused one message, twice, and misses a camera; and its
/// metrics.
fn measured() -> (Daemon, String) {
    let daemon = Daemon::start(&format!("{HTTP}{WEBHOOK}{DOOR}{COUNTED}[[camera]]\nname = \"yard\"\n{GATE}"));
    if !GATE.is_empty() {
        daemon.wait_for_line("gate: lost");
    }
    for _ in 0..2 {
        let mut sender = Client::connect_v1(&daemon, "/frames/door?results");
        for seq in 1..=5 {
            let rows = Picture::scene(64, 48).grey(0);
            sender.send(V1 { format: GREY, size: (64, 48), seq, picture: &rows, ..V1::default() }.message());
            sender.next_of("result");
        }
        sender.send("no picture");
        sender.next_of("refused");
    }
    let answer = get(&daemon, "/metrics");
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let text = answer.text();
    (daemon, text)
}

/// Sample and value.
fn samples(text: &str) -> BTreeMap<&str, f64> {
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    samples
        .map(|line| line.rsplit_once(' ').expect("a value"))
        .map(|(name, value)| (name, value.parse().expect("a number")))
        .collect()
}

#[test]
fn every_number_is_raised_by_what_it_counts() {
    let (_daemon, text) = measured();
    let samples = samples(&text);
    let door = |name: &str| samples[format!("fovea_{name}{{camera=\"door\"}}").as_str()];
    assert_eq!(door("frames_received_total"), 12.0);
    assert_eq!(door("frames_processed_total"), 10.0);
    assert_eq!(door("frames_superseded_total"), 0.0);
    assert_eq!(door("received_bytes_total"), f64::from(10 * (40 + 64 * 48) + 2 * 10));
    assert_eq!(door("connections_total"), 2.0);
    assert_eq!(samples["fovea_frames_refused_total{camera=\"door\",cause=\"bad_header\"}"], 2.0);
    assert_eq!(samples["fovea_frames_refused_total{camera=\"door\",cause=\"damaged\"}"], 0.0);
    assert_eq!(door("frame_start_age_seconds_count"), 10.0);
    assert_eq!(door("frame_result_age_seconds_count"), 10.0);
    assert!(door("frame_result_age_seconds_sum") >= door("frame_start_age_seconds_sum"));
    for stage in ["decode", "motion"] {
        let name = |part: &str| format!("fovea_stage_duration_seconds_{part}{{camera=\"door\",stage=\"{stage}\"");
        assert_eq!(samples[format!("{}}}", name("count")).as_str()], 10.0);
        assert_eq!(samples[format!("{},le=\"+Inf\"}}", name("bucket")).as_str()], 10.0);
    }
    assert_eq!(samples["fovea_camera_live{camera=\"yard\"}"], 0.0);
    for positive in
        ["process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds", "process_start_time_seconds"]
    {
        assert!(samples[positive] > 0.0, "{positive}");
    }
}

/// The dashboards: of single boards, and of all together.
const DASHBOARDS: [&str; 2] =
    [include_str!("../../../deploy/grafana.json"), include_str!("../../../deploy/fleet/grafana.json")];

/// What a dashboard has to show.
fn panels(dashboard: &str) -> Vec<Value> {
    let dashboard: Value = serde_json::from_str(dashboard).expect("the dashboard is JSON");
    dashboard["panels"].as_array().expect("it has panels").clone()
}

/// What a panel asks for, and how it calls each answer.
fn questions(panel: &Value) -> impl Iterator<Item = (&str, &str)> {
    let targets = panel["targets"].as_array().expect("each panel asks for something");
    targets
        .iter()
        .map(|target| (target["expr"].as_str().expect("a question"), target["legendFormat"].as_str().expect("a name")))
}

#[test]
fn who_is_there_is_counted_and_what_was_superseded() {
    let daemon = Daemon::start(&format!("{HTTP}{DOOR}"));
    let mut sender = Client::connect_v1(&daemon, "/?results");
    let _reader = Client::connect(&daemon, "/results");
    let _watching = [get(&daemon, "/live"), get(&daemon, "/api/events"), get(&daemon, "/cameras/door/live.mjpg")];
    // The first keeps the processor busy while the others come.
    let slow = Picture::scene(1920, 1080).progressive_jpeg();
    sender.send(V1 { format: JPEG, seq: 1, picture: &slow, ..V1::default() }.message());
    let quick = Picture::scene(64, 48);
    for seq in 2..=100 {
        sender.send(V1 { format: GREY, size: (64, 48), seq, picture: &quick.pixels, ..V1::default() }.message());
    }
    let results = std::iter::from_fn(|| Some(sender.next_of("result")));
    let (mut processed, mut superseded) = (0.0, 0.0);
    for result in results {
        processed += 1.0;
        superseded += result["superseded"].as_f64().expect("a number");
        if result["seq"] == 100 {
            break;
        }
    }
    assert!(superseded > 0.0, "the processor saw them all");
    let text = get(&daemon, "/metrics").text();
    let expected = [
        ("fovea_frames_processed_total{camera=\"door\"}", processed),
        ("fovea_frames_superseded_total{camera=\"door\"}", superseded),
        ("fovea_camera_live{camera=\"door\"}", 1.0),
        ("fovea_senders{camera=\"door\"}", 1.0),
        ("fovea_result_readers", 2.0), // the sender is one
        ("fovea_http_viewers", 3.0),
    ];
    let samples = samples(&text);
    assert_eq!(expected.map(|(name, _)| (name, samples[name])), expected);
}

#[test]
fn the_dashboards_ask_for_metrics_that_there_are() {
    let (_daemon, text) = measured();
    for panels in DASHBOARDS.map(panels) {
        assert!(panels.len() >= 6);
        let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64().expect("each has a number")).collect();
        assert_eq!(ids.len(), panels.len(), "each its own");
    }
    for panel in DASHBOARDS.into_iter().flat_map(panels) {
        for key in ["title", "type", "gridPos", "datasource", "fieldConfig"] {
            assert!(!panel[key].is_null(), "{key} of {panel}");
        }
        for (expression, _) in questions(&panel) {
            let names = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let names: Vec<_> =
                names.filter(|name| name.starts_with("fovea_") || name.starts_with("process_")).collect();
            assert!(!names.is_empty() || expression.contains("up{"), "{expression}"); // Prometheus' own
            for name in names {
                if GATE.is_empty() && name.starts_with("fovea_driver_") {
                    continue;
                }
                assert!(text.contains(&format!("\n{name}{{")) || text.contains(&format!("\n{name} ")), "{name}");
            }
        }
    }
}

#[test]
fn the_dashboard_tells_boards_apart_that_call_their_cameras_alike() {
    let (_daemon, text) = measured();
    let samples = samples(&text);
    let of_board = |board: &str, sample: &str| match sample.split_once('{') {
        Some((name, labels)) => format!("{name}{{instance=\"{board}\",{labels}"),
        None => format!("{sample}{{instance=\"{board}\"}}"),
    };
    let series = ["den:8080", "shed:8080"]
        .into_iter()
        .flat_map(|board| samples.keys().map(move |sample| of_board(board, sample)))
        .map(|series| json!({ "series": series, "values": "0+1x90" })) // one more a minute
        .collect::<Vec<_>>();
    let mut asked = Vec::new();
    for panel in panels(DASHBOARDS[0]) {
        for (expression, name) in questions(&panel) {
            if GATE.is_empty() && expression.contains("fovea_driver_") {
                continue;
            }
            // As Grafana does it with all boards and cameras chosen, and some scrapes in the range, of which there is
            // one a minute here.
            let expression = expression.replace("$instance", ".*").replace("$camera", ".*");
            let expression = expression.replace("$__rate_interval", "4m");
            assert!(!expression.contains('$'), "{expression}");
            let labels: Vec<_> = name.split("{{").skip(1).filter_map(|rest| Some(rest.split_once("}}")?.0)).collect();
            let mut ask = |question: String, answer: f64| {
                let answer = [json!({ "labels": "{}", "value": answer })];
                asked.push(json!({ "expr": question, "eval_time": "80m30s", "exp_samples": answer }));
            };
            ask(format!("count(count by (instance) ({expression}))"), 2.0);
            ask(format!("max(count by ({}) ({expression}))", labels.join(", ")), 1.0);
        }
    }
    assert!(asked.len() >= 12);
    let tests = json!({ "tests": [{ "interval": "1m", "input_series": series, "promql_expr_test": asked }] });
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("dashboard.yml"); // JSON is YAML
    fs::write(&file, tests.to_string()).expect("the target folder can be written");
    if let Some((is_well, said)) = promtool(&["test", "rules", file.to_str().expect("it has a name in UTF-8")], "") {
        assert!(is_well, "{said}");
    }
}

#[test]
fn the_rules_raise_what_they_should() {
    let rules = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/fleet/rules");
    for arguments in [["check", "rules", &format!("{rules}.yml")], ["test", "rules", &format!("{rules}.test.yml")]] {
        if let Some((is_well, said)) = promtool(&arguments, "") {
            assert!(is_well, "{said}");
        }
    }
    let (_daemon, text) = measured();
    let words = include_str!("../../../deploy/fleet/rules.yml").split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    for name in words.filter(|word| word.starts_with("fovea_") || word.starts_with("process_")) {
        assert!(text.contains(&format!("\n{name}{{")) || text.contains(&format!("\n{name} ")), "{name}");
    }
}

#[test]
fn prometheus_takes_it_without_a_complaint() {
    let (_daemon, text) = measured();
    if let Some((is_well, said)) = promtool(&["check", "metrics"], &text) {
        assert!(is_well && said.is_empty(), "{said}\n{text}");
    }
}

/// Whether all is well by Prometheus' own tool, and what it says; `None` where that may be missing and is.
fn promtool(arguments: &[&str], input: &str) -> Option<(bool, String)> {
    let promtool = Command::new("promtool")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut promtool) = promtool else {
        assert!(env::var_os("FOVEA_ALL").is_none(), "promtool cannot run: install prometheus");
        // Past the test harness, which keeps what passing tests print to itself.
        let _ = writeln!(std::io::stderr(), "skipped promtool: install prometheus");
        return None;
    };
    promtool.stdin.take().expect("it is piped").write_all(input.as_bytes()).expect("it reads");
    let output = promtool.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    Some((output.status.success(), said))
}

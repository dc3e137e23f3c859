//! The process that runs a network: what it has of fovea, and what becomes of fovea when it ends.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, geteuid},
};

use super::{
    folder,
    hostile::endless,
    model,
    onnx::{node, port},
    quarters, write,
};

/// How long is waited for what takes a moment, on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

/// `fovea model check` with a network that runs without end.
fn started(folder: &Path) -> Child {
    write(folder, "endless.onnx", &endless().file());
    write(folder, "endless.toml", b"file = \"endless.onnx\"\nengine = \"rten\"\ntimeout_ms = 60000\n");
    let mut command = Command::new(env!("CARGO_BIN_EXE_fovea"));
    command.args(["model", "check", "--manifest", "endless.toml"]).current_dir(folder);
    // As systemd starts the daemon.
    command.env("NOTIFY_SOCKET", "/run/systemd/notify").env("WATCHDOG_USEC", "20000000").env("LISTEN_FDS", "1");
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it was built")
}

/// The process that a process has started, when it has its limits.
fn network_of(parent: &Child) -> Pid {
    let children = format!("/proc/{0}/task/{0}/children", parent.id());
    let until = Instant::now() + LIMIT;
    loop {
        let child = fs::read_to_string(&children).ok().and_then(|text| text.trim().parse().ok());
        if let Some(child) = child.filter(|child| of(Pid::from_raw(*child), "oom_score_adj") == "1000\n") {
            return Pid::from_raw(child);
        }
        assert!(Instant::now() < until, "it starts no process");
        thread::sleep(Duration::from_millis(10));
    }
}

fn of(process: Pid, file: &str) -> String {
    fs::read(format!("/proc/{process}/{file}"))
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default()
}

#[test]
#[cfg_attr(target_pointer_width = "32", ignore = "qemu-user shows itself")]
fn it_has_nothing_of_fovea_and_is_the_first_to_be_killed() {
    let parent = started(&folder("process-of"));
    let network = network_of(&parent);
    assert_eq!(of(network, "comm"), "fovea-model\n");
    let status = of(network, "status");
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim();
    if geteuid().is_root() {
        assert_eq!(
            (field("Uid:"), field("Gid:"), field("Groups:")),
            ("65534\t65534\t65534\t65534", "65534\t65534\t65534\t65534", "")
        );
        assert_eq!(field("CapEff:"), "0000000000000000");
        // Its own files in /proc are root's then.
        let environment = of(network, "environ");
        assert!(environment.contains("RTEN_NUM_THREADS=1"), "{environment}");
        for variable in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "LISTEN_FDS"] {
            assert!(!environment.contains(variable), "{variable} in {environment}");
        }
    }
    let files: Vec<_> = fs::read_dir(format!("/proc/{network}/fd")).expect("it runs").flatten().collect();
    // Standard input once more.
    assert_eq!(files.len(), 4, "{files:?}");
    let limits = of(network, "limits");
    for limit in ["Max open files", "Max file size"] {
        let line = limits.lines().find(|line| line.starts_with(limit)).unwrap_or_default();
        assert_eq!(line.split_whitespace().filter(|word| *word == "0").count(), 2, "{line}");
    }
    end(parent);
}

#[test]
fn it_is_told_when_somebody_kills_it() {
    let parent = started(&folder("process-killed"));
    let network = network_of(&parent);
    // Those that systemd and a terminal send to all processes are for fovea.
    kill(network, Signal::SIGTERM).and_then(|()| kill(network, Signal::SIGINT)).expect("it runs");
    assert!(of(network, "status").contains("State:\tR") || of(network, "status").contains("State:\tS"));
    kill(network, Signal::SIGKILL).expect("it still runs");
    let output = parent.wait_with_output().expect("it was started");
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("the process of the network was killed during "), "{error}");
}

#[test]
fn it_ends_with_fovea() {
    let mut parent = started(&folder("process-orphan"));
    let network = network_of(&parent);
    parent.kill().and_then(|()| parent.wait()).expect("it was started");
    let until = Instant::now() + LIMIT;
    while !["", "Z"]
        .contains(&of(network, "stat").rsplit(") ").next().and_then(|rest| rest.split(' ').next()).unwrap_or(""))
    {
        assert!(Instant::now() < until, "it runs on");
        thread::sleep(Duration::from_millis(10));
    }
}

fn end(mut parent: Child) {
    parent.kill().and_then(|()| parent.wait()).expect("it was started");
}

/// Names of outputs that are longer, together, than what fovea reads at once. The network waits until somebody takes its outputs.
#[test]
fn an_answer_that_is_too_long_does_not_hold_fovea_up() {
    let folder = folder("outputs");
    let mut graph = quarters();
    let names: Vec<String> = (0..64).map(|n| format!("{}{n}", "map".repeat(500))).collect();
    graph.nodes.extend(names.iter().map(|name| node("Identity", &["map"], &[name], &[])));
    graph.outputs = names.iter().map(|name| port(name, 1, &[1, 7, 2, 2])).collect();
    write(&folder, "outputs.onnx", &graph.file());
    let (code, _, error) = model(&folder, &["check", "outputs.onnx"]);
    assert_eq!(code, 1, "{error}");
    assert!(error.contains("that fovea understands, and was ended: a message is too long"), "{error}");
}

/// `fovea model check` uses the engine that is built in if this C program is what is named as ONNX Runtime.
fn checked_with_library(name: &str, source: &[u8]) {
    let folder = folder(name);
    write(&folder, "library.c", source);
    let library = folder.join("library.so");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-o"]).arg(&library).arg("library.c").current_dir(&folder);
    assert!(compiler.status().expect("building fovea needs a C compiler, too").success());
    write(&folder, "q.onnx", &quarters().file());
    let mut command = Command::new(env!("CARGO_BIN_EXE_fovea"));
    command.args(["model", "check", "q.onnx"]).current_dir(&folder).env("ORT_DYLIB_PATH", library);
    let output = command.output().expect("it was built");
    let said = String::from_utf8_lossy(&output.stdout);
    // The engine that is built in has the network.
    assert!(
        output.status.success() && said.contains("rten (built in)"),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Debian's ONNX Runtime writes 116 KB when it is loaded, more than a pipe takes.
#[test]
fn a_library_that_writes_without_end_does_not_stand_still() {
    checked_with_library(
        "talkative",
        b"#include <stdio.h>\n__attribute__((constructor)) static void talk(void) {\n\
          for (int n = 0; n < 100000; n++) fputs(\"Schema error: it is registered already\\n\", stderr);\n}\n",
    );
}

/// As Debian's does on a Cortex-A53, which lacks instructions that it uses.
#[test]
fn a_library_that_crashes_leaves_the_engine_that_is_built_in() {
    checked_with_library("crashing", b"__attribute__((constructor)) static void crash(void) { __builtin_trap(); }\n");
}

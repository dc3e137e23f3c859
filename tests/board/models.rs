//! Networks on the board: they run inside of the service's sandbox, and cost the daemon nothing if memory runs out.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::machine::{Board, PROCESS};
use crate::onnx::{Graph, node, numbers, port, raw, tensor};

/// A unit with the sandbox of fovea's, which checks a network once.
const UNIT: &str = "/run/systemd/system/fovea-model.service";

/// Writes that unit, for the manifest `/etc/fovea/q.toml`.
fn write_unit(board: &mut Board) {
    board.ask(&format!(
        "sed -e 's|^Type=.*|Type=oneshot|' -e 's|^ExecStart=.*|ExecStart=/usr/bin/fovea model check --manifest /etc/fovea/q.toml|' \
             -e '/^ExecReload=/d; /^WatchdogSec=/d; /^Restart/d; /^RuntimeDirectory/d; /^StateDirectory/d' \
             /usr/lib/systemd/system/fovea.service >{UNIT} && systemctl daemon-reload"
    ));
}

/// Checks a network in that unit. Returns what it says, and how systemd saw it end.
fn check(board: &mut Board, graph: &Graph) -> (String, String) {
    let file = STANDARD.encode(graph.file());
    board.ask(&format!("base64 --decode >/etc/fovea/q.onnx <<'END'\n{file}\nEND"));
    board.write("/etc/fovea/q.toml", "file = \"q.onnx\"\ntimeout_ms = 120000\n");
    board.run("systemctl start fovea-model");
    let said = board
        .ask("journalctl --boot --output cat SYSLOG_IDENTIFIER=fovea _SYSTEMD_UNIT=fovea-model.service | tail -n 20");
    (said, board.ask("systemctl show --property Result --value fovea-model; systemctl reset-failed fovea-model 2>/dev/null; true"))
}

pub(crate) fn a_network_runs_in_the_sandbox_and_is_killed_before_fovea(board: &mut Board) {
    board.with_fovea();
    write_unit(board);
    let mut graph = Graph {
        nodes: vec![node(
            "Conv",
            &["picture", "weights"],
            &["map"],
            &[numbers("strides", &[16, 16]), numbers("kernel_shape", &[16, 16])],
        )],
        tensors: vec![tensor("weights", 1, &[7, 3, 16, 16], &raw(&[1.0 / 768.0; 7 * 768]))],
        inputs: vec![port("picture", 1, &[1, 3, 32, 32])],
        outputs: vec![port("map", 1, &[1, 7, 2, 2])],
    };
    let (said, result) = check(board, &graph);
    assert!(said.contains("q.onnx: good") && said.contains("rten (built in)"), "{said}");
    assert_eq!(result, "success", "{said}");

    // 256 MB, where the unit allows 96: the kernel ends the process of the network, and the one that waits for it goes on.
    let sides = [1_i64 << 13, 1 << 13].map(i64::to_le_bytes).concat();
    graph.nodes = vec![
        node("ConstantOfShape", &["shape"], &["huge"], &[]),
        node("ReduceSum", &["huge"], &["sum"], &[]),
        node("Add", &["picture", "sum"], &["map"], &[]),
    ];
    graph.tensors = vec![tensor("shape", 7, &[2], &sides)];
    graph.outputs = vec![port("map", 1, &[1, 3, 32, 32])];
    board.ask(&format!("sed -i 's|^MemoryMax=.*|MemoryMax=96M|' {UNIT} && systemctl daemon-reload"));
    let (said, result) = check(board, &graph);
    assert!(
        said.contains("was killed during opening the file, most likely by the kernel because memory ran out"),
        "{said}"
    );
    assert_eq!(result, "exit-code", "{said}");
    board.ask(&format!("rm {UNIT} && systemctl daemon-reload"));

    // The same beside the daemon.
    let before = board.ask(PROCESS);
    let killed = board.ask(
        "systemctl set-property --runtime fovea MemoryMax=96M
         cgroup=/sys/fs/cgroup$(systemctl show --property ControlGroup --value fovea)
         bash -c 'echo $$ >'$cgroup'/cgroup.procs && echo 1000 >/proc/self/oom_score_adj && exec tail /dev/zero' && exit 1
         systemctl set-property --runtime fovea MemoryMax=65%
         sed -n 's/^oom_kill //p' $cgroup/memory.events",
    );
    assert_eq!(killed.lines().last(), Some("1"), "{killed}"); // Bash tells, too
    assert_eq!(board.ask("systemctl is-active fovea"), "active");
    assert_eq!(board.ask(PROCESS), before, "it was restarted");
    // What fovea opens is for no process that it starts.
    board.ask(&format!(
        "cd /proc/{before}/fdinfo
         for file in *; do
             flags=$(sed -n 's/^flags:[[:space:]]*//p' $file)
             ((file <= 2 || flags & 02000000)) || {{ ls -l ../fd/$file; exit 1; }}
         done"
    ));
}

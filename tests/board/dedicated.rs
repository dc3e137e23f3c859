//! The processor's core for the processor alone, beside neighbours that take all they get.

use std::time::Duration;

use super::machine::{Board, CONFIG_FILE, PROCESS};
use crate::support::{
    boards::{CONFIG, brief_leaves_out},
    client::{Client, JPEG, V1},
};
use fovea::recording::Recording;

/// Frames for a measurement.
const FRAMES: usize = 60;

/// Programs that never wait: one for each core.
const HUNGRY: &str = "systemd-run --quiet --unit hungry --collect bash -c \
                      'for n in 1 2 3 4; do (while :; do :; done) & done; wait'";

/// Finds the processor's thread: `$task` is its folder then.
fn find_processor() -> String {
    format!(
        "task=$(grep --files-with-matches --line-regexp processor /proc/$({PROCESS})/task/*/comm)
         task=${{task%/comm}}"
    )
}

/// What became of the processor's thread while it looked at some frames.
#[derive(Debug)]
struct Way {
    /// How long it stood ready, on average of each time that it was put on the core.
    wait_ms: f64,
    /// How often it was taken off the core though it had work.
    pushed_off: u64,
}

/// Three numbers of the processor's thread: time it stood ready in nanoseconds, times it was put on the core, and times it
/// was pushed off.
fn numbers(board: &mut Board) -> [u64; 3] {
    let text = board.ask(&format!(
        "{}
         read -r _ waited slices <$task/schedstat
         echo $waited $slices $(sed -n 's/^nonvoluntary_ctxt_switches:\\s*//p' $task/status)",
        find_processor()
    ));
    let numbers: Vec<u64> = text.split(' ').filter_map(|word| word.parse().ok()).collect();
    numbers.try_into().unwrap_or_else(|_| panic!("three numbers, not {text:?}"))
}

fn measure(board: &mut Board) -> Way {
    let mut sender = Client::connect_v1_to(board.address(), "/frames/street?results");
    let film = Recording::open(&["tests/data/vtest.avi".into()]).expect("it is in the repository");
    let before = numbers(board);
    for (seq, still) in (1..).zip(film.stills().take(FRAMES)) {
        let picture = &still.expect("the film is whole").bytes;
        sender.send(V1 { format: JPEG, seq, picture, ..V1::default() }.message());
        sender.next_of("result");
    }
    let after = numbers(board);
    let [waited, slices, pushed_off] = [0, 1, 2].map(|n| after[n] - before[n]);
    Way { wait_ms: Duration::from_nanos(waited).as_secs_f64() * 1e3 / slices.max(1) as f64, pushed_off }
}

/// The cores that the first process, the hungry ones and the processor may use.
fn cores(board: &mut Board) -> [String; 3] {
    let text = board.ask(&format!(
        "{}
         hungry=/sys/fs/cgroup$(systemctl show --property ControlGroup --value hungry)/cgroup.procs
         for status in /proc/1/status /proc/$(tail -n 1 $hungry)/status $task/status; do
             sed -n 's/^Cpus_allowed_list:\\s*//p' $status
         done",
        find_processor()
    ));
    let lines: Vec<_> = text.lines().map(ToOwned::to_owned).collect();
    lines.try_into().unwrap_or_else(|_| panic!("three lists, not {text:?}"))
}

pub(crate) fn others_are_kept_off_the_core_while_wanted(board: &mut Board) {
    board.with_fovea();
    board.ask(HUNGRY);
    assert_eq!(cores(board), ["0-3", "0-3", "3"]);
    let doctor = board.run("fovea doctor").text;
    assert!(doctor.contains("hint  other programs may run on core 3, the processor's: "), "{doctor}");
    let is_brief = brief_leaves_out("how long the processor waits for a core that is its own, and for one that is not");
    let without = (!is_brief).then(|| measure(board));

    let told =
        board.ask("systemctl enable --now fovea-core 2>/dev/null && journalctl --boot --unit fovea-core --output cat");
    assert!(told.contains("core 3 is reserved for fovea; programs and "), "{told}");
    assert_eq!(cores(board), ["0-2", "0-2", "3"]);
    let doctor = board.run("fovea doctor");
    assert_eq!(doctor.status, 0, "{}", doctor.text);
    assert!(doctor.text.contains("good  only the processor runs on core 3"), "{}", doctor.text);
    // Of the disk and the network there may be a queue for each core.
    assert!(!doctor.text.contains("hint  core 3"), "{}", doctor.text);
    let with = (!is_brief).then(|| measure(board));
    for (which, way) in [("shared", without), ("own", with)] {
        let Some(Way { wait_ms, pushed_off }) = way else { continue };
        board.note(&format!(
            "{which} core: ready for {wait_ms:.2} ms, pushed off {pushed_off} times in {FRAMES} frames"
        ));
    }
    // A fovea that starts later has the core as well.
    board.ask("systemctl restart fovea");
    assert_eq!(cores(board), ["0-2", "0-2", "3"]);

    board.ask("systemctl stop hungry && systemctl disable --now fovea-core");
    assert_eq!(board.ask("sed -n 's/^Cpus_allowed_list:\\s*//p' /proc/1/status"), "0-3");
}

pub(crate) fn it_goes_ahead_of_others_where_it_may(board: &mut Board) {
    board.with_fovea();
    board.run("systemctl stop hungry"); // of a scenario that failed
    let folder = "/run/systemd/system/fovea.service.d";
    board.ask(&format!("mkdir -p {folder} && cp /usr/share/fovea/realtime.conf {folder}/"));
    board.write(CONFIG_FILE, &format!("[processor]\nrealtime_priority = 10\n{CONFIG}"));
    board.ask("systemctl daemon-reload && systemctl restart fovea");
    let policy = board.ask(&format!("{}; chrt --pid ${{task##*/}}", find_processor()));
    assert!(policy.contains("SCHED_FIFO") && policy.ends_with("priority: 10"), "{policy}");
    // Without the drop-in it says what is missing.
    board.ask(&format!("rm {folder}/realtime.conf && systemctl daemon-reload"));
    assert!(!board.holds("systemctl restart fovea"), "it started without what it was promised");
    board.ask("journalctl --boot --unit fovea --grep 'realtime_priority = 10: the system does not allow it'");
    board.with_fovea();
}

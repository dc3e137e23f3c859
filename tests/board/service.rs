//! fovea under systemd: ready, reloaded, watched, shut in.

use std::time::Duration;

use super::machine::{ANSWERS, Board, CONFIG_FILE, PROCESS};
use crate::support::{
    boards::CONFIG,
    client::{Client, GREY, V1},
    pictures::Picture,
};

/// What is written over the unit for a while; gone with the next boot at the latest.
const DROP_IN: &str = "/run/systemd/system/fovea.service.d/test.conf";

/// Sends a frame and gives its result.
fn look(sender: &mut Client, seq: u64) -> serde_json::Value {
    let scene = Picture::scene(64, 48);
    let picture = &scene.pixels[..];
    sender.send(V1 { format: GREY, size: (64, 48), seq, picture, ..V1::default() }.message());
    sender.next_of("result")
}

fn status(board: &mut Board) -> String {
    board.ask("systemctl show --property StatusText --value fovea")
}

pub(crate) fn it_is_ready_when_it_answers_and_says_how_it_goes(board: &mut Board) {
    board.with_fovea();
    // Not a moment in between.
    board.ask(&format!(
        "answers() {{ {ANSWERS} }}; for time in 1 2 3; do systemctl restart fovea && answers || exit 1; done"
    ));
    board.wait_until("systemctl status fovea | grep -F 'Status: \"0 of 1 camera live\"'");
    let mut sender = Client::connect_v1_to(board.address(), "/frames/street?results");
    look(&mut sender, 1);
    board.wait_until("systemctl status fovea | grep -E 'Status: \"1 camera, .* fps, age p99 .* ms\"'");
    let doctor = board.run("fovea doctor");
    assert_eq!(doctor.status, 0, "{}", doctor.text);
    assert!(doctor.text.contains("good  fovea.service runs: 1 camera, "), "{}", doctor.text);
    drop(sender);
    board.wait_until("systemctl status fovea | grep -F 'Status: \"0 of 1 camera live'");
}

pub(crate) fn a_reload_keeps_connections_and_frames(board: &mut Board) {
    board.with_fovea();
    let before = board.ask(PROCESS);
    let mut sender = Client::connect_v1_to(board.address(), "/frames/street?results");
    let mut seq = 0;
    let mut goes_on = |sender: &mut Client| {
        for _ in 0..5 {
            seq += 1;
            let result = look(sender, seq);
            assert_eq!([&result["seq"], &result["superseded"]], [seq, 0], "{result}");
        }
    };
    goes_on(&mut sender);
    board.write(CONFIG_FILE, &format!("{CONFIG}[[camera]]\nname = \"yard\"\n"));
    board.ask("systemctl reload fovea");
    goes_on(&mut sender);
    board.wait_until("systemctl show --property StatusText fovea | grep 'of 2 cameras live'");

    board.write(CONFIG_FILE, &format!("{CONFIG}[[camera]]\nname = \"Yard\"\n"));
    assert!(!board.holds("systemctl reload fovea"), "it says that all is well");
    board.wait_until("systemctl show --property StatusText fovea | grep 'not reloaded: /etc/fovea/fovea.toml:8:8: '");
    goes_on(&mut sender);
    board.ask("journalctl --boot --unit fovea --grep 'camera.name = \"Yard\": must be 1 to 32 of a-z'");
    assert_eq!(board.ask("systemctl is-active fovea"), "active");

    board.write(CONFIG_FILE, CONFIG);
    board.ask("systemctl reload fovea");
    goes_on(&mut sender);
    board.wait_until("! systemctl show --property StatusText fovea | grep 'not reloaded'");
    assert_eq!(board.ask(PROCESS), before, "it was restarted");
}

/// Has systemd wait for no more than ten seconds, so that the scenario need not wait for long.
fn with_little_patience(board: &mut Board) {
    board.with_fovea();
    board.ask(&format!("mkdir -p {}", DROP_IN.rsplit_once('/').expect("a path").0));
    board.write(DROP_IN, "[Service]\nWatchdogSec=10\n");
    board.ask("systemctl daemon-reload && systemctl restart fovea");
}

fn as_it_comes(board: &mut Board) {
    board.ask(&format!("rm {DROP_IN} && systemctl daemon-reload && systemctl restart fovea"));
}

pub(crate) fn nobody_there_is_no_reason_to_restart(board: &mut Board) {
    with_little_patience(board);
    let before = board.ask(PROCESS);
    // A camera that has sent half a frame, a reader that does not read, and a camera that is not there.
    board.write(CONFIG_FILE, &format!("{CONFIG}[[camera]]\nname = \"absent\"\n"));
    board.ask("systemctl reload fovea");
    let mut sender = Client::connect_v1_to(board.address(), "/frames/street?results");
    look(&mut sender, 1);
    let _reader = Client::connect_v1_to(board.address(), "/results");
    board.run("sleep 30"); // three times as long as systemd waits
    assert_eq!(board.ask(PROCESS), before);
    assert_eq!(board.ask("systemctl show --property NRestarts --value fovea"), "0");
    look(&mut sender, 2);
    board.write(CONFIG_FILE, CONFIG);
    as_it_comes(board);
}

pub(crate) fn a_processor_that_is_stuck_is_named_and_ended(board: &mut Board) {
    with_little_patience(board);
    let before = board.ask(PROCESS);
    // The kernel holds this one thread, wherever it is: the rest of the process goes on, as it would beside a call that does not
    // come back.
    let frozen = board.ask(&format!(
        "answers() {{ {ANSWERS} }}
         cgroup=/sys/fs/cgroup$(systemctl show --property ControlGroup --value fovea)
         mkdir $cgroup/stuck && echo threaded >$cgroup/stuck/cgroup.type
         task=$(grep --files-with-matches --line-regexp processor /proc/{before}/task/*/comm)
         task=${{task%/comm}}
         began=${{EPOCHREALTIME/./}}
         echo ${{task##*/}} >$cgroup/stuck/cgroup.threads && echo 1 >$cgroup/stuck/cgroup.freeze
         until [[ $(systemctl show --property NRestarts --value fovea) != 0 ]] && answers; do
             sleep 0.2
             ((${{EPOCHREALTIME/./}} - began < 50000000)) || {{ systemctl status fovea; exit 1; }}
         done
         echo $((${{EPOCHREALTIME/./}} - began))"
    ));
    let seconds = frozen.lines().last().and_then(|last| last.parse::<f64>().ok()).expect("microseconds") / 1e6;
    board.note(&format!("another one answers after {seconds:.1} s"));
    assert_ne!(board.ask(PROCESS), before);
    let journal = board.ask(&format!("journalctl --boot --unit fovea _PID={before} + UNIT=fovea.service --output cat"));
    assert!(journal.contains("the thread processor stands still for"), "{journal}");
    assert!(journal.contains("Watchdog timeout"), "{journal}");
    let named = board.ask(&format!("journalctl --boot THREAD=processor _PID={before} --output cat"));
    assert!(named.lines().count() == 1 && named.starts_with("the thread processor stands still"), "{named}");
    // Where it was stuck can be looked at afterwards.
    board.wait_until(&format!("coredumpctl --no-pager --no-legend list {before} | grep -w SIGABRT"));
    as_it_comes(board);
}

pub(crate) fn nobody_is_turned_away_while_it_restarts(board: &mut Board) {
    board.with_fovea();
    let folder = "/run/systemd/system/fovea.socket.d";
    board.ask(&format!("mkdir -p {folder}"));
    board.write(&format!("{folder}/test.conf"), "[Socket]\nListenStream=\nListenStream=0.0.0.0:8999\n");
    board.ask("systemctl daemon-reload && systemctl stop fovea && systemctl start fovea.socket fovea");
    let told = board.run_within(
        Duration::from_secs(600),
        &format!(
            "answers() {{ {ANSWERS} }}
         knock() {{
             while [[ -e /run/knock ]]; do
                 if (exec 4<>/dev/tcp/127.0.0.1/8999) 2>/dev/null; then echo let in; else echo turned away; fi
                 sleep 0.05
             done
         }}
         touch /run/knock
         knock >/run/knocked 2>&1 & 
         for time in 1 2; do systemctl restart fovea; until answers; do sleep 0.1; done; done
         kill -KILL $({PROCESS})
         until answers; do sleep 0.1; done
         dpkg --install /packages/fovea.deb >/dev/null 2>&1 || echo not installed
         until answers; do sleep 0.1; done
         rm /run/knock
         wait
         sort /run/knocked | uniq --count"
        ),
    );
    let told = told.text.trim();
    board.note(&format!("{} clients", told.split_whitespace().next().unwrap_or_default()));
    assert!(told.ends_with("let in") && told.lines().count() == 1, "{told}");
    assert!(board.holds("systemctl is-active fovea.socket"), "an upgrade closes the port");
    board.ask(&format!("systemctl stop fovea.socket fovea && rm -r {folder} && systemctl daemon-reload"));
    board.with_fovea();
}

pub(crate) fn it_works_in_a_tight_sandbox(board: &mut Board) {
    board.with_fovea();
    // In tenths.
    let safe = board.run("systemd-analyze security --no-pager --threshold=17 fovea.service");
    assert_eq!(safe.status, 0, "{}", safe.text);
    let score = safe.text.lines().find_map(|line| line.split_once("level for fovea.service: ")).map(|(_, score)| score);
    board.note(&format!("exposure {}", score.and_then(|score| score.split(' ').next()).unwrap_or("not told")));

    let mut sender = Client::connect_v1_to(board.address(), "/frames/street?results");
    assert_eq!(look(&mut sender, 1)["seq"], 1);
    let process = board.ask(PROCESS);
    let inside = board.ask(&format!("grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/{process}/status"));
    let inside: Vec<_> = inside.split_whitespace().collect();
    let none = "0000000000000000";
    assert_eq!(inside, ["CapEff:", none, "CapBnd:", none, "NoNewPrivs:", "1", "Seccomp:", "2"]);
    let groups = board.ask(&format!("grep ^Groups: /proc/{process}/status | cut -f 2"));
    let video = board.ask("getent group video | cut -d : -f 3");
    let own = board.ask("id --group fovea");
    assert!(groups.split(' ').all(|group| group == video || group == own), "{groups}");
    assert!(groups.contains(&*video), "{groups}");

    // What the journal knows of it, by its fields.
    let peer =
        board.ask("journalctl --boot CAMERA=street --output json --output-fields CAMERA,CLIENT,MESSAGE | tail -n 1");
    let peer: serde_json::Value = serde_json::from_str(&peer).expect("an entry is JSON");
    assert_eq!(peer["CAMERA"], "street");
    assert!(peer["CLIENT"].as_str().is_some_and(|client| client.starts_with("10.0.2.2:")), "{peer}");
    // A sandbox that is too tight says so in many ways, with one number: EPERM.
    let denied =
        board.run(&format!("journalctl --boot _PID={process} --grep 'not permitted|not allowed|os error 1\\)'"));
    assert_ne!(denied.status, 0, "{}", denied.text);
    let idle = status(board);
    assert!(idle.contains("camera"), "{idle}");
}

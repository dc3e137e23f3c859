//! The log when standard error is the journal: entries with fields, and nothing on standard error.

use std::{env, fs, net::TcpStream, path::PathBuf, process, process::Command};

use serde_json::Value;

use crate::support::{
    client::{Client, GREY, V1},
    daemon::DOOR,
    journal::Journal,
    pictures::Picture,
};

/// A daemon that tells a journal.
struct Told {
    journal: Journal,
    config: PathBuf,
}

impl Told {
    fn start(name: &str, cameras: &str) -> Option<Self> {
        let config = env::temp_dir().join(format!("fovea-journal-{name}-{}.toml", process::id()));
        fs::write(&config, format!("[server]\nlisten = \"127.0.0.1:0\"\n{cameras}")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_fovea"));
        let journal = Journal::of(command.args(["run", "--config"]).arg(&config));
        Some(Self { journal: journal?, config })
    }

    /// A connection to it, and this side's address.
    fn connect(&mut self) -> (TcpStream, String) {
        let line = self.journal.entry("listening on ");
        let address = line["MESSAGE"].as_str().and_then(|line| line.rsplit(' ').next()).unwrap();
        let stream = TcpStream::connect(address).unwrap();
        let own = stream.local_addr().unwrap().to_string();
        (stream, own)
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        fs::remove_file(&self.config).unwrap();
    }
}

#[test]
fn entries_have_fields() {
    let Some(mut told) = Told::start("fields", "[[camera]]\nname = \"door\"\n") else { return };
    assert_eq!(told.journal.entry("listening on 127.0.0.1:")["VERSION"], env!("CARGO_PKG_VERSION"));
    let warning = told.journal.entry("no stage is configured");
    assert_eq!([&warning["CAMERA"], &warning["PRIORITY"]], ["door", "4"]);
    assert_eq!(told.journal.end(), "", "what the journal has is not told twice");
    let sum = told.journal.entry("0 frames published");
    assert_eq!([&sum["CAMERA"], &sum["TAKEN"], &sum["REFUSED"]], ["door", "0", "0"]);
}

#[test]
fn a_crossing_is_one_entry_that_names_line_direction_and_track() {
    let line = "[[camera.line]]\nname = \"gate\"\nfrom = [0.5, 1]\nto = [0.5, 0]\n";
    let Some(mut told) = Told::start("crossing", &format!("{DOOR}{line}")) else { return };
    let (stream, _) = told.connect();
    let mut sender = Client::over_v1(stream, "/?results");
    let scene = Picture::scene(320, 240);
    let mut steps = 0_u32..60;
    for seq in 1.. {
        let is_known = seq > 1 && sender.next_of("result")["motion"]["relearning"] != true;
        let step = if is_known { steps.next() } else { Some(0) };
        let Some(step) = step else { break };
        let picture = if step == 0 { scene.clone() } else { scene.with([4 * step, 100, 40, 60]) };
        let rows = &picture.pixels;
        sender.send(V1 { format: GREY, size: (320, 240), seq, picture: rows, ..V1::default() }.message());
    }
    let crossing = told.journal.entry("door: crossing of gate (in)");
    assert_eq!([&crossing["CAMERA"], &crossing["LINE"], &crossing["DIRECTION"]], ["door", "gate", "in"]);
    assert!(crossing["TRACK"].as_str().is_some_and(|track| track.parse::<u64>().is_ok()), "{crossing}");
    assert_eq!(crossing["ZONE"], Value::Null);
}

#[test]
fn what_a_client_causes_names_it_and_an_event_its_age() {
    let zone = "[[camera.motion.zone]]\nname = \"all\"\npolygon = [[0, 0], [1, 0], [1, 1], [0, 1]]\n";
    let Some(mut told) = Told::start("client", &format!("{DOOR}hold_ms = 500\n{zone}")) else { return };
    let (stream, own) = told.connect();
    let mut sender = Client::over(stream, "/?results");
    let came = told.journal.entry("sends bare pictures");
    assert_eq!([&came["CAMERA"], &came["CLIENT"]], ["door", &*own]);
    sender.send(&b"GIF89a"[..]);
    let refused = told.journal.entry("frame 1 refused");
    assert_eq!([&refused["CAMERA"], &refused["CAUSE"]], ["door", "not_a_picture"]);
    drop(sender);
    let left = told.journal.entry("disconnects after 1 frames");
    assert_eq!([&left["CAMERA"], &left["CLIENT"]], ["door", &*own]);

    let (stream, own) = told.connect();
    let mut sender = Client::over_v1(stream, "/");
    sender.answer_clock(100_000_000);
    let scene = Picture::scene(320, 240);
    for step in 0..8_u32 {
        let picture = if step < 4 { scene.clone() } else { scene.with([30 * step, 100, 40, 60]) };
        let seq = u64::from(step) + 1;
        let captured_us = 50_000_000 + seq * 400_000;
        let rows = &picture.pixels;
        sender.send(V1 { format: GREY, size: (320, 240), seq, captured_us, picture: rows, ..V1::default() }.message());
        sender.next_of("taken");
    }
    let start = told.journal.entry("door: motion in all starts");
    assert_eq!([&start["CAMERA"], &start["ZONE"]], ["door", "all"]);
    let age_ms = start["AGE_MS"].as_str().and_then(|age| age.parse::<u32>().ok());
    assert!(age_ms.is_some_and(|age_ms| age_ms > 40_000), "{start}, captured 47 s ago");
    let end = told.journal.entry("door: motion in all ends");
    assert_eq!([&end["EVENT"], &end["ZONE"], &end["AGE_MS"]], [&start["EVENT"], &"all".into(), &Value::Null]);

    let (stream, reader) = told.connect();
    drop(Client::over(stream, "/results/door"));
    assert_eq!(told.journal.entry("reads the results of door")["CLIENT"], *reader);
    let (stream, denied) = told.connect();
    assert_eq!(Client::denied(stream, "/frames/yard"), 404);
    assert_eq!(told.journal.entry("denied: 404")["CLIENT"], *denied);
    assert_ne!(own, denied);
}

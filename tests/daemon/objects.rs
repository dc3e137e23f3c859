//! Tracks get names: a network that takes what is bright for a person, and bodies that move.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    time::Duration,
};

use fovea::recording::Recording;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;

use crate::onnx::{Graph, node, numbers, port, raw, tensor};
use crate::support::{
    client::{Client, GREY, JPEG, V1},
    daemon::{Daemon, HTTP},
    eventually,
    http::get,
    pictures::Picture,
    systemd::Notified,
};

const SIZE: (u32, u32) = (320, 240);

/// A folder of a test's own, with a network in `bright.onnx`.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("objects").join(name);
    let _ = fs::remove_dir_all(&folder); // of an earlier run
    fs::create_dir_all(&folder).expect("the target folder can be written");
    fs::write(folder.join("bright.onnx"), bright().file()).expect("the folder is there");
    folder
}

/// A network as FastestDet with one cell and two classes: something of the first is in the middle half of a picture of 32 x 32, as
/// sure as that is bright.
fn bright() -> Graph {
    const TO_THE_MIDDLE: f32 = 0.549_306; // its tanh is 0.5
    let is_inside = |pixel: usize| (8..24).contains(&(pixel % 32)) && (8..24).contains(&(pixel / 32));
    let weight = |channel: usize, pixel: usize| {
        if [0, 5].contains(&channel) && is_inside(pixel) { 1.0 / 768.0 } else { 0.0 }
    };
    let weights: Vec<f32> =
        (0..7).flat_map(|channel| (0..3 * 1024).map(move |at| weight(channel, at % 1024))).collect();
    let kernel = [numbers("strides", &[32, 32]), numbers("kernel_shape", &[32, 32])];
    Graph {
        nodes: vec![node("Conv", &["picture", "weights", "bias"], &["map"], &kernel)],
        tensors: vec![
            tensor("weights", 1, &[7, 3, 32, 32], &raw(&weights)),
            tensor("bias", 1, &[7], &raw(&[0.0, TO_THE_MIDDLE, TO_THE_MIDDLE, 0.0, 0.0, 0.0, 0.0])),
        ],
        inputs: vec![port("picture", 1, &[1, 3, 32, 32])],
        outputs: vec![port("map", 1, &[1, 7, 1, 1])],
    }
}

/// A configuration with that network, and what is beside it.
fn config(folder: &Path, model: &str, objects: &str) -> String {
    let file = folder.join("bright.onnx");
    format!(
        "{HTTP}[model.bright]\nfile = {file:?}\ndecoder = \"fastestdet\"\nlabels = [\"person\", \"car\"]\n{model}\
         [[camera]]\nname = \"door\"\n[camera.motion]\nhold_ms = 500\n[camera.objects]\n{objects}"
    )
}

/// A camera in front of which a body walks to and fro.
struct Walk {
    sender: Client,
    empty: Picture,
    seq: u64,
    results: Vec<Value>,
    events: Vec<Value>,
}

impl Walk {
    fn start(daemon: &Daemon) -> Self {
        let sender = Client::connect_v1(daemon, "/frames/door?results");
        let empty = Picture::scene(SIZE.0, SIZE.1);
        let mut walk = Self { sender, empty, seq: 0, results: Vec::new(), events: Vec::new() };
        while walk.step(None)["motion"]["relearning"] == true {}
        walk
    }

    /// Sends a frame with something in it; gives the result of motion.
    fn step(&mut self, body: Option<[u32; 4]>) -> Value {
        let picture = body.map_or_else(|| self.empty.clone(), |body| self.empty.with(body));
        self.seq += 1;
        let rows = picture.grey(0);
        self.sender.send(V1 { format: GREY, size: SIZE, seq: self.seq, picture: &rows, ..V1::default() }.message());
        loop {
            let message = self.sender.next();
            let (is_result, is_motions) = (message["type"] == "result", message.get("motion").is_some());
            match message["type"].as_str() {
                Some("event") => self.events.push(message.clone()),
                Some("result") => self.results.push(message.clone()),
                _ => {}
            }
            if is_result && is_motions && message["seq"] == self.seq {
                std::thread::sleep(Duration::from_millis(30)); // about as a camera sends
                return message;
            }
        }
    }

    /// A body walks until something is so.
    fn until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let mut steps = 0_u32;
        eventually(what, || {
            let along = steps % 80;
            let x = 40 + 4 * if along < 40 { along } else { 80 - along };
            self.step(Some([x, 80, 48, 64]));
            steps += 1;
            is_so(self)
        });
    }

    fn object(&self, state: &str) -> Option<&Value> {
        self.events.iter().find(|event| event["kind"] == "object" && event["state"] == state)
    }
}

/// How the only model is doing.
fn model(daemon: &Daemon) -> Value {
    get(daemon, "/api/status").json()["models"][0].clone()
}

fn questions(daemon: &Daemon) -> Value {
    get(daemon, "/api/status").json()["cameras"][0]["questions"].clone()
}

/// The processes of networks that the daemon started, newest last.
pub(super) fn workers(daemon: &Daemon) -> Vec<Pid> {
    let mut workers = Vec::new();
    for task in daemon.tasks() {
        let children = fs::read_to_string(format!("/proc/{}/task/{}/children", task.id, task.id)).unwrap_or_default();
        workers.extend(children.split_whitespace().filter_map(|id| id.parse().ok()).map(Pid::from_raw));
    }
    workers.sort();
    workers
}

#[test]
fn a_track_gets_a_name_and_keeps_it() {
    let folder = folder("named");
    for objects in ["", "processor = \"main\"\n"] {
        let daemon = Daemon::start(&config(&folder, "", objects));
        let mut walk = Walk::start(&daemon);
        walk.until("an event starts", |walk| walk.object("start").is_some());
        let start = walk.object("start").expect("just seen").clone();
        assert_eq!(
            (&start["label"], start["score"].as_f64().is_some_and(|score| score > 0.5)),
            (&"person".into(), true)
        );
        let track = start["track"].clone();
        assert!(track.is_u64(), "{start}");

        // From then on, what moves has the name.
        walk.until("a detection has it", |walk| {
            let last = walk.results.iter().rev().find(|result| result.get("motion").is_some()).expect("one for each");
            last["detections"][0]["label"] == "person" && last["detections"][0]["track"] == track
        });
        let looks: Vec<_> = walk.results.iter().filter(|result| result.get("objects").is_some()).collect();
        // On the processor of motion, its detections are there, too.
        let has_name = |look: &&&Value| {
            let detections = look["detections"].as_array().expect("a list");
            detections.iter().any(|one| one["track"] == track && one["label"] == "person")
        };
        let named = looks.iter().find(has_name).expect("two looks, at least");
        let part = named["objects"]["looked_at"].as_array().expect("a box");
        assert!(part[2].as_u64().is_some_and(|width| width < u64::from(SIZE.0)), "a crop, not the picture: {named}");
        let of_processor = if objects.is_empty() { Some("objects") } else { None };
        assert_eq!(named.get("processor").and_then(Value::as_str), of_processor, "{named}");
        // Frames of which nothing is to be asked have no result there.
        assert!(of_processor.is_none() || 2 * (looks.len() as u64) < walk.seq, "{} of {}", looks.len(), walk.seq);

        eventually("it ends", || {
            walk.step(None);
            walk.object("end").is_some()
        });
        let end = walk.object("end").expect("just seen");
        assert_eq!([&end["id"], &end["label"], &end["track"]], [&start["id"], &start["label"], &track]);
        let names: Vec<_> = daemon.tasks().into_iter().map(|task| task.name).collect();
        assert_eq!(names.iter().any(|name| name == "proc-objects"), objects.is_empty(), "{names:?}");
        let questions = questions(&daemon);
        assert!(questions["crops"].as_u64() >= Some(2) && questions["named_tracks"].as_u64() >= Some(1), "{questions}");
        let metrics = get(&daemon, "/metrics").text();
        for start in [
            "fovea_model_ready{model=\"bright\",processor=\"",
            "fovea_model_runs_total{model=\"bright\",processor=\"",
            "fovea_model_questions_total{camera=\"door\",part=\"crop\"} ",
            "fovea_named_tracks_total{camera=\"door\"} ",
        ] {
            assert!(metrics.lines().any(|line| line.starts_with(start)), "{start} is not in\n{metrics}");
        }
    }
}

#[test]
fn only_labels_that_are_wanted_are_told() {
    let folder = folder("labels");
    let daemon = Daemon::start(&config(&folder, "", "labels = [\"car\"]\n"));
    let mut walk = Walk::start(&daemon);
    walk.until("it was looked at", |_| questions(&daemon)["crops"].as_u64() >= Some(3));
    assert_eq!(walk.object("start"), None);
    assert!(walk.results.iter().all(|result| result["detections"][0]["label"] != "person"));
}

/// With a priority that is not the lowest, so that a busy machine asks, too.
const ON_MAIN: &str = "processor = \"main\"\n";

/// The body walks through all of it.
const EVERYWHERE: &str = "polygon = [[0, 0], [1, 0], [1, 1], [0, 1]]\n";

#[test]
fn events_are_in_named_zones_that_are_about_their_label() {
    let folder = folder("zones");
    let zone = |name: &str, labels: &str| {
        format!("[[camera.motion.zone]]\nname = \"{name}\"\nlabels = [\"{labels}\"]\n{EVERYWHERE}")
    };
    let daemon =
        Daemon::start(&config(&folder, "", &[ON_MAIN, &zone("yard", "person"), &zone("road", "car")].concat()));
    let mut walk = Walk::start(&daemon);
    walk.until("an event goes on", |walk| walk.object("update").is_some());
    let mut objects = walk.events.iter().filter(|event| event["kind"] == "object");
    assert!(objects.all(|event| event["zone"] == "yard"), "{:?}", walk.events);
}

/// Neither a track nor what stands there.
#[test]
fn in_an_ignored_zone_what_is_called_so_is_no_event() {
    let folder = folder("ignored");
    for (labels, is_event) in [("person", false), ("car", true)] {
        let ignored = format!("[[camera.motion.zone]]\nignore = true\nlabels = [\"{labels}\"]\n{EVERYWHERE}");
        let daemon = Daemon::start(&config(&folder, "", &format!("{ON_MAIN}sweep_ms = 100\n{ignored}")));
        let mut walk = Walk::start(&daemon);
        walk.until("it has a name, and was looked at again", |_| {
            let questions = questions(&daemon);
            questions["named_tracks"].as_u64() >= Some(1) && questions["whole_pictures"].as_u64() >= Some(4)
        });
        let is_named = |result: &Value| result["detections"][0]["label"] == "person";
        walk.until("a detection has the name", |walk| walk.results.iter().any(is_named));
        assert_eq!(walk.object("start").is_some(), is_event, "{labels}: {:?}", walk.events);
    }
}

#[test]
fn without_its_file_everything_else_works_and_with_it_names_come() {
    let folder = folder("missing");
    let file = folder.join("bright.onnx");
    fs::rename(&file, folder.join("away")).expect("it is there");
    let daemon = Daemon::start(&config(&folder, "", ""));
    let mut walk = Walk::start(&daemon);
    let line = daemon.wait_for_line("the model bright on the processor objects cannot be used: cannot read the model");
    assert!(line.contains("everything else goes on") && line.contains("fovea model check"), "{line}");
    walk.until("motion", |walk| walk.events.iter().any(|event| event["kind"] == "motion"));
    let status = model(&daemon);
    assert_eq!([&status["model"], &status["processor"]], ["bright", "objects"]);
    assert!(status["reason"].as_str().is_some_and(|reason| reason.contains("No such file")), "{status}");
    fs::rename(folder.join("away"), &file).expect("it is there");
    walk.until("a name", |walk| walk.object("start").is_some());
    assert_eq!(model(&daemon)["state"], "ready");
    assert_eq!(model(&daemon).get("reason"), None);
}

#[test]
fn questions_take_their_part_of_the_time_and_no_more() {
    let folder = folder("budget");
    let daemon = Daemon::start(&config(&folder, "", "max_core_share = 0.001\nsweep_ms = 0\nask_again_ms = 500\n"));
    let mut walk = Walk::start(&daemon);
    walk.until("there is no time", |_| questions(&daemon)["over_budget"].as_u64() >= Some(20));
    // A look takes a millisecond, at least, and so there is one in a second, at most.
    let questions = questions(&daemon);
    assert!(questions["crops"].as_u64() < Some(20), "{questions}");
}

/// A bright thing stands in the middle; whole pictures find it, unless it is masked.
#[test]
fn a_network_never_gets_to_see_what_is_masked() {
    let folder = folder("masked");
    let mask = "[[camera.mask]]\npolygon = [[0.2, 0.2], [0.8, 0.2], [0.8, 0.8], [0.2, 0.8]]\n";
    let picture = Picture::scene(SIZE.0, SIZE.1).with([70, 50, 180, 140]);
    for (format, bytes) in [(GREY, picture.grey(0)), (JPEG, picture.jpeg())] {
        for mask in ["", mask] {
            let daemon = Daemon::start(&config(&folder, "threshold = 0.7\n", &format!("sweep_ms = 100\n{mask}")));
            let mut sender = Client::connect_v1(&daemon, "/frames/door?results");
            let (mut seq, mut found, mut events) = (0, 0, Vec::new());
            eventually("some sweeps", || {
                seq += 1;
                let size = if format == GREY { SIZE } else { (0, 0) };
                sender.send(V1 { format, size, seq, picture: &bytes, ..V1::default() }.message());
                std::thread::sleep(Duration::from_millis(30));
                for message in sender.before_pong() {
                    let of_objects = message["processor"] == "objects";
                    found += usize::from(of_objects && message["detections"][0]["label"] == "person");
                    events.extend(Some(message).filter(|message| message["kind"] == "object"));
                }
                questions(&daemon)["whole_pictures"].as_u64() >= Some(4)
            });
            assert_eq!(found > 0, mask.is_empty(), "{format} {mask}: {found}");
            // What does not move is one event.
            assert_eq!(events.len(), usize::from(mask.is_empty()), "{events:?}");
            for start in events {
                assert_eq!([&start["state"], &start["reason"], &start["label"]], ["start", "stationary", "person"]);
            }
        }
    }
}

#[test]
fn a_network_that_ends_or_hangs_is_opened_again() {
    let folder = folder("ends");
    let systemd = Notified::new();
    let daemon = Daemon::start_as(&config(&folder, "timeout_ms = 2000\n", "ask_again_ms = 500\n"), |mut command| {
        command.env("WATCHDOG_USEC", "2000000");
        systemd.hear(command)
    });
    let mut walk = Walk::start(&daemon);
    walk.until("a name", |walk| walk.object("start").is_some());
    for signal in [Signal::SIGKILL, Signal::SIGSTOP] {
        let before = workers(&daemon);
        assert_eq!(before.len(), 1, "{before:?}");
        kill(before[0], signal).expect("it runs");
        walk.until("it is another one, and answers", |_| {
            let (workers, model) = (workers(&daemon), model(&daemon));
            workers.len() == 1 && workers != before && model["state"] == "ready"
        });
        let runs = model(&daemon)["runs"].as_u64();
        walk.until("it is asked", |_| model(&daemon)["runs"].as_u64() > runs);
    }
    let mut daemon = daemon;
    let end = daemon.stop();
    assert_eq!(end.lines_with("cannot be used: the process of the network was killed during a run"), 1, "{}", end.log);
    assert_eq!(end.lines_with("cannot be used: a run takes longer than 2.0 s"), 1, "{}", end.log);
    assert_eq!(end.lines_with("stands still"), 0, "the processor waited for an answer: {}", end.log);
    assert_eq!(end.code, Some(0));
}

#[test]
fn a_reload_brings_another_model() {
    let folder = folder("reload");
    let before = config(&folder, "", "");
    let daemon = Daemon::start(&before);
    let mut walk = Walk::start(&daemon);
    walk.until("a name", |walk| walk.object("start").is_some());
    // The table has changed.
    let holds = "the new configuration is in use";
    daemon.reload(&before.replace("\"person\"", "\"dog\""), holds);
    walk.until("another name", |walk| walk.events.iter().any(|event| event["label"] == "dog"));
    // The file alone has changed: nothing is bright enough for this one.
    let mut other = bright();
    other.tensors.swap(0, 1);
    fs::write(folder.join("new"), other.file()).expect("the folder is there");
    fs::rename(folder.join("new"), folder.join("bright.onnx")).expect("the folder is there");
    daemon.reload(&before.replace("\"person\"", "\"dog\""), holds);
    walk.until("it is opened", |_| true);
    daemon.wait_for_line("the model bright on the processor objects has another file: it is opened again");
    walk.until("it is ready", |_| model(&daemon)["state"] == "ready");
    assert_eq!(workers(&daemon).len(), 1, "those before have ended");
}

/// The daemon does not wait for a network that hangs.
#[test]
fn the_end_waits_for_no_network() {
    let folder = folder("end");
    let mut daemon = Daemon::start(&config(&folder, "timeout_ms = 600000\n", "sweep_ms = 50\n"));
    let mut walk = Walk::start(&daemon);
    walk.until("it is ready", |_| model(&daemon)["runs"].as_u64() > Some(0));
    let workers = workers(&daemon);
    kill(workers[0], Signal::SIGSTOP).expect("it runs");
    for x in 0..20 {
        walk.step(Some([40 + 4 * x, 80, 48, 64]));
    }
    let end = daemon.stop();
    assert_eq!(end.code, Some(0), "{}", end.log);
    eventually("it has ended, too", || !Path::new(&format!("/proc/{}", workers[0])).exists());
}

/// A published network and people who were filmed. `FOVEA_MODELS` is the folder with the network.
#[test]
#[expect(clippy::print_stderr, reason = "whoever runs the tests should know what was not tested")]
fn fastestdet_names_people_who_walk() {
    let file = env::var_os("FOVEA_MODELS").map(|folder| PathBuf::from(folder).join("FastestDet.onnx"));
    let Some(file) = file.filter(|file| file.exists()) else {
        eprintln!("skipped: FOVEA_MODELS is no folder that has FastestDet.onnx");
        return;
    };
    let table = format!("[model.people]\nfile = {file:?}\nthreshold = 0.65\ntimeout_ms = 60000\n");
    let objects = "[camera.objects]\nlabels = [\"person\"]\nmax_core_share = 1\n";
    let daemon = Daemon::start(&format!("{HTTP}{table}[[camera]]\nname = \"door\"\n[camera.motion]\n{objects}"));
    let mut sender = Client::connect_v1(&daemon, "/frames/door?results");
    let recording = Recording::open(&["tests/data/vtest.avi".into()]).expect("it is there");
    let pictures: Vec<_> = recording.stills().collect::<Result<_, _>>().expect("it is whole");
    let (mut seq, mut named) = (0, BTreeSet::new());
    eventually("three people have names", || {
        // To and fro, so that nobody jumps.
        let at = usize::try_from(seq).expect("small") % (2 * pictures.len());
        let picture = &pictures[at.min(2 * pictures.len() - 1 - at)];
        seq += 1;
        sender.send(V1 { format: JPEG, seq, picture: &picture.bytes, ..V1::default() }.message());
        std::thread::sleep(Duration::from_millis(80));
        for event in sender.before_pong().iter().filter(|message| message["kind"] == "object") {
            assert_eq!(event["label"], "person");
            named.extend(event["track"].as_u64());
        }
        named.len() >= 3
    });
}

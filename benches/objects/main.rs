//! What the objects stage finds beside whole pictures, how soon, and what it costs.
//!
//!     cargo bench --bench objects               all of it, ten minutes
//!     cargo bench --bench objects -- 768        what it finds in pictures with this in their names
//!     cargo bench --bench objects -- decode     what parts of a picture cost to decode
//!     cargo bench --bench objects -- cost       a named track, and an hour in which nothing moves; four minutes
//!
//! `FOVEA_MODELS` is the folder with FastestDet.onnx. The clip is played at its own rate through the motion and the objects stage.

#![expect(clippy::print_stdout, reason = "its output is its purpose")]
#![expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a clip of 795 frames")]

mod cost;
mod truth;

use std::{
    collections::BTreeMap,
    env,
    error::Error,
    fs,
    path::Path,
    process::Command,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use fovea::{
    config::Config,
    frame::{Camera, CapturedBy, Frame, Origin, PixelFormat, Size},
    geometry::overlap,
    message::{EventState, Rect},
    model::{detector::Detector, manifest::Manifest, prepare::Pixels},
    processor::views::{FULL_PX, Needs, Scratch, Views},
    stage::{Models, StageContext},
    system::clock::Monotonic,
    tracking::Track,
};

use cost::{networks_time, own_time};
use truth::{PEOPLE, people, score};

/// The time between two frames of the clip.
const PACE: Duration = Duration::from_millis(100);

type Failure = Box<dyn Error>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    if arguments == ["model", "worker"] {
        return Ok(fovea::model::worker::run()?); // the process of the network is this program, too
    }
    let Some(folder) = env::var_os("FOVEA_MODELS") else {
        println!("FOVEA_MODELS is not set: it is the folder with FastestDet.onnx");
        return Ok(());
    };
    let file = Path::new(&folder).join("FastestDet.onnx");
    // What is small in a wide picture is found if motion looks at more of its pixels.
    let fine = "width_px = 640\nmin_area = 0.0003\n";
    let cases = [
        ("768x576", (768, 576), [0, 0], ""),
        ("1920x1080", (1920, 1080), [576, 252], ""),
        ("1920x1080, finer motion", (1920, 1080), [576, 252], fine),
    ];
    let is_wanted = |name: &str| {
        let mut words = arguments.iter().filter(|word| !word.starts_with('-')).peekable();
        words.peek().is_none() || words.any(|word| name.contains(word.as_str()))
    };
    for threshold in [0.5, 0.65] {
        for (name, (width_px, height_px), place, motion) in cases.into_iter().filter(|(name, ..)| is_wanted(name)) {
            let frames = footage(if place == [0, 0] { "" } else { "wide" })?;
            let size = Size { width_px, height_px };
            let config = configuration(&file, threshold, motion, "")?;
            let [hits, strangers] = whole_pictures(&config.models["people"], &frames, size, place)?;
            println!("{name}, threshold {threshold}: whole pictures {hits}/37, {strangers} false");
            played(&config, &frames, size, place)?.print(name, threshold);
        }
    }
    if is_wanted("decode") {
        decode_times(&footage("full")?)?;
    }
    if is_wanted("cost") { cost::print(&file) } else { Ok(()) }
}

fn configuration(file: &Path, threshold: f64, motion: &str, objects: &str) -> Result<Config, Failure> {
    let model = format!(
        "[model.people]\nfile = {file:?}\ndecoder = \"fastestdet\"\nthreshold = {threshold}\nlabels = \"coco\"\n"
    );
    let objects = format!("[camera.objects]\nlabels = [\"person\"]\nmax_core_share = 1\n{objects}");
    let stages = format!("[camera.motion]\n{motion}{objects}");
    Ok(Config::parse("bench", &format!("{model}[[camera]]\nname = \"bench\"\n{stages}"))?)
}

/// The clip's frames.
fn footage(kind: &str) -> Result<Vec<Vec<u8>>, Failure> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/objects/footage.py");
    let mut command = Command::new("/usr/bin/python3");
    let output = command.arg(script).args((!kind.is_empty()).then_some(kind)).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    let bytes = fs::read(String::from_utf8(output.stdout)?.trim())?;
    let mut rest = bytes.strip_prefix(b"FVJ1").ok_or("no footage")?;
    let mut frames = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let (frame, after) = after.split_at(u32::from_le_bytes(*length) as usize);
        frames.push(frame.to_vec());
        rest = after;
    }
    Ok(frames)
}

fn frame(seq: usize, jpeg: &[u8], size: Size) -> Frame {
    let camera = Camera::new("bench");
    let origin = Origin { camera, seq: seq as u64, captured_at: Monotonic::now(), captured_by: CapturedBy::Arrival };
    Frame::compressed(origin, PixelFormat::Jpeg, size, jpeg.to_vec().into())
}

/// Asks the network of the six frames, each as a whole.
fn whole_pictures(manifest: &Manifest, frames: &[Vec<u8>], size: Size, place: [u32; 2]) -> Result<[usize; 2], Failure> {
    let mut detector = Detector::open(manifest.clone())?.detector;
    let (mut scratch, mut sum) = (Scratch::new()?, [0, 0]);
    for (number, boxes) in PEOPLE {
        let frame = frame(number, &frames[number], size);
        let views = Views::decode(&frame, Needs::bgr(FULL_PX), &mut scratch)?.expect("colour is needed");
        let pixels = opencv::prelude::MatTraitConstManual::data_bytes(&views.bgr(FULL_PX)?)?.to_vec();
        let found = detector.detect(Pixels::new(size, &pixels).expect("they are as many"))?;
        let found: Vec<_> = found.iter().filter(|found| found.label == "person").map(|found| found.bounds).collect();
        let scored = score(&people(boxes, place), &found, |person, found| overlap(person, found).1 >= 0.4);
        sum = [sum[0] + scored[0], sum[1] + scored[1]];
    }
    Ok(sum)
}

/// What the stage did with the clip.
#[derive(Default)]
struct Played {
    /// In the six frames: people with a track that has a name, and tracks with a name that are nobody.
    named: [usize; 2],
    /// People who have a track at all.
    tracked: usize,
    crops: u64,
    whole_pictures: u64,
    named_tracks: u64,
    /// From a track's first frame to its name.
    delays: Vec<Duration>,
    looking: Duration,
    /// Processor time of the stage and of the network.
    spent: Duration,
    model_ms: f64,
    frames: usize,
}

impl Played {
    fn print(mut self, name: &str, threshold: f64) {
        self.delays.sort();
        let part =
            |part: f64| self.delays.get((self.delays.len() as f64 * part) as usize).map_or(0.0, Duration::as_secs_f64);
        let Self { named: [hits, strangers], tracked, crops, whole_pictures, named_tracks, model_ms, .. } = self;
        println!("{name}, threshold {threshold}: named tracks {hits}/37, {strangers} false; {tracked}/37 have a track");
        println!(
            "  {} frames, {named_tracks} tracks named, {crops} crops and {whole_pictures} whole pictures asked, {:.1} ms each \
             ({model_ms:.1} ms of the network); name after p50 {:.1} s, p99 {:.1} s",
            self.frames,
            self.looking.as_secs_f64() * 1e3 / (crops + whole_pictures).max(1) as f64,
            part(0.5),
            part(0.99),
        );
    }
}

/// Plays the clip through both stages.
fn played(config: &Config, frames: &[Vec<u8>], size: Size, place: [u32; 2]) -> Result<Played, Failure> {
    let camera = &config.cameras[0];
    let pool = Arc::default();
    let models = Models { pool: Arc::clone(&pool), processor: "bench".to_owned(), manifests: config.models.clone() };
    let context = StageContext { tracks: Some(Arc::default()), models: Some(models), ..StageContext::default() };
    let mut stages = camera.stages.build(&context);
    let (mut scratch, mut played) = (Scratch::new()?, Played::default());
    // The model is opened by the first frame that it could be asked of.
    let wait = Instant::now();
    while stages.iter().all(|(_, stage)| stage.needs() != Needs::crops()) && wait.elapsed() < Duration::from_secs(30) {
        thread::sleep(Duration::from_millis(50));
    }
    let mut first_seen = BTreeMap::new();
    let networks = networks_time()?;
    let start = Instant::now();
    for (number, jpeg) in frames.iter().enumerate() {
        thread::sleep((start + PACE * number as u32).saturating_duration_since(Instant::now()));
        let frame = frame(number, jpeg, size);
        for (name, stage) in &mut stages {
            let (began, spent) = (Instant::now(), own_time()?);
            let views = Views::decode(&frame, stage.needs(), &mut scratch)?;
            let seen = views.map(|views| stage.look(&views, &frame)).transpose()?;
            if *name == "objects" {
                played.spent += own_time()? - spent;
            }
            let Some(seen) = seen else { continue };
            if *name == "objects" {
                played.looking += began.elapsed();
            }
            for event in seen.events.iter().filter(|event| event.kind == "object" && event.state == EventState::Start) {
                let track = event.subject.as_ref().and_then(|subject| first_seen.get(&subject.track));
                played.delays.extend(track.map(|first: &Monotonic| frame.captured_at().since(*first)));
            }
        }
        let tracks = context.tracks.as_ref().and_then(|tracks| tracks.snapshot().clone());
        let tracks = tracks.as_ref().map_or(&[][..], |snapshot| &snapshot.tracks);
        for track in tracks {
            first_seen.entry(track.id()).or_insert(track.seen()[0]);
        }
        if let Some((_, boxes)) = PEOPLE.iter().find(|(of, _)| *of == number) {
            let labels = context.tracks.as_ref().expect("set above").labels().clone();
            let people = people(boxes, place);
            let is_hit = |person: Rect, track: Rect| overlap(person, track).0 >= 0.5;
            let bounds = |only_named: bool| {
                // What has no box in this frame is in no result of it.
                let is_there = |track: &&Track| track.is_confirmed() && track.seen()[1] == frame.captured_at();
                let wanted = tracks.iter().filter(is_there);
                let wanted = wanted.filter(|track| !only_named || labels.contains_key(&track.id()));
                wanted.map(|track| track.bounds()).collect::<Vec<_>>()
            };
            let scored = score(&people, &bounds(true), is_hit);
            played.named = [played.named[0] + scored[0], played.named[1] + scored[1]];
            played.tracked += score(&people, &bounds(false), is_hit)[0];
        }
    }
    played.spent += networks_time()?.saturating_sub(networks);
    let counts = context.questions.counts().unwrap_or_default();
    (played.crops, played.whole_pictures) = (counts.crops, counts.whole_pictures);
    played.named_tracks = counts.named_tracks;
    played.model_ms = pool.statuses().first().and_then(|status| status.mean_ms).unwrap_or(0.0);
    played.frames = frames.len();
    Ok(played)
}

/// What it costs to decode a part of a picture of 1920x1080, beside all of it.
fn decode_times(frames: &[Vec<u8>]) -> Result<(), Failure> {
    let size = Size { width_px: 1920, height_px: 1080 };
    let some: Vec<_> = frames.iter().enumerate().map(|(n, jpeg)| frame(n, jpeg, size)).collect();
    let mut scratch = Scratch::new()?.with_fast_luma(false); // by libjpeg-turbo, as all of these
    let mut median = |decode: &mut dyn FnMut(&Frame, &mut Scratch) -> Result<(), Failure>| -> Result<f64, Failure> {
        let mut times = Vec::new();
        for frame in &some {
            let began = Instant::now();
            decode(frame, &mut scratch)?;
            times.push(began.elapsed().as_secs_f64() * 1e3);
        }
        times.sort_by(f64::total_cmp);
        Ok(times[times.len() / 2])
    };
    let luma = median(&mut |frame, scratch| {
        Views::decode(frame, Needs::luma(240), scratch)?;
        Ok(())
    })?;
    println!("1/8 luma of 1920x1080: {luma:.2} ms = 1 D");
    let whole = Rect { x: 0, y: 0, width: 1920, height: 1080 };
    let parts = [
        ("all, 1/1", whole, FULL_PX),
        ("all, 1/4 (for 352)", whole, 352),
        ("160x160, 1/1", Rect { x: 880, y: 460, width: 160, height: 160 }, 352),
        ("352x352, 1/1", Rect { x: 780, y: 364, width: 352, height: 352 }, 352),
        ("704x704, 1/2", Rect { x: 608, y: 188, width: 704, height: 704 }, 352),
    ];
    for (name, part, wanted_px) in parts {
        let time = median(&mut |frame, scratch| {
            let views = Views::decode(frame, Needs::crops(), scratch)?.expect("crops are needed");
            views.bgr_crop(part, wanted_px)?;
            Ok(())
        })?;
        println!("BGR of {name}: {time:.2} ms = {:.1} D", time / luma);
    }
    Ok(())
}

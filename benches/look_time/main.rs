//! What looking at a frame costs at the most: `cargo bench --bench look_time`, about ten minutes.
//!
//! Every picture goes the way of a frame through a camera's pipeline, by turns with a camera's JPEG of 4096x4096. No
//! picture that is looked at under the default limits is to take more than three times as long. Times are processor time
//! of this thread; the first frame's are those with memory that nobody used before.
//!
//!     cargo bench --bench look_time -- PNG      only pictures whose names contain that

#[path = "../shared/footage.rs"]
#[expect(dead_code, reason = "the usual sizes are other benchmarks'")]
mod footage;
mod pictures;
mod pngs;
mod scans;

use std::{env, error::Error, io::Write, sync::Arc, time::Duration};

use bytes::Bytes;
use fovea::{
    config::Config,
    frame::{Camera, CapturedBy, Frame, Origin, PixelFormat},
    hub::Hub,
    processor::{pipeline::CameraPipeline, views::Scratch, worker::Worker},
    stage::StageContext,
    system::clock::Monotonic,
    telemetry::camera_metrics::CameraMetrics,
};
use nix::time::{ClockId, clock_gettime};
use pictures::Picture;

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

/// Times the yardstick's that a frame may take.
const BAR: f64 = 3.0;

const ROUNDS: usize = 5;

const HEAD: &str = "\
| picture | size | kB | ms | of a camera's JPEG | first frame | |
| --- | --- | --- | --- | --- | --- | --- |";

fn main() -> Result<()> {
    Worker::new()?; // OpenCV without threads of its own
    let only: Vec<_> = env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let mut out = std::io::stdout();
    let mut yardstick = Looked::new(pictures::yardstick()?)?;
    let mut scratch = Scratch::new()?;
    let (mut worst, mut worst_name) = (0.0_f64, String::new());
    writeln!(out, "{HEAD}")?;
    for make in pictures::all() {
        let picture = make()?;
        if !only.is_empty() && !only.iter().any(|part| picture.name.contains(&**part)) {
            continue;
        }
        let mut looked = Looked::new(picture)?;
        let (mut times, mut ratios, mut first) = (Vec::new(), Vec::new(), Vec::new());
        looked.look(&mut scratch)?;
        for _ in 0..ROUNDS {
            let usual = yardstick.look(&mut scratch)?;
            let time = looked.look(&mut scratch)?;
            ratios.push(time.as_secs_f64() / usual.as_secs_f64());
            times.push(time.as_secs_f64() * 1e3);
            first.push(looked.look(&mut Scratch::new()?)?.as_secs_f64() / usual.as_secs_f64());
        }
        let [time, ratio, first] = [&mut times, &mut ratios, &mut first].map(|values| median(values));
        let kept = match looked.rejected() {
            Some(reason) => reason,
            None if ratio.max(first) <= BAR => "kept".to_owned(),
            None => "**too long**".to_owned(),
        };
        let Picture { name, size, files, .. } = &looked.picture;
        let kilobytes = files[0].len() / 1000;
        writeln!(out, "| {name} | {size} | {kilobytes} | {time:.1} | {ratio:.2} | {first:.2} | {kept} |")?;
        out.flush()?;
        if looked.rejected().is_none() && ratio.max(first) > worst {
            (worst, worst_name) = (ratio.max(first), format!("{name}, {size}"));
        }
    }
    let usual = yardstick.look(&mut scratch)?.as_secs_f64() * 1e3;
    let bytes = yardstick.picture.files[0].len() / 1000;
    let kept = if worst <= BAR { "yes" } else { "**no**" };
    writeln!(out, "\na camera's JPEG: {bytes} kB, {usual:.1} ms; the worst: {worst:.2} ({worst_name}); kept: {kept}")?;
    Ok(())
}

/// A picture and the camera that it is looked at for.
struct Looked {
    picture: Picture,
    pipeline: CameraPipeline,
    metrics: Arc<CameraMetrics>,
    hub: Hub,
    seq: u64,
}

impl Looked {
    fn new(picture: Picture) -> Result<Self> {
        let text = "[[camera]]\nname = \"door\"\n[camera.motion]";
        let stages = Config::parse("bench", text)?.cameras.remove(0).stages;
        let metrics = Arc::new(CameraMetrics::new(Camera::new("door")));
        let pipeline = CameraPipeline::new(&stages, &StageContext::default(), metrics.clone(), None);
        Ok(Self { picture, pipeline, metrics, hub: Hub::default(), seq: 0 })
    }

    /// How long it takes.
    fn look(&mut self, scratch: &mut Scratch) -> Result<Duration> {
        let files = &self.picture.files;
        let frame = self.frame(files[usize::try_from(self.seq)? % files.len()].clone())?;
        self.seq += 1;
        let before = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?;
        self.pipeline.process(&frame, 0, scratch, &self.hub);
        scratch.trim();
        Ok((clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)? - before).into())
    }

    fn frame(&self, bytes: Bytes) -> Result<Frame> {
        let Picture { format, size, .. } = self.picture;
        let camera = Camera::new("door");
        let origin = Origin { camera, seq: self.seq, captured_at: Monotonic::now(), captured_by: CapturedBy::Arrival };
        Ok(match format {
            PixelFormat::Jpeg | PixelFormat::Png => Frame::compressed(origin, format, size, bytes),
            _ => Frame::raw(origin, format, size, 0, bytes)?,
        })
    }

    /// The cause, if it was not looked at.
    fn rejected(&self) -> Option<String> {
        let causes: Vec<_> = self.metrics.rejections().into_keys().map(|cause| cause.to_string()).collect();
        (!causes.is_empty()).then(|| causes.join(", "))
    }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

//! Loops without a daemon around them: what the work itself costs.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use fovea::{
    config::Config,
    frame::{Camera, CapturedBy, Frame, Origin, PixelFormat, Size},
    hub::Hub,
    processor::{decoder::Decoder, pipeline::CameraPipeline, scale::Scale, views::Scratch, worker::Worker},
    stage::StageContext,
    system::clock::Monotonic,
    telemetry::camera_metrics::CameraMetrics,
};

use crate::{Result, measure};

/// The frames as the processor gets them.
fn received(frames: &[Bytes], size: Size) -> Vec<Frame> {
    let camera = Camera::new("door");
    let frames = frames.iter().map(|bytes| {
        let origin =
            Origin { camera: camera.clone(), seq: 1, captured_at: Monotonic::now(), captured_by: CapturedBy::Arrival };
        Frame::compressed(origin, PixelFormat::Jpeg, size, bytes.clone())
    });
    frames.collect()
}

/// Decode and motion, nothing else, on `core` for a time; gives frames a second.
pub(crate) fn motion(frames: &[Bytes], size: Size, core: usize, time: Duration) -> Result<f64> {
    on_core(core, || {
        let text = "[[camera]]\nname = \"door\"\n[camera.motion]";
        let stages = Config::parse("bench", text).expect("it is good").cameras.remove(0).stages;
        let metrics = Arc::new(CameraMetrics::new(Camera::new("door")));
        let mut pipeline = CameraPipeline::new(&stages, &StageContext::default(), metrics.clone(), None);
        let (mut scratch, hub) = (Scratch::new()?, Hub::default());
        let frames = received(frames, size);
        let (start, mut count) = (Instant::now(), 0_u32);
        for frame in frames.iter().cycle() {
            // As received now: the background learns by the frame's time.
            let origin = Origin {
                camera: frame.camera().clone(),
                seq: 1,
                captured_at: Monotonic::now(),
                captured_by: CapturedBy::Arrival,
            };
            let frame = Frame::compressed(origin, PixelFormat::Jpeg, size, frame.bytes().clone());
            pipeline.process(&frame, 0, &mut scratch, &hub);
            count += 1;
            if start.elapsed() >= time {
                break;
            }
        }
        let rejected = metrics.rejections();
        if !rejected.is_empty() {
            return Err(format!("frames were rejected: {rejected:?}").into());
        }
        Ok(f64::from(count) / start.elapsed().as_secs_f64())
    })
}

/// libjpeg-turbo's gray decode at 1/8 at a steady rate on `core`; gives processor time a frame in milliseconds.
pub(crate) fn floor_ms(frames: &[Bytes], size: Size, core: usize, interval: Duration, time: Duration) -> Result<f64> {
    on_core(core, || {
        let frames = received(frames, size);
        let mut decoder = Decoder::new()?.with_fast_luma(false);
        let (mut due, mut count) = (Instant::now(), 0_u32);
        let (start, used) = (Instant::now(), measure::own_cpu_time()?);
        for frame in frames.iter().cycle() {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            due += interval;
            decoder.jpeg(frame, Scale::Eighth, false)?;
            count += 1;
            if start.elapsed() >= time {
                break;
            }
        }
        Ok((measure::own_cpu_time()? - used).as_secs_f64() * 1e3 / f64::from(count))
    })
}

/// Runs `work` on a thread that is on one core.
fn on_core<T: Send>(core: usize, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let place = || -> Result<T> {
                measure::place(core)?;
                Worker::new()?; // OpenCV without threads of its own
                work()
            };
            place().map_err(|error| error.to_string())
        });
        thread.join().expect("the work does not panic").map_err(Into::into)
    })
}

//! Loops without a daemon around them: what the work itself costs.

use std::{
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use fovea::{
    config,
    frame::{Camera, CapturedBy, Frame, Origin, PixelFormat, Size},
    processor::{decoder::Decoder, scale::Scale, set_up, stages::Stages},
    system::clock::Monotonic,
};

use crate::{Result, measure};

/// The frames as the processor gets them.
fn received(frames: &[Bytes], size: Size) -> Vec<Frame> {
    let camera = Camera::new(0, "door");
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
        let settings = config::Camera { name: "door".into(), v4l2: None, motion: Some(config::Motion::default()) };
        let mut stages = Stages::new(&Camera::new(0, "door"), &settings)?;
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
            stages.look(&frame)?;
            count += 1;
            if start.elapsed() >= time {
                break;
            }
        }
        Ok(f64::from(count) / start.elapsed().as_secs_f64())
    })
}

/// Gray decode at 1/8 at a steady rate on `core`; gives processor time a frame in milliseconds.
pub(crate) fn floor_ms(frames: &[Bytes], size: Size, core: usize, interval: Duration, time: Duration) -> Result<f64> {
    on_core(core, || {
        let frames = received(frames, size);
        let mut decoder = Decoder::new()?;
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
                set_up()?;
                work()
            };
            place().map_err(|error| error.to_string())
        });
        thread.join().expect("the work does not panic").map_err(Into::into)
    })
}

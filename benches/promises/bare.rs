//! Loops without a daemon around them: what the work itself costs. Their frames come through a socket, too.

use std::{
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use fovea::{
    config::Config,
    frame::{Camera, CapturedBy, Frame, Origin, PixelFormat, Size},
    hub::Hub,
    processor::{decoder::Decoder, pipeline::CameraPipeline, scale::Scale, views::Scratch, worker::Worker},
    stage::StageContext,
    system::clock::Monotonic,
    telemetry::camera_metrics::CameraMetrics,
};

use crate::{Result, measure, showing::Showing, socket::Socket};

/// A frame as the processor gets it, received now: the background learns by the frame's time.
fn received(camera: &Camera, size: Size, bytes: Bytes) -> Frame {
    let captured_at = Monotonic::now();
    let origin = Origin { camera: camera.clone(), seq: 1, captured_at, captured_by: CapturedBy::Arrival };
    Frame::compressed(origin, PixelFormat::Jpeg, size, bytes)
}

/// A camera with motion and no daemon around it. It goes on from turn to turn, as the daemon's does: a scene that is always new
/// costs less.
pub(crate) struct BareCamera {
    camera: Camera,
    metrics: Arc<CameraMetrics>,
    pipeline: CameraPipeline,
}

impl BareCamera {
    pub(crate) fn new() -> Self {
        let text = "[[camera]]\nname = \"door\"\n[camera.motion]";
        let stages = Config::parse("bench", text).expect("it is good").cameras.remove(0).stages;
        let camera = Camera::new("door");
        let metrics = Arc::new(CameraMetrics::new(camera.clone()));
        let pipeline = CameraPipeline::new(&stages, &StageContext::default(), metrics.clone(), None);
        Self { camera, metrics, pipeline }
    }

    /// Decode and motion of what is shown, nothing else, on `core` for a time; gives frames a second. Another thread reads the
    /// frames from a socket on this core, as the daemon's receiver does: the next one waits meanwhile.
    pub(crate) fn motion(
        &mut self,
        frames: &[Bytes],
        showing: Showing,
        size: Size,
        core: usize,
        time: Duration,
    ) -> Result<f64> {
        let mut socket = Socket::connect_to_showing(frames, showing)?;
        let (sends, incoming) = mpsc::sync_channel(1);
        let (empties, emptied) = mpsc::channel();
        for _ in 0..3 {
            empties.send(BytesMut::new())?;
        }
        thread::spawn(move || {
            while let Ok(buffer) = emptied.recv() {
                let Ok(frame) = socket.read(buffer) else { return };
                if sends.send(frame).is_err() {
                    return;
                }
            }
        });
        on_core(core, move || {
            let (mut scratch, hub) = (Scratch::new()?, Hub::default());
            let (start, mut count) = (Instant::now(), 0_u32);
            while start.elapsed() < time {
                let bytes = incoming.recv()?;
                self.pipeline.process(&received(&self.camera, size, bytes.clone()), 0, &mut scratch, &hub);
                let _ = empties.send(bytes.try_into_mut().map_err(|_| "the pipeline keeps a frame")?);
                count += 1;
            }
            let rejected = self.metrics.rejections();
            if !rejected.is_empty() {
                return Err(format!("frames were rejected: {rejected:?}").into());
            }
            Ok(f64::from(count) / start.elapsed().as_secs_f64())
        })
    }
}

/// Reading a frame from a socket and decoding it to grey at 1/8, at a steady rate on `core`, by libjpeg-turbo or by fovea's own
/// decoder (`with_fast_luma`); gives processor time a frame in milliseconds.
pub(crate) fn floor_ms(
    frames: &[Bytes],
    size: Size,
    core: usize,
    [interval, time]: [Duration; 2],
    with_fast_luma: bool,
) -> Result<f64> {
    let mut socket = Socket::connect(frames, interval)?;
    on_core(core, move || {
        let camera = Camera::new("door");
        let mut decoder = Decoder::new()?.with_fast_luma(with_fast_luma);
        let mut buffer = BytesMut::new();
        let (start, used, mut count) = (Instant::now(), measure::own_cpu_time()?, 0_u32);
        while start.elapsed() < time {
            let bytes = socket.read(buffer)?;
            decoder.jpeg(&received(&camera, size, bytes.clone()), Scale::Eighth, false)?;
            buffer = bytes.try_into_mut().map_err(|_| "the decoder keeps a frame")?;
            count += 1;
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

//! The cameras that are connected to this machine: starts and stops their capture threads as the configuration changes.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use log::warn;

use super::cameras::Cameras;
use crate::{
    config::{self, V4l2},
    source::{post::Post, v4l2::CaptureThread},
    system::{thread::JoinTimeout, watchdog::Watchdog},
    telemetry::camera_metrics::CameraMetrics,
};

/// How long a reload waits until a camera has closed its device. Drivers wait for the hardware when they close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// The running local cameras.
#[derive(Debug, Default)]
pub(super) struct LocalCameras(Vec<LocalCamera>);

/// A running local camera and the settings that it runs with.
#[derive(Debug)]
struct LocalCamera {
    metrics: Arc<CameraMetrics>,
    settings: V4l2,
    luma: bool,
    capture: CaptureThread,
}

impl LocalCameras {
    /// Runs exactly the local cameras that are configured. A camera that did not change keeps running untouched. A
    /// camera of which only controls changed keeps its device open and sets them.
    ///
    /// Blocks until the devices of removed cameras are closed, [`CLOSE_TIMEOUT`] at most.
    ///
    /// # Errors
    /// Fails if the system cannot start another thread.
    pub(super) fn set(&mut self, cameras: &Cameras, watchdog: &mut Watchdog) -> io::Result<()> {
        let wanted: Vec<_> = cameras.plugged_in().collect();
        let (kept, removed) = std::mem::take(&mut self.0).into_iter().partition(|running: &LocalCamera| {
            wanted.iter().any(|(camera, metrics)| running.can_stay(camera, metrics))
        });
        self.0 = kept;
        // Before any camera starts: its device may be one that a removed camera still has open.
        if let Err(timeout) = stop(removed, Instant::now() + CLOSE_TIMEOUT) {
            warn!("{timeout}: it may keep its device from others");
        }
        for (settings, metrics) in wanted {
            let Some(v4l2) = &settings.v4l2 else { continue };
            match self.0.iter_mut().find(|running| Arc::ptr_eq(&running.metrics, metrics)) {
                Some(running) if running.settings == *v4l2 => {}
                Some(running) => {
                    running.settings = v4l2.clone();
                    running.capture.set_controls(v4l2.controls.clone());
                }
                None => self.0.push(LocalCamera::start(settings, v4l2, metrics, cameras, watchdog)?),
            }
        }
        Ok(())
    }

    /// Stops all local cameras. Blocks until their threads have ended, until `deadline` at most.
    ///
    /// # Errors
    /// Fails if a thread has not ended by `deadline`.
    pub(super) fn stop(self, deadline: Instant) -> Result<(), JoinTimeout> {
        stop(self.0, deadline)
    }
}

impl LocalCamera {
    fn start(
        settings: &config::Camera,
        v4l2: &V4l2,
        metrics: &Arc<CameraMetrics>,
        cameras: &Cameras,
        watchdog: &mut Watchdog,
    ) -> io::Result<Self> {
        let luma = settings.motion.is_some();
        let (slot, metrics) = (cameras.slot.clone(), metrics.clone());
        let heartbeat = watchdog.watch(&format!("cam-{}", settings.name));
        let capture = CaptureThread::start(v4l2.clone(), Post { statistics: metrics.clone(), slot, heartbeat, luma })?;
        Ok(Self { metrics, settings: v4l2.clone(), luma, capture })
    }

    /// Whether this camera can keep running as the configured `camera`, whose metrics are `metrics`.
    fn can_stay(&self, camera: &config::Camera, metrics: &Arc<CameraMetrics>) -> bool {
        let same = |v4l2: &V4l2| V4l2 { controls: self.settings.controls.clone(), ..v4l2.clone() } == self.settings;
        let same = camera.v4l2.as_ref().is_some_and(same);
        Arc::ptr_eq(&self.metrics, metrics) && same && self.luma == camera.motion.is_some()
    }
}

/// Asks all cameras to stop, then joins each thread.
fn stop(cameras: Vec<LocalCamera>, deadline: Instant) -> Result<(), JoinTimeout> {
    cameras.iter().for_each(|camera| camera.capture.stop());
    cameras.into_iter().map(|camera| camera.capture.join_until(deadline)).fold(Ok(()), Result::and)
}

//! The cameras that are plugged into this machine, and how they change while the daemon runs.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use log::warn;

use super::cameras::Cameras;
use crate::{
    config::{self, V4l2},
    source::{post::Post, v4l2::Camera},
    system::{thread::JoinTimeout, watchdog::Watchdog},
    telemetry::camera_metrics::CameraMetrics,
};

/// How long a camera may take to let go of its device when its configuration changes. Drivers wait for the hardware.
const LETS_GO: Duration = Duration::from_secs(2);

/// Those that run.
#[derive(Debug, Default)]
pub(super) struct PluggedIn(Vec<Running>);

#[derive(Debug)]
struct Running {
    statistics: Arc<CameraMetrics>,
    settings: V4l2,
    luma: bool,
    camera: Camera,
}

impl PluggedIn {
    /// Has those run that are configured. Of those that did not change nothing is touched, and where only controls did,
    /// these are set and frames go on.
    ///
    /// # Errors
    /// When the system has no room for a thread.
    pub(super) fn set(&mut self, cameras: &Cameras, watchdog: &mut Watchdog) -> io::Result<()> {
        let wanted: Vec<_> = cameras.plugged_in().collect();
        let (kept, gone) = std::mem::take(&mut self.0)
            .into_iter()
            .partition(|running: &Running| wanted.iter().any(|(camera, numbers)| running.can_stay(camera, numbers)));
        self.0 = kept;
        // First all devices are free: one may be another camera's from now on.
        if let Err(late) = stop(gone, Instant::now() + LETS_GO) {
            warn!("{late}: it may keep its device from others");
        }
        for (settings, statistics) in wanted {
            let Some(v4l2) = &settings.v4l2 else { continue };
            match self.0.iter_mut().find(|running| Arc::ptr_eq(&running.statistics, statistics)) {
                Some(running) if running.settings == *v4l2 => {}
                Some(running) => {
                    running.settings = v4l2.clone();
                    running.camera.set_controls(v4l2.controls.clone());
                }
                None => self.0.push(Running::start(settings, v4l2, statistics, cameras, watchdog)?),
            }
        }
        Ok(())
    }

    /// Stops all, until `limit` at most.
    ///
    /// # Errors
    /// With one that did not stop in time.
    pub(super) fn stop(self, limit: Instant) -> Result<(), JoinTimeout> {
        stop(self.0, limit)
    }
}

impl Running {
    fn start(
        settings: &config::Camera,
        v4l2: &V4l2,
        statistics: &Arc<CameraMetrics>,
        cameras: &Cameras,
        watchdog: &mut Watchdog,
    ) -> io::Result<Self> {
        let luma = settings.motion.is_some();
        let (slot, statistics) = (cameras.slot.clone(), statistics.clone());
        let heartbeat = watchdog.watch(&format!("cam-{}", settings.name));
        let camera = Camera::start(v4l2.clone(), Post { statistics: statistics.clone(), slot, heartbeat, luma })?;
        Ok(Self { statistics, settings: v4l2.clone(), luma, camera })
    }

    /// Whether it can go on as what is now configured.
    fn can_stay(&self, camera: &config::Camera, numbers: &Arc<CameraMetrics>) -> bool {
        let same = |v4l2: &V4l2| V4l2 { controls: self.settings.controls.clone(), ..v4l2.clone() } == self.settings;
        let same = camera.v4l2.as_ref().is_some_and(same);
        Arc::ptr_eq(&self.statistics, numbers) && same && self.luma == camera.motion.is_some()
    }
}

/// Asks all to stop, then waits for each.
fn stop(running: Vec<Running>, limit: Instant) -> Result<(), JoinTimeout> {
    running.iter().for_each(|one| one.camera.stop());
    running.into_iter().map(|one| one.camera.join_until(limit)).fold(Ok(()), Result::and)
}

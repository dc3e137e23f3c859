//! The cameras that are connected to this machine: starts and stops their capture threads as the configuration changes.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use log::warn;

use super::cameras::{NextCameras, RunningCamera};
use crate::{
    camera::Feed,
    config::V4l2,
    source::v4l2::{CaptureThread, PreparedCapture},
    system::{thread::JoinTimeout, watchdog::Watchdog},
};

/// How long a reload waits until a camera has closed its device. Drivers wait for the hardware when they close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// The running local cameras.
#[derive(Debug, Default)]
pub(super) struct LocalCameras(Vec<LocalCamera>);

/// A running local camera and the settings that it runs with.
#[derive(Debug)]
struct LocalCamera {
    feed: Arc<Feed>,
    settings: V4l2,
    /// Whether stages need luma.
    luma: bool,
    capture: CaptureThread,
}

/// The local cameras of another configuration, ready to take the place of those that run.
#[derive(Debug)]
pub(super) struct NextLocalCameras(Vec<NextLocalCamera>);

#[derive(Debug)]
struct NextLocalCamera {
    feed: Arc<Feed>,
    settings: V4l2,
    luma: bool,
    /// `None` if it runs already, and keeps running.
    capture: Option<PreparedCapture>,
}

impl LocalCameras {
    /// Starts a thread for each local camera among `cameras` that cannot keep running as it is. The threads wait for
    /// [`apply`](Self::apply), and nothing that runs is touched.
    ///
    /// # Errors
    /// Fails if the system has no descriptor or no thread left.
    pub(super) fn prepare(&self, cameras: &NextCameras, watchdog: &mut Watchdog) -> io::Result<NextLocalCameras> {
        let mut next = Vec::new();
        for camera in cameras.local() {
            let Some(settings) = &camera.settings.v4l2 else { continue };
            let (feed, luma) = (camera.feed.clone(), looks_at_luma(camera));
            let capture = if self.0.iter().any(|running| running.is_kept(&feed, settings)) {
                None
            } else {
                let heartbeat = watchdog.watch(&format!("cam-{}", feed.name()));
                Some(CaptureThread::prepare(settings.clone(), feed.clone(), heartbeat, luma)?)
            };
            next.push(NextLocalCamera { feed, settings: settings.clone(), luma, capture });
        }
        Ok(NextLocalCameras(next))
    }

    /// Runs exactly these cameras. A camera that did not change keeps running untouched. A camera of which only controls
    /// or stages changed keeps its device open.
    ///
    /// Blocks until the devices of removed cameras are closed, [`CLOSE_TIMEOUT`] at most.
    pub(super) fn apply(&mut self, next: NextLocalCameras) {
        let stays = |running: &LocalCamera| {
            next.0.iter().any(|camera| camera.capture.is_none() && Arc::ptr_eq(&camera.feed, &running.feed))
        };
        let (mut kept, removed): (Vec<_>, Vec<_>) = std::mem::take(&mut self.0).into_iter().partition(stays);
        // Before any camera starts: its device may be one that a removed camera still has open.
        if let Err(timeout) = stop(removed, Instant::now() + CLOSE_TIMEOUT) {
            warn!("{timeout}; its device may stay in use");
        }
        for NextLocalCamera { feed, settings, luma, capture } in next.0 {
            if let Some(capture) = capture {
                kept.push(LocalCamera { feed, settings, luma, capture: capture.start() });
            } else if let Some(running) = kept.iter_mut().find(|running| Arc::ptr_eq(&running.feed, &feed)) {
                running.update(settings, luma);
            }
        }
        self.0 = kept;
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
    /// Whether this camera keeps running with these settings.
    fn is_kept(&self, feed: &Arc<Feed>, settings: &V4l2) -> bool {
        Arc::ptr_eq(&self.feed, feed) && can_stay_open(&self.settings, settings)
    }

    /// Changes what can be changed while the device is open.
    fn update(&mut self, settings: V4l2, luma: bool) {
        if self.settings.controls != settings.controls {
            self.capture.set_controls(settings.controls.clone());
        }
        if self.luma != luma {
            self.capture.set_luma(luma);
        }
        (self.settings, self.luma) = (settings, luma);
    }
}

/// Whether a device that was opened with the settings `running` can stay open with `wanted`. Controls are set on the open
/// device. Which stages look at the frames matters only when format `auto` is chosen, at the next opening.
fn can_stay_open(running: &V4l2, wanted: &V4l2) -> bool {
    V4l2 { controls: running.controls.clone(), ..wanted.clone() } == *running
}

/// Whether stages look at the camera's luma: whether any looks at all.
fn looks_at_luma(camera: &RunningCamera) -> bool {
    !camera.settings.stages.names().is_empty()
}

/// Asks all cameras to stop, then joins each thread.
fn stop(cameras: Vec<LocalCamera>, deadline: Instant) -> Result<(), JoinTimeout> {
    cameras.iter().for_each(|camera| camera.capture.stop());
    cameras.into_iter().map(|camera| camera.capture.join_until(deadline)).fold(Ok(()), Result::and)
}

#[cfg(all(test, feature = "v4l2"))]
mod tests {
    use super::*;
    use crate::config::Config;

    /// What is configured by `tables` and, in its `[camera.v4l2]`, by `keys`.
    fn settings(tables: &str, keys: &str) -> V4l2 {
        let text = format!("[[camera]]\nname = \"yard\"\n{tables}\n[camera.v4l2]\ndevice = \"/dev/video0\"\n{keys}");
        Config::parse("fovea.toml", &text).unwrap().cameras.remove(0).v4l2.unwrap()
    }

    #[test]
    fn a_device_stays_open_unless_a_setting_needs_it_to_be_opened_again() {
        let running = settings("[camera.motion]", "controls.gain = 3\n");
        let stays = |wanted: &V4l2| can_stay_open(&running, wanted);
        assert!(stays(&running));
        assert!(stays(&settings("", "controls.gain = 3\n")), "motion is switched off");
        assert!(
            stays(&settings("[camera.motion]\nthreshold = 9", "controls.gain = 3\n")),
            "motion has another setting"
        );
        assert!(stays(&settings("[camera.motion]", "controls.gain = 4\n")), "a control has another value");
        assert!(stays(&settings("", "")), "motion is switched off and a control is left out");
        for keys in
            ["rate_hz = 5\n", "width_px = 640\n", "format = \"grey\"\n", "buffers = 4\n", "stall_timeout_ms = 500\n"]
        {
            assert!(!stays(&settings("[camera.motion]", &format!("{keys}controls.gain = 3\n"))), "{keys}");
        }
    }
}

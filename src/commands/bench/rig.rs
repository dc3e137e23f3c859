//! What is measured: a daemon of this process, on a port of this machine, and the cameras that send to it.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    thread,
    time::{Duration, Instant},
};

use nix::sys::resource::UsageWho;

use super::{
    camera::{Camera, Footage, Shooting, used},
    error::BenchError,
    frames::Frames,
    random::Random,
    search::Level,
    trial::Trial,
};
use crate::{
    commands::{
        Failure,
        client::{ClientOptions, ServerUrl},
        run::start_failure,
    },
    config::{self, Config, Detection},
    daemon::Daemon,
    processor::is_thread_name,
    system::{event_fd::EventFd, notify::SystemdEnv, sysfs},
};

/// How long frames come before they are measured.
const SETTLES: Duration = Duration::from_millis(500);

/// The same for a camera that never sent before: stages learn what stands still.
const LEARNS: Duration = Duration::from_millis(1500);

/// The clocks of two cameras differ by up to twice this part, so that no two keep sending at the same moment.
const CLOCKS_DIFFER: f64 = 0.01;

/// How long a result is waited for beyond the limit.
const LATE: Duration = Duration::from_millis(200);

/// A clock tick of /proc, on all machines that fovea runs on.
const TICK_MS: u64 = 10;

/// The running daemon, and where its cameras are in their frames.
pub(super) struct Rig<'f> {
    daemon: Daemon,
    config: Config,
    /// The configured cameras, whose stages those of the rig have by turns.
    templates: Vec<config::Camera>,
    frames: &'f Frames,
    options: ClientOptions,
    never: EventFd,
    random: Random,
    /// The next frame of each camera that has sent.
    next_frames: Vec<usize>,
}

/// How fast and how long cameras send.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub(super) fps: f64,
    pub(super) limit: Duration,
    /// How long frames are measured.
    pub(super) duration: Duration,
}

impl Pace {
    /// The longest that a run takes.
    pub(super) fn longest(&self) -> Duration {
        LEARNS + self.duration + self.limit + LATE + Duration::from_secs(1)
    }
}

impl<'f> Rig<'f> {
    /// Starts a daemon that has these stages and processors and nothing else of the configuration.
    ///
    /// # Errors
    /// If it does not start.
    pub(super) fn start(config: &Config, frames: &'f Frames) -> Result<Self, Failure> {
        let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let templates = config.cameras.clone();
        let mut config = Config {
            tls: None,
            tokens: None,
            webhooks: Vec::new(),
            mqtt: None,
            cameras: vec![camera(&templates[0], 0)],
            ..config.clone()
        };
        (config.server.listen, config.server.max_clients) = (any_port, 1024);
        config.http.iter_mut().for_each(|http| http.listen = any_port);
        let daemon = Daemon::start(config.clone(), SystemdEnv::default()).map_err(start_failure)?;
        let (options, never) = (ClientOptions::default(), EventFd::new()?);
        let (random, next_frames) = (Random::new(2), Vec::new());
        Ok(Self { daemon, config, templates, frames, options, never, random, next_frames })
    }

    /// Has the cameras of a level send, and measures what becomes of their frames.
    ///
    /// # Errors
    /// If a connection ends, or the daemon refuses the frames.
    pub(super) fn run(&mut self, level: Level, pace: &Pace) -> Result<Trial, Failure> {
        let cameras = level.senders() as usize;
        let settles = if self.next_frames.len() < cameras { LEARNS } else { SETTLES };
        self.have_cameras(cameras)?;
        let fps = pace.fps * level.rate_share();
        let (busy_before, used_before, began) = (self.busy(), used_by_others(), Instant::now());
        let footage = self.film(cameras, fps, settles, pace)?;
        let span = began.elapsed();
        let (busy, others_used) = (self.busy(), used_by_others().saturating_sub(used_before));
        if let Some(cause) = footage.iter().find_map(|footage| footage.refused.clone()) {
            return Err(BenchError::Refused(cause).into());
        }
        let processed = (busy.0.saturating_sub(busy_before.0), busy.1.saturating_sub(busy_before.1));
        let senders: Duration = footage.iter().map(|footage| footage.thread_time).sum();
        let sent = footage.iter().map(|footage| footage.sent).sum();
        for (next, footage) in self.next_frames.iter_mut().zip(&footage) {
            *next = next.wrapping_add(footage.sent);
        }
        let mut ages_ms: Vec<_> = footage.iter().flat_map(|footage| &footage.ages_ms).copied().collect();
        ages_ms.sort_by(f64::total_cmp);
        Ok(Trial {
            level,
            fps,
            duration: pace.duration,
            due: footage.iter().map(|footage| footage.due).sum(),
            unsent: footage.iter().map(|footage| footage.unsent).sum(),
            ages_ms,
            limit_ms: pace.limit.as_secs_f64() * 1e3,
            processed,
            span,
            received: (sent, others_used.saturating_sub(senders)),
        })
    }

    /// The number of the processor whose results are those of the cameras, in the configuration.
    pub(super) fn processor(&self) -> usize {
        let first = &self.templates[0].processors[0].processor;
        self.config.processors.iter().position(|processor| processor.name == *first).unwrap_or_default()
    }

    /// Ends the daemon.
    pub(super) fn stop(self) {
        // What was measured holds, however it ends: the process ends next.
        let _ = self.daemon.stop();
    }

    /// Frames that all processors worked on, and for how long the cameras' first one did.
    fn busy(&self) -> (u64, Duration) {
        let report = self.daemon.status().report();
        report.processors.get(self.processor()).map_or((0, Duration::ZERO), |status| (status.frames, status.busy))
    }

    /// Has the daemon know so many cameras.
    fn have_cameras(&mut self, count: usize) -> Result<(), Failure> {
        let known = self.config.cameras.len();
        self.next_frames.resize(count.max(self.next_frames.len()), 0);
        if known < count {
            let new = (known..count).map(|number| camera(&self.templates[number % self.templates.len()], number));
            self.config.cameras.extend(new);
            self.daemon.reload(&self.config).map_err(start_failure)?;
        }
        Ok(())
    }

    fn film(&mut self, count: usize, fps: f64, settles: Duration, pace: &Pace) -> Result<Vec<Footage>, Failure> {
        let address = self.daemon.address();
        let mut cameras = Vec::new();
        for number in 0..count {
            let url: ServerUrl = format!("ws://{address}/frames/{}?results", name(number)).parse()?;
            cameras.push(Camera::connect(&url, &self.options, self.frames)?);
        }
        let start = Instant::now();
        let mut shootings = Vec::new();
        for (number, &first_frame) in self.next_frames.iter().take(count).enumerate() {
            let spread = if count > 1 { offset(number, count) } else { 0.0 };
            let interval = Duration::from_secs_f64((1.0 + spread * CLOCKS_DIFFER) / fps);
            shootings.push(Shooting {
                start: start + interval.mul_f64(self.random.unit()),
                measured_from: start + settles,
                end: start + settles + pace.duration,
                interval,
                patience: pace.limit + LATE,
                first_frame,
            });
        }
        let never = &self.never;
        thread::scope(|scope| {
            let mut running = Vec::new();
            for (camera, shooting) in cameras.into_iter().zip(shootings) {
                let thread = thread::Builder::new().name("bench-camera".into());
                running.push(thread.spawn_scoped(scope, move || camera.run(&shooting, never))?);
            }
            let joined = running.into_iter().map(|thread| thread.join().expect("cameras do not panic"));
            Ok(joined.collect::<Result<_, _>>()?)
        })
    }
}

/// Processor time of this process without that of the processors' threads.
fn used_by_others() -> Duration {
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().flatten().map(|task| task.path());
    let processors = tasks.filter(|task| sysfs::read(task, "comm").is_some_and(|name| is_thread_name(&name)));
    let ticks: u64 = processors.filter_map(|task| ticks(&sysfs::read(&task, "stat")?)).sum();
    used(UsageWho::RUSAGE_SELF).saturating_sub(Duration::from_millis(ticks.saturating_mul(TICK_MS)))
}

/// The clock ticks that a thread ran, by its line in /proc. Its name, which may contain anything, is the second field.
fn ticks(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<u64>().ok();
    next()?.checked_add(next()?)
}

/// Where a camera is among all, -1 to 1.
#[expect(clippy::cast_precision_loss, reason = "there are few cameras")]
fn offset(number: usize, count: usize) -> f64 {
    2.0 * number as f64 / (count - 1) as f64 - 1.0
}

fn name(number: usize) -> String {
    format!("bench-{number}")
}

/// A camera with the settings of another, fed over WebSocket.
fn camera(template: &config::Camera, number: usize) -> config::Camera {
    config::Camera { name: name(number), v4l2: None, detection: Detection::On, ..template.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ticks_of_a_thread_are_those_of_programs_and_kernel() {
        let stat = "7 (a) b) c) S 1 2 3 4 5 6 7 8 9 10 120 30 0 0 20 0 9 0 1 2 3";
        assert_eq!(ticks(stat), Some(150));
        assert_eq!(ticks("7 (a) S 1"), None);
        used_by_others(); // it finds no processor here, and does not fail
    }
}

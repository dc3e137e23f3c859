//! What a camera's thread does: open, agree, fetch, and when the camera is gone wait until it is there again.
//!
//! Whatever goes wrong with the device ends in one place, [`Runner::run`], which tells it once and tries again.

use std::{
    os::fd::AsFd,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use nix::{errno::Errno, poll::PollFlags};

use super::{
    absence::Absence,
    admit::frame,
    news::News,
    orders::{Given, Orders},
    settings::apply,
};
use crate::{
    config::V4l2,
    frame::{CapturedBy, Origin, PixelFormat},
    source::{
        post::Post,
        v4l2::{
            device::{Device, Layout, StampOf},
            identify,
            negotiate::{self, choose, describe, pixel_format, shortfall},
            stream::{Picture, Stream},
            trouble::{Trouble, is_absent},
        },
    },
    system::{clock::Monotonic, event_fd::poll},
    telemetry::camera_metrics::Driver,
    telemetry::rejections::RejectReason,
};

/// Times that the device may say that something is there when nothing is.
const IDLE_WAKES: u32 = 100;

/// A camera's thread: what it has and remembers.
#[derive(Debug)]
pub(super) struct Runner {
    settings: V4l2,
    post: Post,
    orders: Arc<Orders>,
    /// The number of the last frame there was, whether it came or not.
    seq: u64,
    news: News,
    absence: Absence,
}

impl Runner {
    pub(super) fn new(settings: V4l2, post: Post, orders: Arc<Orders>) -> Self {
        let news = News::of(post.statistics.camera().name());
        Self { settings, post, orders, seq: 0, news, absence: Absence::default() }
    }

    /// Runs until it is asked to stop, whether the device is there or not.
    pub(super) fn run(mut self) {
        while let Err(trouble) = self.attempt() {
            self.lose(&trouble);
            if self.wait() {
                return;
            }
        }
    }

    /// Opens the camera and fetches frames until it is asked to stop.
    fn attempt(&mut self) -> Result<(), Trouble> {
        let (path, device) = self.open()?;
        let offers = device.formats();
        let wanted = negotiate::Wanted::of(&self.settings, self.post.luma);
        let no_format = |reason| Trouble::NoFormat { path: path.clone(), reason };
        let choice = choose(&offers, &wanted).map_err(no_format)?;
        let cannot = |doing| move |path: &Path, errno| Trouble::Start { path: path.to_owned(), doing, errno };
        let layout = device.set_format(&choice).map_err(|errno| cannot("agreeing on a format")(&path, errno))?;
        let Some(format) = pixel_format(layout.choice.fourcc) else {
            return Err(Trouble::Foreign { path, gives: describe(&layout.choice) });
        };
        self.news.shortfall(&path, shortfall(&offers, &wanted, &layout.choice));
        self.news.controls(apply(&device, &self.settings.controls));
        let card = format!(" is a {} ({})", device.card(), device.driver());
        let stream = Stream::start(device, layout, self.settings.buffers)
            .map_err(|errno| cannot("starting to send")(&path, errno))?;
        self.fetch(&path, &card, format, stream)
    }

    /// Opens the first node that gives pictures of those that are meant.
    fn open(&self) -> Result<(PathBuf, Device), Trouble> {
        let candidates = identify::candidates(&self.settings.device)?;
        let mut trouble = Trouble::Absent(self.settings.device.clone());
        for path in candidates {
            match Device::open(&path, Some(self.post.heartbeat.clone())) {
                Ok(device) if device.captures() => return Ok((path, device)),
                Ok(_) => trouble = Trouble::NoCamera(path),
                Err(error) if is_absent(&error) => {}
                Err(source) => trouble = Trouble::Closed { path, source },
            }
        }
        Err(trouble)
    }

    /// Fetches frames until it is asked to stop.
    fn fetch(&mut self, path: &Path, card: &str, format: PixelFormat, mut stream: Stream) -> Result<(), Trouble> {
        let timeout = self.settings.stall_timeout;
        let (mut last, mut is_first, mut idle) = (Instant::now(), true, 0);
        let gone = |errno| Trouble::Gone { path: path.to_owned(), errno };
        let outcome = loop {
            let until = [Some(last + timeout), self.post.heartbeat.beat()].into_iter().flatten().min();
            let readable = PollFlags::POLLIN;
            let descriptors = [(stream.as_fd(), readable), (self.orders.as_fd(), readable)];
            let [has_frame, is_ordered] = match poll(descriptors, until) {
                Ok(ready) => ready,
                Err(error) => break Err(error.into()),
            };
            if is_ordered && self.obey(stream.device()) {
                break Ok(());
            }
            if !has_frame {
                if last.elapsed() >= timeout {
                    break Err(Trouble::Stalled { path: path.to_owned(), after: last.elapsed() });
                }
                continue;
            }
            let round = match stream.round() {
                Ok(round) => round,
                Err(errno) => break Err(gone(errno)),
            };
            idle = if round.frames == 0 { idle + 1 } else { 0 };
            if idle == IDLE_WAKES {
                break Err(gone(Errno::EIO)); // it says without end that there is something, and there is not
            }
            self.seq += round.frames;
            let (dropped, skipped, errors) = (round.dropped, round.skipped, round.errors);
            let copied = round.newest.iter().filter(|picture| picture.taken.is_copy).count() as u64;
            self.post.statistics.driver(Driver { dropped, skipped, copied, errors });
            (0..round.broken).for_each(|_| self.refuse(&RejectReason::Broken));
            let Some(picture) = round.newest else { continue };
            last = Instant::now();
            if is_first {
                self.came(path, card, stream.layout(), picture.stamp_of, picture.stamp.is_some());
                is_first = false;
            }
            self.publish(picture, format, stream.layout());
        };
        if !is_first {
            self.post.statistics.went();
        }
        outcome
    }

    /// Does what was ordered; whether that is to stop.
    fn obey(&mut self, device: &Device) -> bool {
        let Given { stop, controls } = self.orders.take();
        if let Some(controls) = controls {
            self.settings.controls = controls;
            self.news.controls_anew(apply(device, &self.settings.controls));
        }
        stop
    }

    /// Makes the picture a frame and publishes it.
    fn publish(&self, picture: Picture, format: PixelFormat, layout: &Layout) {
        let now = Monotonic::now();
        let Picture { taken, stamp, .. } = picture;
        let statistics = &self.post.statistics;
        statistics.received(taken.bytes.len());
        let (captured_at, captured_by) = match stamp {
            Some(stamp) => (stamp.min(now), CapturedBy::Driver),
            None => (now, CapturedBy::Arrival),
        };
        let camera = statistics.camera().clone();
        let cell = camera.index();
        let origin = Origin { camera, seq: self.seq, captured_at, captured_by };
        match frame(origin, format, layout, taken.bytes) {
            Ok(frame) => drop(self.post.slot.publish(cell, frame)),
            Err(refusal) => self.refuse(&refusal),
        }
    }

    fn refuse(&self, refusal: &RejectReason) {
        self.post.statistics.refused(self.seq, refusal);
    }

    /// The camera's first frame is there.
    fn came(&mut self, path: &Path, card: &str, layout: &Layout, stamp_of: StampOf, has_stamp: bool) {
        self.post.statistics.came();
        let stamps = if has_stamp { format!("stamped at {stamp_of}") } else { "without stamps of use".to_owned() };
        let opened = format!("{}{card}: {}, {stamps}", path.display(), describe(&layout.choice));
        self.news.came(opened, self.absence.end());
    }

    /// There are no frames, or no more: tells it, unless it is what was told last.
    fn lose(&mut self, trouble: &Trouble) {
        let statistics = &self.post.statistics;
        let is_absent = matches!(trouble, Trouble::Absent(_));
        let is_new = self.absence.begin();
        // That it is still not there is no other fault.
        let errors = u64::from(is_new || !is_absent);
        statistics.driver(Driver { errors, ..Driver::default() });
        statistics.missed();
        // That it is gone is told once, however that shows.
        let is_news = is_new || !is_absent && self.absence.is_long();
        let trouble = trouble.to_string();
        if is_news && self.news.lost(&trouble) {
            statistics.failed(format!("lost: {trouble}"));
        }
    }

    /// Waits for a reason to try again; whether it is asked to stop instead.
    fn wait(&mut self) -> bool {
        if self.absence.listen(self.post.statistics.camera().name()) {
            return self.is_asked_to_stop();
        }
        let again_at = self.absence.again_at();
        loop {
            if self.is_asked_to_stop() {
                return true;
            }
            let until = [Some(again_at), self.post.heartbeat.beat()].into_iter().flatten().min();
            if self.absence.hears(&*self.orders, until) || Instant::now() >= again_at {
                return self.is_asked_to_stop();
            }
        }
    }

    /// Whether it is asked to stop. Controls are kept for when the camera is there.
    fn is_asked_to_stop(&mut self) -> bool {
        let Given { stop, controls } = self.orders.take();
        if let Some(controls) = controls {
            self.settings.controls = controls;
        }
        stop
    }
}

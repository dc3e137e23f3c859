//! What a camera's thread does: open, agree, fetch, and when the camera is gone wait until it is there again.
//!
//! Whatever goes wrong with the device ends in one place, [`Runner::run`], which tells it once and tries again: when the
//! kernel says that a camera came, and after pauses that grow to [`LONGEST_PAUSE`], for what the kernel does not tell
//! (another program that lets go of the camera).

use std::{
    os::fd::AsFd,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use log::{info, warn};
use nix::{errno::Errno, poll::PollFlags};

use super::{
    admit::frame,
    orders::{Given, Orders},
    settings::apply,
};
use crate::{
    config::V4l2,
    frame::{CapturedBy, Origin, PixelFormat},
    output::{refusals::Refusal, statistics::Driver},
    source::{
        post::Post,
        v4l2::{
            controls::Mismatch,
            description::Offer,
            device::{Device, Layout, StampOf},
            hotplug::Hotplug,
            identify,
            negotiate::{self, choose, describe, pixel_format, shortfall},
            stream::{Picture, Stream},
            trouble::{Trouble, is_absent},
        },
    },
    system::{clock::Monotonic, tally::Tally, wake::wait},
};

/// The pause before the second try; each is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest pause between two tries, for what nobody tells.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// From this pause on a new reason is told: a camera that is just being plugged in fails in several ways before it works.
const TOLD_FROM: Duration = Duration::from_secs(1);

/// Times that the device may say that something is there when nothing is.
const IDLE_WAKES: u32 = 100;

#[derive(Debug)]
pub(super) struct Runner {
    name: String,
    settings: V4l2,
    post: Post,
    orders: Arc<Orders>,
    /// The number of the last frame there was, whether it came or not.
    seq: u64,
    told: Told,
    /// Since when the camera is gone.
    lost: Option<Monotonic>,
    pause: Duration,
    /// While the camera is gone.
    hotplug: Option<Hotplug>,
}

/// What was told last, so that it is not told again.
#[derive(Debug, Default)]
struct Told {
    trouble: Option<String>,
    shortfall: Option<String>,
    mismatches: Vec<Mismatch>,
    opened: Option<String>,
    losses: Tally,
    returns: Tally,
}

impl Runner {
    pub(super) fn new(settings: V4l2, post: Post, orders: Arc<Orders>) -> Self {
        Self {
            name: post.statistics.camera().name().to_owned(),
            settings,
            post,
            orders,
            seq: 0,
            told: Told::default(),
            lost: None,
            pause: FIRST_PAUSE,
            hotplug: None,
        }
    }

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
        self.tell_shortfall(&path, &offers, &wanted, &layout);
        self.set_controls(&device);
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
            match Device::open(&path, Some(self.post.progress.clone())) {
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
            let until = [Some(last + timeout), self.post.progress.step()].into_iter().flatten().min();
            let readable = PollFlags::POLLIN;
            let descriptors = [(stream.as_fd(), readable), (self.orders.wake.as_fd(), readable)];
            let [has_frame, is_ordered] = match wait(descriptors, until) {
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
            (0..round.broken).for_each(|_| self.refuse(&Refusal::Broken));
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
            self.told.mismatches.clear();
            self.set_controls(device);
            if self.told.mismatches.is_empty() {
                info!(CAMERA = self.name; "{}: its controls are set anew", self.name);
            }
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

    fn refuse(&self, refusal: &Refusal) {
        self.post.statistics.refused(self.seq, refusal);
    }

    /// The camera's first frame is there.
    fn came(&mut self, path: &Path, card: &str, layout: &Layout, stamp_of: StampOf, has_stamp: bool) {
        (self.hotplug, self.pause, self.told.trouble) = (None, FIRST_PAUSE, None);
        self.post.statistics.came();
        let name = &self.name;
        let stamps = if has_stamp { format!("stamped at {stamp_of}") } else { "without stamps of use".to_owned() };
        let opened = format!("{}{card}: {}, {stamps}", path.display(), describe(&layout.choice));
        match self.lost.take() {
            Some(lost) => {
                let after = Monotonic::now().since(lost).as_secs_f64();
                if let Some(untold) = self.told.returns.count() {
                    info!(CAMERA = name.as_str(); "{name}: back after {after:.1} s: {opened}{untold}");
                }
            }
            None if self.told.opened.as_ref() != Some(&opened) => info!(CAMERA = name.as_str(); "{name}: {opened}"),
            None => {}
        }
        self.told.opened = Some(opened);
    }

    /// There are no frames, or no more: tells it, unless it is what was told last.
    fn lose(&mut self, trouble: &Trouble) {
        let statistics = &self.post.statistics;
        let is_new = self.lost.is_none();
        // That it is still not there is no other fault.
        let errors = u64::from(is_new || !matches!(trouble, Trouble::Absent(_)));
        statistics.driver(Driver { errors, ..Driver::default() });
        statistics.missed();
        self.lost.get_or_insert_with(Monotonic::now);
        // That it is gone is told once, however that shows.
        let is_news = !matches!(trouble, Trouble::Absent(_)) && self.pause >= TOLD_FROM;
        let trouble = trouble.to_string();
        if self.told.trouble.as_ref() == Some(&trouble) || !(is_new || is_news) {
            return;
        }
        if let Some(untold) = self.told.losses.count() {
            warn!(CAMERA = self.name; "{}: lost: {trouble}{untold}", self.name);
        }
        statistics.failed(format!("lost: {trouble}"));
        self.told.trouble = Some(trouble);
    }

    /// Waits for a reason to try again; whether it is asked to stop instead.
    fn wait(&mut self) -> bool {
        if self.hotplug.is_none() {
            // First listen, then look once more: or a camera that comes in between would not be noticed.
            match Hotplug::listen() {
                Ok(hotplug) => {
                    self.hotplug = Some(hotplug);
                    return self.is_asked_to_stop();
                }
                Err(error) if self.pause == FIRST_PAUSE => {
                    warn!(CAMERA = self.name; "{}: the kernel's word of new devices is not to be had ({error}), so it is \
                          looked for every {} s", self.name, LONGEST_PAUSE.as_secs());
                }
                Err(_) => {}
            }
        }
        let again_at = Instant::now() + self.pause;
        self.pause = (2 * self.pause).min(LONGEST_PAUSE);
        loop {
            if self.is_asked_to_stop() {
                return true;
            }
            let until = [Some(again_at), self.post.progress.step()].into_iter().flatten().min();
            let readable = PollFlags::POLLIN;
            let orders = (self.orders.wake.as_fd(), readable);
            let came = match &self.hotplug {
                Some(hotplug) => {
                    wait([orders, (hotplug.as_fd(), readable)], until).map(|[_, came]| came && hotplug.heard())
                }
                None => wait([orders], until).map(|_| false),
            };
            if came.unwrap_or(false) || Instant::now() >= again_at {
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

    fn tell_shortfall(&mut self, path: &Path, offers: &[Offer], wanted: &negotiate::Wanted, layout: &Layout) {
        let shortfall = shortfall(offers, wanted, &layout.choice);
        if let Some(words) = &shortfall
            && self.told.shortfall != shortfall
        {
            warn!(CAMERA = self.name; "{}: {} {words}", self.name, path.display());
        }
        self.told.shortfall = shortfall;
    }

    /// Sets what is configured, reads it back, and tells what is not so, unless it is what was told last.
    fn set_controls(&mut self, device: &Device) {
        let mismatches = apply(device, &self.settings.controls);
        if mismatches != self.told.mismatches {
            for mismatch in &mismatches {
                warn!(CAMERA = self.name; "{}: {mismatch}", self.name);
            }
            self.told.mismatches = mismatches;
        }
    }
}

//! The loop of a capture thread: open the device, agree on a mode, capture frames; if the device is lost, wait for it.
//!
//! Every error of the device ends in one place, [`Runner::run`], which logs it once and tries again.

use std::{
    os::fd::AsFd,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use nix::{errno::Errno, poll::PollFlags};

use super::{
    apply_controls::apply_controls,
    frame_sink::FrameSink,
    mailbox::{Commands, Mailbox},
    reconnect::Reconnect,
    status_log::StatusLog,
};
use crate::{
    config::V4l2,
    source::v4l2::{
        capture_error::{CaptureError, is_not_found},
        device::Device,
        identify,
        layout::Layout,
        negotiate::{RequestedMode, choose_mode, describe, shortfall},
        stream::{CapturedImage, Stream},
    },
    system::event_fd::poll,
};

/// How often in a row the device may be readable without a filled buffer, before it counts as failed.
const MAX_EMPTY_WAKES: u32 = 100;

/// The state of a capture thread.
#[derive(Debug)]
pub(super) struct Runner {
    settings: V4l2,
    /// Whether stages need luma. Format `auto` depends on it when the device is opened.
    luma: bool,
    sink: FrameSink,
    mailbox: Arc<Mailbox>,
    log: StatusLog,
    reconnect: Reconnect,
}

impl Runner {
    pub(super) fn new(settings: V4l2, luma: bool, sink: FrameSink, mailbox: Arc<Mailbox>) -> Self {
        let log = StatusLog::new(sink.camera());
        Self { settings, luma, sink, mailbox, log, reconnect: Reconnect::default() }
    }

    /// Captures until the command to stop comes, whether the device is present or not.
    pub(super) fn run(mut self) {
        while let Err(error) = self.attempt() {
            self.report_lost(&error);
            if self.wait_until_retry() {
                return;
            }
        }
    }

    /// Opens the device and captures until the command to stop comes.
    fn attempt(&mut self) -> Result<(), CaptureError> {
        let (path, device) = self.open()?;
        let offers = device.formats();
        let requested = RequestedMode::new(&self.settings, self.luma);
        let no_mode = |reason| CaptureError::NoMode { path: path.clone(), reason };
        let mode = choose_mode(&offers, &requested).map_err(no_mode)?;
        let start_error = |doing| move |path: &Path, errno| CaptureError::Start { path: path.to_owned(), doing, errno };
        let format = device.set_format(&mode).map_err(|errno| start_error("setting the format")(&path, errno))?;
        let Some(layout) = Layout::new(&format) else {
            return Err(CaptureError::Unsupported { path, gives: describe(&format.mode) });
        };
        self.log.log_shortfall(&path, shortfall(&offers, &requested, layout.mode()));
        self.log.log_mismatches(apply_controls(&device, &self.settings.controls));
        let card = format!(" is a {} ({})", device.card(), device.driver());
        let stream = Stream::start(device, layout, self.settings.buffers)
            .map_err(|errno| start_error("starting the stream")(&path, errno))?;
        self.capture(&path, &card, stream)
    }

    /// Opens the first capture device among those that the configured name may mean.
    fn open(&self) -> Result<(PathBuf, Device), CaptureError> {
        let candidates = identify::candidates(&self.settings.device)?;
        // A camera's second node, for metadata, fails with the first, or opens and says nothing of why the first did not.
        let (mut unopened, mut unusable) = (None, None);
        for path in candidates {
            match Device::open(&path, Some(self.sink.heartbeat().clone())) {
                Ok(device) if device.can_capture() => return Ok((path, device)),
                Ok(_) => unusable = Some(CaptureError::NotACamera(path)),
                Err(error) if is_not_found(&error) => {}
                Err(source) => unopened = unopened.or(Some(CaptureError::Open { path, source })),
            }
        }
        let not_found = || CaptureError::NotFound(self.settings.device.clone());
        Err(unopened.or(unusable).unwrap_or_else(not_found))
    }

    /// Captures frames until the command to stop comes.
    fn capture(&mut self, path: &Path, card: &str, mut stream: Stream) -> Result<(), CaptureError> {
        let timeout = self.settings.stall_timeout;
        let (mut last_frame, mut is_first, mut empty_wakes) = (Instant::now(), true, 0);
        let device_lost = |errno| CaptureError::DeviceLost { path: path.to_owned(), errno };
        let outcome = loop {
            let deadline = self.sink.beat(last_frame + timeout);
            let readable = PollFlags::POLLIN;
            let descriptors = [(stream.as_fd(), readable), (self.mailbox.as_fd(), readable)];
            let [has_frame, has_commands] = match poll(descriptors, Some(deadline)) {
                Ok(ready) => ready,
                Err(error) => break Err(error.into()),
            };
            if has_commands && self.apply_commands(Some(stream.device())) {
                break Ok(());
            }
            if !has_frame {
                if last_frame.elapsed() >= timeout {
                    break Err(CaptureError::Stalled { path: path.to_owned(), after: last_frame.elapsed() });
                }
                continue;
            }
            let dequeued = match stream.dequeue_newest() {
                Ok(dequeued) => dequeued,
                Err(errno) => break Err(device_lost(errno)),
            };
            empty_wakes = if dequeued.frames == 0 { empty_wakes + 1 } else { 0 };
            if empty_wakes == MAX_EMPTY_WAKES {
                break Err(device_lost(Errno::EIO)); // the driver always signals a buffer and never hands one over
            }
            self.sink.count(&dequeued);
            let Some(image) = dequeued.newest else { continue };
            last_frame = Instant::now();
            if is_first {
                self.report_connected(path, card, stream.layout(), &image);
                is_first = false;
            }
            self.sink.publish(image, stream.layout());
        };
        if !is_first {
            self.sink.disconnected();
        }
        outcome
    }

    /// Takes the pending commands, and applies them to the device if it is open. What can only be set on an open
    /// device is kept until it is opened. Returns whether one of the commands is to stop.
    fn apply_commands(&mut self, device: Option<&Device>) -> bool {
        let Commands { stop, controls, luma } = self.mailbox.take();
        self.luma = luma.unwrap_or(self.luma);
        if let Some(controls) = controls {
            self.settings.controls = controls;
            if let Some(device) = device {
                self.log.log_controls_changed(apply_controls(device, &self.settings.controls));
            }
        }
        stop
    }

    /// Reports the first frame after the device was opened.
    fn report_connected(&mut self, path: &Path, card: &str, layout: &Layout, first: &CapturedImage) {
        self.sink.connected();
        let timestamps = match first.timestamp {
            Some(_) => format!("time stamps at {}", first.timestamp_source),
            None => "no usable time stamps".to_owned(),
        };
        let description = format!("{}{card}: {}, {timestamps}", path.display(), describe(layout.mode()));
        self.log.log_connected(description, self.reconnect.device_connected());
    }

    /// Reports why there are no frames, unless that is what was reported last.
    fn report_lost(&mut self, error: &CaptureError) {
        let is_not_found = matches!(error, CaptureError::NotFound(_));
        let is_new = self.reconnect.device_lost();
        // An attempt that finds the device still missing is no further error.
        let errors = u64::from(is_new || !is_not_found);
        self.sink.missing(errors);
        // An unplugged device is logged once, whichever errors it shows first.
        let is_worth_logging = is_new || !is_not_found && self.reconnect.is_prolonged();
        let error = error.to_string();
        if is_worth_logging && self.log.log_lost(&error) {
            self.sink.set_last_error(format!("lost: {error}"));
        }
    }

    /// Waits until the next attempt is due. Returns whether the command to stop came instead.
    fn wait_until_retry(&mut self) -> bool {
        if self.reconnect.start_monitor(self.sink.camera()) {
            return self.apply_commands(None);
        }
        let next_attempt = self.reconnect.next_attempt();
        loop {
            if self.apply_commands(None) {
                return true;
            }
            let deadline = self.sink.beat(next_attempt);
            if self.reconnect.wait_for_device(&*self.mailbox, deadline) || Instant::now() >= next_attempt {
                return self.apply_commands(None);
            }
        }
    }
}

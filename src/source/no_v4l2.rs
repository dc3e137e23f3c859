//! Replaces `v4l2` in builds without the feature of that name. The configuration check rejects every local camera
//! there, so that no capture thread is ever started.

use std::{collections::BTreeMap, io, sync::Arc, time::Instant};

use crate::{
    camera::Feed,
    config::{ControlValue, V4l2},
    system::{thread::JoinTimeout, watchdog::Heartbeat},
};

/// A capture thread that cannot exist.
#[derive(Debug)]
pub struct CaptureThread(Nothing);

/// No value has this type.
#[derive(Debug)]
enum Nothing {}

impl CaptureThread {
    /// Starts no thread.
    ///
    /// # Errors
    /// Always fails.
    pub fn prepare(_: V4l2, _: Arc<Feed>, _: Arc<Heartbeat>, _: bool) -> io::Result<PreparedCapture> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Never called.
    pub fn set_controls(&self, _: BTreeMap<String, ControlValue>) {
        match self.0 {}
    }

    /// Never called.
    pub fn set_luma(&self, _: bool) {
        match self.0 {}
    }

    /// Never called.
    pub fn stop(&self) {
        match self.0 {}
    }

    /// Never called.
    ///
    /// # Errors
    /// Never fails.
    pub fn join_until(self, _: Instant) -> Result<(), JoinTimeout> {
        match self.0 {}
    }
}

/// A prepared capture thread that cannot exist.
#[derive(Debug)]
pub struct PreparedCapture(CaptureThread);

impl PreparedCapture {
    /// Never called.
    #[must_use]
    pub fn start(self) -> CaptureThread {
        self.0
    }
}

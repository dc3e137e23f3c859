//! In the place of the cameras that are plugged into this machine, where these are left out (feature `v4l2`). A
//! configuration that has one is refused before anything of this is asked for.

use std::{collections::BTreeMap, io, time::Instant};

use crate::{
    config::{ControlValue, V4l2},
    source::post::Post,
    system::thread::JoinTimeout,
};

/// A camera that there cannot be.
#[derive(Debug)]
pub enum Camera {}

impl Camera {
    /// Starts none.
    ///
    /// # Errors
    /// Always.
    pub fn start(_: V4l2, _: Post) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// None has controls.
    pub fn set_controls(&self, _: BTreeMap<String, ControlValue>) {
        match *self {}
    }

    /// None runs.
    pub fn stop(&self) {
        match *self {}
    }

    /// None ends.
    ///
    /// # Errors
    /// Never.
    pub fn join_until(self, _: Instant) -> Result<(), JoinTimeout> {
        match self {}
    }
}

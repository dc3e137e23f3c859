//! A program that is measured: its processes and its turns.

use std::{any::Any, process::Child, time::Duration};

use crate::{Result, measure::cpu_time};

/// What a program did in its turn.
pub(crate) struct Turn {
    /// Processor time for each frame that has a result.
    pub(crate) cpu_ms: f64,
    /// From the sending of a frame to the arrival of its result, for each frame that has one.
    pub(crate) ages_ms: Vec<f64>,
    pub(crate) sent: usize,
}

pub(crate) trait Program {
    /// Sends frames for a time and looks at what comes back.
    fn turn(&mut self, interval: Duration, time: Duration) -> Result<Turn>;
}

/// A program that is killed when dropped.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Processes that are ended when dropped.
pub(crate) struct Processes {
    pids: Vec<u32>,
    _running: Vec<Box<dyn Any>>,
}

impl Processes {
    pub(crate) fn new(pids: Vec<u32>, running: Vec<Box<dyn Any>>) -> Self {
        Self { pids, _running: running }
    }

    /// The processor time of all of them so far.
    pub(crate) fn cpu_time(&self) -> Result<Duration> {
        self.pids.iter().map(|pid| cpu_time(*pid)).sum()
    }
}

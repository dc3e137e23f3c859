//! What a camera at this machine is given besides its settings.

use std::sync::Arc;

use crate::{frame::Frame, output::statistics::Statistics, slot::Slot, system::watchdog::Progress};

/// Where a camera's frames go, and who hears of it.
#[derive(Clone, Debug)]
pub struct Post {
    /// The camera's numbers.
    pub statistics: Arc<Statistics>,
    /// Where frames wait.
    pub slot: Arc<Slot<Frame>>,
    /// The watchdog's.
    pub progress: Arc<Progress>,
    /// Whether stages look at its luma.
    pub luma: bool,
}

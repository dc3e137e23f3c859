//! A camera that sends: buffers come, and the newest good one becomes a picture.

use std::{
    os::fd::{AsFd, BorrowedFd},
    sync::Arc,
};

use nix::errno::Errno;

use super::{
    buffers::{Buffers, Taken},
    device::{Device, Filled, Layout, StampOf},
    negotiate::has_two_planes,
};
use crate::{frame::Size, source::buffers::Pool, system::clock::Monotonic};

/// A camera that sends, until dropped.
#[derive(Debug)]
pub(super) struct Stream {
    device: Arc<Device>,
    buffers: Arc<Buffers>,
    layout: Layout,
    pool: Pool,
    /// The driver's number of the frame before.
    sequence: Option<u32>,
}

/// What came in one round.
#[derive(Debug, Default)]
pub(super) struct Round {
    /// Frames that the driver counted since the round before.
    pub(super) frames: u64,
    /// Of these: never handed over. The driver had no buffer free, or the bus lost them.
    pub(super) dropped: u64,
    /// Of these: good, but a newer one was there already.
    pub(super) skipped: u64,
    /// Of these: said by the driver to be broken.
    pub(super) broken: u64,
    /// How often the driver did not take a buffer back.
    pub(super) errors: u64,
    /// The newest good one, if there is any.
    pub(super) newest: Option<Picture>,
}

/// A picture as the driver hands it over.
#[derive(Debug)]
pub(super) struct Picture {
    pub(super) taken: Taken,
    pub(super) stamp: Option<Monotonic>,
    pub(super) stamp_of: StampOf,
}

impl Stream {
    /// Has the camera send what was agreed on, into about `count` buffers.
    ///
    /// # Errors
    /// When it does not.
    pub(super) fn start(device: Device, layout: Layout, count: u32) -> Result<Self, Errno> {
        let device = Arc::new(device);
        let buffers = Buffers::new(device.clone(), count)?;
        let stream = Self { device, buffers, layout, pool: Pool::default(), sequence: None };
        stream.device.start()?;
        Ok(stream)
    }

    /// What it sends.
    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The camera, to set its controls.
    pub(super) fn device(&self) -> &Device {
        &self.device
    }

    /// Takes all that is ready. All but the newest good one go back to the driver at once. Does not wait.
    ///
    /// # Errors
    /// `ENODEV` when the device is gone; another when the driver has failed for good.
    pub(super) fn round(&mut self) -> Result<Round, Errno> {
        let mut round = Round::default();
        let mut newest: Option<Filled> = None;
        self.buffers.queue_rest();
        for _ in 0..self.buffers.count() {
            let Some(filled) = self.device.dequeue()? else { break };
            if filled.index as usize >= self.buffers.count() {
                return Err(Errno::EIO); // a buffer that there is not
            }
            self.buffers.came(filled.index);
            let steps = steps(self.sequence.replace(filled.sequence), filled.sequence);
            round.frames += steps;
            round.dropped += steps - 1;
            if filled.is_broken {
                round.broken += 1;
                self.buffers.give_back(filled.index);
            } else if let Some(older) = newest.replace(filled) {
                round.skipped += 1;
                self.buffers.give_back(older.index);
            }
        }
        round.newest = newest.map(|filled| self.picture(&filled));
        round.errors = self.buffers.take_errors();
        Ok(round)
    }

    fn picture(&self, filled: &Filled) -> Picture {
        let Filled { stamp, stamp_of, .. } = *filled;
        let Layout { choice, strides } = &self.layout;
        let taken = if has_two_planes(choice.fourcc) {
            let Size { width_px, height_px } = choice.size;
            let luma = strides[0].max(width_px as usize) * height_px as usize;
            self.buffers.join(filled, &[luma, luma / 2], &self.pool)
        } else {
            self.buffers.take(filled, &self.pool)
        };
        Picture { taken, stamp, stamp_of }
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.device.as_fd()
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.buffers.close();
    }
}

/// Frames from one driver's number to the next. Drivers that do not count, or begin again, have not lost any.
fn steps(before: Option<u32>, now: u32) -> u64 {
    const BACKWARDS: u32 = 1 << 31;
    match before.map(|before| now.wrapping_sub(before)) {
        None | Some(0 | BACKWARDS..) => 1,
        Some(steps) => steps.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_counted_and_nothing_else() {
        assert_eq!(steps(None, 7), 1, "the first there is");
        assert_eq!(steps(Some(7), 8), 1);
        assert_eq!(steps(Some(7), 11), 4);
        assert_eq!(steps(Some(u32::MAX), 1), 2, "it began anew after its largest");
        assert_eq!(steps(Some(0), 0), 1, "a driver that does not count");
        assert_eq!(steps(Some(90), 0), 1, "a driver that began again");
    }
}

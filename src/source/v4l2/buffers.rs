//! The driver's buffers: lent as [`Bytes`], back with the driver when the last handle is dropped, wherever that is.
//!
//! When the stream ends, frames may still be held: a viewer looks at the last one for as long as the camera is gone. A
//! mapping would keep the device open in the kernel, which then could not bring the camera back. So memory of our own
//! is put in the place of what is still lent, beneath those who hold it.

use std::{ops::Range, sync::Arc};

use bytes::Bytes;
use nix::errno::Errno;

use super::{
    device::{Device, Filled},
    mapping::Mapping,
};
use crate::{source::buffers::Pool, sync::Mutex};

/// Buffers that the driver must have left. With fewer, frames are copied and not lent: it writes into one and needs the
/// next when that is full.
const LEAST_WITH_DRIVER: usize = 2;

/// All buffers of one stream.
#[derive(Debug)]
pub(super) struct Buffers {
    /// By index: the memory planes of each.
    mappings: Vec<Vec<Mapping>>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Until the stream ends.
    device: Option<Arc<Device>>,
    /// By index.
    places: Vec<Place>,
    /// How often the driver did not take a buffer, since last asked.
    errors: u64,
}

/// Where a buffer is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// With the driver, who may write into it.
    Driver,
    /// Here, being looked at.
    Here,
    /// Here, as the driver did not take it. It is to be asked again.
    NotTaken,
    /// A frame's bytes.
    Lent(Range<usize>),
}

/// A picture's bytes, and how they came by.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) bytes: Bytes,
    pub(super) is_copy: bool,
}

/// A buffer that is lent.
#[derive(Debug)]
struct Lent {
    buffers: Arc<Buffers>,
    index: usize,
    used: Range<usize>,
}

impl Buffers {
    /// Has the driver make about `count` buffers, and gives it all of them to fill.
    ///
    /// # Errors
    /// When it does not.
    pub(super) fn new(device: Arc<Device>, count: u32) -> Result<Arc<Self>, Errno> {
        let count = device.request_buffers(count)?;
        let mappings = (0..count).map(|index| device.map(index)).collect::<Result<Vec<_>, _>>()?;
        let places = vec![Place::NotTaken; mappings.len()];
        let state = State { device: Some(device), places, errors: 0 };
        let buffers = Self { mappings, state: Mutex::new(state) };
        buffers.queue_rest();
        if buffers.state.lock().with_driver() == 0 { Err(Errno::EINVAL) } else { Ok(Arc::new(buffers)) }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.mappings.len()
    }

    /// Notes that the driver has given a buffer back.
    pub(super) fn came(&self, index: u32) {
        if let Some(place) = self.state.lock().places.get_mut(index as usize) {
            *place = Place::Here;
        }
    }

    /// Gives a buffer to the driver again.
    pub(super) fn give_back(&self, index: u32) {
        self.state.lock().queue(index as usize);
    }

    /// Gives the driver what it did not take before.
    pub(super) fn queue_rest(&self) {
        let mut state = self.state.lock();
        for index in 0..state.places.len() {
            if state.places[index] == Place::NotTaken {
                state.queue(index);
            }
        }
    }

    /// How often the driver did not take a buffer, since last asked.
    pub(super) fn take_errors(&self) -> u64 {
        std::mem::take(&mut self.state.lock().errors)
    }

    /// The bytes that are used of a filled buffer with one memory plane: lent, or copied if the driver would run dry.
    /// It goes back to the driver by itself, now or when the last handle of the bytes is dropped.
    pub(super) fn take(self: &Arc<Self>, filled: &Filled, pool: &Pool) -> Taken {
        let index = filled.index as usize;
        let whole = self.mappings[index][0].bytes();
        // A driver that says that there is more than fits has said something wrong.
        let used = filled.used[0].start.min(whole.len())..filled.used[0].end.min(whole.len());
        let used = used.start.min(used.end)..used.end;
        let mut state = self.state.lock();
        if state.with_driver() >= LEAST_WITH_DRIVER {
            state.places[index] = Place::Lent(used.clone());
            drop(state);
            let lent = Lent { buffers: self.clone(), index, used };
            return Taken { bytes: Bytes::from_owner(lent), is_copy: false };
        }
        drop(state);
        let bytes = copy(&[&whole[used]], pool);
        self.give_back(filled.index);
        Taken { bytes, is_copy: true }
    }

    /// The memory planes of a filled buffer, one behind the other: `lengths` bytes of each, or what there is, copied.
    pub(super) fn join(&self, filled: &Filled, lengths: &[usize], pool: &Pool) -> Taken {
        let planes = self.mappings[filled.index as usize].iter().zip(&filled.used).zip(lengths);
        let parts: Vec<_> = planes
            .map(|((plane, used), length)| {
                let part = plane.bytes().get(used.clone()).unwrap_or_default();
                &part[..part.len().min(*length)]
            })
            .collect();
        let bytes = copy(&parts, pool);
        self.give_back(filled.index);
        Taken { bytes, is_copy: true }
    }

    /// Ends it: nothing is given to the driver any more, and nothing here keeps the device open.
    pub(super) fn close(&self) {
        let mut state = self.state.lock();
        let Some(device) = state.device.take() else { return };
        let places = state.places.clone();
        drop(state); // who drops a frame now has nothing to wait for
        // If the device is gone, it has stopped.
        let _ = device.stop();
        for (planes, place) in self.mappings.iter().zip(&places) {
            let keep = if let Place::Lent(used) = place { used.end } else { 0 };
            // Without memory for it the device stays open until the frame is dropped.
            let _: Vec<_> = planes.iter().map(|plane| plane.detach(keep)).collect();
        }
        let _ = device.request_buffers(0);
    }
}

fn copy(parts: &[&[u8]], pool: &Pool) -> Bytes {
    let mut buffer = pool.buffer();
    buffer.reserve(parts.iter().map(|part| part.len()).sum());
    for part in parts {
        buffer.space(part.len()).copy_from_slice(part);
        buffer.filled(part.len());
    }
    buffer.finish()
}

impl State {
    fn with_driver(&self) -> usize {
        self.places.iter().filter(|place| **place == Place::Driver).count()
    }

    fn queue(&mut self, index: usize) {
        let Some(device) = &self.device else { return };
        let number = u32::try_from(index).expect("the driver counts them in 32 bits");
        self.places[index] = if device.queue(number).is_ok() {
            Place::Driver
        } else {
            self.errors += 1;
            Place::NotTaken
        };
    }
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.buffers.mappings[self.index][0].bytes()[self.used.clone()]
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.buffers.state.lock().queue(self.index);
    }
}

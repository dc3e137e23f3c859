//! The cell between the thread that reads a live source and the thread that sends: the newest picture, and nothing else.
//!
//! Publish: lock, swap the picture, set the event. Take: clear the event, lock, take the picture. Nobody waits for anybody.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd},
};

use crate::{
    frame::{PixelFormat, Size},
    sync::Mutex,
    system::{clock::Monotonic, event_fd::EventFd},
};

use super::source_error::SourceError;

/// One picture of a live source.
#[derive(Debug)]
pub(super) struct Picture {
    pub(super) format: PixelFormat,
    /// Of raw pixels.
    pub(super) size: Option<Size>,
    pub(super) captured_at: Monotonic,
    /// Room for a header, and the picture.
    pub(super) message: Vec<u8>,
}

/// The cell.
#[derive(Debug)]
pub(super) struct Newest {
    state: Mutex<State>,
    event: EventFd,
}

/// What is known of the source besides its newest picture.
#[derive(Debug, Default)]
struct State {
    picture: Option<Picture>,
    counts: SourceCounts,
    end: Option<Result<(), SourceError>>,
}

/// What became of pictures before they could be sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct SourceCounts {
    /// A newer one took their place, or they came sooner than the rate allows.
    pub(super) overtaken: u64,
    /// They are damaged or cut off.
    pub(super) skipped: u64,
}

impl Newest {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { state: Mutex::default(), event: EventFd::new()? })
    }

    /// Puts the newest picture in, and returns the memory of the one that was still there.
    pub(super) fn publish(&self, picture: Picture) -> Option<Vec<u8>> {
        let mut state = self.state.lock();
        let overtaken = state.picture.replace(picture);
        state.counts.overtaken += u64::from(overtaken.is_some());
        drop(state);
        self.event.set();
        overtaken.map(|picture| picture.message)
    }

    /// Counts a picture that the rate leaves out.
    pub(super) fn count_overtaken(&self) {
        self.state.lock().counts.overtaken += 1;
    }

    /// Counts a picture that cannot be sent.
    pub(super) fn count_skipped(&self) {
        self.state.lock().counts.skipped += 1;
    }

    /// Notes that no more pictures will come.
    pub(super) fn end(&self, end: Result<(), SourceError>) {
        self.state.lock().end = Some(end);
        self.event.set();
    }

    /// Clears the event. To be done before looking at what it announced.
    pub(super) fn clear_event(&self) {
        self.event.clear();
    }

    /// Whether a picture is there.
    pub(super) fn has_picture(&self) -> bool {
        self.state.lock().picture.is_some()
    }

    /// Takes the newest picture.
    pub(super) fn take(&self) -> Option<Picture> {
        self.state.lock().picture.take()
    }

    /// Whether the source has ended and its last picture was taken.
    pub(super) fn is_over(&self) -> bool {
        let state = self.state.lock();
        state.end.is_some() && state.picture.is_none()
    }

    /// Whether the source has ended.
    pub(super) fn has_ended(&self) -> bool {
        self.state.lock().end.is_some()
    }

    /// How the source ended; well if it did not yet.
    pub(super) fn take_end(&self) -> Result<(), SourceError> {
        match &mut self.state.lock().end {
            Some(end) => std::mem::replace(end, Ok(())),
            None => Ok(()),
        }
    }

    pub(super) fn counts(&self) -> SourceCounts {
        self.state.lock().counts
    }
}

impl AsFd for Newest {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }
}

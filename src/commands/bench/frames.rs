//! The frames that cameras send: built-in ones, or the user's own.

use std::{path::PathBuf, time::Instant};

use super::scene::Scene;
use crate::{
    frame::Size,
    recording::{Recording, RecordingError, Still},
    source::image_header,
    telemetry::rejections::RejectReason,
};

/// The most frames, ten seconds of a camera.
const MAX_FRAMES: usize = 150;

/// The most built-in frames: their people then have walked three seconds.
const MAX_BUILT_IN: usize = 48;

/// The most bytes of all frames together: the smallest boards have little memory.
const MAX_BYTES: usize = 32 << 20;

/// Frames of one size, at least one.
#[derive(Debug)]
pub(super) struct Frames {
    stills: Vec<Still>,
    size: Size,
}

/// Why there are no frames.
#[derive(Debug, thiserror::Error)]
pub enum FramesError {
    /// The files do not open.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// A picture's header is damaged.
    #[error("frame {0} of --frames cannot be used")]
    Header(usize, #[source] RejectReason),
    /// They have no picture.
    #[error("there is no whole picture in --frames")]
    None,
    /// Cameras have one size.
    #[error(
        "the frames have several sizes: the first is {}x{}, and frame {number} is {}x{}; a camera's frames have one size",
        .first.width_px, .first.height_px, .other.width_px, .other.height_px
    )]
    Sizes {
        /// Of the first one.
        first: Size,
        /// Which one differs, from 1 on.
        number: usize,
        /// Its size.
        other: Size,
    },
    /// The encoder fails.
    #[error("cannot make frames of {}x{}", .0.width_px, .0.height_px)]
    Encoder(Size, #[source] turbojpeg::Error),
}

impl Frames {
    /// Built-in ones: as many as can be made until `deadline`, and at least two.
    ///
    /// # Errors
    /// If they cannot be encoded.
    pub(super) fn built_in(size: Size, deadline: Instant) -> Result<Self, FramesError> {
        let mut scene = Scene::new(size);
        let mut frames = Self { stills: Vec::new(), size };
        while frames.stills.len() < 2 || frames.has_room(MAX_BUILT_IN) && Instant::now() < deadline {
            frames.stills.push(scene.next().map_err(|error| FramesError::Encoder(size, error))?);
        }
        Ok(frames)
    }

    /// Those in files and folders: as many as can be read until `deadline`.
    ///
    /// # Errors
    /// If there is none, or they have several sizes.
    pub(super) fn open(paths: &[PathBuf], deadline: Instant) -> Result<Self, FramesError> {
        let recording = Recording::open(paths)?;
        let mut frames: Option<Self> = None;
        for still in recording.stills() {
            // One that is cut off is skipped, as `fovea send` does.
            let Ok(still) = still else { continue };
            let number = frames.as_ref().map_or(0, |frames| frames.stills.len()) + 1;
            let (_, other) = image_header::read(&still.bytes).map_err(|error| FramesError::Header(number, error))?;
            let frames = frames.get_or_insert_with(|| Self { stills: Vec::new(), size: other });
            if frames.size != other {
                return Err(FramesError::Sizes { first: frames.size, number, other });
            }
            frames.stills.push(still);
            if !frames.has_room(MAX_FRAMES) || Instant::now() >= deadline {
                break;
            }
        }
        frames.ok_or(FramesError::None)
    }

    fn has_room(&self, most: usize) -> bool {
        self.stills.len() < most && self.bytes() < MAX_BYTES
    }

    fn bytes(&self) -> usize {
        self.stills.iter().map(|still| still.bytes.len()).sum()
    }

    /// Bytes of one on average.
    pub(super) fn mean_bytes(&self) -> usize {
        self.bytes() / self.stills.len()
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.stills.len()
    }

    /// Columns and rows of each.
    pub(super) fn size(&self) -> Size {
        self.size
    }

    /// The frame of this number, from the first to the last and back again: so nothing jumps.
    pub(super) fn get(&self, number: usize) -> &Still {
        let last = self.stills.len() - 1;
        let place = number % (2 * last).max(1);
        &self.stills[if place > last { 2 * last - place } else { place }]
    }
}

//! What the stages of one camera share, on whatever processors they look: its tracks, and what they are.
//!
//! One stage follows what moves and publishes its tracks with each frame. Another finds out what a track is, and publishes
//! its label when it knows. Each replaces a pointer and waits for nobody; each sees what the other had last.

use std::{collections::BTreeMap, sync::Arc};

use arc_swap::{ArcSwap, ArcSwapOption, Guard};

use super::Track;
use crate::{frame::Size, system::clock::Monotonic};

/// What a track is.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    /// Its name, such as `person`.
    pub name: Arc<str>,
    /// How sure that is, 0 to 1.
    pub score: f32,
}

/// Labels by the ids of tracks.
pub type Labels = BTreeMap<u64, Label>;

/// The tracks of one camera and their labels. Ids of tracks begin anew with the stage that follows: so does this.
#[derive(Debug, Default)]
pub struct SharedTracks {
    snapshot: ArcSwapOption<Snapshot>,
    labels: ArcSwap<Labels>,
}

/// The tracks as they were in one frame.
#[derive(Debug)]
pub struct Snapshot {
    /// Tentative and coasting ones too.
    pub tracks: Vec<Track>,
    /// The size of the picture.
    pub size: Size,
    /// When the frame was captured.
    pub captured_at: Monotonic,
    /// Whether whoever follows them learns the scene, and says nothing of what moves.
    pub is_learning: bool,
}

impl SharedTracks {
    /// Makes these the tracks.
    pub fn publish(&self, snapshot: Snapshot) {
        self.snapshot.store(Some(Arc::new(snapshot)));
    }

    /// The newest tracks; `None` before the first frame.
    #[must_use]
    pub fn snapshot(&self) -> Guard<Option<Arc<Snapshot>>> {
        self.snapshot.load()
    }

    /// Makes these the labels. Tracks that are not among them have none.
    pub fn set_labels(&self, labels: Labels) {
        self.labels.store(Arc::new(labels));
    }

    /// The newest labels.
    #[must_use]
    pub fn labels(&self) -> Guard<Arc<Labels>> {
        self.labels.load()
    }
}

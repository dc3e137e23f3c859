//! A track as lines and zones see it in one frame.

use std::time::Duration;

use crate::{frame::Size, system::clock::Monotonic, tracking::Track};

/// A track in the frame captured at `at`, a picture of the size `full`; that frame may not show it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sighting<'t> {
    pub(super) track: &'t Track,
    pub(super) full: Size,
    pub(super) at: Monotonic,
}

impl Sighting<'_> {
    /// What the track is called, if anybody found out.
    pub(super) fn label(&self) -> Option<&str> {
        self.track.label().map(|label| &*label.name)
    }

    /// How long the track has been followed.
    pub(super) fn followed_for(&self) -> Duration {
        self.at.since(self.track.seen()[0])
    }

    /// The foot point of the track in fractions of the picture: half a pixel above the lower edge, so that who stands at the
    /// lower border is in the zones there.
    #[expect(clippy::cast_possible_truncation, reason = "a fraction needs no more than f32")]
    pub(super) fn foot_point(&self) -> [f32; 2] {
        let [x, y] = self.track.foot_point();
        [(x / f64::from(self.full.width_px)) as f32, ((y - 0.5) / f64::from(self.full.height_px)) as f32]
    }
}

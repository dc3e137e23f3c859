//! `[camera.motion]`: what counts as motion. `cargo bench --bench motion_quality` measures what the defaults find and miss.

use serde::Deserialize;
use toml::Spanned;

use super::{MOTION, MotionStage, SCENE};
use crate::{
    config::{
        value::{Fraction, Table, Whole},
        violation::Violation,
        zone::{self, Zone},
    },
    stage::{Stage, StageContext, StageSettings},
};

/// The table. The sample configuration says more of each key.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// About how wide the picture is made to be looked at; the nearest of 1/1, 1/2, 1/4, 1/8 is used. Default 320: a
    /// walker of a twelfth of the picture's height is still found.
    pub width_px: Whole<16, 8_192>,
    /// Grey levels by which a pixel must differ from the background to have changed. Default 8: noise and JPEG of
    /// quality 80 stay below it, and walkers who differ by 15 from what is behind them are found.
    pub threshold: Whole<1, 254>,
    /// The smallest changed region that counts, as a fraction of the picture. Default 0.001: 18 by 24 pixels of 768 by 576.
    pub min_area: Fraction,
    /// How long after the last motion its event ends. Default 3 s: a walker is behind a tree for no longer.
    pub hold_ms: Whole<0, 3_600_000>,
    /// How long a thing must have stopped to count as background. Default 15 s: longer than people stand to talk to a door.
    pub absorb_after_ms: Whole<1_000, 86_400_000>,
    /// Parts of the picture with a meaning of their own. Default none.
    pub zone: Vec<Spanned<Table<Zone>>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            width_px: Whole::of::<320>(),
            threshold: Whole::of::<8>(),
            min_area: Fraction::thousandths::<1>(),
            hold_ms: Whole::of::<3_000>(),
            absorb_after_ms: Whole::of::<15_000>(),
            zone: Vec::new(),
        }
    }
}

impl Settings {
    /// The same with these zones.
    #[must_use]
    pub fn with_zones(self, zones: impl IntoIterator<Item = Zone>) -> Self {
        let zone = zones.into_iter().map(|zone| Spanned::new(0..0, Table::from(zone))).collect();
        Self { zone, ..self }
    }
}

impl StageSettings for Settings {
    const EVENT_KINDS: &[&str] = &[MOTION, SCENE];

    const HAS_ZONES: bool = true;

    const HAS_TRACKS: bool = true;

    fn check(&self, violations: &mut Vec<Violation>) {
        zone::check(&self.zone, violations);
    }

    fn zones(&self) -> impl Iterator<Item = &Zone> {
        self.zone.iter().map(|zone| &**zone.get_ref())
    }

    fn build(&self, context: &StageContext) -> Box<dyn Stage> {
        Box::new(MotionStage::new(self).with_shared_tracks(context.tracks.clone()))
    }
}

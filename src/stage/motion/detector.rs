//! The detector: what moves in one frame after the other.
//!
//! The recipe, each line a step of [`Detector::detect`]:
//!
//! 1. smooth the picture,
//! 2. take out a change of light that is the same everywhere,
//! 3. mark the pixels that left what is usually there; in rain and snow, those that did so for more than one frame,
//! 4. leave out ignored zones, drop specks, join what belongs together,
//! 5. put a box around each region that is large enough,
//! 6. learn from the picture; in rain and snow, from what is behind them.
//!
//! If most of the picture left its background at once, a light was switched or the camera was moved: that is told
//! as such, and the background is learnt afresh.
//!
//! Every picture in here is a matrix of rows x columns x 1 bytes, of the size of the luma that `detect` is given.
//! They are kept between frames; nothing of a picture's size is allocated once the size is known.

use std::time::Duration;

use opencv::{
    core::{self, Mat},
    prelude::*,
};

use serde::Serialize;

use super::{
    Settings,
    appearance::Appearance,
    background::Background,
    dry::Dry,
    mask,
    persistence::Persistence,
    regions::{Density, Regions},
    smooth,
    veil::Veil,
};
use crate::{frame::Size, message::Rect, stage::StageSettings, system::clock::Monotonic};

/// What moves in one frame: the member `motion` of a result.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Motion {
    /// The part of the picture that moves, 0 to 1, ignored zones left out.
    pub score: f32,
    /// Around each moving region, in full-frame pixels, largest first.
    pub boxes: Vec<Rect>,
    /// The whole picture changed at once (a light, a moved camera): nothing is reported while it is relearnt.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub relearning: bool,
}

/// What one camera's detector remembers.
#[derive(Debug)]
pub struct Detector {
    settings: Settings,
    scene: Scene,
    /// When it began to learn the scene.
    began: Monotonic,
    /// The light of the last picture, as a factor of the background's.
    light: f32,
    veil: Veil,
    persistence: Persistence,
    dry: Dry,
    background: Background,
    regions: Regions,
    /// Around each region of the last picture, in luma pixels.
    found: Vec<core::Rect>,
    /// The picture, smoothed, and what that takes.
    smooth: Mat,
    sums: Vec<u16>,
    /// The smoothed picture as it would be in the background's light.
    level: Mat,
    /// 255 where the picture left its background, else 0.
    changed: Mat,
    /// 255 where a region of the picture is that is there now, else 0; in weather alone, where regions are those of some frames.
    covered: Mat,
    /// 255 where somebody wants to know of motion, 0 in ignored zones and at the rim.
    watched: Mat,
    watched_pixels: u32,
    /// 255 where a privacy mask is, which never changes; else 0. Empty if the camera has no masks.
    masked: Mat,
    masked_pixels: u32,
}

/// Whether the background can be trusted.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Scene {
    /// It is being learnt; it has not changed much since then.
    Relearning { since: Monotonic, calm_since: Monotonic },
    /// What differs from it moves.
    Known,
}

/// The part of the picture that must leave its background at once to be a change of the whole scene. A lorry that
/// fills half the picture is still a thing that moves.
const SCENE_CHANGED: f32 = 0.6;

/// The factor by which the light of the whole picture must change to have been switched. The background follows the
/// light four times a second: a cloud takes many seconds for this much, a lamp none.
const LIGHT_SWITCHED: f32 = 1.4;

/// The factor by which the light may have changed since the background was learnt: beyond it little is left to compare.
const LIGHT_IS_ANOTHER: f32 = 1.7;

/// The part of the picture that may still differ from frame to frame when a scene has settled: a walker may be in
/// it, but not a lamp that comes up.
const SCENE_CALM: f32 = 0.1;

/// How long a scene must be calm to be known again: longer than a tube light flickers at switching on.
const SCENE_SETTLES: Duration = Duration::from_millis(500);

/// How long a scene is new: what moves in it may do so all the time.
const SCENE_IS_NEW: Duration = Duration::from_secs(10);

/// After this time a scene is known even if it is not calm: heavy rain goes on for hours.
const SCENE_IS_RESTLESS: Duration = Duration::from_secs(4);

impl Detector {
    /// A detector that knows nothing yet: the first frames are learnt from.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self {
            settings: settings.clone(),
            scene: Scene::Relearning { since: Monotonic::from_micros(0), calm_since: Monotonic::from_micros(0) },
            began: Monotonic::from_micros(0),
            light: 1.0,
            veil: Veil::new(),
            persistence: Persistence::default(),
            dry: Dry::default(),
            background: Background::new(settings),
            regions: Regions::default(),
            found: Vec::new(),
            smooth: Mat::default(),
            sums: Vec::new(),
            level: Mat::default(),
            changed: Mat::default(),
            covered: Mat::default(),
            watched: Mat::default(),
            watched_pixels: 0,
            masked: Mat::default(),
            masked_pixels: 0,
        }
    }

    /// Whether the pictures before were of this size. Before the first of another one comes [`set_masked`](Self::set_masked), if
    /// the camera has privacy masks.
    #[must_use]
    pub fn is_of(&self, size: core::Size) -> bool {
        self.watched.size().is_ok_and(|watched| watched == size)
    }

    /// Says where pictures of this size are masked, by 255; 0 elsewhere. What is masked has no say in how much of the picture
    /// changed, nor in the light.
    ///
    /// # Errors
    /// When it is not of bytes.
    pub fn set_masked(&mut self, masked: Mat) -> opencv::Result<()> {
        self.masked_pixels = count(&masked)?;
        self.masked = masked;
        Ok(())
    }

    /// Finds what moves in the next picture of its camera.
    ///
    /// `luma` is rows x columns x 1 bytes, a small version of a picture of the size `full`, captured at `at`. What it
    /// learns in a time follows `at`, not the number of frames. Takes well under a millisecond.
    ///
    /// # Errors
    /// When `luma` is empty or not of bytes. The next picture can be looked at.
    pub fn detect(
        &mut self,
        luma: &(impl MatTraitConst + core::ToInputArray),
        full: Size,
        at: Monotonic,
    ) -> opencv::Result<Motion> {
        if luma.typ() != core::CV_8UC1 {
            return Err(opencv::Error::new(core::StsUnsupportedFormat, "motion is seen in one channel of bytes"));
        }
        self.found.clear();
        self.smooth_out(luma)?;
        let size = self.smooth.size()?;
        if size != self.watched.size()? {
            let motion = self.begin(at)?;
            self.watched = mask::watched(size, self.settings.zones())?;
            if self.masked.size()? == size {
                mask::leave_out(&mut self.watched, &self.masked)?;
            } else {
                (self.masked, self.masked_pixels) = (Mat::default(), 0);
            }
            self.watched_pixels = count(&self.watched)?;
            return Ok(motion);
        }
        match self.scene {
            Scene::Known => self.find(full, at),
            Scene::Relearning { since, calm_since } => self.relearn(since, calm_since, at),
        }
    }

    /// Brings `smooth` up to date.
    fn smooth_out(&mut self, luma: &impl MatTraitConst) -> opencv::Result<()> {
        let size = luma.size()?;
        if luma.empty() {
            return Err(opencv::Error::new(core::StsBadSize, "a picture without pixels"));
        }
        if self.persistence.is_on() {
            self.dry.keep(&mut self.smooth);
        } else {
            self.dry.forget();
        }
        if self.smooth.size()? != size {
            self.smooth = Mat::new_size_with_default(size, core::CV_8UC1, core::Scalar::all(0.0))?;
        }
        let width = size.width.unsigned_abs() as usize;
        if luma.is_continuous() {
            smooth::smooth(luma.data_typed()?, width, self.smooth.data_typed_mut()?, &mut self.sums);
        } else {
            luma.copy_to(&mut self.level)?;
            smooth::smooth(self.level.data_typed()?, width, self.smooth.data_typed_mut()?, &mut self.sums);
        }
        Ok(())
    }

    /// What moves in `smooth`, if it still shows the scene that is known.
    fn find(&mut self, full: Size, at: Monotonic) -> opencv::Result<Motion> {
        let light = self.background.light_of(&self.smooth, &self.masked)?;
        let is_within = |light: f32, most: f32| (1.0 / most..most).contains(&light);
        if !is_within(light / self.light, LIGHT_SWITCHED) || !is_within(light, LIGHT_IS_ANOTHER) {
            return self.begin(at);
        }
        self.smooth.convert_to(&mut self.level, -1, 1.0 / f64::from(light), 0.0)?;
        // Drops and flakes differ, too, and are no fog.
        let is_veiled = self.veil.is_there(self.background.part_strange(light)?, at) && !self.persistence.is_on();
        if is_veiled {
            let most = self.settings.threshold.u8();
            self.veil.lift(&mut self.level, self.background.usual(), &self.masked, most)?;
        }
        self.background.changes(&self.level, light, &mut self.changed)?;
        self.leave_out_masked()?;
        self.persistence.filter(&mut self.changed, at)?;
        if self.part_changed()? > SCENE_CHANGED {
            return self.begin(at);
        }

        let (least_pixels, level, usual) = (self.least_pixels(), &self.level, self.background.usual());
        let is_body = |bounds, solid: &Mat| {
            let appearance = Appearance::of(bounds, level, usual, solid)?;
            Ok(!appearance.is_transparent() && !appearance.is_out_of_focus())
        };
        let density = if self.persistence.is_on() { Density::Most } else { Density::Half };
        let regions = self.regions.find(&self.changed, &self.watched, least_pixels, density, is_body)?;
        if self.persistence.is_on() {
            core::bitwise_and_def(self.regions.solid(), self.persistence.raw(), &mut self.covered)?;
        }
        let moving = regions.iter().map(|region| region.pixels).sum();
        self.found.extend(regions.iter().map(|region| region.bounds));
        let luma = self.smooth.size()?;
        let motion = Motion {
            // Filled holes may reach into ignored zones. Four digits are more than anybody can use.
            score: (part(moving, self.watched_pixels).min(1.0) * 1e4).round() / 1e4,
            boxes: regions.iter().map(|region| enlarge(region.bounds, luma, full)).collect(),
            relearning: false,
        };
        if is_veiled && self.background.is_due(at) {
            self.background.take_over(&self.veil)?;
            self.veil.is_taken(at);
        }
        let is_wet = self.persistence.is_on() && self.background.is_due(at);
        let picture = if is_wet { self.dry.behind(&self.smooth)? } else { &self.smooth };
        self.light = self.background.learn(picture, light, at)?;
        Ok(motion)
    }

    /// How the box of this number of the last picture looks beside its background.
    pub(super) fn appearance(&self, number: usize) -> opencv::Result<Appearance> {
        let Some(&bounds) = self.found.get(number) else { return Ok(Appearance::default()) };
        let covered = if self.is_weathered() { &self.covered } else { self.regions.solid() };
        Appearance::of(bounds, &self.level, self.background.usual(), covered)
    }

    /// Whether it does not know yet what moves all the time.
    pub(super) fn is_new(&self, at: Monotonic) -> bool {
        at.since(self.began) < SCENE_IS_NEW
    }

    /// Whether much of what changes does so for one frame alone, as rain and snow do.
    pub(super) fn is_weathered(&self) -> bool {
        self.persistence.is_on()
    }

    /// Forgets the scene and begins to learn the one that `smooth` shows.
    fn begin(&mut self, at: Monotonic) -> opencv::Result<Motion> {
        self.began = at;
        self.light = 1.0;
        self.persistence.forget();
        self.scene = Scene::Relearning { since: at, calm_since: at };
        self.background.restart(&self.smooth, at)?;
        let size = self.smooth.size()?;
        self.veil.forget(size.width.unsigned_abs() as usize);
        self.dry.forget();
        self.regions.make_room(size)?;
        Ok(relearning())
    }

    /// Takes the present picture for the background, until the scene has been calm for a while.
    fn relearn(&mut self, since: Monotonic, calm_since: Monotonic, at: Monotonic) -> opencv::Result<Motion> {
        let light = self.background.light_of(&self.smooth, &self.masked)?;
        self.smooth.convert_to(&mut self.level, -1, 1.0 / f64::from(light), 0.0)?;
        self.background.changes(&self.level, light, &mut self.changed)?;
        self.leave_out_masked()?;
        let calm_since = if self.part_changed()? < SCENE_CALM { calm_since } else { at };
        self.background.restart(&self.smooth, at)?;
        let settled = at.since(calm_since) >= SCENE_SETTLES || at.since(since) >= SCENE_IS_RESTLESS;
        self.scene = if settled { Scene::Known } else { Scene::Relearning { since, calm_since } };
        Ok(relearning())
    }

    /// What is masked does not change, although it seems to when the light is taken out.
    fn leave_out_masked(&mut self) -> opencv::Result<()> {
        if !self.masked.empty() {
            self.changed.set_to(&core::Scalar::all(0.0), &self.masked)?;
        }
        Ok(())
    }

    /// The part of the whole picture that left its background, 0 to 1, of what is not masked.
    fn part_changed(&self) -> opencv::Result<f32> {
        Ok(part(count(&self.changed)?, self.pixels().saturating_sub(self.masked_pixels)))
    }

    /// The pixels that a region needs to count, at least one.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of a picture's pixels")]
    fn least_pixels(&self) -> u32 {
        (f64::from(self.settings.min_area.f32()) * f64::from(self.pixels())).ceil().max(1.0) as u32
    }

    /// All pixels of the luma.
    fn pixels(&self) -> u32 {
        u32::try_from(self.smooth.total()).unwrap_or(u32::MAX)
    }
}

/// What is said of a frame while the scene is being learnt.
fn relearning() -> Motion {
    Motion { score: 0.0, boxes: Vec::new(), relearning: true }
}

/// The full-frame pixels that `bounds` in luma pixels stands for.
fn enlarge(bounds: core::Rect, luma: core::Size, full: Size) -> Rect {
    let along = |luma_px: i32, of: i32, full_px: u32| {
        let scaled = u64::from(luma_px.unsigned_abs()) * u64::from(full_px) / u64::from(of.unsigned_abs().max(1));
        u32::try_from(scaled).unwrap_or(full_px).min(full_px)
    };
    let [x, right] = [bounds.x, bounds.x + bounds.width].map(|column| along(column, luma.width, full.width_px));
    let [y, lower] = [bounds.y, bounds.y + bounds.height].map(|row| along(row, luma.height, full.height_px));
    Rect { x, y, width: right - x, height: lower - y }
}

fn count(mask: &Mat) -> opencv::Result<u32> {
    core::count_non_zero(mask).map(i32::unsigned_abs)
}

/// `pixels` of `all`, 0 to 1; none of none is 0.
#[expect(clippy::cast_precision_loss, reason = "a picture has fewer pixels than f32 counts exactly")]
fn part(pixels: u32, all: u32) -> f32 {
    pixels as f32 / all.max(1) as f32
}

#[cfg(test)]
mod tests {
    use opencv::imgproc;

    use super::*;
    use crate::config::{value::Fraction, zone::Zone};

    const FULL: Size = Size { width_px: 640, height_px: 480 };
    const LUMA: core::Size = core::Size { width: 160, height: 120 };

    /// A detector, the pictures it is shown and their time.
    struct Watcher {
        detector: Detector,
        at: Monotonic,
    }

    impl Watcher {
        fn new(settings: &Settings) -> Self {
            Self { detector: Detector::new(settings), at: Monotonic::from_micros(5_000_000) }
        }

        /// One that has seen [`yard`] for a minute.
        fn used_to_the_yard(settings: &Settings) -> Self {
            let mut watcher = Self::new(settings);
            for _ in 0..60 {
                watcher.sees_after(Duration::from_secs(1), &yard());
            }
            watcher
        }

        /// What it says of the next picture, a tenth of a second after the last.
        fn sees(&mut self, picture: &Mat) -> Motion {
            self.sees_after(Duration::from_millis(100), picture)
        }

        fn sees_after(&mut self, pause: Duration, picture: &Mat) -> Motion {
            self.at = self.at.later(pause);
            self.detector.detect(picture, FULL, self.at).expect("a picture of bytes")
        }
    }

    /// A paved yard: stones of two greys.
    fn yard() -> Mat {
        paved(0, 1.0)
    }

    fn paved(shifted: i32, light: f64) -> Mat {
        let stone = |x: i32, y: i32| if ((x + shifted) / 8 + y / 8) % 2 == 0 { 100 } else { 60 };
        let stones: Vec<u8> = (0..LUMA.height).flat_map(|y| (0..LUMA.width).map(move |x| stone(x, y))).collect();
        let paved = Mat::new_rows_cols_with_data(LUMA.height, LUMA.width, &stones).expect("as many as it needs");
        let mut lit = Mat::default();
        paved.convert_to(&mut lit, -1, light, 0.0).expect("memory");
        lit
    }

    /// The yard with bright things in it, each at x, y, width, height in luma pixels.
    fn yard_with(things: &[[i32; 4]]) -> Mat {
        with(yard(), 200.0, things)
    }

    fn with(mut picture: Mat, level: f64, things: &[[i32; 4]]) -> Mat {
        for &[x, y, width, height] in things {
            let thing = core::Rect::new(x, y, width, height);
            imgproc::rectangle(&mut picture, thing, core::Scalar::all(level), imgproc::FILLED, 8, 0).expect("draws");
        }
        picture
    }

    fn ignoring_the_left_half() -> Settings {
        let polygon = vec![[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]];
        Settings::default().with_zones([Zone::ignored(polygon)])
    }

    #[test]
    fn what_moves_is_boxed_in_full_frame_pixels() {
        let mut watcher = Watcher::used_to_the_yard(&Settings::default());
        assert_eq!(watcher.sees(&yard()), Motion::default());
        let motion = watcher.sees(&yard_with(&[[40, 30, 10, 24]]));
        let [found] = motion.boxes[..] else { panic!("{motion:?}") };
        let near = |a: u32, b: u32| a.abs_diff(b) <= 8; // two luma pixels
        let right = near(found.x, 160) && near(found.y, 120) && near(found.width, 40) && near(found.height, 96);
        assert!(right, "{found:?}");
        assert!((motion.score - 240.0 / 19200.0).abs() < 0.005, "{}", motion.score);
    }

    #[test]
    fn the_largest_region_comes_first_and_specks_do_not_count() {
        let mut watcher = Watcher::used_to_the_yard(&Settings::default());
        let boxes = watcher.sees(&yard_with(&[[10, 10, 8, 8], [100, 20, 1, 1], [60, 60, 30, 40]])).boxes;
        assert_eq!(boxes.len(), 2, "{boxes:?}");
        assert!(boxes[0].width > boxes[1].width, "{boxes:?}");
    }

    #[test]
    fn a_region_smaller_than_the_least_area_does_not_count() {
        let mut watcher =
            Watcher::used_to_the_yard(&Settings { min_area: Fraction::thousandths::<10>(), ..Settings::default() });
        assert_eq!(watcher.sees(&yard_with(&[[40, 40, 12, 12]])).boxes, []);
        assert_eq!(watcher.sees(&yard_with(&[[40, 40, 16, 16]])).boxes.len(), 1);
    }

    #[test]
    fn the_parts_of_a_thing_are_one_region() {
        let mut watcher = Watcher::used_to_the_yard(&Settings::default());
        assert_eq!(watcher.sees(&yard_with(&[[40, 30, 10, 10], [40, 44, 10, 10]])).boxes.len(), 1);
        assert_eq!(watcher.sees(&yard_with(&[[40, 30, 10, 10], [40, 60, 10, 10]])).boxes.len(), 2);
    }

    #[test]
    fn a_shake_of_a_pixel_is_no_motion() {
        let mut watcher = Watcher::used_to_the_yard(&Settings::default());
        for shake in [1, 0, -1, 1] {
            assert_eq!(watcher.sees(&paved(shake, 1.0)).boxes, [], "shifted by {shake}");
        }
    }

    #[test]
    fn light_that_comes_and_goes_is_no_motion() {
        let mut watcher = Watcher::used_to_the_yard(&Settings::default());
        for tenth in 0..200_u8 {
            let light = 1.0 - 0.4 * (f64::from(tenth) / 30.0).sin().powi(2);
            assert_eq!(watcher.sees(&paved(0, light)), Motion::default(), "light {light}");
        }
    }

    #[test]
    fn a_switched_light_is_told_and_learnt_within_a_second() {
        let mut watcher = Watcher::used_to_the_yard(&Settings::default());
        let told: Vec<_> = (0..10).map(|_| watcher.sees(&paved(0, 2.0))).collect();
        assert!(told[0].relearning && !told[9].relearning, "{told:?}");
        assert!(told.iter().all(|motion| motion.boxes.is_empty()), "{told:?}");
    }

    #[test]
    fn a_flicker_by_a_grey_level_is_nothing_in_the_dark() {
        let mut watcher = Watcher::used_to_the_yard(&Settings::default());
        let [dark, darker] = [0.05, 0.03].map(|light| paved(0, light));
        for _ in 0..20 {
            watcher.sees(&dark);
        }
        for picture in [&darker, &dark, &darker, &dark] {
            assert_eq!(watcher.sees(picture), Motion::default());
        }
    }

    #[test]
    fn another_view_is_told_as_a_change_of_scene() {
        let mut watcher = Watcher::used_to_the_yard(&Settings::default());
        let brighter_and_darker = with(yard_with(&[[0, 0, 160, 45]]), 20.0, &[[0, 75, 160, 45]]);
        assert!(watcher.sees(&brighter_and_darker).relearning);
    }

    #[test]
    fn what_fills_much_of_the_picture_is_motion() {
        let mut watcher = Watcher::used_to_the_yard(&Settings::default());
        let motion = watcher.sees(&yard_with(&[[0, 0, 70, 120]]));
        assert_eq!((motion.relearning, motion.boxes.len()), (false, 1), "{motion:?}");
    }

    /// A picture whose right six tenths are masked, and that mask.
    fn masked(picture: Mat) -> Mat {
        with(picture, 128.0, &[[64, 0, 96, 120]])
    }

    fn used_to_the_masked_yard() -> Watcher {
        let mut watcher = Watcher::new(&Settings::default());
        let black = Mat::new_size_with_default(LUMA, core::CV_8UC1, core::Scalar::all(0.0)).expect("memory");
        watcher.detector.set_masked(with(black, 255.0, &[[64, 0, 96, 120]])).expect("bytes");
        while watcher.sees(&masked(yard())).relearning {}
        watcher
    }

    #[test]
    fn light_and_scene_are_those_beside_the_masks() {
        let mut watcher = used_to_the_masked_yard();
        for tenth in 0..200_u8 {
            let light = 1.0 - 0.4 * (f64::from(tenth) / 30.0).sin().powi(2);
            assert_eq!(watcher.sees(&masked(paved(0, light))), Motion::default(), "light {light}");
        }
        let mut watcher = used_to_the_masked_yard();
        let told: Vec<_> = (0..10).map(|_| watcher.sees(&masked(paved(0, 2.0)))).collect();
        assert!(told[0].relearning && !told[9].relearning, "{told:?}");
        assert!(told.iter().all(|motion| motion.boxes.is_empty()), "{told:?}");
        let mut watcher = used_to_the_masked_yard();
        assert_eq!(watcher.sees(&masked(yard_with(&[[20, 30, 10, 24]]))).boxes.len(), 1);
    }

    #[test]
    fn ignored_zones_are_not_looked_at() {
        let mut watcher = Watcher::used_to_the_yard(&ignoring_the_left_half());
        assert_eq!(watcher.sees(&yard_with(&[[20, 30, 20, 40]])), Motion::default());
        let score = watcher.sees(&yard_with(&[[100, 0, 40, 120]])).score;
        assert!((score - 0.5).abs() < 0.05, "{score} of the half that is watched");
    }

    /// The picture in rain of this frame: streaks of 2x12 pixels over an eighth of it, elsewhere in each frame.
    fn wet(picture: Mat, frame: u32) -> Mat {
        let hash = |i: u32| (i ^ i >> 15).wrapping_mul(2_654_435_761).rotate_left(13).wrapping_mul(2_246_822_519);
        let streaks: Vec<_> = (0..100)
            .map(|streak| hash(frame * 100 + streak).to_le_bytes().map(i32::from))
            .map(|[x, y, ..]| [x * LUMA.width / 256, y * (LUMA.height + 12) / 256 - 12, 2, 12])
            .collect();
        with(picture, 150.0, &streaks)
    }

    #[test]
    fn rain_leaves_a_background_that_shows_who_is_in_it() {
        let mut watcher = Watcher::used_to_the_yard(&Settings::default());
        (0..300).for_each(|frame| drop(watcher.sees(&wet(yard(), frame))));
        assert!(watcher.detector.is_weathered());
        let body = core::Rect::new(60, 40, 12, 30);
        let somebody = || with(yard(), 140.0, &[[body.x, body.y, body.width, body.height]]);
        let shown = (300..320).filter(|&frame| {
            watcher.sees(&wet(somebody(), frame));
            watcher.detector.found.iter().any(|found| 2 * (*found & body).area() > found.area().max(body.area()))
        });
        let shown = shown.count();
        assert!(shown >= 15, "{shown} of 20");
    }

    #[test]
    fn what_stopped_is_background_after_the_time_set_and_leaves_no_ghost() {
        let mut watcher = Watcher::used_to_the_yard(&Settings::default());
        let parked = yard_with(&[[40, 30, 30, 20]]);
        let told: Vec<_> = (0..200).map(|_| !watcher.sees(&parked).boxes.is_empty()).collect();
        assert!(told[..145].iter().all(|&moving| moving), "gone too soon");
        assert!(told[160..].iter().all(|&moving| !moving), "never absorbed");
        assert_eq!(watcher.sees(&yard()).boxes, [], "a ghost");
    }

    #[test]
    fn the_frame_rate_does_not_matter() {
        let absorbed_after = |interval_ms: u64| {
            let mut watcher = Watcher::used_to_the_yard(&Settings::default());
            let mut frames = 0;
            while !watcher
                .sees_after(Duration::from_millis(interval_ms), &yard_with(&[[40, 30, 30, 20]]))
                .boxes
                .is_empty()
            {
                frames += 1;
            }
            frames * interval_ms
        };
        for interval_ms in [20, 33, 300, 1000] {
            assert!(absorbed_after(interval_ms).abs_diff(15_000) <= 1500, "{} ms", absorbed_after(interval_ms));
        }
    }

    #[test]
    fn a_walker_in_the_first_picture_leaves_no_lasting_ghost() {
        let mut watcher = Watcher::new(&Settings::default());
        for _ in 0..10 {
            watcher.sees(&yard_with(&[[40, 30, 10, 24]]));
        }
        let told: Vec<_> = (0..50).map(|_| watcher.sees(&yard())).collect();
        assert_eq!(told[0].boxes.len(), 1, "the ghost itself");
        assert_eq!(told[49].boxes, []);
    }

    #[test]
    fn a_picture_of_another_size_is_learnt_afresh() {
        let mut watcher = Watcher::used_to_the_yard(&Settings::default());
        let mut larger = Mat::default();
        imgproc::resize(&yard(), &mut larger, core::Size::new(320, 240), 0.0, 0.0, imgproc::INTER_LINEAR)
            .expect("memory");
        assert!(watcher.sees(&larger).relearning);
        for _ in 0..10 {
            watcher.sees(&larger);
        }
        assert_eq!(watcher.sees(&larger), Motion::default());
    }

    #[test]
    fn a_single_pixel_is_a_picture() {
        let mut watcher = Watcher::new(&Settings::default());
        for level in [0_u8, 0, 0, 0, 0, 0, 0, 0, 9, 255, 0, 255] {
            let pixel = Mat::from_slice(&[level]).and_then(|mat| mat.try_clone()).expect("memory");
            assert!(watcher.sees(&pixel).boxes.len() <= 1);
        }
    }

    #[test]
    fn a_part_of_a_larger_picture_is_a_picture() {
        let mut larger = Mat::default();
        core::copy_make_border(&yard(), &mut larger, 3, 5, 7, 9, core::BORDER_CONSTANT, core::Scalar::all(255.0))
            .expect("memory");
        let part = larger.roi(core::Rect::new(7, 3, LUMA.width, LUMA.height)).expect("within");
        let mut watcher = Watcher::used_to_the_yard(&Settings::default());
        assert_eq!(watcher.detector.detect(&part, FULL, watcher.at).expect("bytes"), Motion::default());
        let smooth = |watcher: &Watcher| watcher.detector.smooth.data_bytes().expect("bytes").to_vec();
        let of_part = smooth(&watcher);
        watcher.sees(&yard());
        assert_eq!(smooth(&watcher), of_part);
    }

    #[test]
    fn time_may_stand_still_go_back_and_jump() {
        let mut watcher = Watcher::used_to_the_yard(&Settings::default());
        for hours in [0, 0, 1000, 0] {
            assert_eq!(watcher.sees_after(Duration::from_secs(3600 * hours), &yard()), Motion::default());
        }
        watcher.at = Monotonic::from_micros(0);
        assert_eq!(watcher.sees(&yard()), Motion::default());
    }

    #[test]
    fn a_picture_that_is_none_costs_only_itself() {
        let mut watcher = Watcher::used_to_the_yard(&Settings::default());
        let size = core::Size::new(320, 240);
        let coloured = Mat::new_size_with_default(size, core::CV_8UC3, core::Scalar::all(0.0)).expect("memory");
        for none in [Mat::default(), coloured] {
            assert!(watcher.detector.detect(&none, FULL, watcher.at).is_err());
        }
        assert_eq!(watcher.sees(&yard()), Motion::default());
    }
}

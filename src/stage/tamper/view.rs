//! The view that was learnt, and how like it a picture is.
//!
//! Structure of two sizes is compared: the fine one, of about a 160th of the picture's width, and one four times as
//! coarse. The coarse one tells whether the view is in its place, and the fine one, beside it, whether it is sharp:
//!
//! | coarse structure | fine structure | verdict |
//! | --- | --- | --- |
//! | in place | as strong as the coarse one | in place, in whatever light and fog |
//! | in place | much weaker than the coarse one | defocused |
//! | gone | another one | moved |
//! | gone | gone | covered |

use std::time::Duration;

use opencv::{
    core::{self, Mat},
    imgproc,
    prelude::*,
};
use serde::Serialize;

use super::{
    band::{Band, CELL_COUNT, Products},
    verdict::{Reason, Verdict},
};
use crate::system::clock::Monotonic;

/// How often the picture is compared, whatever the frame rate.
const PERIOD: Duration = Duration::from_secs(1);

/// The width below which the fine structure's picture is not made smaller.
const FINE_PX: i32 = 160;

/// How many pixels of the fine structure's picture are one of the coarse one's: each way, and in all. The coarse one's
/// are sums, not means, so that nothing is rounded away in the dark.
const COARSER: usize = 4;
const SUMMED: f32 = 16.0;

/// The least size at which each cell has structure inside.
const LEAST_PX: [usize; 2] = [16, 12];

/// How long, and how many pictures, a view is learnt before anything is said.
const LEARNT_AFTER: Duration = Duration::from_secs(10);
const LEARNT_PICTURES: u16 = 20;

/// In which time the view follows what changes slowly: shadows, parked cars, fog.
const FOLLOWS_IN: Duration = Duration::from_secs(120);

/// After a pause no more is learnt than this part: nobody knows what happened in it.
const MOST_LEARNT: f32 = 0.1;

/// Mean grey levels below which there is too little light, and those below which noise may hide structure.
const DARK: f32 = 16.0;
const DIM: f32 = 48.0;

/// A black picture was covered, not overtaken by the night, if it was this bright so shortly before.
const BRIGHT: f32 = 32.0;
const SUDDEN: Duration = Duration::from_secs(10);

/// Grey levels that a cell's structure must have to be compared.
const TEXTURE: f32 = 2.0;

/// Cells that must have structure, a quarter.
const FEWEST_CELLS: usize = CELL_COUNT / 4;

/// The likeness of half the cells below which the view is gone. Walkers, shake and fog leave 0.9, another view 0.1.
const GONE: f32 = 0.4;

/// The sharpness below which the view is defocused. A blur of 0.3 % of the picture's width leaves 0.5, one of 0.4 % 0.25.
const BLURRED: f32 = 0.4;

/// The strength of fine structure, of what was learnt in the same light, from which there is another view.
const STRUCTURE: f32 = 0.1;

/// The least time for which a young view resists another one.
const RESISTS: Duration = Duration::from_secs(60);

/// How like the view a picture is: the member `tamper` of a result.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Likeness {
    /// 1 if the coarse structure is where it was, 0 if it has nothing to do with it: of the middle one of all cells.
    similarity: f32,
    /// The fine structure's strength beside the coarse one's, 1 as it was learnt.
    sharpness: f32,
}

/// The view of one camera.
#[derive(Debug)]
pub(super) struct View {
    black_is_covered: bool,
    relearn_after: Duration,
    shrunk: Mat,
    summed: Vec<u16>,
    fine: Band,
    coarse: Band,
    /// The mean grey level that was learnt.
    usual_light: f32,
    learnt_pictures: u16,
    /// From the first picture learnt to the last.
    learnt_for: Duration,
    compared_at: Option<Monotonic>,
    bright_at: Option<Monotonic>,
    dark_since: Option<Monotonic>,
    verdict: Verdict,
    masked: Option<Masked>,
}

/// What is masked of the pictures, which says nothing of the view: a mask is always in place, in any light.
#[derive(Debug)]
struct Masked {
    /// The size of the luma that it was made for.
    luma: core::Size,
    /// Places in the planes whose structure has something of a mask.
    fine: Vec<usize>,
    coarse: Vec<usize>,
    /// For each pixel of the coarse picture whether it has nothing of a mask.
    is_shown: Vec<bool>,
}

impl View {
    /// Nothing is learnt yet. Another view takes the place of this one after `relearn_after` at most.
    pub(super) fn new(black_is_covered: bool, relearn_after: Duration) -> Self {
        Self {
            black_is_covered,
            relearn_after,
            shrunk: Mat::default(),
            summed: Vec::new(),
            fine: Band::default(),
            coarse: Band::default(),
            usual_light: 0.0,
            learnt_pictures: 0,
            learnt_for: Duration::ZERO,
            compared_at: None,
            bright_at: None,
            dark_since: None,
            verdict: Verdict::Unknown,
            masked: None,
        }
    }

    /// Whether [`set_masked`](Self::set_masked) was called for pictures of this size.
    pub(super) fn is_masked_for(&self, size: core::Size) -> bool {
        self.masked.as_ref().is_some_and(|masked| masked.luma == size)
    }

    /// Says where pictures of this size are masked, by 255; 0 elsewhere.
    pub(super) fn set_masked(&mut self, masked: &Mat) -> opencv::Result<()> {
        self.masked = None; // what is masked is not masked itself
        self.shrink(masked)?;
        let (width, height) = (length(self.shrunk.cols()), length(self.shrunk.rows()));
        let [across, down] = [width, height].map(|side| side / COARSER);
        let pixels = self.shrunk.data_typed::<u8>()?;
        sum_blocks(pixels, width, [across, down], &mut self.summed);
        self.masked = Some(Masked {
            luma: masked.size()?,
            fine: beside(pixels, width),
            coarse: beside(&self.summed, across),
            is_shown: self.summed.iter().map(|sum| *sum == 0).collect(),
        });
        self.forget();
        Ok(())
    }

    /// Whether it is time to compare a picture again.
    pub(super) fn is_due(&self, at: Monotonic) -> bool {
        self.compared_at.is_none_or(|compared_at| at < compared_at || at.since(compared_at) >= PERIOD)
    }

    /// What the last comparison says.
    pub(super) fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// Compares a picture with the view, and learns from it if it shows the view. Nothing comes out if there is too little
    /// to compare.
    pub(super) fn compare(&mut self, luma: &impl MatTraitConst, at: Monotonic) -> opencv::Result<Option<Likeness>> {
        let pause = self.compared_at.map_or(Duration::ZERO, |compared_at| at.since(compared_at));
        self.compared_at = Some(at);
        let light = self.see(luma)?;
        let likeness = self.likeness(light);
        self.verdict = self.judge(light, likeness, at);
        // A view without structure may get some; one that noise hides is learnt no more.
        let is_of_use = self.verdict == Verdict::Unknown && (light >= DIM || !self.is_learnt());
        if self.verdict == Verdict::InPlace || is_of_use {
            self.learn(light, pause);
        }
        Ok(likeness.map(|(likeness, _)| likeness))
    }

    /// Takes the present view for the one to be learnt, if it has been there since `since` for long enough: longer than
    /// the one before it was, or as long as the settings say.
    pub(super) fn relearn_if_settled(&mut self, since: Monotonic, at: Monotonic) {
        let resists = self.learnt_for.max(RESISTS).min(self.relearn_after);
        if self.verdict == Verdict::Changed(Reason::Moved) && at.since(since) >= resists {
            self.forget();
            self.verdict = Verdict::Unknown;
        }
    }

    /// Makes the structure of a picture; gives its mean grey level.
    fn see(&mut self, luma: &impl MatTraitConst) -> opencv::Result<f32> {
        self.shrink(luma)?;
        let (width, height) = (length(self.shrunk.cols()), length(self.shrunk.rows()));
        let [across, down] = [width, height].map(|side| side / COARSER);
        if !self.fine.is_of(width, height) {
            (self.fine, self.coarse) = (Band::new(width, height), Band::new(across, down));
            self.forget();
        }
        let pixels = self.shrunk.data_typed::<u8>()?;
        self.fine.see(pixels);
        sum_blocks(pixels, width, [across, down], &mut self.summed);
        self.coarse.see(&self.summed);
        let Some(masked) = &self.masked else { return Ok(mean(&self.summed) / SUMMED) };
        self.fine.blank(&masked.fine);
        self.coarse.blank(&masked.coarse);
        let shown = self.summed.iter().zip(&masked.is_shown).filter(|(_, is_shown)| **is_shown);
        let shown: Vec<_> = shown.map(|(sum, _)| *sum).collect();
        Ok(mean(&shown) / SUMMED)
    }

    /// Makes `shrunk` of a picture.
    fn shrink(&mut self, luma: &impl MatTraitConst) -> opencv::Result<()> {
        let block = (luma.cols() / FINE_PX).max(1);
        let (width, height) = (luma.cols() / block, luma.rows() / block);
        let whole_blocks = Mat::roi(luma, core::Rect::new(0, 0, width * block, height * block))?;
        let size = core::Size::new(width, height);
        imgproc::resize(&whole_blocks, &mut self.shrunk, size, 0.0, 0.0, imgproc::INTER_AREA)
    }

    /// How like the view the picture is, and the strength of its fine structure; nothing if there is too little to compare.
    fn likeness(&self, light: f32) -> Option<(Likeness, f32)> {
        if light < DARK || !self.is_learnt() || !self.coarse.is_at_least(LEAST_PX) {
            return None;
        }
        let gain = light / self.usual_light.max(1.0);
        let (mut similarities, mut sharpnesses) = (Vec::with_capacity(CELL_COUNT), Vec::with_capacity(CELL_COUNT));
        let (mut structure, mut usual_structure) = (0.0, 0.0);
        for (coarse, fine) in self.coarse.products().into_iter().zip(self.fine.products()) {
            if !has_texture(coarse) || light < DIM && is_hidden_by_noise(coarse, gain) {
                continue;
            }
            let similarity = coarse.now_usual / (coarse.now_now * coarse.usual_usual).sqrt().max(f32::MIN_POSITIVE);
            if similarity >= GONE && fine.usual_usual >= TEXTURE * TEXTURE {
                sharpnesses.push(fine.now_usual / fine.usual_usual * coarse.usual_usual / coarse.now_usual);
            }
            similarities.push(similarity);
            structure += fine.now_last;
            usual_structure += fine.usual_usual;
        }
        if similarities.len() < FEWEST_CELLS {
            return None;
        }
        let similarity = middle(&mut similarities).unwrap_or(0.0);
        // A view that never had fine structure cannot lose it.
        let sharpness = middle(&mut sharpnesses).unwrap_or(1.0);
        let likeness = Likeness { similarity, sharpness };
        Some((likeness, structure / (usual_structure * gain * gain).max(f32::MIN_POSITIVE)))
    }

    fn judge(&mut self, light: f32, likeness: Option<(Likeness, f32)>, at: Monotonic) -> Verdict {
        if light >= BRIGHT {
            self.bright_at = Some(at);
        }
        if light < DARK {
            let since = *self.dark_since.get_or_insert(at);
            let is_sudden = self.bright_at.is_some_and(|bright_at| since.since(bright_at) <= SUDDEN);
            let is_covered = self.black_is_covered && is_sudden && self.is_learnt();
            return if is_covered { Verdict::Changed(Reason::Covered) } else { Verdict::Dark };
        }
        self.dark_since = None;
        match likeness {
            None => Verdict::Unknown,
            Some((Likeness { similarity, .. }, structure)) if similarity < GONE => {
                Verdict::Changed(if structure < STRUCTURE { Reason::Covered } else { Reason::Moved })
            }
            // The noise reduction of many cameras smears fine structure when there is little light.
            Some((Likeness { sharpness, .. }, _)) if sharpness < BLURRED && light >= DIM => {
                Verdict::Changed(Reason::Defocused)
            }
            Some(_) => Verdict::InPlace,
        }
    }

    fn learn(&mut self, light: f32, pause: Duration) {
        self.learnt_for = self.learnt_for.saturating_add(pause);
        self.learnt_pictures = self.learnt_pictures.saturating_add(1);
        let follows = (pause.as_secs_f32() / FOLLOWS_IN.as_secs_f32()).min(MOST_LEARNT);
        let part = follows.max(1.0 / f32::from(self.learnt_pictures));
        self.fine.learn(part);
        self.coarse.learn(part);
        self.usual_light += (light - self.usual_light) * part;
    }

    fn forget(&mut self) {
        (self.learnt_pictures, self.learnt_for) = (0, Duration::ZERO);
    }

    fn is_learnt(&self) -> bool {
        self.learnt_pictures >= LEARNT_PICTURES && self.learnt_for >= LEARNT_AFTER
    }
}

/// Whether the view has structure in this cell.
fn has_texture(coarse: Products) -> bool {
    coarse.usual_usual >= (TEXTURE * SUMMED).powi(2)
}

/// Whether the view, in this light, would be weaker in this cell than what changes from picture to picture.
fn is_hidden_by_noise(coarse: Products, gain: f32) -> bool {
    coarse.usual_usual * gain * gain < coarse.now_now - coarse.now_last
}

/// The sums of blocks of [`COARSER`] times as many pixels. `pixels` are rows of `width`.
fn sum_blocks(pixels: &[u8], width: usize, [across, down]: [usize; 2], sums: &mut Vec<u16>) {
    sums.clear();
    sums.resize(across * down, 0);
    if across == 0 {
        return;
    }
    for (row, pixels) in pixels.chunks_exact(width).take(down * COARSER).enumerate() {
        let sums = &mut sums[row / COARSER * across..][..across];
        for (sum, &[a, b, c, d]) in sums.iter_mut().zip(pixels.as_chunks::<COARSER>().0) {
            *sum += u16::from(a) + u16::from(b) + u16::from(c) + u16::from(d);
        }
    }
}

/// The places that are not 0, and those beside them, in rows of `width`.
fn beside<T: Copy + Default + PartialEq>(pixels: &[T], width: usize) -> Vec<usize> {
    let is_masked = |x: usize, y: usize| pixels.get(y * width + x).is_some_and(|pixel| *pixel != T::default());
    let is_beside = |place: &usize| {
        let (x, y) = (place % width, place / width);
        let (columns, rows) = (x.saturating_sub(1)..(x + 2).min(width), y.saturating_sub(1)..y + 2);
        rows.flat_map(|y| columns.clone().map(move |x| (x, y))).any(|(x, y)| is_masked(x, y))
    };
    (0..pixels.len()).filter(is_beside).collect()
}

fn length(side: i32) -> usize {
    side.unsigned_abs() as usize
}

/// The mean of numbers; 0 of none.
#[expect(clippy::cast_precision_loss, reason = "four digits are enough for a grey level")]
fn mean(numbers: &[u16]) -> f32 {
    let sum: u64 = numbers.iter().copied().map(u64::from).sum();
    sum as f32 / numbers.len().max(1) as f32
}

/// The middle one of some numbers, with two digits behind the point.
fn middle(numbers: &mut [f32]) -> Option<f32> {
    let middle = numbers.len() / 2;
    if numbers.is_empty() {
        return None;
    }
    let (_, middle, _) = numbers.select_nth_unstable_by(middle, f32::total_cmp);
    Some((*middle * 100.0).round() / 100.0)
}

//! What is usually there, and where a picture differs from it.

use opencv::{
    core::{self, Mat},
    imgproc,
    prelude::*,
};

use super::Settings;
use super::memory::{LEAST_STEPS, Lesson, Memory, REMEMBERED_STEPS, STEP, difference, tolerance};
use super::veil::Veil;
use crate::system::clock::Monotonic;

/// The background of one camera: a [`Memory`] for each pixel, kept in planes. Matrices and planes are rows x columns x 1
/// bytes (`votes`: 16-bit numbers).
#[derive(Debug)]
pub(super) struct Background {
    threshold: u8,
    enough: u16,
    learnt_at: Monotonic,
    /// Steps learnt since it began.
    age: u64,
    usual: Mat,
    /// The least and the greatest of `usual` in the 3x3 pixels around: what a pixel may become when the camera shakes.
    lowest: Mat,
    highest: Mat,
    other: Vec<u8>,
    votes: Vec<u16>,
    restless: Vec<u8>,
    /// `other` where it has votes enough, `usual` elsewhere.
    also_known: Vec<u8>,
    /// The picture of the last lesson.
    last: Vec<u8>,
    /// Picture and background on a coarse grid, for the light, and what is masked.
    sparse: [Mat; 3],
    /// The picture in the light that the background takes over.
    lit: Mat,
}

/// The factor by which the background follows the light in one step at most. An exposure that hunts swings faster, and comes back.
const MOST_LIGHT: f32 = 1.03;

/// After a pause between two frames no more is learnt than in 20 steps, 5 s: nobody knows what happened in it.
const MOST_STEPS: u8 = 20;

/// The rows and columns of the grid on which the light is compared.
const GRID: i32 = 32;
const GRID_POINTS: usize = 32 * 32;

/// Grey levels below this say nothing of the light: an eighth more is less than two levels.
const DARK: u8 = 16;

impl Background {
    /// Nothing is known before [`restart`](Self::restart).
    pub(super) fn new(settings: &Settings) -> Self {
        let steps = settings.absorb_after_ms.ms().as_millis() / STEP.as_millis();
        Self {
            threshold: settings.threshold.u8(),
            enough: u16::try_from(steps).unwrap_or(u16::MAX).clamp(LEAST_STEPS, u16::MAX - REMEMBERED_STEPS),
            learnt_at: Monotonic::from_micros(0),
            age: 0,
            usual: Mat::default(),
            lowest: Mat::default(),
            highest: Mat::default(),
            other: Vec::new(),
            votes: Vec::new(),
            restless: Vec::new(),
            also_known: Vec::new(),
            last: Vec::new(),
            sparse: Default::default(),
            lit: Mat::default(),
        }
    }

    /// What is usually there, in the light of the last lesson.
    pub(super) fn usual(&self) -> &Mat {
        &self.usual
    }

    /// Forgets all and takes `picture` for what is usually there.
    pub(super) fn restart(&mut self, picture: &Mat, at: Monotonic) -> opencv::Result<()> {
        picture.copy_to(&mut self.usual)?;
        let pixels = self.usual.data_typed::<u8>()?;
        for plane in [&mut self.other, &mut self.also_known, &mut self.last] {
            plane.clear();
            plane.extend_from_slice(pixels);
        }
        self.votes.clear();
        self.votes.resize(pixels.len(), 0);
        self.restless.clear();
        self.restless.resize(pixels.len(), 0);
        self.learnt_at = at;
        self.age = 0;
        self.look_around()
    }

    /// How much more light there is in `picture` than in the background, as a factor.
    ///
    /// It is the median over a coarse grid: what moves has no say in it unless it fills half the picture. Nor has what
    /// is dark, where a grey level more is a large factor and means nothing; a dark picture is taken as it is. Nor has what
    /// is `masked`, if that is not empty.
    pub(super) fn light_of(&mut self, picture: &Mat, masked: &Mat) -> opencv::Result<f32> {
        for (all, some) in [picture, &self.usual].into_iter().zip(&mut self.sparse) {
            imgproc::resize(all, some, core::Size::new(GRID, GRID), 0.0, 0.0, imgproc::INTER_NEAREST)?;
        }
        if !masked.empty() {
            return self.light_beside(masked);
        }
        let mut factors = [1.0; GRID_POINTS];
        let mut bright = 0;
        for (&now, &usual) in self.sparse[0].data_typed::<u8>()?.iter().zip(self.sparse[1].data_typed::<u8>()?) {
            if usual >= DARK {
                factors[bright] = f32::from(now.max(1)) / f32::from(usual);
                bright += 1;
            }
        }
        if bright < GRID_POINTS / 8 {
            return Ok(1.0);
        }
        let (_, median, _) = factors[..bright].select_nth_unstable_by(bright / 2, f32::total_cmp);
        Ok(*median)
    }

    /// The same of what is not masked.
    fn light_beside(&mut self, masked: &Mat) -> opencv::Result<f32> {
        let [picture, usual, masked_points] = &mut self.sparse;
        imgproc::resize(masked, masked_points, core::Size::new(GRID, GRID), 0.0, 0.0, imgproc::INTER_NEAREST)?;
        let points = picture.data_typed::<u8>()?.iter().zip(usual.data_typed::<u8>()?);
        let shown = points.zip(masked_points.data_typed::<u8>()?).filter(|(_, masked)| **masked == 0);
        let (mut factors, mut count) = (Vec::with_capacity(GRID_POINTS), 0);
        for ((&now, &usual), _) in shown {
            count += 1;
            if usual >= DARK {
                factors.push(f32::from(now.max(1)) / f32::from(usual));
            }
        }
        if factors.is_empty() || factors.len() < count / 8 {
            return Ok(1.0);
        }
        let middle = factors.len() / 2;
        let (_, median, _) = factors.select_nth_unstable_by(middle, f32::total_cmp);
        Ok(*median)
    }

    /// The part of the points that the last light was taken from which differ from what is usually there, in this light.
    pub(super) fn part_strange(&self, light: f32) -> opencv::Result<f32> {
        let points = self.sparse[0].data_typed::<u8>()?.iter().zip(self.sparse[1].data_typed::<u8>()?);
        let most = f32::from(self.threshold);
        let strange = points.filter(|(now, usual)| (f32::from(**now) / light - f32::from(**usual)).abs() > most);
        Ok(strange.count() as f32 / GRID_POINTS as f32)
    }

    /// Whether the next picture is a lesson.
    pub(super) fn is_due(&self, at: Monotonic) -> bool {
        at.since(self.learnt_at) >= STEP
    }

    /// Takes over what a veil changed. A lesson must follow, which brings `also_known` up to date.
    pub(super) fn take_over(&mut self, veil: &Veil) -> opencv::Result<()> {
        veil.cover([self.usual.data_typed_mut::<u8>()?, &mut self.other]);
        Ok(())
    }

    /// Writes 255 to `changed` where `picture`, brought to the background's light, is not what is usually there or
    /// known otherwise; else 0. `light` is that of the picture: what is as bright as can be may have been brighter.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "floats saturate")]
    pub(super) fn changes(&self, picture: &Mat, light: f32, changed: &mut Mat) -> opencv::Result<()> {
        let brightest = (250.0 / light).min(255.0) as u8;
        picture.copy_to(changed)?;
        let around = self.lowest.data_typed::<u8>()?.iter().zip(self.highest.data_typed::<u8>()?);
        let known = self.also_known.iter().zip(&self.restless);
        let pixels = changed.data_typed_mut::<u8>()?.iter_mut();
        for ((pixel, (&lowest, &highest)), (&also_known, &restless)) in pixels.zip(around).zip(known) {
            let tolerance = tolerance(self.threshold, restless);
            let (lowest, highest, also_known) =
                (lowest.min(brightest), highest.min(brightest), also_known.min(brightest));
            let darker = lowest.saturating_sub(*pixel) > tolerance;
            let brighter = pixel.saturating_sub(highest) > tolerance;
            let unknown = difference(*pixel, also_known) > tolerance;
            *pixel = if (darker | brighter) & unknown { 255 } else { 0 };
        }
        Ok(())
    }

    /// Learns from `picture`, whose light is `light` times the background's, if it is time for a step. Gives what is left of
    /// that: the background follows slowly.
    pub(super) fn learn(&mut self, picture: &Mat, light: f32, at: Monotonic) -> opencv::Result<f32> {
        let steps = at.since(self.learnt_at).as_millis() / STEP.as_millis();
        let steps = u8::try_from(steps).unwrap_or(u8::MAX);
        if steps == 0 {
            return Ok(light);
        }
        self.learnt_at = if steps > MOST_STEPS { at } else { self.learnt_at.later(STEP * u32::from(steps)) };
        let steps = steps.min(MOST_STEPS);
        let most = MOST_LIGHT.powi(i32::from(steps));
        let taken = light.clamp(1.0 / most, most);
        let lesson = Lesson::new(self.threshold, self.enough, taken, self.age, steps);
        self.age += u64::from(steps);
        if (taken / light - 1.0).abs() < 1e-3 {
            self.teach_all(lesson, picture.data_typed()?)?;
        } else {
            let mut lit = std::mem::take(&mut self.lit);
            picture.convert_to(&mut lit, -1, f64::from(taken / light), 0.0)?;
            self.teach_all(lesson, lit.data_typed()?)?;
            self.lit = lit;
        }
        self.look_around()?;
        Ok(light / taken)
    }

    fn teach_all(&mut self, lesson: Lesson, picture: &[u8]) -> opencv::Result<()> {
        let all = picture.len();
        // Slices of one length known to be the same: the loop needs no checks and handles many pixels at once.
        let usual = &mut self.usual.data_typed_mut::<u8>()?[..all];
        let (other, votes, restless) = (&mut self.other[..all], &mut self.votes[..all], &mut self.restless[..all]);
        let (also_known, last) = (&mut self.also_known[..all], &mut self.last[..all]);
        lesson.relight(usual);
        lesson.relight(other);
        for i in 0..all {
            let was = Memory { usual: usual[i], other: other[i], votes: votes[i], restless: restless[i] };
            let memory = lesson.teach(was, last[i], picture[i]);
            also_known[i] = if memory.votes >= lesson.enough { memory.other } else { memory.usual };
            Memory { usual: usual[i], other: other[i], votes: votes[i], restless: restless[i] } = memory;
            last[i] = picture[i];
        }
        Ok(())
    }

    /// Brings `lowest` and `highest` up to date with `usual`.
    fn look_around(&mut self) -> opencv::Result<()> {
        let square = Mat::default(); // OpenCV takes an empty one for 3x3
        imgproc::erode_def(&self.usual, &mut self.lowest, &square)?;
        imgproc::dilate_def(&self.usual, &mut self.highest, &square)
    }
}

//! What lasts: in rain and snow most of what changes is elsewhere in the next frame, and a body is still there.
//!
//! While most of what changes is gone in the next frame, a pixel counts as changed if it was in two of the last three frames.
//! That leaves out streaks and flakes, and closes the holes that they make in a body, at the price of a frame's delay.

use std::time::Duration;

use opencv::{
    core::{self, Mat},
    prelude::*,
};

use crate::system::clock::Monotonic;

/// Frames further apart do not show the same body at the same place.
const TOO_FAR_APART: Duration = Duration::from_millis(300);

/// The part of the picture that changes for one frame alone, from which on there is weather, and down to which there is.
const COMES: f32 = 0.004;
const GOES: f32 = 0.0015;

/// In weather as much changes for one frame as for several, this part of it at least.
const MOSTLY: f32 = 0.8;

/// The time over which that is averaged.
const WHILE: Duration = Duration::from_secs(2);

/// So many pixels are counted in a byte: compilers make vector instructions of that.
const FEW: usize = 128;

/// The changed pixels of the last frames. Matrices are rows x columns x 1 bytes, 255 or 0.
#[derive(Debug, Default)]
pub(super) struct Persistence {
    before: [Mat; 2],
    lasting: Mat,
    other: Mat,
    last: Option<Monotonic>,
    /// Parts of the picture that changed for one frame, and for several, on average.
    fleeting: f32,
    stays: f32,
    is_on: bool,
}

impl Persistence {
    /// Nothing was seen.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Whether there is weather.
    pub(super) fn is_on(&self) -> bool {
        self.is_on
    }

    /// What changed in the last picture, what did so for this frame alone, too.
    pub(super) fn raw(&self) -> &Mat {
        &self.before[0]
    }

    /// Leaves what changes for one frame alone out of `changed`, if there is weather.
    pub(super) fn filter(&mut self, changed: &mut Mat, at: Monotonic) -> opencv::Result<()> {
        let passed = self.last.replace(at).map(|last| at.since(last));
        let has_both = self.before[1].size()? == changed.size()?;
        let is_near = passed.is_some_and(|passed| passed < TOO_FAR_APART) && has_both;
        if is_near {
            self.learn(changed, passed.unwrap_or_default())?;
        } else {
            (self.fleeting, self.stays, self.is_on) = (0.0, 0.0, false);
        }
        if self.is_on {
            let [before, earlier] = &self.before;
            // Two of three: both before, or this one and any of them.
            core::bitwise_or_def(before, earlier, &mut self.lasting)?;
            core::bitwise_and_def(changed, &self.lasting, &mut self.other)?;
            core::bitwise_and_def(before, earlier, &mut self.lasting)?;
        }
        let [before, earlier] = &mut self.before;
        std::mem::swap(before, earlier);
        changed.copy_to(before)?;
        if self.is_on {
            core::bitwise_or_def(&self.lasting, &self.other, changed)?;
        }
        Ok(())
    }

    /// Learns how much of what changed in the frame before did so in that frame alone: what comes in, or goes away, is no rain.
    fn learn(&mut self, changed: &Mat, passed: Duration) -> opencv::Result<()> {
        let [all, lasting] = self.count(changed)?;
        let gain = (passed.as_secs_f32() / WHILE.as_secs_f32()).min(1.0);
        let part = |count: u32| count as f32 / changed.total().max(1) as f32;
        self.fleeting += gain * (part(all - lasting) - self.fleeting);
        self.stays += gain * (part(lasting) - self.stays);
        let (least, share) = if self.is_on { (GOES, MOSTLY / 2.0) } else { (COMES, MOSTLY) };
        self.is_on = self.fleeting > least && self.fleeting > share * self.stays;
        Ok(())
    }

    /// How many pixels changed in the frame before, and how many of them in the one before that or now, too.
    fn count(&self, changed: &Mat) -> opencv::Result<[u32; 2]> {
        let [before, earlier] = &self.before;
        let chunks = |mat| Ok::<_, opencv::Error>(<Mat as MatTraitConstManual>::data_typed::<u8>(mat)?.chunks(FEW));
        let (mut all, mut lasting) = (0, 0);
        for ((changed, before), earlier) in chunks(changed)?.zip(chunks(before)?).zip(chunks(earlier)?) {
            let (mut some, mut some_lasting) = (0_u8, 0_u8);
            for ((changed, before), earlier) in changed.iter().zip(before).zip(earlier) {
                some += before & 1;
                some_lasting += before & (changed | earlier) & 1;
            }
            all += u32::from(some);
            lasting += u32::from(some_lasting);
        }
        Ok([all, lasting])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIDE: usize = 100;

    /// What is left of each picture, a tenth of a second after the last: how many pixels.
    fn left_of(pictures: impl Iterator<Item = Vec<u8>>, pause: Duration) -> Vec<i32> {
        let (mut persistence, mut at) = (Persistence::default(), Monotonic::from_micros(0));
        pictures
            .map(|pixels| {
                at = at.later(pause);
                let pixels = Mat::new_rows_cols_with_data(100, 100, &pixels).expect("as many as it needs");
                let mut changed = pixels.try_clone().expect("memory");
                persistence.filter(&mut changed, at).expect("bytes");
                core::count_non_zero(&changed).expect("bytes")
            })
            .collect()
    }

    #[test]
    fn what_lasts_is_counted_as_by_opencv() {
        let pixels = |seed: u32| {
            let is_set =
                move |i: u32| (i + 1).wrapping_mul(seed).wrapping_mul(2_654_435_761).rotate_left(7).is_multiple_of(3);
            let pixels: Vec<u8> = (0..61 * 37).map(|i| if is_set(i) { 255 } else { 0 }).collect();
            Mat::new_rows_cols_with_data(37, 61, &pixels).expect("as many").try_clone().expect("memory")
        };
        let (changed, before) = (pixels(3), [pixels(5), pixels(11)]);
        let (mut either, mut lasting) = (Mat::default(), Mat::default());
        core::bitwise_or_def(&changed, &before[1], &mut either).expect("alike");
        core::bitwise_and_def(&before[0], &either, &mut lasting).expect("alike");
        let expected = [&before[0], &lasting].map(|pixels| core::count_non_zero(pixels).expect("bytes").unsigned_abs());
        let persistence = Persistence { before, ..Persistence::default() };
        assert_eq!(persistence.count(&changed).expect("bytes"), expected);
        assert!(expected[1] > 100 && expected[0] > expected[1] + 100, "{expected:?}");
    }

    /// Streaks that are elsewhere in each frame, and somebody who stands there.
    fn rain(has_somebody: bool) -> impl Iterator<Item = Vec<u8>> {
        (0..60_usize).map(move |frame| {
            let is_wet = |i: usize| (i / SIDE + 7 * frame).is_multiple_of(31);
            let is_body = |i: usize| has_somebody && (40..50).contains(&(i % SIDE)) && (50..60).contains(&(i / SIDE));
            (0..SIDE * SIDE).map(|i| if is_wet(i) != is_body(i) { 255 } else { 0 }).collect()
        })
    }

    #[test]
    fn rain_is_left_out_and_a_body_in_it_is_whole() {
        let pause = Duration::from_millis(100);
        assert_eq!(left_of(rain(false), pause).last(), Some(&0));
        assert_eq!(left_of(rain(true), pause).last(), Some(&100));
    }

    #[test]
    fn frames_far_apart_are_left_alone() {
        let left = left_of(rain(false), Duration::from_millis(400));
        assert!(left.iter().all(|left| *left >= 300), "{left:?}");
    }

    #[test]
    fn a_body_alone_is_left_alone() {
        let appears = (0..20_usize).map(|frame| vec![if frame > 5 { 255 } else { 0 }; SIDE * SIDE]);
        assert_eq!(left_of(appears, Duration::from_millis(100))[6], 10_000);
        let walks = (0..60_usize).map(|frame| {
            (0..SIDE * SIDE).map(|i| if (frame..frame + 10).contains(&(i % SIDE)) { 255 } else { 0 }).collect()
        });
        let left = left_of(walks, Duration::from_millis(100));
        assert!(left.iter().all(|left| *left == 1000), "{left:?}");
    }
}

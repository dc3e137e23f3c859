//! Frames that repeat: a live sensor has noise, so two of its frames are never the same.

use std::time::Duration;

use opencv::prelude::*;

use crate::system::clock::Monotonic;

/// Repetitions, besides the time, that make a camera frozen: a camera that sends a frame a minute may be seen twice by
/// chance.
const FEWEST: u32 = 5;

/// One row of so many is compared first. Frames of a live sensor differ there already, and cost no more.
const QUICK_STEP: usize = 8;

/// How long the luma has been the same.
#[derive(Debug)]
pub(super) struct Repeats {
    frozen_after: Duration,
    quick: Option<u64>,
    /// The fingerprint of all rows, once the quick one repeated.
    full: Option<u64>,
    since: Monotonic,
    repetitions: u32,
}

impl Repeats {
    /// No frame was seen yet.
    pub(super) fn new(frozen_after: Duration) -> Self {
        Self { frozen_after, quick: None, full: None, since: Monotonic::from_micros(0), repetitions: 0 }
    }

    /// Compares the frame with the one before it.
    pub(super) fn observe(&mut self, luma: &impl MatTraitConst, at: Monotonic) -> opencv::Result<()> {
        let quick = Some(fingerprint(luma, QUICK_STEP)?);
        if quick != self.quick {
            (self.quick, self.full) = (quick, None);
            self.restart(at);
            return Ok(());
        }
        let full = Some(fingerprint(luma, 1)?);
        if full == self.full {
            self.repetitions = self.repetitions.saturating_add(1);
            self.since = self.since.min(at);
        } else {
            self.full = full;
            self.restart(at);
        }
        Ok(())
    }

    /// Since when the camera is frozen, if it is.
    pub(super) fn frozen_since(&self, at: Monotonic) -> Option<Monotonic> {
        (self.repetitions >= FEWEST && at.since(self.since) >= self.frozen_after).then_some(self.since)
    }

    fn restart(&mut self, at: Monotonic) {
        (self.since, self.repetitions) = (at, 0);
    }
}

/// A number that differs between pictures that differ in any of each `step` rows.
fn fingerprint(luma: &impl MatTraitConst, step: usize) -> opencv::Result<u64> {
    // One call for all rows where they follow each other; for each row there are several.
    if luma.is_continuous() {
        let width = luma.cols().unsigned_abs().max(1) as usize;
        return Ok(mix_rows(luma.data_bytes()?.chunks(width).step_by(step)));
    }
    let rows = (0..luma.rows()).step_by(step).map(|row| luma.at_row::<u8>(row));
    Ok(mix_rows(rows.collect::<opencv::Result<Vec<_>>>()?.into_iter()))
}

fn mix_rows<'a>(rows: impl Iterator<Item = &'a [u8]>) -> u64 {
    const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;
    let mix = |sum: u64, word: u64| (sum ^ word).wrapping_mul(FACTOR).rotate_left(29);
    // Four sums at a time: each multiplication would wait for the one before it.
    let mut sums = [1_u64, 2, 3, 4];
    for row in rows {
        let (blocks, rest) = row.as_chunks::<32>();
        for block in blocks {
            for (sum, word) in sums.iter_mut().zip(block.as_chunks::<8>().0) {
                *sum = mix(*sum, u64::from_le_bytes(*word));
            }
        }
        for &byte in rest {
            sums[0] = mix(sums[0], byte.into());
        }
    }
    sums.into_iter().fold(0, mix)
}

#[cfg(test)]
mod tests {
    use opencv::core::Mat;

    use super::*;

    fn picture(changed: Option<(i32, i32)>) -> Mat {
        let mut picture = Mat::new_rows_cols_with_default(24, 37, opencv::core::CV_8UC1, 90.0.into()).expect("memory");
        if let Some((row, column)) = changed {
            *picture.at_2d_mut::<u8>(row, column).expect("it is inside") += 1;
        }
        picture
    }

    fn seconds(seconds: u64) -> Monotonic {
        Monotonic::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn any_pixel_makes_another_frame() {
        let mut repeats = Repeats::new(Duration::from_secs(10));
        for second in 0..30 {
            repeats.observe(&picture(None), seconds(second)).expect("bytes");
        }
        assert_eq!(repeats.frozen_since(seconds(29)), Some(seconds(1)), "the second is the first that repeats");
        for (row, column) in [(0, 0), (8, 36), (23, 36), (3, 17)] {
            repeats.observe(&picture(Some((row, column))), seconds(30)).expect("bytes");
            assert_eq!(repeats.frozen_since(seconds(99)), None, "{row} {column}");
            for second in 31..60 {
                repeats.observe(&picture(None), seconds(second)).expect("bytes");
            }
            assert!(repeats.frozen_since(seconds(59)).is_some());
        }
    }

    #[test]
    fn time_and_number_must_both_be_enough() {
        let mut repeats = Repeats::new(Duration::from_secs(10));
        for second in [0, 100, 200, 300] {
            repeats.observe(&picture(None), seconds(second)).expect("bytes");
            assert_eq!(repeats.frozen_since(seconds(second)), None);
        }
        let mut repeats = Repeats::new(Duration::from_secs(10));
        for _ in 0..100 {
            repeats.observe(&picture(None), seconds(7)).expect("bytes");
        }
        assert_eq!(repeats.frozen_since(seconds(7)), None);
    }
}

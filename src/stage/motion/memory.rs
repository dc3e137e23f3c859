//! What is remembered of one pixel, and how it learns.
//!
//! The usual level moves by at most one grey level a step towards what is seen: it follows the middle of what it sees,
//! where a mean would be pulled along by all that passes.
//!
//! What is strange to it is remembered beside it as the other level. A thing that stops is seen again and again, and
//! becomes the usual one; then the background that it hides is the other level, and is known at once when the thing
//! moves on. This is the majority vote of Boyer and Moore (1981), one a pixel: walkers who pass in front of what
//! stopped cost votes, but do not begin the count anew.

use std::time::Duration;

/// How often a pixel learns, whatever the frame rate.
pub(super) const STEP: Duration = Duration::from_millis(250);

/// How long a background is remembered behind what stopped in front of it: 10 minutes, a delivery van's stay.
pub(super) const REMEMBERED_STEPS: u16 = 2400;

const STEPS_A_SECOND: u64 = 4;

/// The least time, 1 s, in which a background gives way. A young one may have a walker in it from the first frame;
/// with each second of its age it resists half a second longer, until what the settings say.
pub(super) const LEAST_STEPS: u16 = 4;

/// What is remembered of one pixel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Memory {
    /// The grey level that is usually there.
    pub(super) usual: u8,
    /// Another that was there.
    pub(super) other: u8,
    /// The steps that speak for `other`.
    pub(super) votes: u16,
    /// Grey levels by which the pixel changes from step to step, 4 times of 5: leaves, water, noise.
    pub(super) restless: u8,
}

/// How far a pixel may stray and still be what it was.
#[inline]
pub(super) fn tolerance(threshold: u8, restless: u8) -> u8 {
    threshold.max(restless.saturating_mul(2))
}

/// How far two levels are apart. [`u8::abs_diff`] calculates in 32 bits, and compilers then compare a quarter as many pixels with an
/// instruction.
#[inline]
pub(super) fn difference(one: u8, other: u8) -> u8 {
    one.max(other) - one.min(other)
}

/// What all pixels learn by in one step, or in several after a pause.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lesson {
    /// Levels that differ by no more are alike.
    pub(super) alike: u8,
    /// Votes that make `other` known.
    pub(super) enough: u16,
    light: Light,
    steps: u8,
    /// Whole seconds that end in this lesson.
    seconds: u8,
}

/// The light of now beside the one that is remembered, in 256ths of that.
#[derive(Clone, Copy, Debug)]
enum Light {
    Same,
    Brighter(u8),
    Darker(u8),
}

impl Light {
    /// Light that is so many times the one that is remembered.
    #[expect(clippy::cast_possible_truncation, reason = "floats saturate")]
    fn new(factor: f32) -> Self {
        let more = (factor * 256.0).round() as i32 - 256;
        let by = u8::try_from(more.unsigned_abs()).unwrap_or(u8::MAX);
        match more.signum() {
            0 => Self::Same,
            1 => Self::Brighter(by),
            _ => Self::Darker(by),
        }
    }
}

impl Lesson {
    /// The lesson of `steps` steps, to a background that has had `before` since it began.
    #[expect(clippy::cast_possible_truncation, reason = "a lesson has no more seconds than steps")]
    pub(super) fn new(alike: u8, enough: u16, light: f32, before: u64, steps: u8) -> Self {
        let after = before + u64::from(steps);
        Self {
            alike,
            enough: enough.min(u16::try_from(after / 2).unwrap_or(u16::MAX).max(LEAST_STEPS)),
            light: Light::new(light),
            steps,
            seconds: (after / STEPS_A_SECOND - before / STEPS_A_SECOND) as u8,
        }
    }

    /// Brings remembered levels to the light of now: each `level * light`, in 256ths, to the nearest one. By how much they change fits
    /// into 16 bits, and so do more pixels into one instruction.
    pub(super) fn relight(&self, levels: &mut [u8]) {
        match self.light {
            Light::Same => {}
            Light::Brighter(by) => levels.iter_mut().for_each(|level| {
                *level = level.saturating_add(((u16::from(*level) * u16::from(by) + 128) >> 8) as u8);
            }),
            Light::Darker(by) => levels.iter_mut().for_each(|level| {
                *level = level.saturating_sub(((u16::from(*level) * u16::from(by) + 127) >> 8) as u8);
            }),
        }
    }

    /// The memory of a pixel that remembers `was`, in the light of now, was at the level `before` at the last lesson and now is at
    /// `now`.
    #[inline]
    pub(super) fn teach(&self, was: Memory, before: u8, now: u8) -> Memory {
        let (usual, other) = (was.usual, was.other);
        let steps = u16::from(self.steps);
        let (to_usual, to_other) = (difference(now, usual), difference(now, other));
        let strange = to_usual > tolerance(self.alike, was.restless);

        let like_other = (to_other <= self.alike) & (to_other < to_usual);
        let votes = if like_other { was.votes.saturating_add(steps) } else { was.votes.saturating_sub(steps) };
        let restless = self.follow_restlessness(was.restless, difference(now, before));

        if like_other & (votes >= self.enough) {
            Memory { usual: other, other: usual, votes: self.enough + REMEMBERED_STEPS, restless }
        } else if strange {
            let other = if votes == 0 { now } else { other };
            Memory { usual, other, votes, restless }
        } else {
            let usual = now.clamp(usual.saturating_sub(self.steps), usual.saturating_add(self.steps));
            Memory { usual, other, votes, restless }
        }
    }

    /// Up by a level a step, down by one a second: it comes to rest where one change of five is greater.
    #[inline]
    fn follow_restlessness(&self, restless: u8, change: u8) -> u8 {
        if change > restless { restless.saturating_add(self.steps) } else { restless.saturating_sub(self.seconds) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROAD: u8 = 100;
    const CAR: u8 = 180;

    /// What a pixel of the road remembers after seeing each of `levels` for so many steps.
    fn after(levels: &[(u8, u32)]) -> Memory {
        let mut memory = Memory { usual: ROAD, other: ROAD, votes: 0, restless: 0 };
        let (mut last, mut age) = (ROAD, 1000);
        for &(level, steps) in levels {
            for _ in 0..steps {
                memory = Lesson::new(8, 60, 1.0, age, 1).teach(memory, last, level);
                last = level;
                age += 1;
            }
        }
        memory
    }

    #[test]
    fn what_passes_leaves_no_trace() {
        assert_eq!(after(&[(CAR, 8), (ROAD, 100)]).usual, ROAD);
        assert_eq!(after(&[(CAR, 8)]).usual, ROAD);
    }

    #[test]
    fn what_stops_becomes_usual_in_the_time_set() {
        assert_eq!(after(&[(CAR, 60)]).usual, ROAD);
        assert_eq!(after(&[(CAR, 61)]).usual, CAR);
    }

    #[test]
    fn what_passes_in_front_does_not_begin_the_count_anew() {
        assert_eq!(after(&[(CAR, 40), (20, 4), (CAR, 25)]).usual, CAR);
    }

    #[test]
    fn the_road_is_known_at_once_when_the_car_leaves() {
        let memory = after(&[(CAR, 2000), (20, 4), (ROAD, 1)]);
        assert_eq!((memory.usual, memory.other), (ROAD, CAR));
    }

    #[test]
    fn a_young_background_gives_way_sooner() {
        let seen_from = |age| {
            let mut memory = Memory { usual: CAR, other: CAR, ..Memory::default() };
            (0_u64..).find(|step| {
                memory = Lesson::new(8, 60, 1.0, age + step, 1).teach(memory, ROAD, ROAD);
                memory.usual == ROAD
            })
        };
        assert!(seen_from(0) < seen_from(1000), "{:?} steps, {:?} when old", seen_from(0), seen_from(1000));
    }

    #[test]
    fn the_light_of_now_is_learnt_at_once() {
        let relit = |light: f32, mut levels: Vec<u8>| {
            Lesson::new(8, 60, light, 1000, 1).relight(&mut levels);
            levels
        };
        assert_eq!(relit(1.25, vec![100, 200, 250]), [125, 250, 255]);
        assert_eq!(relit(0.75, vec![100, 200, 255]), [75, 150, 191]);
        for light in 1..=511_u16 {
            let expected: Vec<_> =
                (0..=255_u32).map(|level| ((level * u32::from(light) + 128) >> 8).min(255)).collect();
            let found: Vec<_> =
                relit(f32::from(light) / 256.0, (0..=255).collect()).into_iter().map(u32::from).collect();
            assert_eq!(found, expected, "light {light}/256");
        }
    }

    #[test]
    fn leaves_make_restless_and_walkers_do_not() {
        let leaves: Vec<_> = (0..400).map(|step| (if step % 2 == 0 { 90 } else { 110 }, 1)).collect();
        assert!(after(&leaves).restless >= 19, "{}", after(&leaves).restless);
        let walkers: Vec<_> = (0..20).flat_map(|_| [(CAR, 2), (ROAD, 18)]).collect();
        assert!(after(&walkers).restless <= 1, "{}", after(&walkers).restless);
    }
}

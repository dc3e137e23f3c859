//! The stage as the pipeline has it: frames in, events out.

use std::time::Duration;

use super::*;
use crate::{
    config::mask::Mask,
    frame::{Camera, CapturedBy, Origin, PixelFormat, Size},
    message::EventState,
    privacy_mask::PrivacyMask,
    processor::views::Scratch,
};

const SIZE: Size = Size { width_px: 160, height_px: 120 };

/// A picture by its grey level at each column and row.
#[derive(Clone)]
struct Picture(Vec<f32>);

impl Picture {
    fn of(level: impl Fn(u32, u32) -> f32) -> Self {
        let pixels = (0..SIZE.height_px).flat_map(|y| (0..SIZE.width_px).map(move |x| (x, y)));
        Self(pixels.map(|(x, y)| level(x, y)).collect())
    }

    /// A yard: coarse and fine structure everywhere, no two places alike.
    fn yard() -> Self {
        Self::of(|x, y| 100.0 + 60.0 * lattice(x / 8, y / 8) + 40.0 * lattice(x / 2 + 1000, y / 2))
    }

    fn flat(level: f32) -> Self {
        Self::of(|_, _| level)
    }

    fn map(&self, level: impl Fn(f32) -> f32) -> Self {
        Self(self.0.iter().copied().map(level).collect())
    }

    fn shifted(&self, by: u32) -> Self {
        Self::of(|x, y| self.at(x + by, y))
    }

    /// Each pixel the mean of those around it.
    fn blurred(&self) -> Self {
        Self::of(|x, y| {
            let around = (0..9_u8).map(|i| (x + u32::from(i % 3), y + u32::from(i / 3)));
            around.map(|(x, y)| self.at(x, y)).sum::<f32>() / 9.0
        })
    }

    /// The same with the left part of it, in tenths, covered by something.
    fn behind_a_lorry(&self, tenths: u32) -> Self {
        Self::of(|x, y| if x < SIZE.width_px * tenths / 10 { 150.0 } else { self.at(x, y) })
    }

    fn at(&self, x: u32, y: u32) -> f32 {
        self.0[(y % SIZE.height_px * SIZE.width_px + x % SIZE.width_px) as usize]
    }
}

/// From -0.5 to 0.5, another one at each place.
fn lattice(x: u32, y: u32) -> f32 {
    let mixed = (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(2_246_822_519)).wrapping_mul(3_266_489_917);
    f32::from(u8::try_from((mixed ^ mixed >> 15) >> 24 & 0xff).expect("a byte")) / 255.0 - 0.5
}

/// The stage, and what it is shown once a second.
struct Harness {
    stage: TamperStage,
    scratch: Scratch,
    mask: Option<PrivacyMask>,
    noise: f32,
    second: u64,
    told: Vec<(u64, EventState, &'static str)>,
}

impl Harness {
    fn new(settings: &Settings) -> Self {
        let (stage, scratch) = (TamperStage::new(settings), Scratch::new().expect("memory"));
        Self { stage, scratch, mask: None, noise: 6.0, second: 0, told: Vec::new() }
    }

    /// One that has seen the yard for half a minute.
    fn used_to_the_yard() -> Self {
        let mut harness = Self::new(&Settings::default());
        harness.sees(&Picture::yard(), 30);
        harness
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "grey levels")]
    fn sees(&mut self, picture: &Picture, seconds: u32) {
        for _ in 0..seconds {
            let seed = u32::try_from(self.second).expect("small").wrapping_mul(7919);
            let noisy = (0_u32..).zip(&picture.0).map(|(i, level)| level + self.noise * lattice(i, seed));
            let bytes: Vec<u8> = noisy.map(|level| level.clamp(0.0, 255.0) as u8).collect();
            self.look(bytes);
        }
    }

    fn look(&mut self, bytes: Vec<u8>) {
        self.second += 1;
        let captured_at = Monotonic::from_micros(self.second * 1_000_000);
        let camera = Camera::new("door");
        let origin = Origin { camera, seq: self.second, captured_at, captured_by: CapturedBy::Sender };
        let frame = Frame::raw(origin, PixelFormat::Grey, SIZE, 0, bytes.into()).expect("all rows are there");
        let views = Views::decode_masked(&frame, self.stage.needs(), self.mask.as_ref(), &mut self.scratch);
        let views = views.expect("raw").expect("luma");
        let seen = self.stage.look(&views, &frame).expect("bytes");
        self.told.extend(seen.events.iter().map(|told| (self.second, told.state, told.reason.unwrap_or(""))));
    }
}

#[test]
fn each_reason_is_told_and_over_when_the_view_is_back() {
    let yard = Picture::yard();
    for (reason, picture) in [
        ("covered", Picture::flat(30.0)),
        ("covered", Picture::flat(200.0)),
        ("defocused", yard.blurred().blurred()),
        ("moved", yard.shifted(50)),
    ] {
        let mut harness = Harness::used_to_the_yard();
        harness.sees(&picture, 14);
        harness.sees(&yard, 5);
        let told = [(41, EventState::Start, reason), (47, EventState::End, reason)];
        assert_eq!(harness.told, told, "{reason}");
    }
}

#[test]
fn light_and_fog_are_no_tampering() {
    let yard = Picture::yard();
    for picture in [
        yard.map(|level| 0.4 * level),
        yard.map(|level| 0.16 * level),
        yard.map(|level| 1.8 * level),
        yard.map(|level| 0.2 * level + 160.0),
        yard.map(|level| 0.02 * level),
        Picture::flat(3.0),
    ] {
        let mut harness = Harness::used_to_the_yard();
        harness.sees(&picture, 15);
        harness.sees(&yard, 15);
        assert_eq!(harness.told, []);
    }
}

#[test]
fn what_fills_the_picture_for_seconds_or_half_of_it_for_long_is_no_tampering() {
    let yard = Picture::yard();
    let mut harness = Harness::used_to_the_yard();
    for _ in 0..2 {
        harness.sees(&yard.behind_a_lorry(9), 9);
        harness.sees(&yard, 5);
    }
    harness.sees(&yard.behind_a_lorry(4), 50);
    assert_eq!(harness.told, []);
}

#[test]
fn sudden_black_is_covered_if_the_settings_say_so() {
    let mut harness = Harness::new(&Settings { black_is_covered: true, ..Settings::default() });
    let yard = Picture::yard();
    harness.sees(&yard, 30);
    harness.sees(&Picture::flat(3.0), 20);
    harness.sees(&yard, 5);
    assert_eq!(harness.told, [(41, EventState::Start, "covered"), (53, EventState::End, "covered")]);
    for step in 0_u8..100 {
        harness.sees(&yard.map(|level| level * 0.97_f32.powi(step.into())), 1);
    }
    assert_eq!(harness.told.len(), 2, "a night is none: {:?}", harness.told);
}

#[test]
fn the_same_frame_again_and_again_is_frozen_but_not_in_the_dark() {
    let mut harness = Harness::new(&Settings::default());
    harness.noise = 0.0;
    harness.sees(&Picture::flat(4.0), 50);
    assert_eq!(harness.told, []);
    harness.sees(&Picture::yard(), 40);
    assert_eq!(harness.told, [(82, EventState::Start, "frozen")]);
}

#[test]
fn another_view_is_learnt_when_it_lasts() {
    let mut harness = Harness::new(&Settings { relearn_after_ms: Whole::of::<60_000>(), ..Settings::default() });
    let yard = Picture::yard();
    let turned = yard.shifted(50);
    harness.sees(&yard, 90);
    harness.sees(&turned, 58);
    assert_eq!(harness.told.len(), 1, "{:?}", harness.told);
    harness.sees(&turned, 30);
    assert_eq!(harness.told[1..].len(), 1, "{:?}", harness.told);
    assert_eq!((harness.told[1].1, harness.told[1].2), (EventState::End, "moved"));
    harness.sees(&yard, 12);
    assert_eq!(harness.told.len(), 3, "the first view is another one now: {:?}", harness.told);
}

#[test]
fn a_young_view_gives_way_sooner() {
    let mut harness = Harness::new(&Settings::default());
    harness.sees(&Picture::yard().shifted(50), 30);
    harness.sees(&Picture::yard(), 120);
    let states: Vec<_> = harness.told.iter().map(|told| told.1).collect();
    assert_eq!(states, [EventState::Start, EventState::End], "{:?}", harness.told);
}

#[test]
fn a_wall_without_structure_says_nothing() {
    let mut harness = Harness::new(&Settings::default());
    harness.sees(&Picture::flat(120.0), 30);
    harness.sees(&Picture::flat(60.0), 20);
    harness.sees(&Picture::yard(), 100);
    assert_eq!(harness.told, []);
    harness.sees(&Picture::flat(120.0), 12);
    assert_eq!(harness.told.len(), 1, "the yard was learnt: {:?}", harness.told);
}

#[test]
fn a_picture_of_any_size_is_looked_at() {
    let mut harness = Harness::new(&Settings::default());
    for (width_px, height_px) in [(1, 1), (16, 16), (2, 300), (300, 2), (63, 47), (1021, 33)] {
        for second in 0..40_u64 {
            let camera = Camera::new("door");
            let captured_at = Monotonic::from_micros(second * 1_000_000);
            let origin = Origin { camera, seq: second, captured_at, captured_by: CapturedBy::Sender };
            let (size, stride_bytes) = (Size { width_px, height_px }, width_px as usize + 5); // rows with padding
            let bytes = vec![90; height_px as usize * stride_bytes];
            let frame = Frame::raw(origin, PixelFormat::Grey, size, stride_bytes, bytes.into()).expect("all rows");
            let views = Views::decode(&frame, harness.stage.needs(), &mut harness.scratch).expect("raw").expect("luma");
            harness.stage.look(&views, &frame).expect("bytes");
        }
    }
}

#[test]
fn a_camera_that_is_silent_for_a_moment_stays_covered() {
    let mut harness = Harness::used_to_the_yard();
    harness.sees(&Picture::flat(30.0), 12);
    let last = Monotonic::from_micros(harness.second * 1_000_000);
    assert_eq!(harness.stage.deadline(), Some(last.later(Duration::from_secs(60))));
    assert_eq!(harness.stage.expire(last.later(Duration::from_secs(59))), []);
    assert_eq!(harness.stage.expire(last.later(Duration::from_secs(60))).len(), 1);
    assert_eq!(harness.stage.deadline(), None);
}

#[test]
fn the_configuration_ends_what_it_takes_away() {
    let mut harness = Harness::used_to_the_yard();
    harness.sees(&Picture::flat(30.0), 12);
    assert_eq!(harness.stage.retire().len(), 1);
    assert_eq!(harness.stage.retire(), []);
}

/// Some stripes of the picture, so that masks have long rims: four tenths of it, or six.
fn masked_stripes(width: f32) -> Option<PrivacyMask> {
    let stripe = |number: u8| {
        let left = f32::from(number) * 0.25;
        Mask::of(vec![[left, 0.0], [left + width, 0.0], [left + width, 1.0], [left, 1.0]])
    };
    PrivacyMask::new(&[0, 1, 2, 3].map(stripe))
}

#[test]
fn each_reason_is_told_beside_masks() {
    let yard = Picture::yard();
    for width in [0.1, 0.15] {
        for (reason, picture) in [
            ("covered", Picture::flat(30.0)),
            ("covered", Picture::flat(200.0)),
            ("defocused", yard.blurred().blurred()),
            ("moved", yard.shifted(50)),
        ] {
            let mut harness = Harness::new(&Settings::default());
            harness.mask = masked_stripes(width);
            harness.sees(&yard, 30);
            harness.sees(&picture, 14);
            harness.sees(&yard, 5);
            let told = [(41, EventState::Start, reason), (47, EventState::End, reason)];
            assert_eq!(harness.told, told, "{reason}, {width} of each quarter masked");
        }
    }
}

/// A mask that is brighter than the night, and darker than the day, is no view that moved.
#[test]
fn light_is_no_tampering_beside_masks() {
    let yard = Picture::yard();
    for picture in [
        yard.map(|level| 0.16 * level),
        yard.map(|level| 1.8 * level),
        yard.map(|level| 0.02 * level),
        Picture::flat(3.0),
    ] {
        let mut harness = Harness::new(&Settings::default());
        harness.mask = masked_stripes(0.15);
        harness.sees(&yard, 30);
        harness.sees(&picture, 15);
        harness.sees(&yard, 15);
        assert_eq!(harness.told, []);
    }
}

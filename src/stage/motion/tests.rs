//! Pictures that the stage is shown, up to the events that come of them.

use opencv::core::Mat;

use super::*;
use crate::{
    config::{labels::LabelFilter, zone::Zone},
    message::EventState,
};

const FULL: Size = Size { width_px: 640, height_px: 480 };
const COLUMNS: usize = 160;
const ROWS: usize = 120;

/// A paved yard: stones of two greys.
fn yard(x: usize, y: usize) -> f64 {
    if (x / 4 + y / 4).is_multiple_of(2) { 90.0 } else { 60.0 }
}

/// The starts of motion events in a quarter of a minute of the yard and ten seconds after it, in which `paint` gives a pixel's
/// level at a time.
fn starts(paint: impl Fn(f64, f64, f64, f64) -> f64) -> usize {
    starts_since(0.0, paint)
}

/// The same if `paint` gives the level from `since` on, which is negative if the yard is calm for less than a quarter of a minute.
fn starts_since(since: f64, paint: impl Fn(f64, f64, f64, f64) -> f64) -> usize {
    let mut stage = MotionStage::new(&Settings::default());
    let mut starts = 0;
    for tenth in 0_u32..250 {
        let time = f64::from(tenth) / 10.0 - 15.0;
        let level = |i: usize| {
            let (x, y) = (i % COLUMNS, i / COLUMNS);
            let usual = yard(x, y);
            let level = if time < since { usual } else { paint(x as f64, y as f64, usual, time) };
            level.clamp(0.0, 255.0)
        };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within a byte")]
        let pixels: Vec<u8> = (0..COLUMNS * ROWS).map(|i| level(i) as u8).collect();
        let luma = Mat::new_rows_cols_with_data(120, 160, &pixels).expect("as many as it needs");
        let at = Monotonic::from_micros(1_000_000 + u64::from(tenth) * 100_000);
        let (_, _, events) = stage.observe(&luma, FULL, at).expect("a picture of bytes");
        starts += events.iter().filter(|event| event.kind == MOTION && event.state == EventState::Start).count();
    }
    starts
}

/// How much of a soft blob of this radius there is so far from its middle, 0 to 1.
fn blob(dx: f64, dy: f64, radius: f64) -> f64 {
    0.5 + 0.5 * (std::f64::consts::PI * (dx.hypot(dy) / radius).min(1.0)).cos()
}

#[test]
fn a_walker_is_one_event() {
    let walker = |x: f64, y: f64, usual: f64, time: f64| {
        let is_there = (x - 14.0 * time).abs() < 6.0 && (y - 60.0).abs() < 14.0;
        if is_there { 140.0 } else { usual }
    };
    assert_eq!(starts(walker), 1);
}

#[test]
fn what_appears_and_stays_is_an_event() {
    let parcel = |x: f64, y: f64, usual: f64, _: f64| {
        if (x - 80.0).abs() < 10.0 && (y - 60.0).abs() < 8.0 { 170.0 } else { usual }
    };
    assert_eq!(starts(parcel), 1);
}

#[test]
fn what_moved_along_the_rim_when_the_scene_was_new_may_be_a_part_of_it() {
    let swell = |x: f64, y: f64, usual: f64, time: f64| {
        if (x - 80.0 - 6.0 * time).abs() < 12.0 && y > 100.0 { 150.0 } else { usual }
    };
    assert_eq!(starts_since(-8.0, swell), 0);
    assert_eq!(starts(swell), 1, "later it is something new");
}

#[test]
fn headlights_that_sweep_over_the_yard_are_none() {
    let headlights =
        |x: f64, y: f64, usual: f64, time: f64| usual * (1.0 + 1.2 * blob(x - 25.0 * time, y - 60.0, 40.0));
    assert_eq!(starts(headlights), 0);
}

#[test]
fn the_shadow_of_a_cloud_is_none() {
    let shadow = |x: f64, y: f64, usual: f64, time: f64| {
        usual * (1.0 - 0.5 * f64::from(u8::from((x - 14.0 * time).abs() < 20.0 && (y - 60.0).abs() < 25.0)))
    };
    assert_eq!(starts(shadow), 0);
}

#[test]
fn a_moth_before_the_lens_is_none() {
    let moth = |x: f64, y: f64, usual: f64, time: f64| {
        let (mx, my) = (80.0 + 60.0 * (1.9 * time).sin(), 60.0 + 40.0 * (2.7 * time).cos());
        usual + 0.9 * blob(x - mx, y - my, 26.0) * (250.0 - usual)
    };
    assert_eq!(starts(moth), 0);
}

#[test]
fn rain_is_none() {
    // Streaks that are elsewhere in each frame, by a hash of the frame and the streak.
    let rain = |x: f64, y: f64, usual: f64, time: f64| {
        let is_wet = (0..12).any(|streak| {
            let hash = ((time * 10.0).round() * 12.9898 + f64::from(streak) * 78.233).sin() * 43_758.545;
            let (rx, ry) = (160.0 * hash.fract().abs(), 120.0 * (hash * 7.31).fract().abs());
            (x - rx).abs() < 2.0 && (0.0..22.0).contains(&(y - ry))
        });
        if is_wet { usual + 0.6 * (210.0 - usual) } else { usual }
    };
    assert_eq!(starts(rain), 0);
}

#[test]
fn a_branch_that_sways_is_none() {
    let branch = |x: f64, y: f64, usual: f64, time: f64| {
        let sway = 3.0 * (4.0 * time).sin();
        if (x - 80.0 - sway).abs() < 6.0 && (y - 50.0).abs() < 20.0 { 30.0 + 0.2 * usual } else { usual }
    };
    let events = starts(branch);
    assert!(events <= 1, "{events}: at most that it appeared");
}

#[test]
fn of_frames_far_apart_one_is_enough() {
    let mut stage = MotionStage::new(&Settings::default());
    let picture = |level: u8| {
        let pixel = |i: usize| if (60..90).contains(&(i % COLUMNS)) && i / COLUMNS > 50 { level } else { 80 };
        (0..COLUMNS * ROWS).map(pixel).collect::<Vec<u8>>()
    };
    let mut states = Vec::new();
    for (second, level) in [80, 80, 80, 80, 200].into_iter().enumerate() {
        let pixels = picture(level);
        let luma = Mat::new_rows_cols_with_data(120, 160, &pixels).expect("as many as it needs");
        let at = Monotonic::from_micros(1_000_000 + second as u64 * 1_200_000);
        states = stage.observe(&luma, FULL, at).expect("bytes").2.iter().map(|event| event.state).collect();
    }
    assert_eq!(states, [EventState::Start]);
}

/// What is told of somebody who walks for ten seconds, and a label for it that is found out this many seconds after it came.
fn told_of_a_walker(zone: Zone, label: Option<(&str, f64)>) -> Vec<(EventChange, f64)> {
    let shared = Arc::<SharedTracks>::default();
    let mut stage = MotionStage::new(&Settings::default().with_zones([zone])).with_shared_tracks(Some(shared.clone()));
    let mut told = Vec::new();
    for tenth in 0_u32..250 {
        let time = f64::from(tenth) / 10.0 - 15.0;
        let level = |i: usize| {
            let (x, y) = ((i % COLUMNS) as f64, (i / COLUMNS) as f64);
            let is_there = time >= 0.0 && (x - 14.0 * time).abs() < 6.0 && (y - 60.0).abs() < 14.0;
            let is_light = yard(i % COLUMNS, i / COLUMNS) > 75.0;
            match (is_there, is_light) {
                (true, _) => 140,
                (false, true) => 90,
                (false, false) => 60,
            }
        };
        let pixels: Vec<u8> = (0..COLUMNS * ROWS).map(level).collect();
        let luma = Mat::new_rows_cols_with_data(120, 160, &pixels).expect("as many as it needs");
        let at = Monotonic::from_micros(1_000_000 + u64::from(tenth) * 100_000);
        let (_, detections, events) = stage.observe(&luma, FULL, at).expect("a picture of bytes");
        told.extend(events.into_iter().filter(|event| event.kind == MOTION).map(|event| (event, time)));
        if let Some((name, _)) = label.filter(|(_, since)| time >= *since) {
            let is_named = |detection: &Detection| detection.track.is_none() || detection.label == name;
            assert!(shared.labels().is_empty() || detections.iter().all(is_named), "{detections:?}");
            let label = Label { name: name.into(), score: 0.9 };
            shared.set_labels(stage.tracks().iter().map(|track| (track.id(), label.clone())).collect());
        }
    }
    told
}

/// The times at which an event starts.
fn start_times(told: &[(EventChange, f64)]) -> Vec<f64> {
    told.iter().filter(|(event, _)| event.state == EventState::Start).map(|(_, time)| *time).collect()
}

fn everywhere() -> Vec<[f32; 2]> {
    vec![[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]
}

#[test]
fn a_zone_of_people_has_an_event_when_somebody_is_known_to_be_one() {
    let zone = || Zone::named("yard", everywhere()).with_labels(LabelFilter::of(["person"]));
    let told = told_of_a_walker(zone(), Some(("person", 4.0)));
    let [start] = start_times(&told)[..] else { panic!("one event: {told:?}") };
    assert!((4.0..4.3).contains(&start), "{start}");
    assert!(
        told.iter().all(|(event, _)| event.label.as_ref().is_some_and(|label| &*label.name == "person")),
        "{told:?}"
    );
    assert_eq!(told_of_a_walker(zone(), Some(("car", 4.0))), []);
    assert_eq!(told_of_a_walker(zone(), None), [], "without a label it stays silent");
}

#[test]
fn what_is_ignored_by_its_label_starts_no_event_and_what_has_none_starts_a_late_one() {
    let zone = || Zone::ignored(everywhere()).with_labels(LabelFilter::of(["car"]));
    assert_eq!(told_of_a_walker(zone(), Some(("car", 1.5))), []);
    let person = start_times(&told_of_a_walker(zone(), Some(("person", 1.5))));
    assert!(person.len() == 1 && (1.5..2.2).contains(&person[0]), "{person:?}");
    let unnamed = start_times(&told_of_a_walker(zone(), None));
    assert!(unnamed.len() == 1 && (3.0..4.0).contains(&unnamed[0]), "{unnamed:?}");
}

const CALM: Surroundings =
    Surroundings { is_unknown: false, is_new: false, is_habitual: false, is_busy: false, is_weathered: false };
const HABITUAL: Surroundings = Surroundings { is_habitual: true, is_busy: true, ..CALM };

/// Which of 30 frames, a tenth of a second apart, is the first that makes this box worth an event.
fn first_plausible(surroundings: Surroundings, is_cut: bool, bounds: impl Fn(u32) -> Rect) -> Option<u32> {
    plausible(surroundings, is_cut, bounds).first().copied()
}

/// Which of 30 frames, a tenth of a second apart, make this box worth an event.
fn plausible(surroundings: Surroundings, is_cut: bool, bounds: impl Fn(u32) -> Rect) -> Vec<u32> {
    plausible_in(|_| surroundings, is_cut, bounds, |_| Appearance::default())
}

/// The same where the surroundings change, and the appearance.
fn plausible_in(
    surroundings: impl Fn(u32) -> Surroundings,
    is_cut: bool,
    bounds: impl Fn(u32) -> Rect,
    appearance: impl Fn(u32) -> Appearance,
) -> Vec<u32> {
    let (mut tracker, mut plausibility) = (Tracker::new(LONGEST_HOLD), Plausibility::new());
    let mut is_plausible = |frame: &u32| {
        let at = Monotonic::from_micros(1_000_000 + u64::from(*frame) * 100_000);
        let bounds = bounds(*frame);
        tracker.observe(&[bounds], at);
        plausibility.begin(tracker.tracks());
        let track = tracker.assigned().next().flatten().expect("a track for the only box");
        let cut = [is_cut, false, false, false];
        plausibility.observe(track, bounds, cut, surroundings(*frame), &appearance(*frame), at)
    };
    (0..30).filter(|frame| is_plausible(frame)).collect()
}

/// Somebody who walks by.
fn walker(frame: u32) -> Rect {
    Rect { x: 100 + 10 * frame, y: 100, width: 30, height: 80 }
}

#[test]
fn where_much_moves_who_moves_as_a_whole_is_told_within_half_a_second() {
    assert_eq!(first_plausible(HABITUAL, false, walker), Some(4));
    let swells = |frame| Rect { width: 30 + 10 * frame, ..walker(0) };
    assert_eq!(first_plausible(HABITUAL, false, swells), None);
    let joined = |frame: u32| if frame.is_multiple_of(3) { Rect { width: 70, ..walker(frame) } } else { walker(frame) };
    assert_eq!(first_plausible(HABITUAL, false, joined), None, "of what is joined with others nobody knows");
}

#[test]
fn where_much_moves_what_somebody_leaves_behind_is_nobody() {
    let leaves = |frame: u32| if frame < 8 { walker(frame) } else { every_other_lower(frame, walker(8)) };
    let frames = plausible(HABITUAL, false, leaves);
    assert!(frames.contains(&12) && !frames.contains(&29), "{frames:?}");
}

#[test]
fn where_much_moves_what_is_wide_must_go_farther() {
    let wave = |frame| Rect { x: 100, y: 50 + 10 * frame, width: 120, height: 60 };
    assert_eq!(first_plausible(HABITUAL, false, wave), None);
}

#[test]
fn where_much_moves_what_the_rim_cuts_is_not_judged() {
    assert_eq!(first_plausible(HABITUAL, true, walker), None);
}

#[test]
fn a_thread_must_go_farther() {
    let thread = |frame| Rect { x: 100 + 8 * frame, y: 100, width: 20, height: 120 };
    assert_eq!(first_plausible(CALM, false, thread), None);
}

#[test]
fn a_box_that_jumps_once_is_waited_for_no_longer_than_it_takes() {
    let walks = |frame| {
        let upper_half = Rect { height: 45, ..walker(frame) };
        if frame == 5 { upper_half } else { walker(frame) }
    };
    let first = first_plausible(CALM, false, walks);
    assert!(first.is_some_and(|frame| frame <= 10), "{first:?}");
}

#[test]
fn who_goes_where_expected_is_told_a_frame_sooner_unless_the_rim_cuts() {
    assert_eq!(first_plausible(CALM, false, walker), Some(4), "the fifth frame");
    assert_eq!(first_plausible(CALM, true, walker), Some(5));
}

#[test]
fn who_moves_as_a_whole_is_told_even_if_the_feet_come_and_go() {
    let walks = |frame: u32| Rect { height: if frame.is_multiple_of(2) { 80 } else { 68 }, ..walker(frame) };
    assert_eq!(first_plausible(CALM, false, walks), Some(5));
}

#[test]
fn where_much_moves_a_moment_of_calm_is_none() {
    let surroundings = |frame: u32| if frame % 4 == 3 { CALM } else { HABITUAL };
    let swells = |frame| Rect { width: 30 + 10 * frame, ..walker(0) };
    assert_eq!(plausible_in(surroundings, false, swells, |_| Appearance::default()).first(), None);
}

#[test]
fn what_is_seen_through_at_the_rim_now_and_then_is_no_body() {
    let comes_in = |frame| Rect { x: 0, y: 100, width: 30 + 10 * frame, height: 80 };
    let solid = |_| Appearance::default();
    assert!(!plausible_in(|_| CALM, true, comes_in, solid).is_empty());
    let fog =
        |frame: u32| if frame % 6 < 2 { Appearance::of_pixels(90.0, 0.8) } else { Appearance::of_pixels(900.0, 0.0) };
    assert_eq!(plausible_in(|_| CALM, true, comes_in, fog).first(), None);
}

/// A box without its upper third in every other frame.
fn every_other_lower(frame: u32, bounds: Rect) -> Rect {
    let less = if frame.is_multiple_of(2) { 0 } else { bounds.height / 3 };
    Rect { y: bounds.y + less, height: bounds.height - less, ..bounds }
}

#[test]
fn where_much_moves_what_ran_and_rests_goes_nowhere() {
    let wave = |frame: u32| {
        let there = walker(frame.min(14));
        if frame < 22 { every_other_lower(frame, there) } else { there }
    };
    assert_eq!(first_plausible(HABITUAL, false, wave), None);
}

#[test]
fn a_flake_that_sinks_fast_on_average_is_none() {
    let weather = Surroundings { is_busy: true, is_weathered: true, ..CALM };
    let flake = |frame: u32| Rect { x: 100, y: 50 + 26 * frame.div_ceil(2) + 14 * (frame / 2), width: 24, height: 46 };
    assert_eq!(first_plausible(weather, false, flake), None);
}

#[test]
fn who_is_known_may_walk_through_shadows() {
    let walks = |frame: u32| if frame < 25 { walker(frame) } else { every_other_lower(frame, walker(frame)) };
    assert!(plausible(HABITUAL, false, walks).contains(&29));
}
